"""Brokers that end under what works with them, by turns as they should and by kill -9, and come back."""
import signal

from lib_path import CLUSTER_LIB  # noqa: F401 makes the harness importable

import wire
from tap import check_equal


def end(node, number):
    """Every second one ends as it should; says how."""
    if number % 2 == 0:
        node.kill()
        return "killed"
    node.signal(signal.SIGTERM)
    check_equal(node.wait_exit(), 0, f"the status of node {node.id}")
    return "stopped"


def start_again(cluster, node, deadline_s=120):
    """Until every replica is in sync again."""
    node.start()
    cluster.wait_serving(deadline_s)
    for topic in wire.metadata(node.port).topics:
        cluster.wait_isr_whole(topic, deadline_s)
