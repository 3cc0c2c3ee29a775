"""Raw Produce, Fetch and ListOffsets requests: what a client sends is what the broker gets."""
import struct
from collections import namedtuple

import wire

PRODUCE, FETCH, LIST_OFFSETS = 0, 1, 2
VERSION = 8  # the newest of Produce that is not flexible; it tells the bad records
MAX_TIMESTAMP = -3

Answer = namedtuple("Answer", "error offset append_time bad_records message")


def _string(text):
    return struct.pack(">h", len(text)) + text.encode()


def _partition(r, version):
    r.take("i")
    error, offset = r.take("h"), r.take("q")
    append_time = r.take("q") if version >= 2 else -1
    if version >= 5:
        r.take("q")
    bad, message = [], None
    if version >= 8:
        bad = r.array(lambda: (r.take("i"), r.string()))
        message = r.string()
    return Answer(error, offset, append_time, bad, message)


def request(topic, batches, version=VERSION, acks=-1, correlation=1):
    """A frame; `batches` are (partition, bytes), or the bytes for partition 0."""
    if isinstance(batches, bytes):
        batches = [(0, batches)]
    body = (b"\xff\xff" if version >= 3 else b"") + struct.pack(">hii", acks, 30000, 1)
    body += _string(topic) + struct.pack(">i", len(batches))
    for partition, data in batches:
        body += struct.pack(">ii", partition, len(data)) + data
    return wire.request(PRODUCE, version, body, correlation)


def answers(payload, version=VERSION):
    """(correlation, answers in the order of the partitions asked)."""
    r = wire.Reader(payload)
    correlation = r.take("i")
    topics = r.array(lambda: (r.string(), r.array(lambda: _partition(r, version)))[1])
    return correlation, topics[0]


def send(line, topic, batches, version=VERSION):
    """The answer for one batch to partition 0, on a connection that is kept."""
    line.sendall(request(topic, batches, version))
    return answers(wire.receive(line), version)[1][0]


def fetch(line, topic, offset=0, version=4, max_bytes=1 << 20):
    """(error, bytes) of a Fetch (v4 to v11) that does not wait."""
    body = struct.pack(">iiiib", -1, 0, 0, max_bytes, 0)
    body += struct.pack(">ii", 0, -1) if version >= 7 else b""
    body += struct.pack(">i", 1) + _string(topic) + struct.pack(">ii", 1, 0)
    body += struct.pack(">i", -1) if version >= 9 else b""
    body += struct.pack(">q", offset) + (struct.pack(">q", 0) if version >= 5 else b"")
    body += struct.pack(">i", max_bytes) + (struct.pack(">i", 0) if version >= 7 else b"")
    body += _string("") if version >= 11 else b""
    line.sendall(wire.request(FETCH, version, body))
    r = wire.Reader(wire.receive(line))
    r.take("i"), r.take("i")
    if version >= 7:
        r.take("h"), r.take("i")
    r.take("i"), r.string(), r.take("i"), r.take("i")
    error = r.take("h")
    r.take("q"), r.take("q")
    if version >= 5:
        r.take("q")
    r.array(lambda: (r.take("q"), r.take("q")))
    if version >= 11:
        r.take("i")
    return error, r.blob()


def list_offset(line, topic, timestamp):
    """(error, timestamp, offset) of ListOffsets v7."""
    return list_offset_epoch(line, topic, timestamp)[:3]


def list_offset_epoch(line, topic, timestamp, version=7):
    """(error, timestamp, offset, leader epoch) of ListOffsets from v6 on."""
    name = bytes([len(topic) + 1]) + topic.encode()
    body = b"\0" + struct.pack(">ib", -1, 0) + b"\x02" + name + b"\x02"
    body += struct.pack(">iiq", 0, -1, timestamp) + b"\0\0"
    body += (struct.pack(">i", 0) if version >= 10 else b"") + b"\0"
    line.sendall(wire.request(LIST_OFFSETS, version, body))
    r = wire.Reader(wire.receive(line))
    r.take("i"), r.take("b"), r.take("i"), r.take("b")
    skip = r.take("b")  # the length of the name and 1 for the length of the array behind it
    r.at += skip
    r.take("i")
    return r.take("h"), r.take("q"), r.take("q"), r.take("i")
