#!/usr/bin/env python3
"""What a broker answers to what it can't do: the error ends the client's tries and says why, and the
log names it once. And dynamic settings: what is refused, what is shown back, what has its effect."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
import wire
from cluster import Cluster
from tap import check, check_equal, test
from tool import tool
from wait import wait_until

DEADLINE_S = 120
ABSENT = 29  # DescribeAcls


def closed(port, api, version=0):
    """Whether the broker closes the connection of who asks for this."""
    try:
        wire.ask(port, wire.request(api, version, b""))
    except ConnectionError:
        return True
    return False


@test("an API that is not served closes the connection; its name is logged, once a minute")
def absent_apis():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        for _ in range(3):
            check(closed(node.port, ABSENT), "DescribeAcls is answered")
            check(closed(node.port, 999), "api key 999 is answered")
        check(closed(node.port, wire.METADATA, 99), "Metadata v99 is answered")

        def lines(text):
            return [line for line in node.log_text().splitlines() if text in line]
        wait_until(lambda: lines("Metadata, api key 3, version 99"), DEADLINE_S, "the last is logged")
        check_equal(len(lines("DescribeAcls, api key 29, version 0")), 1, "the lines of DescribeAcls")
        check_equal(len(lines("api key 999")), 1, "the lines of api key 999")
        check(not lines("invalid request"), "an API that is absent is called an invalid request")


def configs(cluster, *arguments, status=0):
    done = tool("kafka-configs.sh", "--bootstrap-server", cluster.bootstrap, *arguments,
                check_status=False)
    check_equal(done.returncode, status, f"the status of {arguments}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def alter(cluster, where, *settings, status=0):
    return configs(cluster, "--alter", *where, "--add-config", ",".join(settings), status=status)


BROKER, ALL, TOPIC = ("--broker", "0"), ("--broker-defaults",), ("--topic", "t")


@test("settings of brokers: what was given is shown, told apart from the rest, and can be taken back")
def dynamic_settings_shown():
    with Cluster(1) as cluster:
        alter(cluster, BROKER, "max.connections=07", "log.cleaner.threads=1")
        alter(cluster, ALL, "unclean.leader.election.enable=FALSE", "max.connections=9")
        shown = configs(cluster, "--describe", *BROKER)
        for line in ("max.connections=7 sensitive=false synonyms={DYNAMIC_BROKER_CONFIG:max.connections=07, "
                     "DYNAMIC_DEFAULT_BROKER_CONFIG:max.connections=9, ",
                     "log.cleaner.threads=1 sensitive=false"):
            check(line in shown, f"no {line} in {shown}")
        shown = configs(cluster, "--describe", "--all", *BROKER)
        for line in ("unclean.leader.election.enable=false ", "ssl.key.password=null sensitive=true"):
            check(line in shown, f"no {line} in {shown}")
        said = configs(cluster, "--alter", *BROKER, "--add-config", "log.cleaner.threads=1",
                       "--delete-config", "max.connections,never.there,unclean.leader.election.enable",
                       status=1)
        check("Invalid config(s): never.there,unclean.leader.election.enable\n" in said,
              f"deleted: {said}")
        shown = configs(cluster, "--describe", *BROKER)
        check("max.connections" in shown, f"half of it is done: {shown}")
        configs(cluster, "--alter", *BROKER, "--delete-config", "max.connections")
        check("max.connections" not in configs(cluster, "--describe", *BROKER), "it is still shown")


@test("settings that are refused, in Kafka's words")
def dynamic_settings_refused():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        for where, setting, sentence in (
                (BROKER, "security.inter.broker.protocol=SSL",
                 "Cannot update these configs dynamically: [security.inter.broker.protocol]"),
                (ALL, "listener.name.a.ssl.key.password=x",
                 "Cannot update these configs at default cluster level, broker id must be specified: "
                 "[listener.name.a.ssl.key.password]"),
                (ALL, "ssl.truststore.type=JKS", "only per-listener using the listener prefix: "
                 "[ssl.truststore.type]"),
                (BROKER, "log.cleaner.threads=x", "log.cleaner.threads=x is not a whole number"),
                (BROKER, "cordoned.log.dirs=/no/log", "cordoned.log.dirs=/no/log is not possible: /no/log "
                 "is not in log.dirs: name directories that are, or * for all"),
                (ALL, "cordoned.log.dirs=*", "broker id must be specified: [cordoned.log.dirs]"),
                (BROKER, "num.io.threads=16", "num.io.threads can't be changed, for it would have no effect"),
                (BROKER, "listener.name.a.ssl.keystore.password=hunter2",
                 "listener.name.a.ssl.keystore.password can't be changed, for it would have no effect: TLS is "
                 "not available yet."),
                (BROKER, "max.conections=3",
                 "Unknown config name: max.conections (did you mean max.connections?)"),
                (ALL, "group.consumer.assignment.interval.ms=15001", "lower the first or raise the second"),
                (TOPIC, "preallocate=true", "preallocate can't be changed, for it would have no effect"),
                (ALL, "log.segment.bytes=14", "log.segment.bytes=14 is out of range"),
                (TOPIC, "x=3", "Unknown topic config name: x"),
                (TOPIC, "cleanup.policy=COMPACT", "cleanup.policy=COMPACT is not possible"),
                (TOPIC, "compression.type=none", "compression.type=none is not possible"),
                (TOPIC, "segment.bytes=1000", "segment.bytes=1000 is out of range")):
            said = alter(cluster, where, setting, status=1)
            check(sentence in said and "hunter2" not in said, f"{setting}: {said}")
        made = tool("kafka-topics.sh", "--create", "--topic", "u", "--bootstrap-server", cluster.bootstrap,
                    "--config", "remote.storage.enable=true", check_status=False)
        check("tiered storage is not available yet." in made.stdout + made.stderr, f"create: {made}")
        alter(cluster, TOPIC, "retention.ms=0", "internal.segment.bytes=1000", "preallocate=FALSE",
              "local.retention.ms=-2", "min.cleanable.dirty.ratio=.50")
        shown = configs(cluster, "--describe", *TOPIC)
        for line in ("retention.ms=0 ", "internal.segment.bytes=1000 ", "preallocate=false ",
                     "local.retention.ms=-2 ", "min.cleanable.dirty.ratio=0.5 "):
            check(line in shown, f"no {line} in {shown}")


def connects(port):
    try:
        wire.ask(port, wire.request(wire.API_VERSIONS, 0, b""))
    except (ConnectionError, TimeoutError):
        return False
    return True


@test("max.connections and max.connections.per.ip have their effect when they change")
def dynamic_connections():
    with Cluster(1) as cluster:
        port = cluster.nodes[0].port
        for setting in ("max.connections", "max.connections.per.ip"):
            kept = [wire.connect(port) for _ in range(3)]
            wait_until(lambda: connects(port), DEADLINE_S, "a fourth connection is served")
            alter(cluster, BROKER, f"{setting}=3")
            wait_until(lambda: not connects(port), DEADLINE_S, f"{setting}=3 refuses a fourth")
            for connection in kept:
                connection.close()
            wait_until(lambda: connects(port), DEADLINE_S, "one alone is served")
            configs(cluster, "--alter", *BROKER, "--delete-config", setting)


@test("log.cleaner.backoff.ms has its effect when it changes")
def dynamic_backoff():
    with Cluster(1, log_cleaner_backoff_ms=86400000) as cluster:
        cluster.create_topic("t", cleanup_policy="compact", internal_segment_bytes=16384,
                             min_cleanable_dirty_ratio=0.01)
        lines = "".join(f"k:{i}\n" for i in range(2000))
        for _ in range(3):
            tool("kafka-console-producer.sh", "--bootstrap-server", cluster.bootstrap, "--topic", "t",
                 "--property", "parse.key=true", "--property", "key.separator=:", stdin=lines)
        check("compacted" not in cluster.nodes[0].log_text(), "it was compacted too early")
        alter(cluster, ALL, "log.cleaner.backoff.ms=50")
        wait_until(lambda: "compacted up to" in cluster.nodes[0].log_text(), DEADLINE_S,
                   "the log is compacted")


@test("unclean.leader.election.enable for all brokers has its effect when it changes")
def dynamic_unclean():
    with Cluster(3) as cluster:
        tool("kafka-topics.sh", "--create", "--topic", "t", "--replica-assignment", "2:0", "--config",
             "min.insync.replicas=1", "--bootstrap-server", cluster.bootstrap)
        cluster.wait_isr_whole("t")
        cluster.nodes[0].kill()
        wait_until(lambda: cluster.partition("t")[2] == [2], DEADLINE_S, "the follower is out of sync")
        cluster.nodes[2].kill()
        cluster.nodes[0].start()
        wait_until(lambda: cluster.partition("t", at=cluster.nodes[1])[0] < 0, DEADLINE_S, "nobody leads")
        tool("kafka-configs.sh", "--bootstrap-server", cluster.nodes[1].address, "--alter", *ALL,
             "--add-config", "unclean.leader.election.enable=true")
        wait_until(lambda: cluster.partition("t", at=cluster.nodes[1])[0] == 0, DEADLINE_S,
                   "the replica that is not in sync leads")


@test("group.consumer.assignment.interval.ms has its effect when it changes")
def dynamic_assignment():
    try:
        from confluent_kafka import Consumer
    except ImportError:
        raise tap.Skip("the Python package confluent_kafka is not installed in build/venv") from None
    with Cluster(1, **{"group.consumer.assignment.interval.ms": 86400000,
                       "group.consumer.max.assignment.interval.ms": 86400000}) as cluster:
        cluster.create_topic("t", partitions=2)
        members = [Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "g",
                             "group.protocol": "consumer"}) for _ in range(2)]

        def shares():
            for member in members:
                member.poll(0.1)
            return [len(member.assignment()) for member in members]
        members[0].subscribe(["t"])
        wait_until(lambda: shares()[0] == 2, DEADLINE_S, "the first member has both partitions")
        members[1].subscribe(["t"])
        alter(cluster, ALL, "group.consumer.assignment.interval.ms=0")
        wait_until(lambda: shares() == [1, 1], DEADLINE_S, "each has one")
        for member in members:
            member.close()


@test("DescribeLogDirs tells how large the volume is, and what is free on it")
def log_dirs():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        # Header version 2, version 4, null for all topics.
        asked = struct.pack(">hhih", 35, 4, 1, 4) + b"test" + b"\0" + b"\0\0"
        r = wire.Reader(wire.ask(node.port, wire.frame(asked)))
        r.take("i"), r.take("b"), r.take("i")
        check_equal((r.take("h"), r.take("b"), r.take("h")), (0, 2, 0), "errors, and one directory")
        path = r.take(f"{r.take('b') - 1}s").decode()
        check_equal((path, r.take("b")), (node.log_dir, 1), "the directory without topics")
        total, usable = r.take("q"), r.take("q")
        volume = os.statvfs(path)
        check_equal(total, volume.f_blocks * volume.f_frsize, "the size of the volume")
        check(0 < usable <= total, f"{usable} bytes are free of {total}")


tap.run()
