#!/usr/bin/env python3
"""Controllers that are restored from a copy of before topics were made and deleted: what the other
voters know is followed, brokers refuse a quorum that knows less than they do, and whoever goes on
from the older metadata all the same loses no record."""
import glob
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
import wire
from cluster import Cluster
from load import PRODUCER, Producer, check_records, read_all, write_some
from segments import batches, check_replicas_equal
from tap import check, check_equal, note, test
from tool import tool
from wait import wait_until

ACKS = 100
FIRST_ONES, LATER_ONES = [-1, -2, -3], [-4, -5, -6, -7]  # values of single records
EXIT_DEADLINE_S = 120
REFUSAL = ["the controllers were restored from an older copy", "Restore a copy that is newer",
           "remove .metadata-index from each log directory of every broker"]


def controller_dir(node):
    return os.path.join(node.log_dir, "controller")


def copy_controllers(cluster, name):
    """Of nodes that are down, to a place of that name."""
    for node in cluster.nodes:
        shutil.copytree(controller_dir(node), f"{node.log_dir}-{name}")


def restore_controllers(nodes, name):
    for node in nodes:
        shutil.rmtree(controller_dir(node))
        shutil.copytree(f"{node.log_dir}-{name}", controller_dir(node))


def written(cluster, topic):
    return write_some(cluster.bootstrap, topic, ACKS, batch_num_messages=20).acked


def folder(node, topic):
    return os.path.join(node.log_dir, f"{topic}-0")


def records_on_disk(cluster, topic):
    return [batches(folder(node, topic)) for node in cluster.nodes]


def strays(node, topic):
    return glob.glob(f"{folder(node, topic)}.*-stray")


def write_one(cluster, value):
    """One record to kept, of a producer that writes no other: a second producer with the same id would
    have its first record taken for this one, and never written."""
    errors = []
    producer = Producer({**PRODUCER, "bootstrap.servers": cluster.bootstrap})
    producer.produce("kept", str(value), partition=0,
                     on_delivery=lambda error, _: errors.append(error) if error else None)
    check_equal((producer.flush(60), errors), (0, []), "unanswered records and errors")


def restart(cluster):
    """Each start and stop gives the partitions newer leader epochs, and the brokers other producer
    ids."""
    cluster.stop()
    cluster.start()
    cluster.wait_isr_whole("kept")


def two_histories(cluster):
    """Leaves the cluster stopped, with copies `older` and `newer` of its controllers, of before and
    after `new` was made and `doomed` deleted. Returns what was acknowledged of `new`."""
    for topic in ["kept", "doomed"]:
        cluster.create_topic(topic)
        written(cluster, topic)
    cluster.stop()
    copy_controllers(cluster, "older")
    cluster.start()
    cluster.wait_isr_whole("kept")
    cluster.delete_topic("doomed")
    cluster.create_topic("new")
    acked = written(cluster, "new")
    for value in FIRST_ONES:
        restart(cluster)
        write_one(cluster, value)
    cluster.wait_isr_whole("new")
    cluster.stop()
    copy_controllers(cluster, "newer")
    return acked


def known_topics(node):
    """None of a node that serves nothing yet."""
    try:
        return set(wire.metadata(node.port).topics)
    except OSError:
        return set()


def topics(cluster):
    """Those that each running node knows."""
    known = [known_topics(node) - {"__consumer_offsets"} for node in cluster.running()]
    check(all(some == known[0] for some in known), f"the nodes know different topics: {known}")
    return known[0]


def check_newest(cluster, acked, kept):
    """The cluster is as it was when the newer copy was made."""
    check_equal(topics(cluster), {"kept", "new"}, "the topics")
    for topic in ["kept", "new"]:
        cluster.wait_isr_whole(topic)
    check_records(read_all(cluster.bootstrap, "new"), acked)
    check_equal(records_on_disk(cluster, "kept"), kept, "the records of kept")
    check_equal([strays(node, topic) for node in cluster.nodes for topic in ["kept", "new"]],
                [[]] * 2 * len(cluster.nodes), "folders set aside")


def check_refused(cluster):
    """All nodes were started: those that meet an active controller end, and the last one, which has
    nobody to elect it, serves nothing."""
    alive = 0 if len(cluster.nodes) == 1 else 1
    wait_until(lambda: len(cluster.running()) <= alive, EXIT_DEADLINE_S, "the brokers refuse")
    for node in cluster.running():
        check_equal(known_topics(node), set(), f"what node {node.id} serves")
        node.kill()
    ended = [node for node in cluster.nodes if node.process.returncode >= 0]
    # The last one too, where it was refused before it saw that the others had ended.
    check(len(ended) >= len(cluster.nodes) - alive, f"only {len(ended)} nodes ended by themselves")
    for node in ended:
        check(node.process.returncode > 0, f"node {node.id} ended with status 0")
        lines = [line for line in node.log_text().splitlines() if REFUSAL[0] in line]
        check(lines, f"node {node.id} does not say why: {node.log_end()}")
        note(lines[-1])
        check(all(words in lines[-1] for words in REFUSAL), "the sentence does not say what to do")


def start_all(cluster):
    for node in cluster.nodes:
        node.start()


def refuse_and_come_back(cluster):
    """Leaves the cluster stopped, with the older controllers."""
    acked = two_histories(cluster)
    kept, new = records_on_disk(cluster, "kept"), records_on_disk(cluster, "new")
    restore_controllers(cluster.nodes, "older")
    for _ in range(2):
        start_all(cluster)
        check_refused(cluster)
        check_equal(records_on_disk(cluster, "kept"), kept, "the records of kept")
        check_equal(records_on_disk(cluster, "new"), new, "the records of new")
    restore_controllers(cluster.nodes, "newer")
    cluster.start()
    check_newest(cluster, acked, kept)
    cluster.stop()
    restore_controllers(cluster.nodes, "older")
    start_all(cluster)
    check_refused(cluster)
    return acked


def go_on(cluster):
    """From the older metadata, as the refusal says how."""
    kept, new = records_on_disk(cluster, "kept"), records_on_disk(cluster, "new")
    for node in cluster.nodes:
        os.unlink(os.path.join(node.log_dir, ".metadata-index"))
    cluster.start()
    cluster.wait_isr_whole("kept")
    check_equal(topics(cluster), {"kept", "doomed"}, "the topics")
    aside = [wait_until(lambda node=node: strays(node, "new"), EXIT_DEADLINE_S, "new is set aside")
             for node in cluster.nodes]
    check_equal([len(found) for found in aside], [1] * len(cluster.nodes), "folders set aside")
    check_equal([batches(found[0]) for found in aside], new, "the records of new")
    check_equal(records_on_disk(cluster, "kept"), kept, "the records of kept")
    return aside, new


def check_goes_on(cluster):
    """Old topics and new ones are written and read, before and after each restart."""
    before = read_all(cluster.bootstrap, "kept")
    cluster.create_topic("new")
    acked = written(cluster, "new")
    written(cluster, "doomed")
    for value in LATER_ONES:
        write_one(cluster, value)
        restart(cluster)
    records = read_all(cluster.bootstrap, "kept")
    check_equal(records[:len(before)], before, "the older records of kept")
    check_equal([int(value) for _, value in records[len(before):]], LATER_ONES,
                "the later records of kept")
    check_records(read_all(cluster.bootstrap, "new"), acked)
    check_replicas_equal([folder(node, "kept") for node in cluster.nodes], records[-1][0] + 1)
    cluster.wait_isr_whole("doomed")


@test("one of three voters is restored from an older copy: the others' metadata is followed")
def one_of_three():
    with Cluster(3, min_insync_replicas=2) as cluster:
        acked = two_histories(cluster)
        kept = records_on_disk(cluster, "kept")
        restored = cluster.nodes[1]
        restore_controllers([restored], "older")
        cluster.start()
        check_newest(cluster, acked, kept)
        # It has what it lacked: with one other it is a quorum that knows all.
        gone = cluster.nodes[2]
        gone.signal(signal.SIGTERM)
        check_equal(gone.wait_exit(), 0, "the status of a stop")
        cluster.create_topic("later", replicas=2)
        check_equal(topics(cluster), {"kept", "new", "later"}, "the topics")
        gone.start()
        cluster.wait_serving()
        check_equal(topics(cluster), {"kept", "new", "later"}, "the topics")


@test("all of three voters are restored from an older copy: refused, and going on loses no record")
def all_of_three():
    with Cluster(3, min_insync_replicas=2) as cluster:
        refuse_and_come_back(cluster)
        aside, new = go_on(cluster)
        check_goes_on(cluster)
        check_equal([batches(found[0]) for found in aside], new, "the records of new set aside")


def epoch_of_quorum(cluster):
    said = tool("kafka-metadata-quorum.sh", "--bootstrap-server", cluster.bootstrap, "describe",
                "--status").stdout
    return int(next(line.split()[1] for line in said.splitlines() if line.startswith("LeaderEpoch:")))


@test("a single node's controller is restored from an older copy: refused, and going on loses no record")
def single():
    with Cluster(1) as cluster:
        refuse_and_come_back(cluster)
        aside, new = go_on(cluster)
        epochs = [epoch_of_quorum(cluster)]
        check_goes_on(cluster)
        epochs.append(epoch_of_quorum(cluster))
        check(epochs[1] > epochs[0], f"two starts share a term: {epochs}")
        check_equal([batches(found[0]) for found in aside], new, "the records of new set aside")


tap.run()
