#!/usr/bin/env python3
"""An agent inside a broker: a log file's lines reach a topic of that same broker, whoever is killed; what
is wrong with the agent's file stops nothing; a stop delivers first."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
from agent import DEADLINE_S, MEMORY, TAIL, Agent, ends, read, to_topic
from cluster import Cluster
from node import SERVER, free_port, spawn
from tap import check, check_equal, note, test
from tool import tool
from wait import wait_until

KILLS = int(os.environ.get("KILLS") or 5)
LINES = 3000
FILE = MEMORY.replace("channels.c1.capacity = 1000", "").replace("type = memory", """type = file
channels.c1.checkpointDir = @DIR@/channel/checkpoint
channels.c1.dataDirs = @DIR@/channel/data
channels.c1.minimumRequiredSpace = 1048576""")
NETCAT = "sources.r1.type = netcat\nsources.r1.bind = localhost\nsources.r1.port = 0\n"


def inside(cluster, settings, **more):
    """The agent of the only node, which is not started: its file, what it says, its directory."""
    node = cluster.nodes[0]
    directory = os.path.join(cluster.directory, "agent")
    os.mkdir(directory)
    agent = Agent(settings, directory)
    agent.log = node.log_file
    node.settings["agent.conf.file"] = agent.config
    node.settings.update({key.replace("_", "."): value for key, value in more.items()})
    return agent


def says_ok(port, *lines):
    """Lines to a netcat source, each acknowledged."""
    with socket.create_connection(("localhost", port), DEADLINE_S) as line:
        answers = line.makefile()
        line.sendall("".join(text + "\n" for text in lines).encode())
        for text in lines:
            check_equal(answers.readline(), "OK\n", f"the answer to {text}")


@test("kill -9 of a broker with an agent inside, again and again: no line of the log file is missing")
def kills():
    with Cluster(1, start=False) as cluster:
        node = cluster.nodes[0]
        agent = inside(cluster, to_topic(cluster, "t", FILE) + TAIL)
        for i in range(KILLS):
            cluster.start()
            if i == 0:
                cluster.create_topic("t")
            before = ends(cluster, "t")
            agent.append("a.log", "".join(f"line {i} {n}\n" for n in range(LINES)))
            wait_until(lambda: ends(cluster, "t") > before, DEADLINE_S, "some lines are there")
            node.kill()
        cluster.start()
        wanted = [f"line {i} {n}" for i in range(KILLS) for n in range(LINES)]
        seen = lambda: read(cluster, "t", ends(cluster, "t")) if ends(cluster, "t") >= len(wanted) else []
        lines = wait_until(lambda: (lambda got: got if len(set(got)) >= len(wanted) else None)(seen()), DEADLINE_S,
                           "all lines")
        first = {}
        for at, line in enumerate(lines):
            first.setdefault(line, at)
        check_equal(sorted(first), sorted(wanted), "the lines")
        check_equal(sorted(wanted, key=first.get), wanted, "the order in which they came first")
        note(f"{len(lines) - len(wanted)} lines came twice after {KILLS} kills")


@test("a clean stop: what the agent has acknowledged is in the topic before the broker leaves")
def drained():
    with Cluster(1, start=False) as cluster:
        node = cluster.nodes[0]
        agent = inside(cluster, to_topic(cluster, "t", MEMORY.replace("1000", "100000")) + NETCAT)
        cluster.start()
        wanted = [f"line {n}" for n in range(LINES)]
        cluster.create_topic("t")
        says_ok(agent.port(), *wanted)
        node.signal(signal.SIGTERM)
        check_equal(node.wait_exit(), 0, "the status")
        log = node.log_text()
        check(log.index("the agent has stopped") < log.index("] stopped"), "the order of the ends")
        del node.settings["agent.conf.file"]
        cluster.start()
        check_equal(read(cluster, "t", len(wanted)), wanted, "the lines")


@test("an agent's file with mistakes, and a port that is taken, stop neither start nor broker; mended, it works")
def mended():
    port = free_port()
    with socket.create_server(("localhost", port)) as taken, Cluster(1, start=False) as cluster:
        agent = inside(cluster, to_topic(cluster, "t") + NETCAT.replace("port =", "porrt ="))
        cluster.start()
        cluster.create_topic("t")
        agent.wait_told(r"\[agent a1\] .*porrt: .*")
        agent.wait_told("no agent works for this reason")
        agent.write(to_topic(cluster, "t") + NETCAT.replace("port = 0", f"port = {port}"))
        agent.wait_told(f"can't listen on localhost:{port}: ")
        taken.close()
        wait_until(lambda: f"listening on localhost:{port}" in agent.told(), DEADLINE_S, "the port is free")
        says_ok(port, "one")
        check_equal(read(cluster, "t", 1), ["one"], "the line")
        check_equal(len(re.findall("no agent works for this reason", agent.told())), 2, "each reason is told once")


@test("an agent that is stuck in commands of its file does not keep the broker: it stops without it, in order")
def stuck():
    with Cluster(1, start=False) as cluster:
        node = cluster.nodes[0]
        agent = inside(cluster, to_topic(cluster, "t") + NETCAT)
        cluster.start()
        agent.port()
        with open(agent.path("slow.sh"), "w") as script:  # each of its calls is given up after ten seconds
            script.write(f"#!/bin/sh\ntouch {agent.path('asked')}\nexec sleep 30\n")
        os.chmod(agent.path("slow.sh"), 0o755)
        filters = "".join(f"sources.r1.interceptors.i1.value{n} = ${{f1['KEY{n}']}}\n" for n in range(30))
        agent.write(to_topic(cluster, "t") + NETCAT + f"""
            configfilters = f1
            configfilters.f1.type = external
            configfilters.f1.command = {agent.path("slow.sh")}
            {filters}""")
        wait_until(lambda: os.path.exists(agent.path("asked")), DEADLINE_S, "the command runs")
        node.signal(signal.SIGTERM)
        check_equal(node.wait_exit(4 * DEADLINE_S), 0, "the status")
        agent.wait_told("the agent has not ended in 30 s: the broker stops without it")
        agent.wait_told("the agent is stuck: this process ends without it")
        log = node.log_text()
        check(log.index("is stuck") < log.index("] stopped"), "the order of the ends")


@test("values of ${sys:} and counters by agent.properties; kafka-server-stop.sh finds the node")
def properties():
    with Cluster(1, start=False) as cluster:
        settings = to_topic(cluster, "${sys:WHERE}") + NETCAT
        agent = inside(cluster, settings, agent_properties="WHERE=t,flume.monitoring.type=http,flume.monitoring.port=0")
        cluster.start()
        cluster.create_topic("t")
        says_ok(agent.port(), "one", "two")
        check_equal(read(cluster, "t", 2), ["one", "two"], "the lines")
        agent.wait_told(r"/metrics")
        node = cluster.nodes[0]
        with open(f"/proc/{node.pid}/comm") as file:
            check_equal(file.read(), "millrace-server\n", "the name of the process")
        tool("kafka-server-stop.sh", node.config_file)
        check_equal(node.wait_exit(), 0, "the status")


@test("millrace-server without the program that has the agent: the node serves, and says what is missing")
def alone():
    with Cluster(1, start=False) as cluster:
        node = cluster.nodes[0]
        agent = inside(cluster, to_topic(cluster, "t") + NETCAT)
        copy = os.path.join(cluster.directory, "bin", "millrace-server")
        os.mkdir(os.path.dirname(copy))
        shutil.copy(SERVER, copy)
        node.write_config()
        with open(node.log_file, "ab") as log:
            node.process = spawn([copy, node.config_file], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        cluster.wait_serving()
        agent.wait_told("no agent works inside this node: it needs the program millrace beside this one")


tap.run()
