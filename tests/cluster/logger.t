#!/usr/bin/env python3
"""The log of a daemon: its levels, in the settings file and while it runs."""
import itertools
import json
import os
import re
import signal
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
import wire
from cluster import Cluster
from tap import check, check_equal, test
from tool import misuse, says, tool
from wait import wait_until

CONFIGS = "kafka-configs.sh"
DEADLINE_S = 120
FIND_COORDINATOR = 10
INIT_PRODUCER_ID = 22
AREAS = ["broker", "broker.channel", "broker.group", "broker.log", "broker.metadata", "broker.net",
         "broker.replica", "broker.txn", "controller", "controller.election", "controller.peer",
         "controller.raft", "kafka.request.logger", "node", "root"]
REQUESTS = "kafka.request.logger"


def loggers(node):
    return ("--entity-type", "broker-loggers", "--entity-name", str(node.id))


def levels(cluster, node):
    """{area: level}, as the tool prints them."""
    done = says(cluster, CONFIGS, "--describe", *loggers(node), out=re.compile("."))
    first, *rest = done.stdout.splitlines()
    check_equal(first, f"Dynamic configs for broker-logger {node.id} are:", "the first line")
    found = [re.fullmatch(r"  ([\w.]+)=([A-Z]+) sensitive=false synonyms=\{\}", line) for line in rest]
    check(all(found), f"the lines are {rest}")
    return {match.group(1): match.group(2) for match in found}


def change(cluster, node, *arguments):
    says(cluster, CONFIGS, "--alter", *loggers(node), *arguments,
         out=f"Completed updating config for broker-logger {node.id}.\n")


@test("levels of single areas are set in the file, shown, changed and taken back")
def of_areas():
    with Cluster(1, **{"logger.level": "WARN", "logger.levels": "broker.net=ERROR,node=INFO"}) as cluster:
        node = cluster.nodes[0]
        shown = levels(cluster, node)
        check_equal(list(shown), AREAS, "the loggers, sorted")
        check_equal((shown["root"], shown["broker.net"], shown["broker.log"], shown["node"]),
                    ("WARN", "ERROR", "WARN", "INFO"), "the levels of the file")
        check("files and connections open" in node.log_text(), "an INFO line of area node is there")
        check("serving after" not in node.log_text(), "no INFO line of area broker is there")
        change(cluster, node, "--add-config", "broker.net=DEBUG,controller=INFO")
        shown = levels(cluster, node)
        check_equal((shown["broker.net"], shown["controller.raft"]), ("DEBUG", "INFO"), "the new levels")
        wait_until(lambda: re.search(r"DEBUG \[broker 0\] connection of 127.0.0.1:\d+ accepted",
                                     node.log_text()), DEADLINE_S, "a line below INFO")
        change(cluster, node, "--delete-config", "broker.net")
        check_equal(levels(cluster, node)["broker.net"], "WARN", "the level of the area above")
        before = node.log_text().count("DEBUG")
        wire.metadata(node.port)
        check_equal(node.log_text().count("DEBUG"), before, "the lines below WARN")
        check(re.search(r"WARN \[broker 0\] 127.0.0.1:\d+ changed the log level of broker.net: it is "
                        r"DEBUG now", node.log_text()), "the log says who changed a level")
        node.signal(15)
        node.wait_exit()
        cluster.start()
        check_equal(levels(cluster, node)["controller.raft"], "WARN", "the level after a restart")


@test("what can't be set is refused, in Kafka's words")
def refused():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        for arguments, err in (
                (("--add-config", "kafka.server=DEBUG"), "Invalid broker logger(s): kafka.server"),
                (("--delete-config", "kafka.server"), "Invalid broker logger(s): kafka.server"),
                (("--add-config", "broker=LOUD"), "Cannot set the log level of broker to LOUD as it is "
                 "not a supported log level. Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN"),
                (("--delete-config", "root"), "Removing the log level of the root logger is not allowed")):
            says(cluster, CONFIGS, "--alter", *loggers(node), *arguments, status=1,
                 err=re.compile(re.escape(err)))
        misuse(cluster, CONFIGS, "--describe", "--entity-type", "broker-loggers", "--entity-default",
               words=["broker-loggers", "--entity-default"])
        check_equal(set(levels(cluster, node).items()) - {(REQUESTS, "WARN")},
                    {(area, "INFO") for area in AREAS if area != REQUESTS}, "all levels")
    with Cluster(1, start=False, **{"logger.levels": "broker.lgo=DEBUG"}) as cluster:
        node = cluster.nodes[0]
        node.start()
        check_equal(node.wait_exit(), 1, "the status of a node with a wrong area")
        check(re.search(r"server0.properties line \d+: logger.levels: broker.lgo is no area: those are root ",
                        node.log_text()), node.log_text())


def unknown_topic(sock, correlation):
    """Asks on that connection for a topic that is not there; the sizes of request and answer."""
    asked = wire.request(wire.METADATA, 4, struct.pack(">ih4sb", 1, 4, b"none", 0), correlation)
    sock.sendall(asked)
    return len(asked), len(wire.receive(sock)) + 4


def completed(node):
    """{correlation id: what the line says}, of the requests of this test's own client."""
    lines = [json.loads(line) for line in re.findall(r"DEBUG \[broker 0\] Completed request:(.*)\n", node.log_text())]
    return {line["requestHeader"]["correlationId"]: line for line in lines
            if line["requestHeader"]["clientId"] == "test"}


def silent(sock, node):
    """Whether a request that is asked now is not told: the answer to another comes after its line."""
    before = node.log_text().count('"correlationId":204')
    unknown_topic(sock, 204)
    unknown_topic(sock, 206)
    return node.log_text().count('"correlationId":204') == before


@test("kafka.request.logger=DEBUG: a line for each request, and none when it is off again")
def requests():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        with wire.connect(node.port) as sock:
            unknown_topic(sock, 101)
            change(cluster, node, "--add-config", f"{REQUESTS}=DEBUG")
            sizes = unknown_topic(sock, 102)
            line = wait_until(lambda: completed(node).get(102), DEADLINE_S, "a line about the request")
            check_equal(line["requestHeader"], {"requestApiKey": 3, "requestApiVersion": 4, "correlationId": 102,
                                                "clientId": "test", "requestApiKeyName": "METADATA"}, "the header")
            check_equal({key: line[key] for key in ("connection", "listener", "principal", "operation",
                                                    "resourceType", "throttleTimeMs", "outcome", "error")},
                        {"connection": "127.0.0.1:%d" % sock.getsockname()[1], "listener": "PLAINTEXT",
                         "principal": "User:ANONYMOUS", "operation": "DESCRIBE", "resourceType": "TOPIC",
                         "throttleTimeMs": 0, "outcome": "answered", "error": "UNKNOWN_TOPIC_OR_PARTITION"},
                        "who, what and how")
            check_equal((line["requestSizeInBytes"], line["responseSizeInBytes"]), sizes, "the sizes")
            parts = sum(line[key] for key in ("localTimeMs", "remoteTimeMs", "sendTimeMs"))
            check(abs(parts - line["totalTimeMs"]) < 0.01, f"{parts} ms in {line}")
            change(cluster, node, "--delete-config", REQUESTS)
            check_equal(levels(cluster, node)[REQUESTS], "INFO", "the level of root")
            unknown_topic(sock, 103)
            unknown_topic(sock, 104)  # a line about the one before would be there by now
            check_equal(sorted(completed(node)), [102], "the requests that are told")


@test("request.logger.client.ids and request.logger.apis: only their requests are told")
def chosen_requests():
    with Cluster(1, **{"logger.levels": f"{REQUESTS}=DEBUG", "request.logger.apis": "Fetch"}) as cluster:
        node = cluster.nodes[0]
        brokers = ("--alter", "--entity-type", "brokers", "--entity-default")
        with wire.connect(node.port) as sock:
            unknown_topic(sock, 201)
            says(cluster, CONFIGS, *brokers, "--add-config", "request.logger.apis=[Fetch,Metadata]",
                 out=re.compile("^Completed"))
            wait_until(lambda: unknown_topic(sock, 202) and 202 in completed(node), DEADLINE_S, "its API is told")
            says(cluster, CONFIGS, *brokers, "--add-config", "request.logger.client.ids=[somebody,te*]",
                 out=re.compile("^Completed"))
            wait_until(lambda: unknown_topic(sock, 203) and 203 in completed(node), DEADLINE_S, "it is told")
            says(cluster, CONFIGS, *brokers, "--add-config", "request.logger.client.ids=[somebody]",
                 out=re.compile("^Completed"))
            wait_until(lambda: silent(sock, node), DEADLINE_S, "others are not told any more")
            check(201 not in completed(node), "a request before its API was added is told")
        says(cluster, CONFIGS, *brokers, "--add-config", "request.logger.apis=Fetsch", status=1,
             err=re.compile("request.logger.apis"))


@test("elections and in-sync sets are told below INFO, by broker and controller")
def seams():
    with Cluster(3) as cluster:
        tool("kafka-topics.sh", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", "t",
             "--partitions", "1", "--replication-factor", "3")
        cluster.wait_isr_whole("t")
        leader, active = cluster.leader("t"), cluster.controller()
        for node in cluster.nodes:
            change(cluster, node, "--add-config", "controller.election=DEBUG,broker.replica=DEBUG")
        others = [node for node in cluster.nodes if node is not leader]
        leader.kill()
        cluster.wait_new_leader("t", leader)
        wait_until(lambda: any(re.search(r"DEBUG \[controller \d\] t-0: leader \d, leader epoch \d+, \d of "
                                         r"3 in sync", node.log_text()) for node in others),
                   DEADLINE_S, f"a controller (it was {active.id}) tells the election")
        wait_until(lambda: any(re.search(r"DEBUG \[broker \d\] t-0: follower -> leader", node.log_text())
                               for node in others), DEADLINE_S, "the new leader tells it")
        wait_until(lambda: any(re.search(r"DEBUG \[broker \d\] t-0: the in-sync set is \d,\d,", node.log_text())
                               for node in others), DEADLINE_S, "the set without the dead one is told")


def begin_transactions(node, name):
    """A transactional id gets its producer."""
    text = struct.pack(">h", len(name)) + name
    wire.ask(node.port, wire.request(FIND_COORDINATOR, 1, text + b"\1"))
    body = text + struct.pack(">i", 1000)
    error = struct.Struct(">8xh")
    wait_until(lambda: error.unpack_from(wire.ask(node.port, wire.request(INIT_PRODUCER_ID, 0, body)))[0] == 0,
               DEADLINE_S, f"{name} has a producer")


@test("logger.format=json: each line is one object, whatever a peer writes into it")
def as_json():
    with Cluster(1, **{"logger.format": "json", "logger.levels": "broker=DEBUG"}) as cluster:
        node = cluster.nodes[0]
        names = ('no."such\\', "no\x1b[2J\n{}", "no\udcff\udc80", "n\u00f6\u20ac\U0001f600")
        for name in names:
            begin_transactions(node, name.encode("utf-8", "surrogateescape"))
        events = [json.loads(line) for line in open(node.log_file, encoding="utf-8")
                  if line.endswith("\n")]
        check(len(events) > 10, f"there are {len(events)} lines")
        for event in events:
            check_equal(list(event), ["time", "level", "area", "node", "message"], "the keys")
            check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"]), event["time"])
        check_equal({event["node"] for event in events}, {0}, "the nodes")
        check({"broker", "broker.net", "controller", "node"} <= {event["area"] for event in events},
              f"the areas are {sorted({event['area'] for event in events})}")
        told = [event["message"].split("transactional id ")[1].split(": new -> empty")[0]
                for event in events if ": new -> empty" in event["message"]]
        check_equal(told, [*names[:2], "no\\xff\\x80", names[3]], "the transactional ids")


def dump(node, ends=1):
    """The lines of the last dump, without time and names, when the node has written `ends` of them."""
    node.signal(signal.SIGUSR1)

    def done():
        text = node.log_text()
        whole = len(re.findall(r"state: end: ", text)) == ends and \
            len(re.findall(r"state: controller ", text)) == ends
        return whole and text
    text = wait_until(done, DEADLINE_S, f"{ends} dumps are in the log of node {node.id}")
    lines = re.findall(r"state: (.*)", text)
    first = max(i for i, line in enumerate(lines) if line.startswith(f"broker {node.id},"))
    return lines[max(first - 1, 0):] if lines[max(first - 1, 0)].startswith("controller") else lines[first:]


def write(cluster):
    tool("kafka-console-producer.sh", "--bootstrap-server", cluster.running()[0].address, "--topic", "t",
         stdin="x\n")


@test("SIGUSR1: the state is in the log, at any level, and the node goes on")
def state():
    with Cluster(3, **{"logger.level": "ERROR"}) as cluster:
        cluster.create_topic("calm", partitions=6, replicas=1)
        cluster.create_topic("t", partitions=3)
        cluster.wait_isr_whole("t")
        active = cluster.controller()
        write(cluster)
        dumps = {node.id: itertools.count(1) for node in cluster.nodes}
        for node in cluster.nodes:
            told = "\n".join(wait_until(lambda node=node: opened(dump(node, next(dumps[node.id]))), DEADLINE_S,
                                        "all replicas are open"))
            for pattern in (rf"^broker {node.id}, serving for \d+ s, broker epoch \d+, not fenced$",
                            rf"^active controller {active.id}, metadata up to entry \d+ of term \d+$",
                            r"^\d+ connections, memory for requests \d+ of \d+ bytes, answers that were ",
                            r"^0 groups in 0 partitions of __consumer_offsets, memory for them 0 of \d+ ",
                            r"^5 partitions, \d leaders that we fetch from, memory ",
                            r"^end: 5 partitions: \d led, \d followed, 0 opening, 0 offline$",
                            rf"^controller {node.id}, {'active' if node is active else 'standby'}, leader "
                            rf"{active.id}, term \d+, committed \d+, applied \d+, 3 brokers, 0 of them "
                            r"fenced, 2 topics$",
                            r"^t-\d: (leader|follower), led by \d in epoch \d+, in sync \d,\d,\d of \d,\d,\d, "
                            r"start 0, high watermark [01], durable 1, end 1$"):
                check(re.search(pattern, told, re.M), f"no {pattern} in:\n{told}")
        gone = next(node for node in cluster.nodes if node is not active)
        gone.kill()
        left = [node for node in cluster.nodes if node is not gone]
        wait_until(lambda: all(len(isr) == 2 for _, _, isr in
                               wire.metadata(active.port).topics["t"].values()), DEADLINE_S, "sets of two")
        def in_order(node):
            return [line.split("-")[0] for line in dump(node, next(dumps[node.id])) if "in sync" in line]
        for node in left:
            wait_until(lambda node=node: in_order(node) == ["t"] * 3 + ["calm"] * 2, DEADLINE_S,
                       "those in trouble come first")
        write(cluster)


def opened(told):
    return told if any(", 0 opening" in line for line in told) else None


@test("SIGUSR1: no more replicas than 1000")
def many():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        cluster.create_topic("many", partitions=1100)
        dumps = itertools.count(1)
        told = wait_until(lambda: opened(dump(node, next(dumps))), DEADLINE_S, "all replicas are open")
        replicas = [line for line in told if line.startswith("many-")]
        check_equal(len(replicas), 1000, "the replicas that are told")
        check_equal([line for line in told if " more " in line or line.startswith("end: ")], ["and 100 more partitions",
                                "end: 1100 partitions: 1100 led, 0 followed, 0 opening, 0 offline"],
                    "the last lines")


tap.run()
