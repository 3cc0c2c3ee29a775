#!/usr/bin/env python3
"""Every client against three brokers, and again while one broker after another is killed under it.

A few clients run at once on the same cluster, each with a topic and a group of its own; a test's
result is that of its client. Words on the command line choose tests: `matrix.t kafkajs killed`."""
import contextlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

from lib_path import CLUSTER_LIB  # noqa: F401 makes the harness importable

import tap
from cluster import Cluster
from killer import Killer
from member import Program, program
from scenario import ALWAYS, DEADLINE_S, IN_PEACE, Client, Scenario, TransactionScenario
from tap import check, check_equal, note, test

AT_ONCE = 3  # clients; more only wait for each other on two cores

# The server's part of what the clients set for classic groups. With Kafka's 45 s a member whose last
# word died with a coordinator would never be missed: each coordinator that follows begins anew to
# count, and the killer ends it earlier.
CONSUMER_GROUPS = {"group_consumer_min_session_timeout_ms": 6000,
                   "group_consumer_session_timeout_ms": 6000,
                   "group_consumer_min_heartbeat_interval_ms": 500,
                   "group_consumer_heartbeat_interval_ms": 500}

NEWER = "newer"  # the word for what only a new Java client asks, in the place of a protocol
NEWER_CHECKS = 8
TRANSACTIONS = "transactions"  # the same for copying in transactions

BOTH = ("classic", "consumer")
# A program that copies in transactions only in peace has no way on when a call of its library never
# ends, or wants it to begin anew; tests/cluster/transactions.t has one for librdkafka.
CLIENTS = [
    Client("kcat", per_codec=5, commits=False,
           lacking="group.protocol=consumer: Debian's librdkafka 2.0 has no KIP-848"),
    Client("confluent-kafka-python", protocols=BOTH, transacts=IN_PEACE),
    Client("kafka-python", transacts=IN_PEACE,
           lacking="group.protocol=consumer: the library has no KIP-848"),
    Client("java-2.1.0", transacts=ALWAYS, lacking="group.protocol=consumer: the client is older than KIP-848"),
    Client("java-3.9", protocols=BOTH, transacts=ALWAYS),
    Client("java-4", protocols=BOTH, transacts=ALWAYS),
    Client("franz-go", protocols=BOTH, transacts=ALWAYS),
    Client("franz-go-fetch4", killed=False),
    Client("sarama", transacts=ALWAYS, lacking="group.protocol=consumer: the library has no KIP-848"),
    Client("kafka-go", lacking="group.protocol=consumer: the library has no KIP-848"),
    Client("kafkajs", transacts=ALWAYS, lacking="group.protocol=consumer: the library has no KIP-848"),
    Client("librdkafka", lacking="group.protocol=consumer: Debian's librdkafka 2.0 has no KIP-848"),
    Client("rdkafka", lacking="group.protocol=consumer: Debian's librdkafka 2.0 has no KIP-848"),
    Client("aiokafka", transacts=ALWAYS, lacking="group.protocol=consumer: the library has no KIP-848"),
]


class Round:
    """The clients on one cluster. It is started by the first result that is asked for."""

    def __init__(self, killing):
        self.killing = killing
        self.futures = {}
        self.chosen = []  # (test's name, client, protocol)
        self.stack = contextlib.ExitStack()
        self.cluster = None
        self.killer = None

    def is_chosen(self, name):
        return not sys.argv[1:] or any(word in name for word in sys.argv[1:])

    def start(self):
        self.cluster = self.stack.enter_context(
            Cluster(3, min_insync_replicas=2, group_initial_rebalance_delay_ms=0, **CONSUMER_GROUPS))
        if self.killing:
            self.killer = self.stack.enter_context(Killer(self.cluster))
        pool = self.stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        for name, client, protocol in self.chosen:
            if self.is_chosen(name):
                self.futures[name] = pool.submit(self.run_one, client, protocol)

    def run_one(self, client, protocol):
        if protocol == NEWER:
            run_newer(self.cluster, client)
            return
        if protocol == TRANSACTIONS:
            TransactionScenario(self.cluster, client, self.killer).run()
            return
        Scenario(self.cluster, client, protocol, self.killer).run()

    def result(self, name, client):
        if not self.cluster:
            self.start()
        self.futures[name].result()
        if client.lacking:
            note(f"SKIP {client.name}: {client.lacking}")

    def finish(self):
        check(self.cluster, "no client ran")
        with self.stack:
            if self.killer:
                self.killer.finish()
                note(f"{self.killer.count} kills")


def add(round_, name, client, protocol):
    round_.chosen.append((name, client, protocol))

    @test(name)
    def run_client():
        round_.result(name, client)


def run_newer(cluster, client):
    with Program(program(client.name), NEWER, cluster.bootstrap) as child:
        child.wait_end(DEADLINE_S)
        for words in child.of_kind("ok"):
            note(" ".join(words))
        check_equal(len(child.of_kind("ok")), NEWER_CHECKS, f"the checks of {child.described()}")


def add_round(killing):
    round_ = Round(killing)
    how = "while brokers are killed" if killing else "in peace"
    for client in CLIENTS:
        if killing and not client.killed:
            continue
        for protocol in client.protocols:
            add(round_, f"{client.name}, protocol {protocol}, {how}", client, protocol)

    for client in CLIENTS:
        if client.transacts == ALWAYS or client.transacts and not killing:
            add(round_, f"{client.name}, a copy in transactions, {how}", client, TRANSACTIONS)

    if not killing:
        client = Client("java-4")
        add(round_, f"{client.name}, what only new clients ask, {how}", client, NEWER)

    @test(f"the cluster {how}: it ends well and lost nothing")
    def finish():
        if round_.cluster or not sys.argv[1:]:
            round_.finish()


add_round(killing=False)
add_round(killing=True)
tap.run()
