#!/usr/bin/env python3
"""Settings of single groups: they count for the members at once, and are told, listed, refused and kept."""
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import live_member
import tap
from cluster import Cluster
from live_member import LiveMember
from node import spawn
from tap import check, check_equal, test
from tool import says, tool
from wait import wait_until

CONFIGS, GROUPS = "kafka-configs.sh", "kafka-consumer-groups.sh"
DEADLINE_S = 120
LIMITS = {"group_consumer_min_session_timeout_ms": 1000, "group_consumer_min_heartbeat_interval_ms": 100,
          "group_consumer_session_timeout_ms": 600000, "group_consumer_max_session_timeout_ms": 600000,
          "logger_levels": "kafka.request.logger=DEBUG", "request_logger_client_ids": "hangs",
          "request_logger_apis": "ConsumerGroupHeartbeat"}
DONE = re.compile("^Completed updating config for group g.\n$")


def alter(cluster, *change, group="g", **expected):
    return says(cluster, CONFIGS, "--alter", "--group", group, *change, **expected)


def described(cluster, *arguments):
    return tool(CONFIGS, "--bootstrap-server", cluster.bootstrap, "--describe", *arguments).stdout


def members(cluster):
    return tool(GROUPS, "--bootstrap-server", cluster.bootstrap, "--describe", "--group", "g", "--members").stdout


def beats(cluster):
    return cluster.nodes[0].log_text().count("Completed request:")


@test("a shorter session of one group lets a member that hangs go")
def session():
    with Cluster(1, **LIMITS) as cluster:
        cluster.create_topic("t", 1)
        with LiveMember(cluster, "g", "t", 1, "consumer"):
            # A member in a process that can be stopped.
            other = spawn([sys.executable, live_member.__file__, cluster.bootstrap, "g", "t", "consumer", "hangs"])

            def count():
                return len(re.findall(r"^g +", members(cluster), re.M))
            wait_until(lambda: count() == 2, DEADLINE_S, "both are members")
            alter(cluster, "--add-config", "consumer.session.timeout.ms=1500,consumer.heartbeat.interval.ms=200",
                  out=DONE)
            # A member's session is that of its last heartbeat, which also tells when the next is due.
            before = beats(cluster)
            wait_until(lambda: beats(cluster) >= before + 2, DEADLINE_S, "it has heard of it")
            other.send_signal(signal.SIGSTOP)
            wait_until(lambda: count() == 1, DEADLINE_S, "the one that hangs is gone")
            other.kill()
            other.wait()


@test("they are told, listed, kept, and gone when they are deleted")
def told():
    with Cluster(1, **LIMITS) as cluster:
        alter(cluster, "--add-config", "consumer.session.timeout.ms=50000", out=DONE)
        wanted = "Dynamic configs for group g are:\n  consumer.session.timeout.ms=50000 sensitive=false " \
                 "synonyms={DYNAMIC_GROUP_CONFIG:consumer.session.timeout.ms=50000, " \
                 "DEFAULT_CONFIG:consumer.session.timeout.ms=600000}\n"
        check_equal(described(cluster, "--group", "g"), wanted, "what is told")
        check_equal(described(cluster, "--entity-type", "groups"), wanted, "what is told of all groups")
        check_equal(described(cluster, "--group", "other"),
                    "The group 'other' doesn't exist and doesn't have dynamic config.\n", "what is told of none")
        everything = described(cluster, "--group", "g", "--all")
        check("consumer.heartbeat.interval.ms=5000" in everything, everything)
        cluster.kill_all()
        cluster.start()
        check_equal(described(cluster, "--group", "g"), wanted, "what is told after a restart")
        alter(cluster, "--delete-config", "consumer.session.timeout.ms", out=DONE)
        check_equal(described(cluster, "--entity-type", "groups"), "", "what is told at the end")


@test("what does not fit is refused with a reason")
def refused():
    with Cluster(1, **LIMITS) as cluster:
        for change, words in (
                ("consumer.session.timeout.ms=10", "consumer.session.timeout.ms must be greater than or equal to "
                                                   "group.consumer.min.session.timeout.ms"),
                ("consumer.heartbeat.interval.ms=15001", "consumer.heartbeat.interval.ms must be less than or equal "
                                                         "to group.consumer.max.heartbeat.interval.ms"),
                ("consumer.session.timeout.ms=1000", "consumer.session.timeout.ms must be greater than "
                                                     "consumer.heartbeat.interval.ms"),
                ("consumer.session.timeout.ms=many", "consumer.session.timeout.ms"),
                ("share.session.timeout.ms=50000", "Unknown group config name: share.session.timeout.ms")):
            alter(cluster, "--add-config", change, status=1, err=re.compile(re.escape(words)))
        check_equal(described(cluster, "--entity-type", "groups"), "", "what is told")


tap.run()
