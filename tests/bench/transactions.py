#!/usr/bin/env python3
"""What transactions cost, beside Apache Kafka.

    make all test-clients
    build/venv/bin/python tests/bench/transactions.py [runs=3] [records=1000000] [commits=2000] [ids=100000] [peer=1]

Each run makes a fresh cluster of three nodes of one system, then the other's turn. "produce": records of
100 bytes by an idempotent producer, and by a transactional one in transactions of 1,000, acks=all, RF 3; CPU
is that of the three brokers. "commit": begin, one record, commit, one after another. Both clients are
load.c. "load": so many transactional ids on one node of Millrace, which is restarted; the ids are made by
hand over a socket (InitProducerId v1), since that many producers would measure the client. Prints a table in
Markdown for RESULTS.md; ends with 1 when a record is not acknowledged or a transaction not committed."""
import json
import os
import re
import statistics
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "cluster", "lib")]

import peer
import wire
from cluster import Cluster
from groups import frame, restarted, text
from node import BUILD
from tap import note
from validation import cpu_s
from wait import wait_until

LOAD = os.path.join(BUILD, "millrace-load")
MILLRACE, KAFKA = "Millrace", "Apache Kafka 4.1"
BATCH = 1000
IN_FLIGHT = 200
FIND_COORDINATOR, INIT_PRODUCER_ID = 10, 22
LOADED = re.compile(r"loaded (\d+) transactional ids of (\S+), (\d+) bytes, in ([0-9.]+) ms")


def load(mode, cluster, topic, *options):
    done = subprocess.run([LOAD, mode, cluster.bootstrap, topic, "acks=all", *options],
                          stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def produce(cluster, mode, topic, records, *options):
    """(records a second, CPU seconds of the brokers for a million records)."""
    cluster.create_topic(topic, partitions=1, replicas=3)
    before = sum(map(cpu_s, cluster.nodes))
    told = load(mode, cluster, topic, f"count={records}", "size=100", *options)
    cost = (sum(map(cpu_s, cluster.nodes)) - before) / records * 1e6
    cluster.delete_topic(topic)
    return told["records_per_second"], cost


def run_once(make, records, commits):
    """Figures of one cluster, by the name of the row."""
    figures = {}
    with make() as cluster:
        # The first transaction has the system's topic made: it is nobody's figure.
        cluster.create_topic("warm-up", partitions=1, replicas=3)
        load("transact", cluster, "warm-up", "count=100", "batch=10")
        rate, plain = produce(cluster, "produce", "idempotent", records, "enable.idempotence=true")
        figures["idempotent, records/s"], figures["idempotent, CPU-s/M"] = rate, plain
        rate, cost = produce(cluster, "transact", "transactional", records, f"batch={BATCH}")
        figures["transactional, records/s"], figures["transactional, CPU-s/M"] = rate, cost
        figures["CPU, transactional to idempotent"] = cost / plain
        cluster.create_topic("commits", partitions=1, replicas=3)
        told = load("transact", cluster, "commits", f"count={commits}", "batch=1", "warmup=100", "linger.ms=0")
        figures["commit p50, ms"], figures["commit p99, ms"] = told["p50_us"] / 1e3, told["p99_us"] / 1e3
    return figures


# ---- many ids ----

def make_ids(port, name, count):
    """The errors of those that the broker did not take."""
    errors = set()
    with wire.connect(port, 60) as line:
        for first in range(0, count, IN_FLIGHT):
            ids = range(first, min(first + IN_FLIGHT, count))
            line.sendall(b"".join(frame(INIT_PRODUCER_ID, 1, n, text(f"{name}-{n:06d}") + struct.pack(">i", 60000))
                                  for n in ids))
            errors |= {struct.unpack_from(">h", wire.receive(line), 8)[0] for _ in ids}
    return errors - {0}


def load_ids(count):
    """Figures of one node of Millrace that is restarted with that many ids."""
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        wire.ask(node.port, wire.request(FIND_COORDINATOR, 1, text("id") + b"\1"))
        # Enough of them that each partition has one.
        wait_until(lambda: not make_ids(node.port, "first", 1000), 60, "the transaction coordinators are there")
        before = node.rss_bytes()
        began = time.monotonic()
        errors = make_ids(node.port, "id", count)
        if errors:
            sys.exit(f"transactional ids were refused with the errors {errors}")
        made_s, added = time.monotonic() - began, node.rss_bytes() - before
        loaded_s, lines = restarted(node, LOADED, count)
        return {"made, ids/s": count / made_s, "memory that they add, MB": added / 1e6,
                "loaded after a restart, from the start of the process, s": loaded_s,
                "log that is read, MB": sum(int(line[2]) for line in lines) / 1e6,
                "memory of the whole broker after the restart, MB": node.rss_bytes() / 1e6}


# ---- the table ----

def show(values):
    return f"{statistics.median(values):,.{0 if values[0] >= 1000 else 2}f}" if values else "-"


def collect(totals, figures):
    for row, value in figures.items():
        totals.setdefault(row, []).append(value)


def main():
    chosen = {"runs": 3, "records": 1000000, "commits": 2000, "ids": 100000, "peer": 1}
    for argument in sys.argv[1:]:
        key, _, value = argument.partition("=")
        if key not in chosen or not value.isdigit():
            sys.exit(f"transactions.py: {argument} is not one of " + " ".join(f"{k}=N" for k in chosen))
        chosen[key] = int(value)
    systems = {MILLRACE: lambda: Cluster(3)}
    if chosen["peer"] and peer.install():
        systems[KAFKA] = lambda: peer.KafkaCluster(3)
    totals, ids = {system: {} for system in systems}, {}
    for run in range(chosen["runs"]):
        for system, make in systems.items():
            figures = run_once(make, chosen["records"], chosen["commits"])
            collect(totals[system], figures)
            note(f"run {run + 1}, {system}: {figures}")
        if chosen["ids"]:
            collect(ids, load_ids(chosen["ids"]))
    print(f"| what | {' | '.join(systems)} |")
    print("| --- |" + " --- |" * len(systems))
    for row in totals[MILLRACE]:
        print(f"| {row} | {' | '.join(show(totals[system][row]) for system in systems)} |")
    for row, values in ids.items():
        print(f"| {chosen['ids']:,} ids, {row} | {show(values)} |{' - |' * (len(systems) - 1)}")


if __name__ == "__main__":
    main()
