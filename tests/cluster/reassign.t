#!/usr/bin/env python3
"""Replicas that are moved to other brokers under load: nothing is lost whoever is killed meanwhile,
a move can be ended, and what a broker has no more is gone from its disk."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import reassign
import tap
from cluster import Cluster
from load import Load, check_records, read_all
from segments import check_replicas_equal
from tap import check, check_equal, note, test
from wait import wait_until

RECORDS = 300  # acknowledged between two steps
FOLDER_DEADLINE_S = 30


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


tap.run()
