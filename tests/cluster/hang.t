#!/usr/bin/env python3
"""Processes that hang (SIGSTOP): they keep their connections and their ports, so that only their
silence tells. Another one leads soon, with default settings, and nothing acknowledged is lost. A
node that is only busy is no such process. HANG_ROUNDS=30 for figures."""
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
from cluster import Cluster
from load import Load, check_records, read_all
from node import BUILD, spawn
from segments import check_replicas_equal
from tap import check_equal, note, test
from wait import wait_until

ROUNDS = int(os.environ.get("HANG_ROUNDS", "2"))
TOPIC = "hang"
BUSY_PRODUCERS, BUSY_RECORDS = 3, 100000
# The client's own pauses are kept out of the gaps: it gives up a silent broker after half a second
# (60 s as shipped), and looks for the leader ten times a second (every five minutes as shipped).
IMPATIENT = {"socket_timeout_ms": 500, "request_timeout_ms": 500,
             "topic_metadata_refresh_interval_ms": 100}


def hang(cluster, node, load):
    """Stops the node until acknowledgements come without it, then lets it go on. Returns the gap
    between acknowledgements, and the time until another node leads."""
    load.longest_gap_s = 0.0
    since = time.monotonic()
    node.signal(signal.SIGSTOP)
    others = [n for n in cluster.nodes if n is not node]

    def moved():
        found = cluster.partition(TOPIC, at=others[0])
        return found and found[0] in [n.id for n in others]
    wait_until(moved, 120, "another node leads")
    led_ms = round(1000 * (time.monotonic() - since))
    load.wait_acks(300)
    gap_ms = round(1000 * load.longest_gap_s)
    node.signal(signal.SIGCONT)
    load.wait_acks(300)
    cluster.wait_serving()
    cluster.wait_isr_whole(TOPIC)
    return gap_ms, led_ms


def rounds(choose):
    with Cluster(3, min_insync_replicas=2) as cluster:
        cluster.create_topic(TOPIC)
        with Load(cluster.bootstrap, TOPIC, **IMPATIENT) as load:
            gaps = [hang(cluster, choose(cluster), load) for _ in range(ROUNDS)]
            load.stop()
        note(f"longest gap between two acknowledgements, each round: {sorted(g for g, _ in gaps)} ms")
        note(f"until another node leads: {sorted(led for _, led in gaps)} ms")
        records = read_all(cluster.bootstrap, TOPIC)
        check_records(records, load.acked)
        check_replicas_equal([os.path.join(n.log_dir, f"{TOPIC}-0") for n in cluster.nodes],
                             records[-1][0] + 1)


@test(f"{ROUNDS} times the leader hangs")
def leader():
    rounds(lambda cluster: cluster.leader(TOPIC))


@test(f"{ROUNDS} times the active controller hangs")
def controller():
    rounds(lambda cluster: cluster.controller())


@test(f"{ROUNDS} times producers as fast as they go fence nobody and move no leader")
def busy():
    with Cluster(3, min_insync_replicas=2) as cluster:
        cluster.create_topic(TOPIC, partitions=3)
        first = [cluster.partition(TOPIC, index) for index in range(3)]
        for _ in range(ROUNDS):
            producers = [spawn([os.path.join(BUILD, "millrace-load"), "produce", cluster.bootstrap,
                                TOPIC, f"count={BUSY_RECORDS}", "size=1000", "acks=all"],
                               stdout=subprocess.DEVNULL)
                         for _ in range(BUSY_PRODUCERS)]
            for producer in producers:
                check_equal(producer.wait(120), 0, "the status of a producer")
            for node in cluster.nodes:
                check_equal([line for line in node.log_text().splitlines() if "is fenced" in line], [],
                            "brokers that were fenced")
        check_equal([cluster.partition(TOPIC, index) for index in range(3)], first, "leaders and sets")


tap.run()
