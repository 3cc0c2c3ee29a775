#!/usr/bin/env python3
"""The agent at a terminal: one line shows how it does, below the lines of its log; elsewhere there is none."""
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
from agent import DEADLINE_S, LOGGER, MEMORY, Agent
from node import spawn
from tap import check, check_equal, test
from tool import MILLRACE
from wait import wait_until

NETCAT = "sources.r1.type = netcat\nsources.r1.bind = localhost\nsources.r1.port = 0\n"
# Nobody is there: the events stay in the channel.
AWAY = MEMORY + NETCAT + "sinks.k1.type = avro\nsinks.k1.hostname = localhost\nsinks.k1.port = 1\n"
ERASE = b"\r\x1b[K"


class Terminal:
    """An agent whose stdout is a terminal, and what stands there."""

    def __init__(self, settings, *options):
        self.agent = Agent(settings)
        self.options = options

    def __enter__(self):
        self.ours, self.theirs = pty.openpty()
        os.set_blocking(self.ours, False)
        self.shown = b""
        self.process = spawn(["flume-ng", "agent", "--conf-file", self.agent.config, "--name", "a1", *self.options],
                             executable=MILLRACE, stdin=subprocess.DEVNULL, stdout=self.theirs, stderr=self.theirs)
        return self

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)
        shutil.rmtree(self.agent.directory)

    def read(self):
        try:
            self.shown += os.read(self.ours, 65536)
        except BlockingIOError:
            pass
        return self.shown

    def wait(self, pattern):
        return wait_until(lambda: re.search(pattern, self.read()), DEADLINE_S, f"the terminal shows {pattern}")


def send(port, *lines):
    with socket.create_connection(("localhost", port), DEADLINE_S) as line:
        answers = line.makefile()
        line.sendall("".join(text + "\n" for text in lines).encode())
        for text in lines:
            check_equal(answers.readline(), "OK\n", f"the answer to {text}")


@test("at a terminal the last line has events in and out, and the channel's fill; the log stands above it")
def shown():
    with Terminal(AWAY) as terminal:
        port = int(terminal.wait(rb"listening on localhost:(\d+)").group(1))
        terminal.wait(rb"\r\x1b\[Kin 0 \(0/s\), out 0 \(0/s\), c1 0 of 1000$")
        send(port, "one", "two", "three")
        terminal.wait(rb"\r\x1b\[Kin 3 \(\d+/s\), out 0 \(0/s\), c1 3 of 1000$")
        terminal.process.send_signal(signal.SIGINT)
        terminal.wait(rb"\r\x1b\[K\[[^\]]*\] INFO \[agent\] stopping, since SIGINT came\r\n")
        terminal.process.send_signal(signal.SIGINT)  # nobody takes the events: it would wait for a while
        check_equal(terminal.process.wait(DEADLINE_S), 1, "the status")
        lines = terminal.read().split(b"\n")
        check(all(line.rpartition(ERASE)[2].startswith(b"[") for line in lines[:-1]),
              f"each line is one of the log: {lines}")


@test("--no-live-line, and what is no terminal, have none")
def hidden():
    with Terminal(LOGGER + NETCAT, "--no-live-line") as terminal:
        port = int(terminal.wait(rb"listening on localhost:(\d+)").group(1))
        send(port, "one")
        terminal.process.send_signal(signal.SIGTERM)
        check_equal(terminal.process.wait(DEADLINE_S), 0, "the status")
        check(b"\x1b" not in terminal.read(), "there is no line")
    with Agent(LOGGER + NETCAT) as agent:
        send(agent.port(), "one")
        agent.wait_told("6F 6E 65")
        check("\x1b" not in agent.told(), "there is no line")


tap.run()
