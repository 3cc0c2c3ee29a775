#!/usr/bin/env python3
"""The programs that measure and verify: their lines, options and mistakes, and that nothing which the
verifiable producer saw acknowledged is missing after a broker was killed."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import json
import re
import signal
import socket
import subprocess
import threading

import tap
from cluster import Cluster
from node import spawn
from tap import check, check_equal, test
from tool import MILLRACE, misuse, says, tool
from wait import wait_until

DEADLINE_S = 120
QUIET_MS = "12000"  # without a record: all was read
PRODUCER, CONSUMER, LATENCY = "kafka-producer-perf-test.sh", "kafka-consumer-perf-test.sh", "kafka-e2e-latency.sh"
SENDER, READER = "kafka-verifiable-producer.sh", "kafka-verifiable-consumer.sh"
READ, OFFSETS = "kafka-console-consumer.sh", "kafka-get-offsets.sh"
REST = r"records/sec \(\d+\.\d\d MB/sec\), \d+\.%s ms avg latency, \d+\.%s ms max latency"
WINDOW = r"\d+ records sent, \d+\.\d " + REST % (r"\d", r"\d") + r"\.\n"
TOTAL = r"%d%s records sent, \d+\.\d{6} " + REST % (r"\d\d", r"\d\d") + \
    r", \d+ ms 50th, \d+ ms 95th, \d+ ms 99th, \d+ ms 99\.9th\.\n"
METRICS = r"\nMetric Name +Value\n([\w.]+:[\w.-]+:\{client-id=%s.*\} +: .*\n){20,}$"


def total(count, which=""):
    return TOTAL % (count, which)


def ends(cluster, topic):
    out = says(cluster, OFFSETS, "--topic", topic, out=re.compile(".")).stdout
    return sum(int(line.split(":")[2]) for line in out.splitlines())


def read(cluster, topic, count, *more):
    return says(cluster, READ, "--topic", topic, "--from-beginning", "--max-messages", str(count), *more,
                out=re.compile("."), err=re.compile("Processed")).stdout


def config(cluster, **settings):
    path = os.path.join(cluster.directory, "client.properties")
    with open(path, "w") as file:
        file.writelines(f"{key.replace('_', '.')}={value}\n" for key, value in settings.items())
    return path


@test("kafka-producer-perf-test: payloads, rates, lines, transactions, metrics")
def producer():
    with Cluster(1) as cluster:
        cluster.create_topic("t", partitions=1)
        fast = ("--topic", "t", "--throughput", "-1")
        says(cluster, PRODUCER, *fast, "--num-records", "500", "--record-size", "100",
             out=re.compile(f"^{total(500)}$"))
        check(re.fullmatch("[A-Z]{100}\n", read(cluster, "t", 1)), "the record is letters")
        says(cluster, PRODUCER, *fast, "--num-records", "3", "--payload-monotonic", "--producer-props",
             "acks=1", "linger.ms=0", "--producer.config", config(cluster, client_id="me"),
             out=re.compile(f"^{total(3)}$"))
        check_equal(read(cluster, "t", 503).splitlines()[500:], ["0", "1", "2"], "the monotonic records")
        path = os.path.join(cluster.directory, "payloads")
        with open(path, "w") as file:
            file.write("one;two;")
        says(cluster, PRODUCER, *fast, "--num-records", "20", "--payload-file", path, "--payload-delimiter", ";",
             out=re.compile(f"^Reading payloads from: {re.escape(path)}\nNumber of messages read: 2\n{total(20)}$"))
        check_equal(set(read(cluster, "t", 523).splitlines()[503:]), {"one", "two"}, "the records of the file")
        says(cluster, PRODUCER, "--topic", "t", "--num-records", "30", "--record-size", "1", "--throughput", "100",
             "--reporting-interval", "50", "--warmup-records", "10", "--print-metrics", out=re.compile(
                 "^Warmup first 10 records. Steady state results will print after the complete test summary.\n"
                 f"({WINDOW})*In steady state.\n({WINDOW})+{total(30)}{total(20, ' steady state')}"
                 + METRICS % "perf-producer-client"))
        check_equal(ends(cluster, "t"), 553, "the records that were written")
        keyed = ("--num-records", "5", "--payload-monotonic", "--record-key-range", "2", "--key-distribution")
        says(cluster, PRODUCER, *fast, *keyed, "range", out=re.compile(f"^{total(5)}$"))
        for seed in ("7", "7"):
            says(cluster, PRODUCER, *fast, *keyed, "random", "--random-seed", seed, out=re.compile(f"^{total(5)}$"))
        keys = [line.split("\t") for line in read(cluster, "t", 568, "--property", "print.key=true").splitlines()[553:]]
        check_equal(keys[:5], [["0", "0"], ["1", "1"], ["0", "2"], ["1", "3"], ["0", "4"]], "keys in turn")
        check_equal(keys[5:10], keys[10:], "random keys of the same seed")
        check({key for key, _ in keys[5:]} <= {"0", "1"}, "they are of the range")
        for more in (("--transactional-id", "mine"), ("--transaction-duration-ms", "10"),
                     ("--command-property", "transactional.id=mine")):
            before = ends(cluster, "t")
            says(cluster, PRODUCER, *fast, "--num-records", "5", "--payload-monotonic", *more,
                 out=re.compile(f"^{total(5)}$"))
            check(ends(cluster, "t") >= before + 6, "markers stand behind the records")
        read(cluster, "t", 583, "--isolation-level", "read_committed")
        done = tool(PRODUCER, *fast, "--num-records", "1", "--record-size", "1", "--producer-props",
                    f"bootstrap.servers={cluster.bootstrap}")
        check(re.fullmatch(total(1), done.stdout) and not done.stderr, "bootstrap.servers of --producer-props")


@test("kafka-producer-perf-test: mistakes, records that are refused, a cluster that does not answer, Ctrl-C")
def producer_mistakes():
    with Cluster(1) as cluster:
        cluster.create_topic("t", max_message_bytes=1000)
        base = ("--topic", "t", "--num-records", "1", "--throughput", "-1")
        size = ("--record-size", "10")
        for arguments, words in (
                ((), ["--topic is missing"]),
                (base[:4], ["--throughput is missing"]),
                (base, ["one of --record-size, --payload-file, --payload-monotonic"]),
                ((*base, *size, "--payload-monotonic"), ["one of --record-size"]),
                ((*base, *size, "--record-key-range", "3"), ["go together"]),
                ((*base, *size, "--key-distribution", "random"), ["go together"]),
                ((*base, *size, "--key-distribution", "most"), ["none, range or random"]),
                ((*base, *size, "--key-distribution", "range", "--record-key-range", "0"), ["--record-key-range"]),
                ((*base, "--record-size", "0"), ["--record-size 0"]),
                ((*base[:2], "--num-records", "0", "--throughput", "1", *size), ["--num-records 0"]),
                ((*base[:4], "--throughput", "x", *size), ["--throughput x"]),
                ((*base, *size, "--payload-delimiter", ","), ["--payload-delimiter goes with --payload-file"]),
                ((*base, *size, "--warmup-records", "1"), ["--warmup-records 1", "--num-records"]),
                ((*base, *size, "--transaction-duration-ms", "0"), ["--transaction-duration-ms 0"]),
                ((*base, *size, "--reporting-interval", "0"), ["--reporting-interval 0"]),
                ((*base, *size, "--producer-props", "acks"), ["--producer-props acks", "name=value"]),
                ((*base, *size, "--bogus"), ["--bogus"])):
            misuse(cluster, PRODUCER, *arguments, words=words)
        says(cluster, PRODUCER, *base, "--payload-file", "/absent", status=1, out=re.compile("Reading"),
             err=re.compile("--payload-file /absent: it can't be read"))
        says(cluster, PRODUCER, *base, *size, "--producer-props", "acks=9000000", status=1,
             err=re.compile("acks=9000000"))
        says(cluster, PRODUCER, *base, "--record-size", "5000", status=1, out=re.compile("^0 records sent, "),
             err=re.compile("was not delivered: .*too large.*\n.*: 1 record was not delivered\n$"))
        child = spawn([PRODUCER, "--bootstrap-server", cluster.bootstrap, *base[:2], "--num-records", "1000000",
                       "--throughput", "10", "--reporting-interval", "100", *size], executable=MILLRACE,
                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        check(re.fullmatch(WINDOW, child.stdout.readline()), "the first window")
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=DEADLINE_S)
        check_equal((child.returncode, err), (130, ""), "status and stderr after Ctrl-C")
        check(re.search(r"\d+ records sent, .* 99\.9th\.\n$", out), f"the last line is {out!r}")
    with socket.socket() as closed:  # bound, and nobody listens
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        done = tool(PRODUCER, "--bootstrap-server", address, *base, *size, "--producer-props",
                    "max.block.ms=3000", check_status=False)
        check(done.returncode == 1 and address in done.stderr and "1 record was not delivered" in done.stderr,
              f"{done.returncode} {done.stderr!r}")


HEADER = ("start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, "
          "rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec\n")
DATE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d:\d{3}"
RATE = r"(\d+\.\d{4}|NaN|Infinity)"


def row(count, first=f"{DATE}, {DATE}", mb=r"\d+\.\d{4}"):
    return rf"{first}, {mb}, {RATE}, {count}, {RATE}, \d+, -?\d+, {RATE}, {RATE}\n"


@test("kafka-consumer-perf-test: its columns, where it begins, when it ends")
def consumer():
    with Cluster(1, group_initial_rebalance_delay_ms="0") as cluster:  # else joining takes the timeout
        for topic in ("t", "u"):
            cluster.create_topic(topic, partitions=2)
            says(cluster, PRODUCER, "--topic", topic, "--throughput", "-1", "--num-records", "2000", "--record-size",
                 "1048", "--producer-props", "acks=1", out=re.compile("2000 records"))
        warning = (r"WARNING: Exiting before consuming the expected number of messages: timeout \(%s ms\) "
                   r"exceeded. You can use the --timeout option to increase the timeout.\n")
        said = says(cluster, CONSUMER, "--topic", "t", "--messages", "1500", "--group", "g",
                    out=re.compile(f"^{HEADER}{row(1500, mb='1.4992')}$")).stdout
        check(said.startswith(HEADER), "the header as it is written")
        says(cluster, CONSUMER, "--topic", "t", "--num-records", "600", "--group", "g", "--timeout", QUIET_MS,
             "--hide-header", "--date-format", "HH'h'", "--print-metrics",
             out=re.compile(rf"^{warning % QUIET_MS}{row(500, '..h, ..h')}" + METRICS % "perf-consumer-client"))
        says(cluster, CONSUMER, "--include", "[tu]", "--messages", "4000", "--fetch-size", "2000",
             "--socket-buffer-size", "65536", "--command-property", "fetch.min.bytes=1", "--consumer.config",
             config(cluster, client_id="me"), out=re.compile(row(4000) + "$"))
        says(cluster, CONSUMER, "--topic", "t", "--messages", "1", "--from-latest", "--timeout", QUIET_MS,
             out=re.compile(f"^{HEADER}{warning % QUIET_MS}{row(0)}$"))
        detailed = HEADER.replace("start.time, end.time", "time, threadId")
        said = says(cluster, CONSUMER, "--topic", "t", "--messages", "2000", "--show-detailed-stats",
                    "--reporting-interval", "1", out=re.compile(".")).stdout
        check(re.fullmatch(detailed + f"({row('[0-9]+', f'{DATE}, 0')})+", said), f"detailed lines: {said!r}")
        for arguments, words in (
                (("--messages", "1"), ["--topic NAME", "--include"]),
                (("--topic", "t"), ["--num-records"]),
                (("--topic", "t", "--messages", "x"), ["--messages x"]),
                (("--topic", "t", "--messages", "1", "--num-records", "2"), ["mean the same"]),
                (("--topic", "t", "--messages", "1", "--reporting-interval", "0"), ["--reporting-interval 0"]),
                (("--topic", "t", "--messages", "1", "--date-format", "yyyy-QQ"), ["--date-format", "letter Q"]),
                (("--topic", "t", "--messages", "1", "--bogus"), ["--bogus"])):
            misuse(cluster, CONSUMER, *arguments, words=words)


@test("kafka-e2e-latency: options and the older form, a topic that is made, what is refused")
def latency():
    with Cluster(1) as cluster:
        results = r"0\t\d+\.\d+\n(1000\t\d+\.\d+\n)?Avg latency: \d+\.\d{4} ms\n" \
                  r"Percentiles: 50th = \d+, 99th = \d+, 99.9th = \d+\n$"
        named = ("--topic", "t", "--num-records", "1001", "--producer-acks", "all", "--record-size", "10")
        says(cluster, LATENCY, *named, out=re.compile(
            '^Topic "t" does not exist. Will create topic with 1 partition\\(s\\) and replication factor = 1\n'
            + results))
        says(cluster, LATENCY, "--topic", "t", "--num-records", "2", "--producer-acks", "1", "--record-size", "0",
             "--record-key-size", "3", "--num-headers", "2", "--record-header-key-size", "4",
             "--record-header-size", "-1", out=re.compile("^" + results))
        out = read(cluster, "t", 1003, "--property", "print.headers=true", "--property", "print.key=true")
        check_equal(len(re.findall(r"\n([A-Z])\1{3}:null,\1{4}:null\t([A-Z])\2\2\t(?=\n)", out)), 2, "headers and keys")
        path = config(cluster, linger_ms=5)
        done = tool(LATENCY, cluster.bootstrap, "t", "2", "1", "5", path)
        check(re.fullmatch(f"WARNING: Positional argument usage is deprecated.*\n{results}", done.stdout),
              f"the older form: {done.stdout!r}")
        check_equal(ends(cluster, "t"), 1005, "the records that were written")
        misuse(cluster, LATENCY, words=["--topic is missing"])
        for arguments, words in (
                ((*named[:4], "--producer-acks", "0", *named[6:]), ["--producer-acks 0", "1 or all"]),
                ((*named[:2], "--num-records", "0", *named[4:]), ["--num-records 0"]),
                ((*named, "--record-header-size", "-2"), ["--record-header-size -2"]),
                ((*named, "--bogus"), ["--bogus"]),
                (("a", "b"), ["five or six"]),
                (("a", "b", "1", "1", "1", "--topic", "t"), ["not both"])):
            misuse(cluster, LATENCY, *arguments, words=words)
        says(cluster, LATENCY, "--topic", "a b", *named[2:], status=1, out=re.compile("does not exist"),
             err=re.compile("Creation of topic a b failed: "))


def events(text):
    """The lines, whose first members are timestamp and name."""
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        check_equal(list(line)[:2], ["timestamp", "name"], f"the first members of {line}")
    return lines


def named(lines, name):
    return [line for line in lines if line["name"] == name]


@test("kafka-verifiable-producer: its lines, keys, values, times, rates")
def sender():
    with Cluster(1) as cluster:
        cluster.create_topic("t", partitions=1)

        def send(*arguments):
            return events(says(cluster, SENDER, "--topic", "t", *arguments, out=re.compile(".")).stdout)
        lines = send("--max-messages", "4", "--repeating-keys", "3", "--value-prefix", "7")
        check_equal([line["name"] for line in lines], ["startup_complete", *["producer_send_success"] * 4,
                                                       "shutdown_complete", "tool_data"], "the events")
        check_equal([list(line.items())[2:] for line in lines[1:5]],
                    [[("key", str(n % 3)), ("value", f"7.{n}"), ("offset", n), ("topic", "t"), ("partition", 0)]
                     for n in range(4)], "the records")
        check_equal(list(lines[-1])[2:], ["sent", "acked", "target_throughput", "avg_throughput"], "tool_data")
        check_equal((lines[-1]["sent"], lines[-1]["acked"], lines[-1]["target_throughput"]), (4, 4, -1), "sums")
        lines = send("--max-messages", "2", "--acks", "0", "--throughput", "1000", "--message-create-time", "1234")
        check_equal([(line["key"], line["value"], line["offset"]) for line in lines[1:3]],
                    [(None, "0", -1), (None, "1", -1)], "records without acknowledgement")
        check_equal(lines[-1]["target_throughput"], 1000, "the throughput")
        wait_until(lambda: ends(cluster, "t") == 6, DEADLINE_S, "all records are there")
        out = read(cluster, "t", 6, "--property", "print.timestamp=true", "--property", "print.key=true")
        check(re.search(r"CreateTime:12\d\d\tnull\t0\n", out), f"the time of the first record: {out}")
        done = tool(SENDER, "--bootstrap-server", cluster.bootstrap, "--topic", "no topic", "--max-messages", "1")
        error = named(events(done.stdout), "producer_send_error")[0]
        check_equal(list(error)[2:], ["topic", "key", "value", "exception", "message"], "an error")
        check_equal(error["exception"], "class org.apache.kafka.common.errors.InvalidTopicException", "its class")
        path = config(cluster, acks="1", max_block_ms=1)
        send("--max-messages", "1", "--producer.config", path)
        for arguments, words in (
                ((), ["--topic NAME"]),
                (("--topic", "t", "--acks", "2"), ["--acks 2", "0, 1 or -1"]),
                (("--topic", "t", "--repeating-keys", "0"), ["--repeating-keys 0"]),
                (("--topic", "t", "--max-messages", "x"), ["--max-messages x"]),
                (("--topic", "t", "--bogus"), ["--bogus"])):
            misuse(cluster, SENDER, *arguments, words=words)


@test("kafka-verifiable-consumer: its lines, commits, limits, and what it refuses")
def reader():
    with Cluster(1) as cluster:
        cluster.create_topic("t", partitions=2)
        says(cluster, SENDER, "--topic", "t", "--max-messages", "9", "--repeating-keys", "9", out=re.compile("."))

        def take(group, *arguments):
            return events(says(cluster, READER, "--topic", "t", "--group-id", group, *arguments,
                               out=re.compile(".")).stdout)
        lines = take("g", "--max-messages", "4", "--verbose")
        check_equal([lines[0]["name"], *[line["name"] for line in lines[-2:]]],
                    ["startup_complete", "partitions_revoked", "shutdown_complete"], "the first and last events")
        both = [{"topic": "t", "partition": p} for p in range(2)]
        check_equal(lines[1]["partitions"], both, "what is assigned")
        check_equal(lines[-2]["partitions"], both, "what is revoked")
        data = named(lines, "record_data")
        check_equal(len(data), 4, "the records")
        check_equal(list(data[0])[2:], ["key", "value", "topic", "partition", "offset"], "the members of one")
        batches = named(lines, "records_consumed")
        check_equal(sum(batch["count"] for batch in batches), 4, "the records in batches")
        part = batches[0]["partitions"][0]
        check_equal(list(part), ["topic", "partition", "count", "minOffset", "maxOffset"], "a partition of one")
        commits = named(lines, "offsets_committed")
        check_equal(list(commits[0])[2:], ["offsets", "success"], "the members of a commit")
        check_equal((len(commits), commits[0]["offsets"][0]["offset"]), (len(batches), part["maxOffset"] + 1), "it")
        done = says(cluster, READER, "--topic", "t", "--group-id", "new", "--reset-policy", "none", status=1,
                    out=re.compile("shutdown_complete.*\n$"), err=re.compile("no previously committed offset"))
        check(not named(events(done.stdout), "records_consumed"), "without an offset nothing is read")
        rest = take("g", "--max-messages", "5", "--reset-policy", "earliest", "--session-timeout", "20000",
                    "--group-instance-id", "me", "--consumer.config", config(cluster, fetch_min_bytes=1))
        check(not named(rest, "record_data"), "without --verbose")
        values = [line["value"] for line in data]
        check_equal(sum(batch["count"] for batch in named(rest, "records_consumed")), 5, "the rest, read once")
        check_equal(len(set(values)), 4, "no record twice")
        lines = take("auto", "--enable-autocommit", "--max-messages", "9", "--assignment-strategy",
                     "org.apache.kafka.clients.consumer.CooperativeStickyAssignor")
        check(not named(lines, "offsets_committed"), "--enable-autocommit has no lines of commits")
        says(cluster, "kafka-consumer-groups.sh", "--describe", "--group", "auto",
             out=re.compile(r"auto +t +0 +(\d+) +\1 +0 .*\nauto +t +1 +(\d+) +\2 +0 "), err=re.compile(""))
        base = ("--topic", "t", "--group-id", "g")
        for arguments, words in (
                (("--group-id", "g"), ["--topic NAME"]),
                (("--topic", "t"), ["--group-id GROUP"]),
                ((*base, "--reset-policy", "never"), ["--reset-policy never", "earliest, latest or none"]),
                ((*base, "--group-protocol", "share"), ["--group-protocol share", "classic or consumer"]),
                ((*base, "--group-remote-assignor", "uniform"), ["--group-protocol consumer"]),
                ((*base, "--group-protocol", "consumer", "--session-timeout", "1"), ["--group-protocol classic"]),
                ((*base, "--assignment-strategy", "a.StickyAssignor"), ["a.StickyAssignor", "RoundRobinAssignor"]),
                ((*base, "--bogus"), ["--bogus"])):
            misuse(cluster, READER, *arguments, words=words)
        done = tool(READER, "--bootstrap-server", cluster.bootstrap, *base, "--group-protocol", "consumer",
                    "--max-messages", "0", check_status=False)
        check(done.returncode == 0 or "knows the classic protocol only" in done.stderr, done.stderr)


class Child:
    """A verifiable program that runs; its events as they come."""

    def __init__(self, cluster, name, *arguments):
        self.events = []
        self.process = spawn([name, "--bootstrap-server", cluster.bootstrap, "--topic", "t", *arguments],
                             executable=MILLRACE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def named(self, name):
        return named(list(self.events), name)

    def wait(self, name, count):
        wait_until(lambda: len(self.named(name)) >= count, DEADLINE_S, f"{count} lines {name}")

    def read(self):
        return sum(event["count"] for event in self.named("records_consumed"))

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(DEADLINE_S)
        self.thread.join(DEADLINE_S)
        check_equal(self.process.returncode, 128 + signal.SIGTERM, "the status after SIGTERM")


@test("nothing that the verifiable producer saw acknowledged is missing when a broker is killed")
def killed():
    with Cluster(3) as cluster:
        cluster.create_topic("t", partitions=3, replicas=3, min_insync_replicas=2)
        sending = Child(cluster, SENDER, "--throughput", "500")
        reading = Child(cluster, READER, "--group-id", "g", "--verbose")
        sending.wait("producer_send_success", 200)
        reading.wait("records_consumed", 1)
        victim = cluster.leader("t")
        victim.kill()
        wait_until(lambda: cluster.partition("t")[0] not in (-1, victim.id), DEADLINE_S, "another broker leads")
        count = len(sending.named("producer_send_success"))
        sending.wait("producer_send_success", count + 500)
        victim.start()
        sending.terminate()
        data = sending.named("tool_data")[0]
        acked = {(event["partition"], event["offset"]): event["value"]
                 for event in sending.named("producer_send_success")}
        check_equal([event["name"] for event in sending.events[-2:]], ["shutdown_complete", "tool_data"], "the end")
        check_equal((data["acked"], data["sent"]),
                    (len(acked), len(acked) + len(sending.named("producer_send_error"))), "each record has a line")

        def read_all():
            return {(event["partition"], event["offset"]): event["value"] for event in reading.named("record_data")}
        wait_until(lambda: acked.keys() <= read_all().keys(), DEADLINE_S, "all that was acknowledged is read")
        check_equal({place: read_all()[place] for place in acked}, acked, "what was acknowledged")
        reading.terminate()
        check_equal(reading.events[-1]["name"], "shutdown_complete", "the last line of the consumer")


tap.run()
