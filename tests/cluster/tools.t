#!/usr/bin/env python3
"""The command line as a user meets it: what is printed where, the exit status, and what is said of
mistakes. What an option can't do is an error, never ignored."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import json
import re
import signal
import socket
import subprocess

import batches
import produce
import tap
import wire
from cluster import Cluster
from node import spawn
from tap import check, check_equal, note, test
from tool import MILLRACE, misuse, says, tool
from wait import wait_until

DEADLINE_S = 120
TOPICS, PRODUCER, CONSUMER = "kafka-topics.sh", "kafka-console-producer.sh", "kafka-console-consumer.sh"
GROUPS = "kafka-consumer-groups.sh"
SPEAKERS = (  # to a cluster
    (TOPICS, "--list"), (PRODUCER, "--topic", "t"), (CONSUMER, "--topic", "t"),
    ("kafka-configs.sh", "--describe", "--topic", "t"), (GROUPS, "--list"), ("kafka-groups.sh", "--list"),
    ("kafka-get-offsets.sh",), ("kafka-metadata-quorum.sh", "describe", "--status"),
    ("kafka-broker-api-versions.sh",), ("kafka-cluster.sh", "cluster-id"), ("kafka-log-dirs.sh", "--describe"),
    ("kafka-leader-election.sh", "--election-type", "preferred", "--all-topic-partitions"),
    ("kafka-reassign-partitions.sh", "--list"), ("kafka-features.sh", "describe"),
    ("kafka-transactions.sh", "describe-producers", "--topic", "t", "--partition", "0"))
ASK_CONTROLLERS = ("kafka-configs.sh", "kafka-metadata-quorum.sh", "kafka-cluster.sh", "kafka-features.sh",
                   "kafka-reassign-partitions.sh")
MANY = 400  # partitions: their logs are not all open when the topic is made
QUIET_MS = "10000"  # without a record: the consumer has read to the end


def wait_partitions(cluster, topic, count):
    def look():
        return all(len(wire.metadata(n.port).topics.get(topic, {})) == count for n in cluster.nodes)
    wait_until(look, DEADLINE_S, f"{topic} has {count} partitions")


@test("kafka-topics: create, list, describe, alter, delete")
def topics():
    with Cluster(3) as cluster:
        says(cluster, TOPICS, "--create", "--topic", "orders", "--partitions", "2",
             "--replication-factor", "3", "--config", "min.insync.replicas=3", out="Created topic orders.\n")
        says(cluster, TOPICS, "--create", "--topic", "a_b", "--replica-assignment", "0:1,1:2",
             out=re.compile(r"^WARNING.*\nCreated topic a_b.\n$"))
        cluster.wait_isr_whole("orders")
        says(cluster, TOPICS, "--list", out="a_b\norders\n")
        says(cluster, TOPICS, "--list", "--topic", r"o\w+", out="orders\n")
        header = r"Topic: orders\tTopicId: [\w-]{22}\tPartitionCount: 2\tReplicationFactor: 3\t" \
                 r"Configs: min.insync.replicas=3\n"
        line = r"\tTopic: orders\tPartition: %d\tLeader: [012]\tReplicas: [012],[012],[012]\t" \
               r"Isr: [012],[012],[012]\tElr: \tLastKnownElr: \n"
        lines = line % 0 + line % 1
        says(cluster, TOPICS, "--describe", "--topic", "orders", out=re.compile(f"^{header}{lines}$"))
        says(cluster, TOPICS, "--describe", "--topic", "orders", "--partition-size-limit-per-response",
             "1", out=re.compile(f"^{header}{lines}$"))
        says(cluster, TOPICS, "--describe", "--topics-with-overrides", out=re.compile(f"^{header}$"))
        says(cluster, TOPICS, "--describe", "--at-min-isr-partitions", out=re.compile(f"^{lines}$"))
        for nothing in ("--under-replicated-partitions", "--unavailable-partitions",
                        "--under-min-isr-partitions"):
            says(cluster, TOPICS, "--describe", nothing)
        says(cluster, TOPICS, "--alter", "--topic", "orders", "--partitions", "3")
        wait_partitions(cluster, "orders", 3)
        says(cluster, TOPICS, "--delete", "--topic", "orders")
        wait_partitions(cluster, "orders", 0)


@test("kafka-topics --describe: the filters, with a broker down; a producer that can't get through")
def broker_down():
    with Cluster(3) as cluster:
        cluster.create_topic("all", replicas=3, min_insync_replicas=3)
        cluster.create_topic("two", replicas=3, min_insync_replicas=2)
        says(cluster, TOPICS, "--create", "--topic", "one", "--replica-assignment", "2",
             out="Created topic one.\n")
        cluster.nodes[2].kill()
        wait_until(lambda: all(len(cluster.partition(t)[2]) == 2 for t in ("all", "two")) and
                   cluster.partition("one")[0] < 0, DEADLINE_S, "the dead broker is noticed")
        for option, expected in (("--under-replicated-partitions", ["all", "two"]),
                                 ("--unavailable-partitions", ["one"]),
                                 ("--under-min-isr-partitions", ["all", "one"]),
                                 ("--at-min-isr-partitions", ["one", "two"])):
            done = says(cluster, TOPICS, "--describe", option, out=re.compile("."))
            check_equal(re.findall(r"^\tTopic: (\w+)\t", done.stdout, re.M), expected, option)
        says(cluster, TOPICS, "--describe", "--topic", "one", out=re.compile("\tLeader: none\t"))
        child = spawn([PRODUCER, "--bootstrap-server", cluster.nodes[0].address, "--topic", "one"],
                      executable=MILLRACE, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        child.stdin.write("a\n")
        child.stdin.flush()
        line = child.stderr.readline()
        check("nothing was delivered yet" in line and "--topic one" in line, f"it says {line!r}")
        child.kill()
        child.communicate()


@test("kafka-topics: what the cluster refuses, and what is not there, is one line on stdout")
def topics_refused():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        refused = "Error while executing topic command : "
        for arguments, reason in (
                (("--create", "--topic", "t"), "Topic 't' already exists."),
                (("--create", "--topic", "u", "--replication-factor", "2"), "only 1 broker"),
                (("--create", "--topic", "u", "--config", "retention.mss=1"), "did you mean retention.ms?"),
                (("--create", "--topic", "u v"), "name is invalid"),
                (("--alter", "--topic", "t", "--partitions", "1"), "already has 1 partition")):
            says(cluster, TOPICS, *arguments, status=1,
                 out=re.compile(f"^{refused}.*{re.escape(reason)}.*\n$"))
        says(cluster, TOPICS, "--create", "--topic", "t", "--if-not-exists")
        for action in (("--describe",), ("--delete",), ("--alter", "--partitions", "2")):
            says(cluster, TOPICS, *action, "--topic", "absent", status=1,
                 out=f"{refused}Topic 'absent' does not exist as expected\n")
            says(cluster, TOPICS, *action, "--topic", "absent", "--if-exists")


@test("options that contradict each other or that the action does not read")
def contradictions():
    with Cluster(1) as cluster:
        for arguments, words in (
                (("--list", "--describe"), ["one of --create"]),
                (("--list", "--partitions", "3"), ["--partitions", "not with --list"]),
                (("--create", "--topic", "t", "--if-exists"), ["--if-exists", "not with --create"]),
                (("--alter", "--topic", "t", "--partitions", "2", "--config", "a=b"), ["kafka-configs"]),
                (("--describe", "--if-exists"), ["--if-exists", "--topic"]),
                (("--describe", "--topics-with-overrides", "--unavailable-partitions"),
                 ["--topics-with-overrides"]),
                (("--describe", "--topic", "a", "--topic", "b"), ["--topic", "twice"]),
                (("--create",), ["--create needs --topic"]),
                (("--create", "--topic", "t", "--partitions", "0"), ["--partitions 0", "from 1 to"]),
                (("--create", "--topic", "t", "--replication-factor", "x"), ["--replication-factor x"]),
                (("--create", "--topic", "t", "--replica-assignment", "0:0"), ["--replica-assignment"]),
                (("--list", "--topik", "t"), ["--topik", "did you mean --topic?"]),
                (("--list", "more"), ["more"])):
            misuse(cluster, TOPICS, *arguments, words=words)
        misuse(cluster, "kafka-consumer-groups.sh", "--list", "--group", "g",
               words=["--group", "not with --list"])
        misuse(cluster, "kafka-configs.sh", "--describe", "--topic", "t", "--add-config", "a=b",
               words=["--add-config", "not with --describe"])
        misuse(cluster, "kafka-metadata-quorum.sh", "describe", "--status", "--human-readable",
               words=["--human-readable"])
        says(cluster, TOPICS, "--create", "--topic", "t", "--delete-config", "a", "--disable-rack-aware",
             "--force", out="Created topic t.\n", err=re.compile("--delete-config has no effect.*\n.*"
                                                                "--disable-rack-aware has no effect"))


@test("the console producer: keys, headers, null markers, acks, codecs, --sync")
def producer():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        keyed = ("--topic", "t", "--property", "parse.key=TRUE", "--property", "key.separator=:")
        says(cluster, PRODUCER, *keyed, "--property", "null.marker=NULL", "--sync",
             stdin="k1:v1\n:v2\nNULL:NULL\nk4:a:b\n")
        says(cluster, PRODUCER, *keyed, "--property", "parse.headers=true", "--compression-codec",
             stdin="h1:x,h2:y\tk5:v5\n")
        says(cluster, PRODUCER, *keyed, "--property", "ignore.error=true", stdin="no separator\n")
        for acks in ("all", "-1", "1", "0"):
            says(cluster, PRODUCER, "--topic", "t", "--request-required-acks", acks, stdin=f"a{acks}\n")
        for acks in ("all", "1"):
            says(cluster, PRODUCER, "--topic", "t", "--producer-property", f"acks={acks}",
                 stdin=f"p{acks}")
        says(cluster, PRODUCER, *keyed, stdin="k:last\nbad\nk:never\n", status=1,
             err='kafka-console-producer.sh: line 2 has no key: ":" is missing\n')
        expected = ("NO_HEADERS|k1|v1\nNO_HEADERS||v2\nNO_HEADERS|null|null\nNO_HEADERS|k4|a:b\n"
                    "h1:x,h2:y|k5|v5\nNO_HEADERS|null|no separator\n" +
                    "".join(f"NO_HEADERS|null|{value}\n" for value in
                            ("aall", "a-1", "a1", "a0", "pall", "p1")) + "NO_HEADERS|k|last\n")
        says(cluster, CONSUMER, "--topic", "t", "--from-beginning", "--max-messages", "13",
             "--property", "print.key=true", "--property", "print.headers=true", "--property",
             "key.separator=|", out=expected, err="Processed a total of 13 messages\n")


@test("the console producer: mistakes, and a cluster that does not answer")
def producer_mistakes():
    with Cluster(1) as cluster:
        for arguments, words in (
                ((), ["--topic"]),
                (("--topic", "t", "--request-required-acks", "2"), ["0, 1, -1 or all"]),
                (("--topic", "t", "--compression-codec", "rar"), ["rar", "zstd"]),
                (("--topic", "t", "--property", "bogus=1"), ["--property bogus=1"]),
                (("--topic", "t", "--line-reader", "com.example.Reader"), ["com.example.Reader"]),
                (("--topic", "t", "--max-block-ms", "x"), ["--max-block-ms x"]),
                (("--topic", "t", "--property", "parse.key=true", "--property", "key.separator="),
                 ["key.separator is empty"]),
                (("--topic", "t", "--property", "parse.headers=true", "--property",
                  "headers.separator=", "--property", "headers.key.separator="),
                 ["headers.separator is empty"])):
            misuse(cluster, PRODUCER, *arguments, words=words)
        says(cluster, PRODUCER, "--topic", "t", "--producer.config", "/absent", status=1,
             err=re.compile("--producer.config /absent: .*No such file"))
    with socket.socket() as closed:  # bound, and nobody listens
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        for more in ((), ("--sync",)):
            done = tool(PRODUCER, "--broker-list", address, "--topic", "t", "--max-block-ms", "3000", *more,
                        stdin="a\nb\n", check_status=False)
            check_equal((done.returncode, done.stdout), (1, ""), f"status and stdout ({done.stderr})")
            check("not delivered" in done.stderr and "--max-block-ms" in done.stderr
                  and address in done.stderr, f"stderr is {done.stderr!r}")


@test("the console consumer: where it starts and where it ends")
def consumer():
    with Cluster(1, group_initial_rebalance_delay_ms=0) as cluster:
        cluster.create_topic("t", partitions=1)
        says(cluster, PRODUCER, "--topic", "t", stdin="0\n1\n2\n3\n")
        for arguments, count in (
                (("--from-beginning",), 4),
                (("--consumer-property", "auto.offset.reset=earliest"), 4),
                (("--from-beginning", "--max-messages", "-1", "--timeout-ms", QUIET_MS), 4),
                (("--timeout-ms", QUIET_MS), 0),
                (("--partition", "0", "--offset", "3"), 1),
                (("--partition", "0", "--offset", "earliest"), 4)):
            end = () if "--timeout-ms" in arguments else ("--max-messages", str(count))
            says(cluster, CONSUMER, "--topic", "t", *arguments, *end,
                 out="".join(f"{n}\n" for n in range(4 - count, 4)),
                 err=f"Processed a total of {count} messages\n")
        says(cluster, CONSUMER, "--include", "[ts]", "--from-beginning", "--max-messages", "2",
             "--enable-systest-events", out="0\n1\nshutdown_complete\n",
             err="Processed a total of 2 messages\n")
        says(cluster, CONSUMER, "--topic", "t", "--group", "g", "--from-beginning", "--max-messages", "3",
             out="0\n1\n2\n", err="Processed a total of 3 messages\n")
        says(cluster, CONSUMER, "--topic", "t", "--group", "g", "--max-messages", "1", out="3\n",
             err="Processed a total of 1 messages\n")
        says(cluster, CONSUMER, "--topic", "t", "--partition", "7", "--timeout-ms", "3000",
             err=re.compile("no partition 7 yet"))
        for arguments, words in (
                ((), ["--topic NAME", "--include"]),
                (("--topic", "t", "--include", "u"), ["one of --topic"]),
                (("--topic", "t", "--offset", "1"), ["--offset needs --partition"]),
                (("--topic", "t", "--partition", "0", "--offset", "x"), ["--offset x"]),
                (("--topic", "t", "--partition", "0", "--group", "g"), ["--partition", "--group"]),
                (("--topic", "t", "--group", "g", "--consumer-property", "group.id=h"), ["g", "h", "differ"]),
                (("--topic", "t", "--from-beginning", "--consumer-property", "auto.offset.reset=latest"),
                 ["contradict"]),
                (("--topic", "t", "--isolation-level", "x"), ["--isolation-level x"]),
                (("--topic", "t", "--formatter", "com.example.Formatter"), ["com.example.Formatter"]),
                (("--topic", "t u",), ["t u", "no topic has such a name"])):
            misuse(cluster, CONSUMER, *arguments, words=words)


@test("addresses that can't be, and brokers that are not there, for every tool")
def addresses():
    for name, *arguments in SPEAKERS:
        done = tool(name, "--bootstrap-server", "localhost:none", *arguments, check_status=False)
        check_equal((done.returncode, done.stderr),
                    (1, f"{name}: --bootstrap-server localhost:none is not an address: write it as "
                     "host:port\n"), f"status and stderr of {name}")
        environment = {k: v for k, v in os.environ.items() if k != "MILLRACE_BOOTSTRAP"}
        done = subprocess.run([name, *arguments], executable=MILLRACE, env=environment, text=True,
                              capture_output=True, timeout=DEADLINE_S, stdin=subprocess.DEVNULL)
        check(done.returncode == 1 and ("--bootstrap-server" in done.stderr), f"{name}: {done.stderr!r}")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        for name, *arguments in SPEAKERS:
            if name in (PRODUCER, CONSUMER):
                continue  # they try on, as they say; the producer's end is another test
            done = tool(name, "--bootstrap-server", address, *arguments, check_status=False)
            check(address in done.stderr + done.stdout and "refused" in done.stderr + done.stdout,
                  f"{name} says {done.stdout!r} {done.stderr!r}")
            check_equal(done.returncode, 0 if name == "kafka-consumer-groups.sh" else 1,
                        f"the status of {name}")


@test("files of client settings: what Java's clients know is taken, what is not available is an error")
def client_settings():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        path = os.path.join(cluster.directory, "client.properties")

        def write(**settings):
            with open(path, "w") as file:
                file.writelines(f"{key.replace('_', '.')}={value}\n" for key, value in settings.items())
        write(client_id="me", retries=3, security_protocol="PLAINTEXT")
        says(cluster, TOPICS, "--list", "--command-config", path, out="t\n",
             err="kafka-topics.sh: --command-config: accepted, no effect: retries\n")
        write(security_protocol="SASL_SSL")
        says(cluster, TOPICS, "--list", "--command-config", path, status=1,
             err=re.compile("security.protocol=SASL_SSL is not available yet"))
        write(linger_ms=1, acks=1, max_block_ms=1000, batch_size=10, partitioner_class="a.B")
        says(cluster, PRODUCER, "--topic", "t", "--producer.config", path, stdin="a\n",
             err=re.compile("partitioner.class has no effect here"))
        write(group_id="g", auto_offset_reset="earliest", client_dns_lookup="use_all_dns_ips")
        says(cluster, CONSUMER, "--topic", "t", "--consumer.config", path, "--max-messages", "1",
             out="a\n", err=re.compile("client.dns.lookup has no effect here.*\nProcessed a total of 1"))
        misuse(cluster, PRODUCER, "--topic", "t", "--producer-property", "max.block.ms=x",
               words=["max.block.ms=x"])


@test("MILLRACE_BOOTSTRAP names the cluster, also for a call without any argument")
def of_environment():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        for name, status, words in (("kafka-broker-api-versions.sh", 0, f"{cluster.bootstrap} (id: 0 "),
                                    ("kafka-get-offsets.sh", 0, "t:0:0\n"),
                                    ("kafka-topics.sh", 1, "give one of --create, --list")):
            done = subprocess.run([name], executable=MILLRACE, text=True, capture_output=True, timeout=DEADLINE_S,
                                  env={**os.environ, "MILLRACE_BOOTSTRAP": cluster.bootstrap})
            check_equal(done.returncode, status, f"the status of {name}: {done}")
            check(words in done.stdout + done.stderr, f"{name} says {done}")


@test("help, versions and wrong names")
def asked():
    def run(*arguments, status, lines=None, out=None, name="millrace"):
        done = tool(name, *arguments, check_status=False)
        check_equal(done.returncode, status, f"the status of {name} {arguments}: {done.stderr!r}")
        if lines:
            check_equal((done.stdout, len(done.stderr.splitlines())), ("", lines),
                        f"stdout and the number of lines of {name} {arguments}: {done.stderr!r}")
        if out:
            check(re.search(out, done.stdout) and not done.stderr, f"{name} {arguments}: {done.stdout!r}")
    for option in ("--help", "-h", "help"):
        run(option, status=0, out="Usage: millrace TOOL")
    run(status=1)
    for option in ("--version", "-v"):
        run(option, status=0, out=r"^\d+\.\d+\.\d+ \(Millrace\)\n$")
    for word in ("topics", "kafka-topics", "kafka-topics.sh"):
        run("help", word, status=0, out=r"Usage: millrace topics .*\n[^$]*--create")
    run("help", "server-start", status=0, out="Usage: millrace server-start")
    for wrong in (("nonsense",), ("help", "nonsense"), ("nonsense", "--help"), ("-x",)):
        run(*wrong, status=1, lines=1)
    names = [name for name in tool("millrace", "help", "links").stdout.split() if name.endswith(".sh")]
    check(all(name in names for name, *_ in SPEAKERS), f"the links are {names}")
    for name in names:
        for option in ("--help", "-h"):
            run(option, status=0, out=f"Usage: {name}[ \\n]", name=name)
        for option in ("--version", "-v"):
            run(option, status=0, out=r"^\d+\.\d+\.\d+ \(Millrace\)\n$", name=name)


@test("filters with words that are none, a second way to say the same, the controllers' port")
def unknown_words():
    with Cluster(1) as cluster:
        cluster.create_topic("t", partitions=2)
        says(cluster, PRODUCER, "--topic", "t", stdin="a\n")
        states = ["Assigning, CompletingRebalance, Dead, Empty, PreparingRebalance, Reconciling, Stable"]
        types = ["Valid types are: Classic, Consumer"]
        for arguments, words in ((("--state", "nonsense"), states), (("--state", "Stable,nonsense"), states),
                                 (("--state", "Stable,"), states), (("--type", "share"), types),
                                 (("--state", "Stable", "--type", "nonsense"), types)):
            misuse(cluster, GROUPS, "--list", *arguments, words=[arguments[-1], *words])
        for state in ("stable", " Stable , EMPTY", "assigning,reconciling"):
            says(cluster, GROUPS, "--list", "--state", state, out=re.compile("^GROUP +STATE *\n$"))
        misuse(cluster, "kafka-groups.sh", "--list", "--group-type", "nonsense",
               words=["nonsense", "classic, consumer, share, streams"])
        for arguments, words in (
                (("--topic", "t", "--entity-type", "brokers"), ["--entity-type or --topic"]),
                (("--topic", "t", "--broker", "0"), ["--topic or --broker"]),
                (("--topic", "t", "--entity-name", "u"), ["--entity-name goes with --entity-type"]),
                (("--entity-type", "brokers", "--entity-name", "0", "--entity-default"),
                 ["--entity-name or --entity-default"]),
                (("--entity-type", "nonsense"), ["nonsense", "brokers, broker-loggers, groups"])):
            misuse(cluster, "kafka-configs.sh", "--describe", *arguments, words=words)
        for name, *arguments in SPEAKERS:  # to a broker; controller_listener.t asks controllers
            if name in ASK_CONTROLLERS:
                arguments += ["--bootstrap-server", cluster.nodes[0].address]
            done = tool(name, *arguments, "--bootstrap-controller", cluster.nodes[0].address,
                        check_status=False)
            check_equal((done.returncode, done.stdout), (1, ""), f"status and stdout of {name}")
            check("--bootstrap-controller" in done.stderr and "--bootstrap-server" in done.stderr,
                  f"{name}: {done.stderr!r}")


@test("kafka-get-offsets: nothing to show; a reset of partitions that are not there")
def not_there():
    with Cluster(1) as cluster:
        cluster.create_topic("t", partitions=2)
        offsets = ("kafka-get-offsets.sh", "--topic", "t")
        says(cluster, *offsets, "--time", "earliest-local", out="t:0:0\nt:1:0\n")
        for time in ("latest-tiered", "-5", "earliest-pending-upload", "-6"):
            says(cluster, *offsets, "--time", time)  # nothing is in another tier: no error
        says(cluster, *offsets, "--partitions", "7", status=1, err=re.compile("no topic and partition"))
        says(cluster, *offsets, "--partitions", "1,7", out="t:1:0\n")
        says(cluster, *offsets, "--time", "9999999999999")  # nothing is that young: no error
        misuse(cluster, *offsets, "--time", "-7", words=["latest", "earliest", "max-timestamp", "earliest-local",
                                                         "latest-tiered", "earliest-pending-upload"])
        reset = (GROUPS, "--reset-offsets", "--group", "g", "--to-earliest", "--execute")
        plan = os.path.join(cluster.directory, "plan.csv")
        with open(plan, "w") as file:
            file.write("t,0,0\nt,5,0\n")
        for arguments, missing in ((("--topic", "t:5"), "t-5"), (("--topic", "t:0,5,7"), "t-5,t-7"),
                                   (("--topic", "absent:0"), "absent")):
            says(cluster, *reset, *arguments, status=1, out=re.compile(rf"^\nError: .*{missing}\b"))
        says(cluster, GROUPS, "--reset-offsets", "--group", "g", "--from-file", plan, "--execute", status=1,
             out=re.compile('^\nError: .*"t-5" do not exist'))
        says(cluster, GROUPS, "--describe", "--group", "g", out=re.compile("group .g. does not exist"))
        says(cluster, *reset, "--topic", "t:1", out=re.compile("g +t +1 +0 *\n$"))


@test("kafka-get-offsets: a topic that was just made, whose logs are not open yet; a partition without a leader")
def offsets_at_once():
    with Cluster(3) as cluster:
        offsets = ("kafka-get-offsets.sh", "--topic")
        says(cluster, TOPICS, "--create", "--topic", "many", "--partitions", str(MANY), "--replication-factor", "1",
             out="Created topic many.\n")
        found = says(cluster, *offsets, "many", out=re.compile(".")).stdout
        check_equal(found.splitlines(), sorted(f"many:{i}:0" for i in range(MANY)), "the offsets")
        says(cluster, TOPICS, "--create", "--topic", "t", "--replica-assignment", "0,2", out="Created topic t.\n")
        says(cluster, *offsets, "t", out="t:0:0\nt:1:0\n")
        cluster.nodes[2].kill()
        wait_until(lambda: cluster.partition("t", 1)[0] < 0, DEADLINE_S, "t-1 has no leader")
        says(cluster, *offsets, "t", out="t:0:0\n", err=re.compile("^kafka-get-offsets.sh: t-1 is left out: .*\n$"))


@test("records that can't be written or read as the options say")
def bad_records():
    with Cluster(1) as cluster:
        cluster.create_topic("t", partitions=1)
        headers = ("--topic", "t", "--property", "parse.headers=true", "--property", "null.marker=NULL")
        for more in ((), ("--property", "ignore.error=true")):
            says(cluster, PRODUCER, *headers, *more, stdin="a:b,NULL:v\tvalue\nc:d\tnever\n", status=1,
                 err=re.compile("line 1: a header's key is equal to null.marker \\(NULL\\)"))
        says(cluster, PRODUCER, *headers, "--property", "ignore.error=true", stdin="x,a:NULL\tfour\n")
        says(cluster, PRODUCER, "--topic", "t", stdin="five5\n4444\n")
        read = ("--topic", "t", "--from-beginning", "--max-messages", "3", "--value-deserializer",
                "org.apache.kafka.common.serialization.IntegerDeserializer")
        says(cluster, CONSUMER, *read, "--property", "print.headers=true", status=1,
             out="x:null,a:null\t1718580594\n",
             err=re.compile("offset 1 of t-0 can't be printed: its value has 5 bytes, and "
                            "IntegerDeserializer takes 4 .*\nProcessed a total of 2 messages\n"))
        says(cluster, CONSUMER, *read, "--skip-message-on-error", out="1718580594\n875836468\n",
             err=re.compile("its value has 5 bytes.*skipped\nProcessed a total of 3 messages\n"))
        done = says(cluster, CONSUMER, *read, "--skip-message-on-error", "--format", "json", out=re.compile("."),
                    err=re.compile("its value has 5 bytes"))
        first, last = map(json.loads, done.stdout.splitlines())
        check_equal(" ".join(first), "topic partition offset timestampType timestamp headers key value", "the names")
        check_equal((first["offset"], first["headers"], first["key"], first["value"], first["timestampType"]),
                    (0, [{"key": "x", "value": None}, {"key": "a", "value": None}], None, 1718580594, "CreateTime"),
                    "the first record")
        check_equal((last["offset"], last["headers"], last["value"]), (2, [], 875836468), "the last one")
        done = says(cluster, CONSUMER, *read[:5], "--format", "json", out=re.compile("."), err=re.compile("of 3 mes"))
        check_equal([json.loads(line)["value"] for line in done.stdout.splitlines()], ["four", "five5", "4444"], "text")
        for more, words in ((("--formatter-property", "print.key=true"), "prints every field: leave print.key out"),
                            (("--formatter", "x.DefaultMessageFormatter"), "--formatter and --format contradict"),
                            (("--enable-systest-events",), "--enable-systest-events and --format contradict")):
            misuse(cluster, CONSUMER, *read, "--format", "json", *more, words=[words])


@test("the console consumer ends with 1 at a batch that nobody can read")
def unreadable_batch():
    with Cluster(1, produce_batch_validation="headers") as cluster:
        cluster.create_topic("t", partitions=1)
        says(cluster, PRODUCER, "--topic", "t", stdin="good\n")
        with wire.connect(cluster.nodes[0].port) as line:
            junk = batches.batch(b"\x1f\x8b no gzip", attributes=batches.GZIP)
            check_equal(produce.send(line, "t", junk).error, 0, "the answer to the batch")
        for more in ((), ("--group", "g")):
            says(cluster, CONSUMER, "--topic", "t", "--from-beginning", *more, status=1, out="good\n",
                 err=re.compile("at 1 of .*Processed a total of 1 messages\n", re.DOTALL))


@test("kafka-cluster: unregister, endpoints and versions; each option with its command")
def cluster_tool():
    with Cluster(3) as cluster:
        name = "kafka-cluster.sh"
        said = says(cluster, name, "cluster-id", out=re.compile(r"^Cluster ID: [\w-]{22}\n$")).stdout
        done = tool(name, "cluster-id", "-b", cluster.nodes[0].address)
        check_equal(done.stdout, said, "the answer to -b")
        misuse(cluster, name, words=["cluster-id, unregister, unregister-controller, list-endpoints, api-versions"])
        misuse(cluster, name, "nonsense", words=["nonsense", "cluster-id, unregister"])
        misuse(cluster, name, "unregister-controller", words=["unregister-controller needs --id"])
        done = tool(name, "unregister-controller", "-i", "1", "--bootstrap-controller",
                    cluster.nodes[0].settings["controller.quorum.voters"].split("@")[-1], check_status=False)
        check(done.returncode == 1 and "controller.quorum.voters" in done.stderr, done.stderr)
        misuse(cluster, name, "unregister", words=["unregister needs --id"])
        misuse(cluster, name, "unregister", "--id", "x", words=["--id x"])
        misuse(cluster, name, "cluster-id", "--id", "1", words=["--id does not go with cluster-id"])
        misuse(cluster, name, "unregister", "-i", "1", "--include-fenced-brokers", words=["does not go with"])
        says(cluster, name, "unregister", "--id", "7", status=1, err=re.compile("Broker ID 7 not found"))
        says(cluster, name, "api-versions", out=re.compile(r"\(id: 2 rack: null isFenced: false\) -> \(\n"))
        cluster.nodes[2].kill()
        wait_until(lambda: "\n2 " not in says(cluster, name, "list-endpoints", out=re.compile("ID")).stdout,
                   DEADLINE_S, "the broker is fenced")
        says(cluster, name, "list-endpoints", "--include-fenced-brokers", out=re.compile("2 .* fenced "))
        says(cluster, name, "unregister", "-i", "2", out="Broker 2 is no longer registered.\n")
        wait_until(lambda: " fenced" not in says(cluster, name, "list-endpoints", "--include-fenced-brokers",
                                                 out=re.compile("ID")).stdout, DEADLINE_S, "it is forgotten")


@test("the console tools end on Ctrl-C, also without a cluster")
def interrupted():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        for name, status in ((CONSUMER, 0), (PRODUCER, 1)):
            child = spawn([name, "--bootstrap-server", address, "--topic", "t"], executable=MILLRACE,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            child.stdin.write("a\n")
            child.stdin.flush()
            line = child.stderr.readline()
            check("trying on" in line, f"{name} says {line!r}")
            child.send_signal(signal.SIGINT)
            child.communicate(timeout=DEADLINE_S)
            check_equal(child.returncode, status, f"the status of {name}")


@test("settings, offsets and the cluster: what is not there is told")
def others():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        port = cluster.nodes[0].port
        says(cluster, "kafka-configs.sh", "--describe", "--topic", "absent",
             out="The topic 'absent' doesn't exist and doesn't have dynamic config.\n")
        says(cluster, "kafka-get-offsets.sh", "--topic", "t", out="t:0:0\n")
        says(cluster, "kafka-get-offsets.sh", "--topic", "absent", status=1, err=re.compile("no topic"))
        says(cluster, "kafka-cluster.sh", "list-endpoints", out=re.compile(
            r"^ID +HOST      PORT +RACK +STATE +ENDPOINT_TYPE  \n"
            rf"0 +127.0.0.1 {port} +null +unfenced +broker         \n$"))
        says(cluster, PRODUCER, "--topic", "t", stdin="a\n")
        for name, *arguments in ((TOPICS, "--list"),
                                 (CONSUMER, "--topic", "t", "--from-beginning", "--max-messages", "1")):
            with open("/dev/full", "w") as full:
                done = subprocess.run([name, "--bootstrap-server", cluster.bootstrap, *arguments],
                                      executable=MILLRACE, stdout=full, stderr=subprocess.PIPE, text=True,
                                      timeout=DEADLINE_S)
            check(done.returncode == 1 and "can't be written" in done.stderr,
                  f"{name} to a full disk: status {done.returncode}, {done.stderr!r}")
        says(cluster, TOPICS, "--list", "--command-config", "/", status=1,
             err=re.compile("--command-config /: .*properties file"))


tap.run()
