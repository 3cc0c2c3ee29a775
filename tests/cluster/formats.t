#!/usr/bin/env python3
"""--format json|table of each tool that prints data: one JSON object, whose names and types stay as
they are here, and a table with the same rows; what goes wrong is told on stderr."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import json
import re
import subprocess

import tap
from cluster import Cluster
from confluent_kafka import Consumer, Producer, TopicPartition
from live_member import LiveMember
from node import spawn
from tap import check, check_equal, note, test
from tool import MILLRACE, misuse, says, tool

GROUPS, TOPICS, QUORUM = "kafka-consumer-groups.sh", "kafka-topics.sh", "kafka-metadata-quorum.sh"
CLUSTER, TRANSACTIONS = "kafka-cluster.sh", "kafka-transactions.sh"


class Maybe:
    """null, or of that type."""

    def __init__(self, kind):
        self.kind = kind


OFFSET_ROW = {"group": str, "topic": str, "partition": int, "leaderEpoch": Maybe(int), "currentOffset": Maybe(int),
              "logEndOffset": Maybe(int), "lag": Maybe(int), "consumerId": Maybe(str), "host": Maybe(str),
              "clientId": Maybe(str)}
ASSIGNMENT = [{"topic": str, "partitions": [int]}]
MEMBER_ROW = {"group": str, "consumerId": str, "groupInstanceId": Maybe(str), "host": str, "clientId": str,
              "partitions": int, "currentEpoch": Maybe(int), "currentAssignment": ASSIGNMENT,
              "targetEpoch": Maybe(int), "targetAssignment": ASSIGNMENT, "upgraded": Maybe(bool)}
STATE_ROW = {"group": str, "coordinator": str, "coordinatorId": int, "assignmentStrategy": Maybe(str), "state": str,
             "groupEpoch": Maybe(int), "targetAssignmentEpoch": Maybe(int), "members": int}
TOPIC_ROW = {"topic": str, "topicId": str, "partitionCount": int, "replicationFactor": int, "configs": dict}
PARTITION_ROW = {"topic": str, "partition": int, "leader": Maybe(int), "replicas": [int], "isr": [int],
                 "elr": Maybe([int]), "lastKnownElr": Maybe([int]), "adding": [int], "removing": [int]}
CONFIG_ROW = {"entityType": str, "entityName": Maybe(str), "name": str, "value": Maybe(str), "sensitive": bool,
              "source": str, "synonyms": [{"source": str, "name": str, "value": Maybe(str)}]}
VOTER = {"id": int, "directoryId": Maybe(str), "endpoints": [str]}
API_ROW = {"id": int, "api": Maybe(str), "key": int, "minVersion": Maybe(int), "maxVersion": Maybe(int),
           "usableVersion": Maybe(int)}
NODE_ROW = {"id": int, "host": str, "port": int, "rack": Maybe(str), "isFenced": bool, "error": Maybe(str)}
TRANSACTION_ROW = {"coordinatorId": int, "transactionalId": str, "producerId": int, "producerEpoch": int,
                   "transactionState": str, "transactionTimeoutMs": int, "currentTransactionStartTimeMs": Maybe(int),
                   "transactionDurationMs": Maybe(int), "topicPartitions": [{"topic": str, "partition": int}]}

# The call, what its JSON is, and how many rows of each array there are at least.
CALLS = (
    ((TOPICS, "--list"), {"topics": [{"topic": str}]}, 2),
    ((TOPICS, "--describe", "--topic", "orders"), {"topics": [TOPIC_ROW], "partitions": [PARTITION_ROW]}, 1),
    ((TOPICS, "--describe", "--topics-with-overrides"), {"topics": [TOPIC_ROW]}, 1),
    ((TOPICS, "--describe", "--unavailable-partitions"), {"partitions": [PARTITION_ROW]}, 0),
    ((GROUPS, "--list"), {"groups": [{"group": str, "type": str, "state": str}]}, 2),
    ((GROUPS, "--describe", "--all-groups"), {"offsets": [OFFSET_ROW]}, 3),
    ((GROUPS, "--describe", "--all-groups", "--members"), {"members": [MEMBER_ROW]}, 1),
    ((GROUPS, "--describe", "--all-groups", "--state", "--verbose"), {"groups": [STATE_ROW]}, 2),
    ((GROUPS, "--reset-offsets", "--group", "idle", "--all-topics", "--to-earliest", "--dry-run"),
     {"offsets": [{"group": str, "topic": str, "partition": int, "currentOffset": Maybe(int), "newOffset": int}]}, 1),
    (("kafka-groups.sh", "--list"), {"groups": [{"group": str, "type": str, "protocol": Maybe(str)}]}, 2),
    (("kafka-get-offsets.sh", "--topic", "orders"),
     {"offsets": [{"topic": str, "partition": int, "offset": int}]}, 2),
    (("kafka-configs.sh", "--describe", "--topic", "orders", "--all"), {"configs": [CONFIG_ROW]}, 10),
    (("kafka-configs.sh", "--describe", "--entity-type", "brokers"), {"configs": [CONFIG_ROW]}, 1),
    (("kafka-configs.sh", "--describe", "--broker-logger", "0"), {"configs": [CONFIG_ROW]}, 1),
    ((QUORUM, "describe", "--status"),
     {"clusterId": str, "leaderId": int, "leaderEpoch": int, "highWatermark": int, "maxFollowerLag": int,
      "maxFollowerLagTimeMs": Maybe(int), "currentVoters": [VOTER], "currentObservers": [VOTER]}, 0),
    ((QUORUM, "describe", "--replication"),
     {"nodes": [{"nodeId": int, "directoryId": Maybe(str), "logEndOffset": int, "lag": int,
                 "lastFetchTimestamp": Maybe(int), "lastCaughtUpTimestamp": Maybe(int), "status": str}]}, 2),
    ((CLUSTER, "cluster-id"), {"clusterId": str}, 0),
    ((CLUSTER, "list-endpoints"),
     {"endpoints": [{"id": int, "host": str, "port": int, "rack": Maybe(str), "state": str, "endpointType": str}]}, 2),
    ((CLUSTER, "api-versions"), {"nodes": [NODE_ROW], "apis": [API_ROW]}, 2),
    (("kafka-broker-api-versions.sh",), {"nodes": [NODE_ROW], "apis": [API_ROW]}, 2),
    (("kafka-features.sh", "describe"),
     {"features": [{"feature": str, "supportedMinVersion": int, "supportedMaxVersion": int,
                    "finalizedVersionLevel": int, "epoch": int}]}, 1),
    ((TRANSACTIONS, "list"),
     {"transactions": [{"transactionalId": str, "coordinator": int, "producerId": int, "transactionState": str}]}, 1),
    ((TRANSACTIONS, "describe", "--transactional-id", "copier"), {"transactions": [TRANSACTION_ROW]}, 1),
    ((TRANSACTIONS, "describe-producers", "--topic", "orders", "--partition", "0"),
     {"producers": [{"producerId": int, "producerEpoch": int, "latestCoordinatorEpoch": Maybe(int),
                     "lastSequence": Maybe(int), "lastTimestamp": Maybe(int),
                     "currentTransactionStartOffset": Maybe(int)}]}, 1),
    ((TRANSACTIONS, "find-hanging", "--topic", "orders"),
     {"transactions": [{"topic": str, "partition": int, "producerId": int, "producerEpoch": int,
                        "coordinatorEpoch": int, "startOffset": int, "lastTimestamp": int,
                        "durationMinutes": int}]}, 0),
    (("kafka-log-dirs.sh", "--describe", "--topic-list", "orders"),
     {"version": int, "brokers": [{"broker": int, "logDirs": [
         {"logDir": str, "error": Maybe(str),
          "partitions": [{"partition": str, "size": int, "offsetLag": int, "isFuture": bool}]}]}]}, 1),
    (("kafka-leader-election.sh", "--election-type", "preferred", "--topic", "orders", "--partition", "0"),
     {"partitions": [{"topic": str, "partition": int, "election": str, "error": Maybe(str)}]}, 1),
    (("kafka-client-metrics.sh", "--list"), {"clientMetrics": [{"name": str}]}, 1),
    (("kafka-client-metrics.sh", "--describe"), {"clientMetrics": [{"name": str, "configs": dict}]}, 1),
    (("millrace", "balance", "--plan"),
     {"brokers": [{"broker": int, "replicas": int, "replicasAfter": int, "leaders": int, "leadersAfter": int,
                   "bytes": int, "bytesAfter": int}],
      "partitions": [{"topic": str, "partition": int, "replicas": [int], "target": [int], "bytes": int,
                      "underWay": bool}]}, 0),
    (("kafka-reassign-partitions.sh", "--list"),
     {"reassignments": [{"topic": str, "partition": int, "replicas": [int], "adding": [int], "removing": [int]}]}, 0),
)


def fits(value, kind, where):
    if isinstance(kind, Maybe):
        return value is None or fits(value, kind.kind, where)
    if isinstance(kind, dict):
        check_equal(list(value), list(kind), f"the names of {where}")
        return all(fits(value[name], kind[name], f"{where}.{name}") for name in kind)
    if isinstance(kind, list):
        check(isinstance(value, list), f"{where} is {value!r}")
        return all(fits(row, kind[0], f"{where}[]") for row in value)
    check(type(value) is kind, f"{where} is {value!r}, not of type {kind.__name__}")
    return True


def title(name):
    return re.sub("([A-Z])", r"-\1", name).upper()


def check_table(text, answer, kind):
    """A table for each array, with the titles and rows of the JSON; of single values one for all."""
    tables = text.rstrip("\n").split("\n\n")
    arrays = {name: rows for name, rows in answer.items() if isinstance(kind[name], list)
              and not any(not isinstance(k, list) for k in kind.values())}
    check_equal(len(tables), max(1, len(arrays)), f"the number of tables in {text!r}")
    if not arrays:
        check_equal([line.split()[0] for line in tables[0].splitlines()], ["FIELD", *map(title, answer)], "the fields")
        return
    for table, (name, rows) in zip(tables, arrays.items()):
        lines = table.splitlines()
        check_equal(len(lines) - 1, len(rows), f"the number of rows of {name}")
        titles = lines[0].split()
        check_equal(titles, [one for one in map(title, kind[name][0]) if one in titles], f"the titles of {name}")


def fill(cluster):
    cluster.create_topic("orders", partitions=2, replicas=2, retention_ms=86400000)
    cluster.create_topic("other")
    server = {"bootstrap.servers": cluster.bootstrap}
    producer = Producer({**server, "transactional.id": "copier"})
    producer.init_transactions(60)
    producer.begin_transaction()
    for n in range(20):
        producer.produce("orders", str(n), partition=n % 2)
    producer.commit_transaction(60)
    client = Consumer({**server, "group.id": "idle"})
    client.commit(offsets=[TopicPartition("other", 0, 0)], asynchronous=False)
    client.close()
    tool("kafka-configs.sh", "--bootstrap-server", cluster.bootstrap, "--alter", "--broker-defaults",
         "--add-config", "log.retention.ms=123456")
    tool("kafka-client-metrics.sh", "--bootstrap-server", cluster.bootstrap, "--alter", "--name", "all",
         "--interval", "60000", "--metrics", "*")


@test("JSON and tables of every tool that prints data")
def forms():
    with Cluster(2) as cluster:
        fill(cluster)
        with LiveMember(cluster, "live", "orders", 2, group_instance_id="one") as member:
            member.commit({0: 3})
            for call, kind, rows in CALLS:
                done = tool(*call, "--bootstrap-server", cluster.bootstrap, "--format", "json")
                check_equal(len(done.stdout.splitlines()), 1, f"the number of lines of {call}")
                answer = json.loads(done.stdout)
                fits(answer, kind, " ".join(call))
                for name, one in kind.items():
                    if isinstance(one, list) and one[0] is not VOTER:
                        check(len(answer[name]) >= rows, f"{name} of {call}: {len(answer[name])} rows")
                text = tool(*call, "--bootstrap-server", cluster.bootstrap, "--format", "table").stdout
                if call[0] != "kafka-log-dirs.sh":  # its JSON is Kafka's
                    check_table(text, answer, kind)
                note(f"{' '.join(call)}: {text.splitlines()[0]}")
            check_values(cluster)


def check_values(cluster):
    """The values are those of Kafka's text."""
    def ask(*call):
        return json.loads(tool(*call, "--bootstrap-server", cluster.bootstrap, "--format", "json").stdout)
    rows = {(r["group"], r["topic"], r["partition"]): r for r in ask(GROUPS, "--describe", "--all-groups")["offsets"]}
    row = rows["live", "orders", 0]
    check_equal((row["currentOffset"], row["logEndOffset"] - row["lag"], row["host"]), (3, 3, "/127.0.0.1"), "live")
    check_equal(rows["idle", "other", 0]["consumerId"], None, "nobody reads it")
    (topic,) = ask(TOPICS, "--describe", "--topics-with-overrides", "--topic", "orders")["topics"]
    check_equal((topic["topic"], topic["configs"]), ("orders", {"retention.ms": "86400000"}), "the settings of orders")
    (member,) = [row for row in ask(GROUPS, "--describe", "--group", "live", "--members")["members"]]
    check_equal((member["groupInstanceId"], member["currentAssignment"]),
                ("one", [{"topic": "orders", "partitions": [0, 1]}]), "the member")
    defaults = [row for row in ask("kafka-configs.sh", "--describe", "--entity-type", "brokers")["configs"]
                if row["source"] == "DYNAMIC_DEFAULT_BROKER_CONFIG"]
    check_equal([(row["entityName"], row["name"], row["value"]) for row in defaults],
                [(None, "log.retention.ms", "123456")], "the default of all brokers")


@test("what measures prints its results, and remarks go to stderr")
def measures():
    rate, count = Maybe(float), 60
    latencies = {"avgLatencyMs": rate, "maxLatencyMs": int, "p50LatencyMs": int, "p95LatencyMs": int,
                 "p99LatencyMs": int, "p999LatencyMs": int}
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        for call, kind in (
                (("kafka-producer-perf-test.sh", "--throughput", "-1", "--record-size", "10", "--warmup-records", "20"),
                 {"results": [{"phase": str, "records": int, "bytes": int, "durationMs": int, "recordsPerSec": rate,
                               "mbPerSec": rate, **latencies}]}),
                (("kafka-consumer-perf-test.sh", "--show-detailed-stats"),
                 {"startTime": int, "endTime": int, "records": int, "bytes": int, "recordsPerSec": rate,
                  "mbPerSec": rate, "rebalanceMs": int, "fetchMs": int, "fetchRecordsPerSec": rate,
                  "fetchMbPerSec": rate}),
                (("kafka-e2e-latency.sh", "--producer-acks", "1", "--record-size", "10"),
                 {"records": int, "avgLatencyMs": rate, "p50LatencyMs": int, "p99LatencyMs": int,
                  "p999LatencyMs": int})):
            arguments = (*call, "--topic", "t", "--num-records", str(count), "--bootstrap-server", cluster.bootstrap)
            answer = json.loads(tool(*arguments, "--format", "json").stdout)
            fits(answer, kind, call[0])
            rows = answer.get("results", [answer])
            check_equal([row["records"] for row in rows], [count, count - 20][:len(rows)], f"the records of {call}")
            check_table(tool(*arguments, "--format", "table").stdout, answer, kind)


@test("what goes wrong is told on stderr, and ends as it does without --format")
def errors():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        form = ("--format", "json")
        for call, status, words in (
                ((TOPICS, "--describe", "--topic", "absent"), 1, "Topic 'absent' does not exist as expected"),
                (("kafka-configs.sh", "--describe", "--topic", "absent"), 0, "doesn't exist and doesn't have"),
                ((GROUPS, "--describe", "--group", "absent"), 0, "Consumer group 'absent' does not exist"),
                ((GROUPS, "--delete-offsets", "--group", "absent", "--topic", "t"), 0, "Error: "),
                (("kafka-get-offsets.sh", "--topic", "absent"), 1, "no topic and partition"),
                ((TRANSACTIONS, "describe", "--transactional-id", "absent"), 1, "absent")):
            done = tool(*call, *form, "--bootstrap-server", cluster.bootstrap, check_status=False)
            check_equal(done.returncode, status, f"the status of {call}")
            check(words in done.stderr, f"{call} says {done.stderr!r}")
            check(not done.stdout or json.loads(done.stdout), f"stdout of {call} is {done.stdout!r}")
        for call in ((TOPICS, "--list"), (GROUPS, "--list"), ("kafka-features.sh", "describe"), ("kafka-log-dirs.sh",
                     "--describe"), ("kafka-broker-api-versions.sh",)):
            misuse(cluster, *call, "--format", "xml", words=["--format xml: write json or table"])
        for call in ((TOPICS, "--create", "--topic", "u"), (GROUPS, "--delete", "--group", "g"),
                     ("kafka-features.sh", "upgrade", "--feature", "a=1"), (CLUSTER, "unregister", "--id", "7"),
                     ("kafka-configs.sh", "--alter", "--topic", "t", "--add-config", "a=b"),
                     (TRANSACTIONS, "forceTerminateTransaction", "--transactionalId", "x"),
                     (QUORUM, "add-controller"), (GROUPS, "--reset-offsets", "--group", "g", "--all-topics",
                                                  "--to-latest", "--export")):
            misuse(cluster, *call, *form, words=["--format"])


@test("kafka-storage and kafka-replica-verification")
def others():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        text = tool("kafka-storage.sh", "random-uuid", "--format", "json").stdout
        fits(json.loads(text), {"uuid": str}, "random-uuid")
        path = os.path.join(cluster.directory, "new.properties")
        with open(path, "w") as file:
            file.write(f"node.id=1\nlog.dirs={cluster.directory}/new,{cluster.directory}/absent\n")
        os.mkdir(f"{cluster.directory}/new")
        told = {"directories": [{"directory": str}], "problems": [{"directory": str, "problem": str}],
                "clusterId": Maybe(str), "directoryId": Maybe(str), "nodeId": Maybe(int), "version": Maybe(int)}
        for status in (1, 0):
            done = tool("kafka-storage.sh", "info", "-c", path, "--format", "json", check_status=False)
            check_equal(done.returncode, status, "the status of info")
            answer = json.loads(done.stdout)
            fits(answer, told, "info")
            check_equal((len(answer["directories"]), len(answer["problems"]), answer["clusterId"]),
                        (1, 2, None) if status else (2, 0, "MkU3OEVBNTcwNTJENDM2Qg"), "what was found")
            tool("kafka-storage.sh", "format", "-g", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", path)
        child = spawn(["kafka-replica-verification.sh", "--broker-list", cluster.bootstrap, "--report-interval-ms", "1",
                       "--format", "json"], executable=MILLRACE, stdout=subprocess.PIPE, text=True)
        try:
            fits(json.loads(child.stdout.readline()), {"time": int, "event": str}, "the start")
            line = json.loads(child.stdout.readline())
            fits(line, {"time": int, "event": str, "topic": str, "partition": int, "offset": int, "maxLag": int,
                        "partitions": int}, "a report")
            check_equal((line["event"], line["topic"], line["maxLag"]), ("maxLag", "t", 0), "the report")
        finally:
            child.kill()
            child.communicate()


tap.run()
