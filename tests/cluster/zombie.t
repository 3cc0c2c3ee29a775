#!/usr/bin/env python3
"""A leader that is paused past its session and comes back: it must not acknowledge anything of its
old epoch."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import signal

import tap
from cluster import Cluster
from load import Load, check_records, read_all
from segments import check_replicas_equal
from tap import test
from wait import wait_until

ROUNDS = 3
SESSION_MS = 1000
# A paused process keeps its connections: a client notices by the limit on its requests, 60 s as shipped.
IMPATIENT = {"socket_timeout_ms": 2000, "request_timeout_ms": 2000}


def pause_leader(cluster, loads):
    zombie = cluster.leader("zombie")
    zombie.signal(signal.SIGSTOP)
    others = [node for node in cluster.nodes if node is not zombie]

    def moved():
        found = cluster.partition("zombie", at=others[0])
        return found and found[0] in [node.id for node in others]
    wait_until(moved, 120, "another node leads")
    loads[0].wait_acks(300)
    zombie.signal(signal.SIGCONT)
    for load in loads:
        load.wait_acks(300)
    cluster.wait_serving()
    cluster.wait_isr_whole("zombie")


@test(f"{ROUNDS} pauses of the leader, under an idempotent producer and one that keeps its leader")
def zombie():
    with Cluster(3, min_insync_replicas=2, broker_session_timeout_ms=SESSION_MS,
                 broker_heartbeat_interval_ms=200) as cluster:
        cluster.create_topic("zombie")
        cluster.create_topic("other")
        # The second asks for no news of the leader by itself, so that it goes on to send to the old one.
        slow = {"topic_metadata_refresh_interval_ms": -1, **IMPATIENT}
        with Load(cluster.bootstrap, "zombie", **IMPATIENT) as first, \
                Load(cluster.bootstrap, "other", **slow) as second:
            for _ in range(ROUNDS):
                pause_leader(cluster, [first, second])
            first.stop()
            second.stop()
        for load in (first, second):
            records = read_all(cluster.bootstrap, load.topic)
            check_records(records, load.acked)
            check_replicas_equal([os.path.join(n.log_dir, f"{load.topic}-0") for n in cluster.nodes],
                                 records[-1][0] + 1)


tap.run()
