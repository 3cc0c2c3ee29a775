#!/usr/bin/env python3
"""Several log directories of a broker: what is said of them, and where new partitions go."""
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
from cluster import Cluster
from tap import check, check_equal, test
from tool import says, tool
from wait import wait_until

DEADLINE_S = 60
DIRS = "kafka-log-dirs.sh"
CONFIGS = "kafka-configs.sh"


def several(count, directories=2):
    """A cluster whose brokers have that many log directories each."""
    cluster = Cluster(count, start=False)
    for node in cluster.nodes:
        node.log_dirs = [node.log_dir] + [f"{node.log_dir}.{i}" for i in range(1, directories)]
        node.settings["log.dirs"] = ",".join(node.log_dirs)
    return cluster


def described(cluster, node):
    """{directory: {partition: row}} as the broker says."""
    done = tool(DIRS, "--bootstrap-server", cluster.bootstrap, "--describe", "--broker-list", str(node.id))
    (broker,) = json.loads(done.stdout.splitlines()[2])["brokers"]
    return {d["logDir"]: {row["partition"]: row for row in d["partitions"]} for d in broker["logDirs"]}


def cordon(cluster, node, value):
    tool(CONFIGS, "--bootstrap-server", cluster.bootstrap, "--entity-type", "brokers", "--entity-name",
         str(node.id), "--alter", "--add-config", f"cordoned.log.dirs={value}")


def folders(directory, topic):
    return sorted(name for name in os.listdir(directory) if name.startswith(f"{topic}-"))


@test("new partitions go where there are fewest, and to no directory that is cordoned")
def placement():
    with several(1) as cluster:
        cluster.start()
        (node,) = cluster.nodes
        first, second = node.log_dirs
        cluster.create_topic("even", partitions=6)
        found = described(cluster, node)
        check_equal(sorted(len(found[d]) for d in node.log_dirs), [3, 3], "partitions of each directory")
        cordon(cluster, node, first)
        cluster.create_topic("away", partitions=4)
        wait_until(lambda: len(folders(second, "away")) == 4, DEADLINE_S, "all are in the other directory")
        check_equal(folders(first, "away"), [], "partitions in the cordoned directory")
        says(cluster, CONFIGS, "--entity-type", "brokers", "--entity-name", "0", "--alter", "--add-config",
             "cordoned.log.dirs=/no/such", status=1, err=re.compile("/no/such is not in log.dirs"))
        cluster.stop()
        cluster.start()  # what was set stays in force
        cluster.create_topic("again", partitions=2)
        wait_until(lambda: len(folders(second, "again")) == 2, DEADLINE_S, "still none in the first one")
        cordon(cluster, node, "")
        cluster.create_topic("back", partitions=2)
        wait_until(lambda: len(folders(first, "back")) == 2, DEADLINE_S, "it has the fewest and is used again")
        check(all("cordoned" in line for line in node.log_text().splitlines() if "gets no new" in line),
              "the log does not say why")


tap.run()
