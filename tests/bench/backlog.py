#!/usr/bin/env python3
"""Readers that are far behind: a follower that was down while 216 MB went to 60 partitions, and Java
consumers whose answers have room for few of their partitions. Millrace and Apache Kafka in turns.

    make all test-clients && build/venv/bin/python tests/bench/backlog.py

Prints a table in Markdown for RESULTS.md; ends with 1 when a record was not read."""
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "cluster", "lib")]

import peer
from cluster import Cluster
from node import BUILD
from tap import note
from wait import wait_until

RUNS = int(os.environ.get("BACKLOG_RUNS", 3))
FOLLOWER = (60, 4, 900_000)   # partitions, records in each, bytes of a record
LARGE = (120, 4, 900_000)
SMALL = (3, 30, 30, 300)      # topics, partitions of each, records in each, bytes
SMALL_SETTINGS = "fetch.max.bytes=500,max.partition.fetch.bytes=100"
PATIENCE_S = 60
CLASSES = os.path.join(BUILD, "bench", "classes")


def build():
    os.makedirs(CLASSES, exist_ok=True)
    subprocess.run(["javac", "-nowarn", "-d", CLASSES, "-cp", f"{peer.JARS}/*",
                    os.path.join(HERE, "Backlog.java")], check=True)


def java(*arguments):
    done = subprocess.run(["java", "-Xmx512m", "-cp", f"{CLASSES}:{peer.JARS}/*", "Backlog",
                           *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=True)
    return [int(word) for word in done.stdout.split()]


def follower(cluster):
    """Seconds from the start of the follower until every replica is in sync; None = never."""
    partitions, records, size = FOLLOWER
    cluster.create_topic("follower", partitions=partitions)
    down = cluster.nodes[2]
    down.signal(signal.SIGTERM)
    down.wait_exit(60)
    java("fill", cluster.nodes[0].address, records, size, f"follower:{partitions}")
    start = time.monotonic()
    down.start()
    try:
        wait_until(lambda: cluster.serving() and cluster.isr_whole("follower"), PATIENCE_S, "whole")
    except AssertionError:
        return None
    return time.monotonic() - start


def consumer(cluster, topics, records, settings):
    """(records read, records there, ms until the last one)"""
    got, _, last_ms = java("drain", cluster.bootstrap, records, PATIENCE_S, settings, *topics)
    there = records * sum(int(topic.split(":")[1]) for topic in topics)
    return got, there, last_ms


def measure(make):
    with make() as cluster:
        whole_s = follower(cluster)
        partitions, records, size = LARGE
        cluster.create_topic("large", partitions=partitions, replicas=1)
        java("fill", cluster.bootstrap, records, size, f"large:{partitions}")
        large = consumer(cluster, [f"large:{partitions}"], records, "-")
        count, partitions, records, size = SMALL
        topics = [f"small{i}:{partitions}" for i in range(count)]
        for topic in topics:
            cluster.create_topic(topic.split(":")[0], partitions=partitions)
        java("fill", cluster.bootstrap, records, size, *topics)
        small = consumer(cluster, topics, records, SMALL_SETTINGS)
    return whole_s, large, small


def show(results, pick):
    values = sorted(pick(r) for r in results if pick(r) is not None)
    missing = len(results) - len(values)
    text = f"{values[len(values) // 2]:.2f} (worst {values[-1]:.2f})" if values else "-"
    return text + (f", never in {missing} of {len(results)}" if missing else "")


def read_s(which):
    def pick(result):
        got, there, last_ms = result[which]
        return last_ms / 1000 if got == there else None
    return pick


def main():
    if not peer.install():
        sys.exit("Apache Kafka can't be had here: the benchmark needs java and mvn")
    build()
    results = {"Millrace": [], "Apache Kafka 4.1": []}
    for number in range(RUNS):
        results["Millrace"].append(measure(Cluster))
        results["Apache Kafka 4.1"].append(measure(peer.KafkaCluster))
        note(f"run {number + 1}: { {name: r[-1] for name, r in results.items()} }")
    print("| what, s until done, median of %d | Millrace | Apache Kafka 4.1 |\n| --- | --- | --- |" % RUNS)
    rows = [("a broker that was down while 216 MB went to 60 partitions: until every replica is in sync",
             lambda r: r[0]),
            ("a Java consumer with default settings over 120 partitions with 432 MB", read_s(1)),
            (f"the same with {SMALL_SETTINGS}, 90 partitions, 2,700 small records", read_s(2))]
    for text, pick in rows:
        print(f"| {text} | " + " | ".join(show(r, pick) for r in results.values()) + " |")
    sys.exit(any(r[1][0] != r[1][1] or r[2][0] != r[2][1] or r[0] is None for r in results["Millrace"]))


main()
