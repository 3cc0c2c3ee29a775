#!/usr/bin/env python3
"""The command lines of the quick start, word for word, from a folder that looks like the root."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import re
import shutil
import signal
import socket
import subprocess
import tempfile

import tap
import wire
from node import BUILD, ROOT, spawn
from tap import Skip, check, check_equal, note, test
from wait import wait_until

PORTS = (9092, 9093, 9094, 19092, 19093, 19094)
DATA = ("/tmp/kafka-logs", "/tmp/kafka-logs-0", "/tmp/kafka-logs-1", "/tmp/kafka-logs-2")
LINE_DEADLINE_S = 120


class Root:
    """A folder with bin/ and config/ of the build that is tested. The fixed ports and the folders in
    /tmp are those of the shipped settings: when somebody uses them, the test is skipped."""

    def __enter__(self):
        for port in PORTS:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("", port))
                except OSError as error:
                    raise Skip(f"port {port} is taken ({error.strerror})")
        for path in DATA:
            if os.path.exists(path):
                raise Skip(f"{path} exists: the test does not touch data that it did not make")
        self.directory = tempfile.mkdtemp(prefix="millrace-test-")
        os.mkdir(os.path.join(self.directory, "bin"))
        for name in os.listdir(os.path.join(ROOT, "bin")):
            if os.path.islink(os.path.join(ROOT, "bin", name)):
                os.symlink(os.path.join(BUILD, "millrace"), os.path.join(self.directory, "bin", name))
        shutil.copytree(os.path.join(ROOT, "deploy", "config"), os.path.join(self.directory, "config"))
        self.servers = []
        return self

    def __exit__(self, kind, value, trace):
        for server in self.servers:
            if server.poll() is None:
                server.kill()
                server.wait()
        if kind:
            for number in range(len(self.servers)):
                note(f"---- output of server {number}")
                with open(os.path.join(self.directory, f"server{number}.out")) as file:
                    note("\n".join(file.read().splitlines()[-40:]))
        for path in (*DATA, self.directory):
            shutil.rmtree(path, ignore_errors=True)

    def server(self, line):
        """Starts what the line starts, as the shell's & would."""
        with open(os.path.join(self.directory, f"server{len(self.servers)}.out"), "w") as out:
            self.servers.append(spawn(line.split(), cwd=self.directory, stdin=subprocess.DEVNULL,
                                      stdout=out, stderr=out))

    def line(self, text, stdin="", status=0):
        """Runs one line in the shell; its stdout."""
        done = subprocess.run(text, shell=True, cwd=self.directory, input=stdin, text=True,
                              capture_output=True, timeout=LINE_DEADLINE_S)
        check_equal(done.returncode, status, f"the status of {text!r} ({done.stdout}{done.stderr})")
        return done.stdout

    def serving(self, ports):
        def look():
            return all(len(wire.metadata(port).brokers) == len(ports) for port in ports)
        wait_until(look, LINE_DEADLINE_S, f"{ports} serve")


def consume(root, line, expected):
    """The consumer runs until it is interrupted, as a person would do it."""
    with open(os.path.join(root.directory, "consumed"), "w+") as out:
        child = spawn(line.split(), cwd=root.directory, stdout=out, stderr=subprocess.PIPE, text=True)

        def read():
            with open(out.name) as file:
                text = file.read()
            return text if len(text.splitlines()) >= expected else None
        text = wait_until(read, LINE_DEADLINE_S, f"{expected} records are printed")
        child.send_signal(signal.SIGINT)
        errors = child.communicate(timeout=LINE_DEADLINE_S)[1]
        check_equal(child.returncode, 0, f"the consumer's status ({errors})")
        return text.splitlines()


@test("three brokers: the lines as they are written")
def three_brokers():
    with Root() as root:
        for number in range(3):
            root.server(f"bin/kafka-server-start.sh config/server{number}.properties")
        root.serving((9092, 9093, 9094))
        out = root.line("./bin/kafka-topics.sh --create --zookeeper localhost:2181 --replication-factor 3 "
                        "-partitions 1 --topic Multibrokerapplication")
        check("Created topic" in out and "Multibrokerapplication" in out, f"create says {out!r}")
        out = root.line("bin/kafka-topics.sh --describe --zookeeper localhost:2181 "
                        "--topic Multibrokerapplication")
        for pattern in (r"Topic: ?Multibrokerapplication\t.*PartitionCount: ?1\tReplicationFactor: ?3",
                        r"\tTopic: ?Multibrokerapplication\tPartition: ?0\tLeader: ?[012]\t"
                        r"Replicas: ?[012],[012],[012]\tIsr: ?[012],[012],[012]"):
            check(re.search(pattern, out), f"describe prints {out!r}")
        out = root.line("./bin/kafka-topics.sh --list --zookeeper localhost:2181")
        check("Multibrokerapplication" in out.split(), f"list prints {out!r}")
        root.line("bin/kafka-console-producer.sh --broker-list localhost:9092 "
                  "--topic Multibrokerapplication", stdin="Message 1\nMessage 2\nlast\n")
        lines = consume(root, "./bin/kafka-console-consumer.sh --bootstrap-server localhost:9092 "
                        "-topic Multibrokerapplication --from-beginning", 3)
        check_equal(lines, ["Message 1", "Message 2", "last"], "what is consumed")
        root.line("./bin/kafka-topics.sh --zookeeper localhost:2181 --delete "
                  "--topic Multibrokerapplication")
        wait_until(lambda: "Multibrokerapplication" not in root.line(
            "./bin/kafka-topics.sh --list --zookeeper localhost:2181").split(), LINE_DEADLINE_S,
            "the deleted topic is gone")
        root.line("bin/kafka-server-stop.sh config/server0.properties")
        check_equal(root.servers[0].wait(LINE_DEADLINE_S), 0, "the status of the server stopped")
        check(all(server.poll() is None for server in root.servers[1:]), "another server stopped too")
        for number in (1, 2):
            root.line(f"bin/kafka-server-stop.sh config/server{number}.properties")
            check_equal(root.servers[number].wait(LINE_DEADLINE_S), 0, f"the status of {number}")


@test("one broker with config/server.properties")
def single_broker():
    with Root() as root:
        root.line("bin/zookeeper-server-start.sh config/zookeeper.properties")
        root.server("bin/kafka-server-start.sh config/server.properties")
        root.serving((9092,))
        root.line("bin/kafka-topics.sh --create --bootstrap-server localhost:9092 --replication-factor 1 "
                  "--partitions 1 --topic Hello-Kafka")
        root.line("bin/kafka-console-producer.sh --broker-list localhost:9092 --topic Hello-Kafka",
                  stdin="Hello\nMy first message\n")
        lines = consume(root, "bin/kafka-console-consumer.sh --bootstrap-server localhost:9092 "
                        "--topic Hello-Kafka --from-beginning", 2)
        check_equal(lines, ["Hello", "My first message"], "what is consumed")
        root.line("bin/kafka-server-stop.sh config/server.properties")
        check_equal(root.servers[0].wait(LINE_DEADLINE_S), 0, "the status of the server stopped")
        root.line("bin/zookeeper-server-stop.sh")


@test("kafka-server-start.sh -daemon")
def daemon():
    with Root() as root:
        root.line("bin/kafka-server-start.sh -daemon config/server.properties")
        try:
            root.serving((9092,))
        finally:
            root.line("bin/kafka-server-stop.sh config/server.properties")

        # As long as it runs, it is found and told again.
        stop = [os.path.join(root.directory, "bin/kafka-server-stop.sh"), "config/server.properties"]
        wait_until(lambda: subprocess.run(stop, cwd=root.directory, capture_output=True).returncode == 1,
                   LINE_DEADLINE_S, "the daemon ends")


tap.run()
