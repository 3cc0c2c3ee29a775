#!/usr/bin/env python3
"""Descriptors and memory run out: the broker goes on serving who it has, says why it refuses others, and
recovers by itself; nothing acknowledged is lost."""
import os
import socket
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
import wire
from cluster import Cluster
from load import Load, check_records, read_all
from node import sanitized
from tap import Skip, check, check_equal, note, test
from wait import wait_until

TOPIC = "starved"
ACKS = 300
IDLE = 400
DEADLINE_S = 120
FILES = 256


def dial(node, count):
    """So many connections that say nothing; those that the broker has not closed at once are open."""
    sockets = []
    for _ in range(count):
        sock = socket.create_connection(("127.0.0.1", node.port), 10)
        sock.setblocking(False)
        sockets.append(sock)
    return sockets


def is_open(sock):
    try:
        return sock.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def close_all(sockets):
    for sock in sockets:
        sock.close()


def open_files(node):
    return len(os.listdir(f"/proc/{node.pid}/fd"))


@test(f"{IDLE} connections and {FILES} descriptors: who is served is served, logs roll, new ones later")
def descriptors():
    with Cluster(1, start=False, internal_segment_bytes=20000, log_index_interval_bytes=1000) as cluster:
        node = cluster.nodes[0]
        node.limits = [f"--nofile={FILES}"]
        cluster.start()
        check(f"may have {FILES} files" in node.log_text(), "the log does not tell the limit")
        cluster.create_topic(TOPIC, partitions=1)
        with Load(cluster.bootstrap, TOPIC, batch_num_messages=20) as load:
            load.wait_acks(ACKS)
            idle = dial(node, IDLE)
            wait_until(lambda: "raise ulimit -n" in node.log_text(), DEADLINE_S, "it says why it refuses")
            # Those that it has not looked at yet are open, too.
            wait_until(lambda: sum(is_open(sock) for sock in idle) < FILES, DEADLINE_S,
                       "it has closed those it refuses")
            left = sum(is_open(sock) for sock in idle)
            note(f"{left} of {IDLE} connections are open, {open_files(node)} descriptors")
            check(left > 0, "no idle connection is open")
            check(open_files(node) < FILES, "no descriptor is left")
            before = len(segments(node))
            load.wait_acks(ACKS * 3)
            wait_until(lambda: len(segments(node)) > before + 2, 120, "the log rolls")
            check(node.running(), "the broker ended")
            close_all(idle)
            wait_until(lambda: answers(node), DEADLINE_S, "a new client is served")
            load.wait_acks(ACKS)
            load.stop()
        check("is offline" not in node.log_text(), "a log directory went offline")
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)
        node.kill()
        node.start()
        cluster.wait_serving()
        cluster.leader(TOPIC)
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)


@test(f"{IDLE} connections to a leader do not keep the followers out that are started again")
def followers():
    with Cluster(3, min_insync_replicas=2, max_connections=40) as cluster:
        cluster.create_topic(TOPIC, partitions=1)
        leader = cluster.leader(TOPIC)
        others = [node for node in cluster.nodes if node is not leader]
        with Load(leader.address, TOPIC, batch_num_messages=20) as load:
            load.wait_acks(ACKS)
            idle = dial(leader, IDLE)
            for node in others:
                node.kill()
                idle += dial(leader, 5)  # they take the place of its connection
            for node in others:
                node.start()
            wait_until(lambda: all(in_sync(cluster, node) == 3 for node in others), 120, "all are in sync")
            load.wait_acks(ACKS)
            left = sum(is_open(sock) for sock in idle)
            note(f"{left} of {len(idle)} connections are open")
            close_all(idle)
            load.stop()
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)


@test(f"{IDLE} silent connections to each controller's port: what flushes goes on, and a node starts")
def greetings():
    with Cluster(3, start=False, min_insync_replicas=2, internal_segment_bytes=20000) as cluster:
        for node in cluster.nodes:
            node.limits = [f"--nofile={FILES}"]
        cluster.start()
        cluster.create_topic(TOPIC, partitions=3)
        voters = cluster.nodes[0].settings["controller.quorum.voters"].split(",")
        ports = [int(voter.split(":")[1]) for voter in voters]
        with Load(cluster.bootstrap, TOPIC, batch_num_messages=20) as load:
            load.wait_acks(ACKS)
            node = cluster.nodes[0]
            node.kill()
            hold = [Redialled(port, IDLE) for port in ports]
            try:
                load.wait_acks(ACKS)
                node.start()
                cluster.wait_serving()
                cluster.wait_isr_whole(TOPIC)
                load.wait_acks(ACKS)
                wait_until(lambda: all("to the controller's listener that say nothing" in each.log_text()
                                       for each in cluster.nodes), 120, "it is said what dials")
            finally:
                for each in hold:
                    each.end()
            load.stop()
        for each in cluster.nodes:
            check("the limit of open files is reached" not in each.log_text(), f"node {each.id} lacked files")
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)


class Redialled:
    """So many connections to a port that say nothing, dialled again as they are closed."""

    def __init__(self, port, count):
        self.port, self.count = port, count
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        sockets = []
        while not self.ended.wait(0.05):
            closed = [sock for sock in sockets if not is_open(sock)]
            close_all(closed)
            sockets = [sock for sock in sockets if sock not in closed]
            try:
                while len(sockets) < self.count and not self.ended.is_set():
                    sockets.append(socket.create_connection(("127.0.0.1", self.port), 2))
                    sockets[-1].setblocking(False)
            except OSError:
                pass  # its node is not there, or has no room
        close_all(sockets)

    def end(self):
        self.ended.set()
        self.thread.join()


def in_sync(cluster, node):
    found = cluster.partition(TOPIC, at=node)
    return len(found[2]) if found else 0


def segments(node):
    return [name for name in os.listdir(os.path.join(node.log_dir, f"{TOPIC}-0"))
            if name.endswith(".log")]


def answers(node):
    try:
        return TOPIC in wire.metadata(node.port).topics
    except OSError:
        return False


# ---- memory ----

ROOM = 160 << 20  # of address space beyond what the broker has when it serves
FRAME = 60 << 20
HOGS = 8


def address_space(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def hog(node):
    """A connection that announces a large request and sends nearly all of it; None when refused."""
    sock = socket.create_connection(("127.0.0.1", node.port), 10)
    sock.settimeout(1)
    head = struct.pack(">ihhih", FRAME, 0, 3, 1, 4) + b"test"
    try:
        sock.sendall(head)
        for _ in range(FRAME // (1 << 20) - 1):
            sock.sendall(bytes(1 << 20))
    except OSError:
        pass
    return sock


@test("an address space that is nearly used up: large requests wait or are refused, small ones are served")
def memory():
    if sanitized():
        raise Skip("a sanitizer ends the process when the address space is used up")
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        cluster.create_topic(TOPIC)
        with Load(cluster.bootstrap, TOPIC, batch_num_messages=20) as load:
            load.wait_acks(ACKS)
            limit = address_space(node.pid) + ROOM
            os.system(f"prlimit --pid {node.pid} --as={limit}")
            hogs = [hog(node) for _ in range(HOGS)]
            note(f"limit {limit >> 20} MiB, used {address_space(node.pid) >> 20} MiB")
            load.wait_acks(ACKS)
            check(answers(node), "a new client is not served")
            check(node.running(), f"the broker ended: {node.log_end()}")
            close_all(hogs)
            load.wait_acks(ACKS)
            load.stop()
        check("is offline" not in node.log_text(), "a log directory went offline")
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)


tap.run()
