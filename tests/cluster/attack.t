#!/usr/bin/env python3
"""Every hostile client at once (lib/hostile.py) against three nodes, while honest ones produce, consume
and commit: no node ends, memory stays within its limits and comes back, nothing honest is lost,
doubled or stuck. ATTACK_S says for how long; `make attack` is the long form.

The hostile clients would be on other machines. So while they attack they get only the time of the cores
that nobody else wants (SCHED_IDLE): what is measured is how the nodes treat them, and not how the
scheduler does. For the same reason every client has started before it begins, and the honest load never
has as many requests on their way as make its client spin. The nodes still share the cores with each
other, their workers and the honest clients, and all use one disk. Times are compared with those without
the attack and told in one line at the end; they fail no test."""
import json
import os
import subprocess
import sys
import threading
import time

LIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib")
sys.path.insert(0, LIB)

import tap
from cluster import Cluster
from confluent_kafka import Consumer, TopicPartition
from honest import KINDS
from hostile import PARTITIONS, recipes
from load import Load, check_records, read_all
from node import memory_max, spawn
from tap import check, check_equal, note, test
from wait import wait_until

ATTACK_S = min(float(os.environ.get("ATTACK_S") or 20), 540)
CALM_S = 5          # before it, to compare, and again AFTER_S later
AFTER_S = 5
LATE_S = 3          # after the honest clients have measured
LONGER_MAX_MS = 100  # what an honest request may take longer than without
LOAD_PAUSE_S = 0.005  # so that the honest load leaves most of two cores to the nodes
LOAD_WAITING_MAX = 4  # librdkafka spins on a core while all its five requests wait and it has more
HOSTILE_S = 300     # for their ends: they get what time nobody else wants
DEADLINE_S = 60     # for anything honest: far above what it should take, so that only what is stuck fails
HONEST, VICTIM, PROBE, GROUP = "honest", "victim", "probe", "honest-group"
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


def await_ready(children):
    """Until each of these programs has started; it waits then until it is let go."""
    for child in children:
        check_equal(child.stdout.readline(), b"ready\n", f"what a client says: {child.args}")


def let_go(children):
    for child in children:
        child.stdin.write(b"\n")
        child.stdin.flush()


class Honest:
    """Asks every node for something of every kind, in processes of its own, for so many seconds from the
    moment when all of them are connected."""

    def __init__(self, cluster, seconds):
        self.no_core_ms = {}  # of the longest request of each kind, its client's own wait for a core
        port = str(cluster.nodes[0].port)
        self.children = {kind: spawn([sys.executable, os.path.join(LIB, "honest.py"), kind,
                                      str(seconds), PROBE, port],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                         for kind in KINDS}
        await_ready(self.children.values())
        let_go(self.children.values())

    def end(self):
        """{kind: sorted ms}; fails when a request failed or had no answer."""
        found = {}
        for kind, child in self.children.items():
            said = json.loads(child.communicate()[0])
            check(not said["faults"], f"honest requests failed, {kind}: {said['faults'][:3]}")
            if said["moves"]:
                note(f"{kind}: {said['moves']} tries met a node that does not lead any more")
            found[kind] = sorted(said["took_ms"])
            self.no_core_ms[kind] = said["worst"][1]
        return found


def at(values, share):
    return values[min(int(len(values) * share), len(values) - 1)]


def note_honest(when, found):
    for kind, ms in found.items():
        note(f"{kind}, {when}: {len(ms)} requests, median {at(ms, .5):.1f} ms, "
             f"p99 {at(ms, .99):.1f}, p99.9 {at(ms, .999):.1f}, most {ms[-1]:.1f}")


def longer_ms(found, calm):
    """By how much the slowest request of each kind took longer than the slowest without attack."""
    return {kind: ms[-1] - calm[kind][-1] for kind, ms in found.items()}


def note_verdict(calm, under, after, most_bytes):
    """In one line; that no node ended and nothing was lost are checks of their own."""
    longer, left = longer_ms(under, calm), longer_ms(after, calm)
    met = max(*longer.values(), *left.values()) <= LONGER_MAX_MS
    told = ", ".join(f"{kind} {ms:.0f}" for kind, ms in longer.items())
    note(f"VERDICT {'met' if met else 'MISSED'}: {ATTACK_S:.0f} s of attack; the slowest honest request "
         f"took so many ms longer than without (limit {LONGER_MAX_MS}): {told}; {AFTER_S} s after: "
         f"{max(left.values()):.0f}; most memory of a node {most_bytes // MB} of {RSS_MAX // MB} MB; "
         f"no node ended")


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


class Attack:
    """All recipes at once, for so many seconds; they have started when it is made."""

    def __init__(self, cluster, seconds):
        with open(os.path.join(cluster.nodes[0].log_dir, "meta.properties")) as file:
            cluster_id = dict(line.strip().split("=", 1) for line in file if "=" in line)["cluster.id"]
        ports = ",".join(str(node.port) for node in cluster.nodes)
        voters = cluster.nodes[0].settings["controller.quorum.voters"]
        controllers = ",".join(voter.rsplit(":", 1)[1] for voter in voters.split(","))
        chosen = (os.environ.get("ATTACK") or ",".join(recipes)).split(",")
        self.cluster, self.seconds, self.due = cluster, seconds, float("inf")
        self.children = [spawn([sys.executable, os.path.join(LIB, "hostile.py"), name, str(seconds),
                                cluster_id, VICTIM, ports, controllers], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for name in chosen]
        await_ready(self.children)

    def over(self):
        for node in self.cluster.nodes:
            check(node.running(), f"node {node.id} ended with status {node.process.returncode}")
        if time.monotonic() > self.due:
            self._hurry()
        return all(child.poll() is not None for child in self.children)

    def _hurry(self):
        """Those that are late compete for cores again, if the system lets them: on a machine that is busy
        with other things they would never come to their end."""
        self.due = float("inf")
        for child in self.children:
            try:
                os.sched_setscheduler(child.pid, os.SCHED_OTHER, os.sched_param(0))
            except ProcessLookupError:
                pass
            except PermissionError as error:
                note(f"a hostile client keeps its priority: {error}")

    def run(self):
        """Prints their accounts."""
        let_go(self.children)
        self.due = time.monotonic() + self.seconds + LATE_S
        wait_until(self.over, self.seconds + HOSTILE_S, "the hostile clients end")
        for child in self.children:
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
        cluster.create_topic(PROBE, partitions=len(cluster.nodes))
        with Load(cluster.bootstrap, HONEST, pause_s=LOAD_PAUSE_S, waiting_max=LOAD_WAITING_MAX,
                  socket_timeout_ms=60000) as load, \
                Reader(cluster.bootstrap) as reader:
            calm = Honest(cluster, CALM_S).end()
            note_honest("without", calm)
            calm_gap, load.longest_gap_s = load.longest_gap_s, 0.0
            calm_commit, reader.worst_commit_s = reader.worst_commit_s, 0.0
            attack = Attack(cluster, ATTACK_S)
            with Watch(cluster.nodes) as watch:
                honest = Honest(cluster, ATTACK_S)
                attack.run()
                under = honest.end()
            note_honest("under attack", under)
            note("of the longest the client itself had no core for: " + ", ".join(
                f"{kind} {ms:.1f} ms" for kind, ms in honest.no_core_ms.items()))
            threading.Event().wait(AFTER_S)
            after = Honest(cluster, CALM_S).end()
            note_honest(f"{AFTER_S} s after", after)
            most = [f"{b // MB} -> {m // MB}" for b, m in zip(watch.before, watch.most)]
            note(f"memory in MB: {most}")
            note(f"longest time between two acknowledgements: {calm_gap * 1e3:.0f} ms without, "
                 f"{load.longest_gap_s * 1e3:.0f} ms with; commit: {calm_commit * 1e3:.0f} ms, "
                 f"{reader.worst_commit_s * 1e3:.0f} ms")
            load.wait_acks(100, DEADLINE_S)
            load.stop()
            check(max(watch.most) < RSS_MAX, f"a node took {max(watch.most) // MB} MB")
            check_normal(cluster, watch)
            note_verdict(calm, under, after, max(watch.most))
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
