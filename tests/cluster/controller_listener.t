#!/usr/bin/env python3
"""Kafka's protocol at the controller's listener (KIP-919): our tools with --bootstrap-controller, a
controller that is no broker, and crowds of clients on that port, which keep no node out."""
import json
import os
import random
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
import wire
from cluster import Cluster
from node import free_port
from tap import check, check_equal, test
from tool import tool
from wait import wait_until

CONFIGS, QUORUM, CLUSTER = "kafka-configs.sh", "kafka-metadata-quorum.sh", "kafka-cluster.sh"
DEADLINE_S = 120
CROWD = 300         # more clients than a controller's listener has room for
CLIENTS_MAX = 128   # of them
SILENT = 300
API_VERSIONS, METADATA = 18, 3


def controllers(cluster):
    """host:port of each controller, by node id."""
    voters = cluster.nodes[0].settings["controller.quorum.voters"]
    return {int(one.split("@")[0]): one.split("@")[1] for one in voters.split(",")}


def ask(address, name, *arguments, status=0):
    done = tool(name, "--bootstrap-controller", address, *arguments, check_status=False)
    check_equal(done.returncode, status, f"the status of {name} {arguments}: {done.stdout}{done.stderr}")
    return done.stdout if status == 0 else done.stderr


def port_of(address):
    return int(address.rsplit(":", 1)[1])


def hello(port):
    """A client that has been answered, or None: it was turned away."""
    sock = wire.connect(port)
    try:
        sock.sendall(wire.request(API_VERSIONS, 0, b""))
        wire.receive(sock)
        return sock
    except OSError:
        sock.close()
        return None


@test("tools ask any controller, and are answered as by a broker")
def tools_ask_controllers():
    with Cluster(3) as cluster:
        cluster.create_topic("orders")
        addresses = controllers(cluster)
        for address in addresses.values():
            voters = next(line for line in ask(address, QUORUM, "describe", "--status").splitlines()
                          if line.startswith("CurrentVoters:")).split(":", 1)[1]
            check_equal({one["id"]: one["endpoints"] for one in json.loads(voters)},
                        {i: [f"CONTROLLER://{a}"] for i, a in addresses.items()}, "the voters")
            check("Leader" in ask(address, QUORUM, "describe", "--replication", "--human-readable"), address)
            check(ask(address, CLUSTER, "cluster-id").startswith("Cluster ID: "), address)
            rows = [line.split() for line in ask(address, CLUSTER, "list-endpoints").splitlines()[1:]]
            check_equal({(int(row[0]), f"{row[1]}:{row[2]}", row[5]) for row in rows},
                        {(i, a, "controller") for i, a in addresses.items()}, "the endpoints")
            check("group.version" in ask(address, "kafka-features.sh", "describe"), address)
            apis = ask(address, CLUSTER, "api-versions")
            check("AddRaftVoter(80): 0" in apis and "Metadata(3): UNSUPPORTED" in apis, apis)
            name = f"log.retention.ms=1{port_of(address)}000"
            ask(address, CONFIGS, "--alter", "--broker-defaults", "--add-config", name)
            wait_until(lambda: name in ask(address, CONFIGS, "--describe", "--broker-defaults"), DEADLINE_S, name)
        every = "".join(f"Dynamic configs for broker {i} are:\n" for i in sorted(addresses))
        check(ask(address, CONFIGS, "--describe", "--entity-type", "brokers").startswith(every), every)
        ask(address, CONFIGS, "--alter", "--topic", "orders", "--add-config", "retention.ms=77")
        wait_until(lambda: "retention.ms=77" in ask(address, CONFIGS, "--describe", "--topic", "orders"), DEADLINE_S,
                   "the topic's setting")
        for i in addresses:
            check("root=INFO" in ask(address, CONFIGS, "--describe", "--broker-logger", str(i)), "loggers")
        check("Broker ID 17 not found" in ask(address, CLUSTER, "unregister", "--id", "17", status=1),
              "a broker that is not there")
        check("not in the quorum" in ask(address, CONFIGS, "--describe", "--broker", "17", status=1),
              "a controller that is not there")
        check("--bootstrap-server" in ask(address, CONFIGS, "--describe", "--entity-type", "topics", status=1),
              "controllers list no topics")
        done = tool(QUORUM, "--bootstrap-controller", cluster.nodes[0].address, "describe", "--status",
                    check_status=False)
        check_equal(done.returncode, 1, "the status of controllers asked at a broker")


@test("a controller that is no broker serves them; brokers and controllers tell one from the other")
def roles():
    port = free_port()
    with Cluster(2, start=False) as cluster:
        controller, broker = cluster.nodes
        for node in cluster.nodes:
            node.settings["controller.quorum.voters"] = f"0@127.0.0.1:{port}"
            node.settings["controller.listener.names"] = "CONTROLLER"
        del controller.settings["advertised.listeners"]
        controller.settings |= {"process.roles": "controller", "listeners": f"CONTROLLER://127.0.0.1:{port}"}
        broker.settings |= {"process.roles": "broker", "default.replication.factor": 1}
        controller.start()
        broker.start()
        address = f"127.0.0.1:{port}"
        wait_until(lambda: tool(CLUSTER, "--bootstrap-server", broker.address, "list-endpoints",
                                check_status=False).stdout.count("broker") == 1, DEADLINE_S, "the broker serves")
        rows = ask(address, CLUSTER, "list-endpoints").splitlines()[1:]
        check_equal([row.split()[:3] for row in rows], [["0", "127.0.0.1", str(port)]], "the controllers")
        ask(address, CONFIGS, "--alter", "--broker-defaults", "--add-config", "log.retention.ms=4000000")
        wait_until(lambda: "log.retention.ms=4000000" in
                   tool(CONFIGS, "--bootstrap-server", broker.address, "--describe", "--broker", "1",
                        "--all").stdout, DEADLINE_S, "the broker has the setting")
        check("num.partitions" in ask(address, CONFIGS, "--describe", "--broker", "0", "--all"),
              "the controller's own settings")
        # Nobody who asks there is anybody's broker.
        out = ask(address, QUORUM, "describe", "--replication")
        check_equal(sorted(line.split()[0] for line in out.splitlines()[1:]), ["0", "1"], "the nodes")


@test("crowds on that port keep no voter and no broker out")
def crowds():
    with Cluster(3) as cluster:
        cluster.create_topic("t", replicas=3)
        ports = [port_of(address) for address in controllers(cluster).values()]
        crowd = [hello(port) for port in ports for _ in range(CROWD)]
        for i in range(len(ports)):
            answered = sum(one is not None for one in crowd[i * CROWD:(i + 1) * CROWD])
            check_equal(answered, CLIENTS_MAX, "the number of clients that one controller serves")
        wait_until(lambda: all("what a controller's listener has for clients" in node.log_text()
                               for node in cluster.nodes), DEADLINE_S, "the logs say which limit it is")
        silent = [wire.connect(port) for port in ports for _ in range(SILENT)]
        for victim in cluster.nodes:
            victim.kill()
            victim.start()
            cluster.wait_isr_whole("t")
        wait_until(lambda: tool(QUORUM, "--bootstrap-server", cluster.bootstrap, "describe", "--status",
                                check_status=False).returncode == 0, DEADLINE_S, "the quorum answers")
        for sock in crowd + silent:
            if sock:
                sock.close()
        wait_until(lambda: hello_and_go(ports[0]), DEADLINE_S, "there is room again")


def hello_and_go(port):
    sock = hello(port)
    if sock:
        sock.close()
    return sock is not None


@test("what is no request, and what is not served there, ends one connection")
def bad_requests():
    rng = random.Random(1)
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        port = node.port + 10000
        wait_until(lambda: hello_and_go(port), DEADLINE_S, "clients are served")
        honest = hello(port)
        for _ in range(200):
            body = bytes([0]) + rng.randbytes(rng.randrange(200))
            with wire.connect(port) as sock:
                sock.sendall(wire.frame(body))
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(1 << 16):
                    pass
        with wire.connect(port) as sock:
            sock.sendall(wire.request(METADATA, 1, b"\xff\xff\xff\xff"))
            check_equal(sock.recv(1), b"", "the answer to Metadata at a controller")
        # In parts, and larger than any greeting of a node.
        whole = wire.request(API_VERSIONS, 0, b"") + wire.request(API_VERSIONS, 0, b"", correlation=2)
        for cut in range(1, len(whole)):
            with wire.connect(port) as sock:
                sock.sendall(whole[:cut])
                sock.sendall(whole[cut:])
                check_equal((wire.receive(sock)[:4], wire.receive(sock)[:4]),
                            (b"\0\0\0\1", b"\0\0\0\2"), "the correlation ids of two answers")
        topics = b"".join(b"\0\x05t%04d" % i + b"\0\0\0\1\0\1\0\0\0\0\0\0\0\0" for i in range(8000))
        body = b"\0\0\x1f\x40" + topics + b"\0\0\x75\x30\1"
        check(len(body) > 1 << 16, "more than a Hello may have")
        with wire.connect(port, timeout_s=DEADLINE_S) as sock:
            sock.sendall(wire.request(19, 1, body))
            check_equal(wire.receive(sock)[:4], b"\0\0\0\1", "the correlation id of a large request")
        honest.sendall(wire.request(API_VERSIONS, 0, b"", correlation=9))
        check_equal(wire.receive(honest)[:4], b"\0\0\0\x09", "the answer to who was there all the time")
        honest.close()


if __name__ == "__main__":
    tap.run()
