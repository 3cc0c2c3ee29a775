#!/usr/bin/env python3
"""A flipped bit in the middle of one replica: nothing acknowledged is lost, no damaged batch is
served, the replica is fetched anew; and one that was to lead says so, so that another one leads."""
import glob
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
from cluster import Cluster
from load import Load, check_records, read_all, write_some
from segments import batches, check_replicas_equal
from tap import check, note, test
from tool import tool
from wait import wait_until

TOPIC = "damage"
ACKS = 300
DEADLINE_S = 120


def directory(node):
    return os.path.join(node.log_dir, f"{TOPIC}-0")


def damage(node):
    """Flips a bit in a record in the first third of the only segment; the node must be down."""
    path = glob.glob(os.path.join(directory(node), "*.log"))[0]
    found = batches(directory(node))
    check(len(found) > 10, f"only {len(found)} batches are there to damage")
    target = found[len(found) // 3]
    at = sum(len(data) for base, data in found if base < target[0]) + len(target[1]) - 2
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x10]))
    note(f"damaged {path} in the batch at offset {target[0]}")


def written(cluster, **topic):
    """The load, ended: everything that it sent is acknowledged."""
    cluster.create_topic(TOPIC, **topic)
    return write_some(cluster.bootstrap, TOPIC, ACKS, batch_num_messages=20)


def check_same_again(cluster, load):
    """Read through every node, and compared on the disks."""
    cluster.wait_isr_whole(TOPIC)
    for node in cluster.nodes:
        check_records(read_all(node.address, TOPIC), load.acked)
    end = read_all(cluster.bootstrap, TOPIC)[-1][0] + 1
    check_replicas_equal([directory(node) for node in cluster.nodes], end)


@test("a damaged follower is fetched anew")
def follower():
    with Cluster(3) as cluster:
        cluster.create_topic(TOPIC)
        with Load(cluster.bootstrap, TOPIC, batch_num_messages=20) as load:
            load.wait_acks(ACKS)
            node = next(n for n in cluster.nodes if n is not cluster.leader(TOPIC))
            node.kill()
            damage(node)
            node.start()
            load.wait_acks(ACKS)
            load.stop()
        check_same_again(cluster, load)
        for words in ["was set aside as", "is fetched anew from broker"]:
            check(words in node.log_text(), f"the damage was not noticed: no line has {words}")


@test("a damaged replica that was to lead leaves it to another one")
def leader():
    with Cluster(3) as cluster:
        load = written(cluster)
        node = cluster.leader(TOPIC)
        others = [n for n in cluster.nodes if n is not node]
        cluster.kill_all()  # all are in sync as they die, so that the first that is back leads
        damage(node)
        node.start()
        others[0].start()  # with it there is a quorum
        cluster.wait_serving()
        check(cluster.wait_new_leader(TOPIC, node) is others[0], "who is down leads")
        others[1].start()
        cluster.wait_serving()
        check_same_again(cluster, load)
        for words in ["was set aside as", "is fetched anew from broker"]:
            check(words in node.log_text(), f"the damage was not noticed: no line has {words}")


@test("a damaged replica without another one says so, and serves nothing of it")
def alone():
    with Cluster(3) as cluster:
        load = written(cluster, replicas=1)
        node = cluster.leader(TOPIC)
        other = next(n for n in cluster.nodes if n is not node)
        node.kill()
        damage(node)
        node.start()
        cluster.wait_serving()
        wait_until(lambda: cluster.partition(TOPIC, at=other)[0] == -1, DEADLINE_S, "nobody leads it")
        said = tool("kafka-topics.sh", "--bootstrap-server", other.address, "--describe",
                    "--unavailable-partitions").stdout
        check("Leader: none" in said and f"Isr: {node.id}" in said, f"it is described as: {said}")
        node.signal(signal.SIGTERM)  # what is damaged stays so, however the broker ends
        node.wait_exit()
        node.start()
        cluster.wait_serving()
        wait_until(lambda: cluster.partition(TOPIC, at=other)[0] == -1, DEADLINE_S, "nobody leads it")
        node.kill()
        damage(node)  # the same bit again: the log is whole
        os.remove(os.path.join(directory(node), "replica.damaged"))
        node.start()
        cluster.wait_serving()
        cluster.leader(TOPIC)
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)


tap.run()
