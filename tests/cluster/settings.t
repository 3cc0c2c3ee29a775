#!/usr/bin/env python3
"""Settings files as Kafka ships them, from the ZooKeeper era to 4.x: each starts Millrace as it is, and
what has no effect here is said once. Only the ports and the directories are those of the test. And
settings that no other test needs."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import shutil
import signal
import subprocess

import tap
import wire
from cluster import Cluster
from node import Node, free_port
from tap import check, check_equal, test
from tool import tool
from wait import wait_until

SERVING_DEADLINE_S = 120
TOOL_DEADLINE_S = 120

# What all of Kafka's files say in the same words.
COMMON = {
    "num.network.threads": 3,
    "num.io.threads": 8,
    "socket.send.buffer.bytes": 102400,
    "socket.receive.buffer.bytes": 102400,
    "socket.request.max.bytes": 104857600,
    "num.partitions": 1,
    "num.recovery.threads.per.data.dir": 1,
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "log.retention.hours": 168,
    "log.segment.bytes": 1073741824,
    "log.retention.check.interval.ms": 300000,
}
PROTOCOLS = ("CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,"
             "SASL_SSL:SASL_SSL")


class Files(Cluster):
    """Nodes with nothing in their files but what they are given."""

    def __init__(self):
        super().__init__(0, start=False)

    def add(self, settings, node_id=0):
        node = Node(self.directory, node_id, {})
        node.settings = {**COMMON, "log.dirs": node.log_dir, **settings(node.port)}
        self.nodes.append(node)
        return node

    def serve(self, brokers, *arguments):
        """Starts all; the brokers know each other, and a topic can be made, written and read."""
        for node in self.nodes:
            node.start(*arguments)
        ids = {node.id for node in brokers}
        wait_until(lambda: all(ids <= set(wire.metadata(n.port).brokers) for n in brokers),
                   SERVING_DEADLINE_S, "the brokers serve")
        address = f"127.0.0.1:{brokers[0].port}"
        made = tool("kafka-topics.sh", "--create", "--topic", "orders", "--bootstrap-server", address)
        check_equal(made.stdout, "Created topic orders.\n", "what create prints")
        check("Topic: orders\t" in tool("kafka-topics.sh", "--describe", "--bootstrap-server",
                                        address).stdout, "describe does not show the topic")
        if shutil.which("kcat"):
            kcat(address, "-P", stdin="first\nsecond\n")
            # In any order: they may be in different partitions.
            check_equal(sorted(kcat(address, "-C", "-e", "-q").split()), ["first", "second"],
                        "what kcat reads")


def kcat(address, *arguments, stdin=""):
    done = subprocess.run(["kcat", "-b", address, "-t", "orders", *arguments], input=stdin, text=True,
                          capture_output=True, timeout=TOOL_DEADLINE_S)
    check_equal(done.returncode, 0, f"the status of kcat {arguments} ({done.stderr})")
    return done.stdout


def check_said_once(node, setting):
    lines = [line for line in node.log_text().splitlines() if setting in line]
    check(len(lines) == 1 and "no effect" in lines[0], f"of {setting} it says {lines}")


@test("Kafka 2.1: config/server.properties, ZooKeeper and all")
def zookeeper_era():
    with Files() as files:
        node = files.add(lambda port: {
            "broker.id": 0,
            "zookeeper.connect": "localhost:2181",
            "zookeeper.connection.timeout.ms": 6000,
            "group.initial.rebalance.delay.ms": 0,
        })
        # The file has no listeners: Kafka's are on 9092, which may be taken here.
        files.serve([node], "--override", f"listeners=PLAINTEXT://:{node.port}")
        check_said_once(node, "zookeeper.connect")


@test("host.name, port and log.dir of the oldest files; the last value of a setting counts")
def oldest_names():
    with Files() as files:
        node = files.add(lambda port: {
            "broker.id": 3,
            "host.name": "127.0.0.1",
            "port": port,
            "log.dirs": None,
            "log.dir": os.path.join(files.directory, "data3"),
        }, node_id=3)
        files.serve([node], "--override", "num.partitions=5", "--override", "num.partitions=4")
        check_equal(len(wire.metadata(node.port).topics["orders"]), 4, "the number of partitions")
        check(os.path.isdir(node.log_dir), "log.dir was not used")


@test("Kafka 3: config/kraft/server.properties, one node with voters")
def kraft_3():
    with Files() as files:
        controller = free_port()
        node = files.add(lambda port: {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@localhost:{controller}",
            "listeners": f"PLAINTEXT://:{port},CONTROLLER://:{controller}",
            "inter.broker.listener.name": "PLAINTEXT",
            "advertised.listeners": f"PLAINTEXT://localhost:{port}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": PROTOCOLS,
        }, node_id=1)
        files.serve([node])


@test("Kafka 4: config/server.properties, one node with bootstrap servers")
def kraft_4():
    with Files() as files:
        controller = free_port()
        node = files.add(lambda port: {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.bootstrap.servers": f"localhost:{controller}",
            "listeners": f"PLAINTEXT://:{port},CONTROLLER://:{controller}",
            "inter.broker.listener.name": "PLAINTEXT",
            "advertised.listeners":
                f"PLAINTEXT://localhost:{port},CONTROLLER://localhost:{controller}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": PROTOCOLS,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
        }, node_id=1)
        files.serve([node])


PROVIDERS = "org.apache.kafka.common.config.provider."


def with_providers(directory, controller):
    """Kafka 4's file, whose values stand in files, in a directory and in the environment."""
    def settings(port):
        return {
            "config.providers": "file,dir,env",
            "config.providers.file.class": PROVIDERS + "FileConfigProvider",
            "config.providers.file.param.allowed.paths": directory,
            "config.providers.dir.class": PROVIDERS + "DirectoryConfigProvider",
            "config.providers.env.class": PROVIDERS + "EnvVarConfigProvider",
            "config.providers.env.param.allowlist.pattern": "MILLRACE_TEST_.*",
            "process.roles": "broker,controller",
            "node.id": "${env:MILLRACE_TEST_ID}",
            "controller.quorum.bootstrap.servers": f"localhost:{controller}",
            "listeners": f"PLAINTEXT://:{port},CONTROLLER://:{controller}",
            "inter.broker.listener.name": "PLAINTEXT",
            "advertised.listeners": "PLAINTEXT://${dir:" + directory + ":host}:" + str(port),
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": PROTOCOLS,
            "broker.rack": "${file:" + directory + "/place.properties:rack}",
            "log.cleaner.backoff.ms": "${file:" + directory + "/place.properties:pause}",
        }
    return settings


def place(directory, rack, pause):
    with open(os.path.join(directory, "place.properties"), "w") as file:
        file.write(f"rack={rack}\npause={pause}\n")


@test("Kafka 4: a file whose values stand in files, a directory and the environment (config.providers)")
def providers():
    with Files() as files:
        directory = os.path.join(files.directory, "secrets")
        os.mkdir(directory)
        place(directory, "attic", 20000)
        with open(os.path.join(directory, "host"), "w") as file:
            file.write("localhost\n")
        node = files.add(with_providers(directory, free_port()), node_id=7)

        def value(name):
            told = tool("kafka-configs.sh", "--bootstrap-server", node.address, "--describe", "--all",
                        "--entity-type", "brokers", "--entity-name", "7").stdout
            return next(line.split("=")[1].split()[0] for line in told.splitlines() if line.startswith(f"  {name}="))
        # It is refused, with the setting and the reference, and never with what was found elsewhere.
        node.start()
        check_equal(node.wait_exit(), 1, "the status without the variable")
        check("MILLRACE_TEST_ID" in node.log_text(), node.log_end())
        check("attic" not in node.log_text(), node.log_end())
        os.environ["MILLRACE_TEST_ID"] = "7"
        try:
            files.serve([node])
            check_equal(wire.metadata(node.port).brokers, {7: ("localhost", node.port)}, "the broker's address")
            check_equal((value("broker.rack"), value("log.cleaner.backoff.ms")), ("attic", "20000"), "what was found")
            place(directory, "attic", 30000)
            node.signal(signal.SIGHUP)
            wait_until(lambda: value("log.cleaner.backoff.ms") == "30000", SERVING_DEADLINE_S, "it is read again")
        finally:
            del os.environ["MILLRACE_TEST_ID"]


def add_controller(files, node_id, port, quorum):
    return files.add(lambda _: {
        "process.roles": "controller",
        "node.id": node_id,
        **quorum,
        "listeners": f"CONTROLLER://:{port}",
        "controller.listener.names": "CONTROLLER",
    }, node_id=node_id)


def add_broker(files, node_id, quorum):
    return files.add(lambda port: {
        "process.roles": "broker",
        "node.id": node_id,
        **quorum,
        "listeners": f"PLAINTEXT://localhost:{port}",
        "inter.broker.listener.name": "PLAINTEXT",
        "advertised.listeners": f"PLAINTEXT://localhost:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": PROTOCOLS,
    }, node_id=node_id)


@test("Kafka 4: config/controller.properties and config/broker.properties, with bootstrap servers")
def pair_4():
    with Files() as files:
        port = free_port()
        quorum = {"controller.quorum.bootstrap.servers": f"localhost:{port}"}
        add_broker(files, 2, quorum)
        add_controller(files, 1, port, quorum)
        files.serve(files.nodes[:1])


@test("three controllers and three brokers, with voters; the active controller is killed")
def roles_apart():
    with Files() as files:
        ports = [free_port() for _ in range(3)]
        quorum = {"controller.quorum.voters": ",".join(f"{i + 1}@localhost:{port}"
                                                       for i, port in enumerate(ports)),
                  "default.replication.factor": 3}
        brokers = [add_broker(files, i, quorum) for i in (11, 12, 13)]
        controllers = [add_controller(files, i + 1, port, quorum) for i, port in enumerate(ports)]
        files.serve(brokers)
        address = f"127.0.0.1:{brokers[0].port}"

        def leader():
            out = tool("kafka-metadata-quorum.sh", "--bootstrap-server", address, "describe",
                       "--status", check_status=False).stdout
            found = [int(line.split()[1]) for line in out.splitlines() if line.startswith("LeaderId:")]
            return found[0] if found else -1
        old = wait_until(lambda: max(leader(), 0), SERVING_DEADLINE_S, "the quorum has a leader")
        controllers[old - 1].kill()
        wait_until(lambda: leader() not in (-1, old), SERVING_DEADLINE_S, "another leads the quorum")
        tool("kafka-topics.sh", "--create", "--topic", "later", "--bootstrap-server", address)


@test("max.connections.per.ip: one more is closed, and the log says why")
def connections_per_host():
    with Cluster(1, max_connections_per_ip=2) as cluster:
        node = cluster.nodes[0]
        # The looks of the cluster itself came from here too: until their ends are seen, they count.
        kept = [wait_until(lambda: answering(node.port), SERVING_DEADLINE_S, "a connection is served")
                for _ in range(2)]
        check(answering(node.port) is None, "a third connection is served")
        wait_until(lambda: "max.connections.per.ip" in node.log_text(), SERVING_DEADLINE_S,
                   "the log names the setting")
        for connection in kept:
            connection.close()


def answering(port):
    """A connection on which ApiVersions was answered, or None when it was closed instead."""
    connection = wire.connect(port)
    try:
        connection.sendall(wire.request(wire.API_VERSIONS, 0, b""))
        wire.receive(connection)
    except ConnectionError:
        connection.close()
        return None
    return connection


@test("limits of single listeners have no effect: the log says so once, and a change is refused with the reason")
def listener_limits():
    idle = ("listener.name.plaintext.max.connections", "listener.name.plaintext.max.connection.creation.rate",
            "queued.max.requests")
    with Cluster(1, **{name.replace(".", "_"): 1 for name in idle}) as cluster:
        node = cluster.nodes[0]
        kept = [answering(node.port) for _ in range(8)]
        check(all(kept), "a connection is not served")
        told = [line for line in node.log_text().splitlines() if "accepted, no effect" in line]
        check_equal(len(told), 1, "lines about settings without effect")
        for name in idle:
            check(name in told[0], f"{name} is not in {told}")
        for name, reason in ((idle[0], "a listener has no settings of its own yet"),
                             (idle[1], "a listener has no settings of its own yet"),
                             (idle[2], "Cannot update these configs dynamically")):
            done = tool("kafka-configs.sh", "--bootstrap-server", cluster.bootstrap, "--alter", "--entity-type",
                        "brokers", "--entity-name", "0", "--add-config", f"{name}=5", check_status=False)
            check_equal(done.returncode, 1, f"the status of a change of {name}")
            check(reason in done.stdout + done.stderr, f"{done.stdout} {done.stderr}")
        for connection in kept:
            connection.close()


@test("new topics keep the rules of create.topic.policy")
def policy():
    rules = "partitions<=3; name=a-*|b; config.retention.ms<=1000"
    with Cluster(1, **{"create.topic.policy": rules}) as cluster:
        def create(*arguments, words, status=0):
            done = tool("kafka-topics.sh", "--bootstrap-server", cluster.bootstrap, "--create", *arguments,
                        check_status=False)
            check_equal(done.returncode, status, f"the status of {arguments}: {done.stdout}{done.stderr}")
            check(words in done.stdout, f"{arguments} says {done.stdout!r}")
        short = ("--config", "retention.ms=1000")
        create("--topic", "a-1", "--partitions", "3", *short, words="Created topic a-1")
        create("--topic", "a-2", "--partitions", "4", *short, status=1,
               words="create.topic.policy wants partitions<=3, and topic 'a-2' would have 4. (POLICY_VIOLATION)")
        create("--topic", "c", *short, status=1, words="create.topic.policy wants name=a-*|b")
        create("--topic", "b", status=1, words="create.topic.policy wants config.retention.ms<=1000")


tap.run()
