#!/usr/bin/env python3
"""Every hostile client at once (lib/hostile.py) against three nodes, while honest ones produce, consume
and commit: no node ends, memory stays within its limits and comes back, nothing honest is lost, doubled
or stuck. ATTACK_S says for how long; `make attack` is the long form."""
import os
import socket
import subprocess
import sys
import threading
import time

LIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib")
sys.path.insert(0, LIB)

import tap
import wire
from cluster import Cluster
from confluent_kafka import Consumer, TopicPartition
from hostile import PARTITIONS, recipes
from load import Load, check_records, read_all
from node import memory_max, spawn
from tap import check, check_equal, note, test
from wait import wait_until

ATTACK_S = min(float(os.environ.get("ATTACK_S") or 20), 540)
CALM_S = 3          # before it, to compare
DEADLINE_S = 60     # for anything honest: far above what it should take, so that only what is stuck fails
HONEST, VICTIM, GROUP = "honest", "victim", "honest-group"
MB = 1 << 20

# The limits of one node, small so that they are reached. What adds up to RSS_MAX stands beside it.
SETTINGS = {
    "socket_request_max_bytes": 16 * MB,
    "queued_max_request_bytes": 64 * MB,   # and half of it for answers, twice at most
    "group_coordinator_memory_max_bytes": 32 * MB,
    "group_initial_rebalance_delay_ms": 0,
    "message_max_bytes": 4 * MB,
    "auto_create_topics_enable": "true",
    "offsets_topic_num_partitions": 6,
    "min_insync_replicas": 2,
    "log_retention_check_interval_ms": 1000,
}
# Requests 64, answers 64, fetch sessions 128, groups 32, a batch that a worker opens 100, what a turn
# of many requests takes for a moment, and what honest clients need.
RSS_MAX = memory_max(512 * MB)
RSS_LEFT_MAX = memory_max(160 * MB)  # above what it was before: groups, producers and topics that stay


class Watch:
    """The most memory of each node."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.before = [node.rss_bytes() for node in nodes]
        self.most = list(self.before)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self.stop.wait(0.05):
            for i, node in enumerate(self.nodes):
                if node.running():
                    self.most[i] = max(self.most[i], node.rss_bytes())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


class Pings:
    """Asks every node again and again: on a connection that is there, and on new ones."""

    def __init__(self, nodes):
        self.faults = []
        self.worst_s = {}  # what -> seconds
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(node, one), daemon=True)
                        for node in nodes for one in (self._old, self._new)]

    def _old(self, node):
        if not hasattr(self.local, "sock"):
            self.local.sock = wire.connect(node.port, DEADLINE_S)
        self.local.sock.sendall(wire.request(wire.API_VERSIONS, 0, b""))
        wire.receive(self.local.sock)
        return "an open connection"

    def _new(self, node):
        wire.ask(node.port, wire.request(wire.API_VERSIONS, 0, b""), DEADLINE_S)
        return "a new connection"

    local = threading.local()

    def _run(self, node, one):
        while not self.stop.wait(0.1):
            start = time.monotonic()
            try:
                what = one(node)
            except (OSError, socket.timeout) as error:
                self.faults.append(f"node {node.id}, {one.__name__}: {error!r} after "
                                   f"{time.monotonic() - start:.1f} s")
                return
            took = time.monotonic() - start
            self.worst_s[what] = max(took, self.worst_s.get(what, 0))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


class Reader:
    """A member of the honest group, alone in it: reads, commits, and remembers."""

    def __init__(self, bootstrap):
        self.values = []
        self.faults = []
        self.commits = 0
        self.worst_commit_s = 0.0
        self.consumer = Consumer({
            "bootstrap.servers": bootstrap, "group.id": GROUP, "log_level": 0,
            "enable.auto.commit": False, "auto.offset.reset": "earliest",
            "session.timeout.ms": 600000, "max.poll.interval.ms": 600000,
            "socket.timeout.ms": 60000, "reconnect.backoff.max.ms": 500})
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        self.consumer.subscribe([HONEST])
        while not self.stop.is_set():
            messages = [m for m in self.consumer.consume(500, timeout=0.2) if not m.error()]
            self.values += [int(m.value()) for m in messages]
            if messages:
                self._commit(messages[-1].offset() + 1)
        self.consumer.close()

    def _commit(self, offset):
        start = time.monotonic()
        try:
            self.consumer.commit(offsets=[TopicPartition(HONEST, 0, offset)], asynchronous=False)
            self.commits += 1
        except Exception as error:  # pylint: disable=broad-except
            self.faults.append(str(error))
        self.worst_commit_s = max(self.worst_commit_s, time.monotonic() - start)

    def __enter__(self):
        self.thread.start()
        wait_until(lambda: self.commits, DEADLINE_S, "the honest member commits")
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def attack(cluster, seconds):
    """All recipes at once; their accounts."""
    with open(os.path.join(cluster.nodes[0].log_dir, "meta.properties")) as file:
        cluster_id = dict(line.strip().split("=", 1) for line in file if "=" in line)["cluster.id"]
    ports = ",".join(str(node.port) for node in cluster.nodes)
    voters = cluster.nodes[0].settings["controller.quorum.voters"]
    controllers = ",".join(voter.rsplit(":", 1)[1] for voter in voters.split(","))
    chosen = (os.environ.get("ATTACK") or ",".join(recipes)).split(",")
    children = [spawn([sys.executable, os.path.join(LIB, "hostile.py"), name, str(seconds),
                       cluster_id, VICTIM, ports, controllers],
                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for name in chosen]

    def over():
        for node in cluster.nodes:
            check(node.running(), f"node {node.id} ended with status {node.process.returncode}")
        return all(child.poll() is not None for child in children)
    wait_until(over, seconds + DEADLINE_S, "the hostile clients end")
    for child in children:
        said = child.stdout.read().decode(errors="replace")
        note(said)
        check_equal(child.returncode, 0, f"the status of a hostile client that said: {said}")


def check_normal(cluster, watch):
    """Not said how soon: that is printed."""
    start = time.monotonic()
    for topic in (HONEST, VICTIM, "__consumer_offsets"):
        cluster.wait_isr_whole(topic, DEADLINE_S)
    note(f"every replica in sync after {time.monotonic() - start:.1f} s")
    wait_until(lambda: all(node.rss_bytes() - before < RSS_LEFT_MAX for node, before
                           in zip(cluster.nodes, watch.before)), DEADLINE_S, "memory is given back")
    left = [node.rss_bytes() // MB for node in cluster.nodes]
    note(f"memory is {left} MB after {time.monotonic() - start:.1f} s")
    text = [os.path.getsize(node.log_file) // 1024 for node in cluster.nodes]
    note(f"logs of {text} kB")


@test("all at once")
def all_at_once():
    with Cluster(3, **SETTINGS) as cluster:
        cluster.create_topic(HONEST)
        cluster.create_topic(VICTIM, partitions=PARTITIONS)
        with Load(cluster.bootstrap, HONEST, socket_timeout_ms=60000) as load, \
                Reader(cluster.bootstrap) as reader:
            with Pings(cluster.nodes) as calm:
                threading.Event().wait(CALM_S)
            calm_gap, load.longest_gap_s = load.longest_gap_s, 0.0
            calm_commit, reader.worst_commit_s = reader.worst_commit_s, 0.0
            with Watch(cluster.nodes) as watch, Pings(cluster.nodes) as pings:
                attack(cluster, ATTACK_S)
            most = [f"{b // MB} -> {m // MB}" for b, m in zip(watch.before, watch.most)]
            note(f"memory in MB: {most}")
            for what, seconds in pings.worst_s.items():
                note(f"worst answer on {what}: {calm.worst_s[what] * 1e3:.0f} ms without, "
                     f"{seconds * 1e3:.0f} ms with")
            note(f"longest time between two acknowledgements: {calm_gap * 1e3:.0f} ms without, "
                 f"{load.longest_gap_s * 1e3:.0f} ms with; commit: {calm_commit * 1e3:.0f} ms, "
                 f"{reader.worst_commit_s * 1e3:.0f} ms")
            check(not pings.faults, f"honest requests failed: {pings.faults}")
            load.wait_acks(100, DEADLINE_S)
            load.stop()
            check(max(watch.most) < RSS_MAX, f"a node took {max(watch.most) // MB} MB")
            check_normal(cluster, watch)
            wait_until(lambda: reader.values and reader.values[-1] == load.sent - 1, DEADLINE_S,
                       "the honest member reads the last record")
        note(f"{reader.commits} commits, failed: {reader.faults[:3]}")
        check(not set(load.acked) - set(reader.values), "the honest member missed records")
        most = -1
        for value in reader.values:  # it may begin again at its last commit
            check(value <= most + 1, f"the honest member read {value} after {most}")
            most = max(most, value)
        check_records(read_all(cluster.bootstrap, HONEST), load.acked)


tap.run()
