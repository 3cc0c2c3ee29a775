#!/usr/bin/env python3
"""kill -9 of an agent at random moments, with a file channel: nothing that a source acknowledged is lost, and a
kill brings at most one batch of a sink twice, and one of a source that reads on by itself. AGENT_KILLS says how many
(50)."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import http.client
import json
import random
import shutil
import subprocess
import tempfile
import threading

import tap
from agent import DEADLINE_S, TAIL, Agent, ends, file_channel, metrics, read, to_topic
from cluster import Cluster
from node import free_port
from tap import check, check_equal, note, test
from wait import wait_until

KILLS = int(os.environ.get("AGENT_KILLS") or 50)
TAIL_KILLS = KILLS // 5  # each life is waited for until the file is read
LIFE_MAX_S = 0.5   # a life ends at a random moment before it: while the channel is read, or much later
PUT_MAX = 40       # events of one request
BATCH = 100        # of the sink
SINK = {"flumeBatchSize": BATCH}


class Client:
    """Posts events until the agent does not answer any more. It repeats none: what comes twice, the agent has
    sent twice."""

    def __init__(self, port):
        self.port = port
        self.sent = 0
        self.acknowledged = []
        self.stopped = False

    def post(self, line, names):
        body = json.dumps([{"headers": {}, "body": name} for name in names])
        line.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = line.getresponse()
        answer.read()
        if answer.status == 200:
            self.acknowledged += names

    def names(self, count):
        names = [f"event {self.sent + i}" for i in range(count)]
        self.sent += count
        return names

    def work(self):
        line = None
        while not self.stopped:
            try:
                if not line:
                    line = http.client.HTTPConnection("localhost", self.port, timeout=DEADLINE_S)
                    line.connect()
                self.post(line, self.names(random.randint(1, PUT_MAX)))
            except (OSError, http.client.HTTPException):
                line = None


def live(agent, client):
    """One life, up to its kill."""
    client.stopped = False
    agent.start()
    poster = threading.Thread(target=client.work)
    poster.start()
    try:
        agent.process.wait(random.uniform(0, LIFE_MAX_S))
        raise AssertionError("the agent has ended by itself")
    except subprocess.TimeoutExpired:
        agent.kill()
    finally:
        client.stopped = True
        poster.join()


def drain(agent, client):
    agent.options = ("-Dflume.monitoring.type=http", "-Dflume.monitoring.port=0")
    with agent:
        line = wait_until(lambda: connected(client.port), DEADLINE_S, "the agent listens")
        wait_until(lambda: posted(client, line, ["last"]), DEADLINE_S, "it has the last event")
        wait_until(lambda: '"ChannelSize":"0"' in metrics(agent), 10 * DEADLINE_S, "the channel is empty")


def connected(port):
    line = http.client.HTTPConnection("localhost", port, timeout=DEADLINE_S)
    line.connect()
    return line


def posted(client, line, names):
    before = len(client.acknowledged)
    client.post(line, names)
    return len(client.acknowledged) > before


def count_twice(numbers):
    """How many events came once more after each kill. Within a life numbers rise; where they fall, another one
    begins with what has come before. (One that begins with what has not is counted with the one before it.)"""
    seen, twice, before = set(), [0], -1
    for number in numbers:
        if number <= before:
            twice.append(0)
        if number in seen:
            twice[-1] += 1
        seen.add(number)
        before = number
    return twice


@test("kill -9 at random moments: no acknowledged event is lost, and at most a batch comes twice for each kill")
def kills():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        directory = tempfile.mkdtemp(prefix="millrace-agent-")
        port = free_port()
        try:
            agent = Agent(to_topic(cluster, "t", file_channel(capacity=1000000), **SINK) + f"""
sources.r1.type = http
sources.r1.bind = localhost
sources.r1.port = {port}
""", directory)
            client = Client(port)
            for _ in range(KILLS):
                live(agent, client)
            drain(agent, client)
            lines = read(cluster, "t", ends(cluster, "t"))
        finally:
            shutil.rmtree(directory, ignore_errors=True)
    missing = set(client.acknowledged) - set(lines)
    check(not missing, f"{len(missing)} of {len(client.acknowledged)} acknowledged events are missing")
    check(set(lines) - {"last"} <= {f"event {i}" for i in range(client.sent)}, "nothing else is there")
    first = {}
    for at, line in enumerate(lines):
        first.setdefault(line, at)
    order = [name for name in client.acknowledged if name != "last"]
    check_equal(sorted(order, key=first.get), order, "the order in which they came first")
    twice = count_twice([int(line.split()[1]) for line in lines if line != "last"])
    note(f"{len(client.acknowledged)} events acknowledged over {KILLS} kills: none lost, {sum(twice)} came twice, "
         f"{max(twice)} at most after one kill")
    check(len(twice) <= KILLS + 1, f"{len(twice)} times older events came again")
    check(max(twice) <= BATCH, f"{max(twice)} events came twice after one kill")


class Writer:
    """Appends numbered lines to a file, until it is stopped."""

    def __init__(self, path):
        self.path = path
        self.count = 0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def work(self):
        with open(self.path, "a") as file:
            while not self.stopped.wait(0.005):
                file.write("".join(f"event {self.count + i}\n" for i in range(50)))
                file.flush()
                self.count += 50

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.stopped.set()
        self.thread.join()


@test("kill -9 with a taildir source: no line is lost; at most a batch of it and one of the sink come twice each time")
def taildir_kills():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        directory = tempfile.mkdtemp(prefix="millrace-agent-")
        try:
            agent = Agent(to_topic(cluster, "t", file_channel(capacity=1000000), **SINK) + TAIL +
                          f"sources.r1.batchSize = {BATCH}\n", directory)
            with Writer(agent.path("a.log")) as writer:
                for kill in range(TAIL_KILLS):
                    agent.start()
                    agent.wait_told("following ", kill + 1)
                    try:
                        agent.process.wait(random.uniform(0, LIFE_MAX_S))
                        raise AssertionError("the agent has ended by itself")
                    except subprocess.TimeoutExpired:
                        agent.kill()
            wanted = [f"event {i}" for i in range(writer.count)]
            with agent:
                wait_until(lambda: ends(cluster, "t") >= len(wanted), 10 * DEADLINE_S, "as many lines as there are")
                wait_until(lambda: wanted[-1] in read(cluster, "t", ends(cluster, "t")), DEADLINE_S, "the last line")
            lines = read(cluster, "t", ends(cluster, "t"))
        finally:
            shutil.rmtree(directory, ignore_errors=True)
    missing = set(wanted) - set(lines)
    check(not missing, f"{len(missing)} of {len(wanted)} lines are missing")
    twice = [count for count in count_twice([int(line.split()[1]) for line in lines]) if count > 0]
    note(f"{len(wanted)} lines over {TAIL_KILLS} kills: none lost, {sum(twice)} came twice, in {len(twice)} pieces of "
         f"at most {max(twice, default=0)}")
    check(len(twice) <= 2 * TAIL_KILLS, f"{len(twice)} times older lines came again")
    check(max(twice, default=0) <= BATCH, f"{max(twice, default=0)} lines came twice at once")


tap.run()
