#!/usr/bin/env python3
"""Random rounds of SIGTERM, kill -9, SIGSTOP and restarts, of one node or all, in any state, under
idempotent producers. Nothing acknowledged is lost, doubled, moved or reordered, the replicas are the
same bytes, and no in-sync set shrinks while all nodes are healthy.

CHAOS_ROUNDS sets how many rounds (200 take some three minutes), CHAOS_SEED repeats the
choices of a run (not its timing)."""
import contextlib
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
import wire
from cluster import Cluster
from load import Load, Producer, check_records, read_all
from segments import check_replicas_equal
from tap import check, note, test
from wait import wait_until

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", 200))
HEAL_EVERY = 20      # rounds, after which all is healed and looked at
HEALTHY_ACKS = 400   # of each producer, while nothing is done to a healthy cluster
TOPICS = ["chaos-a", "chaos-b", "chaos-c"]
# A paused process keeps its connections: a client notices by the limit on its requests, 60 s as shipped.
IMPATIENT = {"socket_timeout_ms": 3000, "request_timeout_ms": 3000}
STEP_ACKS = 150      # at most so many are waited for between two steps of a round
STEP_LIMIT_S = 1.0   # or so long, since there may be no leader
FRESH_S = 10
HISTORY = 40         # lines of a stuck client's log before, after and long after its last record
PAUSE_LIMIT_S = 3.0  # some pauses are longer than a session
# A process that gets SIGTERM before it has a handler for it dies of it.
ENDS = (0, -signal.SIGKILL, -signal.SIGTERM)


class Chaos:
    def __init__(self, cluster, loads, choose):
        self.cluster, self.loads, self.choose = cluster, loads, choose
        self.paused = set()
        self.stopping = set()

    # ---- steps ----

    def go_on(self, limit_s=STEP_LIMIT_S):
        """Until some more records are acknowledged, or for a while."""
        goal = sum(len(load.acked) for load in self.loads) + self.choose.randrange(STEP_ACKS)
        due = time.monotonic() + self.choose.random() * limit_s
        wait_until(lambda: sum(len(load.acked) for load in self.loads) >= goal or
                   time.monotonic() > due, 120, "a step of the round ends")
        self.check_producers()

    def check_producers(self):
        for load in self.loads:
            check(not load.errors, f"the producer failed: {load.errors[:3]}")

    def stop(self, node):
        """SIGTERM; the end is waited for by who starts it again."""
        self.wake(node)
        if node.running():
            node.signal(signal.SIGTERM)
            self.stopping.add(node)

    def kill(self, node):
        if node.running():
            node.kill()
        self.paused.discard(node)

    def pause(self, node):
        if node.running():
            node.signal(signal.SIGSTOP)
            self.paused.add(node)

    def wake(self, node):
        if node in self.paused and node.running():
            node.signal(signal.SIGCONT)
        self.paused.discard(node)

    def start(self, node):
        self.wake(node)
        if node in self.stopping:
            node.wait_exit()
            self.stopping.discard(node)
        if not node.running():
            status = node.process.returncode
            check(status in ENDS, f"node {node.id} ended with status {status}")
            node.start()

    # ---- rounds ----

    def some(self):
        """One node, or all of them."""
        nodes = list(self.cluster.nodes)
        self.choose.shuffle(nodes)
        return nodes if self.choose.random() < 0.25 else nodes[:1]

    def end_of(self, node):
        """The node stops or dies; sometimes it is killed while it stops."""
        how = self.choose.randrange(5)
        if how < 2:
            self.kill(node)
        else:
            self.stop(node)
            if how == 4:
                self.go_on(0.02)
                self.kill(node)

    def round(self):
        nodes = self.some()
        kind = self.choose.randrange(4)
        if kind == 0:
            node = nodes[0]
            self.pause(node)
            self.go_on(PAUSE_LIMIT_S)
            if self.choose.random() < 0.3:
                self.kill(node)
            self.start(node)
        else:
            for node in nodes:
                self.end_of(node)
            self.go_on()
            for node in nodes:
                self.start(node)
                if kind == 1:  # again, before it serves
                    self.go_on(0.05)
                    self.end_of(node)
            for node in nodes:
                self.start(node)
        self.go_on()

    def heal(self):
        for node in self.cluster.nodes:
            self.start(node)
        self.cluster.wait_serving()
        for topic in TOPICS:
            self.cluster.wait_isr_whole(topic)

    def check_healthy(self):
        """A healthy cluster under load keeps every replica in sync."""
        goals = [len(load.acked) + HEALTHY_ACKS for load in self.loads]

        def done():
            for topic in TOPICS:
                check(self.cluster.isr_whole(topic), f"an in-sync set of {topic} shrank though "
                      "every node is healthy")
            self.check_producers()
            return all(len(load.acked) >= goal for load, goal in zip(self.loads, goals))
        try:
            wait_until(done, 120, "the producers go on")
        except AssertionError:
            self.tell_stuck(goals)
            raise

    def tell_stuck(self, goals):
        """Whether it is the cluster that takes nothing, or one producer that sends nothing, and what
        each side knows of the other."""
        for node in self.cluster.nodes:
            known = wire.metadata(node.port)
            note(f"node {node.id} knows the brokers {known.brokers} and leaders, replicas, in-sync "
                 f"sets {known.topics}")
        for load, goal in zip(self.loads, goals):
            answers = []
            fresh = Producer({"bootstrap.servers": self.cluster.bootstrap, "acks": "all"})
            fresh.produce(load.topic, b"-1", on_delivery=lambda error, _: answers.append(error))
            fresh.flush(FRESH_S)
            leader = self.cluster.leader(load.topic)
            note(f"{load.topic}: sent {load.sent}, acknowledged {len(load.acked)}, errors "
                 f"{load.errors[:3]}, a new producer got {answers}, the leader {leader.id} knows "
                 f"the producers {wire.producers(leader.port, load.topic)}")
            if len(load.acked) < goal:
                note("\n".join(load.history.lines()))


def check_topics(cluster, loads):
    for load in loads:
        load.stop()
    for load in loads:
        records = read_all(cluster.bootstrap, load.topic)
        check_records(records, load.acked)
        check_replicas_equal([os.path.join(n.log_dir, f"{load.topic}-0") for n in cluster.nodes],
                             records[-1][0] + 1)


@test(f"{ROUNDS} random rounds of stops, kills, pauses and restarts lose nothing")
def chaos():
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(1 << 31)))
    note(f"CHAOS_SEED={seed}")
    with Cluster(3, min_insync_replicas=2) as cluster, contextlib.ExitStack() as stack:
        for topic in TOPICS:
            cluster.create_topic(topic)
        loads = [stack.enter_context(Load(cluster.bootstrap, topic, HISTORY, **IMPATIENT))
                 for topic in TOPICS]
        run = Chaos(cluster, loads, random.Random(seed))
        for number in range(1, ROUNDS + 1):
            run.round()
            if number % HEAL_EVERY == 0 or number == ROUNDS:
                run.heal()
                run.check_healthy()
                note(f"{number} rounds, {sum(len(load.acked) for load in loads)} acknowledged")
        check_topics(cluster, loads)


tap.run()
