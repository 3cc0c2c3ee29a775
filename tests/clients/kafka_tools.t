#!/usr/bin/env python3
"""Apache Kafka 4.1's own command-line tools against Millrace, and their output beside ours."""
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster", "lib"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
from cluster import Cluster
from confluent_kafka import Consumer, Producer as TransactionalProducer, TopicPartition
from kafka_tool import DEADLINE_S, kafka, kafka_run
import reassign
from live_member import LiveMember
from load import PRODUCER, Producer
from tap import check, check_equal, test
from tool import tool
from wait import wait_until

GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
LIST_GROUPS = "org.apache.kafka.tools.GroupsCommand"
CONSOLE = "org.apache.kafka.tools.consumer.ConsoleConsumer"
PARTITIONS = 3
RECORDS = 30  # in each partition


OFFSETS = "org.apache.kafka.tools.GetOffsetShell"
CLUSTER = "org.apache.kafka.tools.ClusterTool"
PRODUCE = "org.apache.kafka.tools.ConsoleProducer"
TOPICS = "org.apache.kafka.tools.TopicCommand"
CONFIGS = "kafka.admin.ConfigCommand"
STORAGE = "kafka.tools.StorageTool"
DELETE = "org.apache.kafka.tools.DeleteRecordsCommand"
ELECT = "org.apache.kafka.tools.LeaderElectionCommand"
DIRS = "org.apache.kafka.tools.LogDirsCommand"
QUORUM = "org.apache.kafka.tools.MetadataQuorumCommand"
FEATURES = "org.apache.kafka.tools.FeatureCommand"
PRODUCER_PERF = "org.apache.kafka.tools.ProducerPerformance"
CONSUMER_PERF = "org.apache.kafka.tools.ConsumerPerformance"
LATENCY = "org.apache.kafka.tools.EndToEndLatency"
SENDER = "org.apache.kafka.tools.VerifiableProducer"
RESET = "org.apache.kafka.tools.StreamsResetter"
DUMP = "kafka.tools.DumpLogSegments"
READER = "org.apache.kafka.tools.VerifiableConsumer"
TRANSACTIONS = "org.apache.kafka.tools.TransactionsCommand"
APIS = "org.apache.kafka.tools.BrokerApiVersionsCommand"
METRICS = "org.apache.kafka.tools.ClientMetricsCommand"
REASSIGN = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"
OURS = {GROUPS: "kafka-consumer-groups.sh", LIST_GROUPS: "kafka-groups.sh", OFFSETS: "kafka-get-offsets.sh",
        CONSOLE: "kafka-console-consumer.sh", CLUSTER: "kafka-cluster.sh", TOPICS: "kafka-topics.sh",
        PRODUCE: "kafka-console-producer.sh", CONFIGS: "kafka-configs.sh", STORAGE: "kafka-storage.sh",
        TRANSACTIONS: "kafka-transactions.sh", APIS: "kafka-broker-api-versions.sh", QUORUM: "kafka-metadata-quorum.sh",
        FEATURES: "kafka-features.sh", DELETE: "kafka-delete-records.sh", ELECT: "kafka-leader-election.sh",
        DIRS: "kafka-log-dirs.sh",
        PRODUCER_PERF: "kafka-producer-perf-test.sh", CONSUMER_PERF: "kafka-consumer-perf-test.sh",
        LATENCY: "kafka-e2e-latency.sh", SENDER: "kafka-verifiable-producer.sh",
        READER: "kafka-verifiable-consumer.sh", DUMP: "kafka-dump-log.sh",
        RESET: "kafka-streams-application-reset.sh", METRICS: "kafka-client-metrics.sh",
        REASSIGN: "kafka-reassign-partitions.sh"}


def groups(cluster, *arguments):
    return kafka(GROUPS, "--bootstrap-server", cluster.bootstrap, *arguments)


def both(cluster, *arguments, same=lambda text: text):
    """The output of Kafka's kafka-consumer-groups, which must be that of ours, by what `same` makes
    of each."""
    theirs = groups(cluster, *arguments)
    ours = tool("kafka-consumer-groups.sh", "--bootstrap-server", cluster.bootstrap,
                *arguments).stdout
    check_equal(same(ours), same(theirs),
                f"the output of our kafka-consumer-groups {' '.join(arguments)}")
    return theirs


def lines(text):
    """Without the blanks behind them."""
    return [line.rstrip() for line in text.splitlines()]


def rows(text):
    """In no order: Kafka lists the groups as the brokers answer, we sort them."""
    return sorted(lines(text))


def shape(text):
    """Of a table of errors, whose words are our own: the cells up to "Error:"."""
    return [line.split("Error:")[0].split() for line in text.splitlines()]


def fill(cluster):
    cluster.create_topic("orders", partitions=PARTITIONS)
    cluster.create_topic("other")
    producer = Producer({**PRODUCER, "bootstrap.servers": cluster.bootstrap})
    for n in range(RECORDS * PARTITIONS):
        producer.produce("orders", str(n), partition=n % PARTITIONS)
    check_equal(producer.flush(60), 0, "the number of records never answered")


def commit(cluster, group, offsets, topic="orders"):
    client = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group,
                       "enable.auto.commit": False})
    client.commit(offsets=[TopicPartition(topic, p, o) for p, o in offsets.items()],
                  asynchronous=False)
    client.close()


def check_console_consumer(cluster):
    """In a group, to the end; its own offsets are committed when it closes."""
    out = kafka(CONSOLE, "--bootstrap-server", cluster.bootstrap, "--topic", "orders", "--group",
                "console", "--from-beginning", "--max-messages", str(RECORDS * PARTITIONS),
                "--timeout-ms", "60000")
    check_equal(sorted(map(int, out.split())), list(range(RECORDS * PARTITIONS)), "what was read")
    found = [row.split() for row in lines(both(cluster, "--describe", "--group", "console"))]
    check_equal([row[2:6] for row in found[2:]],
                [[str(p), str(RECORDS), str(RECORDS), "0"] for p in range(PARTITIONS)],
                "partition, offset, end and lag")


def check_same_shapes(cluster):
    both(cluster, "--list")
    both(cluster, "--list", "--state")
    both(cluster, "--list", "--type", "--state", "Empty")
    both(cluster, "--describe", "--group", "idle", "--verbose")
    both(cluster, "--describe", "--group", "idle", "--state")
    both(cluster, "--describe", "--group", "idle", "--state", "--verbose")
    both_group_lists(cluster)


def both_group_lists(cluster, *filters):
    theirs = kafka(LIST_GROUPS, "--bootstrap-server", cluster.bootstrap, "--list", *filters)
    ours = tool("kafka-groups.sh", "--bootstrap-server", cluster.bootstrap, "--list",
                *filters).stdout
    check_equal(rows(ours), rows(theirs), f"the output of our kafka-groups {filters}")
    return theirs


def check_live(cluster):
    """A classic group with a static member, and one of the consumer protocol."""
    for group in ("classic", "modern"):
        commit(cluster, group, {0: 0}, topic="other")
    # A static member does not leave when it is closed: its session ends before its group is deleted.
    with LiveMember(cluster, "classic", "orders", PARTITIONS, group_instance_id="one",
                    session_timeout_ms=6000) as classic, \
            LiveMember(cluster, "modern", "orders", PARTITIONS, protocol="consumer") as modern:
        classic.commit({0: 10, 2: 30})
        modern.commit({1: 7})
        for group in ("classic", "modern"):
            check_live_group(cluster, group)
        out = both(cluster, "--list", "--type", "--state", same=rows)
        check_equal([row for row in rows(out) if "Stable" in row],
                    ["classic                   Classic              Stable",
                     "modern                    Consumer             Stable"], "the live groups")
        both(cluster, "--list", "--type", "consumer", "--state", "stable")
        check_equal(len(lines(both_group_lists(cluster, "--group-type", "consumer"))), 2,
                    "the number of lines of consumer groups")
    both(cluster, "--describe", "--group", "modern", "--state", "--verbose")


def check_live_group(cluster, group):
    out = both(cluster, "--describe", "--group", group)
    check("live-client" in out and "/127.0.0.1" in out, out)
    for view in (("--verbose",), ("--members",), ("--members", "--verbose"), ("--state",),
                 ("--state", "--verbose")):
        both(cluster, "--describe", "--group", group, *view, same=lines)
    out = both(cluster, "--reset-offsets", "--group", group, "--all-topics", "--to-earliest",
               "--execute")
    check("Error: Assignments can only be reset if the group" in out, out)
    out = both(cluster, "--delete-offsets", "--group", group, "--topic", "orders:0,1", "--topic",
               "other", same=shape)
    check("GroupSubscribedToTopicException" in out, out)
    out = groups(cluster, "--delete", "--group", group)
    check(f"* Group '{group}' could not be deleted due to: "
          "org.apache.kafka.common.errors.GroupNotEmptyException" in out, out)


def check_resets(cluster):
    scope = ("--reset-offsets", "--group", "idle", "--all-topics")
    for target in (("--to-earliest",), ("--to-latest",), ("--to-current",), ("--to-offset", "7"),
                   ("--shift-by", "-5"), ("--shift-by", "100"), ("--by-duration", "P1D"),
                   ("--to-datetime", "2020-01-01T00:00:00.000")):
        both(cluster, *scope, *target, "--dry-run")
    plan = both(cluster, *scope, "--to-offset", "9", "--export", "--dry-run")
    check_equal(plan.split(), [f"orders,{p},9" for p in range(PARTITIONS)], "the exported plan")
    scope = ("--reset-offsets", "--group", "idle", "--dry-run")
    both(cluster, *scope, "--topic", "orders:0,2", "--to-latest")
    path = os.path.join(cluster.directory, "plan.csv")
    with open(path, "w") as file:
        file.write("orders,0,4\norders,1,99\n")
    out = both(cluster, *scope, "--from-file", path)
    check_equal([row.split()[2:] for row in lines(out)[2:]], [["0", "4"], ["1", "30"]], "the plan")
    both(cluster, *scope, "--group", "fresh", "--topic", "orders:1", "--to-offset", "2", "--export")
    scope = ("--reset-offsets", "--group", "idle", "--all-topics")
    groups(cluster, *scope, "--to-offset", "9", "--execute")
    found = [row.split() for row in lines(both(cluster, "--describe", "--group", "idle"))]
    check_equal([row[3] for row in found[2:]], ["9"] * PARTITIONS, "the offsets after the reset")


def check_deletes(cluster):
    out = groups(cluster, "--delete-offsets", "--group", "idle", "--topic", "orders:0")
    check("Successful" in out, out)
    out = groups(cluster, "--delete", "--group", "idle")
    check_equal(out, "Deletion of requested consumer groups ('idle') was successful.\n", "the line")
    out = groups(cluster, "--delete", "--group", "modern", "--group", "nosuch")
    check("These consumer groups were deleted successfully: 'modern'" in out, out)
    wait_until(lambda: "Empty" in tool(
        "kafka-consumer-groups.sh", "--bootstrap-server", cluster.bootstrap, "--describe",
        "--group", "classic", "--state").stdout, DEADLINE_S, "the static member's session ends")
    ours = tool("kafka-consumer-groups.sh", "--bootstrap-server", cluster.bootstrap, "--delete",
                "--group", "classic", "--group", "nosuch").stdout
    check("These consumer groups were deleted successfully: 'classic'" in ours, ours)
    check_equal(both(cluster, "--list"), "console\n", "what is left")
    out = groups(cluster, "--describe", "--group", "nosuch")
    check("Group nosuch not found." in out, out)


@test("Kafka 4.1's console consumer and group tools work, and print as ours")
def kafka_tools():
    kafka(CONSOLE, "--version")
    with Cluster(3) as cluster:
        fill(cluster)
        check_console_consumer(cluster)
        commit(cluster, "idle", {p: 20 + p for p in range(PARTITIONS)})
        check_same_shapes(cluster)
        check_live(cluster)
        check_resets(cluster)
        check_deletes(cluster)


def alike(tool_class, *arguments, status, words="", stdin=""):
    """Both end with the status and say the words."""
    done = kafka_run(tool_class, *arguments, stdin=stdin)
    ours = tool(OURS[tool_class], *arguments, stdin=stdin, check_status=False)
    for which, run in (("Kafka's", done), ("our", ours)):
        check_equal(run.returncode, status, f"the status of {which} {OURS[tool_class]} {arguments}: "
                    f"{run.stdout[-1000:]!r} {run.stderr[-1000:]!r}")
        check(words in run.stdout + run.stderr, f"{which} {OURS[tool_class]} {arguments} does not say "
              f"{words!r}: {run.stdout[-1000:]!r} {run.stderr[-1000:]!r}")
    return ours.stdout, done.stdout


@test("mistakes end as those of Kafka's tools do")
def mistakes():
    kafka(CONSOLE, "--version")
    with Cluster(1) as cluster:
        server = ("--bootstrap-server", cluster.bootstrap)
        cluster.create_topic("t")
        cluster.create_topic("numbers", partitions=1)
        alike(GROUPS, *server, "--list", "--state", "nonsense", status=1,
              words="Invalid state list 'nonsense'. Valid states are: ")
        alike(GROUPS, *server, "--list", "--type", "nonsense", status=1,
              words="Invalid types list 'nonsense'. Valid types are: ")
        alike(LIST_GROUPS, *server, "--list", "--group-type", "nonsense", status=1)
        alike(OFFSETS, *server, "--topic", "absent", status=1)
        alike(OFFSETS, *server, "--topic", "t", "--time", "99999999999999", status=0)
        alike(OFFSETS, *server, "--topic", "t", "--time", "-5", status=0)  # nothing is in another tier
        headers = ("--topic", "t", "--property", "parse.headers=true", "--property", "null.marker=NULL")
        for more in ((), ("--property", "ignore.error=true")):
            alike(PRODUCE, *server, *headers, *more, stdin="NULL:v\tvalue\n", status=1, words="null")
        alike(PRODUCE, *server, "--topic", "numbers", stdin="aaaa\nfive5\nbbbb\n", status=0)
        out, theirs = alike(CONSOLE, *server, "--topic", "numbers", "--partition", "0", "--offset", "earliest",
                            "--max-messages", "2", "--value-deserializer",
                            "org.apache.kafka.common.serialization.IntegerDeserializer", status=1,
                            words="Processed a total of 2 messages")
        check_equal(out, theirs, "what is printed before the record that can't be read")
        alike(TOPICS, *server, "--describe", "--topic", "absent", status=1,
              words="Error while executing topic command : Topic 'absent' does not exist as expected")
        alike(CONFIGS, *server, "--describe", "--topic", "absent", status=0,
              words="The topic 'absent' doesn't exist and doesn't have dynamic config.")
        for arguments in (("--topic", "t", "--entity-type", "topics"), ("--entity-type", "nonsense"), ()):
            alike(CONFIGS, *server, "--describe", *arguments, status=1)
        check_cluster_tool(cluster, server)


def check_delete_records(cluster, server):
    def asked(text, **wanted):
        path = os.path.join(cluster.directory, "records.json")
        with open(path, "w") as file:
            file.write(text)
        out, theirs = alike(DELETE, *server, "--offset-json-file", path, **wanted)
        if wanted["status"] == 0:
            check_equal(rows(out), rows(theirs), f"the output of kafka-delete-records.sh with {text}")
    entry = '{"topic":"orders","partition":%d,"offset":%d}'
    asked('{"version":1,"partitions":[%s,%s]}' % (entry % (1, -1), entry % (0, 7)), status=0)
    asked('{"partitions":[%s],"more":{}}' % (entry % (2, 0)), status=0)
    asked('{"version":2,"partitions":[%s]}' % (entry % (0, 7)), status=1)
    asked('{"version":1,"partitions":[%s,%s]}' % (entry % (0, 7), entry % (0, 8)), status=1, words="orders-0")
    asked("[]", status=1)
    asked('{"partitions":[{"topic":"orders"}]}', status=1)
    alike(DELETE, *server, "--offset-json-file", "/absent", status=1, words="/absent")
    alike(DELETE, *server, status=1)


def check_leader_election(server):
    preferred = (*server, "--election-type", "preferred")
    one = ("--topic", "orders", "--partition", "0")
    for arguments in ((*preferred, *one), (*preferred, "--all-topic-partitions"),
                      (*server, "--election-type", "UNCLEAN", *one)):
        out, theirs = alike(ELECT, *arguments, status=0)
        check_equal(out, theirs, f"the output of kafka-leader-election.sh {arguments}")
    alike(ELECT, *preferred, "--topic", "orders", "--partition", "99", status=1,
          words="Error completing leader election (PREFERRED) for partition: orders-99: ")
    for arguments in ((*server, *one), preferred, (*preferred, "--topic", "orders"),
                      (*server, "--election-type", "nonsense", *one)):
        alike(ELECT, *arguments, status=1)


def check_log_dirs(server):
    def brokers(text):
        """The JSON without the order of its lists."""
        answer = json.loads(text.splitlines()[2])
        for broker in answer["brokers"]:
            for directory in broker["logDirs"]:
                directory["partitions"].sort(key=lambda row: row["partition"])
        return text.splitlines()[:2], answer
    for more in ((), ("--broker-list", "1,0"), ("--topic-list", "orders,absent")):
        out, theirs = alike(DIRS, *server, "--describe", *more, status=0)
        check_equal(brokers(out), brokers(theirs), f"the output of kafka-log-dirs.sh {more}")
    alike(DIRS, *server, "--describe", "--broker-list", "0,7", status=1, words="The given brokers do not exist "
          "from --broker-list: 7. Current existent brokers: 0,1")
    alike(DIRS, *server, status=1)


@test("the tools of administrators answer as Kafka's do")
def administrators():
    kafka(CONSOLE, "--version")
    with Cluster(2) as cluster:
        server = ("--bootstrap-server", cluster.bootstrap)
        fill(cluster)
        check_delete_records(cluster, server)
        check_leader_election(server)
        check_log_dirs(server)


def check_cluster_tool(cluster, server):
    for arguments in (("cluster-id",), ("list-endpoints",), ("list-endpoints", "--include-fenced-brokers")):
        out, theirs = alike(CLUSTER, *arguments, *server, status=0)
        check_equal(out, theirs, f"the output of kafka-cluster.sh {arguments}")
    alike(CLUSTER, "unregister", "-b", cluster.bootstrap, "--id", "7", status=1, words="Broker ID 7 not found")
    for arguments in ((), ("nonsense",), ("cluster-id",), ("unregister", *server),
                      ("unregister", *server, "--id", "x")):
        alike(CLUSTER, *arguments, status=1)


def figures(text):
    """The lines with 1 for each number, as two measurements differ in these."""
    lines = [line for line in text.splitlines() if not line.startswith("SLF4J")]
    return [re.sub(r"-?\d+(\.\d+)?", "1", line) for line in lines]


@test("the programs that measure and verify print what Kafka's print")
def performance():
    kafka(CONSOLE, "--version")
    with Cluster(3) as cluster:
        server, props = ("--bootstrap-server", cluster.bootstrap), f"bootstrap.servers={cluster.bootstrap}"
        cluster.create_topic("t", partitions=1)
        run = ("--topic", "t", "--num-records", "600", "--throughput", "-1", "--producer-props", props, "acks=all")
        path = os.path.join(cluster.directory, "payloads")
        with open(path, "w") as file:
            file.write("one\ntwo\n")
        for more in (("--record-size", "50"), ("--payload-monotonic", "--transaction-duration-ms", "50"),
                     ("--payload-file", path)):
            out, theirs = alike(PRODUCER_PERF, *run, *more, status=0)
            check_equal(figures(out), figures(theirs), f"the output of kafka-producer-perf-test.sh {more}")
        for wrong in (run[:6], (*run, "--record-size", "0"), (*run, "--record-size", "1", "--payload-monotonic"),
                      (*run, "--record-size", "1", "--transaction-duration-ms", "0"), run):
            alike(PRODUCER_PERF, *wrong, status=1)
        for more in (("--messages", "1000"), ("--messages", "1000", "--hide-header", "--date-format", "HH.mm"),
                     ("--messages", "9999", "--timeout", "2000", "--group", "new")):
            out, theirs = alike(CONSUMER_PERF, *server, "--topic", "t", *more, status=0)
            check_equal(figures(out), figures(theirs), f"the output of kafka-consumer-perf-test.sh {more}")
        alike(CONSUMER_PERF, *server, "--topic", "t", status=1)
        out, theirs = alike(LATENCY, cluster.bootstrap, "t", "3", "all", "10", status=0)
        check_equal(figures(out)[1:], figures(theirs), "the output of kafka-e2e-latency.sh, without the warning")
        alike(LATENCY, cluster.bootstrap, "t", "3", "0", "10", status=1)
        # each of both gets a topic of its own, so that offsets are the same
        for number, more in enumerate((("--max-messages", "3", "--repeating-keys", "2", "--value-prefix", "7"),
                                       ("--max-messages", "2", "--acks", "0"))):
            lines = {}
            for which in ("ours", "theirs"):
                cluster.create_topic(f"{which}{number}", partitions=1)
                arguments = (*server, "--topic", f"{which}{number}", *more)
                text = kafka(SENDER, *arguments) if which == "theirs" else tool(OURS[SENDER], *arguments).stdout
                lines[which] = [re.sub(r'"(timestamp|avg_throughput)":[\d.E-]+', "", line.replace(which, "topic"))
                                for line in text.splitlines() if line.startswith("{")]
            check_equal(lines["ours"], lines["theirs"], f"the lines of kafka-verifiable-producer.sh {more}")
        for more in (("--max-messages", "3", "--verbose"), ("--max-messages", "3", "--enable-autocommit")):
            lines = {}
            for which in ("ours", "theirs"):
                arguments = (*server, "--topic", "ours0", "--group-id", f"{which}{len(more)}{more[-1]}", *more)
                text = kafka(READER, *arguments) if which == "theirs" else tool(OURS[READER], *arguments).stdout
                lines[which] = [re.sub(r'"timestamp":\d+', "", line) for line in text.splitlines()
                                if line.startswith("{")]
            check_equal(lines["ours"], lines["theirs"], f"the lines of kafka-verifiable-consumer.sh {more}")
        alike(SENDER, *server, "--topic", "t", "--acks", "7", status=1)
        alike(READER, *server, "--topic", "t", status=1)


@test("kafka-dump-log prints the records of users and of coordinators as Kafka's does")
def dumps():
    kafka(CONSOLE, "--version")
    with Cluster(1) as cluster:
        server = ("--bootstrap-server", cluster.bootstrap)
        cluster.create_topic("t", partitions=1)
        run = ("--topic", "t", "--num-records", "20", "--throughput", "-1", "--record-size", "9")
        tool(OURS[PRODUCER_PERF], *server, *run, "--transactional-id", "mine")
        tool(OURS[READER], *server, "--topic", "t", "--group-id", "g", "--max-messages", "20")
        for topic, *decoder in (("t-0", "--print-data-log"), ("t-0", "--deep-iteration"),
                                ("__consumer_offsets-", "--offsets-decoder"),
                                ("__transaction_state-", "--transaction-log-decoder"),
                                ("__transaction_state-", "--transaction-log-decoder", "--skip-record-metadata")):
            files = [os.path.join(folder, name) for folder, _, names in os.walk(cluster.nodes[0].log_dir)
                     for name in names if name.endswith(".log") and os.path.basename(folder).startswith(topic)]
            files = [path for path in files if os.path.getsize(path) > 0]
            check(files, f"segments of {topic}")
            out, theirs = alike(DUMP, "--files", ",".join(files), *decoder, status=0)
            check_equal(out, theirs, f"the output of kafka-dump-log.sh {decoder}")
        alike(DUMP, status=1)


@test("kafka-streams-application-reset plans as Kafka's does")
def streams_reset():
    kafka(CONSOLE, "--version")
    with Cluster(1) as cluster:
        fill(cluster)
        for topic in ("app-store-changelog", "app-agg-repartition", "app-other"):
            cluster.create_topic(topic)
        commit(cluster, "app", {0: 5, 1: 30})
        for more in ((), ("--input-topics", "orders,absent", "--intermediate-topics", "other,absent"),
                     ("--input-topics", "orders", "--shift-by", "3"), ("--input-topics", "orders", "--to-offset", "30"),
                     ("--input-topics", "orders", "--to-datetime", "2100-01-01T00:00:00.000"),
                     ("--internal-topics", "app-store-changelog")):
            out, theirs = alike(RESET, "--bootstrap-server", cluster.bootstrap, "--application-id", "app", "--dry-run",
                                *more, status=int("orders,absent" in more))
            check_equal(out, theirs, f"the output of kafka-streams-application-reset.sh {more}")
        alike(RESET, "--bootstrap-server", cluster.bootstrap, "--application-id", "app", "--internal-topics", "other",
              status=1)


@test("Kafka's tools ask the controllers, with --bootstrap-controller")
def bootstrap_controller():
    with Cluster(3) as cluster:
        cluster.create_topic("orders")
        voters = cluster.nodes[0].settings["controller.quorum.voters"].split(",")
        addresses = {int(one.split("@")[0]): one.split("@")[1] for one in voters}

        def ask(tool_class, *arguments, words=(), fails=False):
            done = kafka_run(tool_class, "--bootstrap-controller", ",".join(addresses.values()), *arguments)
            text = done.stdout + done.stderr
            check_equal(done.returncode, int(fails), f"the status of {tool_class} {arguments}: {text[-2000:]}")
            for word in words:
                check(word in text, f"{word} in what {tool_class} {arguments} says: {text}")

        def ask_last(tool_class, command, *arguments, **expected):
            done = kafka_run(tool_class, command, "--bootstrap-controller", addresses[0], *arguments)
            text = done.stdout + done.stderr
            check_equal(done.returncode, int(expected.get("fails", False)), f"{command}: {text[-2000:]}")
            for word in expected.get("words", ()):
                check(word in text, f"{word} in what {tool_class} {command} says: {text}")

        endpoints = [f"CONTROLLER://{address}" for address in addresses.values()]
        ask(QUORUM, "describe", "--status", words=("ClusterId:", "LeaderId:", *endpoints))
        ask(QUORUM, "describe", "--replication", "--human-readable", words=("Leader", "Follower"))
        ask(QUORUM, "remove-controller", "--controller-id", "2", "--controller-directory-id",
            "AAAAAAAAAAAAAAAAAAAAAQ", words=("controller.quorum.voters",), fails=True)
        ask(FEATURES, "describe", words=("group.version",))
        ask(CONFIGS, "--describe", "--entity-type", "brokers", "--entity-name", "1", "--all",
            words=("All configs for broker 1 are:", "num.partitions="))
        ask(CONFIGS, "--alter", "--entity-type", "brokers", "--entity-default", "--add-config",
            "log.retention.ms=123456", words=("Completed",))
        ask(CONFIGS, "--describe", "--entity-type", "brokers", "--entity-default",
            words=("log.retention.ms=123456",))
        ask(CONFIGS, "--alter", "--entity-type", "topics", "--entity-name", "orders", "--add-config",
            "retention.ms=77", words=("Completed",))
        ask(CONFIGS, "--describe", "--entity-type", "broker-loggers", "--entity-name", "2",
            words=("root=INFO",))
        ask(REASSIGN, "--list", words=("No partition reassignments found.",))
        ask_last(CLUSTER, "cluster-id", words=("Cluster ID:",))
        ask_last(CLUSTER, "list-endpoints", words=("controller", *(a.split(":")[1] for a in addresses.values())))
        ask_last(CLUSTER, "unregister", "--id", "17", words=("Broker ID 17 not found",), fails=True)


def check_alike(tool_class, *arguments, same=rows):
    """Both end well, with the same output as `same` makes of it."""
    ours, theirs = alike(tool_class, *arguments, status=0)
    check_equal(same(ours), same(theirs), f"the output of {OURS[tool_class]} {arguments}")


def no_numbers(text):
    """And without the null of a voter that has no directory id, which Kafka 4.1 leaves out and newer ones print."""
    return [re.sub(r"\d+", "N", line).replace('"directoryId": null, ', "") for line in rows(text)]


def words_of(text):
    """Of a table, whose columns the two may pad in another way."""
    return [line.split() for line in text.splitlines()]


def json_lines(text):
    """What is proposed is drawn at random: which partitions with how many replicas, instead."""
    def told(line):
        if not line.startswith("{"):
            return line
        return [(p["topic"], p["partition"], len(p["replicas"]), p["log_dirs"])
                for p in json.loads(line)["partitions"]]
    return [told(line) for line in lines(text)]


@test("replicas are moved by Kafka's tool as by ours")
def moves():
    kafka(CONSOLE, "--version")
    with Cluster(3) as cluster:
        server = ("--bootstrap-server", cluster.bootstrap)
        cluster.create_topic("t", partitions=2, replicas=2)
        cluster.create_topic("u", replicas=1)

        def put(name, text):
            path = os.path.join(cluster.directory, name)
            with open(path, "w") as file:
                file.write(text)
            return path

        def plan(replicas):
            return put("plan.json", json.dumps({"version": 1, "partitions": [
                {"topic": t, "partition": p, "replicas": ids} for (t, p), ids in replicas.items()]}))

        topics = put("topics.json", '{"version":1,"topics":[{"topic":"t"},{"topic":"u"}]}')
        check_alike(REASSIGN, *server, "--generate", "--topics-to-move-json-file", topics, "--broker-list", "0,1,2",
                    same=json_lines)
        check_alike(REASSIGN, *server, "--list", same=lines)
        for wrong in ({("t", 0): [0, 7]}, {("t", 5): [0]}):
            alike(REASSIGN, *server, "--execute", "--reassignment-json-file", plan(wrong), status=1)
        goals = ({("t", 0): [0, 1, 2], ("t", 1): [2], ("u", 0): [1, 2]},
                 {("t", 0): [1, 0], ("t", 1): [0], ("u", 0): [2]})
        for goal, run in zip(goals, (kafka, lambda of, *rest: tool(OURS[of], *rest).stdout)):
            file = ("--reassignment-json-file", plan(goal))
            check_alike(REASSIGN, *server, "--verify", *file, "--preserve-throttles", same=lines)
            told = run(REASSIGN, *server, "--execute", *file, "--throttle", "50000000")
            for words in ("Current partition replica assignment", "Warning: You must run --verify periodically",
                          "The inter-broker throttle limit was set to 50000000 B/s",
                          "Successfully started partition reassignments for t-0,t-1,u-0"):
                check(words in told, f"{words} in what --execute says: {told}")
            for (topic, partition), replicas in goal.items():
                reassign.wait_moved(cluster, topic, replicas, partition)
            check_alike(REASSIGN, *server, "--verify", *file, same=lines)
            check("throttled" not in tool(OURS[CONFIGS], *server, "--describe", "--entity-type", "brokers",
                                          "--entity-name", "0").stdout, "a throttle stays")
        alike(REASSIGN, *server, "--cancel", *file, status=0,
              words="None of the specified partition reassignments are active.")


@test("replicas are moved between log directories by Kafka's tool as by ours")
def moves_between_directories():
    kafka(CONSOLE, "--version")
    cluster = Cluster(1, start=False)
    (node,) = cluster.nodes
    homes = [node.log_dir, node.log_dir + ".more"]
    node.settings["log.dirs"] = ",".join(homes)
    with cluster:
        cluster.start()
        server = ("--bootstrap-server", cluster.bootstrap)
        cluster.create_topic("t")
        home = homes[os.path.isdir(os.path.join(homes[1], "t-0"))]
        path = os.path.join(cluster.directory, "plan.json")
        goals = [next(d for d in homes if d != home), home]
        for goal, run in zip(goals, (kafka, lambda of, *rest: tool(OURS[of], *rest).stdout)):
            with open(path, "w") as file:
                json.dump({"version": 1, "partitions": [
                    {"topic": "t", "partition": 0, "replicas": [0], "log_dirs": [goal]}]}, file)
            plan = ("--reassignment-json-file", path)
            check_alike(REASSIGN, *server, "--verify", *plan, "--preserve-throttles", same=lines)
            told = run(REASSIGN, *server, "--execute", *plan, "--replica-alter-log-dirs-throttle", "50000000")
            for words in ("The replica-alter-dir throttle limit was set to 50000000 B/s",
                          f"Successfully started moving log directory to {goal} for replica t-0 with broker 0 "):
                check(words in told, f"{words} in what --execute says: {told}")
            wait_until(lambda: "completed successfully" in tool(OURS[REASSIGN], *server, "--verify", *plan,
                                                                "--preserve-throttles").stdout, 120, "it has moved")
            check_alike(REASSIGN, *server, "--verify", *plan, same=lines)


@test("what describes the cluster prints what Kafka's tools print")
def describing():
    kafka(CONSOLE, "--version")
    with Cluster(2) as cluster:
        server = ("--bootstrap-server", cluster.bootstrap)
        fill(cluster)
        producer = TransactionalProducer({"bootstrap.servers": cluster.bootstrap, "transactional.id": "copier"})
        producer.init_transactions(60)
        producer.begin_transaction()
        producer.produce("orders", "x", partition=0)
        producer.commit_transaction(60)
        check_alike(TOPICS, *server, "--list")
        check_alike(TOPICS, *server, "--describe", "--exclude-internal")
        check_alike(TOPICS, *server, "--describe", "--under-replicated-partitions")
        for time in ("latest", "-1", "earliest", "-2", "max-timestamp", "earliest-local", "-4", "latest-tiered"):
            check_alike(OFFSETS, *server, "--topic-partitions", "orders:0-2,other:0", "--time", time)
        check_alike(FEATURES, *server, "describe")
        check_alike(QUORUM, *server, "describe", "--status", same=no_numbers)
        check_alike(QUORUM, *server, "describe", "--replication", same=lambda text: words_of(text)[0])
        check_alike(TRANSACTIONS, *server, "list", same=words_of)
        check_alike(TRANSACTIONS, *server, "describe", "--transactional-id", "copier",
                    same=lambda text: [line[:7] + line[8:] for line in words_of(text)])  # without the duration
        for partition in range(PARTITIONS):
            check_alike(TRANSACTIONS, *server, "describe-producers", "--topic", "orders", "--partition", str(partition),
                        same=words_of)
        check_alike(TRANSACTIONS, *server, "find-hanging", "--topic", "orders", same=words_of)
        check_alike(APIS, *server, same=lambda text: [line for line in rows(text) if " -> (" in line])


@test("settings of groups and client metrics, and quotas of users, clients and addresses")
def entities():
    kafka(CONSOLE, "--version")
    with Cluster(2) as cluster:
        server = ("--bootstrap-server", cluster.bootstrap)
        cluster.create_topic("orders", partitions=PARTITIONS)
        commit(cluster, "idle", {0: 0})
        for arguments in (("--group", "idle"), ("--group", "absent"), ("--entity-type", "groups"),
                          ("--client-metrics", "absent"), ("--entity-type", "client-metrics"),
                          ("--entity-type", "groups", "--entity-name", "idle"), ("--topic", "orders"),
                          ("--entity-type", "topics"), ("--entity-type", "brokers")):
            ours, theirs = alike(CONFIGS, *server, "--describe", *arguments, status=0)
            check_equal(rows(ours), rows(theirs), f"what kafka-configs.sh --describe {arguments} prints")
        for arguments in (("--group", "g", "--topic", "t"), ("--entity-type", "groups", "--entity-default"),
                          ("--entity-type", "nonsense")):
            alike(CONFIGS, *server, "--describe", *arguments, status=1)
        check_group_settings(server)
        check_client_metrics(server)
        check_quotas(server)


def check_group_settings(server):
    change = ("--alter", "--group")
    for arguments, status in (((*change, "idle", "--add-config", "consumer.session.timeout.ms=50000"), 0),
                              (("--describe", "--group", "idle"), 0),
                              ((*change, "new", "--add-config", "consumer.heartbeat.interval.ms=7000"), 0),
                              (("--describe", "--entity-type", "groups"), 0),
                              ((*change, "idle", "--add-config", "consumer.session.timeout.ms=1"), 1),
                              ((*change, "idle", "--add-config", "consumer.x=1"), 1)):
        ours, theirs = alike(CONFIGS, *server, *arguments, status=status)
        check_equal(sorted(rows(ours)), sorted(rows(theirs)), f"what kafka-configs.sh {arguments} prints")
    kafka(CONFIGS, *server, *change, "new", "--delete-config", "consumer.heartbeat.interval.ms")
    check_equal(tool("kafka-configs.sh", *server, "--describe", "--group", "new").stdout,
                "The group 'new' doesn't exist and doesn't have dynamic config.\n", "what is told of one that is gone")


def check_client_metrics(server):
    """kafka-client-metrics, and kafka-configs of what it makes; then SCRAM credentials, of which there are none."""
    change = ("--alter", "--name", "m", "--interval", "5000", "--metrics", "a.,b.", "--match", "client_id=x")
    for tool_class, arguments in ((METRICS, change), (METRICS, ("--list",)), (METRICS, ("--describe",)),
                                  (METRICS, ("--describe", "--name", "absent")),
                                  (CONFIGS, ("--describe", "--client-metrics", "m")),
                                  (CONFIGS, ("--describe", "--client-metrics", "m", "--all")),
                                  (CONFIGS, ("--describe", "--entity-type", "client-metrics")),
                                  (METRICS, ("--alter", "--name", "m", "--interval", "")),
                                  (METRICS, ("--describe", "--name", "m")), (METRICS, ("--delete", "--name", "m")),
                                  (METRICS, ("--list",))):
        ours, theirs = alike(tool_class, *server, *arguments, status=0)
        check_equal([line for line in rows(ours) if line], [line for line in rows(theirs) if line],
                    f"what {OURS[tool_class]} {arguments} prints")
    for arguments in (("--alter",), ("--delete",), ("--list", "--describe"),
                      ("--alter", "--name", "m", "--interval", "1"),
                      ("--alter", "--name", "m", "--match", "client_id=(")):
        alike(METRICS, *server, *arguments, status=1)
    check_equal(kafka(CONFIGS, *server, "--describe", "--entity-type", "users"), "", "what is told of users")
    check_equal(kafka(CONFIGS, *server, "--describe", "--user", "alice"), "", "what is told of a user")


def quota_lines(text):
    """Kafka prints entities, and the quotas of each, in the order of a hash."""
    return sorted(re.sub(r" are (.*)", lambda found: " are " + ", ".join(sorted(found[1].split(", "))), line)
                  for line in text.splitlines())


def check_quotas(server):
    """Each change is made by both, one after the other: the same words, the same status, the same quotas."""
    changes = [(0, "--client", "c", "--add-config", "producer_byte_rate=10000000,consumer_byte_rate=123.0"),
               (0, "--user", "u", "--client-defaults", "--add-config", "request_percentage=0.0001"),
               (0, "--entity-type", "users", "--entity-default", "--entity-type", "clients", "--entity-name", "c",
                "--add-config", "controller_mutation_rate=12.5"),
               (0, "--ip-defaults", "--add-config", "connection_creation_rate=6"),
               (1, "--client", "c", "--add-config", "producer_byte_rate=-5"),
               (1, "--user-defaults", "--add-config", "nonsense=5"),
               (1, "--client", "c", "--delete-config", "request_percentage")]
    described = [("--entity-type", "clients"), ("--user", "u", "--client-defaults"), ("--entity-type", "ips"),
                 ("--entity-type", "users", "--entity-default", "--entity-type", "clients")]
    for status, *arguments in changes:
        ours, theirs = alike(CONFIGS, *server, "--alter", *arguments, status=status)
        if status == 0:
            check_equal(ours, theirs, f"what kafka-configs.sh --alter {arguments} prints")
    for arguments in described:
        ours, theirs = alike(CONFIGS, *server, "--describe", *arguments, status=0)
        check_equal(quota_lines(ours), quota_lines(theirs), f"what kafka-configs.sh --describe {arguments} prints")
    kafka(CONFIGS, *server, "--alter", "--client", "c", "--delete-config", "producer_byte_rate")
    check_equal(tool("kafka-configs.sh", *server, "--describe", "--client", "c").stdout,
                "Quota configs for client-id 'c' are consumer_byte_rate=123.0\n", "what is left of the quotas")
    for wrong in (("--client", "c", "--add-config", "producer_byte_rate=1.5"), ("--user", "u", "--ip", "10.0.0.1"),
                  ("--client", "c", "--add-config", "producer_byte_rate=many"), ("--client", "c", "--client-defaults"),
                  ("--ip", "no address", "--add-config", "connection_creation_rate=5"), ("--client", "c"),
                  ("--entity-type", "clients", "--add-config", "producer_byte_rate=5"),
                  ("--client", "c", "--topic", "orders", "--add-config", "producer_byte_rate=5")):
        check_equal(tool("kafka-configs.sh", *server, "--alter", *wrong, check_status=False).returncode, 1, f"{wrong}")
    done = tool("kafka-configs.sh", *server, "--alter", "--user", "u", "--add-config",
                "SCRAM-SHA-256=[password=p]", check_status=False)
    check(done.returncode == 1 and "no users with passwords yet" in done.stderr, f"SCRAM: {done.stderr}")


@test("features have the levels that Kafka's releases give them")
def releases():
    def levels(text):
        return {name: int(level.split()[0]) for name, level in (line.split("=") for line in text.splitlines())}
    for tool_class, server in ((STORAGE, ()), (FEATURES, ("--bootstrap-server", "127.0.0.1:1"))):
        most = levels(tool(OURS[tool_class], *server, "version-mapping").stdout)  # what this build supports
        for release in ("3.3", "3.9-IV0", "4.0-IV0", "4.0-IV1", "4.0-IV2", "4.0", "4.1"):
            ours, theirs = map(levels, alike(tool_class, *server, "version-mapping", "--release-version", release,
                                             status=0))
            check(ours, f"there are no features in {release}")
            check_equal(ours, {name: min(theirs[name], most[name]) for name in ours}, f"the levels of {release}")
        for release in ("3.0-IV1", "9", "nonsense", "4.0-IV9"):
            alike(tool_class, *server, "version-mapping", "--release-version", release, status=1,
                  words=f"Unknown release version '{release}'. Supported versions are: 3.3-IV3 to ")
        ours, theirs = alike(tool_class, *server, "feature-dependencies", "--feature", "group.version=1",
                             "--feature", "transaction.version=0", status=0)
        check_equal(ours, theirs, "the dependencies")
        for feature, words in (("nonsense=1", "Unknown feature: nonsense"),
                               ("group.version=9", "level 9")):
            alike(tool_class, *server, "feature-dependencies", "--feature", feature, status=1, words=words)
        alike(tool_class, *server, "feature-dependencies", status=1)


@test("kafka-storage answers as Kafka's does, each in directories of its own")
def storage():
    kafka(CONSOLE, "--version")
    with Cluster(1, start=False) as cluster:
        files = {}
        for name in ("ours", "theirs"):
            files[name] = os.path.join(cluster.directory, f"{name}.properties")
            with open(files[name], "w") as file:
                file.write("process.roles=broker,controller\nnode.id=1\n"
                           "controller.quorum.bootstrap.servers=127.0.0.1:19093\n"
                           "listeners=PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093\n"
                           "controller.listener.names=CONTROLLER\n"
                           f"log.dirs={cluster.directory}/{name}/a,{cluster.directory}/{name}/b\n")

        def both_say(*arguments, status, words=""):
            for name, run in (("ours", lambda *a: tool("kafka-storage.sh", *a, check_status=False)),
                              ("theirs", lambda *a: kafka_run(STORAGE, *a))):
                done = run(*[files[name] if a == "FILE" else a for a in arguments])
                said = (done.stdout + done.stderr).replace(f"/{name}/", "/DIR/")
                check_equal(done.returncode, status, f"the status of {name} {arguments}: {said}")
                check(words in said, f"{name} {arguments} does not say {words!r}: {said}")
        first, second = (f"{cluster.directory}/DIR/{name}" for name in "ab")
        cluster_id = "MkU3OEVBNTcwNTJENDM2Qg"
        write = ("format", "-t", cluster_id, "-c", "FILE")
        both_say(status=1)
        both_say("nonsense", status=1)
        both_say("random-uuid", status=0)
        both_say("info", "-c", "FILE", status=1, words=f"Found problems:\n  {first} does not exist\n")
        both_say("format", "-c", "FILE", status=1)
        both_say("format", "-t", cluster_id, status=1)
        both_say(*write, status=1, words="you must specify one of the following: --standalone, "
                 "--initial-controllers, or --no-initial-controllers.")
        both_say(*write, "--standalone", "--no-initial-controllers", status=1)
        both_say(*write, "--standalone", "--feature", "nonsense=1", status=1)
        both_say(*write, "--initial-controllers", "nonsense", status=1)
        both_say(*write, "--standalone", status=0, words=f" directory {second} with ")
        both_say(*write, "--standalone", status=1,
                 words="is already formatted. Use --ignore-formatted to ignore this directory and "
                 "format the others.")
        both_say(*write, "--standalone", "--ignore-formatted", status=0,
                 words="All of the log directories are already formatted.")
        both_say("format", "-t", "other", "-c", "FILE", "-s", "-g", status=1,
                 words=f"Invalid cluster.id in: {first}/meta.properties. Expected other, but read {cluster_id}")
        both_say("info", "-c", "FILE", status=0, words=f"Found log directories:\n  {first}\n  {second}\n\n"
                 f"Found metadata: {{cluster.id={cluster_id}, directory.id=")
        done = tool("kafka-storage.sh", "info", "-c", files["theirs"], check_status=False)
        check(done.returncode == 1 and "belongs to Apache Kafka" in done.stdout, done.stdout)


tap.run()
