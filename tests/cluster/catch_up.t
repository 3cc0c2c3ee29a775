#!/usr/bin/env python3
"""More to fetch than one answer holds: a broker that was away, and consumers that lag, get all of it; a
batch far over the limits is replicated, and nothing waits behind it."""
import glob
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
import wire
from cluster import Cluster
from fetch_session import FetchSession
from load import PRODUCER, Consumer, Load, Producer, TopicPartition
from tap import check, note, test
from wait import wait_until

DEADLINE_S = 120
PARTITIONS = 60
RECORDS = 4
RECORD = os.urandom(900_000)


def produce(cluster, topic, partitions, value, count, **settings):
    """`count` records of `value` to each partition, each in a batch of its own."""
    failed = []
    producer = Producer({**PRODUCER, "bootstrap.servers": cluster.bootstrap, "linger.ms": 0,
                         "batch.num.messages": 1, "queue.buffering.max.kbytes": 400_000,
                         **{key.replace("_", "."): v for key, v in settings.items()}})
    for _ in range(count):
        for p in range(partitions):
            producer.produce(topic, value, partition=p,
                             on_delivery=lambda error, _: error and failed.append(str(error)))
    check(producer.flush(DEADLINE_S) == 0, "not everything was acknowledged in time")
    check(not failed, f"a record was refused: {failed[:1]}")


def consume(cluster, topic, partitions, total):
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "none",
                         "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    seen = 0

    def look():
        nonlocal seen
        for message in consumer.consume(1000, 0.5):
            check(not message.error(), f"{message.error()}")
            seen += 1
        return seen >= total
    try:
        wait_until(look, DEADLINE_S, f"a consumer reads {total} records")
    finally:
        consumer.close()
    check(seen == total, f"{seen} records were read instead of {total}")


@test("a broker that was away is whole again, and consumers that lag read everything")
def comes_back():
    with Cluster(3) as cluster:
        cluster.create_topic("large", PARTITIONS)
        node = cluster.nodes[2]
        node.kill()
        wait_until(lambda: not any(node.id in isr for _, _, isr in
                                   wire.metadata(cluster.nodes[0].port).topics["large"].values()),
                   DEADLINE_S, "no in-sync set has the node that is down")
        produce(cluster, "large", PARTITIONS, RECORD, RECORDS, acks=1, enable_idempotence=False)
        node.start()
        begun = time.monotonic()
        cluster.wait_isr_whole("large", DEADLINE_S)
        note(f"{PARTITIONS * RECORDS * len(RECORD) // 10**6} MB: in sync "
             f"{time.monotonic() - begun:.1f} s after the start")
        held = sum(os.path.getsize(path) for path in
                   glob.glob(os.path.join(node.log_dir, "large-*", "*.log")))
        check(held >= PARTITIONS * RECORDS * len(RECORD), f"it holds only {held} bytes")
        consume(cluster, "large", PARTITIONS, PARTITIONS * RECORDS)


@test("a consumer with tiny limits reads everything, with and without a session")
def tiny_limits():
    with Cluster(1) as cluster:
        cluster.create_topic("small", 90)
        produce(cluster, "small", 90, b"x" * 600, 3)
        for session in (True, False):
            reader = FetchSession(cluster.nodes[0].port, "small", range(90), 500, 100, session)
            reader.read_to({p: 3 for p in range(90)})
            check(reader.fetches <= 280, f"{reader.fetches} fetches for 270 batches")
            reader.close()
        consume(cluster, "small", 90, 270)


@test("the first batch of a partition is whole or not there")
def no_pieces():
    with Cluster(1) as cluster:
        cluster.create_topic("small", 2)
        produce(cluster, "small", 2, b"x" * 600, 2)
        reader = FetchSession(cluster.nodes[0].port, "small", range(2), 0, 0, session=False)
        batch = len(reader.fetch([0])[0][1])
        check(600 < batch < 700, f"a batch has {batch} bytes")
        for offset, total, own, first, second in (
                (1, 1000, 1000, batch, 0),          # the second does not fit in what is left
                (1, 5000, 100, batch, 0),           # nor in its own limit
                (1, batch * 2, 5000, batch, batch),  # it does
                (0, 1000, 1000, 1000, 0),           # behind a whole one a later one may be cut
                (0, 1, 1, batch, 0)):
            reader.max_bytes, reader.partition_max_bytes = total, own
            reader.offsets = {0: offset, 1: 0}
            answer = reader.fetch([0, 1])
            got = tuple(len(answer[p][1]) for p in (0, 1))
            check(got == (first, second), f"{total}/{own} from {offset}: {got}, not {(first, second)}")
        reader.close()


@test("a batch of 14 MB is replicated, and another topic of its leader goes on")
def large_batch():
    with Cluster(3) as cluster:
        cluster.create_topic("huge", 1, max_message_bytes=30_000_000, min_insync_replicas=3)
        leader = cluster.leader("huge")
        cluster.create_topic("other", 3, min_insync_replicas=3)
        other = next(p for p in range(3) if cluster.leader("other", p) is leader)
        produce(cluster, "huge", 1, os.urandom(14_000_000), 2, message_max_bytes=30_000_000)
        producer = Producer({**PRODUCER, "bootstrap.servers": cluster.bootstrap})
        producer.produce("other", b"goes on", partition=other)
        check(producer.flush(DEADLINE_S) == 0, "another topic stands still behind a large batch")
        with Load(cluster.bootstrap, "other") as load:
            produce(cluster, "huge", 1, os.urandom(28_000_000), 1, message_max_bytes=30_000_000)
            load.wait_acks(100)
            load.stop()
        cluster.wait_isr_whole("huge", DEADLINE_S)
        consume(cluster, "huge", 1, 3)


tap.run()
