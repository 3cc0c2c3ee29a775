#!/usr/bin/env python3
"""Records that clients may not write, and records that they delete: what DeleteRecords has answered
stays deleted when every node dies, and whichever node leads then."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import struct

import tap
import wire
from cluster import Cluster
from load import PRODUCER, Consumer, Producer, TopicPartition, read_all
from tap import check, check_equal, test
from wait import wait_until

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from kafka.record.default_records import DefaultRecordBatchBuilder

COUNT = 100
LEADER_ERRORS = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
DEADLINE_S = 30


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

    def ask():
        try:
            return consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=DEADLINE_S)
        except KafkaException as error:  # its leader is just taking office
            check(error.args[0].retriable() or error.args[0].code() in LEADER_ERRORS, error)
            return None
    first, _ = wait_until(ask, DEADLINE_S, "the leader tells its offsets")
    consumer.close()
    return first


def delete_records(cluster, topic, offset):
    """The low watermark that is answered."""
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    futures = admin.delete_records([TopicPartition(topic, 0, offset)],
                                   operation_timeout=DEADLINE_S, request_timeout=DEADLINE_S)
    return list(futures.values())[0].result().low_watermark


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


PRODUCE, UNKNOWN_TOPIC, NOT_LEADER = 0, 3, 6


def produce_one(line, topic, sequence, producer_id=4711):
    """The error code for one idempotent record to partition 0, on a connection that is kept."""
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=False, producer_id=producer_id,
        producer_epoch=0, base_sequence=sequence, batch_size=1 << 20)
    builder.append(0, timestamp=1, key=None, value=b"%d" % sequence, headers=[])
    batch = bytes(builder.build())
    body = struct.pack(">hhiih", -1, -1, 10000, 1, len(topic)) + topic.encode() + \
        struct.pack(">iii", 1, 0, len(batch)) + batch
    line.sendall(wire.request(PRODUCE, 3, body))
    r = wire.Reader(wire.receive(line))
    r.take("i")
    return r.array(lambda: (r.string(), r.array(lambda: (
        r.take("i"), r.take("h"), r.take("q"), r.take("q"))[1]))[1])[0][0]


@test("the first batch of a new producer is not overtaken by the next")
def first_batch():
    with Cluster(1) as cluster, wire.connect(cluster.nodes[0].port) as line:
        check_equal(produce_one(line, "late", 0), UNKNOWN_TOPIC, "before the topic is there")
        cluster.create_topic("late")
        check_equal(produce_one(line, "late", 1), NOT_LEADER, "the second, ahead of the first")
        check_equal(produce_one(line, "late", 0), 0, "the first")
        check_equal(produce_one(line, "late", 1), 0, "the second")
        check_equal(produce_one(line, "late", 5, 4712), 0, "a producer that nothing is known of")


tap.run()
