#!/usr/bin/env python3
"""10,000 consumer groups with 100,000 committed offsets: what loading them takes after the
coordinator's broker was restarted, and what they cost in memory.

    make all test-clients && build/venv/bin/python tests/bench/groups.py

Requests are made by hand over one socket (OffsetCommit v2), since a client of librdkafka for each
of 10,000 groups would measure the client. Prints a table in Markdown for RESULTS.md."""
import os
import re
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster", "lib"))

import wire
from cluster import Cluster
from wait import wait_until

GROUPS = 10000
OFFSETS_EACH = 10
IN_FLIGHT = 200
TOPIC = "measured"
LOADED = re.compile(r"loaded (\d+) groups? of (\S+), (\d+) bytes, in ([0-9.]+) ms")
OFFSET_COMMIT, FIND_COORDINATOR = 8, 10


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def frame(key, version, number, body):
    payload = struct.pack(">hhi", key, version, number) + text("groups-bench") + body
    return struct.pack(">i", len(payload)) + payload


def read_frame(stream):
    size = struct.unpack(">i", stream.read(4))[0]
    return stream.read(size)


def commit_body(group):
    partitions = b"".join(struct.pack(">iq", p, p + 1) + text("") for p in range(OFFSETS_EACH))
    return (text(group) + struct.pack(">i", -1) + text("") + struct.pack(">q", -1) +
            struct.pack(">i", 1) + text(TOPIC) + struct.pack(">i", OFFSETS_EACH) + partitions)


def errors_of(answer):
    """The codes in an OffsetCommit v2 answer."""
    at = 8 + 2 + struct.unpack(">h", answer[8:10])[0]
    count = struct.unpack(">i", answer[at:at + 4])[0]
    return [struct.unpack(">ih", answer[at + 4 + 6 * i:at + 10 + 6 * i])[1] for i in range(count)]


def ready(port):
    """The coordinator of some group is there: its topic exists and is led."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(frame(FIND_COORDINATOR, 0, 1, text("group-00000")))
        answer = read_frame(connection.makefile("rb"))
        return struct.unpack(">h", answer[4:6])[0] == 0


def commit_all(port, groups):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        stream = connection.makefile("rb")
        for first in range(0, len(groups), IN_FLIGHT):
            batch = groups[first:first + IN_FLIGHT]
            connection.sendall(b"".join(frame(OFFSET_COMMIT, 2, n, commit_body(group))
                                        for n, group in enumerate(batch)))
            for group in batch:
                codes = errors_of(read_frame(stream))
                if codes != [0] * OFFSETS_EACH:
                    raise RuntimeError(f"{group}: errors {sorted(set(codes))}")


def restarted(node, pattern, count):
    """Seconds until that many are loaded, and the lines about it: matches of the pattern, the number first."""
    node.signal(15)
    node.wait_exit()
    before = len(node.log_text())
    started = time.monotonic()
    node.start()

    def loaded():
        lines = pattern.findall(node.log_text()[before:])
        return lines if sum(int(line[0]) for line in lines) >= count else None
    lines = wait_until(loaded, 60, "all of them are loaded again")
    return time.monotonic() - started, lines


def rss_mb(node):
    return node.rss_bytes() / 1e6


def main():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        cluster.create_topic(TOPIC, partitions=OFFSETS_EACH)
        wait_until(lambda: ready(node.port), 60, "the group coordinator is there")
        _, rss_before = commit_all(node.port, ["warm-up"]), rss_mb(node)
        started = time.monotonic()
        commit_all(node.port, [f"group-{n:05d}" for n in range(GROUPS)])
        committed_s, rss_after = time.monotonic() - started, rss_mb(node)
        ready_s, lines = restarted(node, LOADED, GROUPS)
        rss_restarted = rss_mb(node)
        size = sum(int(line[2]) for line in lines)
        print("| what | measured | goal |\n| --- | --- | --- |")
        print(f"| loading {GROUPS} groups, {GROUPS * OFFSETS_EACH} offsets ({size / 1e6:.1f} MB of "
              f"log, {len(lines)} partitions), from the start of the process | {ready_s:.2f} s "
              "| < 1 s |")
        print(f"| memory (RSS) that they add while they are committed | "
              f"{rss_after - rss_before:.0f} MB | < 100 MB |")
        print(f"| memory (RSS) of the whole broker after the restart | {rss_restarted:.0f} MB "
              f"(fresh: {rss_before:.0f} MB) | |")
        print(f"| committing them, one connection | "
              f"{GROUPS * OFFSETS_EACH / committed_s:.0f} offsets/s | |")


if __name__ == "__main__":
    main()
