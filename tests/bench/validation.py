#!/usr/bin/env python3
"""What the look at each record of a produced batch costs: produce.batch.validation=strict and =headers
in turns,
in this order and in the other, and Apache Kafka, which looks too, beside them.

    make all test-clients && build/venv/bin/python tests/bench/validation.py [runs=3] [mb=500] [peer=1] [WORD...]

Rows "replicated": the produce row of bench.py, three brokers, acks=all, each at its own default of flushing.
The others: one broker, acks=1, no flush before an ack, so that the disk hides nothing; each run is a
fresh broker. Rows "client": records of letters by librdkafka, not compressed. Rows "batches": batches of 256 KiB of
text that are made once and sent again and again by a few connections, five in flight on each, so that
no client's codec is measured. Words choose rows that have one of them in their name ("client-none-100").
MB are those of the records; CPU is that of the brokers' processes. Prints a table in Markdown for
RESULTS.md; ends with 1 when a batch is refused."""
import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "cluster", "lib")]

import batches
import peer
import produce
import wire
from cluster import Cluster
from node import BUILD
from tap import note
from wait import wait_until

LOAD = os.path.join(BUILD, "millrace-load")
STRICT, HEADERS, KAFKA = "strict", "headers", "Apache Kafka 4.1"
UNFLUSHED = {"log.flush.interval.messages": "9223372036854775807"}
REPLICATED_ROWS = [("replicated", "none", 100), ("replicated", "none", 1000)]
CLIENT_ROWS = [("client", "none", 100), ("client", "none", 1000)]
CODECS = {"none": 0, "lz4": batches.LZ4, "snappy": batches.SNAPPY, "zstd": batches.ZSTD,
          "gzip": batches.GZIP}
BATCH_ROWS = [("batches", codec, size) for codec in CODECS for size in (100, 1000)]
BATCH_BYTES = 256 * 1024
CONNECTIONS, IN_FLIGHT = 4, 5
WORDS = 2000  # of the text: it packs to a third or so


def cpu_s(node):
    """Of all its threads; finer than the ticks of stat."""
    total = 0
    for task in os.listdir(f"/proc/{node.pid}/task"):
        with open(f"/proc/{node.pid}/task/{task}/schedstat") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def make(system, nodes):
    if system == KAFKA:
        return peer.KafkaCluster(nodes)
    flush = UNFLUSHED if nodes == 1 else {}
    return Cluster(nodes, **flush, **{"produce.batch.validation": system})


def by_client(cluster, topic, codec, size, megabytes):
    acks = "all" if len(cluster.nodes) > 1 else "1"
    done = subprocess.run([LOAD, "produce", cluster.bootstrap, topic,
                           f"count={megabytes * 1000 * 1000 // size}", f"size={size}", f"acks={acks}",
                           f"compression.type={codec}"], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)["mb_per_second"]


def text_batch(codec, size):
    """(the batch, bytes of its values)"""
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randrange(2, 9)))
             for _ in range(WORDS)]
    count = BATCH_BYTES // size
    plain = b""
    for n in range(count):
        value = " ".join(chance.choices(words, k=size // 2)).encode()[:size]
        plain += batches.record(value, n, n // 100)
    return batches.batch(batches.pack(codec, plain), codec, count=count), count * size


def send_many(port, frame, count, errors):
    with wire.connect(port, 60) as line:
        sent = 0
        for done in range(count):
            while sent < count and sent - done < IN_FLIGHT:
                line.sendall(frame)
                sent += 1
            errors += [a.error for a in produce.answers(wire.receive(line))[1] if a.error]


def by_batches(cluster, topic, codec, size, megabytes):
    data, plain = text_batch(CODECS[codec], size)
    frame = produce.request(topic, data, acks=1)
    port = cluster.nodes[0].port
    with wire.connect(port, 60) as line:
        wait_until(lambda: produce.send(line, topic, data).error == 0, 60, "the first is taken")
    each = megabytes * 1000 * 1000 // plain // CONNECTIONS
    errors = []
    threads = [threading.Thread(target=send_many, args=(port, frame, each, errors))
               for _ in range(CONNECTIONS)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        sys.exit(f"{topic}: {len(errors)} batches were refused: {set(errors)}")
    return each * CONNECTIONS * plain / 1e6 / (time.monotonic() - start)


def measure(cluster, row, megabytes):
    """(MB/s, CPU seconds of the broker per GB)."""
    how, codec, size = row
    topic = "-".join(map(str, row))
    cluster.create_topic(topic)
    before = sum(map(cpu_s, cluster.nodes))
    rate = (by_batches if how == "batches" else by_client)(cluster, topic, codec, size, megabytes)
    cost = (sum(map(cpu_s, cluster.nodes)) - before) / megabytes * 1000
    cluster.delete_topic(topic)
    return rate, cost


def run_rows(figures, system, nodes, rows, megabytes):
    """Those of the rows that take so many brokers."""
    mine = [row for row in rows if (row in REPLICATED_ROWS) == (nodes > 1)]
    if not mine:
        return
    with make(system, nodes) as cluster:
        for row in mine:
            figures[row].append(measure(cluster, row, megabytes))


def show(results, row):
    cells = []
    for figures in results.values():
        rates, costs = zip(*figures[row])
        cells.append(f"{statistics.median(rates):.0f} MB/s, {statistics.median(costs):.2f} CPU-s/GB")
    return f"| {row[0]}, {row[1]}, {row[2]} | {' | '.join(cells)} |"


def main():
    chosen = {"runs": 3, "mb": 500, "peer": 1}
    words = [text for text in sys.argv[1:] if "=" not in text]
    for text in sys.argv[1:]:
        key, _, value = text.partition("=")
        if "=" in text and (key not in chosen or not value.isdigit()):
            sys.exit(f"validation.py: {text} is not one of " + " ".join(f"{k}=N" for k in chosen))
        if "=" in text:
            chosen[key] = int(value)
    systems = [STRICT, HEADERS] + ([KAFKA] if chosen["peer"] and peer.install() else [])
    rows = [row for row in REPLICATED_ROWS + CLIENT_ROWS + BATCH_ROWS
            if not words or any(word in "-".join(map(str, row)) for word in words)]
    results = {system: {row: [] for row in rows} for system in systems}
    for run in range(chosen["runs"]):
        for system in systems if run % 2 == 0 else systems[::-1]:
            for nodes in (3, 1):
                run_rows(results[system], system, nodes, rows, chosen["mb"])
            note(f"run {run + 1}, {system}: {[results[system][row][-1] for row in rows]}")
    print(f"| what, codec, bytes of a record | {' | '.join(systems)} |")
    print("| --- |" + " --- |" * len(systems))
    for row in rows:
        print(show(results, row))


if __name__ == "__main__":
    main()
