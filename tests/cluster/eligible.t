#!/usr/bin/env python3
"""Eligible leader replicas (KIP-966): who left an in-sync set that was too small leads when that is gone, unless
it crashed, and nothing acknowledged is lost."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import signal

import tap
from cluster import Cluster
from confluent_kafka import Consumer, TopicPartition
from load import PRODUCER, Producer
from tap import check, check_equal, test
from tool import says, tool
from wait import wait_until

TOPIC = "t"
ELIGIBLE = "eligible.leader.replicas.version"
TOPICS, CONFIGS = "kafka-topics.sh", "kafka-configs.sh"
LINE = re.compile(r"Leader: (\w+)\tReplicas: [\d,]+\tIsr: ([\d,]*)\tElr: ([\d,]*)\tLastKnownElr: ([\d,]*)")


def sets(cluster):
    """(leader, in sync, eligible, last known) as kafka-topics.sh shows them."""
    told = tool(TOPICS, "--bootstrap-server", cluster.running()[0].address, "--describe", "--topic", TOPIC,
                check_status=False).stdout
    found = LINE.search(told)
    if not found:
        return None
    leader, *lists = found.groups()
    return (leader, *(",".join(sorted(part for part in text.split(",") if part)) for text in lists))


def wait_sets(cluster, *wanted):
    def look():
        got = sets(cluster)
        return got and all(want is None or want == have for want, have in zip(wanted, got))
    try:
        wait_until(look, 120, f"the sets are {wanted}")
    except AssertionError:
        raise AssertionError(f"the sets are {sets(cluster)}, not {wanted}") from None


def produce(cluster, values, acks="all"):
    acked = []
    producer = Producer({**PRODUCER, "bootstrap.servers": cluster.bootstrap, "acks": acks,
                         "enable.idempotence": False})
    for value in values:
        producer.produce(TOPIC, value, partition=0,
                         on_delivery=lambda error, message: error or acked.append(message.value().decode()))
    producer.flush(60)
    check_equal(acked, values, "the records that are acknowledged")
    return acked


def read(cluster, count):
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "g", "enable.auto.commit": False})
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    got = []

    def poll():
        message = consumer.poll(0.5)
        if message and not message.error():
            got.append(message.value().decode())
        return len(got) >= count
    wait_until(poll, 120, f"{count} records are read")
    consumer.close()
    return got


def begin(cluster):
    """All of three have to be in sync, and three records are acknowledged. The leader, and the others."""
    cluster.set_level(ELIGIBLE, 1)
    cluster.create_topic(TOPIC, 1, 3, min_insync_replicas=3)
    produce(cluster, ["a", "b", "c"])
    leader = cluster.leader(TOPIC)
    return leader, [node for node in cluster.nodes if node is not leader]


def stop(node):
    node.signal(signal.SIGTERM)
    check_equal(node.wait_exit(), 0, f"the status of node {node.id}")


def ids(*nodes):
    return ",".join(sorted(str(node.id) for node in nodes))


@test("a replica that stopped cleanly leads when the set is gone, with all that was acknowledged")
def clean():
    with Cluster(3) as cluster:
        leader, (second, third) = begin(cluster)
        stop(second)
        wait_sets(cluster, str(leader.id), ids(leader, third), ids(second), "")
        produce(cluster, ["mine"], acks="1")  # by a set that is too small: it may go
        second.start()
        # It catches up, and is in sync again.
        wait_sets(cluster, None, ids(leader, second, third), "", "")
        leader = cluster.leader(TOPIC)
        second, third = [node for node in cluster.nodes if node is not leader]
        produce(cluster, ["d"])
        stop(second)
        wait_sets(cluster, str(leader.id), ids(leader, third), ids(second), "")
        # All members go at once. Two controllers are needed, so one of them comes back too.
        cluster.kill_all()
        second.start()
        third.start()
        cluster.wait_serving()
        wait_until(lambda: sets(cluster) and sets(cluster)[0] in (str(second.id), str(third.id)), 120,
                   "another one leads")
        leader.start()
        cluster.wait_isr_whole(TOPIC)
        produce(cluster, ["e"])
        check_equal(read(cluster, 6), ["a", "b", "c", "mine", "d", "e"], "what is there at the end")


@test("one that was killed is only the last known one, and does not lead")
def killed():
    with Cluster(5) as cluster:  # the others keep the quorum of controllers alive
        cluster.set_level(ELIGIBLE, 1)
        tool(TOPICS, "--bootstrap-server", cluster.bootstrap, "--create", "--topic", TOPIC, "--replica-assignment",
             "0:1", "--config", "min.insync.replicas=2")
        cluster.wait_isr_whole(TOPIC)
        produce(cluster, ["a", "b"])
        leader, other = cluster.nodes[0], cluster.nodes[1]
        other.kill()
        wait_sets(cluster, "0", "0", "1", "")
        stop(leader)
        wait_sets(cluster, "none", "0", "1", "")
        other.start()
        wait_sets(cluster, "none", "0", "", "1")
        leader.start()
        wait_sets(cluster, "0", "0,1", "", "")
        stop(other)
        wait_sets(cluster, "0", "0", "1", "")
        leader.kill()
        wait_sets(cluster, "none", "0", "1", "")
        other.start()
        wait_sets(cluster, "1", "1", "0", "")
        leader.start()  # it was killed, and has to catch up
        wait_sets(cluster, "1", "0,1", "", "")
        check_equal(read(cluster, 2), ["a", "b"], "what is there")


@test("with the feature min.insync.replicas is one for all brokers")
def settings():
    with Cluster(2) as cluster:
        brokers = ("--alter", "--entity-type", "brokers")
        says(cluster, CONFIGS, *brokers, "--entity-name", "1", "--add-config", "min.insync.replicas=2",
             out=re.compile("Completed"))
        cluster.set_level(ELIGIBLE, 1)
        told = tool(CONFIGS, "--bootstrap-server", cluster.bootstrap, "--describe", "--entity-type", "brokers",
                    "--entity-default").stdout
        check("min.insync.replicas=1" in told, told)
        says(cluster, CONFIGS, *brokers, "--entity-name", "1", "--add-config", "min.insync.replicas=2", status=1,
             err=re.compile("Broker-level min.insync.replicas cannot be altered while ELR is enabled."))
        says(cluster, CONFIGS, *brokers, "--entity-default", "--delete-config", "min.insync.replicas", status=1,
             err=re.compile("Cluster-level min.insync.replicas cannot be removed while ELR is enabled."))
        says(cluster, CONFIGS, *brokers, "--entity-default", "--add-config", "min.insync.replicas=2",
             out=re.compile("Completed"))
        cluster.create_topic(TOPIC, 1, 2)
        other = next(node for node in cluster.nodes if node is not cluster.leader(TOPIC))
        other.kill()
        other.start()
        cluster.wait_serving()
        cluster.wait_isr_whole(TOPIC)
        cluster.set_level(ELIGIBLE, 0)
        says(cluster, CONFIGS, *brokers, "--entity-default", "--delete-config", "min.insync.replicas",
             out=re.compile("Completed"))


tap.run()
