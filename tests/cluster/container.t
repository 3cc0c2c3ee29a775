#!/usr/bin/env python3
"""The container's file system, and the settings of the manifests, with real nodes."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import re
import shutil
import signal
import subprocess
import tempfile

import tap
import wire
from node import BUILD, ROOT, SERVER, free_port, sanitized, spawn
from tap import Skip, check, check_equal, note, test
from wait import wait_until

DEADLINE_S = 120
SIZE_MAX = 10_000_000  # bytes of the image, not compressed
NODES = 3


def collect(directory):
    if sanitized():
        raise Skip("a build under a sanitizer is not shipped")
    if not shutil.which("strip"):
        raise Skip("there is no strip")
    root = os.path.join(directory, "root")
    done = subprocess.run([os.path.join(ROOT, "deploy", "container", "collect.sh"), BUILD, root], text=True,
                          capture_output=True, timeout=DEADLINE_S)
    check_equal((done.returncode, done.stderr), (0, ""), "the status and stderr of collect.sh")
    return root


@test("the image is smaller than 10 MB, and serves without anything else")
def image():
    with tempfile.TemporaryDirectory(prefix="millrace-test-") as directory:
        root = collect(directory)
        size = sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(root) for name in names)
        note(f"{size / 1e6:.2f} MB")
        check(size < SIZE_MAX, f"{size} bytes")
        if os.getuid() != 0:
            raise Skip("only root can chroot")
        port = free_port()
        with open(os.path.join(directory, "log"), "w+") as log:
            node = spawn(["chroot", "--userspec=10000:10000", root, "/usr/bin/millrace-server",
                          "/etc/millrace/server.properties", "--override", f"listeners=PLAINTEXT://127.0.0.1:{port}",
                          "--override", f"advertised.listeners=PLAINTEXT://localhost:{port}",
                          # else it looks for a quorum on ports that another cluster may have here
                          "--override", f"controller.quorum.bootstrap.servers=localhost:{port + 10000}"],
                         stdout=log, stderr=log)
            try:
                wait_until(lambda: node.poll() is not None or wire.metadata(port).brokers, DEADLINE_S, "it serves")
                node.send_signal(signal.SIGTERM)
                check_equal(node.wait(DEADLINE_S), 0, "the exit status")
            except AssertionError:
                log.seek(0)
                note(log.read())
                raise
        check(os.path.exists(root + "/var/lib/millrace/meta.properties"), "the data is where it belongs")


def overrides(text):
    """The settings of each container in a manifest, in order."""
    return re.findall(r"- --override\n(?: *#.*\n)? +- (\S+=\S+)\n", text)


class Manifest:
    """Its nodes on this machine: each host and port of theirs is a free port here."""

    def __init__(self, settings):
        self.settings = settings  # of each node
        self.ports = {}
        self.directory = tempfile.mkdtemp(prefix="millrace-test-")

    def port(self, node, port):
        place = (int(node), int(port))
        if place not in self.ports:
            self.ports[place] = free_port()
        return self.ports[place]

    def place(self, node, text):
        text = re.sub(r"millrace-(\d)(?:\.millrace)?:(\d+)", lambda m: f"127.0.0.1:{self.port(m[1], m[2])}", text)
        return re.sub(r"(//|localhost):(\d+)(?=,|$)", lambda m: f"{'//' if m[1] == '//' else ''}127.0.0.1:"
                      f"{self.port(node, m[2])}", text)

    def serve(self, client_ports):
        nodes = []
        try:
            for number, settings in enumerate(self.settings):
                arguments = [f"log.dirs={self.directory}/data{number}"]
                arguments = [self.place(number, each) for each in settings if "log.dirs" not in each] + arguments
                with open(f"{self.directory}/log{number}", "w") as log:
                    nodes.append(spawn([SERVER, os.path.join(ROOT, "deploy/config/server.properties"),
                                        *(word for each in arguments for word in ("--override", each))],
                                       stdout=log, stderr=log))
            ports = [self.port(number, port) for number, port in enumerate(client_ports)]
            wait_until(lambda: all(len(wire.metadata(port).brokers) == NODES for port in ports) or
                       any(node.poll() is not None for node in nodes), DEADLINE_S, "every node knows the others")
            check(all(node.poll() is None for node in nodes), "a node ended")
        except AssertionError:
            for number in range(len(nodes)):
                with open(f"{self.directory}/log{number}") as log:
                    note(log.read())
            raise
        finally:
            for node in nodes:
                node.kill()
                node.wait()
            shutil.rmtree(self.directory)


@test("the three nodes of the compose file form a cluster")
def compose():
    with open(os.path.join(ROOT, "deploy/container/compose.yaml")) as file:
        parts = re.split(r"^  millrace-\d:\n", file.read(), flags=re.M)[1:]
    Manifest([overrides(part) for part in parts]).serve((9092, 9093, 9094))


@test("the three nodes of the StatefulSet form a cluster")
def kubernetes():
    with open(os.path.join(ROOT, "deploy/kubernetes/millrace.yaml")) as file:
        settings = overrides(file.read())
    check(len(settings) == 9, f"{settings}")
    Manifest([[each.replace("$(POD_INDEX)", str(i)).replace("$(POD_NAME)", f"millrace-{i}") for each in
               ("listeners=PLAINTEXT://:9092", *settings)] for i in range(NODES)]).serve((9092,) * NODES)


tap.run()
