#!/usr/bin/env python3
"""Apache Kafka 4.1's own command-line tools against Millrace, and their output beside ours."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster", "lib"))

import tap
from cluster import Cluster
from confluent_kafka import Consumer, TopicPartition
from load import PRODUCER, Producer
from node import ROOT
from tap import Skip, check, check_equal, test
from tool import tool

LIBRARY = os.path.join(ROOT, "build", "clients", "kafka-tools", "lib")
GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
LIST_GROUPS = "org.apache.kafka.tools.GroupsCommand"
CONSOLE = "org.apache.kafka.tools.consumer.ConsoleConsumer"
PARTITIONS = 3
RECORDS = 30  # in each partition
DEADLINE_S = 120


def kafka(tool_class, *arguments):
    if not any(name.startswith("kafka-tools-") for name in
               (os.listdir(LIBRARY) if os.path.isdir(LIBRARY) else [])):
        raise Skip("Apache Kafka's tools are not here: they need Maven (make clients says why)")
    done = subprocess.run(["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp",
                           os.path.join(LIBRARY, "*"), tool_class, *arguments],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=DEADLINE_S)
    check_equal(done.returncode, 0, f"the status of {tool_class} {arguments}\n"
                f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def groups(cluster, *arguments):
    return kafka(GROUPS, "--bootstrap-server", cluster.bootstrap, *arguments)


def both(cluster, *arguments):
    """The output of Kafka's kafka-consumer-groups, which must be that of ours."""
    theirs = groups(cluster, *arguments)
    ours = tool("kafka-consumer-groups.sh", "--bootstrap-server", cluster.bootstrap,
                *arguments).stdout
    check_equal(ours, theirs, f"the output of our kafka-consumer-groups {' '.join(arguments)}")
    return theirs


def fill(cluster):
    cluster.create_topic("orders", partitions=PARTITIONS)
    producer = Producer({**PRODUCER, "bootstrap.servers": cluster.bootstrap})
    for n in range(RECORDS * PARTITIONS):
        producer.produce("orders", str(n), partition=n % PARTITIONS)
    check_equal(producer.flush(60), 0, "the number of records never answered")


def commit(cluster, group, offsets):
    client = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group,
                       "enable.auto.commit": False})
    client.commit(offsets=[TopicPartition("orders", p, o) for p, o in offsets.items()],
                  asynchronous=False)
    client.close()


def check_console_consumer(cluster):
    """In a group, to the end; its own offsets are committed when it closes."""
    out = kafka(CONSOLE, "--bootstrap-server", cluster.bootstrap, "--topic", "orders", "--group",
                "console", "--from-beginning", "--max-messages", str(RECORDS * PARTITIONS),
                "--timeout-ms", "60000")
    check_equal(sorted(map(int, out.split())), list(range(RECORDS * PARTITIONS)), "what was read")
    rows = [line.split() for line in both(cluster, "--describe", "--group", "console").splitlines()]
    check_equal([row[2:6] for row in rows[2:]],
                [[str(p), str(RECORDS), str(RECORDS), "0"] for p in range(PARTITIONS)],
                "partition, offset, end and lag")


def check_same_shapes(cluster):
    both(cluster, "--list")
    both(cluster, "--list", "--state")
    both(cluster, "--list", "--type", "--state", "Empty")
    both(cluster, "--describe", "--group", "idle", "--verbose")
    both(cluster, "--describe", "--group", "idle", "--state")
    both(cluster, "--describe", "--group", "idle", "--state", "--verbose")
    theirs = kafka(LIST_GROUPS, "--bootstrap-server", cluster.bootstrap, "--list")
    ours = tool("kafka-groups.sh", "--bootstrap-server", cluster.bootstrap, "--list").stdout
    check_equal([line.rstrip() for line in ours.splitlines()],
                [line.rstrip() for line in theirs.splitlines()], "the output of our kafka-groups")


def check_resets(cluster):
    scope = ("--reset-offsets", "--group", "idle", "--all-topics")
    for target in (("--to-earliest",), ("--to-latest",), ("--to-current",), ("--to-offset", "7"),
                   ("--shift-by", "-5"), ("--shift-by", "100"), ("--by-duration", "P1D"),
                   ("--to-datetime", "2020-01-01T00:00:00.000")):
        both(cluster, *scope, *target, "--dry-run")
    plan = both(cluster, *scope, "--to-offset", "9", "--export", "--dry-run")
    check_equal(plan.split(), [f"orders,{p},9" for p in range(PARTITIONS)], "the exported plan")
    groups(cluster, *scope, "--to-offset", "9", "--execute")
    rows = [line.split() for line in both(cluster, "--describe", "--group", "idle").splitlines()]
    check_equal([row[3] for row in rows[2:]], ["9"] * PARTITIONS, "the offsets after the reset")


def check_deletes(cluster):
    out = groups(cluster, "--delete-offsets", "--group", "idle", "--topic", "orders:0")
    check("Successful" in out, out)
    out = groups(cluster, "--delete", "--group", "idle")
    check_equal(out, "Deletion of requested consumer groups ('idle') was successful.\n", "the line")
    check_equal(both(cluster, "--list"), "console\n", "what is left")


@test("Kafka 4.1's console consumer and group tools work, and print as ours")
def kafka_tools():
    kafka(CONSOLE, "--version")
    with Cluster(3) as cluster:
        fill(cluster)
        check_console_consumer(cluster)
        commit(cluster, "idle", {p: 20 + p for p in range(PARTITIONS)})
        check_same_shapes(cluster)
        check_resets(cluster)
        check_deletes(cluster)


tap.run()
