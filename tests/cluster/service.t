#!/usr/bin/env python3
"""A node as a service: signals, what its log says of its start and its end, and what others can
make it write there."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import re
import signal
import socket
import struct
import subprocess
import time

import tap
import wire
from cluster import Cluster
from node import SERVER
from tap import check, check_equal, note, test
from tool import tool
from wait import wait_until

DEADLINE_S = 120
PARTITIONS = 50
BROKER_LINES, NODE_LINES, LINES_PERIOD_S = 20, 50, 10  # of what others cause, in so many seconds
STRANGERS = 60
FOREIGN = {  # what it is called, and how it begins
    "TLS": bytes.fromhex("16030100f8010000f40303"),
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
}


def said(node, pattern):
    return re.findall(pattern, node.log_text(), re.M)


def knock(port, data):
    """Sends the bytes and waits until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as client:
        client.sendall(data)
        try:
            check_equal(client.recv(100), b"", f"what {data[:8]!r} is answered")
        except ConnectionResetError:
            pass


def frame(key, version, body=b""):
    data = struct.pack(">hhi", key, version, 1) + body
    return struct.pack(">i", len(data)) + data


@test("millrace-server --help and --version")
def asked():
    for options, pattern in ((("--help", "-h"), r"Usage: \S*millrace-server server.properties"),
                             (("--version", "-v"), r"^\d+\.\d+\.\d+ \(Millrace\)\n$")):
        for option in options:
            done = subprocess.run([SERVER, option], text=True, capture_output=True, timeout=DEADLINE_S)
            check_equal((done.returncode, done.stderr), (0, ""), f"status and stderr of {option}")
            check(re.search(pattern, done.stdout), f"{option} prints {done.stdout!r}")


@test("SIGHUP stops nothing; a stop names its signal and ends with a last line")
def signals():
    for number, name in ((signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "SIGINT")):
        with Cluster(1) as cluster:
            node = cluster.nodes[0]
            node.signal(signal.SIGHUP)
            wait_until(lambda: said(node, r"SIGHUP"), DEADLINE_S, "SIGHUP is noticed")
            check(node.running() and wire.metadata(node.port).brokers, "it serves after SIGHUP")
            node.signal(number)
            check_equal(node.wait_exit(), 0, f"the status after {name}")
            lines = node.log_text().splitlines()
            check(any("stopping" in line and name in line for line in lines), f"no line names {name}")
            check(lines[-1].endswith("stopped"), f"the last line is {lines[-1]!r}")


def setting(node, name):
    """The value of a broker's setting, as it tells it, and from where that is."""
    out = tool("kafka-configs.sh", "--bootstrap-server", node.address, "--entity-type", "brokers", "--entity-name",
               str(node.id), "--describe", "--all").stdout
    found = re.search(rf"^ +{re.escape(name)}=(\S*) .*synonyms=\{{(\w*)", out, re.M)
    return found.groups() if found else None


def hang_up(node, words, **settings):
    """Changes its file and has it read again, until it says so."""
    node.settings |= {key.replace("_", "."): value for key, value in settings.items()}
    node.write_config()
    seen = len(node.log_text())
    node.signal(signal.SIGHUP)
    wait_until(lambda: words in node.log_text()[seen:], DEADLINE_S, f"it says {words!r}")


def takes(node, size):
    """Whether a record of that size is taken."""
    done = tool("kafka-console-producer.sh", "--bootstrap-server", node.address, "--topic", "t",
                "--producer-property", "max.request.size=2000000", stdin="x" * size + "\n", check_status=False)
    return done.returncode == 0


@test("SIGHUP: what is dynamic takes effect, what needs a restart is named, an error changes nothing")
def reload_settings():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        cluster.create_topic("t")
        check(takes(node, 5000), "the record is taken before")
        hang_up(node, "the same")
        hang_up(node, "these changed: message.max.bytes; needs a restart: num.partitions", message_max_bytes=4000,
                num_partitions=7)
        check_equal(setting(node, "message.max.bytes"), ("4000", "STATIC_BROKER_CONFIG"), "the setting")
        check_equal(setting(node, "num.partitions")[0], "1", "what needs a restart")
        check(not takes(node, 5000), "the limit has no effect")
        hang_up(node, "needs a restart: num.partitions")
        hang_up(node, "these changed: log.retention.ms; needs", log_retention_ms=3600000)
        hang_up(node, "the settings stay as they are", message_max_bytes="many")
        check("message.max.bytes=many" in node.log_text(), "it does not say why")
        check_equal(setting(node, "message.max.bytes")[0], "4000", "the setting after an error")
        tool("kafka-configs.sh", "--bootstrap-server", node.address, "--entity-type", "brokers", "--entity-default",
             "--alter", "--add-config", "message.max.bytes=6000")
        hang_up(node, "these changed: message.max.bytes", message_max_bytes=3000)
        check_equal(setting(node, "message.max.bytes"), ("6000", "DYNAMIC_DEFAULT_BROKER_CONFIG"), "what comes first")
        check(takes(node, 5000), "the cluster's setting has no effect")
        hang_up(node, "these changed: unclean.leader.election.enable", unclean_leader_election_enable="true")
        hang_up(node, "these changed: message.max.bytes log.retention.hours log.retention.ms", message_max_bytes=None,
                log_retention_ms=None, log_retention_hours=2)
        check_equal(setting(node, "log.retention.hours")[0], "2", "the hours")
        os.rename(node.config_file, node.config_file + "-away")
        node.signal(signal.SIGHUP)
        wait_until(lambda: "there is no such file" in node.log_text(), DEADLINE_S, "the file is missed")
        os.rename(node.config_file + "-away", node.config_file)


@test("a second SIGTERM is ignored, a second SIGINT ends it at once")
def second_signals():
    with Cluster(3) as cluster:
        node = cluster.nodes[0]
        for other in cluster.nodes[1:]:
            other.kill()
        node.signal(signal.SIGTERM)  # it looks for a controller that takes its leaders away
        wait_until(lambda: said(node, "stopping, since SIGTERM"), DEADLINE_S, "the stop begins")
        for number, name in ((signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "SIGINT")):
            node.signal(number)
            wait_until(lambda: said(node, f"{name} ignored"), DEADLINE_S, f"{name} is noticed")
        check(node.running(), node.log_end())
        node.signal(signal.SIGINT)
        check_equal(node.wait_exit(), 1, "the status after a second SIGINT")
        check(said(node, "a second SIGINT: ending at once"), node.log_end())
        cluster.start()


@test("a signal during the start ends it cleanly, too")
def early_signals():
    with Cluster(1, start=False) as cluster:
        node = cluster.nodes[0]
        node.start()
        wait_until(lambda: said(node, "files and connections open"), DEADLINE_S, "the first line")
        node.signal(signal.SIGHUP)
        node.signal(signal.SIGTERM)
        check_equal(node.wait_exit(), 0, "the status")
        check(node.log_text().splitlines()[-1].endswith("stopped"), node.log_end())


@test("fifty partitions are not fifty lines")
def partitions():
    with Cluster(1) as cluster:
        cluster.create_topic("many", partitions=PARTITIONS)
        wait_until(lambda: said(cluster.nodes[0], r"\d+ more partitions are led"), DEADLINE_S, "the rest")
        cluster.stop()
        start = len(cluster.nodes[0].log_text())
        cluster.start()
        wait_until(lambda: "more partitions are led" in cluster.nodes[0].log_text()[start:],
                   DEADLINE_S, "the rest, after a start")
        lines = cluster.nodes[0].log_text()[start:].splitlines()
        note(f"{len(lines)} lines")
        check(len(lines) < PARTITIONS / 2, "\n".join(lines))
        each = sum(" leads many-" in line for line in lines)
        rest = sum(map(int, re.findall(r"(\d+) more partitions are led", "\n".join(lines))))
        check_equal(each + rest, PARTITIONS, "the partitions that are led, by the log")


@test("TLS, HTTP and SSH clients are named, once, on both ports")
def strangers():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        for name, data in FOREIGN.items():
            for port in (node.port, node.port + 10000):
                for _ in range(5):
                    knock(port, data)
        wait_until(lambda: len(said(node, r"it speaks ")) == 2 * len(FOREIGN), DEADLINE_S, "all are named")
        for name in FOREIGN:
            found = said(node, rf"closing the connection of 127.0.0.1:\d+: it speaks {name}, and (.*)$")
            check_equal(len(found), 2, f"the lines about {name}")
            check(any("security.protocol=PLAINTEXT" in line for line in found), found)
            check(any("controller's listener" in line for line in found), found)
        check(not said(node, "over the limit"), node.log_end())
        for _ in range(5):
            knock(node.port, frame(999, 0))
        check_equal(len(said(node, "it asks for api key 999")), 1, "the lines about an API that is none")


@test("a client that gives up after a part of a TLS record is named, however large frames may be")
def large_frames():
    with Cluster(1, socket_request_max_bytes=2147483647, queued_max_request_bytes=2147483647) as cluster:
        node = cluster.nodes[0]
        with socket.create_connection(("127.0.0.1", node.port), DEADLINE_S) as client:
            client.sendall(FOREIGN["TLS"])
        wait_until(lambda: said(node, "it speaks TLS"), DEADLINE_S, "it is named")


@test("lines that strangers cause are limited, and those held back are counted")
def limits():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        begun = time.monotonic()
        for n in range(STRANGERS):
            knock(node.port, frame(3, 999))
            knock(node.port + 10000, struct.pack(">i", 16) + b"x" * 16)  # neither Kafka's nor a node's
        periods = 1 + int(time.monotonic() - begun) // LINES_PERIOD_S
        cluster.stop()
        for pattern, rest, most in (
                ("closing the connection of .*header", "lines that clients caused", BROKER_LINES),
                ("does not speak the controller", "lines that nodes and clients caused", NODE_LINES)):
            lines = len(said(node, pattern))
            held = sum(map(int, said(node, rf"(\d+) more {rest} were held back")))
            note(f"{lines} lines, {held} held back")
            check(lines <= most * periods and STRANGERS <= lines + held, f"{lines} lines and {held} held back")


tap.run()
