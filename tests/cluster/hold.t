#!/usr/bin/env python3
"""What clients can hold of a broker by asking much and reading nothing: its memory stays within its
limits, others are served, and the broker keeps nothing once they are gone."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import batches
import produce
import tap
import wire
from cluster import Cluster
from hostile import fetch_body
from load import PRODUCER, Producer
from node import memory_max
from tap import check, check_equal, note, test
from wait import wait_until

FETCH, LIST_OFFSETS, HEARTBEAT, DESCRIBE_CONFIGS = 1, 2, 12, 32
INVALID_REQUEST = 42
GARBAGE = 300
MB = 1 << 20
DEADLINE_S = 120


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


class Deaf:
    """A connection that sends the same request again and again and never reads."""

    def __init__(self, port, request):
        self.sock = wire.connect(port)
        self.sock.setblocking(False)
        self.pattern = request * max(1, MB // len(request) // 4)
        self.rest = b""
        self.sent = 0
        self.closed = False

    def push(self):
        """Whether the broker took anything."""
        self.rest = self.rest or self.pattern
        try:
            count = self.sock.send(self.rest)
        except BlockingIOError:
            return False
        except OSError:
            self.closed = True
            return False
        self.rest = self.rest[count:]
        self.sent += count
        return True


def push_all(node, clients, limit):
    """Until none of them gets rid of more; the most memory that was seen."""
    most = idle = 0

    def full():
        nonlocal most, idle
        moved = [client.push() for client in clients
                 if not client.closed and client.sent < limit]
        idle = 0 if any(moved) else idle + 1
        most = max(most, node.rss_bytes())
        return idle > 200
    wait_until(full, 120, "the clients are stuck")
    return most


def check_held(node, clients, limit, rss_max):
    before = node.rss_bytes()
    most = push_all(node, clients, limit)
    wire.metadata(node.port)  # another client is answered
    note(f"sent {sum(c.sent for c in clients)} bytes, memory {before // MB} -> {most // MB} MB, "
         f"{sum(c.closed for c in clients)} of {len(clients)} closed")
    check(most - before < memory_max(rss_max), f"the broker grew by {(most - before) // MB} MB")
    for client in clients:
        client.sock.close()
    wait_until(lambda: node.rss_bytes() - before < memory_max(48 * MB), DEADLINE_S,
               "the memory goes back to the system")
    wire.metadata(node.port)
    return max(client.sent for client in clients)


@test("small requests, pipelined without reading")
def heartbeats():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        body = text("g") + struct.pack(">i", 1) + text("m")
        clients = [Deaf(node.port, wire.request(HEARTBEAT, 0, body)) for _ in range(4)]
        most = check_held(node, clients, 16 * MB, 64 * MB)
        # The buffers of the client's own kernel are in it. What is not taken is not worked for.
        check(most < 8 * MB, f"the broker answered {most} bytes of requests to who reads nothing")


@test("large answers, never read")
def large_answers():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        node = cluster.nodes[0]
        resource = struct.pack(">b", 2) + text("t") + struct.pack(">i", -1)
        body = struct.pack(">i", 500) + resource * 500 + b"\0\0"
        clients = [Deaf(node.port, wire.request(DESCRIBE_CONFIGS, 1, body)) for _ in range(60)]
        check_held(node, clients, MB, 400 * MB)


def send_part(port, size):
    """A request of `size` bytes without its last one."""
    sock = wire.connect(port)
    body = wire.request(HEARTBEAT, 0, b"\0" * size)[:-1]
    sock.setblocking(False)
    return [sock, memoryview(body)]


def push_parts(parts):
    """Until the broker takes no more of them."""
    idle = 0

    def full():
        nonlocal idle
        moved = False
        for part in parts:
            try:
                count = part[0].send(part[1][:MB]) if part[1] else 0
            except OSError:
                count = 0
            part[1] = part[1][count:]
            moved = moved or count > 0
        idle = 0 if moved else idle + 1
        return idle > 100
    wait_until(full, 120, "the parts are sent")


@test("parts of large requests keep nobody out")
def parts():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        node = cluster.nodes[0]
        large = [send_part(node.port, size * MB) for size in (99, 99, 56)]
        push_parts(large)
        small = [send_part(node.port, MB - 100) for _ in range(80)]
        push_parts(small)
        wire.metadata(node.port)  # a new connection is answered all the same
        producer = Producer({**PRODUCER, "bootstrap.servers": cluster.bootstrap,
                             "socket.timeout.ms": 60000})
        errors = []
        producer.produce("t", b"x" * 900000, on_delivery=lambda error, _: errors.append(error))
        producer.flush(DEADLINE_S * 2)
        check(errors == [None], f"a record of 900 kB: {errors}")
        for part in large + small:
            part[0].close()
        wire.metadata(node.port)


def ask(node, api, version, body):
    r = wire.Reader(wire.ask(node.port, wire.request(api, version, body)))
    r.take("i")
    return r


@test("what stands twice in a request is answered once")
def repeated():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        cluster.create_topic("u")
        node = cluster.nodes[0]

        def topic(name):
            return text(name) + struct.pack(">iiq", 1, 0, 5)
        body = struct.pack(">ii", -1, 3) + topic("t") + topic("u") + topic("t")

        def errors_of_offsets():
            r = ask(node, LIST_OFFSETS, 1, body)
            return r.array(lambda: (r.string(), r.array(lambda: (
                r.take("i"), r.take("h"), r.take("q"), r.take("q"))[1]))[1])
        wait_until(lambda: errors_of_offsets() == [[0], [0], [INVALID_REQUEST]], DEADLINE_S,
                   "the third is refused")
        resource = struct.pack(">b", 2) + text("t") + struct.pack(">i", 1) + text("none")
        r = ask(node, DESCRIBE_CONFIGS, 0, struct.pack(">i", 2) + resource * 2)
        r.take("i")
        errors = r.array(lambda: (r.take("h"), r.string(), r.take("b"), r.string(), r.take("i"))[0])
        check_equal(errors, [0, INVALID_REQUEST], "errors of DescribeConfigs")


@test("a fetch that names thousands of partitions that are not here is refused")
def fetch_of_nothing():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        node = cluster.nodes[0]

        def is_answered(count):
            try:
                wire.ask(node.port, wire.request(FETCH, 7, fetch_body(7, "t", range(count), 1000)))
                return True
            except ConnectionError:
                return False
        check(is_answered(9000), "a fetch of 9,000 partitions was refused")
        check(not is_answered(20000), "a fetch of 20,000 partitions was answered")
        wait_until(lambda: "partitions that this broker does not have" in node.log_text(),
                   DEADLINE_S, "the log says why")


@test("old clients get messages, in the order of their fetches, and those that leave hold nothing")
def old_fetches():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        cluster.create_topic("t")
        cluster.create_topic("bomb")

        def put(topic, data):
            with wire.connect(node.port, DEADLINE_S) as line:
                return produce.send(line, topic, data).error
        wait_until(lambda: put("t", batches.batch(batches.records(10), count=10)) == 0, DEADLINE_S,
                   "a batch is taken")
        wait_until(lambda: put("bomb", batches.bomb(64 * MB)) == 0, DEADLINE_S, "another one is")

        def fetch(version, topic):
            return wire.request(FETCH, version, fetch_body(version, topic, [0], 8 * MB))

        def answer(version, payload):
            """(error, magic of the first message, bytes)"""
            r = wire.Reader(payload)
            r.take("i")
            if version >= 1:
                r.take("i")
            r.take("i"), r.string(), r.take("i"), r.take("i")
            error = r.take("h")
            r.take("q")
            data = r.blob() or b""
            return error, data[16] if data else None, len(data)
        for _ in range(20):
            with wire.connect(node.port) as gone:
                gone.sendall(fetch(2, "bomb") * 5 + fetch(1, "t"))
        with wire.connect(node.port, DEADLINE_S) as line:
            line.sendall(fetch(2, "bomb") + fetch(2, "t") + fetch(0, "t"))
            error, _, size = answer(2, wire.receive(line))
            check(error != 0 and size == 0, f"a batch that opens to 64 MB: error {error}")
            error, magic, size = answer(2, wire.receive(line))
            check_equal((error, magic), (0, 1), "v2")
            check_equal(size, 10 * len(old_message(b"value")), "bytes of ten messages")
            check_equal(answer(0, wire.receive(line))[:2], (0, 0), "v0")
        with wire.connect(node.port) as waits:
            waits.sendall(fetch(2, "bomb") * 5)
            cluster.stop()  # while it converts


def old_message(value):
    """Of the length of one of magic 1 with a key of one byte."""
    return bytes(8 + 4 + 4 + 1 + 1 + 8 + 4 + 1 + 4) + value


@test("what clients do fills no log")
def log_lines():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        for _ in range(GARBAGE):
            with wire.connect(node.port) as sock:
                sock.sendall(wire.frame(struct.pack(">hhihi", wire.METADATA, 1, 1, -1, 1 << 30)))
                check(sock.recv(1) == b"", "garbage was answered")
        wait_until(lambda: "were held back" in node.log_text(), DEADLINE_S, "the rest is counted")
        lines = node.log_text().count("closing the connection of")
        check(0 < lines < GARBAGE // 2, f"{lines} lines about {GARBAGE} connections")


tap.run()
