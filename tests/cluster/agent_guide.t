#!/usr/bin/env python3
"""The configuration examples of Flume 1.11's user guide: each file of guide/ is one, with other paths, hosts
and ports, and a test of its own; what stands behind "#! completed" makes an agent of what is a fragment there.

Lines that begin with #! say what is done with it:
    agent NAME                which agent it is; a1
    option ARGUMENT           of flume-ng; environment NAME=VALUE; file LINE: of a second file
    peer avro|thrift|http     who listens at @PEER@
    feed KIND WHERE [HEADER]  how an event comes in; its body is `text`, or "guided by hand"
    want log PATTERN          of the agent's log; out, or in DIR: of what file_roll sinks wrote; peer: of what the
                              peer has; topic NAME: of a topic's records
    counter PART NAME         of its counters, which must not stay 0
    refused PATTERN           it is not started, for this reason"""
import glob
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "lib"))

import tap
from agent import DEADLINE_S, MEMORY, Agent, ends, read
from cluster import Cluster
from node import free_port, spawn
from tap import check, check_equal, note, test
from tool import MILLRACE, tool
from wait import wait_until

ROLL = "sinks.k1.type = file_roll\nsinks.k1.sink.directory = @DIR@/out\nsinks.k1.sink.rollInterval = 0\n"
shared = {}  # the cluster of all that need one


def cluster():
    if "cluster" not in shared:
        shared["cluster"] = Cluster(1)
        shared["cluster"].__enter__()
        for topic in ("mytopic", "test1", "test2", "topic7", "channel1"):
            shared["cluster"].create_topic(topic)
    return shared["cluster"]


def written(directory):
    """What file_roll sinks wrote into it, or into those that a pattern fits."""
    text = b""
    for name in sorted(glob.glob(os.path.join(directory, "*"))):
        with open(name, "rb") as file:
            text += file.read()
    return text.decode(errors="replace")


# ---- who is at the other end ----

class HttpPeer:
    def __init__(self, port):
        bodies = self.bodies = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments):
                pass
        self.server = http.server.ThreadingHTTPServer(("localhost", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.server.shutdown()
        self.server.server_close()

    def text(self):
        return "\n".join(self.bodies)


class AgentPeer(Agent):
    def __init__(self, kind, port):
        super().__init__(f"{MEMORY}{ROLL}sources.r1.type = {kind}\nsources.r1.bind = localhost\n"
                         f"sources.r1.port = {port}\n")

    def __enter__(self):
        super().__enter__()
        self.port()
        return self

    def text(self):
        return written(self.path("out"))


# ---- feeding ----

def over_tcp(port, data, answer=None):
    def send():
        with socket.create_connection(("localhost", port), DEADLINE_S) as line:
            line.sendall(data)
            if answer:
                check_equal(line.makefile().readline(), answer, "the answer")
        return True
    wait_until(send, DEADLINE_S, f"port {port} takes it")


def over_udp(port, data, seen):
    """Until it is seen: nobody tells whether one got there."""
    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.sendto(data, ("127.0.0.1", port))
        return seen()
    wait_until(send, DEADLINE_S, "a datagram has come")


def post(port, body):
    def send():
        with urllib.request.urlopen(f"http://localhost:{port}/", body, DEADLINE_S) as answer:
            return answer.status == 200
    wait_until(send, DEADLINE_S, f"port {port} answers")


def call(example, kind, port, text, header):
    """By flume-ng avro-client, or by a chained agent."""
    if kind == "thrift":
        settings = (f"sources = s\nchannels = c\nsinks = k\nsources.s.type = exec\nsources.s.command = echo {text}\n"
                    f"sources.s.channels = c\nchannels.c.type = memory\nsinks.k.type = thrift\nsinks.k.channel = c\n"
                    f"sinks.k.hostname = localhost\nsinks.k.port = {port}\n")
        with Agent(settings):
            wait_until(example.satisfied, DEADLINE_S, "the event has come")
        return
    with open(example.path("text"), "w") as file:
        file.write(text + "\n")
    with open(example.path("headers"), "w") as file:
        file.write(header + "\n")
    wait_until(lambda: tool("flume-ng", "avro-client", "--host", "localhost", "--port", str(port), "--filename",
                            example.path("text"), "--headerFile", example.path("headers"),
                            check_status=False).returncode == 0, DEADLINE_S, "the avro source takes it")


def feed(example, kind, where, header):
    text = example.word("text") or "guided by hand"
    syslog = f"<34>Oct 11 22:14:15 mymachine app: {text}\n".encode()
    path = example.path(where)
    if kind.startswith("netcat"):
        for _ in range(4 if kind == "netcat-4" else 1):
            over_tcp(int(where), (text + "\n").encode(), "OK\n")
    elif kind == "syslog-tcp":
        over_tcp(int(where), syslog)
    elif kind in ("udp", "syslog-udp"):
        over_udp(int(where), syslog if kind == "syslog-udp" else text.encode(), example.satisfied)
    elif kind in ("avro", "thrift"):
        call(example, kind, int(where), text, header)
    elif kind == "http":
        post(int(where), text.encode())
    elif kind == "http-json":
        events = [{"headers": {"namenode": "namenode.example.com", "datanode": "random_datanode.example.com"},
                   "body": text}]
        post(int(where), json.dumps(events).encode())
    elif kind == "topic":
        tool("kafka-console-producer.sh", "--bootstrap-server", cluster().bootstrap, "--topic", where,
             stdin=text + "\n")
    elif kind == "append":
        with open(path, "a") as file:
            file.write(text + "\n")
    elif kind == "put":
        with open(path + ".tmp", "w") as file:
            file.write(text + "\n")
        os.rename(path + ".tmp", os.path.join(example.directory, where))
    else:
        raise AssertionError(f"feed {kind} is not known")


# ---- one example ----

class Example:
    def __init__(self, path):
        with open(path) as file:
            self.text = file.read()
        self.name = os.path.basename(path)[:-len(".conf")]
        self.directory = tempfile.mkdtemp(prefix="millrace-guide-")
        for name in ("spool", "test1", "test2"):
            os.mkdir(self.path(name))
        for name in ("one", "two"):
            with open(self.path(name + ".txt"), "w") as file:
                file.write(name + "\n")
        for name in ("secure", "test2/my.log.1"):
            open(self.path(name), "w").close()
        values = {"DIR": self.directory}
        values.update((name, str(free_port())) for name in ("PORT", "PORT2", "PORT3", "PEER"))
        if "@SERVERS@" in self.text or "#! feed topic" in self.text:
            values["SERVERS"] = cluster().bootstrap
        for name, value in values.items():
            self.text = self.text.replace(f"@{name}@", value)
        self.values = values
        self.log = self.path("agent.out")
        self.peer = None
        self.process = None

    def path(self, name):
        return os.path.join(self.directory, name)

    def words(self, kind):
        return re.findall(rf"(?m)^#! {kind} (.*)$", self.text)

    def word(self, kind):
        return next(iter(self.words(kind)), None)

    def start(self):
        with open(self.path("flume.conf"), "w") as file:
            file.write(self.text)
        arguments = ["flume-ng", "agent", "--conf", self.directory, "--conf-file", "flume.conf",
                     "--name", self.word("agent") or "a1", *self.words("option")]
        if self.word("file"):
            with open(self.path("override.conf"), "w") as file:
                file.write(self.word("file") + "\n")
            arguments += ["--conf-file", "override.conf"]
        self.monitor = free_port()
        if self.word("counter"):
            arguments += ["-Dflume.monitoring.type=http", f"-Dflume.monitoring.port={self.monitor}"]
        environment = {**os.environ, **dict(pair.split("=", 1) for pair in self.words("environment"))}
        with open(self.log, "w") as log:
            self.process = spawn(arguments, executable=MILLRACE, stdout=log, stderr=log, cwd=self.directory,
                                 env=environment)

    def told(self):
        with open(self.log, errors="replace") as log:
            return log.read()

    def counter(self, part, name):
        with urllib.request.urlopen(f"http://localhost:{self.monitor}/metrics", timeout=DEADLINE_S) as answer:
            return int(json.load(answer)[part][name])

    def seen(self, wanted):
        kind, _, rest = wanted.partition(" ")
        if kind == "log":
            return re.search(rest, self.told())
        if kind == "out":
            return re.search(rest, written(self.path("out")))
        if kind == "peer":
            return re.search(rest, self.peer.text())
        where, _, pattern = rest.partition(" ")
        if kind == "in":
            return re.search(pattern, written(self.path(where)))
        count = ends(cluster(), where)
        return count > 0 and re.search(pattern, "\n".join(read(cluster(), where, count)))

    def satisfied(self):
        return all(self.seen(wanted) for wanted in self.words("want")) and \
            all(self.counter(*words.split()) > 0 for words in self.words("counter"))

    def run(self):
        for kind in self.words("peer"):
            port = int(self.values["PEER"])
            with HttpPeer(port) if kind == "http" else AgentPeer(kind, port) as self.peer:
                return self.run_alone()
        return self.run_alone()

    def run_alone(self):
        self.start()
        refused = self.word("refused")
        if refused:
            check_equal(self.process.wait(DEADLINE_S), 1, "the status")
            check(re.search(refused, self.told()), f"the reason {refused}")
            return
        wait_until(lambda: " work\n" in self.told() or self.process.poll() is not None, DEADLINE_S, "the agent works")
        check(self.process.poll() is None, "the agent goes on")
        for words in self.words("feed"):
            feed(self, *(words.split() + [""])[:3])
        wait_until(self.satisfied, DEADLINE_S, f"{self.words('want')} {self.words('counter')}")
        self.process.terminate()
        check_equal(self.process.wait(DEADLINE_S), 0, "the status after SIGTERM")

    def close(self, failed):
        if failed:
            note(self.told() if os.path.exists(self.log) else "it was not started")
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def add(path):
    @test("Flume's guide: " + os.path.basename(path)[:-len(".conf")])
    def run():
        example, failed = Example(path), True
        try:
            example.run()
            failed = False
        finally:
            example.close(failed)


for path in sorted(glob.glob(os.path.join(HERE, "guide", "*.conf"))):
    add(path)


@test("the cluster of the examples stops")
def end():
    if "cluster" in shared:
        shared["cluster"].__exit__(None, None, None)


tap.run()
