#!/usr/bin/env python3
"""Transactions of real clients: records copied between topics exactly once, in peace and while
brokers and coordinators end under it; zombies are fenced, timeouts abort, and nothing hangs.

TXN_RECORDS is how many are copied (6,000; the full form is 100,000 by transactions of
TXN_BATCH=750)."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import contextlib
import itertools

import tap
from cluster import Cluster
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from load import PRODUCER
from tap import check, check_equal, note, test
from txn_copy import (ABORTED, Copier, check_copy, fill, new_producer,
                      read_committed, records_of, wait_stable)
from wait import wait_until

PARTITIONS = 3
BATCH = int(os.environ.get("TXN_BATCH") or 250)
COPY_DEADLINE_S = 600
SETTINGS = {"min_insync_replicas": 2, "group_initial_rebalance_delay_ms": 0,
            "offsets_topic_num_partitions": 5, "transaction_state_log_num_partitions": 5,
            "transaction_abort_timed_out_transaction_cleanup_interval_ms": 500,
            "group_min_session_timeout_ms": 1000}


@contextlib.contextmanager
def cluster_of_transactions():
    with Cluster(3, **SETTINGS) as cluster:
        yield cluster


def make_topics(cluster, *names):
    for name in names:
        cluster.create_topic(name, partitions=PARTITIONS)


def lag(cluster, group, topic, count):
    """Records of the source that no committed transaction has copied yet."""
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group, "log_level": 0})
    try:
        found = consumer.committed([TopicPartition(topic, p) for p in range(PARTITIONS)], timeout=10)
        return count - sum(max(p.offset, 0) for p in found)
    except KafkaException:
        return count
    finally:
        consumer.close()


def copy(cluster, count, meanwhile=None, copiers=2):
    make_topics(cluster, "source", "target")
    fill(cluster.bootstrap, "source", count, PARTITIONS)
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(Copier(cluster.bootstrap, str(i), "source", "target", "copiers", BATCH))
                   for i in range(copiers)]
        try:
            if meanwhile:
                meanwhile(lambda: lag(cluster, "copiers", "source", count))
            wait_until(lambda: lag(cluster, "copiers", "source", count) == 0, COPY_DEADLINE_S,
                       "all records are copied")
        except AssertionError:
            for copier in running:
                note(f"copier {copier.name} is in {copier.last}; {copier.errors[-8:]}")
            raise
    wait_stable(cluster.bootstrap, "target", PARTITIONS)
    check_copy(cluster.bootstrap, "target", count, PARTITIONS)
    note(f"transactions committed {sum(c.committed for c in running)}, aborted "
         f"{sum(c.aborted for c in running)}, failed {sum(c.failed for c in running)}")
    for copier in running:
        for error in copier.errors[:5]:
            note(f"copier {copier.name}: {error}")


@test("records are copied exactly once, in peace")
def copy_in_peace():
    with cluster_of_transactions() as cluster:
        copy(cluster, records_of("TXN_RECORDS", 6000))


def bounces(cluster, ends):
    """A node after another ends and comes back, as long as there is something to copy."""
    def run(left):
        for number in itertools.count():
            if left() == 0:
                break
            node = cluster.nodes[number % len(cluster.nodes)]
            ends(node)
            node.start()
            cluster.wait_serving()
            for topic in ("source", "target", "__consumer_offsets", "__transaction_state"):
                cluster.wait_isr_whole(topic)
            note(f"bounce {number + 1}: node {node.id}, {left()} left")
    return run


def terminate(node):
    node.signal(signal.SIGTERM)
    check_equal(node.wait_exit(), 0, f"the status of node {node.id}")


@test("records are copied exactly once, while nodes are killed")
def copy_under_kills():
    with cluster_of_transactions() as cluster:
        copy(cluster, records_of("TXN_RECORDS", 6000), bounces(cluster, lambda node: node.kill()))


@test("records are copied exactly once, while nodes are restarted")
def copy_under_restarts():
    with cluster_of_transactions() as cluster:
        copy(cluster, records_of("TXN_RECORDS", 6000), bounces(cluster, terminate))


def produce(producer, topic, *values):
    for value in values:
        producer.produce(topic, value, partition=0)
    check_equal(producer.flush(120), 0, "records that were never answered")


@test("a zombie is fenced, and what it wrote is never seen")
def zombie():
    with cluster_of_transactions() as cluster:
        make_topics(cluster, "t")
        first = new_producer(cluster.bootstrap, "id")
        first.init_transactions(60)
        first.begin_transaction()
        produce(first, "t", "of the zombie")
        second = new_producer(cluster.bootstrap, "id")
        second.init_transactions(60)
        try:
            first.commit_transaction(60)
            check(False, "the zombie commits")
        except KafkaException as error:
            check(error.args[0].fatal(), f"the zombie hears {error}")
            note(f"the zombie hears {error.args[0].name()}")
        second.begin_transaction()
        produce(second, "t", "of the second")
        second.commit_transaction(60)
        wait_stable(cluster.bootstrap, "t", PARTITIONS)
        check_equal(read_committed(cluster.bootstrap, "t", 0), [b"of the second"], "what is read")
        check_equal(read_committed(cluster.bootstrap, "t", 0, "read_uncommitted"),
                    [b"of the zombie", b"of the second"], "what an impatient reader reads")


@test("a transaction whose producer is gone is aborted when its time is over")
def timeout():
    with cluster_of_transactions() as cluster:
        make_topics(cluster, "t")
        gone = new_producer(cluster.bootstrap, "gone", transaction_timeout_ms=15000)
        gone.init_transactions(60)
        gone.begin_transaction()
        produce(gone, "t", "of who is gone")
        plain = Producer({**PRODUCER, "bootstrap.servers": cluster.bootstrap})
        produce(plain, "t", "plain")
        check_equal(read_committed(cluster.bootstrap, "t", 0), [], "what is read before the end")
        wait_stable(cluster.bootstrap, "t", PARTITIONS)
        check_equal(read_committed(cluster.bootstrap, "t", 0), [b"plain"], "what is read after it")
        try:
            produce(gone, "t", "late")
            gone.commit_transaction(60)
            check(False, "a transaction that was aborted is committed")
        except KafkaException as error:
            note(f"its producer hears {error.args[0].name()}")


@test("offsets of an open transaction are waited for, and go with an abort")
def offsets():
    with cluster_of_transactions() as cluster:
        make_topics(cluster, "t")
        plain = Producer({**PRODUCER, "bootstrap.servers": cluster.bootstrap})
        produce(plain, "t", *(str(n) for n in range(10)))
        consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "g", "log_level": 0,
                             "isolation.level": "read_committed"})
        where = [TopicPartition("t", 0, 4)]

        def committed():
            return consumer.committed([TopicPartition("t", 0)], timeout=3)[0].offset
        consumer.commit(offsets=[TopicPartition("t", 0, 2)], asynchronous=False)
        producer = new_producer(cluster.bootstrap, "id")
        producer.init_transactions(60)
        for ends, expected in ((producer.abort_transaction, 2), (producer.commit_transaction, 4)):
            producer.begin_transaction()
            producer.send_offsets_to_transaction(where, consumer.consumer_group_metadata(), 60)
            try:
                check(False, f"the offset {committed()} is told while a transaction may change it")
            except KafkaException as error:
                check(error.args[0].code() in (KafkaError._TIMED_OUT, KafkaError.UNSTABLE_OFFSET_COMMIT),
                      f"who asks for it hears {error}")
            ends(60)
            wait_until(lambda: stable(committed) == expected, 120, f"the offset is {expected}")
        consumer.close()


def stable(committed):
    try:
        return committed()
    except KafkaException:
        return None


tap.run()
