#!/usr/bin/env python3
"""Java clients, old and new, copy records between topics in transactions, while they and the brokers
are killed: each record must be there once, in order, and none of a transaction that was aborted. Once
at the transaction.version of a new cluster, and once while that goes up and down.

TXN_RECORDS is how many each of them copies (3,000, in transactions of up to 50; the long form is
100,000 with TXN_BATCH=750), TXN_BOUNCES how many brokers end meanwhile (3)."""
import contextlib
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

from lib_path import CLUSTER_LIB  # noqa: F401 makes the harness importable

import tap
from cluster import Cluster
from txn_copy import check_copy, fill  # skips where confluent_kafka is missing

from bounces import end, start_again
from confluent_kafka import Consumer, KafkaException, TopicPartition
from member import Program, program
from tap import check_equal, note, test
from wait import wait_until

CLIENTS = ("java-2.1.0", "java-3.9", "java-4")
PARTITIONS = 3
RECORDS = int(os.environ.get("TXN_RECORDS") or 3000)
BATCH = os.environ.get("TXN_BATCH") or "50"
BOUNCES = int(os.environ.get("TXN_BOUNCES") or 3)
DEADLINE_S = 600
SETTINGS = {"min_insync_replicas": 2, "group_initial_rebalance_delay_ms": 0,
            "offsets_topic_num_partitions": 5, "transaction_state_log_num_partitions": 5,
            "request_logger_apis": "EndTxn", "logger_levels": "kafka.request.logger=DEBUG"}
BUMPS = 5  # from this version of EndTxn on a client acts by transaction.version 2


class Copier:
    """The program of one release, its topics, and its lives."""

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        self.source, self.target = f"source-{name}", f"target-{name}"
        self.lives = []
        self.filled = 0
        self._consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": name,
                                   "log_level": 0})

    def prepare(self):
        for topic in (self.source, self.target):
            self.cluster.create_topic(topic, partitions=PARTITIONS)

    def fill(self, count):
        fill(self.cluster.bootstrap, self.source, count, PARTITIONS, self.filled)
        self.filled += count

    def start(self, stack):
        self.lives.append(stack.enter_context(Program(
            program(self.name), "copy", self.cluster.bootstrap, self.source, self.target, self.name,
            BATCH)))

    def kill(self):
        self.lives[-1].child.kill()
        self.lives[-1].child.wait()

    def count(self, kind):
        return sum(len(life.of_kind(kind)) for life in self.lives)

    def left(self):
        """Records that no committed transaction has copied."""
        self.lives[-1].check_alive()
        try:
            found = self._consumer.committed(
                [TopicPartition(self.source, p) for p in range(PARTITIONS)], timeout=10)
        except KafkaException:
            return self.filled
        return self.filled - sum(max(p.offset, 0) for p in found)

    def wait_left(self, most, what):
        try:
            wait_until(lambda: self.left() <= most, DEADLINE_S, f"{self.name}: {what}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.left()} left; {self.lives[-1].described()}") from None

    def finish(self):
        life = self.lives[-1]
        life.child.stdin.close()
        life.wait_end(DEADLINE_S)
        check_copy(self.cluster.bootstrap, self.target, self.filled, PARTITIONS)
        note(f"{self.name}: transactions committed {self.count('committed')}, aborted "
             f"{self.count('aborted')}, lives {len(self.lives)}")
        for said in [words for life in self.lives for words in life.of_kind("note")][:8]:
            note(f"{self.name}: {' '.join(said)}")


def wait_begun(copiers, each):
    """What is left for each, when the first has copied some."""
    def some():
        left = [copier.left() for copier in copiers]
        return left if min(left) < each else None
    return wait_until(some, DEADLINE_S, "some is copied")


def bounce(cluster, copiers, number, stack):
    """A broker ends while all of them copy, and every second time the copiers, too. Their next lives
    get records of their own: a quick copier has none left when it is killed."""
    each = RECORDS // BOUNCES
    node = cluster.nodes[number % len(cluster.nodes)]
    for copier in copiers:
        copier.fill(each)
    left = wait_begun(copiers, each)
    how = end(node, number)
    if number % 2 == 1:
        for copier in copiers:
            copier.kill()
            copier.start(stack)
            copier.fill(each)
    for copier in copiers:
        copier.wait_left(0, f"all is copied without node {node.id}")
    start_again(cluster, node)
    note(f"node {node.id} was {how} with {left} records to copy")


def end_versions(cluster):
    """{transactional client: the versions of EndTxn that it has used}"""
    found = {}
    for node in cluster.nodes:
        for line in node.log_text().splitlines():
            if "Completed request:" in line:
                header = json.loads(line.split("Completed request:", 1)[1])["requestHeader"]
                client = header["clientId"].removeprefix("producer-")
                client = CLIENTS[0] if client == "1" else client  # it does not say its id
                found.setdefault(client, set()).add(header["requestApiVersion"])
    return found


def check_versions(cluster, levels):
    """The newest client has ended its transactions as each of the levels says, older ones never as
    by level 2."""
    found = end_versions(cluster)
    note(f"versions of EndTxn: {found}")
    check_equal(sorted(found), sorted(CLIENTS), "who has ended transactions")
    for client, versions in found.items():
        newest = client == CLIENTS[-1]
        check_equal({version >= BUMPS for version in versions},
                    {newest and level >= 2 for level in levels}, f"whether ends of {client} bump")


def copiers_of(cluster, stack):
    copiers = [Copier(cluster, name) for name in CLIENTS]
    for copier in copiers:
        copier.prepare()
        copier.start(stack)
    return copiers


@test("Java clients of all ages copy records exactly once while they and brokers are killed")
def copy_under_kills():
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(Cluster(3, **SETTINGS))
        copiers = copiers_of(cluster, stack)
        for number in range(BOUNCES):
            bounce(cluster, copiers, number, stack)
        for copier in copiers:
            copier.finish()
        check_versions(cluster, [2])


@test("they do so while transaction.version is 1, becomes 2, and is 1 again")
def copy_at_all_levels():
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(Cluster(3, **SETTINGS))
        cluster.set_level("transaction.version", 1)
        copiers = copiers_of(cluster, stack)
        for number, level in enumerate((1, 2, 1)):
            if level != cluster.level("transaction.version"):
                cluster.set_level("transaction.version", level)
            bounce(cluster, copiers, number, stack)
        for copier in copiers:
            copier.finish()
        check_versions(cluster, [1, 2])


tap.run()
