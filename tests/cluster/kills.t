#!/usr/bin/env python3
"""Kill -9 of one node after another under an idempotent producer: nothing acknowledged is lost,
doubled or moved, and the replicas are the same bytes afterwards."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
from cluster import Cluster
from java import JavaLoad
from load import Load, check_records, read_all
from segments import check_replicas_equal
from tap import note, test

KILLS = 20
RECORDS_BETWEEN = 300  # acknowledged while a node is down, and again after it is back


def victim(cluster, topic, round_number):
    """The partition leader, the active controller and each node in turn; mostly they coincide."""
    kind = round_number % 3
    if kind == 0:
        return cluster.leader(topic), "partition leader"
    if kind == 1:
        return cluster.controller(), "active controller"
    return cluster.nodes[round_number // 3 % len(cluster.nodes)], "next in turn"


def kill_and_restart(cluster, topic, load, round_number):
    node, why = victim(cluster, topic, round_number)
    node.kill()
    load.wait_acks(RECORDS_BETWEEN)
    node.start()
    cluster.wait_serving()
    cluster.wait_isr_whole(topic)
    load.wait_acks(RECORDS_BETWEEN)
    note(f"kill {round_number + 1}: node {node.id} ({why})")


def compare_replicas(cluster, topic, end):
    directories = [os.path.join(node.log_dir, f"{topic}-0") for node in cluster.nodes]
    count = check_replicas_equal(directories, end)
    note(f"{count} batches are the same on all replicas")


def check_kills(make_load):
    with Cluster(3, min_insync_replicas=2) as cluster:
        cluster.create_topic("kills")
        with make_load(cluster.bootstrap, "kills") as load:
            for round_number in range(KILLS):
                kill_and_restart(cluster, "kills", load, round_number)
            load.stop()
        records = read_all(cluster.bootstrap, "kills")
        check_records(records, load.acked)
        compare_replicas(cluster, "kills", records[-1][0] + 1)
        if hasattr(load, "longest_gap_s"):
            note(f"longest gap between two acknowledgements: {load.longest_gap_s * 1000:.0f} ms")


@test(f"{KILLS} kills under an idempotent producer of librdkafka")
def kills_librdkafka():
    check_kills(Load)


@test(f"{KILLS} kills under an idempotent Java 2.1.0 producer")
def kills_java():
    check_kills(JavaLoad)


tap.run()
