#!/usr/bin/env python3
"""Fetch from the nearest replica (KIP-392): real consumers with client.rack read from the follower in their
rack, and from the leader while that one is gone or hangs."""
import json
import os
import re
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster", "lib"))

import tap
import wire
from cluster import Cluster
from confluent_kafka import Consumer, Producer, TopicPartition
from load import PRODUCER
from node import ROOT, spawn
from tap import Skip, check, check_equal, note, test
from wait import wait_until

LIBRARY = os.path.join(ROOT, "build", "clients", "kafka-tools", "lib")
CONSOLE = "org.apache.kafka.tools.consumer.ConsoleConsumer"
SELECTOR = "org.apache.kafka.common.replica.RackAwareReplicaSelector"
TOPIC = "t"
VALUE = "x" * 1000
SOME = 200  # records at a time
SETTINGS = {"replica_selector_class": SELECTOR, "logger_levels": "kafka.request.logger=DEBUG",
            "request_logger_apis": "Fetch", "request_logger_client_ids": "near*"}
ENDED = re.compile(r"Completed request:(\{.*\})\n")


class LibrdkafkaReader:
    """Reads partition 0 from the start."""

    def __init__(self, cluster, rack):
        self.values = []
        self._stop = threading.Event()
        self._consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "g",
                                   "client.id": "near-librdkafka", "client.rack": rack,
                                   "enable.auto.commit": False, "isolation.level": "read_committed",
                                   "topic.metadata.refresh.interval.ms": 1000,
                                   "socket.timeout.ms": 3000, "fetch.error.backoff.ms": 50})
        self._consumer.assign([TopicPartition(TOPIC, 0, 0)])
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            message = self._consumer.poll(0.2)
            if message and not message.error():
                self.values.append(message.value().decode()[:len("0-000")])

    def close(self):
        self._stop.set()
        self._thread.join()
        self._consumer.close()


class JavaReader:
    """The same with Apache Kafka's console consumer."""

    def __init__(self, cluster, rack):
        if not any(name.startswith("kafka-tools-") for name in
                   (os.listdir(LIBRARY) if os.path.isdir(LIBRARY) else [])):
            raise Skip("Apache Kafka's tools are not here: they need Maven (make clients says why)")
        self.values = []
        properties = {"client.id": "near-java", "client.rack": rack, "metadata.max.age.ms": "1000",
                      "request.timeout.ms": "3000"}
        self._child = spawn(["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", os.path.join(LIBRARY, "*"),
                             CONSOLE, "--bootstrap-server", cluster.bootstrap, "--topic", TOPIC,
                             "--partition", "0", "--offset", "earliest", "--isolation-level", "read_committed",
                             *(word for key, value in properties.items()
                               for word in ("--consumer-property", f"{key}={value}"))],
                            text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        for line in self._child.stdout:
            self.values.append(line[:len("0-000")])

    def close(self):
        self._child.terminate()
        self._child.wait()
        self._thread.join()


def answers(node):
    """The sizes of what this node has answered to the reader so far."""
    return [json.loads(found)["responseSizeInBytes"] for found in ENDED.findall(node.log_text())]


class Course:
    """A cluster with a rack for each node, a topic, and a reader in the rack of a follower."""

    def __init__(self, cluster, reader):
        self.cluster = cluster
        for node in cluster.nodes:
            node.settings["broker.rack"] = f"rack{node.id}"
        cluster.start()
        cluster.create_topic(TOPIC, 1, 3)
        self.leader = cluster.leader(TOPIC)
        self.follower = next(node for node in cluster.nodes if node.id != self.leader.id)
        self.wanted = []
        self.reader = reader(cluster, f"rack{self.follower.id}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reader.close()

    def produce(self, count=SOME, txn=None, commit=True):
        """Records that the reader has to see, unless their transaction is aborted."""
        settings = {"transactional.id": txn, "message.timeout.ms": 30000} if txn else {}
        producer = Producer({**PRODUCER, "bootstrap.servers": self.cluster.bootstrap, **settings})
        values = [f"{len(self.wanted) // SOME}-{i:03}" for i in range(count)]
        if txn:
            producer.init_transactions()
            producer.begin_transaction()
        for value in values:
            producer.produce(TOPIC, value + VALUE)
        check_equal(producer.flush(60), 0, "the records that are not delivered")
        if txn:
            (producer.commit_transaction if commit else producer.abort_transaction)()
        if commit:
            self.wanted += values

    def wait_read(self):
        wait_until(lambda: len(self.reader.values) >= len(self.wanted), 120,
                   f"{len(self.wanted)} records are read")
        check_equal(self.reader.values, self.wanted, "what was read")

    def wait_follower_serves(self):
        """The reader comes back to it."""
        before = len(answers(self.follower))

        def serves():
            self.produce(1)
            return any(size > len(VALUE) for size in answers(self.follower)[before:])
        wait_until(serves, 120, "the follower serves the reader")
        self.wait_read()


def check_nearest(reader):
    with Cluster(3, start=False, **SETTINGS) as cluster, Course(cluster, reader) as course:
        racks = wire.metadata(course.leader.port)
        check(len(racks.brokers) == 3, "not all brokers are there")
        course.produce()
        course.wait_read()
        course.produce(txn="committed")
        course.produce(txn="aborted", commit=False)
        course.produce()
        course.wait_read()
        served = answers(course.follower)
        check(sum(served) > 3 * SOME * len(VALUE), f"the follower has served {sum(served)} bytes")
        others = [size for node in cluster.nodes if node is not course.follower for size in answers(node)]
        note(f"the follower's answers have {sum(served)} bytes, the others' {sum(others)}")
        check(others and max(others) < len(VALUE), f"the leader has served {max(others)} bytes at once")
        leave_and_come_back(course)


def served_elsewhere(course):
    """Bytes from the others: the leader may be another one by now."""
    return sum(sum(answers(node)) for node in course.cluster.nodes if node is not course.follower)


def leave_and_come_back(course):
    follower = course.follower
    follower.kill()
    course.produce()
    course.wait_read()
    check(served_elsewhere(course) > SOME * len(VALUE), "nobody else has served what came meanwhile")
    follower.start()
    course.cluster.wait_isr_whole(TOPIC)
    course.wait_follower_serves()
    before = served_elsewhere(course)
    follower.signal(signal.SIGSTOP)
    course.produce()
    course.wait_read()
    check(served_elsewhere(course) - before > SOME * len(VALUE), "nobody else has served for one that hangs")
    follower.signal(signal.SIGCONT)
    course.cluster.wait_isr_whole(TOPIC)
    course.wait_follower_serves()


@test("librdkafka reads from the follower in its rack, and from the leader without it")
def librdkafka():
    check_nearest(LibrdkafkaReader)


@test("the Java client does so, too")
def java():
    check_nearest(JavaReader)


@test("without a selector the leader serves everybody")
def unset():
    with Cluster(3, start=False, **{**SETTINGS, "replica_selector_class": None}) as cluster, \
            Course(cluster, LibrdkafkaReader) as course:
        course.produce()
        course.wait_read()
        check_equal(answers(course.follower), [], "the answers of the follower")


@test("another selector is refused")
def refused():
    with Cluster(1, start=False, replica_selector_class="com.example.Mine") as cluster:
        node = cluster.nodes[0]
        node.start()
        check(node.wait_exit() != 0, "it has started")
        text = node.log_text()
        check("replica.selector.class=com.example.Mine is not possible" in text and SELECTOR in text, text)


tap.run()
