#!/usr/bin/env python3
"""A disk of long ago, mounted again in the place of the newest one, or a copy of it that was put back:
what it lacks is never lost for all, since the broker that has it leads nothing with it."""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
from cluster import Cluster
from load import read_all, write_some
from tap import check, check_equal, note, test
from tool import tool
from wait import wait_until

TOPIC = "precious"
ACKS = 50
DEADLINE_S = 120
OLDER = "is an older disk, or an older copy"


def three(dirs=1):
    """Three nodes whose controllers are on disks of their own."""
    cluster = Cluster(3, start=False)
    for node in cluster.nodes:
        node.settings["metadata.log.dir"] = node.log_dir + "-controller"
        node.settings["log.dirs"] = ",".join(f"{node.log_dir}-{i}" for i in range(dirs))
    return cluster


def disks(node):
    return node.settings["log.dirs"].split(",")


def write(cluster, topic=TOPIC):
    """{offset: value} of what was acknowledged."""
    acked = write_some(cluster.bootstrap, topic, ACKS, batch_num_messages=20).acked
    return {offset: value for value, offset in acked.items() if offset >= 0}


def check_holds(cluster, acked, topic=TOPIC):
    found = {offset: int(value) for offset, value in read_all(cluster.bootstrap, topic)}
    lost = [offset for offset, value in acked.items() if found.get(offset) != value]
    check(not lost, f"{len(lost)} of {len(acked)} acknowledged records are lost, the first at {lost[:3]}")


def stop(node, kill=False):
    if kill:
        node.kill()
    else:
        node.signal(15)
        check_equal(node.wait_exit(), 0, f"the status of node {node.id}")


def restart(cluster, node):
    stop(node)
    node.start()
    cluster.wait_serving()


def create_at(cluster, topic, *nodes):
    tool("kafka-topics.sh", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", topic,
         "--replica-assignment", ":".join(str(node.id) for node in nodes))
    cluster.leader(topic)


def swap(disk, by):
    """The disk goes into the cupboard, and `by` (None: an empty one) takes its place."""
    shutil.move(disk, disk + ".out")
    if by:
        shutil.move(by, disk)
    else:
        os.mkdir(disk)


def swap_back(disk):
    shutil.rmtree(disk)
    shutil.move(disk + ".out", disk)


def check_leads_nothing(cluster, node, *topics):
    for start in ["first", "second"]:  # by then it has served with that disk: no newer for that
        # That a new topic is led shows that the broker was let in, and has said what it has.
        cluster.wait_serving()
        create_at(cluster, f"{start}-{topics[0]}", node)
        for topic in topics:
            check_equal(cluster.partition(topic)[0], -1, f"the leader of {topic} after the {start} start")
        restart(cluster, node)
    said = [line for line in node.log_text().splitlines() if OLDER in line]
    check_equal(len(said), 1, f"lines that say '{OLDER}'")
    note(said[0])
    # A controller that has said so may lose its office before it is recorded; the next one says it too.
    told = [[line for line in n.log_text().splitlines() if "has an older disk" in line] for n in cluster.nodes]
    check(any(told) and all(len(lines) <= 1 for lines in told), f"the controllers say {told}")


@test("the replaced disk is mounted again at the last in-sync replica: only the newest one leads")
def replaced():
    for kill in [False, True]:
        with three() as cluster:
            cluster.start()
            node, other, _ = cluster.nodes
            disk = disks(node)[0]
            create_at(cluster, TOPIC, node, other)
            acked = write(cluster)
            cluster.wait_isr_whole(TOPIC)
            stop(node, kill)
            swap(disk, None)
            shutil.move(disk + ".out", disk + ".old")
            node.start()
            cluster.wait_serving()
            cluster.wait_isr_whole(TOPIC)  # all is fetched anew
            stop(other)
            wait_until(lambda: cluster.partition(TOPIC) == (node.id, [node.id, other.id], [node.id]), DEADLINE_S,
                       "it is the last member")
            acked.update(write(cluster))
            stop(node, kill)
            swap(disk, disk + ".old")
            node.start()
            other.start()  # which is behind, and not in sync
            check_leads_nothing(cluster, node, TOPIC)
            stop(node)
            swap_back(disk)
            node.start()
            check_equal(cluster.leader(TOPIC), node, "who leads")
            cluster.wait_isr_whole(TOPIC)
            check_holds(cluster, acked)


@test("a copy of a log directory of a while ago is put back at the last in-sync replica")
def restored():
    for dirs in [1, 2]:
        with three(dirs) as cluster:
            cluster.start()
            node = cluster.nodes[0]
            create_at(cluster, TOPIC, node)
            create_at(cluster, "other", node)  # in the other directory, if there is one
            disk = next(d for d in disks(node) if os.path.isdir(os.path.join(d, f"{TOPIC}-0")))
            acked, others = write(cluster), write(cluster, "other")
            stop(node)
            shutil.copytree(disk, disk + ".old")
            node.start()
            cluster.wait_serving()
            acked.update(write(cluster))
            others.update(write(cluster, "other"))
            stop(node, kill=True)
            swap(disk, disk + ".old")
            node.start()
            check_leads_nothing(cluster, node, *([TOPIC] if dirs == 2 else [TOPIC, "other"]))
            if dirs == 2:  # its disk is the right one
                check_holds(cluster, others, "other")
            stop(node, kill=True)
            swap_back(disk)
            node.start()
            cluster.wait_serving()
            cluster.leader(TOPIC)
            check_holds(cluster, acked)
            cluster.leader("other")
            check_holds(cluster, others, "other")


@test("all die in sync, and the one with the older disk is back first: the others lead")
def first():
    with three() as cluster:
        cluster.start()
        node = cluster.nodes[0]
        disk = disks(node)[0]
        cluster.create_topic(TOPIC, min_insync_replicas=2)
        acked = write(cluster)
        cluster.wait_isr_whole(TOPIC)
        stop(node)
        shutil.copytree(disk, disk + ".old")
        node.start()
        cluster.wait_serving()
        cluster.wait_isr_whole(TOPIC)
        acked.update(write(cluster))
        cluster.wait_isr_whole(TOPIC)
        cluster.kill_all()
        swap(disk, disk + ".old")
        node.start()
        cluster.nodes[1].start()
        cluster.wait_serving()
        cluster.nodes[2].start()
        cluster.wait_serving()
        cluster.wait_isr_whole(TOPIC)
        check_holds(cluster, acked)
        check(OLDER in node.log_text(), "it is not told")
        # It has caught up, and is as good as the others.
        restart(cluster, node)
        cluster.wait_isr_whole(TOPIC)
        check_equal(node.log_text().count(OLDER), 1, "times that it is told")


@test("a directory that is added changes nothing, after a stop and after kill -9")
def added():
    with three() as cluster:
        cluster.start()
        node = cluster.nodes[0]
        create_at(cluster, TOPIC, node)
        acked = write(cluster)
        node.settings["log.dirs"] += f",{node.log_dir}-added"
        for kill in [False, True]:
            stop(node, kill)
            node.start()
            cluster.wait_serving()
            cluster.leader(TOPIC)
        acked.update(write(cluster))
        check_holds(cluster, acked)
        check(OLDER not in node.log_text(), node.log_end())


def follow_advice(node):
    """Puts the line that the log names into the file that it names; the node is down."""
    line, path = re.findall(r"put the line (\d+) before the others in (\S+),", node.log_text())[-1]
    with open(path) as file:
        rest = file.read()
    with open(path, "w") as file:
        file.write(f"{line}\n{rest}")


@test("only the file with the epochs is gone: with the line that the log names, all is served again")
def forgotten():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        cluster.create_topic(TOPIC)
        acked = write(cluster)
        stop(node)
        os.unlink(os.path.join(node.log_dir, ".served-epochs"))
        for _ in range(2):
            node.start()
            cluster.wait_serving()
            create_at(cluster, f"new-{os.path.getsize(node.log_file)}", node)
            check_equal(cluster.partition(TOPIC)[0], -1, "the leader")
            stop(node)
        told = node.log_text().count(OLDER)
        follow_advice(node)
        node.start()
        cluster.wait_serving()
        cluster.leader(TOPIC)
        check_holds(cluster, acked)
        check_equal(node.log_text().count(OLDER), told, "times that it is told")


@test("a disk is taken out, and comes back with its epochs damaged: the log names the right line")
def away():
    with three(2) as cluster:
        cluster.start()
        node = cluster.nodes[0]
        create_at(cluster, TOPIC, node)
        acked = write(cluster)
        both = disks(node)
        disk = next(d for d in both if os.path.isdir(os.path.join(d, f"{TOPIC}-0")))
        stop(node)
        os.unlink(os.path.join(disk, ".served-epochs"))
        for dirs in [[d for d in both if d != disk], both]:
            node.settings["log.dirs"] = ",".join(dirs)
            node.start()
            cluster.wait_serving()
            create_at(cluster, f"new-{len(dirs)}", node)
            check_equal(cluster.partition(TOPIC)[0], -1, "the leader")
            stop(node)
        follow_advice(node)
        node.start()
        cluster.wait_serving()
        cluster.leader(TOPIC)
        check_holds(cluster, acked)


tap.run()
