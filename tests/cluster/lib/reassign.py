"""Moves of replicas, as Kafka's protocol asks for them and lists them."""
import struct

import wire
from wait import wait_until

ALTER, LIST = 45, 46
MOVE_DEADLINE_S = 120


def _request(api, version, body):
    return wire.frame(struct.pack(">hhih", api, version, 1, 4) + b"test\0" + body)


def _text(value):
    return bytes([len(value) + 1]) + value.encode()


def _ids(replicas):
    if replicas is None:
        return b"\0"
    return bytes([len(replicas) + 1]) + b"".join(struct.pack(">i", i) for i in replicas)


def _nullable(reader):
    length = reader.varint() - 1
    if length < 0:
        return None
    reader.at += length
    return reader.data[reader.at - length:reader.at].decode()


def alter(port, topic, partition, replicas, change_factor=True):
    """Other replicas for a partition, or (None) the end of a move: (error, sentence)."""
    body = struct.pack(">i?", 30000, change_factor) + b"\2" + _text(topic) + b"\2"
    body += struct.pack(">i", partition) + _ids(replicas) + b"\0\0\0"
    r = wire.Reader(wire.ask(port, _request(ALTER, 1, body), 30))
    r.take("i"), r.varint(), r.take("i"), r.take("?")
    error, sentence = r.take("h"), _nullable(r)
    if error:
        return error, sentence

    def one():
        r.take("i")
        return r.take("h"), _nullable(r)
    return r.compact(lambda: (r.compact_string(), r.compact(one)))[0][1][0]


def moves(port):
    """{(topic, partition): (replicas, adding, removing)} of what is being moved."""
    r = wire.Reader(wire.ask(port, _request(LIST, 0, struct.pack(">i", 30000) + b"\0\0"), 30))
    r.take("i"), r.varint(), r.take("i"), r.take("h"), _nullable(r)

    def ids():
        return [r.take("i") for _ in range(max(r.varint() - 1, 0))]

    def one():
        return r.take("i"), (ids(), ids(), ids())
    topics = r.compact(lambda: (r.compact_string(), r.compact(one)))
    return {(topic, index): told for topic, partitions in topics for index, told in partitions}


def wait_moved(cluster, topic, replicas, partition=0, deadline_s=MOVE_DEADLINE_S):
    """Every running node knows these replicas, in sync, and no move."""
    def look():
        return all(
            found and found[1] == replicas and sorted(found[2]) == sorted(replicas) and
            found[0] >= 0 and (topic, partition) not in moves(node.port)
            for node in cluster.running() for found in [cluster.partition(topic, partition, node)])
    wait_until(look, deadline_s, f"{topic}-{partition} has the replicas {replicas}")
