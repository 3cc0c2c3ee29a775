#!/usr/bin/env python3
"""What fetch sessions may cost: they end with their connection, keep nothing for partitions that are not
here, and stay within their budget whatever is asked for."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
import wire
from cluster import Cluster
from fetch_session import FETCH, VERSION, FetchSession
from node import memory_max
from tap import check, note, test
from wait import wait_until

TOPIC = "t"
NOT_FOUND = 70  # FETCH_SESSION_ID_NOT_FOUND
UNKNOWN = 3     # UNKNOWN_TOPIC_OR_PARTITION
SESSIONS, NAMED = 200, 9_000  # a consumer that names more that are not here is refused
BUDGET = 128 << 20
SLACK = 150 << 20  # one request while it is handled, what the allocator keeps
BYTES = 1 << 20
DEADLINE_S = 120


def reader(node, partitions, topic=TOPIC):
    return FetchSession(node.port, topic, partitions, BYTES, BYTES)


@test("a session ends with its connection")
def connection():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        cluster.create_topic(TOPIC, 2)
        first = reader(node, range(2))
        first.fetch([0, 1])
        check(first.id != 0 and first.epoch == 1, "no session was made")
        other = reader(node, range(2))

        def gone():
            """The broker may not have seen the end of the other connection yet. An epoch that is
            wrong changes nothing, and tells whether the session is there."""
            other.id, other.epoch = first.id, 1000
            return other.try_fetch([0])[0] == NOT_FOUND
        check(not gone(), "another connection does not find the session")
        first.close()
        wait_until(gone, DEADLINE_S, "the session is gone")
        other.id, other.epoch = 0, 0
        other.fetch([0, 1])
        check(other.id != 0, "no new session was made")
        other.close()


@test("a consumer's session keeps no partition that is not here")
def unknown():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        cluster.create_topic(TOPIC, 2)
        session = reader(node, range(4))
        answer = session.fetch([0, 1, 2])
        check(session.id == 0, "there is a session with a partition that does not exist")
        check(answer[2][0] == UNKNOWN and answer[0][0] == 0, f"the answer is {answer}")
        session.fetch([0, 1])
        check(session.id != 0, "no session was made")
        error, _ = session.try_fetch([3])
        check(error == NOT_FOUND, f"naming one that does not exist gave the error {error}")
        session.close()


@test("memory stays within the budget")
def memory():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        cluster.create_topic(TOPIC, 1)
        before = node.rss_bytes()
        sessions = [reader(node, range(NAMED), "none") for _ in range(SESSIONS)]
        data = wire.request(FETCH, VERSION, sessions[0].body(range(NAMED)))
        for session in sessions:
            session.sock.sendall(data)
            wire.receive(session.sock)
        grown = node.rss_bytes() - before
        note(f"{SESSIONS} sessions of {NAMED} partitions: {grown >> 20} MB more")
        check(grown < memory_max(BUDGET + SLACK), f"the node grew by {grown >> 20} MB")
        for session in sessions:
            session.close()
        last = reader(node, [0])
        last.fetch([0])
        check(last.id != 0, "no session is to be had afterwards")
        last.close()


tap.run()
