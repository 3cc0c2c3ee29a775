#!/usr/bin/env python3
"""Apache Flume 1.11 and the agent of Millrace chained in both directions, and Flume's own Kafka parts
against Millrace. Both agents of a chain are killed in the middle, each with its file channel: no line may
be missing, lines that come twice are counted."""
import collections
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

from lib_path import CLUSTER_LIB  # noqa: F401 makes the harness importable

import tap
from agent import TAIL, Agent, ends, read, to_topic
from cluster import Cluster
from flume_agent import AVRO_CLIENT, Flume
from member import program
from node import free_port
from tap import check_equal, note, test
from wait import wait_until

DEADLINE_S = 120
LINES = 4000

PARTS = """
sources = r1
channels = c1
sinks = k1
sources.r1.channels = c1
sinks.k1.channel = c1
"""
FILE = """
channels.c1.type = file
channels.c1.checkpointDir = @DIR@/checkpoint
channels.c1.dataDirs = @DIR@/data
channels.c1.useDualCheckpoints = false
"""
KAFKA_SOURCE = """
sources.r1.type = org.apache.flume.source.kafka.KafkaSource
sources.r1.kafka.bootstrap.servers = {servers}
sources.r1.kafka.topics = {topic}
sources.r1.kafka.consumer.group.id = flume
sources.r1.kafka.consumer.auto.offset.reset = earliest
"""
KAFKA_SINK = """
sinks.k1.type = org.apache.flume.sink.kafka.KafkaSink
sinks.k1.kafka.bootstrap.servers = {servers}
sinks.k1.kafka.topic = {topic}
sinks.k1.kafka.producer.acks = all
"""
KAFKA_CHANNEL = """
channels.c1.type = org.apache.flume.channel.kafka.KafkaChannel
channels.c1.kafka.bootstrap.servers = {servers}
channels.c1.kafka.topic = {topic}
channels.c1.kafka.consumer.auto.offset.reset = earliest
channels.c1.parseAsFlumeEvent = {events}
"""


def rpc(kind, side, port, more=""):
    """The keys of an avro (or thrift) source or sink; `more` has some of both sides."""
    where = "sources.r1" if side == "source" else "sinks.k1"
    keys = {"type": kind, "bind" if side == "source" else "hostname": "localhost", "port": port}
    keys.update(pair.split("=") for pair in more.split())
    return "".join(f"{where}.{key} = {value}\n" for key, value in keys.items())


def lines_of(name, count=LINES):
    return [f"{name} {i}" for i in range(count)]


def wait_lines(cluster, topic, wanted, what):
    """Until all of them are there: line -> how often."""
    def seen():
        count = ends(cluster, topic)
        if count < len(wanted):
            return None
        got = collections.Counter(read(cluster, topic, count))
        return got if not set(wanted) - set(got) else None
    got = wait_until(seen, DEADLINE_S, f"{what}: all lines are in the topic")
    check_equal(set(got) - set(wanted), set(), "lines that nobody wrote")
    repeats = sum(got.values()) - len(got)
    note(f"{what}: {len(got)} lines, {repeats} of them once more")
    return repeats


def kill_in_the_middle(cluster, topic, agent):
    before = ends(cluster, topic)
    wait_until(lambda: ends(cluster, topic) > before, DEADLINE_S, "lines arrive")
    agent.kill()
    agent.start()


def chain_from_flume(kind, more=""):
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        port = free_port()
        with Agent(to_topic(cluster, "t", base=PARTS + FILE) + rpc(kind, "source", port, more)) as ours:
            with Flume(PARTS + FILE + TAIL + rpc(kind, "sink", port, more)) as flume:
                wanted = lines_of("before")
                flume.append("a.log", wanted)
                kill_in_the_middle(cluster, "t", flume)
                more_lines = lines_of("after")
                flume.append("a.log", more_lines)
                kill_in_the_middle(cluster, "t", ours)
                # Flume's taildir source writes its positions seconds later: it repeats what it likes.
                wait_lines(cluster, "t", wanted + more_lines, f"from Flume by {kind} {more}")


def chain_to_flume(kind, more=""):
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        port = free_port()
        kafka = KAFKA_SINK.format(servers=cluster.bootstrap, topic="t")
        with Flume(PARTS + FILE + kafka + rpc(kind, "source", port, more)) as flume:
            with Agent(PARTS + FILE + TAIL + rpc(kind, "sink", port, more)) as ours:
                wanted = lines_of("before")
                ours.append("a.log", "".join(line + "\n" for line in wanted))
                kill_in_the_middle(cluster, "t", flume)
                more_lines = lines_of("after")
                ours.append("a.log", "".join(line + "\n" for line in more_lines))
                kill_in_the_middle(cluster, "t", ours)
                wait_lines(cluster, "t", wanted + more_lines, f"to Flume by {kind} {more}")


@test("from Flume's avro sink to our avro source and on to a topic; both are killed in the middle")
def from_flume():
    chain_from_flume("avro")


@test("the same, compressed")
def from_flume_compressed():
    chain_from_flume("avro", "compression-type=deflate")


@test("from our avro sink to Flume's avro source and its kafka sink; both are killed in the middle")
def to_flume():
    chain_to_flume("avro")


@test("the same, compressed")
def to_flume_compressed():
    chain_to_flume("avro", "compression-type=deflate")


@test("the same two ways by thrift, compact and binary")
def thrift():
    chain_from_flume("thrift")
    chain_from_flume("thrift", "protocol=binary")
    chain_to_flume("thrift")
    chain_to_flume("thrift", "protocol=binary")


@test("Flume's avro-client sends a file to our avro source")
def avro_client():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        with Agent(to_topic(cluster, "t") + rpc("avro", "source", 0)) as ours:
            path = ours.path("lines")
            ours.append("lines", "".join(line + "\n" for line in lines_of("client", 50)))
            done = subprocess.run([program("flume-1.11"), AVRO_CLIENT, "-H", "localhost", "-p", str(ours.port()),
                                   "-F", path], capture_output=True, text=True, timeout=DEADLINE_S)
            check_equal(done.returncode, 0, done.stderr)
            check_equal(wait_lines(cluster, "t", lines_of("client", 50), "avro-client"), 0, "lines that came twice")


@test("Flume's Kafka source, channel and sink on Millrace: from topic to topic, and killed in the middle")
def kafka_parts():
    for events in ("true", "false"):
        with Cluster(1) as cluster:
            for topic in ("from", "between", "to"):
                cluster.create_topic(topic)
            kafka = {"servers": cluster.bootstrap}
            settings = (PARTS + KAFKA_SOURCE.format(topic="from", **kafka) + KAFKA_SINK.format(topic="to", **kafka) +
                        KAFKA_CHANNEL.format(topic="between", events=events, **kafka) +
                        "sinks.k1.allowTopicOverride = false\n")
            wanted = lines_of("record")
            with Agent(to_topic(cluster, "from") + TAIL) as ours, Flume(settings) as flume:
                ours.append("a.log", "".join(line + "\n" for line in wanted))
                kill_in_the_middle(cluster, "to", flume)
                wait_lines(cluster, "to", wanted, f"Kafka parts, parseAsFlumeEvent = {events}")


@test("one topic is the kafka channel of both: each reads the events of the other, with their headers")
def kafka_channels():
    with Cluster(1, group_initial_rebalance_delay_ms=0) as cluster:
        for topic in ("between", "to"):
            cluster.create_topic(topic)
        kafka = {"servers": cluster.bootstrap}
        channel = KAFKA_CHANNEL.format(topic="between", events="true", **kafka)
        settings = PARTS + channel + "channels.c1.kafka.consumer.group.id = flume\n" + TAIL + KAFKA_SINK.format(
            topic="to", **kafka) + "sources.r1.headers.f1.key = flume\n"
        ours_settings = settings.replace("group.id = flume", "group.id = ours").replace("key = flume", "key = ours")
        with Flume(settings) as flume, Agent(ours_settings) as ours:
            flume.append("a.log", lines_of("theirs", 500))
            ours.append("a.log", "".join(line + "\n" for line in lines_of("ours", 500)))
            wanted = [f"{key}\t{line}" for key, name in (("flume", "theirs"), ("ours", "ours"))
                      for line in lines_of(name, 500)]

            def seen():
                count = ends(cluster, "to")
                got = count >= 2000 and read(cluster, "to", count, "--property", "print.key=true")
                return got and collections.Counter(got)
            got = wait_until(seen, DEADLINE_S, "each line by both")
            check_equal(got, collections.Counter(wanted * 2), "each line twice, with its key")


tap.run()
