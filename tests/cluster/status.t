#!/usr/bin/env python3
"""millrace status: a whole cluster, healthy, with a node down, and gone."""
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

DEADLINE_S = 60


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
                        r"^1 topics, 4 partitions, 0 under-replicated, 0 offline, .* on disk$",
                        r"^NODE +ADDRESS +ROLES +STATE +LEADS +LAG +META-LAG +DISK +FREE +DIRS +APIS$"):
            check(re.search(pattern, out, re.M), f"{pattern} is not in {out}")
        for node in cluster.nodes:
            check(re.search(rf"^{node.id} +{node.address} +broker,controller\*? +up +\d/4 +0 +\d+ .* 1/1 +\d+$",
                            out, re.M), f"node {node.id} in {out}")
        check_equal(len(re.findall(r"controller\* ", out)), 1, f"active controllers in {out}")
        code, seen = status_json(address)
        check_equal((code, seen["healthy"], len(seen["nodes"]), seen["partitions"], seen["versionsDiffer"]),
                    (0, True, 3, 4, False), "the JSON")
        check_equal(sum(node["leads"] for node in seen["nodes"]), 4, "partitions led")
        check(all(node["freeBytes"] > 0 and node["replicas"] == 4 for node in seen["nodes"]), seen)

        cluster.nodes[2].kill()
        wait_until(lambda: status_json(address)[1]["nodes"][2]["state"] == "down", DEADLINE_S, "it is fenced")
        wait_until(lambda: status_json(address)[1]["underReplicated"] == 4, DEADLINE_S, "under-replicated")
        code, out, errors = status("-b", address)
        check_equal((code, errors), (1, ""), f"the status and stderr of {out}")
        for pattern in ("NOT healthy, 2 of 3 brokers up", "^! node 2 is down", r"^! 4 partitions are under-repl",
                        rf"^2 +{cluster.nodes[2].address} +broker,controller +down +0/4 +- .* - +- +-$"):
            check(re.search(pattern, out, re.M), f"{pattern} is not in {out}")
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
        cluster.start()


@test("not reachable: status 2; bad input: a sentence")
def unreachable():
    code, out, errors = status("-b", f"127.0.0.1:{free_port()}")
    check_equal((code, out), (2, ""), f"the status ({errors})")
    check(errors.startswith("millrace status: "), errors)
    for arguments, pattern in ((("--format", "xml"), "--format xml: write table or json"),
                               (("-b", ""), "."), ((), "which cluster.*--bootstrap-server")):
        code, out, errors = status(*arguments)
        check(code == 1 and re.search(pattern, errors), f"{arguments}: {code} {errors}")


tap.run()
