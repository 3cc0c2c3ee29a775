#!/usr/bin/env python3
"""Disks that fill up under running nodes: who has no room makes way at once, full disks everywhere stop
only writing, and all is whole again when there is room, without a restart. The disks are small file
systems of this test's own."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

INSIDE = "DISK_FULL_INSIDE"  # set in the namespace that has the mounts, which go with it
if not os.environ.get(INSIDE):
    os.environ[INSIDE] = "1"
    for options in (["-m"], ["-r", "-m"]):
        if subprocess.run(["unshare", *options, "true"], stderr=subprocess.DEVNULL).returncode == 0:
            os.execvp("unshare", ["unshare", *options, sys.executable, *sys.argv])
    print("1..0 # SKIP this user may not mount a file system")
    sys.exit(0)

import tap
from cluster import Cluster
from load import Load, check_records, once_led, read_all
from tap import check, check_equal, note, test
from tool import tool
from wait import wait_until

from confluent_kafka import KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

TOPIC = "t"
REFUSED = b"sent while all disks are full"
DISK = "64m"
DEADLINE_S = 120
TOPICS_MAX = 200
MIB = 1 << 20
LITTLE = 5 * MIB  # between what clients and what replication must leave
SETTINGS = {"min.insync.replicas": 2, "log.dir.reserve.bytes": 8 * MIB,
            "replica.lag.time.max.ms": 600000}  # nobody leaves a set for being slow


class Disks:
    """A cluster whose log directories are small file systems."""

    def __init__(self, count):
        self.cluster = Cluster(count, start=False, **SETTINGS)
        for node in self.cluster.nodes:
            os.makedirs(node.log_dir)
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", node.log_dir],
                           check=True)

    def __enter__(self):
        self.cluster.__enter__()
        self.cluster.start()
        return self.cluster

    def __exit__(self, kind, value, trace):
        if kind is None:
            for node in self.cluster.nodes:
                make_room(node)
        self.cluster.__exit__(kind, value, trace)
        for node in self.cluster.nodes:
            subprocess.run(["umount", "-l", node.log_dir], check=False)


def ballast(node):
    return os.path.join(node.log_dir, "ballast.of.others")


def left(node):
    found = os.statvfs(node.log_dir)
    return found.f_bavail * found.f_frsize


def fill(node, leave):
    """As another process would: until only that much is left."""
    with open(ballast(node), "ab") as file:
        while (more := left(node) - leave) > 0:
            try:
                file.write(bytes(min(more, MIB)))
                file.flush()
            except OSError:
                break


def make_room(node):
    if os.path.exists(ballast(node)):
        os.unlink(ballast(node))


def said(node, *words, since=0):
    return [line for line in node.log_text().splitlines()[since:]
            if all(word in line for word in words)]


def status(cluster):
    return tool("millrace", "status", "-b", cluster.bootstrap, check_status=False)


def isr_without(cluster, node):
    found = cluster.partition(TOPIC)
    return found and found[0] not in (-1, node.id) and node.id not in found[2]


def makes_way(cluster, node):
    with Load(cluster.bootstrap, TOPIC) as load:
        fill(node, LITTLE)
        wait_until(lambda: isr_without(cluster, node), DEADLINE_S, "the full node makes way")
        load.wait_acks(200)
        note(f"longest pause: {load.longest_gap_s * 1000:.0f} ms")
        check(said(node, "nearly full", node.log_dir), "the log does not say what is full")
        make_room(node)
        cluster.wait_isr_whole(TOPIC)
        load.wait_acks(200)
        load.stop()
    return load


@test("a leader and a follower whose disk is nearly full make way")
def one_disk():
    with Disks(3) as cluster:
        cluster.create_topic(TOPIC)
        load = makes_way(cluster, cluster.leader(TOPIC))
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)
        follower = cluster.nodes[(cluster.leader(TOPIC).id + 1) % 3]
        makes_way(cluster, follower)


def refusal(cluster):
    """The error of one record that is sent once."""
    errors = []
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "retries": 0, "acks": 1,
                         "log_level": 0})
    producer.produce(TOPIC, REFUSED, partition=0,
                     on_delivery=lambda error, message: errors.append(error))
    producer.flush(DEADLINE_S)
    return errors and errors[0] and errors[0].code() == KafkaError.KAFKA_STORAGE_ERROR


def delete_records(cluster, offset):
    def ask():
        admin = AdminClient({"bootstrap.servers": cluster.bootstrap, "log_level": 0})
        (future,) = admin.delete_records([TopicPartition(TOPIC, 0, offset)]).values()
        return future.result(DEADLINE_S).low_watermark
    check_equal(once_led(ask, "records are deleted"), offset, "the log start")


@test("full disks everywhere stop only writing")
def all_disks():
    with Disks(3) as cluster:
        cluster.create_topic(TOPIC)
        cluster.create_topic("other")
        with Load(cluster.bootstrap, TOPIC) as load:
            load.wait_acks(500)
            for node in cluster.nodes:
                fill(node, LITTLE)
            wait_until(lambda: all(said(node, "nearly full") for node in cluster.nodes), DEADLINE_S,
                       "every node says that its disk is nearly full")
            wait_until(lambda: refusal(cluster), DEADLINE_S, "records are refused")
            leader = cluster.leader(TOPIC)
            check(cluster.partition(TOPIC)[0] == leader.id, "nobody leads")
            told = status(cluster)
            check_equal(told.returncode, 1, "the status of millrace status")
            check(all(f"! node {node.id} has" in told.stdout and f"on the disk of {node.log_dir}: clients' "
                      "records are refused" in told.stdout for node in cluster.nodes),
                  f"it does not name full disks: {told.stdout}")
            records = read_all(cluster.bootstrap, TOPIC)
            check(len(records) >= 500, f"only {len(records)} records can be read")
            cluster.delete_topic("other")
            delete_records(cluster, 100)
            pids = [node.pid for node in cluster.nodes]
            for node in cluster.nodes:
                make_room(node)
            load.wait_acks(200)
            cluster.wait_isr_whole(TOPIC)
            load.stop()
            check_equal(pids, [node.pid for node in cluster.nodes], "the list of processes")
            wait_until(lambda: status(cluster).returncode == 0, DEADLINE_S, "millrace status is content")
        left_out = {value: offset for value, offset in load.acked.items() if offset >= 100}
        check_records([record for record in read_all(cluster.bootstrap, TOPIC)
                       if record[1] != REFUSED and record[0] >= 100], left_out)


@test("a disk without a byte left ends a node in words, and a start needs little")
def no_byte_left():
    with Disks(3) as cluster:
        cluster.create_topic(TOPIC)
        with Load(cluster.bootstrap, TOPIC) as load:
            node = cluster.nodes[(cluster.controller().id + 1) % 3]
            others = [other for other in cluster.nodes if other is not node]
            fill(node, 0)
            made = 0
            while node.running():  # the metadata grows by some hundred bytes each time
                check(made < TOPICS_MAX, "its disk is full, and it lives")
                tool("kafka-topics.sh", "--bootstrap-server", others[0].address, "--create",
                     "--topic", f"more-{made}", "--partitions", "9", "--replication-factor", "2",
                     check_status=False)
                made += 1
            check(node.process.returncode > 0, f"its status is {node.process.returncode}")
            check(said(node, "the disk is full", node.log_dir), "it ends without a word")
            make_room(node)
            fill(node, LITTLE)
            node.start()
            cluster.wait_serving()
            check(said(node, "nearly full"), "it does not say that its disk is nearly full")
            make_room(node)
            cluster.wait_isr_whole(TOPIC)
            load.wait_acks(200)
            load.stop()
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)


tap.run()
