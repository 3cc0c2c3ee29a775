#!/usr/bin/env python3
"""The agent: lines from commands, sockets and files reach topics, each at least once, whoever is killed
on the way."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import json
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import tap
from cluster import Cluster
from node import ROOT, free_port, spawn
from tap import check, check_equal, note, test
from tool import MILLRACE, says, tool
from wait import wait_until

DEADLINE_S = 60
READ = "kafka-console-consumer.sh"


class Agent:
    """with Agent("a1.sources = ...") as agent: runs `flume-ng agent`; it must end on SIGTERM with
    status 0. `settings` are lines without the agent's name, @DIR@ in them is a directory of its own."""

    def __init__(self, settings, directory=None):
        self.own = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="millrace-agent-")
        self.config = os.path.join(self.directory, "flume.conf")
        self.log = os.path.join(self.directory, "agent.out")
        self.process = None
        self.write(settings)

    def write(self, settings):
        with open(self.config + ".new", "w") as file:
            for line in settings.replace("@DIR@", self.directory).splitlines():
                if line.strip():
                    file.write(f"a1.{line.strip()}\n")
        os.rename(self.config + ".new", self.config)

    def start(self, *options):
        with open(self.log, "a") as log:
            self.process = spawn(["flume-ng", "agent", "--conf", self.directory, "--conf-file", "flume.conf",
                                  "--name", "a1", *options], executable=MILLRACE, stdout=log, stderr=log)
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        try:
            if kind:
                note("---- end of the agent's log")
                note("\n".join(self.told().splitlines()[-40:]))
                self.process.kill()
            else:
                self.stop()
        finally:
            if self.own:
                shutil.rmtree(self.directory, ignore_errors=True)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        check_equal(self.process.wait(DEADLINE_S), 0, "the agent's status after SIGTERM")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def told(self):
        with open(self.log, errors="replace") as log:
            return log.read()

    def wait_told(self, words, times=1):
        wait_until(lambda: len(re.findall(words, self.told())) >= times, DEADLINE_S, f"the log has {words}")

    def path(self, name):
        return os.path.join(self.directory, name)

    def append(self, name, text):
        with open(self.path(name), "a") as file:
            file.write(text)


MEMORY = """
sources = r1
channels = c1
sinks = k1
channels.c1.type = memory
channels.c1.capacity = 1000
sources.r1.channels = c1
sinks.k1.channel = c1
"""
LOGGER = MEMORY + "sinks.k1.type = logger\n"


def to_topic(cluster, topic, base=MEMORY, **settings):
    lines = "".join(f"sinks.k1.{key.replace('_', '.')} = {value}\n" for key, value in settings.items())
    return base + f"""
sinks.k1.type = kafka
sinks.k1.kafka.bootstrap.servers = {cluster.bootstrap}
sinks.k1.kafka.topic = {topic}
{lines}"""


TAIL = """
sources.r1.type = TAILDIR
sources.r1.filegroups = f1
sources.r1.filegroups.f1 = @DIR@/.*\\\\.log
sources.r1.positionFile = @DIR@/positions/taildir.json
"""


def read(cluster, topic, count, *more):
    return says(cluster, READ, "--topic", topic, "--from-beginning", "--max-messages", str(count), *more,
                out=re.compile("."), err=re.compile("Processed")).stdout.splitlines()


def ends(cluster, topic):
    """What is in the topic; -1 while a leader is missing."""
    done = tool("kafka-get-offsets.sh", "--bootstrap-server", cluster.bootstrap, "--topic", topic, check_status=False)
    out = done.stdout if done.returncode == 0 else "t:0:-1"
    return sum(int(line.split(":")[2]) for line in out.splitlines())


@test("netcat to logger: each line is an event, answered with OK; a long line is refused")
def netcat():
    with Agent(LOGGER + "sources.r1.type = netcat\nsources.r1.bind = localhost\nsources.r1.port = 0\n") as agent:
        agent.wait_told("listening on localhost:")
        port = int(re.search(r"listening on localhost:(\d+)", agent.told()).group(1))
        with socket.create_connection(("localhost", port), DEADLINE_S) as line:
            answers = line.makefile()
            line.sendall(b"Hello world!\r\nsec")
            check_equal(answers.readline(), "OK\n", "the first answer")
            line.sendall(b"ond\n")
            check_equal(answers.readline(), "OK\n", "the second answer")
            line.sendall(b"x" * 600 + b"\n")
            check(answers.readline().startswith("FAILED: "), "a long line is refused")
            check_equal(answers.readline(), "", "and its connection closed")
        agent.wait_told(r"\[sink k1\] Event: \{ headers:\{\} body: 48 65 6C 6C 6F 20 77 6F 72 6C 64 21 0D +"
                        r"Hello world!\. \}")
        agent.wait_told("second")


@test("exec to a topic: a shell's output, headers, a command that ends and starts again")
def exec_source():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        settings = to_topic(cluster, "t") + """
sources.r1.type = exec
sources.r1.shell = /bin/sh -c
sources.r1.command = echo one; echo two | cat; echo three >&2
sources.r1.restart = true
sources.r1.restartThrottle = 10
sources.r1.logStdErr = true
sources.r1.interceptors = i1
sources.r1.interceptors.i1.type = static
sources.r1.interceptors.i1.key = key
sources.r1.interceptors.i1.value = k
"""
        with Agent(settings) as agent:
            agent.wait_told("stderr: three", times=3)
            check_equal(read(cluster, "t", 4, "--property", "print.key=true"), ["k\tone", "k\ttwo"] * 2, "the records")


@test("taildir to a topic of three replicas: rotated, cut and new files, each line once; a broker is killed")
def taildir():
    with Cluster(3) as cluster:
        cluster.create_topic("t", replicas=3)
        with Agent(to_topic(cluster, "t") + TAIL) as agent:
            agent.append("a.log", "one\ntw")
            wait_until(lambda: ends(cluster, "t") == 1, DEADLINE_S, "a line without an end waits")
            agent.append("a.log", "o\n")
            wait_until(lambda: ends(cluster, "t") == 2, DEADLINE_S, "the second line")
            os.rename(agent.path("a.log"), agent.path("a.log.1"))
            agent.append("a.log.1", "three\n")
            agent.append("a.log", "four\r\n")
            wait_until(lambda: ends(cluster, "t") == 4, DEADLINE_S, "the lines of both files")
            cluster.leader("t").kill()
            agent.append("b.log", "".join(f"line {i}\n" for i in range(5000)))
            wait_until(lambda: ends(cluster, "t") == 5004, DEADLINE_S, "all lines after a kill")
            with open(agent.path("b.log"), "w") as file:
                file.write("cut\n")
            wait_until(lambda: ends(cluster, "t") == 5005, DEADLINE_S, "the line of the file that was cut")
        lines = read(cluster, "t", 5005)
        check_equal(sorted(lines[:4]), ["four", "one", "three", "two"], "the first lines")
        check_equal(lines[4:], [f"line {i}" for i in range(5000)] + ["cut"], "the others, in order")
        for node in cluster.nodes:
            if not node.running():
                node.start()
        cluster.wait_isr_whole("t")


@test("taildir begins where it ended: after SIGTERM no line again and none missing")
def positions():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        directory = tempfile.mkdtemp(prefix="millrace-agent-")
        try:
            agent = Agent(to_topic(cluster, "t") + TAIL, directory)
            for i in range(3):
                agent.append("a.log", f"before {i}\n")
                with agent:
                    agent.append("a.log", f"while {i}\n")
                    wait_until(lambda: ends(cluster, "t") == 2 * (i + 1), DEADLINE_S, "both lines")
            wanted = [f"{when} {i}" for i in range(3) for when in ("before", "while")]
            check_equal(read(cluster, "t", 6), wanted, "each line once")
            with open(os.path.join(directory, "positions", "taildir.json")) as file:
                rows = json.load(file)
            check_equal([(row["pos"], row["file"]) for row in rows],
                        [(os.path.getsize(agent.path("a.log")), agent.path("a.log"))], "the position file")
        finally:
            shutil.rmtree(directory, ignore_errors=True)


@test("what is wrong with a file is told at once, with status 1; --check only checks; --help TYPE")
def mistakes():
    agent = Agent(LOGGER + "sources.r1.type = netcat\nsources.r1.portt = 1\nsinks.k1.maxBytesToLog = x\n")
    call = ("agent", "--conf-file", agent.config, "--name", "a1")
    done = tool("flume-ng", *call, check_status=False)
    check_equal((done.returncode, done.stdout), (1, ""), "status and output")
    for words in ("line 10: a1.sources.r1.portt: a netcat source has no such key: did you mean port?",
                  "a1.sources.r1.bind: it is missing", "a1.sinks.k1.maxBytesToLog: \"x\" is no whole number"):
        check(words in done.stderr, f"{words} is not in {done.stderr}")
    agent.write(LOGGER + "sources.r1.type = netcat\nsources.r1.bind = localhost\nsources.r1.port = 1\n")
    done = tool("flume-ng", *call, "--check")
    check("no mistake" in done.stdout, done.stdout)
    done = tool("flume-ng", "agent", "--help", "taildir")
    check("filegroups.* = text, must be given" in done.stdout, done.stdout)
    check("netcat" in tool("flume-ng", "--help", "types").stdout, "the types")
    check("Millrace" in tool("flume-ng", "version").stdout, "the version")
    with open(os.path.join(ROOT, "docs", "agent.md")) as file:
        told = file.read().split("\n## Keys\n")[1]
    check_equal(told, tool("flume-ng", "agent", "--keys").stdout, "docs/agent.md behind Keys, and --keys")
    shipped = os.path.join(ROOT, "deploy", "config", "flume.conf")
    tool("flume-ng", "agent", "--conf-file", shipped, "--name", "a1", "--check")
    shutil.rmtree(agent.directory)


tap.run()
