#!/usr/bin/env python3
"""Ends of transactions and batches that come late, and twice: a relay between clients and brokers
holds some of them for up to two seconds, and for some of these it cuts the client off, which asks
again by a new connection before the first request arrives. Clients of two eras copy records in
transactions through it: those that know transaction.version 2, and older ones. Whatever comes late,
each record must be there once, none of an aborted transaction, and nothing may stay open.

LATE_TXNS is how many transactions are copied in all (300; the long form is 10,000). With
LATE_CHECKS=off the brokers do without KIP-890 (level 0, and no verification), to see what the test
finds then; LATE_SEED is of what the relay chooses."""
import contextlib
import os
import sys

ROOT_TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT_TESTS, "cluster", "lib"))
sys.path.insert(0, os.path.join(ROOT_TESTS, "clients", "lib"))

import tap
from cluster import Cluster
from txn_copy import Copier, check_copy, fill, wait_stable  # skips where confluent_kafka is missing

from confluent_kafka import Consumer, KafkaException, TopicPartition
from member import Program, program
from node import free_port
from relay import Relay
from tap import Skip, check, note, test
from wait import wait_until

PARTITIONS = 3
OFFSETS_PARTITIONS = 5
BATCH = 5  # records of a transaction
TXNS = int(os.environ.get("LATE_TXNS") or 300)
CHECKS = os.environ.get("LATE_CHECKS") != "off"
SEED = int(os.environ.get("LATE_SEED") or 1)
PRODUCE, END_TXN = 0, 26
BUMPS = 5  # the version of EndTxn from which on a client acts by transaction.version 2
HELD_S = 2
# The share of requests that are held, and of them those whose client is cut off.
RULES = {PRODUCE: (0.12, 0.4, HELD_S), END_TXN: (0.08, 0.8, HELD_S)}
DEADLINE_S = 120 + TXNS
OLDER_COPIERS = 3
# Below what the relay holds: a batch that is given up is still on its way when its transaction is
# aborted, and may arrive after that.
OLDER_SETTINGS = {"message_timeout_ms": 500, "transaction_timeout_ms": 10000}
SETTINGS = {"min_insync_replicas": 2, "group_initial_rebalance_delay_ms": 0,
            "offsets_topic_num_partitions": OFFSETS_PARTITIONS,
            "transaction_state_log_num_partitions": OFFSETS_PARTITIONS,
            "transaction_partition_verification_enable": str(CHECKS).lower()}


@contextlib.contextmanager
def relayed():
    """A cluster whose clients come through a relay; brokers and tools reach each other directly."""
    cluster = Cluster(3, start=False, **SETTINGS)
    inner = [node.port for node in cluster.nodes]
    outer = [free_port() for _ in inner]
    with Relay(outer, dict(RULES), SEED) as relay:
        for node, port, front in zip(cluster.nodes, outer, relay.ports):
            node.settings.update({
                "listeners": f"PLAINTEXT://127.0.0.1:{node.port},RELAYED://127.0.0.1:{port}",
                "advertised.listeners":
                    f"PLAINTEXT://127.0.0.1:{node.port},RELAYED://127.0.0.1:{front}",
                "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,RELAYED:PLAINTEXT",
                "inter.broker.listener.name": "PLAINTEXT"})
        cluster.start_at_once = True
        with cluster:
            if not CHECKS:
                cluster.set_level("transaction.version", 0)
            yield cluster, relay, ",".join(f"127.0.0.1:{port}" for port in relay.ports)


class Left:
    """Records of a topic that no committed transaction of a group has copied."""

    def __init__(self, bootstrap, group, topic, count):
        self.topic, self.count = topic, count
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "log_level": 0})

    def look(self):
        try:
            found = self._consumer.committed(
                [TopicPartition(self.topic, p) for p in range(PARTITIONS)], timeout=10)
        except KafkaException:
            return self.count
        return self.count - sum(max(p.offset, 0) for p in found)


def newer_client():
    """The path of a client that knows transaction.version 2, or None."""
    try:
        return program("java-4")
    except Skip as reason:
        note(f"no client of transaction.version 2: {reason}")
        return None


def begin_older(stack, bootstrap, cluster, count):
    """A topic of its own for each: a zombie of one fences none of the others."""
    copiers = []
    for number in range(OLDER_COPIERS):
        source, target, name = f"source-{number}", f"target-{number}", f"older-{number}"
        for topic in (source, target):
            cluster.create_topic(topic, partitions=PARTITIONS)
        fill(cluster.bootstrap, source, count, PARTITIONS)
        copiers.append(stack.enter_context(
            Copier(bootstrap, name, source, target, name, BATCH, **OLDER_SETTINGS)))
    return copiers


def begin_newer(stack, path, bootstrap, cluster, count):
    for topic in ("source", "target"):
        cluster.create_topic(topic, partitions=PARTITIONS)
    fill(cluster.bootstrap, "source", count, PARTITIONS)
    return stack.enter_context(
        Program(path, "copy", bootstrap, "source", "target", "newer", str(BATCH)))


def tell(older, newer):
    for copier in older:
        note(f"{copier.name}: committed {copier.committed}, aborted {copier.aborted}, failed "
             f"{copier.failed}, in {copier.last}; {copier.errors[-4:]}")
    if newer:
        note(f"newer: committed {len(newer.of_kind('committed'))}, aborted "
             f"{len(newer.of_kind('aborted'))}; "
             f"{[' '.join(words)[:150] for words in newer.of_kind('note')][-4:]}")


@test("transactions stay whole when ends and batches come late, and twice")
def late():
    path = newer_client()
    share = TXNS * BATCH // (OLDER_COPIERS + (1 if path else 0))
    with contextlib.ExitStack() as stack:
        cluster, relay, bootstrap = stack.enter_context(relayed())
        copying = stack.enter_context(contextlib.ExitStack())
        newer = begin_newer(copying, path, bootstrap, cluster, share) if path else None
        older = begin_older(copying, bootstrap, cluster, share)
        lefts = [Left(cluster.bootstrap, copier.group, copier.source, share) for copier in older]
        lefts += [Left(cluster.bootstrap, "newer", "source", share)] if path else []
        try:
            wait_until(lambda: not any(left.look() for left in lefts), DEADLINE_S, "all is copied")
        finally:
            tell(older, newer)
        targets = [copier.target for copier in older] + (["target"] if path else [])
        copying.close()
        wait_until(relay.is_idle, 120, "nothing is held by the relay")
        for topic in targets:
            wait_stable(cluster.bootstrap, topic, PARTITIONS)
        wait_stable(cluster.bootstrap, "__consumer_offsets", OFFSETS_PARTITIONS)
        for topic in targets:
            check_copy(cluster.bootstrap, topic, share, PARTITIONS)
        for key, name in ((PRODUCE, "batches"), (END_TXN, "ends")):
            check(relay.late.get(key), f"no {name} came late: {relay.held}")
        eras = {version >= BUMPS for version in relay.versions[END_TXN]}
        check(eras == {False} | ({True} if path and CHECKS else set()),
              f"the versions of EndTxn: {relay.versions[END_TXN]}")


tap.run()
