#!/usr/bin/env python3
"""The broker that coordinates a consumer group is killed: the group goes on at another one, and
what was committed stays committed."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import threading
import time

import tap
from cluster import Cluster
from confluent_kafka import Consumer, KafkaException, TopicPartition
from load import Load
from tap import check, note, test
from tool import tool
from wait import wait_until

ROUNDS = 5
GROUP = "survivors"
DEADLINE_S = 120
OFFSETS_TOPIC = "__consumer_offsets"


class Worker:
    """A member that commits after every batch of records, and remembers what it did."""

    def __init__(self, cluster, topic):
        self.reads = []     # (offset, when it was read)
        self.commits = []   # (offset, when it was asked for, when the coordinator had said yes)
        self.problems = []
        self._topic = topic
        self._client = Consumer({
            "bootstrap.servers": cluster.bootstrap, "group.id": GROUP,
            "enable.auto.commit": False, "session.timeout.ms": 6000,
            "auto.offset.reset": "error", "reconnect.backoff.max.ms": 100,
            "heartbeat.interval.ms": 200, "log_level": 0,
            "topic.metadata.refresh.interval.ms": 500})
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        # Without an offset to start from, the reset policy would be asked: it must never be.
        self._client.commit(offsets=[TopicPartition(self._topic, 0, 0)], asynchronous=False)
        self._client.subscribe([self._topic])
        self._thread.start()
        wait_until(lambda: len(self.commits) > 3, DEADLINE_S, "the worker commits")
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._client.close()

    def _run(self):
        while not self._stop.is_set():
            records = self._client.consume(50, 0.1)
            for record in records:
                if record.error():
                    self.problems.append(str(record.error()))
                else:
                    self.reads.append((record.offset(), time.monotonic()))
            if records and not records[-1].error():
                self._commit(records[-1].offset() + 1)

    def _commit(self, offset):
        asked = time.monotonic()
        try:
            done = self._client.commit(offsets=[TopicPartition(self._topic, 0, offset)],
                                       asynchronous=False)
            if not done[0].error:
                self.commits.append((offset, asked, time.monotonic()))
        except KafkaException:
            pass  # the coordinator is moving: the next batch commits

    def committed_since(self, when):
        """When the first commit was done that was asked for after that."""
        return next((done for _, asked, done in self.commits if asked > when), None)


def committed(cluster):
    def look():
        done = tool("kafka-consumer-groups.sh", "--bootstrap-server", cluster.running()[0].address,
                    "--describe", "--group", GROUP, check_status=False)
        return [line.split() for line in done.stdout.splitlines() if line.startswith(GROUP)]
    rows = wait_until(look, DEADLINE_S, "the coordinator describes the group")
    check(len(rows) == 1 and rows[0][3] != "-", f"no offset is committed: {rows}")
    return int(rows[0][3])


def coordinator(cluster):
    """The node, as kafka-consumer-groups names it: "host:port  (id)"."""
    def look():
        done = tool("kafka-consumer-groups.sh", "--bootstrap-server", cluster.running()[0].address,
                    "--describe", "--group", GROUP, "--state", check_status=False)
        for line in done.stdout.splitlines():
            if line.startswith(GROUP):
                return cluster.nodes[int(line.split("(")[1].split(")")[0])]
        return None
    return wait_until(look, DEADLINE_S, "the group has a coordinator")


def kill_round(cluster, worker, number):
    node = coordinator(cluster)
    last = worker.commits[-1][0]
    node.kill()
    killed = time.monotonic()
    wait_until(lambda: worker.committed_since(killed), DEADLINE_S,
               "the group commits at another coordinator")
    first = worker.committed_since(killed)
    now = committed(cluster)
    check(now >= last, f"round {number}: {now} is committed, and {last} was before")
    note(f"round {number}: coordinator {node.id} killed, commits go on after "
         f"{first - killed:.2f} s (goal: 2 s)")
    node.start()
    cluster.wait_serving()
    cluster.wait_isr_whole(OFFSETS_TOPIC)
    cluster.wait_isr_whole("work")


def check_worker(worker):
    check(not worker.problems, f"the worker saw errors: {worker.problems[:3]}")
    commits = [offset for offset, _, _ in worker.commits]
    check(commits == sorted(commits), "a committed offset went back")
    reads = [offset for offset, _ in worker.reads]
    seen = set(reads)
    check(seen == set(range(max(seen) + 1)), "the worker skipped records")


@test(f"the coordinator's broker is killed {ROUNDS} times under a group that commits")
def failover():
    with Cluster(3, min_insync_replicas=2, offsets_topic_num_partitions=5,
                 offsets_topic_replication_factor=3, broker_session_timeout_ms=1000,
                 broker_heartbeat_interval_ms=200) as cluster:
        cluster.create_topic("work")
        with Load(cluster.bootstrap, "work") as load:
            with Worker(cluster, "work") as worker:
                for number in range(1, ROUNDS + 1):
                    kill_round(cluster, worker, number)
                load.stop()
                check_worker(worker)


tap.run()
