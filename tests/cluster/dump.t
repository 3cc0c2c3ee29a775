#!/usr/bin/env python3
"""kafka-dump-log reads every file that a node leaves on its disk, says where a damaged one is damaged,
and tells the records of coordinators and controllers in words; kafka-metadata-shell shows the latter as a tree."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import json
import re
import signal

import tap
from cluster import Cluster
from tap import check, check_equal, test
from tool import says, tool

DUMP, SENDER, READER = "kafka-dump-log.sh", "kafka-verifiable-producer.sh", "kafka-verifiable-consumer.sh"
SHELL, SEGMENT = "kafka-metadata-shell.sh", "00000000000000000000"


def dump(path, *arguments, status=0):
    """What it prints behind the name of the file, and its sentence."""
    done = tool(DUMP, "--files", path, *arguments, check_status=False)
    check_equal(done.returncode, status, f"the status for {path}: {done.stdout[-500:]!r} {done.stderr!r}")
    check_equal(len(done.stderr.splitlines()), status, f"the sentences about {path}: {done.stderr!r}")
    check(not status or path in done.stderr, f"the sentence names the file: {done.stderr!r}")
    return done.stdout.removeprefix(f"Dumping {path}\n"), done.stderr


def fill(cluster):
    """Records, commits, a transaction, members; then the node stops, and leaves all of its files."""
    cluster.create_topic("t", partitions=1)
    says(cluster, SENDER, "--topic", "t", "--max-messages", "300", out=re.compile("."))
    says(cluster, READER, "--topic", "t", "--group-id", "g", "--max-messages", "300", out=re.compile("."))
    says(cluster, "kafka-producer-perf-test.sh", "--topic", "t", "--num-records", "3", "--throughput", "-1",
         "--record-size", "5", "--transactional-id", "mine", out=re.compile("3 records"))
    says(cluster, "kafka-delete-records.sh", "--offset-json-file", offsets(cluster), out=re.compile("low_watermark: 9"))
    node = cluster.nodes[0]
    node.signal(signal.SIGTERM)
    node.wait_exit()
    return node.log_dir


def offsets(cluster):
    path = os.path.join(cluster.directory, "offsets.json")
    with open(path, "w") as file:
        json.dump({"partitions": [{"topic": "t", "partition": 0, "offset": 9}]}, file)
    return path


def files_of(directory):
    for folder, _, names in os.walk(directory):
        if os.path.basename(folder) == ".replicas":
            yield folder
        else:
            yield from (os.path.join(folder, name) for name in names)


def find(directory, *parts, size=1):
    """The first file whose path below the directory has these parts, and that has so many bytes."""
    return next(path for path in sorted(files_of(directory))
                if all(part in path.removeprefix(os.path.dirname(directory)) for part in parts)
                and os.path.getsize(path) >= size)


def check_words(directory):
    """What the files say."""
    for parts, words in (
            (("meta.properties",), r"^version: 1\nnode.id: 0\n"),
            (("t-0/partition.metadata",), r"^version: 0\ntopic_id: [\w-]{22}\nincarnation: [\w-]{22}\n$"),
            (("t-0/leader-epoch-checkpoint",), r"^epoch: 0 startOffset: \d+\n$"),
            (("recovery-point-offset-checkpoint",), r"topic: t partition: 0 offset: 304 incarnation: [\w-]{22}\n"),
            (("replication-offset-checkpoint",), r"topic: t partition: 0 offset: 304 incarnation: "),
            (("log-start-offset-checkpoint",), r"topic: t partition: 0 offset: 9 incarnation: "),
            ((".metadata-index",), r"^index: \d+ term: 1\n$"),
            ((".served-epochs",), r"^brokerEpoch: \d+\n$"),
            ((".segments",), r"topic: t partition: 0 segments: \d+ bytes: \d+ checksum: \d+"),
            ((".kafka_cleanshutdown",), r'^{"version":0,'),
            ((".replicas",), r"^(replica: [\w-]{22}-\d+\n)+$"),
            (("/.lock",), "^held by the node"),
            (("controller/vote",), r"^A file of Millrace's .*\n(slot: [01] number: \d+ term: \d+ vote: \d+\n)+$"),
            (("controller/reached",), r"^A file of .*\nlogPosition: \d+\n$"),
            (("controller/log-",), r"kind: SEGMENT index: 1 .*\n.* kind: SERVERS index: 1 term: 1 [^$]*kind: COMMAND")):
        size = 0 if parts in (("/.lock",), (".replicas",)) else 1
        check(re.search(words, dump(find(directory, *parts, size=size))[0]), f"{parts} does not say {words}")
    log = find(directory, "controller/log-")
    told, _ = dump(log, "--cluster-metadata-decoder")
    records = [record for line in told.splitlines() if line.startswith("| {")
               for record in json.loads(line[2:])["records"]]
    check({"topic", "partition", "broker", "cluster"} <= {key for record in records for key in record},
          f"the records of the metadata: {records}")
    check(re.search(r'\| servers: \[\{"raftId":\d+,"server":"0@', told), "the members of the quorum")


@test("kafka-dump-log reads every file that a node leaves, and finds the place of damage")
def everything():
    with Cluster(1) as cluster:
        directory = fill(cluster)
        for path in files_of(directory):
            dump(path)
        check_words(directory)
        kinds = ("t-0/partition.metadata", "t-0/leader-epoch-checkpoint", "meta.properties", ".metadata-index",
                 ".served-epochs", ".segments", "recovery-point-offset-checkpoint", "controller/log-",
                 "controller/vote", "controller/reached", f"t-0/{SEGMENT}.log", ".snapshot")
        for part in kinds:
            path = find(directory, part, size=2)
            damage(path)
        check_damaged_text(cluster.directory)


def flip(whole):
    """A byte is another one, inside what a checksum covers."""
    at = min(40, len(whole) - 1)
    return whole[:at] + bytes([whole[at] ^ 0x5a]) + whole[at + 1:]


def damage(path):
    """Cut off, and with a byte that is another one: told with the place."""
    with open(path, "rb") as file:
        whole = file.read()
    text = not path.endswith((".log", ".snapshot")) and "controller" not in path
    for data in ([b"=" + whole] if text else [whole[:-9], flip(whole)]):
        with open(path, "wb") as file:
            file.write(data)
        if "controller/vote" in path:
            with open(path, "wb") as file:
                file.write(bytes(len(whole)))  # else the other slot counts
        _, sentence = dump(path, status=1)
        check(re.search(r"line \d+|position \d+|bytes|damaged", sentence), f"no place in {sentence!r}")
        with open(path, "wb") as file:
            file.write(whole)


def check_damaged_text(directory):
    for name, text, words in (
            ("cleaner-offset-checkpoint", "1\n0\n", "line 1: the file is damaged: it begins with version 0"),
            ("cleaner-offset-checkpoint", "0\n2\nt 0 5\n", "line 3: .* not as many lines as line 2 says"),
            ("cleaner-offset-checkpoint", "0\n1\nt 0\n", 'line 3: .*this is not "TOPIC PARTITION OFFSET"'),
            ("cleaner-offset-checkpoint", "0\n1\n@abc 0 0\n", "line 3: "),
            ("leader-epoch-checkpoint", "0\n1\n0 -7\n", "line 3: "),
            ("partition.metadata", "version: 0\ntopic_id: short\n", "line 2: "),
            (".segments", "t 0 1 100 7\n12345\n", "line 2: "),
            (".segments", "t 0 1 100 7\n", "the checksum at the end is missing"),
            (".segments", "t 0 1 100 7 8\n", "line 1: "),
            ("meta.properties", "node.id=1\n\0", "byte 10 is 0")):
        path = os.path.join(directory, name)
        with open(path, "w") as file:
            file.write(text)
        check(re.search(words, dump(path, status=1)[1]), f"the sentence about {text!r}: {dump(path, status=1)[1]}")
    for name, words in ((f"{SEGMENT[:-1]}7.truncated", "offset: 7 the log was cut"),
                        (f"{SEGMENT}.start", "offset: 0 what lay below"),
                        (f"{SEGMENT}.after-512", "the one before had 512 bytes"), ("replica.gaps", "compacted")):
        path = os.path.join(directory, name)
        with open(path, "w"):
            pass
        check(words in dump(path)[0], f"{name}: {dump(path)[0]!r}")
    path = os.path.join(directory, "something")
    check("it can't be read (No such file" in dump(path, status=1)[1], "a file that is not there")
    with open(path, "w"):
        pass
    check("no file that can be dumped" in dump(path, status=1)[1], "a file of no kind")


def objects(path, *arguments):
    """The rows of a file as JSON, by their type."""
    rows = {}
    for line in tool(DUMP, "--files", path, *arguments, "--format", "json").stdout.splitlines():
        row = json.loads(line)
        check_equal(row.pop("file"), path, "the file")
        rows.setdefault(row.pop("type"), []).append(row)
    return rows


BATCH = ("baseOffset lastOffset count baseSequence lastSequence producerId producerEpoch partitionLeaderEpoch "
         "isTransactional isControl deleteHorizonMs position timestampType timestamp size magic compresscodec crc "
         "isvalid").split()
RECORD = "offset timestampType timestamp keySize valueSize sequence headerKeys key payload".split()


@test("kafka-dump-log: the same as one JSON object a line, and as tables")
def formats():
    with Cluster(1) as cluster:
        directory = fill(cluster)
        log = find(directory, "t-0/", ".log")
        rows = objects(log, "--print-data-log")
        check_equal(list(rows), ["batch", "record"], "the types")
        check_equal(list(rows["batch"][0]), BATCH, "the names of a batch")
        check_equal(list(rows["record"][0]), RECORD, "the names of a record")
        first = rows["record"][0]
        check_equal((first["offset"], first["key"], first["payload"], first["headerKeys"], first["timestampType"]),
                    (0, None, "0", [], "CreateTime"), "the first record")
        check_equal([row.get("endTxnMarker") for row in rows["record"] if "endTxnMarker" in row], ["COMMIT"], "markers")
        check_equal((rows["batch"][0]["isvalid"], rows["batch"][0]["deleteHorizonMs"]), (True, None), "the first batch")
        for parts, kind, names in (
                (("t-0/", ".snapshot"), "producer", "producerId producerEpoch coordinatorEpoch currentTxnFirstOffset "
                 "lastTimestamp firstSequence lastSequence lastOffset offsetDelta timestamp"),
                (("recovery-point",), "checkpoint", "topic partition offset incarnation"),
                (("meta.properties",), "property", "name value"),
                (("controller/vote",), "vote", "slot number term vote"),
                (("controller/log-",), "metadataRecord", "position kind index term logPosition durable size")):
            path = find(directory, *parts)
            rows = objects(path)
            check_equal(list(rows[kind][0]), names.split(), f"the names of {kind}")
            text = tool(DUMP, "--files", path, "--format", "table").stdout.splitlines()
            check_equal(text[0], f"Dumping {path}", "the first line of the tables")
            check_equal(text[1].split(), [re.sub("([A-Z])", r"-\1", name).upper() for name in names.split()], "titles")
            check_equal(len([line for line in text[2:] if line]), len(rows[kind]), f"the rows of {kind}")
        log = find(directory, "__transaction_state", ".log")
        row = objects(log, "--transaction-log-decoder")["record"][0]
        check_equal((row["key"]["data"], row["payload"]["data"]["transactionStatus"]), ({"transactionalId": "mine"}, 0),
                    "a decoded record")
        check("can't be decoded" in objects(log, "--offsets-decoder")["record"][0]["error"], "the wrong decoder")
        with open(log, "ab") as file:
            file.write(b"garbage")
        done = tool(DUMP, "--files", log, "--format", "json", check_status=False)
        check(done.returncode == 1 and "no whole batch" in done.stderr, done.stderr)
        check(all(json.loads(line)["type"] == "batch" for line in done.stdout.splitlines()), "what stays on stdout")


@test("kafka-dump-log: the records of coordinators in words, and decoders that are not there")
def decoders():
    with Cluster(1) as cluster:
        directory = fill(cluster)
        logs = [path for path in files_of(directory) if "__consumer_offsets" in path and path.endswith(".log")]
        told = "".join(dump(path, "--offsets-decoder")[0] for path in logs)
        check(re.search(r' key: {"type":"1","data":{"group":"g","topic":"t","partition":0}} payload: {"version":"4",'
                        r'"data":{"offset":300,"leaderEpoch":-?\d+,"metadata":"","commitTimestamp":\d+,', told),
              f"a commit: {told[-2000:]}")
        check(re.search(r'key: {"type":"2","data":{"group":"g"}} payload: {"version":"\d","data":{"protocolType":'
                        r'"consumer",.*"subscription":{"topics":\["t"\],.*"assignment":{"assignedPartitions":'
                        r'\[{"topic":"t","partitions":\[0\]}\]', told), "a group with its members")
        log = find(directory, "__transaction_state", ".log")
        told, _ = dump(log, "--transaction-log-decoder", "--skip-record-metadata")
        check(re.search(r'^\| key: {"type":"0","data":{"transactionalId":"mine"}} payload: {"version":"\d",'
                        r'"data":{"producerId":\d+,', told, re.M), f"a transaction: {told}")
        told, _ = dump(log, "--offsets-decoder")
        check("can't be decoded." in told or "Unknown record type" in told, "the wrong decoder")
        data = find(directory, "t-0", ".log")
        check("skipping. The record has no key." in dump(data, "--offsets-decoder")[0], "records of users")
        check("format of its own" in dump(data, "--cluster-metadata-decoder", status=1)[1], "a log of records")
        check("payload: 10" in dump(data, "--print-data-log", "--value-decoder-class",
                                    "org.apache.kafka.tools.api.StringDecoder")[0], "the decoder of text")
        for arguments, words in ((("--share-group-state-decoder",), "no share groups"),
                                 (("--remote-log-metadata-decoder",), "no tiered storage"),
                                 (("--value-decoder-class", "a.B"), "--value-decoder-class a.B: Java classes"),
                                 (("--key-decoder-class", "a.B"), "--key-decoder-class a.B: Java classes")):
            done = tool(DUMP, "--files", data, *arguments, check_status=False)
            check(done.returncode == 1 and not done.stdout and words in done.stderr, f"{arguments}: {done.stderr!r}")
        done = tool(DUMP, "--files", data, "--offsets-decoder", "--transaction-log-decoder", check_status=False)
        check(done.returncode == 1 and "give one of --offsets-decoder" in done.stderr, done.stderr)


@test("kafka-metadata-shell: the metadata of a controller as a tree, by commands and by lines")
def shell():
    with Cluster(1) as cluster:
        cluster.create_topic("t", partitions=2, retention_ms="77")
        directory = os.path.join(cluster.nodes[0].log_dir, "controller")
        log = find(directory, "log-")

        def run(*arguments, status=0, stdin="", source=("--directory", directory)):
            done = tool(SHELL, *source, *arguments, stdin=stdin, check_status=False)
            check_equal(done.returncode, status, f"the status of {arguments}: {done.stdout!r} {done.stderr!r}")
            return done.stdout, done.stderr
        for source in (("--directory", directory), ("-d", directory), ("--snapshot", log), ("-s", log)):
            check_equal(run("ls", "/image/topics/byName/t", source=source)[0], "0\n1\nid\n", "the topic")
        check_equal(run("cat", "/image/configs/TOPIC:t/retention.ms")[0], "77\n", "a setting")
        partition = json.loads(run("cat", "image/topics/byName/t/1")[0])
        check_equal((partition["partition"], partition["leader"]), (1, 0), "a partition")
        check_equal(run("find", "/image/topics/byName/*/1")[0], "/image/topics/byName/t/1\n", "a pattern")
        check("      brokers:\n        0: {\"id\":0," in run("tree")[0], "the tree")
        out, err = run(stdin="cd image/topics/byName\npwd\nls\n\ncd t/..\ncd absent\ncat t\nbogus\npwd x\ncat\n"
                             "exit\nls\n")
        check_equal(out, "/image/topics/byName\nt\n", "what a script prints, to its exit")
        check_equal(err, "cd: absent: no such file or directory.\ncat: /image/topics/byName/t: it is a directory.\n"
                    "bogus: there is no such command; help lists them\npwd: pwd: where you are\n"
                    "cat: cat PATH...: what a file says\n", "its mistakes")
        check_equal(run("cat", "/absent", status=1)[1], "cat: /absent: no such file or directory.\n", "one command")
        for arguments, words in ((("ls",), "one of --directory DIR, --snapshot FILE"),
                                 (("--directory", directory, "--snapshot", log), "one of --directory"),
                                 (("--cluster", "x"), "--cluster: the shell reads files"),
                                 (("--directory", cluster.directory), "there is no metadata here"),
                                 (("--snapshot", "/absent"), "/absent: it can't be read"),
                                 (("--snapshot", os.path.join(directory, "vote")), "neither a snapshot nor a log-N")):
            done = tool(SHELL, *arguments, check_status=False)
            check(done.returncode == 1 and words in done.stderr and not done.stdout, f"{arguments}: {done.stderr!r}")
        def rows(*arguments, **more):
            return [json.loads(line)["entries"] for line in run(*arguments, "--format", "json", **more)[0].splitlines()]
        check_equal(rows("ls", "/image/topics/byName"), [[{"path": "/image/topics/byName/t", "directory": True}]], "ls")
        setting = [{"path": "/image/configs/TOPIC:t/retention.ms", "value": "77"}]
        for command in ("cat", "tree"):
            check_equal(rows(command, "/image/configs/TOPIC:t/retention.ms"), [setting], command)
        (found,) = rows("cat", "/image/topics/byName/t/1")
        check_equal((found[0]["value"]["partition"], found[0]["value"]["leader"]), (1, 0), "a partition")
        check_equal([row["path"] for row in rows("find", "/image/topics/byName/t")[0]],
                    [f"/image/topics/byName/t{name}" for name in ("", "/0", "/1", "/id")], "find")
        check_equal(rows(stdin="cd image\npwd\nls absent\n"), [[{"path": "/image", "directory": True}], []], "lines")
        check_equal(run("ls", "/image/topics/byName", "--format", "table")[0].splitlines(),
                    ["PATH                   DIRECTORY", "/image/topics/byName/t true"], "a table")
        copy = os.path.join(cluster.directory, "log-00000000000000000001")
        with open(log, "rb") as file, open(copy, "wb") as other:
            other.write(flip(file.read()))
        check("position 0: " in run("ls", status=1, source=("--snapshot", copy))[1], "a damaged log")


tap.run()
