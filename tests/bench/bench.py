#!/usr/bin/env python3
"""Rows 8 to 12 and 15 of the targets, for Millrace and Apache Kafka with one client, in turns.

    bench.py [runs=3] [kills=12] [peer=1] [records=5000000]

Each run makes a fresh cluster of three nodes of one system, measures, and removes it; then the other
system's turn. What a row means stands in ROWS; the table goes to RESULTS.md beside this file. Failure
modes: without Java or Maven the peer's column says so; a run that loses a record ends with status 1."""
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "cluster", "lib"))
sys.path.insert(0, HERE)

import peer
import wire
from cluster import Cluster
from load import check_records, read_all
from node import BUILD, ROOT, spawn
from wait import wait_until

LOAD = os.path.join(BUILD, "millrace-load")
TOPIC = "bench"
GAP_S = 2.0  # of steady load before and after a kill
# The client of the gap rows: what it waits for by itself is short, so that the broker is measured. A
# connection to every broker, since a librdkafka that has only the leader's, and loses that, may ask
# nobody for up to a second (2.0: the refresh is "already being requested", but never sent).
CLIENT = ["enable.idempotence=true", "acks=all", "linger.ms=0", "reconnect.backoff.ms=10",
          "reconnect.backoff.max.ms=50", "retry.backoff.ms=10",
          "topic.metadata.refresh.fast.interval.ms=20", "socket.timeout.ms=3000",
          "enable.sparse.connections=false"]
ROWS = {
    "8": "kill -9 of the partition leader: longest gap between acks, ms (median, worst)",
    "9": "the same with SIGTERM, ms (median, worst)",
    "10": "three fresh nodes until all serve metadata, ms",
    "11": "one node restarted until it serves, ms",
    "12a": "memory (RSS) of the three nodes, idle, MB",
    "12b": "memory (RSS) of the three nodes after the runs, MB",
    "15": "kafka-topics --list, wall time, ms",
}


def now_ms():
    return time.monotonic() * 1000


def is_full(cluster, node):
    return len(wire.metadata(node.port, 1).brokers) == len(cluster.nodes)


def rss_mb(cluster):
    return sum(node.rss_bytes() for node in cluster.nodes) / 1e6


# ---- rows ----

def measure_start(cluster):
    begin = now_ms()
    for node in cluster.nodes:
        (getattr(node, "launch", None) or node.start)()
    for node in cluster.nodes:
        wait_until(lambda: is_full(cluster, node), 60, f"node {node.id} serves")
    return now_ms() - begin


def measure_restart(cluster):
    node = cluster.nodes[0]
    node.signal(signal.SIGTERM)
    node.wait_exit(60)
    begin = now_ms()
    (getattr(node, "launch", None) or node.start)()
    wait_until(lambda: is_full(cluster, node), 60, "the restarted node serves")
    taken = now_ms() - begin
    cluster.wait_isr_whole(TOPIC)
    return taken


def measure_gap(cluster, number, topic):
    """Longest time between two acks around a signal to the partition's leader, in ms."""
    cluster.create_topic(topic, partitions=1, replicas=3)
    node = cluster.leader(topic)
    output = os.path.join(cluster.directory, "gap.txt")
    with open(output, "wb") as file:
        load = spawn([LOAD, "gap", cluster.bootstrap, topic, "rate=1000", *CLIENT], stdout=file)
    acks = lambda: sum(1 for _ in open(output))
    wait_until(lambda: acks() > GAP_S * 500, 60, "the load runs")
    node.signal(number)
    node.wait_exit(120)
    seen = acks()
    wait_until(lambda: acks() > seen + GAP_S * 500, 120, "acks come again")
    load.send_signal(signal.SIGTERM)
    assert load.wait(60) == 0, "the load lost a record"
    lines = [line.split() for line in open(output)]
    times = [int(line[0]) for line in lines]
    check_records(read_all(cluster.bootstrap, topic), {int(line[2]): int(line[1]) for line in lines})
    (getattr(node, "launch", None) or node.start)()
    cluster.wait_serving(60)
    cluster.wait_isr_whole(topic)
    return max(b - a for a, b in zip(times, times[1:])) / 1e6


def measure_list(cluster, is_kafka):
    if is_kafka:
        command = ["java", "-cp", f"{peer.JARS}/*", "org.apache.kafka.tools.TopicCommand"]
    else:
        command = [os.path.join(BUILD, "millrace"), "kafka-topics"]
    begin = now_ms()
    done = subprocess.run([*command, "--list", "--bootstrap-server", cluster.bootstrap],
                          stdout=subprocess.PIPE, text=True)
    taken = now_ms() - begin
    assert done.returncode == 0 and TOPIC in done.stdout.split()
    return taken


def run_once(make, is_kafka, kills, records):
    figures = {row: [] for row in ROWS}
    with make() as cluster:
        if is_kafka:
            cluster.prepare()
        figures["10"].append(measure_start(cluster))
        cluster.create_topic(TOPIC, partitions=1, replicas=3)
        figures["12a"].append(rss_mb(cluster))
        for _ in range(3):
            figures["15"].append(measure_list(cluster, is_kafka))
            figures["11"].append(measure_restart(cluster))
        for i in range(kills):
            figures["8"].append(measure_gap(cluster, signal.SIGKILL, f"kill-{i}"))
        for i in range(max(1, kills // 2)):
            figures["9"].append(measure_gap(cluster, signal.SIGTERM, f"term-{i}"))
        cluster.create_topic("bulk", partitions=1, replicas=3)
        done = subprocess.run([LOAD, "produce", cluster.bootstrap, "bulk", f"count={records}",
                               "size=100", "acks=all"], stdout=subprocess.PIPE, text=True)
        assert done.returncode == 0
        figures["12b"].append(rss_mb(cluster))
        figures["rate"] = [json.loads(done.stdout)["records_per_second"]]
    return figures


# ---- the table ----

def show(row, values):
    if not values:
        return "-"
    middle = statistics.median(values)
    if row in ("8", "9"):
        return f"{middle:.0f}, {max(values):.0f} ({len(values)} times)"
    return f"{middle:.1f}" if middle < 100 else f"{middle:.0f}"


def machine():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if "model name" in line), "?")
    return f"{os.cpu_count()} cores ({model}), Linux {platform.release()}"


def write_table(totals, arguments):
    lines = ["# Results", "",
             f"Measured by `make bench` ({time.strftime('%Y-%m-%d')}) on {machine()}, with "
             f"{', '.join(f'{k}={v}' for k, v in arguments.items())}; load average at the start "
             f"{os.getloadavg()[0]:.1f}. Both systems: three nodes, one client on librdkafka, in "
             "turns; medians. Client settings of rows 8 and 9: " + " ".join(CLIENT) + ".", "",
             "| row | what | Millrace | Apache Kafka 4.1 |", "| --- | --- | --- | --- |"]
    for row, what in ROWS.items():
        cells = [show(row, totals[name].get(row, [])) for name in ("millrace", "kafka")]
        lines.append(f"| {row} | {what} | {cells[0]} | {cells[1]} |")
    rates = [statistics.median(totals[name]["rate"]) if totals[name].get("rate") else None
             for name in ("millrace", "kafka")]
    lines.append("| - | produce 100-byte records, acks=all, RF 3, flush before ack here, records/s | "
                 + " | ".join(f"{rate:,.0f}" if rate else "-" for rate in rates) + " |")
    return "\n".join(lines) + "\n"


MARK = "<!-- below: written by hand or by other programs, kept by bench.py -->\n"


def save(text):
    path = os.path.join(HERE, "RESULTS.md")
    kept = ""
    if os.path.exists(path):
        with open(path) as file:
            kept = file.read().partition(MARK)[2]
    with open(path, "w") as file:
        file.write(text + "\n" + MARK + kept)
    print(text)


def main():
    arguments = {"runs": 3, "kills": 12, "peer": 1, "records": 5000000}
    for text in sys.argv[1:]:
        key, _, value = text.partition("=")
        if key not in arguments or not value.isdigit():
            sys.exit(f"bench.py: {text} is not one of " + " ".join(f"{k}=N" for k in arguments))
        arguments[key] = int(value)
    systems = [("millrace", lambda: Cluster(3, start=False), False)]
    if arguments["peer"] and peer.install():
        systems.append(("kafka", lambda: peer.KafkaCluster(3, start=False), True))
    totals = {"millrace": {}, "kafka": {}}
    for run in range(arguments["runs"]):
        for name, make, is_kafka in systems:
            kills = arguments["kills"] // (3 if is_kafka else 1) // arguments["runs"] or 1
            print(f"run {run + 1}: {name}", flush=True)
            figures = run_once(make, is_kafka, kills, arguments["records"])
            for row, values in figures.items():
                totals[name].setdefault(row, []).extend(values)
            print({row: show(row, values) for row, values in figures.items()}, flush=True)
    save(write_table(totals, arguments))


if __name__ == "__main__":
    main()
