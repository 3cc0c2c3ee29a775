#!/usr/bin/env python3
"""Compaction on real daemons: the last value of every key stays, deleted keys go, whoever leads and
whoever is killed meanwhile; and the offsets of groups live through it."""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
from cluster import Cluster
from load import PRODUCER, Consumer, Producer, TopicPartition, watermarks
from segments import batches
from tap import check, check_equal, note, test
from wait import wait_until

TOPIC = "compacted"
KEYS = 50
ROUNDS = 40  # records of each key
CLEANER = {"log_cleaner_backoff_ms": 50, "log_retention_check_interval_ms": 200}
CONFIGS = {"cleanup_policy": "compact", "internal_segment_bytes": 16384, "min_cleanable_dirty_ratio": 0.01,
           "delete_retention_ms": 100, "segment_ms": 1000}
BATCH = 20  # records: several batches go into a segment
DEADLINE_S = 120


def read_keyed(bootstrap):
    """{key: value} as a table built from the whole topic, and the number of records read."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "table", "log_level": 0,
                         "enable.auto.commit": False, "auto.offset.reset": "earliest",
                         "check.crcs": True})
    where = TopicPartition(TOPIC, 0)
    first, end = watermarks(consumer, where)
    where.offset = first
    consumer.assign([where])
    table, count, last = {}, 0, -1

    def look():
        nonlocal count, last
        for message in consumer.consume(1000, timeout=0.2):
            check(not message.error(), f"reading: {message.error()}")
            check(message.offset() > last, f"offset {message.offset()} after {last}")
            table[message.key()] = message.value()
            count, last = count + 1, message.offset()
        # What compaction took away at the end of the log is passed over without a record.
        return consumer.position([where])[0].offset >= end
    wait_until(look, DEADLINE_S, f"{TOPIC} is read up to {end}")
    consumer.close()
    return table, count


class Writer:
    """Writes keys by chance and remembers the last value of each; None is a tombstone."""

    def __init__(self, bootstrap):
        self.producer = Producer({**PRODUCER, "bootstrap.servers": bootstrap,
                                  "batch.num.messages": BATCH})
        self.random = random.Random(1)
        self.last = {}
        self.count = 0
        self.errors = []

    def write(self, count):
        for _ in range(count):
            key = b"key-%d" % self.random.randrange(KEYS)
            value = b"value-%d-" % self.count + b"x" * 100
            if self.random.randrange(10) == 0:
                value = None
            self.producer.produce(TOPIC, value, key, partition=0,
                                  on_delivery=lambda e, _: self.errors.append(e) if e else None)
            self.last[key] = value
            self.count += 1
            self.producer.poll(0)
        check_equal(self.producer.flush(60), 0, "the number of records without an answer")
        check(not self.errors, f"{len(self.errors)} records failed: {self.errors[:1]}")


def on_disk(node):
    return len(batches(os.path.join(node.log_dir, f"{TOPIC}-0")))


def check_table(node, writer):
    table, count = read_keyed(node.address)
    living = {key: value for key, value in table.items() if value is not None}
    check_equal(living, {k: v for k, v in writer.last.items() if v is not None}, "the table")
    return count


@test("the last value of every key stays, through kills of the leader")
def last_values():
    with Cluster(3, **CLEANER) as cluster:
        cluster.create_topic(TOPIC, **CONFIGS)
        writer = Writer(cluster.bootstrap)
        for _ in range(3):
            writer.write(KEYS * ROUNDS // 3)
            node = cluster.leader(TOPIC)
            node.kill()
            writer.write(KEYS)
            check_table(cluster.wait_new_leader(TOPIC, node), writer)
            node.start()
            cluster.wait_serving()
            cluster.wait_isr_whole(TOPIC)
        for node in cluster.nodes:
            wait_until(lambda: on_disk(node) < writer.count // 3, DEADLINE_S,
                       f"node {node.id} has compacted its replica")
        for node in cluster.nodes:
            node_count = check_table(node, writer)
            note(f"{writer.count} records written, {node_count} read by way of node {node.id}, "
                 f"{wait_until(lambda node=node: on_disk(node), DEADLINE_S, 'its files stand still')} batches on "
                 "its disk")


@test("offsets of a group live through the compaction of their topic")
def group_offsets():
    settings = {**CLEANER, "offsets_topic_num_partitions": 1, "offsets_topic_segment_bytes": 16384,
                "log_cleaner_min_cleanable_ratio": 0.01, "log_roll_ms": 1000}
    with Cluster(1, **settings) as cluster:
        node = cluster.nodes[0]
        cluster.create_topic(TOPIC)
        consumer = Consumer({"bootstrap.servers": node.address, "group.id": "g", "log_level": 0,
                             "enable.auto.commit": False})
        for offset in range(1000):
            consumer.commit(offsets=[TopicPartition(TOPIC, 0, offset)], asynchronous=False)
        directory = os.path.join(node.log_dir, "__consumer_offsets-0")
        wait_until(lambda: len(batches(directory)) < 400, DEADLINE_S, "the offsets are compacted")
        for stop in (node.kill, cluster.stop):
            stop()
            node.start()
            cluster.wait_serving()
            committed = consumer.committed([TopicPartition(TOPIC, 0)], timeout=60)[0]
            check_equal(committed.offset, 999, "the committed offset after a restart")
        consumer.close()


tap.run()
