#!/usr/bin/env python3
"""The tools that administer a cluster: records deleted, leaders elected, what lies in the log
directories; in Kafka's form, as JSON and as a table."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import glob
import json
import re
import struct
import subprocess
import tempfile
import threading

import tap
from batches import batch, crc32c, record
from cluster import Cluster
from node import spawn
from tap import check, check_equal, test
from tool import MILLRACE, misuse, says, tool
from wait import wait_until

DEADLINE_S = 120
VERIFY = "kafka-replica-verification.sh"
PRODUCER, OFFSETS = "kafka-console-producer.sh", "kafka-get-offsets.sh"
FEATURES, TRANSACTIONS = "kafka-features.sh", "kafka-transactions.sh"
DELETE, ELECT, DIRS = "kafka-delete-records.sh", "kafka-leader-election.sh", "kafka-log-dirs.sh"


def write(cluster, text, name="partitions.json"):
    path = os.path.join(cluster.directory, name)
    with open(path, "w") as file:
        file.write(text if isinstance(text, str) else json.dumps(text))
    return path


def partitions(*items):
    keys = ("topic", "partition", "offset")
    return {"version": 1, "partitions": [dict(zip(keys, item)) for item in items]}


def produce(cluster, topic, count):
    says(cluster, PRODUCER, "--topic", topic, "--sync", stdin="x\n" * count)


@test("kafka-delete-records: what is below an offset, all, what can't be")
def delete_records():
    with Cluster(3) as cluster:
        for topic in ("a", "b"):
            cluster.create_topic(topic, replicas=3)
            produce(cluster, topic, 5)
        path = write(cluster, partitions(("b", 0, -1), ("a", 0, 3)))
        progress = "Executing records delete operation\nRecords delete operation completed:\n"
        says(cluster, DELETE, "--offset-json-file", path,
             out=f"{progress}partition: a-0\tlow_watermark: 3\npartition: b-0\tlow_watermark: 5\n")
        says(cluster, OFFSETS, "--time", "earliest", out="a:0:3\nb:0:5\n")
        path = write(cluster, partitions(("a", 0, 9), ("a", 7, 0), ("absent", 0, 0)))
        says(cluster, DELETE, "--offset-json-file", path,
             out=f"{progress}partition: a-0\terror: offset out of range (OFFSET_OUT_OF_RANGE)\n" + "".join(
                 f"partition: {name}\terror: unknown topic or partition (UNKNOWN_TOPIC_OR_PARTITION)\n"
                 for name in ("a-7", "absent-0")))
        path = write(cluster, partitions(("a", 0, 4), ("a", 7, 0)))
        done = says(cluster, DELETE, "--offset-json-file", path, "--format", "json", out=re.compile("^{"))
        check_equal(json.loads(done.stdout), {"partitions": [
            {"topic": "a", "partition": 0, "lowWatermark": 4, "error": None},
            {"topic": "a", "partition": 7, "lowWatermark": None, "error": "UNKNOWN_TOPIC_OR_PARTITION"}]}, "JSON")
        says(cluster, DELETE, "--offset-json-file", path, "--format", "table", out=re.compile(
            "^TOPIC PARTITION LOW-WATERMARK ERROR *\na     0         4             - *\na     7 "))
        says(cluster, DELETE, "--offset-json-file", write(cluster, '{"partitions":[]}'), out=progress)


@test("files of partitions that can't be used")
def bad_files():
    with Cluster(1) as cluster:
        misuse(cluster, DELETE, words=["--offset-json-file FILE"])
        for text, words in (
                ('{"version":2,"partitions":[]}', ["the only version of such files is 1"]),
                ('[]', ['write {"partitions":[{"topic":"NAME"']),
                ('{"partitions":[{"topic":"t","partition":0}]}', ['"offset":0}]}']),
                ('{"partitions":[{"topic":"t","partition":0,"offset":-2}]}', ['"offset":0}]}']),
                ('{"partitions":[{"topic":"t","partition":0.5,"offset":1}]}', ['"offset":0}]}']),
                ('{"partitions":[{"topic":7,"partition":0,"offset":1}]}', ['"offset":0}]}']),
                (partitions(("t", 0, 1), ("t", 1, 1), ("t", 0, 2)), ["t-0 is there twice"])):
            misuse(cluster, DELETE, "--offset-json-file", write(cluster, text), words=words)
        misuse(cluster, ELECT, "--election-type", "preferred", "--path-to-json-file",
               write(cluster, '{"partitions":[{"topic":"t"}]}'), words=['"partition":0}]}'])
        for path, words in (("/absent", "it can't be read .No such file"), ("/", "is no JSON|can't be read"),
                            (write(cluster, '{"partitions":\n ['), "line 2, column 2: this is no JSON")):
            says(cluster, DELETE, "--offset-json-file", path, status=1, err=re.compile(f"{path}.*({words})"))
        misuse(cluster, DELETE, "--offset-json-file", write(cluster, partitions()), "--format", "xml",
               words=["--format xml", "json or table"])


def elect(cluster, *arguments, **wanted):
    return says(cluster, ELECT, *arguments, **wanted)


@test("kafka-leader-election: the first replica leads again, unless it is down")
def leader_election():
    with Cluster(3, auto_leader_rebalance_enable="false") as cluster:
        says(cluster, "kafka-topics.sh", "--create", "--topic", "t", "--replica-assignment", "2:0,0:2,1:0",
             out="Created topic t.\n")
        cluster.wait_isr_whole("t")
        preferred = ("--election-type", "PREFERRED")
        one = ("--topic", "t", "--partition", "0")
        elect(cluster, *preferred, *one, out="Valid replica already elected for partitions t-0\n")
        cluster.nodes[2].kill()
        wait_until(lambda: cluster.partition("t")[0] == 0, DEADLINE_S, "another replica leads")
        elect(cluster, *preferred, *one, status=1, out=re.compile(
            r"^Error completing leader election \(PREFERRED\) for partition: t-0: .*PREFERRED_LEADER_NOT_AVAILABLE"),
            err=f"{ELECT}: 1 replica(s) could not be elected\n")
        cluster.nodes[2].start()
        cluster.wait_isr_whole("t")
        path = write(cluster, partitions(("t", 1), ("t", 0)))
        elect(cluster, *preferred, "--path-to-json-file", path,
              out="Successfully completed leader election (PREFERRED) for partitions t-0\n"
                  "Valid replica already elected for partitions t-1\n")
        check_equal(cluster.leader("t"), cluster.nodes[2], "the leader of t-0")
        elect(cluster, *preferred, "--all-topic-partitions")
        done = elect(cluster, "--election-type", "unclean", "--path-to-json-file",
                     write(cluster, partitions(("t", 0), ("t", 9))), "--format", "json", status=1,
                     out=re.compile("^{"), err=f"{ELECT}: 1 replica(s) could not be elected\n")
        check_equal(json.loads(done.stdout), {"partitions": [
            {"topic": "t", "partition": 0, "election": "not needed", "error": None},
            {"topic": "t", "partition": 9, "election": "failed", "error": "UNKNOWN_TOPIC_OR_PARTITION"}]}, "JSON")
        elect(cluster, *preferred, *one, "--format", "table", out=re.compile(
            "^TOPIC PARTITION ELECTION   ERROR *\nt     0         not needed - *\n$"))
        elect(cluster, *preferred, "--path-to-json-file", write(cluster, partitions()))


@test("kafka-leader-election: unclean, where the last replica in sync is gone")
def unclean_election():
    with Cluster(3) as cluster:
        says(cluster, "kafka-topics.sh", "--create", "--topic", "t", "--replica-assignment", "2:0",
             "--config", "min.insync.replicas=1", out="Created topic t.\n")
        cluster.wait_isr_whole("t")
        cluster.nodes[0].kill()
        wait_until(lambda: cluster.partition("t")[2] == [2], DEADLINE_S, "the follower is out of sync")
        cluster.nodes[2].kill()
        cluster.nodes[0].start()
        wait_until(lambda: cluster.partition("t", at=cluster.nodes[1])[0] < 0, DEADLINE_S, "nobody leads")
        def elected():
            done = tool(ELECT, "--bootstrap-server", cluster.nodes[1].address, "--election-type", "unclean",
                        "--topic", "t", "--partition", "0", check_status=False)
            return done.stdout == "Successfully completed leader election (UNCLEAN) for partitions t-0\n"
        wait_until(elected, DEADLINE_S, "the replica that is not in sync is elected")
        wait_until(lambda: cluster.partition("t", at=cluster.nodes[1])[0] == 0, DEADLINE_S, "it leads")
        cluster.nodes[2].start()
        cluster.wait_isr_whole("t")


@test("kafka-leader-election: options that are missing or contradict each other")
def election_options():
    with Cluster(1) as cluster:
        preferred = ("--election-type", "preferred")
        for arguments, words in (
                (("--all-topic-partitions",), ["--election-type preferred or unclean"]),
                (("--election-type", "foo", "--all-topic-partitions"), ["--election-type foo"]),
                (preferred, ["--topic", "--path-to-json-file", "--all-topic-partitions"]),
                ((*preferred, "--topic", "t"), ["--topic needs --partition"]),
                ((*preferred, "--topic", "t", "--partition", "x"), ["--partition x"]),
                ((*preferred, "--topic", "t", "--partition", "-1"), ["--partition -1"]),
                ((*preferred, "--partition", "1", "--all-topic-partitions"), ["--partition goes with --topic"]),
                ((*preferred, "--topic", "t", "--partition", "1", "--all-topic-partitions"), ["Give one of"])):
            misuse(cluster, ELECT, *arguments, words=words)


@test("kafka-log-dirs: Kafka's JSON, a table, brokers and topics by name")
def log_dirs():
    with Cluster(3) as cluster:
        cluster.create_topic("t", partitions=2, replicas=3)
        cluster.create_topic("u", replicas=3)
        produce(cluster, "u", 3)

        def open_everywhere():
            """Followers open a log when they hear of it, whatever its in-sync set says."""
            told = tool(DIRS, "--bootstrap-server", cluster.bootstrap, "--describe", "--format", "json").stdout
            return [len(b["logDirs"][0]["partitions"]) for b in json.loads(told)["brokers"]] == [3, 3, 3]
        wait_until(open_everywhere, DEADLINE_S, "every broker has three logs")
        progress = ("Querying brokers for log directories information\n"
                    "Received log directory information from brokers %s\n")
        done = says(cluster, DIRS, "--describe", out=re.compile("^" + progress % "0,1,2" + "{.*}\n$"))
        answer = json.loads(done.stdout.splitlines()[2])
        check_equal((answer["version"], [b["broker"] for b in answer["brokers"]]), (1, [0, 1, 2]), "the brokers")
        for broker in answer["brokers"]:
            (only,) = broker["logDirs"]
            check_equal((only["logDir"], only["error"]), (cluster.nodes[broker["broker"]].log_dir, None),
                        "the directory")
            rows = {row.pop("partition"): row for row in only["partitions"]}
            check_equal(sorted(rows), ["t-0", "t-1", "u-0"], "the partitions")
            check_equal(rows["t-0"], {"size": 0, "offsetLag": 0, "isFuture": False}, "an empty partition")
            check(rows["u-0"]["size"] > 0, f"the size of u-0: {rows['u-0']}")
        done = says(cluster, DIRS, "--describe", "--broker-list", "2,0,2", "--topic-list", "u,absent",
                    out=re.compile("^" + progress % "0,2"))
        answer = json.loads(done.stdout.splitlines()[2])
        check_equal([[row["partition"] for row in b["logDirs"][0]["partitions"]] for b in answer["brokers"]],
                    [["u-0"], ["u-0"]], "the partitions of u on 0 and 2")
        done = says(cluster, DIRS, "--describe", "--broker-list", "1", "--format", "json", out=re.compile("^{"))
        check_equal([b["broker"] for b in json.loads(done.stdout)["brokers"]], [1], "JSON alone")
        says(cluster, DIRS, "--describe", "--topic-list", "u", "--format", "table", out=re.compile(
            r"^BROKER LOG-DIR +PARTITION SIZE +OFFSET-LAG FUTURE ERROR *\n(\d +/\S+ +u-0 +\d+ +0 +false +- *\n){3}$"))
        says(cluster, DIRS, "--describe", "--topic-list", "absent", "--broker-list", "1", "--format", "table",
             out=re.compile(r"\n1 +/\S+( +-){5} *\n$"))
        says(cluster, DIRS, "--describe", "--broker-list", "0,7", status=1, err=f"{DIRS}: ERROR: The given "
             "brokers do not exist from --broker-list: 7. Current existent brokers: 0,1,2\n")
        misuse(cluster, DIRS, "--describe", "--broker-list", "x", words=["--broker-list x"])
        misuse(cluster, DIRS, words=["Give --describe"])


ELIGIBLE = "eligible.leader.replicas.version"


def check_mapping(cluster):
    def levels(*arguments):
        text = says(cluster, FEATURES, "version-mapping", *arguments, out=re.compile("group.version=")).stdout
        return {name: int(level) for name, level in (line.split("=") for line in text.splitlines())}
    newest = levels()
    check_equal(set(levels("-r", "3.9").values()), {0}, "what a cluster of 3.9 has")
    check_equal(levels("-r", "4.0-IV1"), {**dict.fromkeys(newest, 0), "group.version": 1}, "before 4.0 was whole")
    check_equal(levels("-r", "4.0"), {**newest, ELIGIBLE: 0}, "what a cluster of 4.0 has")
    check_equal(levels("-r", "4.1"), newest, "what a cluster of 4.1 has")
    says(cluster, FEATURES, "feature-dependencies", "--feature", "group.version=1", "--feature", "group.version=0",
         out="group.version=1 has no dependencies.\ngroup.version=0 has no dependencies.\n")
    says(cluster, FEATURES, "feature-dependencies", "--feature", "nonsense=1", status=1,
         err=re.compile("Unknown feature: nonsense"))
    misuse(cluster, FEATURES, "feature-dependencies", words=["needs --feature NAME=LEVEL"])
    misuse(cluster, FEATURES, "feature-dependencies", "--feature", "a", words=["write NAME=LEVEL"])
    misuse(cluster, FEATURES, "describe", "--release-version", "4.0", words=["does not go with describe"])


def change_release(cluster, told):
    says(cluster, FEATURES, "downgrade", "--unsafe", "--release-version", "3.9", out=re.compile(
        f"^{ELIGIBLE} was downgraded to 0.\ngroup.version was downgraded to 0.\n"
        "transaction.version was downgraded to 0.\n$"))
    says(cluster, FEATURES, "describe", out=told(0, 0))
    says(cluster, FEATURES, "upgrade", "--release-version", "4.0-IV0", out=re.compile(
        f"^{ELIGIBLE} was upgraded to 0.\ngroup.version was upgraded to 1.\n"
        "transaction.version was upgraded to 0.\n$"))
    says(cluster, FEATURES, "describe", out=told(1, 0))


def change_features(cluster, told):
    says(cluster, FEATURES, "upgrade", "--feature", "group.version=1", out="group.version was upgraded to 1.\n")
    says(cluster, FEATURES, "disable", "--feature", "group.version", "--dry-run",
         out="group.version can be disabled.\n")
    says(cluster, FEATURES, "describe", out=told(1))
    says(cluster, FEATURES, "disable", "--feature", "group.version", out="group.version was disabled.\n")
    says(cluster, FEATURES, "describe", out=told(0))
    cluster.kill_all()
    cluster.start()
    says(cluster, FEATURES, "describe", out=told(0))
    says(cluster, FEATURES, "upgrade", "--feature", "group.version=1", "--feature", "transaction.version=2",
         out="group.version was upgraded to 1.\ntransaction.version was upgraded to 2.\n")
    says(cluster, FEATURES, "downgrade", "--feature", "transaction.version=1",
         out="transaction.version was downgraded to 1.\n")
    cluster.kill_all()
    cluster.start()
    says(cluster, FEATURES, "describe", out=told(1, 1))
    says(cluster, FEATURES, "downgrade", "--unsafe", "--feature", "transaction.version=0",
         out="transaction.version was downgraded to 0.\n")
    says(cluster, FEATURES, "describe", out=told(1, 0))
    says(cluster, FEATURES, "upgrade", "--feature", "transaction.version=2",
         out="transaction.version was upgraded to 2.\n")
    says(cluster, FEATURES, "describe", out=told(1, 2))
    says(cluster, FEATURES, "upgrade", "--feature", "group.version=9", status=1,
         out=re.compile("^Could not upgrade group.version to 9. The update failed for all features since .* "
                        r"only supports versions 0-1 \(INVALID_UPDATE_VERSION\)\n$"),
         err=re.compile("1 out of 1 operation.s. failed"))
    says(cluster, FEATURES, "upgrade", "--feature", "nonsense=1", status=1,
         out=re.compile("does not support this feature"), err=re.compile("1 out of 1"))


@test("kafka-features and kafka-transactions: what is there, and what is not")
def features():
    with Cluster(2) as cluster:
        def told(group, transaction=2):
            levels = [(ELIGIBLE, 1, 0), ("group.version", 1, group)] + (
                [("transaction.version", 2, transaction)] if whole else [])
            return re.compile("^" + "".join(
                rf"Feature: {name}\tSupportedMinVersion: 0\tSupportedMaxVersion: {most}\t"
                rf"FinalizedVersionLevel: {level}\tEpoch: \d+\n" for name, most, level in levels) + "$")
        apis = tool("kafka-broker-api-versions.sh", "--bootstrap-server", cluster.bootstrap).stdout
        whole = "UpdateFeatures(57): UNSUPPORTED" not in apis
        says(cluster, FEATURES, "describe", out=told(1))
        says(cluster, FEATURES, "describe", "--node-id", "1", out=told(1))
        says(cluster, FEATURES, "describe", "--node-id", "7", status=1, err=re.compile("7"))
        misuse(cluster, FEATURES, words=["the commands are describe, upgrade"])
        misuse(cluster, FEATURES, "nonsense", words=["nonsense is none of them"])
        misuse(cluster, FEATURES, "describe", "--dry-run", words=["--dry-run does not go with describe"])
        if whole:
            change_features(cluster, told)
            change_release(cluster, told)
        else:
            says(cluster, FEATURES, "upgrade", "--feature", "group.version=1", status=1,
                 err=re.compile("UpdateFeatures"))
        misuse(cluster, FEATURES, "upgrade", words=["upgrade needs --feature NAME=VERSION"])
        misuse(cluster, FEATURES, "upgrade", "--feature", "group.version", words=["Can't parse feature=level"])
        misuse(cluster, FEATURES, "upgrade", "--feature", "a=1", "--feature", "a=2", words=["multiple times"])
        misuse(cluster, FEATURES, "disable", "--feature", "a=1", words=["without a version"])
        misuse(cluster, FEATURES, "upgrade", "--unsafe", "--feature", "a=1", words=["--unsafe does not go"])
        says(cluster, FEATURES, "upgrade", "--metadata", "4.0", status=1, err=re.compile("has one form here"))
        misuse(cluster, FEATURES, "upgrade", "--release-version", "4.0", "--feature", "group.version=1",
               words=["Can not specify `release-version` with other feature flags."])
        says(cluster, FEATURES, "upgrade", "--release-version", "4.", status=1,
             err=re.compile("Unknown release version '4.'. Supported versions are: 3.3-IV3 to 4"))
        check_mapping(cluster)
        cluster.create_topic("t", replicas=2)
        says(cluster, PRODUCER, "--topic", "t", "--producer-property", "enable.idempotence=true", stdin="x\n" * 3)
        name = (TRANSACTIONS, "describe-producers", "--topic", "t")
        titles = r"ProducerId\tProducerEpoch\tLatestCoordinatorEpoch\tLastSequence\tLastTimestamp *\t" \
                 r"CurrentTransactionStartOffset\t\n"
        row = r"\d+ +\t0 +\t-1 +\t2 +\t\d{13}\tNone +\t\n"
        says(cluster, *name, "--partition", "0", out=re.compile(f"^{titles}{row}$"))
        other = next(node for node in cluster.nodes if node is not cluster.leader("t"))
        for node in (cluster.leader("t"), other):
            says(cluster, *name, "--partition", "0", "--broker-id", str(node.id), out=re.compile(f"^{titles}{row}$"))
        says(cluster, TRANSACTIONS, "find-hanging", "--broker-id", str(other.id), out=re.compile("^Topic\t.*\n$"))
        says(cluster, *name, "--partition", "9", status=1, err=re.compile("no partition t-9"))
        says(cluster, *name, "--partition", "0", "--broker-id", "7", status=1, err=re.compile("7"))
        misuse(cluster, *name, words=["--partition N"])
        misuse(cluster, *name, "--partition", "0", "--start-offset", "1", words=["--start-offset does not go"])
        misuse(cluster, TRANSACTIONS, "nonsense", words=["nonsense is none of them: the commands are list, describe"])
        misuse(cluster, TRANSACTIONS, words=["which command?"])
        misuse(cluster, TRANSACTIONS, "describe", words=["--transactional-id ID"])
        misuse(cluster, TRANSACTIONS, "list", "--topic", "t", words=["--topic does not go with list"])
        misuse(cluster, TRANSACTIONS, "forceTerminateTransaction", words=["--transactionalId ID"])
        misuse(cluster, TRANSACTIONS, "find-hanging", words=["requires either --topic or --broker-id"])
        misuse(cluster, TRANSACTIONS, "find-hanging", "--broker-id", "0", "--partition", "1", words=["--topic NAME"])
        abort = (TRANSACTIONS, "abort", "--topic", "t", "--partition", "0")
        misuse(cluster, *abort, words=["either --start-offset N, or"])
        misuse(cluster, *abort, "--start-offset", "1", "--producer-id", "5", words=["either --start-offset N, or"])
        says(cluster, *abort, "--start-offset", "5", status=1,
             err=re.compile("Could not find any open transactions starting at offset 5 in partition t-0"))


def lines_of(child):
    """Reads the child's lines on demand; ends it, at the latest at the deadline."""
    guard = threading.Timer(DEADLINE_S, child.kill)
    guard.start()
    try:
        for line in child.stdout:
            yield line
    finally:
        guard.cancel()
        child.kill()
        child.wait()
        child.stdout.close()


def verify(cluster, *arguments):
    return lines_of(spawn([VERIFY, "--broker-list", cluster.nodes[0].address, "--max-wait-ms", "10",
                           "--report-interval-ms", "1", *arguments], executable=MILLRACE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))


def first(lines, pattern):
    found = next((line for line in lines if re.search(pattern, line)), None)
    check(found, f"no line has {pattern}")
    return found


@test("kafka-replica-verification: replicas that are alike, one that lags, one that differs")
def replica_verification():
    with Cluster(3) as cluster:
        for topic in ("t", "u"):
            cluster.create_topic(topic, replicas=3)
            produce(cluster, topic, 5)
        begin = ("--time", "-2", "--topics-include", "t|u")
        lines = verify(cluster, *begin)
        check(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: verification process is started.\n$", next(lines)),
              "the first line")
        first(lines, r": max lag is 0 for partition [tu]-0 at offset 5 among 2 partitions\n$")
        lines.close()
        lines = verify(cluster)
        next(lines)
        produce(cluster, "t", 2)
        first(lines, r": max lag is 0 for partition \w-0 at offset [57] among 2 partitions\n$")
        cluster.nodes[2].kill()
        first(lines, r"broker 2 is left out while it does not answer: ")
        cluster.nodes[2].start()
        cluster.wait_isr_whole("t")
        lines.close()
        cluster.stop()
        (path,) = glob.glob(os.path.join(cluster.nodes[1].log_dir, "u-0", "*.log"))
        with open(path, "r+b") as file:
            file.seek(17)  # the checksum of the first batch
            file.write(b"\0\0\0\0")
        cluster.start()
        cluster.wait_serving()
        lines = verify(cluster, *begin)
        first(lines, r": partition u-0 has unmatched checksum at offset 0; replica \d's checksum \d+; replica \d")
        lines.close()
        done = tool(VERIFY, "--broker-list", cluster.nodes[0].address, "--topics-include", "none", check_status=False)
        check(done.returncode == 1 and "--topics-include" in done.stderr, f"it says {done.stderr!r}")
        done = tool(VERIFY, "--broker-list", cluster.nodes[0].address, "--fetch-size", "0", check_status=False)
        check(done.returncode == 1 and "--fetch-size 0" in done.stderr, f"it says {done.stderr!r}")


@test("kafka-dump-log: transaction markers, aborted transactions, snapshots of producers")
def dump_transactions():
    def dump(name, data, *arguments, status=0):
        path = os.path.join(directory, "00000000000000000000" + name)
        with open(path, "wb") as file:
            file.write(data)
        done = tool("kafka-dump-log.sh", "--files", path, *arguments, check_status=False)
        check_equal(done.returncode, status, f"the status for {name}: {done.stderr!r}")
        return done.stdout.removeprefix(f"Dumping {path}\n"), done.stderr

    def entry(producer, sequence, offset, delta, txn):
        return struct.pack(">qhiqiqiq", producer, 3, sequence, offset, delta, 1234, 9, txn)

    def marker(commit):
        one = record(struct.pack(">hi", 0, 77), key=struct.pack(">hh", 0, commit))
        return batch(one, attributes=0x30, time_ms=5, producer_id=7, sequence=-1)

    with tempfile.TemporaryDirectory() as directory:
        told, _ = dump(".log", marker(0) + marker(1), "--deep-iteration")
        check("isTransactional: true isControl: true" in told, told)
        for kind in ("ABORT", "COMMIT"):
            check(f"headerKeys: [] endTxnMarker: {kind} coordinatorEpoch: 77\n" in told, told)
        index = struct.pack(">hqqqq", 0, 7, 10, 20, 11) + struct.pack(">hqqqq", 0, 8, 11, 30, 31)
        told, problem = dump(".txnindex", index)
        check_equal(told, "version: 0 producerId: 7 firstOffset: 10 lastOffset: 20 lastStableOffset: 11\n"
                          "version: 0 producerId: 8 firstOffset: 11 lastOffset: 30 lastStableOffset: 31\n", "entries")
        check_equal(problem, "", "stderr")
        check("not above the one before" in dump(".txnindex", index[34:] + index[:34])[1], "the order is wrong")
        check("34" in dump(".txnindex", index[:-1], status=1)[1], "half an entry")
        body = struct.pack(">i", 2) + entry(7, 5, 40, 2, -1) + entry(8, -1, -1, 0, 41)
        snapshot = struct.pack(">hI", 1, crc32c(body)) + body
        told, _ = dump(".snapshot", snapshot)
        head = "producerEpoch: 3 coordinatorEpoch: 9 currentTxnFirstOffset: OptionalLong"
        check_equal(told, f"producerId: 7 {head}.empty lastTimestamp: 1234 firstSequence: 3 lastSequence: 5 "
                          "lastOffset: 40 offsetDelta: 2 timestamp: 1234\n"
                          f"producerId: 8 {head}[41] lastTimestamp: 1234\n", "producers")
        check("damaged" in dump(".snapshot", snapshot[:-1] + b"x", status=1)[1], "a wrong checksum")


@test("tools whose job is not there say so, with what to do instead")
def missing():
    names = [f"kafka-{name}.sh" for name in (
        "acls", "delegation-tokens", "streams-groups",
        "share-groups", "preferred-replica-election", "run-class", "jmx", "mirror-maker")]
    names += [f"kafka-{name}.sh" for name in ("console-share-producer", "share-consumer-perf-test",
                                              "verifiable-share-consumer")]
    names += ["trogdor.sh", "zookeeper-shell.sh", "zookeeper-security-migration.sh"]
    names += [f"connect-{name}.sh" for name in ("standalone", "distributed", "mirror-maker", "plugin-path")]
    links = tool("millrace", "help", "links").stdout.split()
    usage = tool("millrace", "--help").stdout
    for name in names:
        for arguments in ((), ("--bootstrap-server", "localhost:9092", "--list"), ("worker.properties",)):
            done = tool(name, *arguments, check_status=False)
            check_equal((done.returncode, done.stdout, len(done.stderr.splitlines())), (1, "", 1),
                        f"status, stdout and the number of lines of {name}: {done.stderr!r}")
            check(re.match(rf"{name}: .{{20,}}: .{{20,}}\n$", done.stderr), f"{name} says {done.stderr!r}")
        check("It is not available: " in tool(name, "--help").stdout, f"the help of {name}")
        short = name.removesuffix(".sh").removeprefix("kafka-")
        check(name in links and re.search(rf"Not available[^$]* {short}\b", usage), f"{name} is not listed")


tap.run()
