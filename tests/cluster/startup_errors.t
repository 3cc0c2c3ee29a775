#!/usr/bin/env python3
"""What keeps a node from starting is one clear sentence: the file, the setting, and what to do."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import shutil
import socket

import tap
from cluster import Cluster
from tap import check, note, test
from wait import wait_until

DEADLINE_S = 120


def refused(node, *words):
    """The node ends with a status other than 0, and one line of what it said names all the words."""
    status = node.wait_exit(DEADLINE_S)
    said = node.log_text().splitlines()
    sentences = [line for line in said if all(word in line for word in words)]
    note(sentences[0] if sentences else "")
    check(status > 0, f"the status is {status}: {node.log_end()}")
    check(sentences, f"no line names {words}")


def start_with_line(line, *words):
    """In a word, `line +1` is the first line behind those of the harness."""
    cluster = Cluster(1, start=False)
    node = cluster.nodes[0]
    with cluster:
        node.write_config()
        with open(node.config_file, "rb") as file:
            before = len(file.readlines())
        words = [re.sub(r"line \+(\d)", lambda found: f"line {before + int(found[1])}", word) for word in words]
        with open(node.config_file, "ab") as file:
            file.write(line if isinstance(line, bytes) else (line + "\n").encode())
        node.write_config = lambda: None
        node.start()
        refused(node, "server0.properties", *words)


@test("a line that is no setting")
def bad_line():
    start_with_line("num.partitions 3=\\", "num.partitions")


@test("a value of the wrong type")
def bad_value():
    start_with_line("num.partitions=many", "num.partitions", "many")


@test("an unknown setting, with the name that was meant")
def unknown_setting():
    start_with_line("num.partition=3", "num.partition", "num.partitions")


@test("a file that does not exist")
def no_file():
    with Cluster(1, start=False) as cluster:
        node = cluster.nodes[0]
        node.config_file = os.path.join(cluster.directory, "absent.properties")
        node.write_config = lambda: None
        node.start()
        refused(node, "absent.properties")


@test("a folder instead of a file")
def no_regular_file():
    with Cluster(1, start=False) as cluster:
        node = cluster.nodes[0]
        node.config_file = cluster.directory
        node.write_config = lambda: None
        node.start()
        refused(node, cluster.directory, "it is no file")


@test("bytes that are no text, in a name and in a value; random bytes")
def no_text():
    start_with_line(b"broker.rack=\xff\xfe\n", "line +1", "broker.rack", "UTF-8")
    start_with_line(b"\xff\xfe=1\n", "line +1", "UTF-8")
    start_with_line(bytes(range(256)) * 16, "line ")


@test("an empty file and blanks around a value start a node")
def odd_but_right():
    with Cluster(1, start=False) as cluster:
        node = cluster.nodes[0]
        arguments = [word for key, value in node.settings.items()
                     for word in ("--override", f"{key}={value}")]
        node.write_config = lambda: open(node.config_file, "w").close()
        node.start(*arguments)
        cluster.wait_serving()
        cluster.stop()
        with open(node.config_file, "w") as file:
            file.write("num.partitions =  3 \t \r\n")
        node.write_config = lambda: None
        node.start(*arguments)
        cluster.wait_serving()


@test("numbers out of range and out of all bounds")
def numbers():
    start_with_line("num.partitions=-3", "line +1", "num.partitions=-3", "from 1 to")
    start_with_line("broker.rack=a\nnum.partitions=99999999999999999999999", "line +2", "num.partitions")
    start_with_line("broker.id=-7", "line +1", "broker.id=-7")


@test("listeners and advertised listeners that can't be")
def listeners():
    start_with_line("listeners=PLAINTEXT://:19092,OTHER://:19092\n"
                    "listener.security.protocol.map=OTHER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
                    "line +1", "listeners", "PLAINTEXT and OTHER", "same port")
    start_with_line("advertised.listeners=PLAINTEXT://localhost", "line +1", "advertised.listeners",
                    "host:port")
    start_with_line("advertised.listeners=PLAINTEXT://0.0.0.0:9092", "line +1", "advertised.listeners",
                    "name of this host")
    start_with_line("listeners=PLAINTEXT://192.0.2.1:19092", "listeners", "192.0.2.1:19092")


@test("a quorum with one id twice, and one without this node")
def quorums():
    start_with_line("controller.quorum.voters=0@localhost:19092,0@localhost:19093", "line +1",
                    "controller.quorum.voters", "0@localhost:19093", "own id")
    start_with_line("process.roles=broker,controller\n"
                    "controller.quorum.voters=1@localhost:19092,2@localhost:19093", "line +2",
                    "controller.quorum.voters", "id 0")


@test("log directories that can't be: none, a file, one that may not be made")
def log_directories():
    start_with_line("log.dirs=", "line +1", "log.dirs is empty")
    for make in (lambda path: open(path, "w").close(), lambda path: os.symlink("/proc/none", path)):
        with Cluster(1, start=False) as cluster:
            node = cluster.nodes[0]
            make(node.log_dir)
            node.start()
            refused(node, "server0.properties", "log.dirs", node.log_dir)


@test("another broker.id than that of the log directory")
def wrong_broker_id():
    with Cluster(1) as cluster:
        cluster.stop()
        node = cluster.nodes[0]
        node.settings["broker.id"] = 7
        node.start()
        refused(node, "server0.properties", "broker.id", "data0", "7", "0")


@test("a log directory of another cluster")
def other_cluster():
    with Cluster(1) as stranger, Cluster(3, start=False) as cluster:
        stranger.stop()
        shutil.copytree(stranger.nodes[0].log_dir, cluster.nodes[0].log_dir)
        shutil.rmtree(os.path.join(cluster.nodes[0].log_dir, "controller"), ignore_errors=True)
        for node in cluster.nodes[1:]:
            node.start()
        wait_until(lambda: cluster.serving(), DEADLINE_S, "the two others serve")
        cluster.nodes[0].start()
        refused(cluster.nodes[0], "server0.properties", "cluster", "data0", "log.dirs",
                "controller.quorum.voters")


@test("the broker's port is taken")
def port_taken():
    with Cluster(1, start=False) as cluster, socket.socket() as other:
        node = cluster.nodes[0]
        other.bind(("127.0.0.1", node.port))
        other.listen()
        node.start()
        refused(node, "server0.properties", str(node.port), "listeners", f"process {os.getpid()} (")


@test("the controller's port is taken")
def controller_port_taken():
    with Cluster(3, start=False) as cluster, socket.socket() as other:
        node = cluster.nodes[0]
        port = int(node.settings["controller.quorum.voters"].split(",")[0].split(":")[1])
        other.bind(("127.0.0.1", port))
        other.listen()
        node.start()
        refused(node, "server0.properties", str(port), "controller.quorum.voters",
                f"process {os.getpid()} (")


@test("a log directory that another process uses")
def directory_taken():
    with Cluster(1) as first, Cluster(1, start=False) as second:
        node = second.nodes[0]
        node.settings["log.dirs"] = first.nodes[0].log_dir
        node.start()
        refused(node, "server0.properties", "log.dirs", first.nodes[0].log_dir)


@test("one log directory under two names, with and without the controller in it")
def directory_twice():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        cluster.stop()
        link = node.log_dir + "-link"
        os.symlink(node.log_dir, link)
        node.settings["metadata.log.dir"] = link  # it is the same controller's directory
        node.start()
        cluster.wait_serving()
        cluster.stop()
        for number, metadata_dir in enumerate([link, None, node.log_dir]):
            second = f"{link}-{number}"
            os.symlink(node.log_dir, second)
            node.settings["metadata.log.dir"] = metadata_dir
            node.settings["log.dirs"] = f"{node.log_dir},{second}"
            node.start()
            refused(node, "server0.properties", "log.dirs names one directory twice", node.log_dir, second)


@test("a log directory inside another one")
def directory_inside():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        cluster.stop()
        inner = os.path.join(node.log_dir, "disk", "more")
        for dirs in [[node.log_dir, inner], [inner, node.log_dir]]:
            node.settings["log.dirs"] = ",".join(dirs)
            node.start()
            refused(node, "server0.properties", "log.dirs names a directory inside another one",
                    f"{inner} lies in {node.log_dir}")
            check(not os.path.exists(os.path.dirname(inner)), "it was made")


@test("a quorum that can't be reached: said again and again, and not given up")
def unreachable_quorum():
    with Cluster(3, start=False) as cluster:
        alone = cluster.nodes[0]
        alone.start()

        def complaints():
            lines = [line for line in alone.log_text().splitlines() if "controller.quorum.voters" in line]
            return lines if len(lines) >= 2 else None
        note(wait_until(complaints, DEADLINE_S, "the node says twice that the quorum is out of reach")[-1])
        check(alone.running(), "the node gave up")
        cluster.start()


tap.run()
