#!/usr/bin/env python3
"""kafka-consumer-groups and kafka-groups on a cluster: every action, the shapes of the output, and
what committed offsets are afterwards."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
import wire
from cluster import Cluster
from confluent_kafka import Consumer, TopicPartition
from live_member import LiveMember
from load import PRODUCER, Producer
from tap import check, check_equal, test
from tool import tool
from wait import wait_until

DESCRIBE_GROUPS, CONSUMER_GROUP_DESCRIBE = 15, 69
INVALID_GROUP_ID, GROUP_ID_NOT_FOUND = 24, 69
# Bits of Kafka's operations: read, delete, describe, describe and alter settings.
ALL_OPERATIONS, NO_OPERATIONS = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11, -1 << 31
PARTITIONS = 3
RECORDS = 30  # in each partition


def consumer(cluster, group):
    return Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group,
                     "enable.auto.commit": False, "auto.offset.reset": "earliest"})


def commit(cluster, group, offsets, topic="orders"):
    """As no member."""
    client = consumer(cluster, group)
    client.commit(offsets=[TopicPartition(topic, p, o) for p, o in offsets.items()],
                  asynchronous=False)
    client.close()


def committed(cluster, group, topic="orders"):
    client = consumer(cluster, group)
    found = client.committed([TopicPartition(topic, p) for p in range(PARTITIONS)], timeout=30)
    client.close()
    return {row.partition: row.offset for row in found if row.offset >= 0}


def groups(cluster, *arguments, **options):
    return tool("kafka-consumer-groups.sh", "--bootstrap-server", cluster.bootstrap, *arguments,
                **options)


def cells(done):
    return [line.split() for line in done.stdout.splitlines() if line]


def records(cluster):
    cluster.create_topic("orders", partitions=PARTITIONS)
    producer = Producer({**PRODUCER, "bootstrap.servers": cluster.bootstrap})
    for n in range(RECORDS * PARTITIONS):
        producer.produce("orders", str(n), partition=n % PARTITIONS)
    check_equal(producer.flush(60), 0, "the number of records never answered")


def check_list(cluster):
    check_equal(groups(cluster, "--list").stdout, "idle\nlive\n", "the list")
    check_equal(groups(cluster, "--list", "--state").stdout.splitlines(),
                [f"{'GROUP':25} {'STATE':20}", f"{'idle':25} {'Empty':20}",
                 f"{'live':25} {'Stable':20}"], "the list with states")
    check_equal(cells(groups(cluster, "--list", "--state", "Empty", "--type")),
                [["GROUP", "TYPE", "STATE"], ["idle", "Classic", "Empty"]], "the filtered list")
    done = tool("kafka-groups.sh", "--bootstrap-server", cluster.bootstrap, "--list")
    check_equal(done.stdout.splitlines()[-1], f"{'live':20} {'Classic':20} {'consumer':20}",
                "the last line of kafka-groups")
    for option, count in (("--consumer", 2), ("--share", 0), ("--streams", 0),
                          ("--protocol=consumer", 1), ("--group-type=classic", 2)):
        done = tool("kafka-groups.sh", "--bootstrap-server", cluster.bootstrap, "--list", option)
        check_equal(len(done.stdout.splitlines()), 1 + count, f"lines of kafka-groups {option}")


def check_describe(cluster):
    rows = cells(groups(cluster, "--describe", "--group", "live"))
    check_equal(rows[0], "GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST "
                "CLIENT-ID".split(), "the titles")
    check_equal([row[1:6] + row[7:] for row in rows[1:]],
                [["orders", "0", "10", "30", "20", "/127.0.0.1", "live-client"],
                 ["orders", "1", "-", "30", "-", "/127.0.0.1", "live-client"],
                 ["orders", "2", "30", "30", "0", "/127.0.0.1", "live-client"]], "the rows")
    done = groups(cluster, "--describe", "--group", "idle")
    check("has no active members" in done.stderr, f"no remark: {done.stderr}")
    check_equal(cells(done)[1], "idle orders 0 20 30 10 - - -".split(), "the row of an idle group")
    rows = cells(groups(cluster, "--describe", "--group", "live", "--members", "--verbose"))
    check_equal(rows[1][2:], ["/127.0.0.1", "live-client", "3", "-", "orders:0,1,2", "-", "-"],
                "the member")
    rows = cells(groups(cluster, "--describe", "--all-groups", "--state"))
    check_equal([row[-2:] for row in rows], [["STATE", "#MEMBERS"], ["Empty", "0"]] +
                [["STATE", "#MEMBERS"], ["Stable", "1"]], "the states")
    done = groups(cluster, "--describe", "--group", "nosuch")
    check(done.stdout.startswith("\nError: "), f"an unknown group: {done.stdout}")


def reset(cluster, *arguments, group="idle"):
    done = groups(cluster, "--reset-offsets", "--group", group, *arguments)
    return {int(row[2]): int(row[3]) for row in cells(done)[1:]}


def check_reset(cluster):
    """Each target, from 20, 21, 22, in partitions of 30 records."""
    for arguments, expected in [
            (("--to-earliest",), [0, 0, 0]), (("--to-latest",), [30, 30, 30]),
            (("--to-current",), [20, 21, 22]), (("--to-offset", "7"), [7, 7, 7]),
            (("--to-offset", "99"), [30, 30, 30]), (("--shift-by", "-5"), [15, 16, 17]),
            (("--shift-by", "9"), [29, 30, 30]), (("--shift-by=-99",), [0, 0, 0]),
            (("--to-datetime", "2020-01-01T00:00:00.000"), [0, 0, 0]),
            (("--by-duration", "P1D"), [0, 0, 0])]:
        planned = reset(cluster, "--all-topics", "--dry-run", *arguments)
        check_equal(planned, dict(enumerate(expected)), f"the plan of {arguments}")
    check_equal(committed(cluster, "idle"), {0: 20, 1: 21, 2: 22}, "what dry runs left")
    check_equal(reset(cluster, "--topic", "orders:0,2", "--to-offset", "3", "--execute"),
                {0: 3, 2: 3}, "the plan of two partitions")
    check_equal(committed(cluster, "idle"), {0: 3, 1: 21, 2: 3}, "what was reset")
    plan = groups(cluster, "--reset-offsets", "--group", "idle", "--all-topics", "--to-current",
                  "--export", "--dry-run").stdout
    check_equal(plan, "orders,0,3\norders,1,21\norders,2,3\n\n", "the exported plan")
    path = os.path.join(cluster.directory, "plan.csv")
    with open(path, "w") as file:
        file.write(plan.replace(",3\n", ",4\n"))
    reset(cluster, "--from-file", path, "--execute")
    check_equal(committed(cluster, "idle"), {0: 4, 1: 21, 2: 4}, "what the file set")
    check_equal(reset(cluster, "--topic", "orders", "--to-latest", "--execute", group="fresh"),
                {0: 30, 1: 30, 2: 30}, "the plan of a new group")
    check_equal(committed(cluster, "fresh"), {0: 30, 1: 30, 2: 30}, "the new group")
    done = groups(cluster, "--reset-offsets", "--group", "live", "--all-topics", "--to-earliest",
                  "--execute")
    check("Error: Assignments can only be reset" in done.stdout, f"a live group: {done.stdout}")


def check_delete(cluster):
    done = groups(cluster, "--delete-offsets", "--group", "idle", "--topic", "orders:1")
    check_equal(cells(done)[-1], ["orders", "1", "Successful"], "the deleted offset")
    check_equal(committed(cluster, "idle"), {0: 4, 2: 4}, "what is left")
    done = groups(cluster, "--delete-offsets", "--group", "idle", "--topic", "orders:9")
    check("Successful" not in done.stdout, f"a partition that is not there: {done.stdout}")
    done = groups(cluster, "--delete-offsets", "--group", "live", "--topic", "orders")
    check("Error:" in done.stdout, f"offsets of a live group: {done.stdout}")
    done = groups(cluster, "--delete", "--group", "live", "--group", "idle")
    check("* Group 'live' could not be deleted" in done.stdout, f"a live group: {done.stdout}")
    check_equal(groups(cluster, "--list").stdout, "fresh\nlive\n", "the list after a deletion")
    done = groups(cluster, "--delete", "--group", "fresh")
    check_equal(done.stdout, "Deletion of requested consumer groups ('fresh') was successful.\n",
                "the line")


def check_empty_id(cluster):
    """Old clients store offsets under it, so it has a coordinator."""
    wait_until(lambda: wire.coordinator(cluster.nodes[0].port, "") is not None, 120,
               "the empty id has a coordinator")


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def coordinator_port(cluster, group):
    def look():
        node = wire.coordinator(cluster.nodes[0].port, group)
        return None if node is None else cluster.nodes[node].port
    return wait_until(look, 120, "the group has a coordinator")


def describe_classic(cluster, group):
    """(error, state, operations) of a DescribeGroups v4."""
    body = struct.pack(">i", 1) + text(group) + b"\1"
    r = wire.Reader(wire.ask(coordinator_port(cluster, group),
                             wire.request(DESCRIBE_GROUPS, 4, body)))
    r.take("i"), r.take("i"), r.take("i")
    error, _, state = r.take("h"), r.string(), r.string()
    r.string(), r.string()
    r.array(lambda: ([r.string() for _ in range(4)], r.blob(), r.blob()))
    return error, state, r.take("i")


def describe_consumers(cluster, *groups):
    """(error, group, operations) of each group that is none, in a ConsumerGroupDescribe v0."""
    ids = b"".join(bytes([len(group) + 1]) + group.encode() for group in groups)
    body = b"\0" + bytes([len(groups) + 1]) + ids + b"\1\0"
    r = wire.Reader(wire.ask(coordinator_port(cluster, groups[0]),
                             wire.request(CONSUMER_GROUP_DESCRIBE, 0, body)))

    def compact():
        length = r.take("B")
        return None if length == 0 else bytes(r.take("B") for _ in range(length - 1)).decode()
    r.take("i"), r.take("b"), r.take("i")
    found = []
    for _ in range(r.take("B") - 1):
        error, _, group = r.take("h"), compact(), compact()
        compact(), r.take("i"), r.take("i"), compact()
        check_equal(r.take("B"), 1, "the count of members, plus one")
        found.append((error, group, r.take("i")))
        r.take("b")
    return found


def check_operations(cluster):
    """What may be done with a group is told of those that are there."""
    check_equal(describe_classic(cluster, "live"), (0, "Stable", ALL_OPERATIONS), "a live group")
    check_equal(describe_consumers(cluster, "nosuch", ""),
                [(INVALID_GROUP_ID, "", NO_OPERATIONS),
                 (GROUP_ID_NOT_FOUND, "nosuch", NO_OPERATIONS)], "groups that are not there")


def check_misuse(cluster):
    for arguments in (("--describe",), ("--list", "--delete"), ("--reset-offsets", "--group", "g"),
                      ("--describe", "--group", "g", "--members", "--state"),
                      ("--reset-offsets", "--group", "g", "--topic", "t", "--to-datetime", "noon"),
                      ("--reset-offsets", "--group", "g", "--topic", "t", "--to-latest",
                       "--dry-run", "--execute"), ("--delete-offsets", "--group", "g")):
        done = groups(cluster, *arguments, check_status=False)
        check_equal(done.returncode, 1, f"the status of {arguments}")
        check_equal(done.stdout, "", f"what {arguments} prints on stdout")


@test("groups are listed, described, reset and deleted")
def tools():
    with Cluster(3) as cluster:
        records(cluster)
        commit(cluster, "idle", {0: 20, 1: 21, 2: 22})
        with LiveMember(cluster, "live", "orders", PARTITIONS) as member:
            member.commit({0: 10, 2: 30})
            check_list(cluster)
            check_describe(cluster)
            check_operations(cluster)
            check_reset(cluster)
            check_delete(cluster)
        check_misuse(cluster)
        check_empty_id(cluster)


tap.run()
