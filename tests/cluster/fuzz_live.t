#!/usr/bin/env python3
"""Garbage sent to a running broker: it stays up, and other connections are unharmed."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import random
import struct

import tap
import wire
from cluster import Cluster
from load import Load, check_records, read_all
from node import memory_max
from tap import check, check_equal, note, test

FRAMES = 3000
MEMORY_GROWTH = 64 * 1024 * 1024  # of the node, under all of it
# Not a request that ends a broker by rights: ControlledShutdown, UnregisterBroker.
LEFT_OUT = (7, 64)
API_KEYS = [key for key in range(0, 80) if key not in LEFT_OUT]
TOGETHER = 3  # frames on one connection: what follows a bad one is not read any more


def poke(port, data):
    """Sends and reads what comes, as far as the broker goes along with it."""
    try:
        with wire.connect(port, 0.3) as sock:
            sock.sendall(data)
            sock.settimeout(0.02)
            sock.recv(65536)
    except OSError:
        pass


def mutated(rng, seeds):
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 6)):
        kind = rng.randrange(4)
        at = rng.randrange(4, len(data)) if len(data) > 5 else 4
        if kind == 0:
            data[at:at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            data[at:at] = rng.randbytes(rng.randint(1, 16))
        elif len(data) > at + 4:
            data[at:at + 4] = struct.pack(">i", rng.choice([-1, -2, 2**31 - 1, -2**31, 65536, 1]))
    data[0:4] = struct.pack(">i", max(len(data) - 4, 0))
    if len(data) >= 6 and struct.unpack_from(">h", data, 4)[0] in LEFT_OUT:
        return mutated(rng, seeds)
    return bytes(data)


def seeds():
    """A request head of every api in every version, with bodies that are now and then right."""
    found = [wire.request(wire.METADATA, 1, struct.pack(">i", -1)),
             wire.request(wire.METADATA, 4, struct.pack(">ih5sb", 1, 5, b"fuzzy", 0))]
    for key in API_KEYS:
        for version in range(0, 14):
            found.append(wire.request(key, version, bytes(40)))
            found.append(wire.request(key, version, struct.pack(">hih5si", -1, 1, 5, b"fuzzy", 1) * 3))
    return found


@test("a frame that announces more than is allowed is refused, and the broker lives")
def oversized():
    with Cluster(1) as cluster:
        port = cluster.nodes[0].port
        for size in (2**31 - 1, -1, -2**31, 104857601, 0, 1, 7):
            poke(port, struct.pack(">i", size) + b"abcdefg")
        check(cluster.nodes[0].running(), "the broker ended")
        cluster.wait_serving()


@test("unknown api keys and versions")
def unknown():
    with Cluster(1) as cluster:
        port = cluster.nodes[0].port
        for key in (-1, 90, 1000, 32767):
            poke(port, wire.request(key, 0, b""))
        for version in (-1, 100, 32767):
            poke(port, wire.request(wire.METADATA, version, b""))
        # A version of ApiVersions that is too high is answered in the form of version 0, code 35.
        answer = wire.ask(port, wire.request(wire.API_VERSIONS, 99, b""))
        check_equal(struct.unpack_from(">ih", answer), (1, 35), "the answer to ApiVersions v99")
        cluster.wait_serving()


@test(f"{FRAMES} mutated frames beside a producer")
def mutated_frames():
    seed = int.from_bytes(os.urandom(4), "big")
    note(f"seed {seed}")
    rng = random.Random(seed)
    with Cluster(1, auto_create_topics_enable="false") as cluster:
        node = cluster.nodes[0]
        cluster.create_topic("unharmed")
        frames = seeds()
        with Load(cluster.bootstrap, "unharmed") as load:
            before = node.rss_bytes()
            for _ in range(FRAMES // TOGETHER):
                poke(node.port, b"".join(mutated(rng, frames) for _ in range(TOGETHER)))
                check(node.running(), "the broker ended")
            load.wait_acks(200)
            grown = node.rss_bytes() - before
            load.stop()
        check_records(read_all(cluster.bootstrap, "unharmed"), load.acked)
        note(f"memory grew by {grown // 1024} KB")
        if "asan" not in os.environ.get("BUILD", "") and "tsan" not in os.environ.get("BUILD", ""):
            check(grown < memory_max(MEMORY_GROWTH), f"memory grew by {grown} bytes")


tap.run()
