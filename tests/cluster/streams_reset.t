#!/usr/bin/env python3
"""kafka-streams-application-reset: offsets of input topics, topics to delete, members that are still there,
and what is refused."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import json
import re
import subprocess

import tap
from cluster import Cluster
from live_member import LiveMember
from node import spawn
from tap import check, check_equal, test
from tool import MILLRACE, misuse, says, tool
from wait import wait_until

RESET, GROUPS, TOPICS = "kafka-streams-application-reset.sh", "kafka-consumer-groups.sh", "kafka-topics.sh"
INTERNAL = ["app-agg-repartition", "app-b-KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-0000000002-topic", "app-store-changelog"]
OTHERS = ["app-other", "apps-store-changelog", "my-app-store-changelog"]
DRY = "----Dry run displays the actions which will be performed when running Streams Reset Tool----\n"
DEADLINE_S = 120


def fill(cluster):
    """in has 10 records in each of 2 partitions, of which 4 are committed; mid has 3."""
    cluster.create_topic("in", partitions=2)
    for topic in ("mid", *INTERNAL, *OTHERS):
        cluster.create_topic(topic, partitions=1)
    for topic, count in (("in", 20), ("mid", 3)):
        says(cluster, "kafka-verifiable-producer.sh", "--topic", topic, "--max-messages", str(count),
             "--repeating-keys", "20", out=re.compile("."))
    says(cluster, GROUPS, "--reset-offsets", "--group", "app", "--topic", "in", "--to-offset", "4", "--execute",
         out=re.compile("app +in +0"), err=None)


def committed(cluster):
    out = says(cluster, GROUPS, "--describe", "--group", "app", out=re.compile(""), err=re.compile("")).stdout
    return {(row.split()[1], int(row.split()[2])): int(row.split()[3]) for row in out.splitlines()
            if row.startswith("app ")}


def topics(cluster):
    return says(cluster, TOPICS, "--list", "--exclude-internal", out=re.compile(".")).stdout.split()


def ends(cluster):
    out = says(cluster, "kafka-get-offsets.sh", "--topic", "in", out=re.compile(".")).stdout
    return [int(line.split(":")[2]) for line in sorted(out.splitlines())]


def plan(cluster, text):
    path = os.path.join(cluster.directory, "plan.csv")
    with open(path, "w") as file:
        file.write(text)
    return path


@test("offsets go where the options say, and a dry run changes nothing")
def offsets():
    with Cluster(1) as cluster:
        fill(cluster)
        app, last = ("--application-id", "app", "--input-topics", "in"), ends(cluster)
        delete = f"Deleting inferred internal topics [{', '.join(INTERNAL)}]\nDone.\n"
        low, high = "New offset (%d) is lower than earliest offset. Value will be set to 0\n", \
            "New offset (%d) is higher than latest offset. Value will be set to %d\n"
        empty = "Partition %d from topic in is empty, without a committed record. Falling back to latest known " \
            "offset.\n"
        for more, remarks, wanted in (
                ((), "", (0, 0)), (("--to-earliest",), "", (0, 0)), (("--to-latest",), "", last),
                (("--to-offset", "3"), "", (3, 3)), (("--to-offset", "0"), low % 0 * 2, (0, 0)),
                (("--to-offset", "99"), "".join(high % (99, end) for end in last), last),
                (("--shift-by", "1"), "", (5, 5)), (("--shift-by", "-9"), low % -5 * 2, (0, 0)),
                (("--by-duration", "P1D"), "", (0, 0)),
                (("--to-datetime", "2100-01-01T00:00:00.000"), "".join(empty % p for p in (0, 1)), last),
                (("--from-file", plan(cluster, "in,1,2\r\nin,0,1\n")), "", (1, 2))):
            before = committed(cluster)
            says(cluster, RESET, *app, *more, "--dry-run", out=DRY + "Reset-offsets for input topics [in]\n"
                 f"Following input topics offsets will be reset to (for consumer group app)\n{remarks}" + "".join(
                     f"Topic: in Partition: {p} Offset: {offset}\n" for p, offset in enumerate(wanted)) +
                 "Done.\n" + delete)
            check_equal(committed(cluster), before, f"the offsets after a dry run of {more}")
        check(set(INTERNAL) <= set(topics(cluster)), "a dry run deletes nothing")
        done = says(cluster, RESET, "--application-id", "app", "--input-topics", "in,absent", "--intermediate-topics",
                    "mid", "--to-offset", "3", "--dry-run", "--format", "json", status=1, out=re.compile("."),
                    err=re.compile("Topic: in Partition: 0 Offset: 3"))
        check_equal(json.loads(done.stdout), {
            "offsets": [*({"topic": "in", "partition": p, "offset": 3, "kind": "input"} for p in (0, 1)),
                        {"topic": "mid", "partition": 0, "offset": 3, "kind": "intermediate"}],
            "missingTopics": [{"topic": "absent", "kind": "input"}],
            "deletedTopics": [{"topic": name, "error": None} for name in INTERNAL]}, "what a dry run tells programs")
        says(cluster, RESET, *app, "--shift-by", "1", "--internal-topics", INTERNAL[0], "--intermediate-topics", "mid",
             out=re.compile(rf"Seek-to-end for intermediate topics \[mid\]\n[^$]*Topic: mid\nDone.\n"
                            rf"Deleting specified internal topics \[{INTERNAL[0]}\]\nDone.\n$"))
        check_equal(committed(cluster), {("in", 0): 5, ("in", 1): 5, ("mid", 0): 3}, "the offsets")
        wait_until(lambda: INTERNAL[0] not in topics(cluster), DEADLINE_S, "the topic that was named is deleted")
        done = says(cluster, RESET, "--application-id", "app", "--format", "table",
                    out=re.compile("^TOPIC PARTITION OFFSET KIND\n\nTOPIC KIND\n\nTOPIC +ERROR\n"),
                    err=re.compile("Skipping seek.\nDeleting inferred"))
        check_equal(len(done.stdout.splitlines()), 5 + len(INTERNAL) - 1, f"the rows of {done.stdout}")
        wait_until(lambda: topics(cluster) == sorted(["in", "mid", *OTHERS]), DEADLINE_S, "all of them are deleted")


@test("what is not there, what is no internal topic, and members that still are")
def refused():
    with Cluster(1) as cluster:
        fill(cluster)
        app = ("--application-id", "app")
        says(cluster, RESET, *app, "--input-topics", "absent,in", "--dry-run", status=1,
             out=re.compile("Following input topics are not found, skipping them\nTopic: absent\nFollowing input"))
        says(cluster, RESET, *app, "--internal-topics", "app-other", status=1, out=re.compile("Skipping seek"),
             err=re.compile("app-other is no internal topic of app: .*nothing was deleted"))
        says(cluster, RESET, *app, "--input-topics", "in", "--from-file", plan(cluster, "in,0,1\n"), status=1,
             out=re.compile("."), err=re.compile("no line for in-1"))
        for text, words in (("in,0\n", "line 1"), ("in,0,1\ng,in,0,1\n", "line 2")):
            says(cluster, RESET, *app, "--input-topics", "in", "--from-file", plan(cluster, text), status=1,
                 err=re.compile(words))
        for arguments, words in (
                ((), ["--application-id ID"]),
                ((*app, "--to-latest"), ["--to-latest goes with --input-topics"]),
                ((*app, "--input-topics", "in", "--to-latest", "--to-earliest"), ["can't be used with"]),
                ((*app, "--input-topics", "in", "--to-offset", "-1"), ["--to-offset -1"]),
                ((*app, "--input-topics", "in", "--shift-by", "x"), ["--shift-by x"]),
                ((*app, "--input-topics", "in", "--to-datetime", "x"), ["--to-datetime x"]),
                ((*app, "--input-topics", "in", "--by-duration", "x"), ["--by-duration x"]),
                ((*app, "--bogus"), ["--bogus"])):
            misuse(cluster, RESET, *arguments, words=words)
        done = tool(RESET, *app, "--bootstrap-server", "127.0.0.1:1", check_status=False)
        check(done.returncode == 1 and "127.0.0.1:1" in done.stderr, done.stderr)
        with LiveMember(cluster, "app", "in", 2):
            says(cluster, RESET, *app, "--input-topics", "in", status=1,
                 err=re.compile("the group app is still active, with 1 member: .*--force"))
            check_equal(committed(cluster)[("in", 0)], 4, "the offset, unchanged")
            says(cluster, RESET, *app, "--input-topics", "in", "--force", "--dry-run",
                 out=re.compile("^1 member would be taken out of the group app\n"))


@test("--force takes members out of the group that run no more")
def force():
    with Cluster(1) as cluster:
        fill(cluster)
        child = spawn(["kafka-verifiable-consumer.sh", "--bootstrap-server", cluster.bootstrap, "--topic", "in",
                       "--group-id", "app", "--session-timeout", "300000"], executable=MILLRACE,
                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        while "offsets_committed" not in child.stdout.readline():
            check(child.poll() is None, "the member runs")
        child.kill()
        child.communicate()
        app = ("--application-id", "app", "--input-topics", "in", "--to-offset", "7")
        says(cluster, RESET, *app, status=1, err=re.compile("is still active, with 1 member: "))
        says(cluster, RESET, *app, "--force",
             out=re.compile("^Force deleting all active members in the group: app\nReset-offsets"))
        check_equal(committed(cluster), {("in", 0): 7, ("in", 1): 7}, "the offsets")


tap.run()
