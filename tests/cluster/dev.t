#!/usr/bin/env python3
"""millrace dev: a throw-away cluster that serves, and leaves nothing behind."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import fcntl
import json
import pty
import re
import shutil
import signal
import socket
import subprocess
import struct
import tempfile
import termios

import tap
import wire
from node import spawn
from tap import check, check_equal, test
from tool import MILLRACE, tool
from wait import wait_until

DEADLINE_S = 120


class Dev:
    """A running `millrace dev` and what it printed; its directory lies in one of the test's own."""

    def __init__(self, *arguments, stdout=None):
        self.arguments = arguments
        self.stdout = stdout

    def __enter__(self):
        self.tmp = tempfile.mkdtemp(prefix="millrace-test-")
        self.path = os.path.join(self.tmp, "out")
        with open(self.path, "w") as out:
            self.process = spawn([MILLRACE, "dev", *self.arguments], stdin=subprocess.DEVNULL,
                                 stdout=self.stdout or out, stderr=out,
                                 env={**os.environ, "TMPDIR": self.tmp})
        return self

    def __exit__(self, kind, value, trace):
        for pid in self.nodes():
            os.kill(pid, signal.SIGKILL)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.tmp, ignore_errors=True)

    def text(self):
        with open(self.path) as file:
            return file.read()

    def wait_ready(self):
        self.found = wait_until(lambda: re.search(r"(?ms)^bootstrap\.servers=(\S+)$.*data: (\S+)$", self.text()),
                                DEADLINE_S, "it serves")
        self.bootstrap, self.directory = self.found.groups()
        return self

    def nodes(self):
        """The servers that run with a settings file below our directory."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline") as file:
                    arguments = file.read().split("\0")
            except OSError:
                continue
            if arguments[0].endswith("millrace-server") and arguments[1].startswith(self.tmp):
                found.append(int(pid))
        return found


@test("three nodes serve a record; SIGINT leaves no process and no file")
def three():
    with Dev() as dev:
        dev.wait_ready()
        check(f"export MILLRACE_BOOTSTRAP={dev.bootstrap}\n" in dev.text(), dev.text())
        ports = [int(address.split(":")[1]) for address in dev.bootstrap.split(",")]
        check_equal([len(wire.metadata(port).brokers) for port in ports], [3, 3, 3], "brokers known")
        tool("kafka-console-producer", "--bootstrap-server", dev.bootstrap, "--topic", "t", stdin="one\n")
        done = tool("kafka-console-consumer", "--bootstrap-server", dev.bootstrap, "--topic", "t",
                    "--from-beginning", "--max-messages", "1")
        check_equal(done.stdout, "one\n", "what is consumed")
        check_equal(len(dev.nodes()), 3, "the processes")
        dev.process.send_signal(signal.SIGINT)
        check_equal(dev.process.wait(DEADLINE_S), 0, f"the status ({dev.text()})")
        check_equal((dev.nodes(), os.listdir(dev.tmp)), ([], ["out"]), "processes and files left")


@test("a node that ends is named, the others go on; when none is left it ends with status 1")
def ended():
    with Dev("-n", "2") as dev:
        dev.wait_ready()
        first, second = dev.nodes()
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: re.search(r"node \d ended by signal 9: its log is ", dev.text()), DEADLINE_S, "named")
        check(dev.process.poll() is None and dev.nodes() == [second], dev.text())
        os.kill(second, signal.SIGKILL)
        check_equal(dev.process.wait(DEADLINE_S), 1, "the status")
        check("no node is left" in dev.text() and os.listdir(dev.tmp) == ["out"], dev.text())


@test("the nodes end with it, even when it is killed")
def orphans():
    with Dev("--nodes", "1") as dev:
        dev.wait_ready()
        dev.process.kill()
        dev.process.wait()
        wait_until(lambda: not dev.nodes(), DEADLINE_S, "the node ends")


@test("--keep: settings, log and data stay")
def keep():
    with Dev("--nodes", "1", "--keep") as dev:
        dev.wait_ready()
        dev.process.send_signal(signal.SIGTERM)
        check_equal(dev.process.wait(DEADLINE_S), 0, "the status")
        check(f"kept: {dev.directory}\n" in dev.text(), dev.text())
        check_equal(sorted(os.listdir(dev.directory)), ["data0", "server0.log", "server0.properties"], "files")


@test("--detach returns once it serves, and a signal to the process it names ends it")
def detach():
    with Dev("--nodes", "1", "--detach") as dev:
        check_equal(dev.process.wait(DEADLINE_S), 0, f"the status ({dev.text()})")
        dev.wait_ready()
        owner = int(re.search(r"^kill (\d+) ends", dev.text(), re.M)[1])
        try:
            check_equal(len(wire.metadata(int(dev.bootstrap.split(":")[1])).brokers), 1, "brokers")
        finally:
            os.kill(owner, signal.SIGTERM)
        wait_until(lambda: not dev.nodes() and os.listdir(dev.tmp) == ["out"], DEADLINE_S, "all is gone")


@test("--format json, --detach and --keep: what a script needs is one object")
def for_programs():
    with Dev("--nodes", "2", "--detach", "--keep", "--format", "json") as dev:
        check_equal(dev.process.wait(DEADLINE_S), 0, f"the status ({dev.text()})")
        told = json.loads(dev.text())
        try:
            check_equal(list(told), ["bootstrapServers", "nodes", "directory", "pid"], "the names")
            port = int(told["bootstrapServers"].split(",")[0].split(":")[1])
            check_equal((len(wire.metadata(port).brokers), told["nodes"]), (2, 2), "brokers")
        finally:
            os.kill(told["pid"], signal.SIGTERM)
        wait_until(lambda: not dev.nodes(), DEADLINE_S, "the nodes end")
        check_equal(os.path.dirname(told["directory"]), dev.tmp, "where it is")
        check(os.path.exists(told["directory"] + "/server1.properties"), "it is kept")


@test("at a terminal one line shows the state")
def line():
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    shown = b""

    def read():
        nonlocal shown
        try:
            shown += os.read(ours, 65536)
        except BlockingIOError:
            pass
        return b"\r\x1b[K1 of 1 up, controller 0, 0 topics, " in shown
    with Dev("--nodes", "1", stdout=theirs) as dev:
        wait_until(read, DEADLINE_S, "the live line")
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
        wait_until(lambda: read() and shown.split(b"\r\x1b[K")[-1] == b"1 of 1 up, controller 0, 0 topics",
                   DEADLINE_S, "whole parts only, where it is narrow")
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        wait_until(lambda: read() and re.search(rb"0 offline, [0-9.]+ \w*$", shown.split(b"\r\x1b[K")[-1]),
                   DEADLINE_S, "all of it where it is wide")
        dev.process.send_signal(signal.SIGHUP)
        check_equal(dev.process.wait(DEADLINE_S), 0, "the status")
    os.close(ours)
    os.close(theirs)


@test("what can't be done is one sentence, and nothing stays behind")
def errors():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        for arguments, pattern in ((("--port", str(port)), rf"port {port} can't be used .*--port"),
                                   (("--nodes", "0"), "--nodes 0: write a whole number from 1 to 16"),
                                   (("--nodes", "x"), "--nodes x: write a whole number"),
                                   (("--port", "65535"), "--port 65535: write a whole number from 1"),
                                   (("three",), "this tool takes options only")):
            with Dev(*arguments) as dev:
                check_equal(dev.process.wait(DEADLINE_S), 1, f"the status with {arguments}")
                check(re.search(pattern, dev.text()), dev.text())
                check_equal(os.listdir(dev.tmp), ["out"], "files left")


tap.run()
