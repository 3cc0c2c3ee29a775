#!/usr/bin/env python3
"""A line between two brokers that is up and silent, as when a firewall forgets it: the follower gives it
up after replica.socket.timeout.ms, dials again and catches up."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import select
import socket
import threading

import tap
from cluster import Cluster
from node import free_port
from tap import check, test
from tool import tool
from wait import wait_until

CHUNK = 1 << 16
DEADLINE_S = 120


class Relay:
    """Passes bytes between its port and another one. mute() makes the connections of that moment
    silent for ever, open as they are; later ones are passed on."""

    def __init__(self, target):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", free_port()))
        self.port = self.listener.getsockname()[1]
        self.pairs = {}  # socket -> the socket that its bytes go to, or None when it is mute
        self.lock = threading.Lock()
        self.muted = 0
        threading.Thread(target=self._run, daemon=True).start()

    def mute(self):
        with self.lock:
            self.muted += sum(other is not None for other in self.pairs.values())
            self.pairs = dict.fromkeys(self.pairs)

    def _accept(self):
        client, _ = self.listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            client.close()
            return
        self.pairs[client], self.pairs[server] = server, client

    def _pass_on(self, source):
        target = self.pairs[source]
        try:
            data = source.recv(CHUNK)
            if data and target:
                target.sendall(data)
        except OSError:
            data = b""
        if not data:
            self.pairs.pop(source)
            source.close()
            if target:
                self.pairs.pop(target, None)
                target.close()

    def _run(self):
        while True:
            ready = select.select([self.listener, *self.pairs], [], [], 0.05)[0]
            with self.lock:
                for one in ready:
                    if one is self.listener:
                        self._accept()
                    elif one in self.pairs:
                        self._pass_on(one)


def write(leader, text):
    tool("kafka-console-producer.sh", "--bootstrap-server", leader.address, "--topic", "t", stdin=text + "\n")


@test("a follower gives up a silent leader's line and catches up on another one")
def mute_line():
    with Cluster(3, start=False, replica_socket_timeout_ms=1500, replica_lag_time_max_ms=3000) as cluster:
        relays = [Relay(node.port) for node in cluster.nodes]
        for node, relay in zip(cluster.nodes, relays):
            node.settings["advertised.listeners"] = f"PLAINTEXT://127.0.0.1:{relay.port}"
        cluster.start()
        cluster.create_topic("t", replicas=3)
        leader = cluster.leader("t")
        write(leader, "before")  # acknowledged: the lines of all followers are there
        relays[leader.id].mute()
        check(relays[leader.id].muted >= 4, "a follower's line was not there to be mute")
        followers = [node for node in cluster.nodes if node is not leader]
        wait_until(lambda: all(f"lost the leader {leader.id}" in node.log_text() for node in followers),
                   DEADLINE_S, "the followers give the line up")
        write(leader, "after")
        cluster.wait_isr_whole("t")
        leader.kill()
        cluster.wait_new_leader("t", leader)
        read = tool("kafka-console-consumer.sh", "--bootstrap-server", followers[0].address, "--topic", "t",
                    "--from-beginning", "--max-messages", "2")
        check(read.stdout == "before\nafter\n", f"a follower has {read.stdout!r}")


tap.run()
