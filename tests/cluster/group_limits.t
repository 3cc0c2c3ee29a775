#!/usr/bin/env python3
"""What one member asks for must not stop others: an assignment that no record holds, expressions
that are built to be slow or large, names that end in the middle."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import struct

import tap
import wire
from cluster import Cluster
from load import PRODUCER, Producer
from tap import check, check_equal, test
from wait import wait_until

JOIN, SYNC, BEAT = 11, 14, 68
UNKNOWN_SERVER_ERROR, INVALID_REQUEST = -1, 42
MEMBER_ID_REQUIRED, INVALID_REGULAR_EXPRESSION = 79, 128
ELSEWHERE = (14, 15, 16)  # loading, not available, not the coordinator
OFFSETS_TOPIC = "__consumer_offsets"
DEADLINE_S = 120


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def compact(value):
    return b"\0" if value is None else bytes(length(len(value) + 1)) + value.encode()


def length(value):
    """An unsigned varint."""
    while value > 127:
        yield value & 127 | 128
        value >>= 7
    yield value


def coordinator_port(cluster, group):
    def look():
        node = wire.coordinator(cluster.nodes[0].port, group)
        return None if node is None else cluster.nodes[node].port
    return wait_until(look, DEADLINE_S, "the group has a coordinator")


def join(port, group):
    """The generation and the member id."""
    body = (text(group) + struct.pack(">ii", 10000, 10000) + text("") + text("consumer") +
            struct.pack(">i", 1) + text("range") + struct.pack(">i", 0))
    r = wire.Reader(wire.ask(port, wire.request(JOIN, 1, body), DEADLINE_S))
    r.take("i")
    error, generation = r.take("h"), r.take("i")
    r.string()
    r.string()
    return error, generation, r.string()


def join_as(port, group, instance=None, kind="consumer", protocol="range", client="test"):
    """The error and the member id of a JoinGroup v5 by a static member, or one without an id."""
    body = (text(group) + struct.pack(">ii", 10000, 10000) + text("") +
            (struct.pack(">h", -1) if instance is None else text(instance)) + text(kind) +
            struct.pack(">i", 1) + text(protocol) + struct.pack(">i", 0))
    head = struct.pack(">hhi", JOIN, 5, 1) + text(client)
    r = wire.Reader(wire.ask(port, wire.frame(head + body), DEADLINE_S))
    r.take("i"), r.take("i")
    error = r.take("h")
    r.take("i"), r.string(), r.string()
    return error, r.string()


def join_when_loaded(cluster, group):
    """Port, generation and member id."""
    def look():
        port = coordinator_port(cluster, group)
        error, generation, member = join(port, group)
        return None if error else (port, generation, member)
    return wait_until(look, DEADLINE_S, "the group takes a member")


def sync(port, group, generation, member, assignment):
    body = (text(group) + struct.pack(">i", generation) + text(member) + struct.pack(">i", 1) +
            text(member) + struct.pack(">i", len(assignment)) + assignment)
    r = wire.Reader(wire.ask(port, wire.request(SYNC, 0, body), DEADLINE_S))
    r.take("i")
    return r.take("h")


def beat(port, group, expression, member="member", instance=None):
    """The error of a first heartbeat with that expression, once the coordinator has loaded the group."""
    def look():
        error = beat_once(port, group, expression, member, instance)
        return None if error in ELSEWHERE else [error]
    return wait_until(look, DEADLINE_S, f"the coordinator of {group} serves")[0]


def beat_once(port, group, expression, member, instance):
    body = (b"\0" + compact(group) + compact(member) + struct.pack(">i", 0) + compact(instance) +
            compact(None) + struct.pack(">i", 10000) + b"\0" + compact(expression) +
            compact(None) + b"\1" + b"\0")
    r = wire.Reader(wire.ask(port, wire.request(BEAT, 1, body), DEADLINE_S))
    r.take("i")
    r.take("b")
    r.take("i")
    return r.take("h")


def produce(cluster, topic):
    errors = []
    producer = Producer({**PRODUCER, "bootstrap.servers": cluster.bootstrap, "acks": "all"})
    producer.produce(topic, "v", partition=0,
                     on_delivery=lambda error, _: errors.append(error) if error else None)
    check_equal(producer.flush(DEADLINE_S), 0, "unanswered records")
    check_equal(errors, [], "errors")


@test("an assignment of 20 MB is refused, and replication goes on")
def huge_assignment():
    with Cluster(3, min_insync_replicas=2, group_initial_rebalance_delay_ms=0) as cluster:
        cluster.create_topic("t")
        port, generation, member = join_when_loaded(cluster, "g")
        check_equal(sync(port, "g", generation, member, b"x" * (20 << 20)), UNKNOWN_SERVER_ERROR,
                    "the error of the sync")
        produce(cluster, "t")
        cluster.wait_isr_whole(OFFSETS_TOPIC)
        port, generation, member = join_when_loaded(cluster, "h")
        check_equal(sync(port, "h", generation, member, b"x" * 1000), 0, "the error of another")


@test("expressions that are slow or large are refused, and the node goes on")
def hostile_expressions():
    with Cluster(1) as cluster:
        for name in ("a" * 249, "b" * 200 + "x" + "b" * 40):
            cluster.create_topic(name)
        port = coordinator_port(cluster, "g")
        for n, expression in enumerate(("(.?){999}" * 6, "(.?){999}" * 60, "(a?){1000}" * 102,
                                        "(b+)+(b+)+(b+)+x", "((a{99}){99}){99}")):
            check_equal(beat(port, "h%d" % n, expression), INVALID_REGULAR_EXPRESSION, expression)
        check_equal(beat(port, "good", "a+|b.*"), 0, "a good one")
        check(cluster.nodes[0].running(), "the node runs")
        cluster.nodes[0].kill()
        cluster.start()
        port = coordinator_port(cluster, "good")
        check_equal(beat(port, "other", "b.*"), 0, "after a restart")


@test("member and instance ids with a NUL are refused, and the node goes on")
def ids_with_nul():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        port = coordinator_port(cluster, "g")
        check_equal(beat(port, "g", "t"), 0, "a good one")
        check_equal(beat(port, "g", "t", member="member\0x"), INVALID_REQUEST, "the member id")
        check_equal(beat(port, "g", "t", member="\0"), INVALID_REQUEST, "one of nothing else")
        check_equal(beat(port, "g", "t", member="other", instance="i\0x"), INVALID_REQUEST,
                    "the instance id")
        check_equal(beat(port, "g", "t", member="other"), 0, "another good one")
        check(cluster.nodes[0].running(), "the node runs")


@test("classic joins whose names have a NUL are refused, and the node goes on")
def joins_with_nul():
    with Cluster(1, group_initial_rebalance_delay_ms=0) as cluster:
        port = join_when_loaded(cluster, "loaded")[0]
        check_equal(join_as(port, "g", "i")[0], 0, "a static member")
        check_equal(join_as(port, "g", "i\0x")[0], INVALID_REQUEST, "an instance id that begins so")
        check_equal(join_as(port, "g", "\0")[0], INVALID_REQUEST, "one of nothing else")
        check_equal(join_as(port, "g", "")[0], INVALID_REQUEST, "an empty one")
        check_equal(join_as(port, "h", "i", kind="consumer\0")[0], INVALID_REQUEST, "the type")
        check_equal(join_as(port, "h", "i", protocol="range\0")[0], INVALID_REQUEST, "a protocol")
        check_equal(join_as(port, "h", "j")[0], 0, "a good one")
        check(cluster.nodes[0].running(), "the node runs")


@test("a member whose client or instance id is as long as any has an id that it can be told")
def joins_with_long_names():
    with Cluster(1, group_initial_rebalance_delay_ms=0) as cluster:
        port = join_when_loaded(cluster, "loaded")[0]
        longest = "x" * 32767
        error, member = join_as(port, "g", client=longest)
        check_equal(error, MEMBER_ID_REQUIRED, "the client id")
        check(member.startswith("x" * 32000) and len(member) <= 32767, f"an id of {len(member)}")
        error, member = join_as(port, "h", instance=longest)
        check_equal(error, 0, "the instance id")
        check(member.startswith("x" * 32000) and len(member) <= 32767, f"an id of {len(member)}")


tap.run()
