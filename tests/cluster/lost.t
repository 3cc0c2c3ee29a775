#!/usr/bin/env python3
"""Files that are gone are a loss and not a new replica: whoever still has the records serves them, and
nobody serves a partition from its beginning that had records."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
from cluster import Cluster
from load import check_records, read_all, write_some
from segments import check_replicas_equal
from tap import check, test
from wait import wait_until

TOPIC = "lost"
DEADLINE_S = 120


def written(cluster, name=TOPIC, **topic):
    cluster.create_topic(name, **topic)
    return write_some(cluster.bootstrap, name, 20)


@test("the node that lost the partition's folder comes back first")
def folder():
    with Cluster(3) as cluster:
        load = written(cluster, min_insync_replicas=2)
        cluster.kill_all()
        loser, second, third = cluster.nodes
        shutil.rmtree(os.path.join(loser.log_dir, f"{TOPIC}-0"))
        loser.start()
        second.start()
        wait_until(lambda: cluster.partition(TOPIC, at=second)[0] == second.id, DEADLINE_S,
                   "the one that has the records leads")
        third.start()
        cluster.wait_serving()
        cluster.wait_isr_whole(TOPIC)
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)
        end = read_all(cluster.bootstrap, TOPIC)[-1][0] + 1
        check_replicas_equal([os.path.join(n.log_dir, f"{TOPIC}-0") for n in cluster.nodes], end)
        check("is fetched anew from broker" in loser.log_text(), "the loss was not noticed")
        check("set aside" not in loser.log_text(), "there was nothing to set aside")


@test("the second of two log directories of a single node comes back empty")
def directory():
    with Cluster(1, start=False) as cluster:
        node = cluster.nodes[0]
        dirs = [f"{node.log_dir}-a", f"{node.log_dir}-b"]
        node.settings["log.dirs"] = ",".join(dirs)
        cluster.start()
        other = written(cluster, "other")  # takes the first of them
        written(cluster)
        check(os.path.isdir(os.path.join(dirs[1], f"{TOPIC}-0")), "the topic is in the wrong place")
        node.kill()
        shutil.rmtree(dirs[1])
        os.mkdir(dirs[1])
        node.start()
        cluster.wait_serving()
        wait_until(lambda: "is gone, although this broker had records of it" in node.log_text(), DEADLINE_S,
                   "the loss is told")
        wait_until(lambda: cluster.partition("other")[0] == node.id, DEADLINE_S,
                   "the other topic is served")
        check_records(read_all(cluster.bootstrap, "other"), other.acked)
        # Until the controller hears of the loss, the leader is the one of before.
        wait_until(lambda: cluster.partition(TOPIC)[0] == -1, DEADLINE_S, "nobody leads what is lost")


@test("another of two log directories is gone: what never had a record on the first is served")
def unwritten():
    with Cluster(1, start=False) as cluster:
        node = cluster.nodes[0]
        dirs = [f"{node.log_dir}-a", f"{node.log_dir}-b"]
        node.settings["log.dirs"] = ",".join(dirs)
        cluster.start()
        cluster.create_topic("unwritten", partitions=4)
        # A folder without its partition.metadata proves nothing: a power cut may have taken both.
        wait_until(lambda: all(node.log_text().count(f"leads unwritten-{p} ") > 0 for p in range(4)), DEADLINE_S,
                   "all are open")
        here = [p for p in range(4) if os.path.isdir(os.path.join(dirs[0], f"unwritten-{p}"))]
        check(len(here) == 2, f"partitions {here} are in the first directory")
        for empty in [True, False, True]:
            node.kill()
            if empty:
                shutil.rmtree(dirs[1])
                os.mkdir(dirs[1])
            before = node.log_text().count("serving after")
            node.start()
            wait_until(lambda: node.log_text().count("serving after") > before, DEADLINE_S, "it serves")
            for partition in here:
                wait_until(lambda: cluster.partition("unwritten", partition)[0] == node.id, DEADLINE_S,
                           f"unwritten-{partition} is led")
            wait_until(lambda: [cluster.partition("unwritten", p)[0] for p in range(4) if p not in here] == [-1, -1],
                       DEADLINE_S, "nobody leads what may have had records")


tap.run()
