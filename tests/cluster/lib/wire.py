"""Just enough of Kafka's wire protocol to ask a node what it knows and to send it garbage."""
import socket
import struct

FETCH, LIST_OFFSETS, METADATA, FIND_COORDINATOR = 1, 2, 3, 10
API_VERSIONS, CREATE_TOPICS, DESCRIBE_PRODUCERS = 18, 19, 61
TIMEOUT_S = 20


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values[0]

    def string(self):
        length = self.take("h")
        if length < 0:
            return None
        self.at += length
        return self.data[self.at - length:self.at].decode()

    def blob(self):
        length = max(self.take("i"), 0)
        self.at += length
        return self.data[self.at - length:self.at]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take("B")
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def compact(self, item):
        """A compact array; each item ends with tagged fields, of which there are none."""
        items = []
        for _ in range(max(self.varint() - 1, 0)):
            items.append(item())
            self.varint()
        return items

    def compact_string(self):
        length = max(self.varint() - 1, 0)
        self.at += length
        return self.data[self.at - length:self.at].decode()

    def array(self, item):
        return [item() for _ in range(max(self.take("i"), 0))]


def frame(payload):
    return struct.pack(">i", len(payload)) + payload


def request(api, version, body, correlation=1):
    """A request with header version 1 (no flexible versions)."""
    return frame(struct.pack(">hhih", api, version, correlation, 4) + b"test" + body)


def connect(port, timeout_s=TIMEOUT_S):
    sock = socket.create_connection(("127.0.0.1", port), timeout_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _receive(sock, length):
    data = b""
    while len(data) < length:
        chunk = sock.recv(length - len(data))
        if not chunk:
            raise ConnectionError("closed by the broker")
        data += chunk
    return data


def receive(sock):
    """The payload of the next frame."""
    return _receive(sock, struct.unpack(">i", _receive(sock, 4))[0])


def ask(port, data, timeout_s=TIMEOUT_S):
    with connect(port, timeout_s) as sock:
        sock.sendall(data)
        return receive(sock)


class Metadata:
    """brokers: id -> (host, port); topics: name -> {partition: (leader, replicas, isr)}."""

    def __init__(self, payload):
        r = Reader(payload)
        r.take("i")
        self.brokers = {}
        for _ in range(r.take("i")):
            node, host, port = r.take("i"), r.string(), r.take("i")
            r.string()
            self.brokers[node] = (host, port)
        self.controller = r.take("i")
        self.topics = {}
        for _ in range(r.take("i")):
            r.take("h")
            name = r.string()
            r.take("b")
            self.topics[name] = partitions = {}
            for _ in range(r.take("i")):
                r.take("h")
                index, leader = r.take("i"), r.take("i")
                partitions[index] = (leader, r.array(lambda: r.take("i")),
                                     r.array(lambda: r.take("i")))


def metadata(port, timeout_s=TIMEOUT_S):
    """What the node at this port knows of brokers and all topics (Metadata v1 creates none)."""
    return Metadata(ask(port, request(METADATA, 1, struct.pack(">i", -1)), timeout_s))


def coordinator(port, group, timeout_s=TIMEOUT_S):
    """The node id of the group's coordinator, or None while there is none."""
    body = struct.pack(">h", len(group)) + group.encode()
    r = Reader(ask(port, request(FIND_COORDINATOR, 0, body), timeout_s))
    r.take("i")
    error, node = r.take("h"), r.take("i")
    return None if error else node


def create_topic(port, name, timeout_s=TIMEOUT_S):
    """The wire's error of CreateTopics v0: one partition with one replica."""
    body = (struct.pack(">ih", 1, len(name)) + name.encode() +
            struct.pack(">ihiii", 1, 1, 0, 0, int(timeout_s * 1000)))
    r = Reader(ask(port, request(CREATE_TOPICS, 0, body), timeout_s + 1))
    r.take("i")
    errors = r.array(lambda: (r.string(), r.take("h")))
    return errors[0][1]


def fetch(port, topic, offset, partition=0, max_bytes=1 << 20, timeout_s=TIMEOUT_S):
    """(error, high watermark, bytes of batches) of a Fetch v4 that does not wait."""
    body = struct.pack(">iiiibi", -1, 0, 0, max_bytes, 0, 1)
    body += struct.pack(">h", len(topic)) + topic.encode()
    body += struct.pack(">iiqi", 1, partition, offset, max_bytes)
    r = Reader(ask(port, request(FETCH, 4, body), timeout_s))
    r.take("i"), r.take("i"), r.take("i")
    r.string()
    r.take("i"), r.take("i")
    error, high = r.take("h"), r.take("q")
    r.take("q")
    r.array(lambda: (r.take("q"), r.take("q")))
    return error, high, r.blob()


def offset_errors(port, topic, partitions, timeout_s=TIMEOUT_S):
    """{partition: error} of a ListOffsets v1 for their ends."""
    body = struct.pack(">iih", -1, 1, len(topic)) + topic.encode() + struct.pack(">i", len(partitions))
    body += b"".join(struct.pack(">iq", partition, -1) for partition in partitions)
    r = Reader(ask(port, request(LIST_OFFSETS, 1, body), timeout_s))
    r.take("i")

    def answer():
        partition, error = r.take("i"), r.take("h")
        r.take("q"), r.take("q")
        return partition, error
    return dict(r.array(lambda: (r.string(), r.array(answer)))[0][1])


def producers(port, topic, partition=0, timeout_s=TIMEOUT_S):
    """(error, {producer id: (epoch, last sequence)}): what the leader at this port knows."""
    body = b"\0\2" + bytes([len(topic) + 1]) + topic.encode() + b"\2"
    body += struct.pack(">i", partition) + b"\0\0"
    r = Reader(ask(port, request(DESCRIBE_PRODUCERS, 0, body), timeout_s))
    r.take("i"), r.varint(), r.take("i")

    def producer():
        known = r.take("q"), (r.take("i"), r.take("i"))
        r.take("q"), r.take("i"), r.take("q")
        return known

    def answer():
        r.take("i")
        error = r.take("h")
        r.compact_string()
        return error, dict(r.compact(producer))
    return r.compact(lambda: (r.compact_string(), r.compact(answer)[0]))[0][1]
