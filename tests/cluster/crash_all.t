#!/usr/bin/env python3
"""All three nodes killed with -9 within 50 ms and started again: nothing acknowledged is lost."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import time

import tap
from cluster import Cluster
from load import Load, check_records, read_all
from tap import note, test

ROUNDS = 3


def crash_and_restart(cluster, load):
    start = time.monotonic()
    for node in cluster.nodes:
        node.process.kill()
    spread_ms = (time.monotonic() - start) * 1000
    for node in cluster.nodes:
        node.process.wait()
    start = time.monotonic()
    for node in cluster.nodes:
        node.start()
    cluster.wait_serving()
    cluster.leader("crash")
    serving_ms = (time.monotonic() - start) * 1000
    load.wait_acks(1)
    acking_ms = (time.monotonic() - start) * 1000
    note(f"killed within {spread_ms:.0f} ms; serving again after {serving_ms:.0f} ms, "
         f"acknowledging after {acking_ms:.0f} ms")


@test("all three killed within 50 ms, under load")
def crash_all():
    with Cluster(3) as cluster:
        cluster.create_topic("crash")
        with Load(cluster.bootstrap, "crash") as load:
            for _ in range(ROUNDS):
                crash_and_restart(cluster, load)
                cluster.wait_isr_whole("crash")
                load.wait_acks(500)
            load.stop()
        check_records(read_all(cluster.bootstrap, "crash"), load.acked)


@test("a single node killed and restarted, under load")
def crash_single():
    with Cluster(1) as cluster:
        cluster.create_topic("crash")
        with Load(cluster.bootstrap, "crash") as load:
            for _ in range(ROUNDS):
                crash_and_restart(cluster, load)
                load.wait_acks(500)
            load.stop()
        check_records(read_all(cluster.bootstrap, "crash"), load.acked)


tap.run()
