#!/usr/bin/env python3
"""The agent's kafka sink: which topic, partition and key an event has, whole events as records, sinks in
groups, and that the order of a partition holds while its leaders are killed."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import re
import shutil
import socket
import tempfile
import time

import tap
from agent import DEADLINE_S, MEMORY, TAIL, Agent, ends, file_channel, metrics, read, to_topic
from cluster import Cluster
from node import free_port, memory_max
from tap import check, check_equal, note, test
from tool import says
from wait import wait_until

AWAY_S = int(os.environ.get("AGENT_AWAY_S") or 5)
AWAY_LINES = 200000  # written meanwhile: twenty times what the channel has room for

# "topic=t key=k some text": what stands in front becomes headers.
NETCAT = """
sources.r1.type = netcat
sources.r1.bind = localhost
sources.r1.port = 0
sources.r1.interceptors = i1 i2 i3
sources.r1.interceptors.i1.type = regex_extractor
sources.r1.interceptors.i1.regex = topic=(\\\\S+)
sources.r1.interceptors.i1.serializers = s
sources.r1.interceptors.i1.serializers.s.name = topic
sources.r1.interceptors.i2.type = regex_extractor
sources.r1.interceptors.i2.regex = key=(\\\\S+)
sources.r1.interceptors.i2.serializers = s
sources.r1.interceptors.i2.serializers.s.name = key
sources.r1.interceptors.i3.type = regex_extractor
sources.r1.interceptors.i3.regex = part=(\\\\d+)
sources.r1.interceptors.i3.serializers = s
sources.r1.interceptors.i3.serializers.s.name = part
"""


def send(agent, *lines):
    with socket.create_connection(("localhost", agent.port()), DEADLINE_S) as line:
        line.sendall("".join(f"{text}\n" for text in lines).encode())
        answers = line.makefile()
        check_equal([answers.readline() for _ in lines], ["OK\n"] * len(lines), "the answers")


@test("topic, key and partition by headers; a topic's name with a header in it")
def headers():
    with Cluster(1) as cluster:
        for topic in ("t", "other", "of-k"):
            cluster.create_topic(topic, partitions=4)
        with Agent(to_topic(cluster, "t", partitionIdHeader="part") + NETCAT) as agent:
            send(agent, "plain", "topic=other a", "key=k b", "part=3 c")
            send(agent, "part=99 d", "part=3 e")  # the first one waits, and is never dropped
            wait_until(lambda: ends(cluster, "t") == 4 and ends(cluster, "other") == 1, DEADLINE_S, "the records")
            out = says(cluster, "kafka-get-offsets.sh", "--topic-partitions", "t:3", out=re.compile(".")).stdout
            check(int(out.split(":")[2]) >= 1, f"a record in partition 3: {out}")
            check("key=k b" in read(cluster, "t", 4) and
                  "k\tkey=k b" in read(cluster, "t", 4, "--property", "print.key=true"), "the key")
            agent.wait_told("a record is refused, and set aside for a minute: Local: Unknown partition")
        with Agent(to_topic(cluster, "of-%{key}") + NETCAT) as agent:
            send(agent, "key=k b")
            wait_until(lambda: ends(cluster, "of-k") == 1, DEADLINE_S, "the record of the named topic")


@test("useFlumeEventFormat: a record is the event in Avro, headers included")
def whole_events():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        with Agent(to_topic(cluster, "t", useFlumeEventFormat="true") + NETCAT) as agent:
            send(agent, "key=k body")
            wait_until(lambda: ends(cluster, "t") == 1, DEADLINE_S, "the record")
            # Two headers would be 04; here one pair: 02, "key" (06), "k" (02), the end (00), the body (14).
            out = says(cluster, "kafka-console-consumer.sh", "--topic", "t", "--from-beginning", "--max-messages", "1",
                       out=re.compile("."), err=re.compile("Processed")).stdout
            check_equal(out, "\x02\x06key\x02k\x00\x14key=k body\n", "the record")


@test("a group: the sink with the higher priority fails, and the other one delivers; taking turns")
def groups():
    with Cluster(1) as cluster:
        for topic in ("t", "one", "two"):
            cluster.create_topic(topic)
        dead = to_topic(cluster, "t", kafka_producer_delivery_timeout_ms="1000").replace(
            cluster.bootstrap, f"localhost:{free_port()}")
        with Agent(dead + NETCAT + f"""
sinks = k1 k2
sinks.k2.type = kafka
sinks.k2.channel = c1
sinks.k2.kafka.bootstrap.servers = {cluster.bootstrap}
sinks.k2.kafka.topic = t
sinkgroups = g1
sinkgroups.g1.sinks = k1 k2
sinkgroups.g1.processor.type = failover
sinkgroups.g1.processor.priority.k1 = 10
sinkgroups.g1.processor.priority.k2 = 5
""") as agent:
            send(agent, *(f"line {i}" for i in range(500)))
            wait_until(lambda: ends(cluster, "t") == 500, DEADLINE_S, "all lines by the second sink")
            check_equal(read(cluster, "t", 500), [f"line {i}" for i in range(500)], "the lines, in order")
        with Agent(to_topic(cluster, "one", flumeBatchSize="10") + TAIL + f"""
sinks = k1 k2
sinks.k2.type = kafka
sinks.k2.channel = c1
sinks.k2.kafka.bootstrap.servers = {cluster.bootstrap}
sinks.k2.kafka.topic = two
sinks.k2.flumeBatchSize = 10
sinkgroups = g1
sinkgroups.g1.sinks = k1 k2
sinkgroups.g1.processor.type = load_balance
""") as agent:
            agent.append("a.log", "".join(f"line {i}\n" for i in range(1000)))
            wait_until(lambda: ends(cluster, "one") + ends(cluster, "two") == 1000, DEADLINE_S, "all lines by both")
            shares = ends(cluster, "one"), ends(cluster, "two")
            check(min(shares) >= 100, f"both take their turns: {shares}")


@test("the broker refuses a record: the others of its batch come once; when the limit is raised, it comes as well")
def refused():
    with Cluster(1) as cluster:
        cluster.create_topic("t", max_message_bytes=20000)
        directory = tempfile.mkdtemp(prefix="millrace-agent-")
        large, lines = "x" * 30000, [f"line {i} {'y' * 100}" for i in range(1000)]
        settings = to_topic(cluster, "t", file_channel(capacity=10000), flumeBatchSize="1000") + TAIL
        try:
            agent = Agent(settings + "sources.r1.batchSize = 1000\n", directory)
            agent.append("a.log", "\n".join([*lines[:500], large, *lines[500:]]) + "\n")
            with agent:  # batches of 100 kB are too large, each record but one is not
                wait_until(lambda: ends(cluster, "t") >= 1000, DEADLINE_S, "the others")
                agent.wait_told("a record is refused, and set aside for a minute: Broker: Message size too large")
                agent.append("a.log", "behind it\n")
                wait_until(lambda: ends(cluster, "t") >= 1001, DEADLINE_S, "what comes behind it")
            check_equal(sorted(read(cluster, "t", 1001)), sorted([*lines, "behind it"]), "each of the others once")
            says(cluster, "kafka-configs.sh", "--alter", "--topic", "t", "--add-config", "max.message.bytes=1000000",
                 out=re.compile("Completed"))
            with agent:
                wait_until(lambda: ends(cluster, "t") >= 1002, DEADLINE_S, "the large one")
            check_equal(read(cluster, "t", 1002)[-1], large, "the last record")
            check_equal(ends(cluster, "t"), 1002, "the records")
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def memory_used(agent):
    """The most memory that it has had, in kB."""
    with open(f"/proc/{agent.process.pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1))


@test("no broker answers for a while: no more than the channel has is in memory, and all lines come, in order")
def away():
    with Cluster(1) as cluster:
        cluster.create_topic("t", partitions=4)
        agent = Agent(to_topic(cluster, "t", flumeBatchSize="1000") + TAIL + """
channels.c1.capacity = 10000
channels.c1.transactionCapacity = 1000
channels.c1.byteCapacity = 2000000
sources.r1.batchSize = 1000
sources.r1.interceptors = i1
sources.r1.interceptors.i1.type = regex_extractor
sources.r1.interceptors.i1.regex = ^(\\\\d+)
sources.r1.interceptors.i1.serializers = s
sources.r1.interceptors.i1.serializers.s.name = key
""")
        agent.options = ("-Dflume.monitoring.type=http", "-Dflume.monitoring.port=0")
        count = 0

        def more():
            nonlocal count
            if count < AWAY_LINES:
                lines = (f"{n % 7} line {n} {'x' * 90}\n" for n in range(count, count + 2000))
                agent.append("a.log", "".join(lines))
                count += 2000
            size = int(re.search(r'"ChannelSize":"(\d+)"', metrics(agent)).group(1))
            check(size <= 10000, f"{size} events in the channel")
            return size

        with agent:
            more()
            wait_until(lambda: ends(cluster, "t") == 2000, DEADLINE_S, "lines while it is there")
            cluster.nodes[0].kill()
            end = time.monotonic() + AWAY_S
            wait_until(lambda: more() and count == AWAY_LINES and time.monotonic() > end, AWAY_S + DEADLINE_S,
                       "its time is over")
            peak = memory_used(agent)
            note(f"away for {AWAY_S} s: {count} lines, and the agent has used {peak >> 10} MiB")
            check(peak < memory_max(48 << 10), f"{peak} kB")
            cluster.nodes[0].start()
            wait_until(lambda: ends(cluster, "t") >= count, 10 * DEADLINE_S, "all lines")
            check(memory_used(agent) < memory_max(64 << 10), f"{memory_used(agent)} kB")
        check_equal(ends(cluster, "t"), count, "the lines")
        lines = [line.split() for line in read(cluster, "t", count)]
        for key in "0123456":
            numbers = [int(line[2]) for line in lines if line[0] == key]
            check_equal(numbers, list(range(int(key), count, 7)), f"the lines of key {key}, in order")


@test("leaders are killed under it, one after another: each line once, in order")
def leaders():
    with Cluster(3) as cluster:
        cluster.create_topic("t", replicas=3)
        with Agent(to_topic(cluster, "t") + TAIL) as agent:
            count = 0
            for _ in range(4):
                leader = cluster.leader("t")
                agent.append("a.log", "".join(f"line {i}\n" for i in range(count, count + 2000)))
                count += 2000
                wait_until(lambda: ends(cluster, "t") > count - 2000, DEADLINE_S, "some of them are there")
                leader.kill()
                agent.append("a.log", "".join(f"line {i}\n" for i in range(count, count + 2000)))
                count += 2000
                wait_until(lambda: ends(cluster, "t") == count, DEADLINE_S, f"{count} lines")
                leader.start()
                cluster.wait_isr_whole("t")
            check_equal(read(cluster, "t", count), [f"line {i}" for i in range(count)], "the lines, in order")
            note(f"{count} lines over 4 kills")


tap.run()
