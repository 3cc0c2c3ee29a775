#!/usr/bin/env python3
"""Records that clients may not write, and records that they delete: what DeleteRecords has answered
stays deleted when every node dies, and whichever node leads then."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import gzip
import select
import signal
import struct
import threading
import time
import zlib

import batches
import produce
import tap
import wire
from cluster import Cluster
from load import PRODUCER, Consumer, Producer, TopicPartition, once_led, read_all, watermarks
from tap import check, check_equal, test
from wait import wait_until

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

COUNT = 100
DEADLINE_S = 120


def write(cluster, topic, values, **settings):
    """The errors of the records."""
    errors = []
    producer = Producer({**PRODUCER, "bootstrap.servers": cluster.bootstrap, **settings})
    for value in values:
        producer.produce(topic, value, key="k", partition=0,
                         on_delivery=lambda error, _: errors.append(error) if error else None)
    check_equal(producer.flush(60), 0, "unanswered records")
    return errors


def first_offset(node, topic):
    consumer = Consumer({"bootstrap.servers": node.address, "group.id": "look", "log_level": 0})
    first, _ = watermarks(consumer, TopicPartition(topic, 0))
    consumer.close()
    return first


def delete_records(cluster, topic, offset):
    """The low watermark that is answered."""

    def ask():
        # A new client each time: it goes on with the leader that it knows.
        admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
        futures = admin.delete_records([TopicPartition(topic, 0, offset)],
                                       operation_timeout=DEADLINE_S, request_timeout=DEADLINE_S)
        return list(futures.values())[0].result().low_watermark
    return once_led(ask, f"records of {topic} are deleted")


@test("DeleteRecords survives the death of all nodes, on every replica")
def deleted_stays_deleted():
    with Cluster(3, min_insync_replicas=2) as cluster:
        cluster.create_topic("cut")
        check_equal(write(cluster, "cut", [str(n) for n in range(COUNT)]), [], "errors")
        for offset in (10, 25, 60):
            check_equal(delete_records(cluster, "cut", offset), offset, "the low watermark")
            for node in cluster.nodes:
                node.kill()
            cluster.start()
            cluster.wait_isr_whole("cut")
            for _ in cluster.nodes:
                leader = cluster.leader("cut")
                check_equal(first_offset(leader, "cut"), offset, f"the start at node {leader.id}")
                leader.kill()
                cluster.wait_new_leader("cut", leader)
                leader.start()
                cluster.wait_serving()
                cluster.wait_isr_whole("cut")
        values = [int(value) for _, value in read_all(cluster.bootstrap, "cut")]
        check_equal(values, list(range(60, COUNT)), "what is left")


@test("DeleteRecords is answered when a replica is down")
def deleted_without_one():
    with Cluster(3, min_insync_replicas=2) as cluster:
        cluster.create_topic("cut")
        check_equal(write(cluster, "cut", [str(n) for n in range(COUNT)]), [], "errors")
        leader = cluster.leader("cut")
        down = [node for node in cluster.nodes if node is not leader][0]
        down.kill()
        check_equal(delete_records(cluster, "cut", 40), 40, "the low watermark")
        down.start()
        cluster.wait_serving()
        cluster.wait_isr_whole("cut")
        for node in cluster.nodes:
            if node is not down:
                node.kill()
                node.start()
        cluster.wait_serving()
        cluster.wait_isr_whole("cut")
        check_equal(first_offset(cluster.leader("cut"), "cut"), 40, "the start")


@test("a replica begins where the log was deleted up to, in the middle of a batch")
def begins_in_a_batch():
    with Cluster(3, min_insync_replicas=2) as cluster:
        cluster.create_topic("cut")
        errors = write(cluster, "cut", [str(n) for n in range(COUNT)], **{"linger.ms": 500})
        check_equal(errors, [], "errors")
        check_equal(delete_records(cluster, "cut", COUNT // 2), COUNT // 2, "the low watermark")
        leader = cluster.leader("cut")
        anew = [node for node in cluster.nodes if node is not leader][0]
        anew.kill()
        shutil.rmtree(os.path.join(anew.log_dir, "cut-0"))
        anew.start()
        cluster.wait_serving()
        cluster.wait_isr_whole("cut")
        check_equal(delete_records(cluster, "cut", COUNT // 2 + 1), COUNT // 2 + 1, "the start")
        for node in cluster.nodes:
            if node is not anew:
                node.kill()
        for node in cluster.nodes:
            if node is not anew:
                node.start()
        cluster.wait_serving()
        cluster.wait_isr_whole("cut")
        values = [int(value) for _, value in read_all(cluster.bootstrap, "cut")]
        check_equal(values, list(range(COUNT // 2 + 1, COUNT)), "what is left")


@test("clients can't write to the topics of the coordinators, or delete from them")
def internal_topics():
    with Cluster(1) as cluster:
        consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "g"})
        cluster.create_topic("t")
        consumer.commit(offsets=[TopicPartition("t", 0, 7)], asynchronous=False)
        errors = write(cluster, "__consumer_offsets", ["x"])
        check(errors and errors[0].code() == KafkaError.TOPIC_EXCEPTION, f"the answer is {errors}")
        errors = write(cluster, "__consumer_offsets", ["x"], **{"client.id": "__admin_client"})
        check(errors and errors[0].code() == KafkaError.TOPIC_EXCEPTION, f"the answer is {errors}")
        try:
            delete_records(cluster, "__consumer_offsets", 0)
            check(False, "records of an internal topic were deleted")
        except KafkaException as refusal:
            check_equal(refusal.args[0].code(), KafkaError.TOPIC_EXCEPTION, "the answer")
        check_equal(consumer.committed([TopicPartition("t", 0)])[0].offset, 7, "the offset")
        consumer.close()


UNKNOWN_TOPIC, NOT_LEADER, MESSAGE_TOO_LARGE, INVALID_TIMESTAMP, INVALID_RECORD = 3, 6, 10, 32, 87
APPEND_TIME = 8  # among the attributes: the broker has set the time, which no client may say
STORAGE_ERROR = 56


def one_record(sequence, producer_id=4711, **fields):
    return batches.batch(batches.record(b"%d" % sequence), producer_id=producer_id,
                         sequence=sequence, **fields)


def produce_one(line, topic, sequence, producer_id=4711):
    """The error code for one idempotent record to partition 0, on a connection that is kept."""
    return produce.send(line, topic, one_record(sequence, producer_id)).error


@test("the first batch of a new producer is not overtaken by the next")
def first_batch():
    with Cluster(1) as cluster, wire.connect(cluster.nodes[0].port) as line:
        check_equal(produce_one(line, "late", 0), UNKNOWN_TOPIC, "before the topic is there")
        cluster.create_topic("late")
        check_equal(produce_one(line, "late", 1), NOT_LEADER, "the second, ahead of the first")
        check_equal(produce_one(line, "late", 0), 0, "the first")
        check_equal(produce_one(line, "late", 1), 0, "the second")
        check_equal(produce_one(line, "late", 5, 4712), 0, "a producer that nothing is known of")


# ---- batches that workers look at ----

MB = 1 << 20
SLOW_BYTES = 48 * MB  # a batch that opens to it takes a worker a while; it is good
BOMB_BYTES = 160 * MB  # more than any batch may open to


def slow(sequence, producer_id=4711):
    """One record, of zeros, in some kilobytes."""
    return batches.bomb(SLOW_BYTES, producer_id=producer_id, sequence=sequence)


def ready_topic(cluster, topic, **configs):
    cluster.create_topic(topic, **configs)
    with wire.connect(cluster.nodes[0].port) as line:
        wait_until(lambda: produce.list_offset(line, topic, -1)[0] == 0, DEADLINE_S, "a leader")


@test("what comes behind a batch that a worker has does not overtake it")
def no_overtaking():
    with Cluster(1) as cluster, wire.connect(cluster.nodes[0].port, 60) as line, \
            wire.connect(cluster.nodes[0].port, 60) as other:
        ready_topic(cluster, "t", partitions=2)
        line.sendall(b"".join(produce.request("t", data, correlation=n) for n, data in enumerate([
            slow(0), one_record(1), one_record(2), slow(3), one_record(4),
            [(1, one_record(0)), (0, one_record(5))]])))
        other.sendall(produce.request("t", one_record(0, 4712)))
        got = [produce.answers(wire.receive(line)) for _ in range(6)]
        check_equal([correlation for correlation, _ in got], list(range(6)), "the order of answers")
        check_equal([a.error for _, answers in got for a in answers], [0] * 7, "the errors")
        offsets = [answers[-1].offset for _, answers in got]
        check_equal(offsets, sorted(offsets), "the offsets")
        _, (answer,) = produce.answers(wire.receive(other))
        check_equal(answer.error, 0, "another producer's error")
        check_equal(sorted(offsets + [answer.offset]), list(range(7)), "all offsets")


@test("a batch that opens to too much is refused, and holds nobody up")
def bombs():
    with Cluster(1) as cluster:
        ready_topic(cluster, "t")
        port = cluster.nodes[0].port
        bomb = produce.request("t", batches.bomb(BOMB_BYTES))
        lines = [wire.connect(port, 120) for _ in range(8)]
        for line in lines:
            line.sendall(bomb)
        with wire.connect(port, 60) as honest:
            packed = batches.pack(batches.GZIP, batches.records(10))
            sent = produce.send(honest, "t", batches.batch(packed, batches.GZIP, count=10))
        waiting = len(lines) - len(select.select(lines, [], [], 0)[0])
        check_equal(sent.error, 0, "the honest client's error")
        check(waiting > 0, "the honest client had to wait for all of the others")
        for line in lines:
            _, (answer,) = produce.answers(wire.receive(line))
            check_equal(answer.error, MESSAGE_TOO_LARGE, f"the error ({answer.message})")
            line.close()


@test("clients, topics and brokers that go away while workers have their batches")
def gone_meanwhile():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        for topic in ("t", "gone"):
            ready_topic(cluster, topic)
        for _ in range(4):  # these close at once, with batches in all states
            with wire.connect(node.port) as line:
                line.sendall(b"".join(produce.request("t", data) for data in (
                    slow(-1, -1), batches.batch(batches.record(b"x")), slow(0, 1), one_record(1, 1))))
        with wire.connect(node.port, 60) as line:
            line.sendall(produce.request("gone", slow(0)))
            cluster.delete_topic("gone")
            _, (answer,) = produce.answers(wire.receive(line))
            check(answer.error in (0, UNKNOWN_TOPIC, NOT_LEADER), f"the error is {answer.error}")
        with wire.connect(node.port, 60) as line:
            check_equal(produce.send(line, "t", one_record(0)).error, 0, "afterwards")
        with wire.connect(node.port, 60) as line:
            for n in range(4):
                line.sendall(produce.request("t", slow(n)) + produce.request("t", slow(-1, -1)))
            node.signal(signal.SIGTERM)
            check_equal(node.wait_exit(), 0, "the status")
        node.start()
        cluster.wait_serving()
        with wire.connect(node.port, 60) as line:
            wait_until(lambda: produce.list_offset(line, "t", -1)[0] == 0, DEADLINE_S, "a leader")
            check_equal(produce.send(line, "t", one_record(0, 9)).error, 0, "after the restart")


@test("produce.batch.validation=headers believes the header, but for keys")
def headers_only():
    with Cluster(1, **{"produce.batch.validation": "headers"}) as cluster, \
            wire.connect(cluster.nodes[0].port, 60) as line:
        ready_topic(cluster, "t")
        ready_topic(cluster, "compacted", cleanup_policy="compact")
        garbage = batches.batch(b"garbage" * 9, batches.GZIP, time_ms=5000)
        check_equal(produce.send(line, "t", garbage).error, 0, "garbage")
        check_equal(produce.send(line, "compacted", garbage).error, INVALID_RECORD, "and no keys")
        check_equal(produce.send(line, "t", batches.batch(b"", count=0)).error, INVALID_RECORD,
                    "a header that can't be")
        check_equal(produce.list_offset(line, "t", 1), (0, -1, -1), "a lookup finds nothing")
        good = batches.batch(batches.records(3), count=3, time_ms=3000)
        check_equal(produce.send(line, "t", good).error, 0, "a good one")
        check_equal(produce.list_offset(line, "t", 1), (0, 3000, 1), "and goes on behind garbage")
        told = cluster.nodes[0].log_text().count("nobody can read the batch")
        check_equal(told, 1, "lines of the log about it")


def message(value, timestamp, codec=0, offset=0, key=b"k"):
    """One of magic 1."""
    body = struct.pack(">bbq", 1, codec, timestamp)
    body += struct.pack(">i", -1 if key is None else len(key)) + (key or b"")
    body += struct.pack(">i", len(value)) + value
    body = struct.pack(">I", zlib.crc32(body)) + body
    return struct.pack(">qi", offset, len(body)) + body


@test("message sets of old clients get the same looks")
def old_messages():
    hour = 3600 * 1000
    now = int(time.time() * 1000)
    with Cluster(1) as cluster, wire.connect(cluster.nodes[0].port, 60) as line:
        ready_topic(cluster, "t", message_timestamp_before_max_ms=hour)
        ready_topic(cluster, "compacted", cleanup_policy="compact")
        inner = b"".join(message(b"%d" % n, now + n, offset=n) for n in range(10))
        wrapped = message(gzip.compress(inner), now + 9, batches.GZIP, 9, None)
        for data, error in ((inner, 0), (wrapped, 0), (wrapped[:-5], 2), (b"", INVALID_RECORD),
                            (message(b"garbage" * 9, now, batches.GZIP), 2),
                            (message(b"old", now - 2 * hour), INVALID_TIMESTAMP),
                            (message(b"as appended", now, APPEND_TIME), INVALID_TIMESTAMP),
                            (message(gzip.compress(inner), now + 9, batches.GZIP | APPEND_TIME, 9, None),
                             INVALID_TIMESTAMP),
                            (message(gzip.compress(message(b"old", now - 2 * hour)), now,
                                     batches.GZIP), INVALID_TIMESTAMP),
                            (message(gzip.compress(bytes(80 * MB)), now, batches.GZIP),
                             MESSAGE_TOO_LARGE)):
            check_equal(produce.send(line, "t", data, version=2).error, error, data[:40])
        check_equal(produce.send(line, "compacted", message(b"v", now, key=None), version=2).error,
                    INVALID_RECORD, "without a key")
        check_equal(produce.list_offset(line, "t", now + 5), (0, now + 5, 5), "by time")
        check_equal(produce.list_offset(line, "t", -1)[2], 20, "the end")


@test("who fills the memory for requests with what takes long to open is refused")
def long_looks():
    packed = zlib.compressobj(1, zlib.DEFLATED, 31)
    value = os.urandom(900 * 1000) + bytes(20 * MB)
    data = packed.compress(batches.record(value)) + packed.flush()
    with Cluster(1, socket_request_max_bytes=2 * MB, queued_max_request_bytes=8 * MB) as cluster:
        ready_topic(cluster, "t")
        frame = produce.request("t", batches.batch(data, batches.GZIP))
        told = {}  # error -> what is said of it

        def fill():
            with wire.connect(cluster.nodes[0].port, 60) as line:
                while STORAGE_ERROR not in told:
                    line.sendall(frame * 8)
                    for _ in range(8):
                        answer = produce.answers(wire.receive(line))[1][0]
                        told[answer.error] = answer.message
        lines = [threading.Thread(target=fill, daemon=True) for _ in range(4)]
        for line in lines:
            line.start()
        wait_until(lambda: STORAGE_ERROR in told, DEADLINE_S, "some are refused")
        for line in lines:
            line.join(DEADLINE_S)
        check("smaller ones" in told.get(STORAGE_ERROR, ""), told)
        check(set(told) <= {0, STORAGE_ERROR}, told)
        with wire.connect(cluster.nodes[0].port, 60) as line:
            line.sendall(frame)
            check_equal(produce.answers(wire.receive(line))[1][0].error, 0, "alone")


tap.run()
