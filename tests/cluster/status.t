#!/usr/bin/env python3
"""millrace status and zkServer.sh status: a whole cluster, healthy, with a node down, and gone."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import json
import re

import tap
from cluster import Cluster
from node import free_port
from tap import check, check_equal, test
from tool import tool
from wait import wait_until

DEADLINE_S = 120
VERSION = tool("millrace", "--version").stdout.split()[0].replace(".", r"\.")


def status(*arguments):
    done = tool("millrace", "status", *arguments, check_status=False)
    return done.returncode, done.stdout, done.stderr


def status_json(address):
    code, out, errors = status("-b", address, "--format", "json")
    check(out, f"nothing is printed: {errors}")
    return code, json.loads(out)


@test("a healthy cluster: status 0, and with a node down status 1, which says what is wrong")
def down():
    with Cluster(3) as cluster:
        cluster.create_topic("orders", partitions=4)
        address = cluster.nodes[0].address
        wait_until(lambda: status("-b", address)[0] == 0, DEADLINE_S, "it is healthy")
        code, out, errors = status("--bootstrap-server", address)
        check_equal((code, errors), (0, ""), "the status and stderr")
        for pattern in (r"^Cluster \S+: healthy, 3 of 3 brokers up$",
                        r"^Controller [012], epoch \d+, \d+ entries committed$",
                        r"^Features at epoch \d+: group\.version=1, transaction\.version=2$",
                        r"^1 topic, 4 partitions, 0 under-replicated, 0 offline, .* on disk$",
                        r"^NODE +ADDRESS +ROLES +STATE +LEADS +LAG +META-LAG +DISK +FREE +DIRS +APIS +VERSION$"):
            check(re.search(pattern, out, re.M), f"{pattern} is not in {out}")
        for node in cluster.nodes:
            check(re.search(rf"^{node.id} +{node.address} +broker,controller\*? +up +\d/4 +0 +\d+ .* 1/1 +\d+ +"
                            rf"{VERSION}$", out, re.M), f"node {node.id} in {out}")
        check_equal(len(re.findall(r"controller\* ", out)), 1, f"active controllers in {out}")
        code, seen = status_json(address)
        check_equal((code, seen["healthy"], len(seen["nodes"]), seen["partitions"], seen["versionsDiffer"]),
                    (0, True, 3, 4, False), "the JSON")
        check_equal(sum(node["leads"] for node in seen["nodes"]), 4, "partitions led")
        check(all(node["freeBytes"] > 0 and node["replicas"] == 4 for node in seen["nodes"]), seen)

        check(all(re.fullmatch(VERSION, node["version"]) for node in seen["nodes"]), f"the versions in {seen}")
        check_equal([(row["feature"], row["finalizedVersionLevel"]) for row in seen["features"]],
                    [("group.version", 1), ("transaction.version", 2)], "the features")
        check(seen["featuresEpoch"] > 0, f"the epoch of the features in {seen}")
        out = tool("kafka-configs.sh", "-b", address, "--entity-type", "brokers", "--entity-name", "0", "--describe",
                   "--all").stdout
        check("num.partitions=" in out and "millrace.version" not in out, f"the version is among the settings: {out}")

        cluster.nodes[2].kill()
        wait_until(lambda: status_json(address)[1]["nodes"][2]["state"] == "down", DEADLINE_S, "it is fenced")
        wait_until(lambda: status_json(address)[1]["underReplicated"] == 4, DEADLINE_S, "under-replicated")
        code, out, errors = status("-b", address)
        check_equal((code, errors), (1, ""), f"the status and stderr of {out}")
        for pattern in ("NOT healthy, 2 of 3 brokers up", "^! node 2 is down", r"^! 4 partitions are under-repl",
                        rf"^2 +{cluster.nodes[2].address} +broker,controller +down +0/4 +- .* - +- +- +-$"):
            check(re.search(pattern, out, re.M), f"{pattern} is not in {out}")
        tool("kafka-cluster.sh", "unregister", "-b", address, "-i", "2")
        wait_until(lambda: status_json(address)[1]["nodes"][2]["state"] == "gone", DEADLINE_S, "it is gone")
        out = status("-b", address)[1]
        check(re.search("^! node 2 is not registered, and 4 partitions have a replica there$", out, re.M), out)
        cluster.start()
        wait_until(lambda: status("-b", address)[0] == 0, DEADLINE_S, "it is healthy again")


@test("without a quorum it says so, and ends with 1")
def no_quorum():
    with Cluster(3) as cluster:
        for node in cluster.nodes[1:]:
            node.kill()
        wait_until(lambda: "the metadata quorum has no leader" in status("-b", cluster.nodes[0].address)[1],
                   DEADLINE_S, "it says that there is no quorum")
        check_equal(status("-b", cluster.nodes[0].address)[0], 1, "the status")
        done = tool("kafka-metadata-quorum.sh", "--bootstrap-server", cluster.nodes[0].address, "describe",
                    "--status", check_status=False)
        check(done.returncode == 1 and "No active controller has answered" in done.stderr,
              f"the quorum's tool: {done.returncode} {done.stdout}{done.stderr}")
        cluster.start()


@test("not reachable: status 2; bad input: a sentence")
def unreachable():
    code, out, errors = status("-b", f"127.0.0.1:{free_port()}")
    check_equal((code, out), (2, ""), f"the status ({errors})")
    check(errors.startswith("millrace status: "), errors)
    for arguments, pattern in ((("--format", "xml"), "--format xml: write json or table"),
                               (("-b", ""), "."), ((), "which cluster.*--bootstrap-server")):
        code, out, errors = status(*arguments)
        check(code == 1 and re.search(pattern, errors), f"{arguments}: {code} {errors}")


def zk(*arguments, code=0):
    done = tool("zkServer.sh", *arguments, check_status=False)
    check_equal(done.returncode, code, f"the status of {arguments} ({done.stdout}{done.stderr})")
    return done.stdout + done.stderr


@test("zkServer.sh: start and stop do nothing; status tells leader, follower or standalone")
def zookeeper():
    for action in ("start", "restart", "stop", "start-foreground"):
        check("Nothing needs" in zk(action), action)
    for name in ("zookeeper-server-start.sh", "zookeeper-server-stop.sh"):
        for arguments, code, words in (((), 0, "Nothing needs"), (("some.properties",), 0, "Nothing needs"),
                                       (("--nonsense",), 1, "--nonsense is not an option"),
                                       (("one", "two"), 1, "fewer arguments")):
            done = tool(name, *arguments, check_status=False)
            check(done.returncode == code and words in done.stdout + done.stderr, f"{name} {arguments}: {done}")
    check("Nothing needs" in tool("zookeeper-server-start.sh", "-daemon", "some.properties").stdout, "-daemon")
    with Cluster(1, start=False) as cluster:
        node = cluster.nodes[0]
        node.settings |= {"controller.listener.names": "CONTROLLER", "process.roles": "broker,controller",
                          "listeners": f"CONTROLLER://127.0.0.1:{free_port()},{node.settings['listeners']}"}
        node.start()
        cluster.wait_serving()
        check("\nMode: standalone\n" in zk("status", node.config_file), "the controller's listener comes first")
    with Cluster(1) as cluster:
        check("\nMode: standalone\n" in "\n" + zk("status", "-b", cluster.nodes[0].address), "one node")
    with Cluster(3) as cluster:
        leader = cluster.controller()
        for node in cluster.nodes:
            mode = "leader" if node is leader else "follower"
            check_equal(re.findall("^Mode: (.*)$", zk("status", "--bootstrap-server", node.address), re.M),
                        [mode], f"the mode of {node.id}")
            told = json.loads(zk("status", node.config_file, "--format", "json"))
            check_equal((told["mode"], told["nodeId"]), (mode, node.id), "the same for programs")
            check_equal(zk("status", node.config_file, "--format", "table").split()[4:6], ["MODE", mode], "a table")
            out = zk("status", node.config_file)
            check(f"Using config: {node.config_file}\n" in out and f"\nMode: {mode}\n" in out, out)
    check("Error contacting service. It is probably not running." in
          zk("status", "-b", f"127.0.0.1:{free_port()}", code=1), "nobody there")
    out = zk("status", "-b", f"127.0.0.1:{free_port()}", "--format", "json", code=1)
    check(out.startswith("zkServer.sh: no broker answers"), f"nothing on stdout: {out}")
    check("--format does not go with start" in zk("start", "--format", "json", code=1), "start")
    check("the commands are" in zk("begin", code=1), "another word")


tap.run()
