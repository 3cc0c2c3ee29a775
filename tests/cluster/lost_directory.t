#!/usr/bin/env python3
"""A controller's directory that is lost, emptied, damaged or elsewhere, and log directories of others:
the node says what is missing and what to do, and no byte of anybody's records goes."""
import glob
import os
import shutil
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
import wire
from cluster import Cluster
from load import Load, check_records, read_all, write_some
from segments import batches
from tap import check, check_equal, note, test
from wait import wait_until

TOPIC = "kept"
ACKS = 100
DEADLINE_S = 120


def controller_dir(node):
    return os.path.join(node.log_dir, "controller")


def log_files(node):
    found = sorted(glob.glob(os.path.join(controller_dir(node), "log-*")))
    check(found, "the controller has no log")
    return found


def tree(directory):
    """Every file with its bytes."""
    found = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found[path] = file.read()
    return found


def refused(node, *words):
    status = node.wait_exit(DEADLINE_S)
    said = node.log_text().splitlines()[-20:]
    sentences = [line for line in said if all(word in line for word in words)]
    note(sentences[-1] if sentences else "")
    check(status > 0, f"the status is {status}: {node.log_end()}")
    check(sentences, f"no line names {words}: {node.log_end()}")


def written(cluster, topic=TOPIC, **configs):
    cluster.create_topic(topic, **configs)
    return write_some(cluster.bootstrap, topic, ACKS, batch_num_messages=20)


# ---- the controller's directory of a single voter ----

def remove(node):
    shutil.rmtree(controller_dir(node))


def empty(node):
    for name in os.listdir(controller_dir(node)):
        os.unlink(os.path.join(controller_dir(node), name))


def fill(bytes_of):
    def change(node):
        for path in log_files(node):
            size = os.path.getsize(path)
            with open(path, "wb") as file:
                file.write(bytes_of(size))
    return change


def cut(node):
    path = log_files(node)[-1]
    os.truncate(path, os.path.getsize(path) // 2)


def remove_log(node):
    for path in log_files(node):
        os.unlink(path)


def flip(node):
    with open(log_files(node)[0], "r+b") as file:
        file.seek(20)
        byte = file.read(1)[0]
        file.seek(20)
        file.write(bytes([byte ^ 4]))


LOST = "Bring it back"
DAMAGED = "Bring the directory back"
LOSSES = [
    ("removed", remove, LOST),
    ("emptied", empty, LOST),
    ("with a log of zeros", fill(lambda size: bytes(size)), DAMAGED),
    ("with a log of random bytes", fill(os.urandom), DAMAGED),
    ("with a log of text", fill(lambda size: (b"# nothing here\n" * size)[:size]), DAMAGED),
    ("with a log of 0xff", fill(lambda size: b"\xff" * size), DAMAGED),
    ("with an empty log", fill(lambda size: b""), DAMAGED),
    ("with four bytes of its log", fill(lambda size: b"MRLG"), DAMAGED),
    ("without its log", remove_log, DAMAGED),
    ("with a log cut in half", cut, DAMAGED),
    ("with a bit flipped in its log", flip, DAMAGED),
]


@test("a controller without its metadata founds nothing: what is missing, what to do, nothing lost")
def lost_controller():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        load = written(cluster)
        cluster.stop()
        kept = controller_dir(node) + ".kept"
        partition = os.path.join(node.log_dir, f"{TOPIC}-0")
        before = batches(partition)
        shutil.copytree(controller_dir(node), kept)
        for name, change, words in LOSSES:
            note(f"a controller's directory {name}")
            change(node)
            lost = tree(controller_dir(node))
            node.start()
            refused(node, controller_dir(node), words)
            check_equal(batches(partition), before, f"{name}: the records")
            after = tree(controller_dir(node))
            check_equal([path for path in lost if after.get(path) != lost[path]], [],
                        f"{name}: files that were touched")
            shutil.rmtree(controller_dir(node), ignore_errors=True)
            shutil.copytree(kept, controller_dir(node))
        node.start()
        cluster.wait_serving()
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)


@test("a new cluster over an old one, on purpose: the partitions are set aside and kept")
def found_anew():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        written(cluster)
        cluster.stop()
        before = batches(os.path.join(node.log_dir, f"{TOPIC}-0"))
        remove(node)
        meta = os.path.join(node.log_dir, "meta.properties")
        with open(meta) as file:
            lines = [line for line in file if not line.startswith("cluster.id=")]
        with open(meta, "w") as file:
            file.writelines(lines)
        for _ in range(2):
            node.start()
            cluster.wait_serving()
            aside = wait_until(lambda: glob.glob(os.path.join(node.log_dir, f"{TOPIC}-0.*-stray")),
                               DEADLINE_S, "the partition is set aside")
            check_equal(len(aside), 1, "folders set aside")
            check(os.path.basename(aside[0]) in node.log_text(), "the log does not name it")
            check_equal(batches(aside[0]), before, "the records")
            check_equal(described(cluster, os.path.basename(aside[0])),
                        sum(os.path.getsize(p) for p in glob.glob(os.path.join(aside[0], "*"))),
                        "its size in DescribeLogDirs")
            cluster.stop()
        node.start()
        cluster.wait_serving()
        load = written(cluster)  # the name is free again
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)
        check_equal(batches(aside[0]), before, "the records")


def described(cluster, name):
    """The size that DescribeLogDirs, asked for all, gives to a folder that was set aside."""
    def look():
        payload = wire.ask(cluster.nodes[0].port, wire.request(35, 1, struct.pack(">i", -1)))
        at = payload.find(struct.pack(">h", len(name)) + name.encode())
        if at < 0:
            return None
        count, partition, size = struct.unpack_from(">iiq", payload, at + 2 + len(name))
        check_equal((count, partition), (1, 0), "its partitions")
        return size
    return wait_until(look, DEADLINE_S, f"DescribeLogDirs names {name} with its size")


@test("a voter of three that lost its directory does not come back empty")
def lost_voter():
    with Cluster(3) as cluster:
        load = written(cluster)
        node = next(n for n in cluster.nodes if n is not cluster.controller())
        node.kill()
        remove(node)
        node.start()
        refused(node, controller_dir(node), "active controller", "Never start this voter with an empty")
        # What the sentence says: the directory of the active controller, stopped, is copied.
        source = cluster.controller()
        source.signal(15)
        check_equal(source.wait_exit(), 0, "the status of the active controller")
        shutil.rmtree(controller_dir(node), ignore_errors=True)
        shutil.copytree(controller_dir(source), controller_dir(node))
        source.start()
        node.start()
        cluster.wait_serving()
        cluster.wait_isr_whole(TOPIC)
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)


# ---- where it is ----

@test("a disk put in front of log.dirs changes nothing; two controller's directories are refused")
def moved():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        load = written(cluster)
        cluster.stop()
        front = os.path.join(cluster.directory, "front")
        node.settings["log.dirs"] = f"{front},{node.log_dir}"
        node.start()
        cluster.wait_serving()
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)
        check(not os.path.exists(os.path.join(front, "controller")), "it was begun anew in front")
        cluster.stop()
        shutil.copytree(controller_dir(node), os.path.join(front, "controller"))
        node.start()
        refused(node, controller_dir(node), os.path.join(front, "controller"), "two controller's")
        shutil.rmtree(os.path.join(front, "controller"))
        node.settings["metadata.log.dir"] = front
        node.start()
        refused(node, f"metadata.log.dir={front}", controller_dir(node))
        shutil.move(controller_dir(node), os.path.join(front, "controller"))
        node.start()
        cluster.wait_serving()
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)


@test("a disk that comes back: of two copies of a partition none leads, and both are kept")
def doubled():
    with Cluster(3, start=False, min_insync_replicas=2) as cluster:
        node = cluster.nodes[0]
        old, new = node.log_dir + "-old", node.log_dir + "-new"
        node.settings["metadata.log.dir"] = node.log_dir + "-controller"
        node.settings["log.dirs"] = old
        cluster.start()
        cluster.create_topic(TOPIC)
        with Load(cluster.bootstrap, TOPIC, batch_num_messages=20) as load:
            load.wait_acks(ACKS)
            node.signal(15)
            check_equal(node.wait_exit(), 0, "the status of a stop")
            node.settings["log.dirs"] = new
            node.start()
            cluster.wait_serving()
            cluster.wait_isr_whole(TOPIC)
            load.wait_acks(ACKS)
            load.stop()
        cluster.kill_all()  # all are in sync as they die, so that the first that is back leads
        before = [batches(os.path.join(folder, f"{TOPIC}-0")) for folder in (old, new)]
        node.settings["log.dirs"] = f"{old},{new}"
        node.start()
        cluster.nodes[1].start()  # with it there is a quorum
        wait_until(lambda: "in more than one log directory" in node.log_text(), DEADLINE_S, "it is told")
        said = [line for line in node.log_text().splitlines()
                if "ERROR" in line and f"{TOPIC}-0" in line and "fetched anew from broker" not in line]
        note("\n".join(said))
        check(len(said) == 1 and "move the wrong folder away" in said[0], "it is not one line that says what to do")
        cluster.nodes[2].start()
        cluster.wait_serving()
        cluster.wait_isr_whole(TOPIC)
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)
        aside = [glob.glob(os.path.join(folder, f"{TOPIC}-0.*-stray")) for folder in (old, new)]
        check_equal([len(found) for found in aside], [1, 1], "folders set aside")
        check_equal([batches(found[0]) for found in aside], before, "the records of the two copies")


@test("a broker goes on when one of its disks fails, and ends when the last one does")
def last_disk():
    with Cluster(3, start=False, internal_segment_bytes=8000, log_index_interval_bytes=500) as cluster:
        node = cluster.nodes[0]
        disks = [node.log_dir + "-a", node.log_dir + "-b"]
        node.settings["metadata.log.dir"] = node.log_dir + "-controller"
        node.settings["log.dirs"] = ",".join(disks)
        cluster.start()
        for topic in [TOPIC, "other"]:  # one on each disk
            cluster.create_topic(topic, min_insync_replicas=2)
        with Load(cluster.bootstrap, TOPIC, batch_num_messages=20) as load, \
                Load(cluster.bootstrap, "other", batch_num_messages=20) as other:
            for disk in disks:
                check(node.running(), node.log_end())
                os.rename(disk, disk + ".gone")
                wait_until(lambda: f"log directory {disk} failed" in node.log_text(), DEADLINE_S,
                           "a disk fails")
                load.wait_acks(ACKS)
                other.wait_acks(ACKS)
            check(node.wait_exit(DEADLINE_S) > 0, "the status of its end")
            check("no log directory works any more" in node.log_text(), node.log_end())
            load.stop()
            other.stop()
        for disk in disks:
            os.rename(disk + ".gone", disk)
        node.start()
        cluster.wait_serving()
        cluster.wait_isr_whole(TOPIC)
        cluster.wait_isr_whole("other")
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)
        check_records(read_all(cluster.bootstrap, "other"), other.acked)


@test("a controller's directory that can't be looked into")
def unreadable():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        written(cluster)
        cluster.stop()
        shutil.move(controller_dir(node), controller_dir(node) + ".kept")
        with open(controller_dir(node), "w"):
            pass
        node.start()
        refused(node, controller_dir(node))
        check(batches(os.path.join(node.log_dir, f"{TOPIC}-0")), "the records are gone")


# ---- somebody else's ----

KAFKA_META = {
    "of KRaft": "#\n#Tue Mar 04 10:00:00 UTC 2025\ncluster.id=MkU3OEVBNTcwNTJENDM2Qk\n"
                "directory.id=aBcDeFgHiJkLmNoPqRsTuQ\nnode.id=0\nversion=1\n",
    "of the ZooKeeper era": "#\n#Mon Jan 07 10:00:00 UTC 2019\nversion=0\nbroker.id=0\n"
                            "cluster.id=MkU3OEVBNTcwNTJENDM2Qk\n",
    "without its meta.properties": None,
}


@test("a data directory of Apache Kafka is refused, and not a byte of it changes")
def of_kafka():
    for name, meta in KAFKA_META.items():
        for roles in ["broker,controller", "controller"]:
            with Cluster(1, start=False) as cluster:
                node = cluster.nodes[0]
                node.settings["process.roles"] = roles
                if roles == "controller":
                    node.settings["controller.listener.names"] = "PLAINTEXT"
                    node.settings["controller.quorum.voters"] = f"0@127.0.0.1:{node.port}"
                    node.settings["advertised.listeners"] = None
                for folder in ["payments-0", "__cluster_metadata-0"]:
                    os.makedirs(os.path.join(node.log_dir, folder))
                    with open(os.path.join(node.log_dir, folder, "00000000000000000000.log"), "wb") as file:
                        file.write(os.urandom(5000))
                if meta:
                    with open(os.path.join(node.log_dir, "meta.properties"), "w") as file:
                        file.write(meta)
                before = tree(node.log_dir)
                node.start()
                refused(node, node.log_dir, "Apache Kafka", "log.dirs")
                check_equal(sorted(tree(node.log_dir)), sorted(before), f"{name}: the files")
                check(tree(node.log_dir) == before, f"{name}: a file was changed")


tap.run()
