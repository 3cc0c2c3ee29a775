"""Hostile clients, each recipe a program of its own, so that none waits for another:

    hostile.py RECIPE SECONDS CLUSTER_ID TOPIC BROKER_PORTS CONTROLLER_PORTS

It says "ready", begins with the next line that it reads, goes on for so long, whatever the brokers do to
it, and prints how often it did what. Once it is ready it gets only the time of the cores that nobody else
wants. Traffic goes to this host only. A recipe is a function marked @recipe that does one bounded round."""
import os
import random
import select
import struct
import sys
import threading
import time

import batches
import wire

PRODUCE, FETCH, LIST_OFFSETS, COMMIT = 0, 1, 2, 8
JOIN, BEAT, SYNC, DESCRIBE_CONFIGS, CONSUMER_BEAT = 11, 12, 14, 32, 68
MB = 1 << 20
PATIENCE_S = 10       # for one answer: what the broker does not answer is closed
PARTITIONS = 3        # of the topic under attack
LOOKUP_BYTES = 95 * MB
POISON_BYTES = 200 * MB
SESSION_PARTITIONS = 100000
TOPICS_MAX = 100      # that are created on the way

recipes = {}


def recipe(function):
    recipes[function.__name__] = function
    return function


class Target:
    def __init__(self, seconds, cluster_id, topic, ports, controllers):
        self.end = time.monotonic() + seconds
        self.cluster_id, self.topic = cluster_id, topic
        self.ports, self.controllers = ports, controllers
        self.counts = {}
        self.kept = {}  # what a recipe keeps from round to round

    def over(self):
        return time.monotonic() > self.end

    def count(self, what, number=1):
        self.counts[what] = self.counts.get(what, 0) + number

    def pause(self, seconds):
        """A hostile client's own pace."""
        threading.Event().wait(max(0, min(seconds, self.end - time.monotonic())))

    def dial(self, port):
        sock = wire.connect(port, PATIENCE_S)
        self.count("connections")
        return sock

    def ask(self, port, api, version, body):
        """The answer, or None when the broker closed the connection or said nothing."""
        try:
            with self.dial(port) as sock:
                sock.sendall(wire.request(api, version, body))
                answer = wire.Reader(wire.receive(sock))
                answer.take("i")
                self.count("answers")
                return answer
        except OSError:
            self.count("refusals")
            return None

    def throw(self, port, data):
        """Bytes, and a look at what comes."""
        try:
            with self.dial(port) as sock:
                sock.settimeout(0.5)
                sock.sendall(data)
                sock.recv(1 << 16)
        except OSError:
            pass
        self.count("thrown")


def text(value):
    return struct.pack(">h", -1) if value is None else struct.pack(">h", len(value)) + value.encode()


def blob(value):
    return struct.pack(">i", len(value)) + value


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


def compact(value):
    return b"\0" if value is None else unsigned(len(value) + 1) + value.encode()


def unsigned(value):
    """An unsigned varint."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def produce_body(topic, partition, data):
    row = struct.pack(">i", partition) + blob(data)
    return text(None) + struct.pack(">hi", 1, 30000) + array([text(topic) + array([row])])


def push(target, socks, data, limit, seconds):
    """Sends `data` again and again on all of them, `limit` bytes on each, and never reads."""
    rest = {sock: [memoryview(data), 0] for sock in socks}
    end = time.monotonic() + seconds
    for sock in socks:
        sock.setblocking(False)
    while rest and time.monotonic() < end and not target.over():
        for sock in select.select([], list(rest), [], 0.2)[1]:
            entry = rest[sock]
            try:
                count = sock.send(entry[0][:MB])
            except BlockingIOError:
                continue
            except OSError:
                target.count("closed by the broker")
                del rest[sock]
                continue
            entry[0], entry[1] = entry[0][count:] or memoryview(data), entry[1] + count
            target.count("bytes", count)
            if entry[1] >= limit:
                del rest[sock]


def close(socks):
    for sock in socks:
        sock.close()


# ---- reading and writing ----

def put_bomb(target, size):
    """To every partition, by whoever leads it."""
    if size in target.kept:
        return
    data = target.kept[size] = batches.bomb(size)
    for partition in range(PARTITIONS):
        for port in target.ports:
            target.ask(port, PRODUCE, 3, produce_body(target.topic, partition, data))


def lookup_body(target, time_ms, times=1):
    rows = array([struct.pack(">iq", p, time_ms) for p in range(PARTITIONS)])
    return struct.pack(">i", -1) + array([text(target.topic) + rows] * times)


@recipe
def lookups(target):
    """By time, into batches that are large once they are opened."""
    put_bomb(target, LOOKUP_BYTES)
    socks = [target.dial(port) for port in target.ports for _ in range(3)]
    once = wire.request(LIST_OFFSETS, 1, lookup_body(target, 1))
    many = wire.request(LIST_OFFSETS, 1, lookup_body(target, 1, 150))
    for sock in socks:
        sock.sendall(once * 10 + many)
    for sock in socks:
        for _ in range(11):
            wire.receive(sock)
            target.count("answers")
    close(socks)


def fetch_body(version, topic, partitions, size):
    body = struct.pack(">iii", -1, 100, 1)
    if version >= 3:
        body += struct.pack(">i", size)
    if version >= 4:
        body += b"\0"
    if version >= 7:
        body += struct.pack(">ii", 0, 0)
    rows = []
    for partition in partitions:
        row = struct.pack(">i", partition)
        if version >= 9:
            row += struct.pack(">i", -1)
        row += struct.pack(">q", 0)
        if version >= 5:
            row += struct.pack(">q", -1)
        rows.append(row + struct.pack(">i", size))
    body += array([text(topic) + array(rows)])
    if version >= 7:
        body += array([])
    return body + (text("") if version >= 11 else b"")


@recipe
def poison(target):
    """A batch that nobody opens, and old clients who want it opened."""
    put_bomb(target, POISON_BYTES)
    for port in target.ports:
        for version in (2, 3, 4, 11):
            target.ask(port, FETCH, version,
                       fetch_body(version, target.topic, range(PARTITIONS), 8 * MB))
        for time_ms in (0, 1, -1, -2):
            target.ask(port, LIST_OFFSETS, 1, lookup_body(target, time_ms))
    target.pause(0.2)


@recipe
def sessions(target):
    """Fetch sessions of many partitions, most of which do not exist."""
    body = target.kept.setdefault("body", wire.request(
        FETCH, 7, fetch_body(7, target.topic, range(SESSION_PARTITIONS), 1000)))
    socks = [target.dial(port) for port in target.ports for _ in range(8)]
    push(target, socks, body, len(body), 5)
    target.pause(1)
    close(socks)


@recipe
def producers(target):
    """Batches of invented producers."""
    first = target.kept.setdefault("next", 1 << 40)
    target.kept["next"] += 1000
    requests = b"".join(
        wire.request(PRODUCE, 3, produce_body(
            target.topic, n % PARTITIONS,
            batches.batch(batches.record(b"x"), producer_id=first + n, sequence=0)))
        for n in range(1000))
    for port in target.ports:
        with target.dial(port) as sock:
            sock.sendall(requests)
            for _ in range(1000):
                wire.receive(sock)
            target.count("answers", 1000)


# ---- connections ----

@recipe
def deaf_small(target):
    """Small requests in a row; their answers are never read."""
    data = wire.request(BEAT, 0, text("g") + struct.pack(">i", 1) + text("m")) * 20000
    socks = [target.dial(port) for port in target.ports for _ in range(4)]
    push(target, socks, data, 16 * MB, 4)
    target.pause(1)
    close(socks)


@recipe
def deaf_large(target):
    """Requests with large answers, which are never read."""
    resource = struct.pack(">b", 2) + text(target.topic) + struct.pack(">i", -1)
    data = wire.request(DESCRIBE_CONFIGS, 1, struct.pack(">i", 500) + resource * 500 + b"\0\0")
    socks = [target.dial(port) for port in target.ports for _ in range(20)]
    push(target, socks, data, MB, 4)
    target.pause(1)
    close(socks)


@recipe
def halves(target):
    """Requests that lack their last byte, for longer than a broker should wait for it."""
    socks = []
    for port in target.ports:
        large = [target.dial(port) for _ in range(5)]
        push(target, large, wire.request(BEAT, 0, bytes(15 * MB))[:-1], 15 * MB, 2)
        small = [target.dial(port) for _ in range(20)]
        push(target, small, wire.request(BEAT, 0, bytes(MB // 4))[:-1], MB // 4, 1)
        socks += large + small
    target.pause(12)
    close(socks)


@recipe
def drips(target):
    """A byte at a time."""
    data = wire.request(BEAT, 0, text("g") + struct.pack(">i", 1) + text("m" * 50))
    socks = [target.dial(port) for port in target.ports for _ in range(50)]
    for at in range(len(data) - 1):
        if target.over():
            break
        for sock in socks:
            try:
                sock.send(data[at:at + 1])
            except OSError:
                target.count("closed by the broker")
        target.pause(0.1)
    close(socks)


@recipe
def dials(target):
    """Connections that say nothing."""
    close([target.dial(port) for port in target.ports for _ in range(200)])
    target.pause(0.2)


@recipe
def garbage(target):
    """Sizes, counts and bodies without sense."""
    port = random.choice(target.ports)
    target.throw(port, struct.pack(">i", random.choice([-1, 0, 1, 0x7fffffff, -0x80000000])))
    target.throw(port, os.urandom(random.randrange(1, 2000)))
    target.throw(port, wire.frame(struct.pack(">hhi", 999, 0, 1)))
    for api in range(0, 93):
        version = random.randrange(0, 14)
        count = struct.pack(">i", random.choice([0x7fffffff, 0x00ffffff, 100000]))
        body = random.choice([count, text("g") + count, struct.pack(">i", -1) + count,
                              b"\0" + unsigned(random.choice([0xffffffff, 0x7fffffff, 100000])),
                              os.urandom(random.randrange(200))])
        target.throw(port, wire.request(api, version, body))
        if target.over():
            return


@recipe
def names(target):
    """Metadata that would create topics: a line for each in the log, and some new ones."""
    port = random.choice(target.ports)
    made = target.kept.setdefault("made", 0)
    fresh = ["made-%d-%d" % (os.getpid(), made + n) for n in range(min(10, TOPICS_MAX - made))]
    target.kept["made"] += len(fresh)
    wrong = ["no topic %d" % n for n in range(12000)]
    target.ask(port, wire.METADATA, 4, array([text(name) for name in wrong + fresh]) + b"\1")
    target.pause(0.1)


# ---- groups ----

@recipe
def expressions(target):
    """Of topics: slow, large, many."""
    round_ = target.kept["round"] = target.kept.get("round", 0) + 1
    for n, expression in enumerate(("(a?){1000}" * 102, "(a?){1000}" * 4, "(.?){999}" * 6,
                                    "(b+)+(b+)+(b+)+x", "((a{99}){99}){99}", "x{%d}" % round_)):
        body = (b"\0" + compact("e%d-%d" % (n, round_ % 50)) + compact("member") +
                struct.pack(">i", 0) + compact(None) + compact(None) + struct.pack(">i", 10000) +
                b"\0" + compact(expression) + compact(None) + b"\1" + b"\0")
        for port in target.ports:
            target.ask(port, CONSUMER_BEAT, 1, body)


def join_body(group, size):
    return (text(group) + struct.pack(">ii", 10000, 10000) + text("") + text("consumer") +
            array([text("range") + blob(bytes(size))]))


def join(target, port, group, size):
    """(generation, member id), or None."""
    r = target.ask(port, JOIN, 1, join_body(group, size))
    if not r or r.take("h"):
        return None
    generation = r.take("i")
    r.string()
    r.string()
    return generation, r.string()


@recipe
def assignments(target):
    """A huge one, and one as large as is taken, in ever more groups."""
    round_ = target.kept["round"] = target.kept.get("round", 0) + 1
    for size in (14 * MB, 900000):
        for port in target.ports:
            group = "a%d-%d" % (size, round_)
            found = join(target, port, group, 0)
            if found:
                row = text(found[1]) + blob(bytes(size))
                target.ask(port, SYNC, 0, text(group) + struct.pack(">i", found[0]) +
                           text(found[1]) + array([row]))
                target.count("assigned")


@recipe
def members(target):
    """Many groups with large members, by who goes away before the answer."""
    round_ = target.kept["round"] = target.kept.get("round", 0) + 1
    data = b"".join(wire.request(JOIN, 1, join_body("m%d-%d" % (round_, n), 10000))
                    for n in range(50))
    for port in target.ports:
        target.throw(port, data)
    target.pause(0.1)


@recipe
def commits(target):
    """Of ever more groups, with as much metadata as is taken."""
    round_ = target.kept["round"] = target.kept.get("round", 0) + 1
    row = b"".join(struct.pack(">iq", p, 1) + text("x" * 4000) for p in range(PARTITIONS))
    topics = array([text(target.topic) + struct.pack(">i", PARTITIONS) + row])
    data = b"".join(wire.request(COMMIT, 2, text("c%d-%d" % (round_, n)) + struct.pack(">i", -1) +
                                 text("") + struct.pack(">q", -1) + topics) for n in range(20))
    for port in target.ports:
        target.throw(port, data)
    target.pause(0.1)


# ---- the controllers' port ----

def number(field, value):
    return unsigned(field << 3) + unsigned(value)


def signed(field, value):
    return number(field, value << 1 ^ value >> 63)


def part(field, data):
    return unsigned(field << 3 | 2) + unsigned(len(data)) + data


def hello(role, node, cluster_id):
    return wire.frame(part(1, number(1, role) + signed(2, node) + part(3, cluster_id.encode()) +
                           part(4, os.urandom(16))))


def junk_entries(term, count):
    """An AppendEntries of that term."""
    entry = part(5, number(1, term) + number(2, 1) + part(3, b"junk"))
    return wire.frame(part(22, number(1, term) + entry * count))


def raft_frames(sender):
    """Each without sense; terms far from any real one."""
    far = 1 << 50
    vote = number(2, sender + 1) + number(3, 5) + number(4, 5)
    yield wire.frame(part(24, number(1, far) + number(2, 9) + number(3, far) + part(6, b"garbage")))
    yield wire.frame(part(24, number(1, far) + number(2, 9) + number(3, 9) +
                          part(5, b"\1" + struct.pack("<QQ", 1, 1) + b"1\0\1") + part(6, b"junk")))
    yield wire.frame(part(20, number(1, (1 << 64) - 1) + vote))
    yield wire.frame(part(20, number(1, far) + vote + number(6, 1)))
    yield junk_entries(far, 6)
    yield b"".join(junk_entries(far + n, 1) for n in range(39))
    yield wire.frame(part(22, number(1, 1) + number(2, 1 << 60) + number(4, 1 << 60)))
    yield wire.frame(part(23, number(1, far) + number(3, 1 << 60)))
    yield wire.frame(part(25, number(1, far)))
    yield wire.frame(part(99, b"x"))
    yield wire.frame(os.urandom(300))
    yield struct.pack(">i", 0x7fffffff)


@recipe
def controllers(target):
    """Frames in the name of a voter or a broker, with the cluster's id and without."""
    for at, port in enumerate(target.controllers):
        target.throw(port, os.urandom(200))
        sender = (at + 1) % len(target.controllers)
        for cluster_id in ("", target.cluster_id, "another"):
            for data in raft_frames(sender):
                target.throw(port, hello(2, sender, cluster_id) + data)
            target.throw(port, hello(1, sender, cluster_id) +
                         wire.frame(part(3, signed(1, sender) + part(2, bytes(16)))) +
                         wire.frame(part(7, number(1, 0))) * 300)
            if target.over():
                return
    close([target.dial(port) for port in target.controllers for _ in range(100)])


def main():
    name, seconds, cluster_id, topic, ports, controllers_ = sys.argv[1:]
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    print("ready", flush=True)
    sys.stdin.readline()
    target = Target(float(seconds), cluster_id, topic, [int(p) for p in ports.split(",")],
                    [int(p) for p in controllers_.split(",")])
    rounds = 0
    while not target.over():
        try:
            recipes[name](target)
        except OSError:
            target.count("cut short")
            target.pause(0.1)
        rounds += 1
    print(f"{name}: {rounds} rounds,", ", ".join(f"{n} {what}" for what, n in target.counts.items()))


if __name__ == "__main__":
    main()
