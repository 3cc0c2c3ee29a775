#!/usr/bin/env python3
"""A rolling restart with SIGTERM under load: leaders move away first, nothing is lost, and no error
reaches the producer."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import signal

import tap
from cluster import Cluster
from load import Load, check_records, read_all
from tap import check, note, test

ROUNDS = 2


def restart(cluster, node, load):
    node.signal(signal.SIGTERM)
    status = node.wait_exit()
    check(status == 0, f"node {node.id} ended on SIGTERM with status {status}")
    load.wait_acks(200)
    node.start()
    cluster.wait_serving()
    cluster.wait_isr_whole("rolling")
    load.wait_acks(200)


@test("rolling restart under an idempotent producer")
def rolling():
    with Cluster(3, min_insync_replicas=2) as cluster:
        cluster.create_topic("rolling")
        with Load(cluster.bootstrap, "rolling") as load:
            for _ in range(ROUNDS):
                for node in cluster.nodes:
                    restart(cluster, node, load)
            load.stop()
        check_records(read_all(cluster.bootstrap, "rolling"), load.acked)
        note(f"longest gap between two acknowledgements: {load.longest_gap_s * 1000:.0f} ms")


tap.run()
