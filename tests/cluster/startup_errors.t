#!/usr/bin/env python3
"""What keeps a node from starting is one clear sentence: the file, the setting, and what to do."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import shutil
import socket

import tap
from cluster import Cluster
from tap import check, note, test
from wait import wait_until

REFUSAL_DEADLINE_S = 30


def refused(node, *words):
    """The node ends with a status other than 0, and one line of what it said names all the words."""
    status = node.wait_exit(REFUSAL_DEADLINE_S)
    said = node.log_text().splitlines()
    sentences = [line for line in said if all(word in line for word in words)]
    note(sentences[0] if sentences else "")
    check(status > 0, f"the status is {status}: {node.log_end()}")
    check(sentences, f"no line names {words}")


def start_with_line(line, *words):
    cluster = Cluster(1, start=False)
    node = cluster.nodes[0]
    with cluster:
        node.write_config()
        with open(node.config_file, "a") as file:
            file.write(line + "\n")
        node.write_config = lambda: None
        node.start()
        refused(node, *words)


@test("a line that is no setting")
def bad_line():
    start_with_line("num.partitions 3=\\", "server0.properties", "num.partitions")


@test("a value of the wrong type")
def bad_value():
    start_with_line("num.partitions=many", "server0.properties", "num.partitions", "many")


@test("an unknown setting, with the name that was meant")
def unknown_setting():
    start_with_line("num.partition=3", "server0.properties", "num.partition", "num.partitions")


@test("a file that does not exist")
def no_file():
    with Cluster(1, start=False) as cluster:
        node = cluster.nodes[0]
        node.config_file = os.path.join(cluster.directory, "absent.properties")
        node.write_config = lambda: None
        node.start()
        refused(node, "absent.properties")


@test("another broker.id than that of the log directory")
def wrong_broker_id():
    with Cluster(1) as cluster:
        cluster.stop()
        node = cluster.nodes[0]
        node.settings["broker.id"] = 7
        node.start()
        refused(node, "broker.id", "data0", "7", "0")


@test("a log directory of another cluster")
def other_cluster():
    with Cluster(1) as stranger, Cluster(3, start=False) as cluster:
        stranger.stop()
        shutil.copytree(stranger.nodes[0].log_dir, cluster.nodes[0].log_dir)
        shutil.rmtree(os.path.join(cluster.nodes[0].log_dir, "controller"), ignore_errors=True)
        for node in cluster.nodes[1:]:
            node.start()
        wait_until(lambda: cluster.serving(), 30, "the two others serve")
        cluster.nodes[0].start()
        refused(cluster.nodes[0], "cluster", "data0")


@test("the broker's port is taken")
def port_taken():
    with Cluster(1, start=False) as cluster, socket.socket() as other:
        node = cluster.nodes[0]
        other.bind(("127.0.0.1", node.port))
        other.listen()
        node.start()
        refused(node, str(node.port), "listeners")


@test("the controller's port is taken")
def controller_port_taken():
    with Cluster(3, start=False) as cluster, socket.socket() as other:
        node = cluster.nodes[0]
        port = int(node.settings["controller.quorum.voters"].split(",")[0].split(":")[1])
        other.bind(("127.0.0.1", port))
        other.listen()
        node.start()
        refused(node, str(port))


@test("a log directory that another process uses")
def directory_taken():
    with Cluster(1) as first, Cluster(1, start=False) as second:
        node = second.nodes[0]
        node.settings["log.dirs"] = first.nodes[0].log_dir
        node.start()
        refused(node, first.nodes[0].log_dir)


@test("a quorum that can't be reached: said again and again, and not given up")
def unreachable_quorum():
    with Cluster(3, start=False) as cluster:
        alone = cluster.nodes[0]
        alone.start()

        def complaints():
            lines = [line for line in alone.log_text().splitlines() if "controller.quorum.voters" in line]
            return lines if len(lines) >= 2 else None
        note(wait_until(complaints, 60, "the node says twice that the quorum is out of reach")[-1])
        check(alone.running(), "the node gave up")
        cluster.start()


tap.run()
