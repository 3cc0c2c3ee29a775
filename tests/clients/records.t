#!/usr/bin/env python3
"""Record batches of every kind, good and bad, sent as they are to Millrace and to Apache Kafka: what
each of them answers, what a reader finds, and where the two differ, with the reason."""
import os
import struct
import sys
import time
from collections import namedtuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

from lib_path import CLUSTER_LIB

sys.path.insert(0, os.path.join(CLUSTER_LIB, "..", "..", "bench"))

import peer
import produce
import tap
import wire
from batches import GZIP, LZ4, SNAPPY, ZSTD, batch, crc32c, pack, record, records, varint
from cluster import Cluster
from node import ROOT
from tap import Skip, check, check_equal, note, test
from wait import wait_until

OK, UNKNOWN_SERVER_ERROR, CORRUPT_MESSAGE, TOO_LARGE = 0, -1, 2, 10
INVALID_TIMESTAMP, UNSUPPORTED_VERSION, UNSUPPORTED_FORMAT = 32, 35, 43
UNSUPPORTED_CODEC, INVALID_RECORD = 76, 87
CODECS = {"none": 0, "gzip": GZIP, "snappy": SNAPPY, "lz4": LZ4, "zstd": ZSTD}
LOG_APPEND_TIME, CONTROL = 8, 32
HOUR_MS = 3600 * 1000
NOW = int(time.time() * 1000)

peer.JARS = os.path.join(ROOT, "build", "clients", "kafka-tools", "lib")

# `kafka` is Kafka's answer where it is another one, and `why` the reason to differ.
Case = namedtuple("Case", "name data error topic version kafka why bad", defaults=(
    "plain", produce.VERSION, None, None, []))


def count_of(n, plain, codec=0, **fields):
    return batch(pack(codec, plain), codec, count=n, **fields)


def swapped():
    """Three records of which the last two have changed places."""
    return record(b"a", 0) + record(b"b", 2) + record(b"c", 1)


def of_magic(magic):
    data = bytearray(count_of(3, records(3)))
    data[16] = magic
    return bytes(data)


def flipped():
    data = bytearray(count_of(3, records(3)))
    data[-1] ^= 1
    return bytes(data)


FAILS = "Kafka's own code fails on it: UNKNOWN_SERVER_ERROR does not tell what is wrong"
ORDER = "Kafka does not look at the deltas of plain records, which its readers then see"


def codec_cases():
    for name, codec in CODECS.items():
        yield Case(f"{name}: ten good records", count_of(10, records(10), codec), OK)
        yield Case(f"{name}: one record less than counted", count_of(10, records(9), codec),
                   INVALID_RECORD)
        yield Case(f"{name}: one record more than counted", count_of(10, records(11), codec),
                   INVALID_RECORD)
        yield Case(f"{name}: records of noise", count_of(10, bytes(range(200, 256)) * 4, codec),
                   INVALID_RECORD, kafka=INVALID_RECORD if codec else UNKNOWN_SERVER_ERROR,
                   why=FAILS)
        yield Case(f"{name}: deltas out of order", count_of(3, swapped(), codec), INVALID_RECORD,
                   kafka=UNKNOWN_SERVER_ERROR if codec else OK, why=FAILS if codec else ORDER)
        yield Case(f"{name}: a delta twice",
                   count_of(2, record(b"a", 0) + record(b"b", 0), codec), INVALID_RECORD,
                   kafka=UNKNOWN_SERVER_ERROR if codec else OK, why=FAILS if codec else ORDER)
        yield Case(f"{name}: a compacted topic, the second and third without keys",
                   count_of(4, record(b"a", 0, key=b"k") + record(b"b", 1) + record(b"c", 2)
                            + record(b"d", 3, key=b"k"), codec), INVALID_RECORD, "compacted",
                   bad=[1, 2])
        yield Case(f"{name}: the last of ten is too old",
                   count_of(10, records(9) + record(b"x", 9, -2 * HOUR_MS), codec, time_ms=NOW),
                   INVALID_TIMESTAMP, "timed", bad=[9])
        yield Case(f"{name}: two of ten are of the future",
                   count_of(10, record(b"x", 0, 2 * HOUR_MS) + record(b"x", 1, 2 * HOUR_MS)
                            + b"".join(record(b"y", n) for n in range(2, 10)), codec, time_ms=NOW,
                            max_ms=-1), INVALID_TIMESTAMP, "timed", bad=[0, 1])
        yield Case(f"{name}: no record has a timestamp",
                   count_of(2, record(b"a", 0) + record(b"b", 1), codec, time_ms=-1), OK, "timed")
        yield Case(f"{name}: without time limits old and new are good",
                   count_of(2, record(b"a", 0, -20 * HOUR_MS) + record(b"b", 1), codec), OK)
        if codec == 0:
            continue
        packed = pack(codec, records(500))
        yield Case(f"{name}: garbage", batch(b"garbage" * 9, codec, count=9), INVALID_RECORD,
                   kafka=UNKNOWN_SERVER_ERROR, why=FAILS)
        yield Case(f"{name}: cut short", batch(packed[:len(packed) // 2], codec, count=500),
                   INVALID_RECORD, kafka=UNKNOWN_SERVER_ERROR, why=FAILS)
        yield Case(f"{name}: nothing at all", batch(b"", codec, count=1), INVALID_RECORD,
                   kafka=INVALID_RECORD if codec == ZSTD else UNKNOWN_SERVER_ERROR, why=FAILS)


def linked_lz4():
    """Blocks that need the ones before them."""
    import lz4.frame
    packed = lz4.frame.compress(records(20000), block_linked=True)
    return batch(packed, LZ4, count=20000)


CASES = list(codec_cases()) + [
    Case("an LZ4 frame with linked blocks", linked_lz4(), INVALID_RECORD,
         kafka=UNKNOWN_SERVER_ERROR, why=FAILS),
    Case("the checksum is wrong", flipped(), CORRUPT_MESSAGE),
    Case("lastOffsetDelta above the count", count_of(3, records(3), last_delta=7), INVALID_RECORD),
    Case("lastOffsetDelta below the count", count_of(3, records(3), last_delta=1), INVALID_RECORD),
    Case("lastOffsetDelta below 0", count_of(3, records(3), last_delta=-1), INVALID_RECORD),
    Case("a count of 0", batch(b"", count=0, last_delta=0), INVALID_RECORD),
    Case("a count below 0", batch(records(1), count=-1, last_delta=0), INVALID_RECORD),
    Case("a count beyond the bytes", batch(records(3), count=400), INVALID_RECORD),
    Case("codec 5", batch(records(1), 5), UNSUPPORTED_CODEC, kafka=UNKNOWN_SERVER_ERROR,
         why=FAILS),
    Case("codec 7", batch(records(1), 7), UNSUPPORTED_CODEC, kafka=UNKNOWN_SERVER_ERROR,
         why=FAILS),
    Case("a control batch", batch(records(1), CONTROL), INVALID_RECORD),
    Case("the client sets LogAppendTime", batch(records(1), LOG_APPEND_TIME), INVALID_TIMESTAMP,
         kafka=OK, why="Kafka refuses it only where a record has no timestamp, and clears it else"),
    Case("magic 1 in Produce v8", of_magic(1), INVALID_RECORD),
    Case("magic 3", of_magic(3), CORRUPT_MESSAGE),
    Case("a base offset above 0", struct.pack(">q", 777) + count_of(3, records(3))[8:],
         INVALID_RECORD),
    Case("two batches", count_of(1, records(1)) * 2, INVALID_RECORD),
    Case("no batch", b"", INVALID_RECORD),
    Case("a batch without its end", count_of(3, records(3))[:-4], INVALID_RECORD),
    Case("half a header", count_of(3, records(3))[:30], INVALID_RECORD),
    Case("a length that can't be", b"\0" * 8 + b"\0\0\0\x05" + bytes(40), CORRUPT_MESSAGE),
    Case("zstd in Produce v3", count_of(1, records(1), ZSTD), UNSUPPORTED_CODEC, version=3),
    Case("lengths that do not end", batch(b"\xff" * 20), INVALID_RECORD,
         kafka=UNKNOWN_SERVER_ERROR, why=FAILS),
    Case("a key of length -3", batch(varint(6) + b"\0\0\0\x05\0\0"), INVALID_RECORD,
         kafka=OK, why="Kafka takes it for no key; other readers may not"),
    Case("idempotent without a sequence", batch(records(1), producer_id=5), INVALID_RECORD),
]

TOPICS = {
    "plain": {},
    "compacted": {"cleanup.policy": "compact"},
    "timed": {"message.timestamp.before.max.ms": HOUR_MS, "message.timestamp.after.max.ms": HOUR_MS},
}


def make_topic(cluster, name, **configs):
    """Its leader is in office when this returns."""
    cluster.create_topic(name, **configs)
    with wire.connect(cluster.nodes[0].port, 60) as line:
        wait_until(lambda: produce.list_offset(line, name, -1)[0] == OK, 120, f"{name} has a leader")


def make_topics(cluster):
    for name, configs in TOPICS.items():
        make_topic(cluster, name, **configs)


def differences(cluster, expected):
    """What is not as `expected(case)` says."""
    with wire.connect(cluster.nodes[0].port, 60) as line:
        for case in CASES:
            got = produce.send(line, case.topic, case.data, case.version)
            want = expected(case)
            if got.error != want:
                yield f"{case.name}: error {got.error} ({got.message}), not {want}"
            elif want and [n for n, _ in got.bad_records] != case.bad:
                yield f"{case.name}: bad records {got.bad_records}, not {case.bad}"


def check_differences(found):
    found = list(found)
    note("\n".join(found))
    check(not found, f"{len(found)} answers are wrong")


@test("what is wrong with a batch is refused, record by record")
def refusals():
    with Cluster(1) as cluster:
        make_topics(cluster)
        check_differences(differences(cluster, lambda case: case.error))


# ---- times ----

SAID = {"-1": -1, "the first's": NOW, "a day ahead": NOW + 24 * HOUR_MS}


def check_times(cluster):
    """Ten records at T..T+9 are found by time, whatever the header says of the largest one."""
    for name, codec in CODECS.items():
        topic = f"times-{name}"
        make_topic(cluster, topic)
        with wire.connect(cluster.nodes[0].port, 60) as line:
            for n, (what, largest) in enumerate(SAID.items()):
                check_batch_times(line, topic, codec, n, largest,
                                  f"{name}, the largest timestamp said to be {what}")


def check_batch_times(line, topic, codec, n, largest, where):
    """The n-th batch of the topic."""
    first = 10 * n
    begin = NOW + 1000 * n
    sent = count_of(10, records(10), codec, time_ms=begin, max_ms=largest)
    check_equal(produce.send(line, topic, sent)[:2], (OK, first), where)
    check_equal(produce.list_offset(line, topic, begin + 5), (OK, begin + 5, first + 5), where)
    check_equal(produce.list_offset(line, topic, begin + 10), (OK, -1, -1), where)
    check_equal(produce.list_offset(line, topic, produce.MAX_TIMESTAMP),
                (OK, begin + 9, first + 9), where)
    error, data = produce.fetch(line, topic, first)
    check_equal((error, largest_of(data)), (OK, begin + 9), f"{where}: stored as")


def largest_of(data):
    """The largest timestamp in the header of the first batch, whose checksum must be right."""
    size = 12 + struct.unpack_from(">i", data, 8)[0]
    check_equal(struct.unpack_from(">I", data, 17)[0], crc32c(data[21:size]), "the checksum")
    return struct.unpack_from(">q", data, 35)[0]


TIERED, PENDING = -5, -6  # nothing lies in another tier
FIRST_VERSIONS = {produce.MAX_TIMESTAMP: 7, -4: 8, TIERED: 9, PENDING: 11}


def check_no_offsets(cluster, last_version):
    """Special times and their versions; where there is no offset, there is no epoch either."""
    none = (OK, -1, -1, -1)
    make_topic(cluster, "nothing")
    with wire.connect(cluster.nodes[0].port, 60) as line:
        for version in range(6, last_version + 1):
            def ask(time_ms):
                return produce.list_offset_epoch(line, "nothing", time_ms, version)
            for time_ms, first in FIRST_VERSIONS.items():
                want = UNSUPPORTED_VERSION if version < first else OK
                check_equal(ask(time_ms)[0], want, f"the error of {time_ms} in v{version}")
            check_equal(ask(-7)[0], UNSUPPORTED_VERSION, f"the error of -7 in v{version}")
            check_equal(ask(NOW), none, f"a time without a record, v{version}")
            if version >= FIRST_VERSIONS[TIERED]:
                check_equal(ask(TIERED), none, f"the last offset in another tier, v{version}")
        check_equal(ask(-1), (OK, -1, 0, 0), "the end of the log")


@test("records are found by their own time, not by what the header says")
def times():
    with Cluster(1) as cluster:
        check_times(cluster)


@test("where ListOffsets finds nothing it says so, without an epoch")
def no_offsets():
    with Cluster(1) as cluster:
        check_no_offsets(cluster, 11)


# ---- zstd for readers that may not know it ----

def check_old_readers(cluster, refusal):
    for topic, codec in (("any-codec", "producer"), ("only-zstd", "zstd"), ("only-gzip", "gzip")):
        make_topic(cluster, topic, **{"compression.type": codec})
    sent = count_of(10, records(10), ZSTD, time_ms=NOW, max_ms=NOW + 9)
    with wire.connect(cluster.nodes[0].port, 60) as line:
        for topic in ("any-codec", "only-zstd", "only-gzip"):
            check_equal(produce.send(line, topic, sent).error, OK, f"{topic}: the error")
        for version in range(4, 12):
            error, data = produce.fetch(line, "any-codec", version=version)
            check_equal((error, data[21:]), (OK, sent[21:]), f"Fetch v{version} of a zstd batch")
            error, data = produce.fetch(line, "only-zstd", version=version)
            check_equal(error, refusal if version < 10 else OK,
                        f"Fetch v{version} of a topic with compression.type=zstd")
            error, data = produce.fetch(line, "only-gzip", version=version)
            check_equal((error, data[22] & 7), (OK, GZIP), f"Fetch v{version} of a gzip topic")


@test("Fetch v4 to v9 gets zstd batches as they are, but not of a topic that is zstd")
def old_readers():
    with Cluster(1) as cluster:
        check_old_readers(cluster, UNSUPPORTED_CODEC)


# ---- Apache Kafka ----

def kafka_cluster():
    if not os.path.isdir(peer.JARS) or not os.listdir(peer.JARS):
        raise Skip("Apache Kafka is not here: it needs Maven (make clients says why)")
    return peer.KafkaCluster(1)


@test("the same by Apache Kafka, but for what is told here")
def refusals_of_kafka():
    with kafka_cluster() as cluster:
        make_topics(cluster)
        check_differences(differences(
            cluster, lambda case: case.error if case.kafka is None else case.kafka))
        check_times(cluster)
        check_no_offsets(cluster, 10)
        # Kafka refused such readers up to 3.x. From 4.0 on it never looks, and they fail on it.
        check_old_readers(cluster, OK)


tap.run()
