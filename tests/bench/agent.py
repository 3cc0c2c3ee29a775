#!/usr/bin/env python3
"""A growing file to a topic of three replicas: the agent of Millrace and Apache Flume 1.11, in turns, each
with the same configuration, into fresh topics of one cluster of Millrace.

    make all test-clients && build/venv/bin/python tests/bench/agent.py [runs=3] [lines=3000000] [flume_lines=500000]

Lines of 100 bytes are appended as fast as they get through, at most AHEAD of them before the topic; then one
every STEP_MS, each with its time, which a consumer compares with its own. Both wait for all in-sync replicas.
The CPU is the agent's process from its first line on: start and a Java machine's warming are not in it. Prints
a table in Markdown for RESULTS.md; ends with 1 when a line is missing."""
import os
import statistics
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("clients", "cluster"):
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), folder, "lib"))

import produce
import wire
from agent import Agent, to_topic
from cluster import Cluster
from confluent_kafka import Consumer, TopicPartition
from flume_agent import APPLICATION, Flume
from node import spawn

LINE = b"x" * 99 + b"\n"
CHUNK = 10000      # lines of one write
AHEAD = 400000     # lines
STEP_MS = 10
STEPS = 1000
DEADLINE_S = 600
LATEST = -1
PARTS = """
sources = r1
channels = c1
sinks = k1
channels.c1.type = memory
channels.c1.capacity = 20000
channels.c1.transactionCapacity = 2000
sources.r1.channels = c1
sources.r1.type = TAILDIR
sources.r1.filegroups = f1
sources.r1.filegroups.f1 = @DIR@/.*\\\\.log
sources.r1.positionFile = @DIR@/positions/taildir.json
sources.r1.batchSize = 2000
sinks.k1.channel = c1
"""


class WarmFlume(Flume):
    """With Java's optimizing compiler and memory enough, which the tests of interworking do without."""

    def start(self):
        folder = os.path.dirname(self.path)
        with open(self.log, "a") as log:
            self.process = spawn(["java", "-Xmx512m", "-cp", f"{folder}/classes:{folder}/lib/*", APPLICATION, "--name",
                                  "a1", "--conf-file", self.file("flume.conf"), "--no-reload-conf"],
                                 stdout=log, stderr=log, cwd=self.directory)
        return self


def sink(cluster, topic, kind):
    settings = to_topic(cluster, topic, PARTS, kafka_producer_acks="all", flumeBatchSize="2000")
    return settings.replace("sinks.k1.type = kafka", f"sinks.k1.type = {kind}")


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) * 1024 / 1e6


class Topic:
    def __init__(self, cluster, name):
        self.name = name
        self.bootstrap = cluster.bootstrap
        cluster.create_topic(name, partitions=1, replicas=3)
        self.line = wire.connect(cluster.leader(name).port)

    def end(self):
        """That consumers may read up to."""
        return produce.list_offset(self.line, self.name, LATEST)[2]


def grow(path, topic, count):
    """Appends count lines, and returns how many seconds it took until all were in the topic."""
    first, written, begin = topic.end(), 0, time.monotonic()
    with open(path, "ab", buffering=0) as file:
        while (done := topic.end() - first) < count:
            assert time.monotonic() - begin < DEADLINE_S, f"{done} of {count} lines after {DEADLINE_S} s"
            while written < count and written - done < AHEAD:
                file.write(LINE * min(CHUNK, count - written))
                written += min(CHUNK, count - written)
            time.sleep(0.01)
    return time.monotonic() - begin


def delays(path, topic):
    """Milliseconds from a line's write to its consumer, of STEPS lines."""
    consumer = Consumer({"bootstrap.servers": topic.bootstrap, "group.id": "bench", "enable.auto.commit": False,
                         "fetch.wait.max.ms": 100, "enable.metrics.push": False})
    consumer.assign([TopicPartition(topic.name, 0, topic.end())])
    consumer.poll(1)

    def write():
        with open(path, "ab", buffering=0) as file:
            for _ in range(STEPS):
                file.write(b"%d\n" % time.monotonic_ns())
                time.sleep(STEP_MS / 1000)
    writer, taken, begin = threading.Thread(target=write), [], time.monotonic()
    writer.start()
    while len(taken) < STEPS:
        assert time.monotonic() - begin < DEADLINE_S, f"{len(taken)} of {STEPS} lines after {DEADLINE_S} s"
        message = consumer.poll(1)
        if message and not message.error():
            taken.append((time.monotonic_ns() - int(message.value())) / 1e6)
    writer.join()
    consumer.close()
    return taken


def measure(cluster, topic, agent, path, count):
    grow(path, topic, CHUNK)  # it is awake
    pid = agent.process.pid
    cpu = cpu_s(pid)
    seconds = grow(path, topic, count)
    cpu = cpu_s(pid) - cpu
    taken = sorted(delays(path, topic))
    return {"lines/s": count / seconds, "lines per CPU second": count / cpu,
            "CPU s per million lines": cpu / count * 1e6, "peak memory, MB": peak_mb(pid),
            "median ms from line to consumer": statistics.median(taken),
            "p99 ms": taken[len(taken) * 99 // 100]}


def run(cluster, number, lines, flume_lines, figures):
    for name, make, kind, count in (("Millrace", Agent, "kafka", lines),
                                    ("Flume 1.11", WarmFlume, "org.apache.flume.sink.kafka.KafkaSink", flume_lines)):
        topic = Topic(cluster, f"{name.split()[0].lower()}-{number}")
        with make(sink(cluster, topic.name, kind)) as agent:
            where = agent.path("bench.log") if make is Agent else agent.file("bench.log")
            figures.setdefault(name, []).append(measure(cluster, topic, agent, where, count))
        print(f"# run {number}, {name}: {figures[name][-1]}", flush=True)


def main():
    given = {"runs": 3, "lines": 3000000, "flume_lines": 500000}
    given.update((key, int(value)) for key, value in (argument.split("=") for argument in sys.argv[1:]))
    figures = {}
    with Cluster(3) as cluster:
        for number in range(given["runs"]):
            run(cluster, number, given["lines"], given["flume_lines"], figures)
    names = list(figures)
    print(f"\n| {given['runs']} runs, median | {' | '.join(names)} | ratio |\n|{' --- |' * (len(names) + 2)}")
    for row in figures[names[0]][0]:
        ours, theirs = (statistics.median(one[row] for one in figures[name]) for name in names)
        print(f"| {row} | {ours:,.1f} | {theirs:,.1f} | {ours / theirs:.2f} |")


if __name__ == "__main__":
    main()
