#!/usr/bin/env python3
"""Real clients push their metrics (KIP-714): Java 4 and librdkafka, chosen by what they are; Kafka's own tools make the
subscriptions; and the errors over the wire, as Kafka answers them."""
import os
import re
import signal
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster", "lib"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
import wire
from cluster import Cluster
from confluent_kafka import Producer
from kafka_tool import kafka
from member import Program, program
from tap import check, check_equal, note, test
from tool import says
from wait import wait_until

CONFIGS = "kafka-configs.sh"
CLIENT_METRICS = "org.apache.kafka.tools.ClientMetricsCommand"
CONFIG_COMMAND = "kafka.admin.ConfigCommand"
GET, PUSH = 71, 72
THROTTLED, UNKNOWN_SUBSCRIPTION, TOO_LARGE, INVALID_RECORD, INVALID_REQUEST, CODEC = 89, 117, 118, 87, 42, 76
KEPT = re.compile(r"telemetry: (\d+) subscriptions, (\d+) clients, of (\d+) of them (\d+) points in (\d+) bytes")


def subscribe(cluster, name, **settings):
    change = ",".join(f"{key}=[{value}]" for key, value in settings.items()).replace("interval_ms", "interval.ms")
    says(cluster, CONFIGS, "--alter", "--client-metrics", name, "--add-config", change,
         out=f"Completed updating config for client-metric {name}.\n")


def kept(node):
    """(clients, points) whose last push the node keeps, as its log says now."""
    before = len(KEPT.findall(node.log_text()))
    node.signal(signal.SIGUSR1)
    wait_until(lambda: len(KEPT.findall(node.log_text())) > before, 120, "the state in the log")
    found = KEPT.findall(node.log_text())[-1]
    return int(found[2]), int(found[3])


def wait_kept(cluster, clients):
    """Until so many clients' pushes are kept: how many points they have."""
    def look():
        return kept(cluster.nodes[0])[0] >= clients
    wait_until(look, 120, f"the metrics of {clients} clients")
    return kept(cluster.nodes[0])


@test("Java 4 and librdkafka push what they are asked for, and those that don't match push nothing")
def clients_push():
    java = program("java-4")
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        check_equal(kept(cluster.nodes[0]), (0, 0), "what is kept before anybody pushes")
        subscribe(cluster, "java", metrics="org.apache.kafka.producer.", interval_ms="500",
                  match="client_software_name=apache-kafka-java,client_software_version=4\\..*")
        with Program(java, "consume", cluster.bootstrap, "t", "group", "classic") as other:
            with Program(java, "produce", cluster.bootstrap, "t", "none", "0", "2000") as child:
                child.child.wait(120)  # the last push comes when it closes
                check_equal(child.child.returncode, 0, "the status of the producer")
            note(f"clients and points of Java: {wait_kept(cluster, 1)}")
            other.child.stdin.close()
            other.child.wait(60)
        subscribe(cluster, "c", metrics="*", interval_ms="500",
                  match="client_software_name=.*confluent.*|.*rdkafka.*")
        before = kept(cluster.nodes[0])
        producer = Producer({"bootstrap.servers": cluster.bootstrap, "client.id": "rd"})

        def pushed():
            producer.produce("t", b"x")
            producer.poll(0.1)
            return kept(cluster.nodes[0])[1] > before[1]
        wait_until(pushed, 120, "a push of librdkafka")
        note(f"clients and points before and after librdkafka: {before} {kept(cluster.nodes[0])}")
        producer.flush(10)


@test("Kafka's own tools make, describe, list and delete subscriptions")
def kafkas_tools():
    with Cluster(1) as cluster:
        server = ("--bootstrap-server", cluster.bootstrap)
        kafka(CLIENT_METRICS, *server, "--alter", "--name", "s", "--metrics", "a.,b.", "--interval", "7000",
              "--match", "client_id=x.*")
        check_equal(kafka(CLIENT_METRICS, *server, "--list").split(), ["s"], "the subscriptions")
        text = kafka(CLIENT_METRICS, *server, "--describe", "--name", "s")
        check(all(word in text for word in ("interval.ms=7000", "match=client_id=x.*", "metrics=a.,b.")), text)
        text = kafka(CONFIG_COMMAND, *server, "--describe", "--client-metrics", "s")
        check("Dynamic configs for client-metric s are:" in text and "interval.ms=7000" in text, text)
        says(cluster, CONFIGS, "--describe", "--client-metrics", "s", out=re.compile("interval.ms=7000"))
        kafka(CLIENT_METRICS, *server, "--delete", "--name", "s")
        check_equal(kafka(CLIENT_METRICS, *server, "--list").split(), [], "the subscriptions after the last")
        bad = says(cluster, CONFIGS, "--alter", "--client-metrics", "s", "--add-config", "match=[client_id=(]",
                   status=1, err=re.compile("Illegal client matching pattern"))
        note(bad.stderr.strip())


class Pusher:
    """A client of our own, with an id of its own."""

    def __init__(self, node, number):
        self.line = wire.connect(node.port, 30)
        self.id = bytes([number]) + bytes(15)

    def ask(self, api, body):
        head = struct.pack(">hhih", api, 0, 1, 1) + b"p" + b"\0"
        self.line.sendall(wire.frame(head + body + b"\0"))
        return wire.receive(self.line)[5:]  # correlation id, tags

    def get(self):
        """(error, subscription)"""
        payload = self.ask(GET, self.id)
        error, = struct.unpack_from(">h", payload, 4)
        return error, struct.unpack_from(">i", payload, 22)[0]

    def push(self, subscription, metrics=b"", codec=0, terminating=0):
        size, length = b"", len(metrics) + 1
        while length > 127:
            size, length = size + bytes([length & 127 | 128]), length >> 7
        body = self.id + struct.pack(">ibb", subscription, terminating, codec) + size + bytes([length]) + metrics
        return struct.unpack_from(">h", self.ask(PUSH, body), 4)[0]


@test("a push is refused as Kafka refuses it")
def refusals():
    with Cluster(1, **{"telemetry.max.bytes": "1000"}) as cluster:
        subscribe(cluster, "s", metrics="*", interval_ms="3600000")
        node = cluster.nodes[0]
        pusher = Pusher(node, 1)
        error, subscription = pusher.get()
        check_equal(error, 0, "the error of the first question")
        check_equal(pusher.get()[0], THROTTLED, "the error of a second one")
        check_equal(pusher.push(subscription + 1), UNKNOWN_SUBSCRIPTION, "by another subscription")
        check_equal(pusher.get(), (0, subscription), "asked again at once")
        check_equal(pusher.push(subscription), 0, "an empty push")
        check_equal(pusher.push(subscription), THROTTLED, "a second one")
        for number, arguments, wanted in ((2, {"metrics": bytes(1001)}, TOO_LARGE),
                                          (3, {"metrics": b"hello"}, INVALID_RECORD),
                                          (4, {"metrics": b"x", "codec": 9}, CODEC)):
            pusher = Pusher(node, number)
            check_equal(pusher.push(pusher.get()[1], **arguments), wanted, f"the error of {arguments}")
        pusher = Pusher(node, 5)
        subscription = pusher.get()[1]
        check_equal(pusher.push(subscription, terminating=1), 0, "the last push")
        check_equal(pusher.push(subscription), INVALID_REQUEST, "one after the last")
        pusher.id = bytes(16)
        check_equal(pusher.push(subscription), INVALID_REQUEST, "one without an id")


tap.run()
