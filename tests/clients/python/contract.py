"""What the clients in Python share: the contract of tests/clients/README.md."""
import os
import sys
import threading

TOMBSTONE_EVERY = 10


def say(*words):
    """One write for a line: threads say things too."""
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


def key(n):
    return f"k{n}".encode()


def value(n):
    """Every tenth record is a tombstone; the others are long enough to be worth compressing."""
    return None if n % TOMBSTONE_EVERY == 9 else (f"v{n}-" + "abcde" * 20).encode()


def headers(n):
    return [("n", str(n).encode())]


def text(data):
    return "null" if data is None else data.decode()


def say_record(partition, offset, record_key, record_value, record_headers):
    header = dict(record_headers or []).get("n")
    say("record", partition, offset, text(record_key), text(record_value), text(header))


class Assignment:
    """Says the partitions that the member owns, each time that they change."""

    def __init__(self):
        self._last = None

    def show(self, partitions):
        now = ",".join(str(p) for p in sorted(partitions)) or "-"
        if now != self._last:
            self._last = now
            say("assigned", now)


class StdinEnd(threading.Thread):
    """ended is true when the test has closed our stdin: the member shall commit and leave."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ended = False
        self.start()

    def run(self):
        # The descriptor itself: a buffered read holds a lock that the interpreter wants at its end.
        while os.read(0, 4096):
            pass
        self.ended = True


class Turns:
    """Every third transaction is aborted."""

    def __init__(self):
        self._count = 0

    def aborts(self):
        self._count += 1
        return self._count % 3 == 0


def main(produce, consume, transact=None):
    """produce(servers, topic, codec, numbers); consume(servers, topic, group, protocol, stdin);
    transact(servers, source, target, group, stdin)."""
    if sys.argv[1] == "produce":
        servers, topic, codecs, first, count = sys.argv[2:7]
        n = int(first)
        for codec in codecs.split(","):
            produce(servers, topic, codec, range(n, n + int(count)))
            n += int(count)
    elif sys.argv[1] == "transact":
        transact(*sys.argv[2:6], StdinEnd())
    else:
        consume(*sys.argv[2:6], StdinEnd())
    say("end")
