#!/usr/bin/env python3
"""A topic deleted and created again while a replica is down: no record of the old one comes back."""
import json
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
from cluster import Cluster
from load import PRODUCER, Producer, read_all
from segments import check_replicas_equal
from tap import check_equal, test
from tool import tool

ROUNDS = 3
COUNT = 50


def write(cluster, values):
    errors = []
    producer = Producer({**PRODUCER, "bootstrap.servers": cluster.bootstrap})
    for value in values:
        producer.produce("again", value, partition=0,
                         on_delivery=lambda error, _: errors.append(error) if error else None)
    check_equal((producer.flush(60), errors), (0, []), "unanswered records and errors")


def check_each_replica(cluster, values):
    """Every replica holds just these values: what lies on its disk, whoever leads."""
    end = read_all(cluster.bootstrap, "again")[-1][0] + 1
    check_equal(end, len(values), "the end of the log")
    check_replicas_equal([os.path.join(n.log_dir, "again-0") for n in cluster.nodes], end)
    leader = cluster.leader("again")
    leader.kill()
    after = cluster.wait_new_leader("again", leader)
    got = [value.decode() for _, value in read_all(after.address, "again")]
    check_equal(got, values, "what is read after the leader was killed")
    leader.start()
    cluster.wait_serving()
    cluster.wait_isr_whole("again")


def one_round(cluster, number):
    down = cluster.nodes[number % 3]
    old = [f"old {number} {n}" for n in range(COUNT * 2)]
    new = [f"new {number} {n}" for n in range(COUNT)]
    cluster.create_topic("again")
    write(cluster, old)
    down.kill()
    cluster.delete_topic("again")
    cluster.create_topic("again", wait_isr=False)
    write(cluster, new)
    down.start()
    cluster.wait_serving()
    cluster.wait_isr_whole("again")
    for node in cluster.nodes:
        check_equal([value.decode() for _, value in read_all(node.address, "again")], new,
                    f"what is read by way of node {node.id}")
    check_each_replica(cluster, new)
    cluster.delete_topic("again")


@test(f"{ROUNDS} rounds of delete and create with a replica down")
def recreate():
    with Cluster(3) as cluster:
        for number in range(ROUNDS):
            one_round(cluster, number)


@test("a topic made anew has nothing of the checkpoints of the old one after kill -9 of all")
def checkpoints():
    with Cluster(3) as cluster:
        old = [f"old {n}" for n in range(COUNT * 2)]
        new = [f"new {n}" for n in range(COUNT)]
        cluster.create_topic("again")
        write(cluster, old)
        wanted = {"partitions": [{"topic": "again", "partition": 0, "offset": COUNT - 5}], "version": 1}
        path = os.path.join(cluster.directory, "delete.json")
        with open(path, "w") as file:
            json.dump(wanted, file)
        tool("kafka-delete-records.sh", "--bootstrap-server", cluster.bootstrap, "--offset-json-file", path)
        for node in cluster.nodes:  # a clean stop writes all checkpoints
            node.signal(signal.SIGTERM)
        for node in cluster.nodes:
            node.wait_exit()
        for node in cluster.nodes:
            node.start()
        cluster.wait_serving()
        cluster.wait_isr_whole("again")
        cluster.delete_topic("again")
        cluster.create_topic("again")
        write(cluster, new)
        cluster.kill_all()
        for node in cluster.nodes:
            node.start()
        cluster.wait_serving()
        cluster.wait_isr_whole("again")
        check_each_replica(cluster, new)
        got = [value.decode() for _, value in read_all(cluster.bootstrap, "again")]
        check_equal(got, new, "what is read of the new topic")


tap.run()
