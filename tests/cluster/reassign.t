#!/usr/bin/env python3
"""Replicas that are moved to other brokers under load: nothing is lost whoever is killed meanwhile,
a move can be ended, and what a broker has no more is gone from its disk."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import json

import reassign
import tap
from cluster import Cluster
from load import Load, check_records, read_all
from segments import check_replicas_equal
from tap import check, check_equal, note, test
from tool import tool
from wait import wait_until

RECORDS = 300  # acknowledged between two steps
FOLDER_DEADLINE_S = 120


def folder(cluster, node_id, topic):
    return os.path.join(cluster.nodes[node_id].log_dir, f"{topic}-0")


def wait_folders(cluster, topic, replicas):
    """The replicas have a folder of the partition, and nobody else."""
    wait_until(lambda: [n.id for n in cluster.nodes if os.path.isdir(folder(cluster, n.id, topic))]
               == sorted(replicas), FOLDER_DEADLINE_S, f"only {replicas} have a folder of {topic}")


def move(cluster, topic, replicas):
    error = reassign.alter(cluster.running()[0].port, topic, 0, replicas)
    check_equal(error, (0, None), f"the answer to a move of {topic} to {replicas}")


def check_whole(cluster, topic, replicas, load):
    load.stop()
    records = read_all(cluster.bootstrap, topic)
    check_records(records, load.acked)
    wait_folders(cluster, topic, replicas)
    check_replicas_equal([folder(cluster, i, topic) for i in replicas], records[-1][0] + 1)


@test("a partition goes round all brokers under load, with more and fewer replicas")
def around():
    with Cluster(4) as cluster:
        cluster.create_topic("round", replicas=2)
        with Load(cluster.bootstrap, "round") as load:
            for replicas in ([0, 1], [2, 3], [3], [1, 0, 2], [0, 1, 2, 3], [2, 0], [0, 2], [3, 1]):
                move(cluster, "round", replicas)
                reassign.wait_moved(cluster, "round", replicas)
                load.wait_acks(RECORDS)
            check_whole(cluster, "round", [3, 1], load)


TOOL, SLOW, FAST = "kafka-reassign-partitions.sh", "1000", "1000000000"  # bytes a second


def slow_down(cluster, topic, replicas):
    """They copy less than the load writes, so that their move has no end. Only they: --throttle also
    holds what a source copies that was killed and comes back."""
    def alter(*arguments):
        tool("kafka-configs.sh", "--bootstrap-server", cluster.bootstrap, "--alter", *arguments)
    listed = ",".join(f"0:{replica}" for replica in replicas)
    alter("--topic", topic, "--add-config", f"follower.replication.throttled.replicas=[{listed}]")
    for replica in replicas:
        alter("--broker", str(replica), "--add-config", f"follower.replication.throttled.rate={SLOW}")


def asked(cluster, topic, replicas, *arguments):
    """What the tool says to a plan of one partition."""
    path = os.path.join(cluster.directory, "plan.json")
    with open(path, "w") as file:
        json.dump({"version": 1, "partitions": [{"topic": topic, "partition": 0, "replicas": replicas}]}, file)
    address = cluster.running()[0].address
    return tool(TOOL, "--bootstrap-server", address, "--reassignment-json-file", path, *arguments).stdout


def wait_in_sync(cluster, topic, members):
    wait_until(lambda: set(members) <= set(cluster.partition(topic)[2]), FOLDER_DEADLINE_S,
               f"{members} are in sync")


def kill_and_go_on(cluster, topic, load, node):
    """The move is under way before and after, and records are taken meanwhile."""
    wait_in_sync(cluster, topic, [0, 1])
    node.kill()
    load.wait_acks(RECORDS)
    node.start()
    cluster.wait_serving()
    wait_until(lambda: (topic, 0) in reassign.moves(node.port), FOLDER_DEADLINE_S,
               f"node {node.id} knows of the move")


@test("kill -9 of source, target and controller; the end of a move, and the same move again")
def kills():
    with Cluster(4) as cluster:
        cluster.create_topic("kills", replicas=2)
        move(cluster, "kills", [0, 1])
        reassign.wait_moved(cluster, "kills", [0, 1])
        with Load(cluster.bootstrap, "kills") as load:
            slow_down(cluster, "kills", [2, 3])
            asked(cluster, "kills", [2, 3], "--execute")
            wait_until(lambda: "\tAdding Replicas: 2,3\tRemoving Replicas: 0,1\t" in
                       tool("kafka-topics.sh", "--bootstrap-server", cluster.bootstrap, "--describe", "--topic",
                            "kills").stdout, FOLDER_DEADLINE_S, "the move is described")

            def healthy():
                return json.loads(tool("millrace", "status", "--bootstrap-server", cluster.bootstrap, "--format",
                                       "json", check_status=False).stdout)["healthy"]
            wait_until(healthy, FOLDER_DEADLINE_S, "what a move adds is not missing")
            for victim in (cluster.leader("kills"), cluster.nodes[2], cluster.controller()):
                kill_and_go_on(cluster, "kills", load, victim)
            told = asked(cluster, "kills", [2, 3], "--cancel", "--preserve-throttles")
            check("Successfully cancelled partition reassignment for: kills-0" in told, told)
            reassign.wait_moved(cluster, "kills", [0, 1])
            wait_folders(cluster, "kills", [0, 1])
            asked(cluster, "kills", [2, 3], "--execute")
            load.wait_acks(RECORDS)
            asked(cluster, "kills", [2, 3], "--execute", "--additional", "--throttle", FAST)
            reassign.wait_moved(cluster, "kills", [2, 3])
            told = asked(cluster, "kills", [2, 3], "--verify")
            check("Reassignment of partition kills-0 is completed." in told, told)
            check_whole(cluster, "kills", [2, 3], load)


def names(cluster, node_id):
    return [name for name in os.listdir(cluster.nodes[node_id].log_dir) if name.startswith("away-0")]


@test("what was moved away while a broker was down is kept there, and set aside")
def away():
    with Cluster(3) as cluster:
        cluster.create_topic("away", replicas=2)
        move(cluster, "away", [0, 1])
        reassign.wait_moved(cluster, "away", [0, 1])
        with Load(cluster.bootstrap, "away") as load:
            cluster.nodes[1].kill()
            move(cluster, "away", [0, 2])
            reassign.wait_moved(cluster, "away", [0, 2])
            cluster.nodes[1].start()
            cluster.wait_serving()
            wait_until(lambda: [n for n in names(cluster, 1) if n.endswith("-stray")] == names(cluster, 1) != [],
                       FOLDER_DEADLINE_S, "the folder of node 1 is set aside")
            move(cluster, "away", [1, 2])  # and it begins anew beside that
            reassign.wait_moved(cluster, "away", [1, 2])
            check_whole(cluster, "away", [1, 2], load)


tap.run()
