#!/usr/bin/env python3
"""Kill -9 of the coordinator of a group, again and again, while three members, one of them static, read
and commit: no committed offset goes back, every record is read, the group goes on at once."""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
import wire
from cluster import Cluster
from load import PRODUCER, Consumer, KafkaException, Producer
from tap import check, check_equal, note, test
from wait import wait_until

KILLS = 5
PARTITIONS = 6
MEMBERS = 3
GROUP = "the-group"
COMMITS_BETWEEN = 60  # by all members, while a node is down, and again after it is back
SETTLE_S = 90


class Shared:
    """What all members know together, under one lock."""

    def __init__(self):
        self.lock = threading.Lock()
        self.committed = {}  # partition -> acknowledged offset
        self.seen = set()
        self.faults = []
        self.commits = 0
        self.longest_gap_s = 0.0
        self.last_commit = None

    def acknowledged(self, partition, offset):
        with self.lock:
            now = time.monotonic()
            if self.last_commit:
                self.longest_gap_s = max(self.longest_gap_s, now - self.last_commit)
            self.last_commit = now
            self.commits += 1
            self.committed[partition] = max(offset, self.committed.get(partition, -1))


class Member:
    def __init__(self, bootstrap, topic, number, protocol, shared):
        settings = {"bootstrap.servers": bootstrap, "group.id": GROUP, "group.protocol": protocol,
                    "enable.auto.commit": False, "auto.offset.reset": "earliest", "log_level": 0,
                    "reconnect.backoff.ms": 5, "reconnect.backoff.max.ms": 100,
                    "retry.backoff.ms": 10, "retry.backoff.max.ms": 100,
                    "topic.metadata.refresh.fast.interval.ms": 10}
        if protocol == "classic":
            settings["session.timeout.ms"] = 10000
            settings["heartbeat.interval.ms"] = 500
        if number == 0:
            settings["group.instance.id"] = "instance-0"
        self.shared = shared
        self.owned = set()
        self.stopping = threading.Event()
        self.consumer = Consumer(settings)
        self.consumer.subscribe([topic], on_assign=self._assigned, on_revoke=self._revoked,
                                on_lost=self._revoked)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _assigned(self, consumer, partitions):
        """Before it reads on: what the coordinator says is never behind what it acknowledged."""
        with self.shared.lock:
            known = {p.partition: self.shared.committed.get(p.partition, -1) for p in partitions}
        self.owned |= {p.partition for p in partitions}
        try:
            found = consumer.committed(partitions, timeout=5)
        except KafkaException:
            return  # the next coordinator is not there yet; the consumer itself asks until it is
        for p in found:
            if not p.error and p.offset < known[p.partition] and known[p.partition] > 0:
                self.shared.faults.append(f"partition {p.partition}: {p.offset} was said, "
                                          f"{known[p.partition]} had been acknowledged")

    def _revoked(self, consumer, partitions):
        self.owned -= {p.partition for p in partitions}

    def _commit(self):
        try:
            for p in self.consumer.commit(asynchronous=False) or []:
                if not p.error:
                    self.shared.acknowledged(p.partition, p.offset)
        except KafkaException:
            pass  # refused or lost: the records will be read again

    def _run(self):
        while not self.stopping.is_set():
            messages = self.consumer.consume(50, 0.1)
            for message in messages:
                if not message.error():
                    self.shared.seen.add((message.partition(), message.offset()))
            if any(not message.error() for message in messages):
                self._commit()
        self.consumer.close()

    def stop(self):
        self.stopping.set()
        self.thread.join()


class Feed:
    """Writes to all partitions until it is stopped, and remembers what was acknowledged."""

    def __init__(self, bootstrap, topic):
        self.acked = set()
        self.topic = topic
        self.stopping = threading.Event()
        self.producer = Producer({**PRODUCER, "bootstrap.servers": bootstrap})
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _delivered(self, error, message):
        if not error:
            self.acked.add((message.partition(), message.offset()))

    def _run(self):
        number = 0
        while not self.stopping.is_set():
            self.producer.produce(self.topic, str(number), partition=number % PARTITIONS,
                                  on_delivery=self._delivered)
            number += 1
            self.producer.poll(0.002)
        self.producer.flush(120)

    def stop(self):
        self.stopping.set()
        self.thread.join()


def owners(members):
    """partition -> number of members that say they own it."""
    owned = [p for m in members for p in list(m.owned)]
    return {p: owned.count(p) for p in owned}


def wait_balanced(members):
    wait_until(lambda: owners(members) == {p: 1 for p in range(PARTITIONS)} and
               all(m.owned for m in members), SETTLE_S, "every partition has one owner")


def wait_commits(shared, more):
    goal = shared.commits + more
    wait_until(lambda: shared.commits >= goal or shared.faults, SETTLE_S, f"{more} more commits")
    check_equal(shared.faults, [], "the list of faults")


def coordinator(cluster):
    def look():
        for node in cluster.running():
            found = wire.coordinator(node.port, GROUP)
            if found is not None and cluster.nodes[found].running():
                return cluster.nodes[found]
        return None
    return wait_until(look, SETTLE_S, "the group has a coordinator")


def kill_coordinators(cluster, shared):
    for round_number in range(KILLS):
        node = coordinator(cluster)
        before = shared.last_commit
        start = time.monotonic()
        node.kill()
        other = coordinator(cluster)
        found_s = time.monotonic() - start
        wait_commits(shared, COMMITS_BETWEEN)
        note(f"kill {round_number + 1}: node {node.id} -> {other.id}, known after "
             f"{found_s * 1000:.0f} ms, last commit before {(start - before) * 1000:.0f} ms")
        node.start()
        cluster.wait_serving()
        cluster.wait_isr_whole("__consumer_offsets")
        wait_commits(shared, COMMITS_BETWEEN)


def check_protocol(protocol):
    shared = Shared()
    with Cluster(3, min_insync_replicas=2, group_initial_rebalance_delay_ms=500) as cluster:
        cluster.create_topic("work", partitions=PARTITIONS)
        feed = Feed(cluster.bootstrap, "work")
        members = [Member(cluster.bootstrap, "work", n, protocol, shared) for n in range(MEMBERS)]
        wait_balanced(members)
        wait_commits(shared, COMMITS_BETWEEN)
        kill_coordinators(cluster, shared)
        feed.stop()
        wait_until(lambda: feed.acked <= shared.seen, SETTLE_S, "every record is read")
        wait_balanced(members)
        for member in members:
            member.stop()
    check_equal(shared.faults, [], "the list of faults")
    check(shared.commits > 2 * KILLS * COMMITS_BETWEEN, "members committed all the time")
    note(f"{shared.commits} commits; longest gap between two: {shared.longest_gap_s * 1000:.0f} ms")


@test(f"{KILLS} kills of the coordinator under a classic group")
def classic():
    check_protocol("classic")


@test(f"{KILLS} kills of the coordinator under a group of the consumer protocol")
def consumer():
    check_protocol("consumer")


tap.run()
