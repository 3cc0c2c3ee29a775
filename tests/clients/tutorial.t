#!/usr/bin/env python3
"""The Java program of the tutorials, with kafka_2.12 2.1.0 and its exact settings: a topic that
does not exist yet is made by the first send; a group gets each record once, a second group all."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

from lib_path import CLUSTER_LIB  # noqa: F401 makes the harness importable

import tap
from cluster import Cluster
from member import Program, program
from tap import check_equal, test
from wait import wait_until

DEADLINE_S = 60  # the poll of a consumer without its topic may wait for metadata
TOPIC = "HelloWorld"


def send(path, cluster):
    with Program(path, "HelloProducer", cluster.bootstrap, TOPIC) as producer:
        producer.wait_end(DEADLINE_S)
        check_equal(producer.lines, [["Message", "sent", "successfully"]], "what the producer says")


def values(consumer):
    return [line for line in list(consumer.lines) if line[0] == "offset"]


def lines_of(*offsets):
    return [f"offset = {n}, value = my msg".split() for n in offsets]


def wait_lines(consumers, expected, what):
    wait_until(lambda: sorted(v for c in consumers for v in values(c)) == expected, DEADLINE_S,
               what)


def consumer(path, cluster, group):
    started = Program(path, "HelloConsumer", cluster.bootstrap, TOPIC, group)
    wait_until(lambda: started.lines or started.child.poll() is not None, DEADLINE_S,
               "it subscribes")
    return started


@test("its first record makes the topic; each group gets every record, a member its part")
def tutorial():
    path = program("tutorial-2.1.0")
    with Cluster(3) as cluster:
        send(path, cluster)
        with consumer(path, cluster, "group-1") as first:
            wait_lines([first], lines_of(0), "the first member gets the record")
            with consumer(path, cluster, "group-1") as second:
                send(path, cluster)
                wait_lines([first, second], lines_of(0, 1), "one of the group gets the second")
                with consumer(path, cluster, "group-2") as other:
                    wait_lines([other], lines_of(0, 1), "the second group gets both")
                    send(path, cluster)
                    wait_lines([other], lines_of(0, 1, 2), "the second group gets the third")
                    wait_lines([first, second], lines_of(0, 1, 2), "the first group gets it once")


tap.run()
