#!/usr/bin/env python3
"""The agent: lines from commands, sockets and files reach topics, each at least once, whoever is killed
on the way."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import json
import re
import shutil
import socket
import tempfile

import tap
from agent import DEADLINE_S, LOGGER, MEMORY, TAIL, Agent, ends, read, to_topic
from cluster import Cluster
from node import ROOT, memory_max
from tap import check, check_equal, note, test
from tool import tool
from wait import wait_until

KILLS = int(os.environ.get("KILLS") or 8)


def cluster_lines(cluster, topic):
    """How many different lines are in the topic."""
    end = ends(cluster, topic)
    return len(set(read(cluster, topic, end))) if end > 0 else 0



@test("netcat to logger: each line is an event, answered with OK; a long line is refused")
def netcat():
    with Agent(LOGGER + "sources.r1.type = netcat\nsources.r1.bind = localhost\nsources.r1.port = 0\n") as agent:
        with socket.create_connection(("localhost", agent.port()), DEADLINE_S) as line:
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


def file_channel(**keys):
    lines = "".join(f"channels.c1.{key} = {value}\n" for key, value in keys.items())
    return MEMORY.replace("channels.c1.capacity = 1000", "").replace("type = memory", f"""type = file
channels.c1.checkpointDir = @DIR@/channel/checkpoint
channels.c1.dataDirs = @DIR@/channel/data
channels.c1.minimumRequiredSpace = 1048576
channels.c1.transactionCapacity = 1000
{lines}""")


@test("kill -9 of the agent, again and again: with a file channel no line is missing, and few come twice")
def kills():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        directory = tempfile.mkdtemp(prefix="millrace-agent-")
        try:
            agent = Agent(to_topic(cluster, "t", file_channel(capacity=100000)) + TAIL, directory)
            for i in range(KILLS):
                agent.start()
                before = ends(cluster, "t")
                agent.append("a.log", "".join(f"line {i} {n}\n" for n in range(2000)))
                wait_until(lambda: ends(cluster, "t") > before, DEADLINE_S, "some lines are there")
                agent.kill()
            with agent:
                wait_until(lambda: cluster_lines(cluster, "t") >= 2000 * KILLS, DEADLINE_S, "all lines")
            lines = read(cluster, "t", ends(cluster, "t"))
            wanted = [f"line {i} {n}" for i in range(KILLS) for n in range(2000)]
            check_equal(sorted(set(lines)), sorted(wanted), "the lines")
            first = {}
            for at, line in enumerate(lines):
                first.setdefault(line, at)
            check_equal(sorted(wanted, key=first.get), wanted, "the order in which they came first")
            note(f"{len(lines) - len(wanted)} lines came twice after {KILLS} kills")
        finally:
            shutil.rmtree(directory, ignore_errors=True)


@test("a broker that is away for a while: the file channel fills, the memory does not, and all lines come")
def broker_away():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        with Agent(to_topic(cluster, "t", file_channel(capacity=1000000)) + TAIL) as agent:
            agent.append("a.log", "first\n")
            wait_until(lambda: ends(cluster, "t") == 1, DEADLINE_S, "the first line")
            cluster.nodes[0].kill()
            text = "".join(f"line {n} {'x' * 90}\n" for n in range(200000))
            agent.append("a.log", text)
            data = agent.path("channel/data")
            wait_until(lambda: sum(os.path.getsize(os.path.join(data, name)) for name in os.listdir(data)) > len(text),
                       DEADLINE_S, "the lines are in the channel")
            with open(f"/proc/{agent.process.pid}/status") as status:
                peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1))
            note(f"{len(text) >> 20} MiB wait in the channel, and the agent has used {peak >> 10} MiB")
            check(peak < memory_max(64 << 10), f"{peak} kB")
            cluster.nodes[0].start()
            wait_until(lambda: ends(cluster, "t") >= 200001, DEADLINE_S, "all lines")
        lines = read(cluster, "t", 200001)
        check_equal(lines[1:], text.splitlines(), "the lines, in order")


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
