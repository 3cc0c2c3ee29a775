#!/usr/bin/env python3
"""Quotas of clients: told in answers and held to by not reading on, by any broker that leads, after
failover and restart, until they are taken away; who ignores them costs no memory."""
import os
import select
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import produce
import tap
import wire
from batches import batch, record
from cluster import Cluster
from load import read_all
from node import memory_max
from tap import check, check_equal, note, test
from tool import says, tool
from wait import wait_until

CONFIGS = "kafka-configs.sh"
RATE = 200000           # bytes a second
RECORD = b"x" * 100000  # half a second's worth
MB = 1 << 20
IGNORED_MAX = 64 * MB   # what a client that ignores its throttle tries to send
FETCH = 1


def set_quota(cluster, *entity, add=None, delete=None):
    change = ("--add-config", add) if add else ("--delete-config", delete)
    says(cluster, CONFIGS, "--alter", *entity, *change, out=f"Completed updating config for client {entity[1]}.\n")


def one_batch():
    return batch(record(RECORD))


def throttle_of(payload):
    """Of a Produce answer, which tells it last."""
    return struct.unpack(">i", payload[-4:])[0]


class Client:
    """A connection on which one request goes after the other."""

    def __init__(self, node):
        self.line = wire.connect(node.port, 30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.line.close()

    def produce(self, topic):
        """(ms that the answer tells to wait, seconds that it took)"""
        began = time.monotonic()
        self.line.sendall(produce.request(topic, one_batch()))
        payload = wire.receive(self.line)
        error = produce.answers(payload)[1][0].error
        check_equal(error, 0, "the error of a produce")
        return throttle_of(payload), time.monotonic() - began

    def until_throttled(self, topic):
        """Until an answer tells to wait: ms."""
        for _ in range(20):
            ms = self.produce(topic)[0]
            if ms > 0:
                return ms
        return 0

    def fetch(self, topic, offset=0):
        """(ms to wait, bytes of records), of a Fetch v4"""
        body = struct.pack(">iiiibi", -1, 0, 0, MB, 0, 1) + struct.pack(">h", len(topic)) + topic.encode()
        self.line.sendall(wire.request(FETCH, 4, body + struct.pack(">iiqi", 1, 0, offset, MB)))
        r = wire.Reader(wire.receive(self.line))
        r.take("i")
        ms, topics = r.take("i"), r.take("i")
        if topics == 0:
            return ms, 0
        r.string(), r.take("i"), r.take("i"), r.take("h"), r.take("q"), r.take("q")
        r.array(lambda: (r.take("q"), r.take("q")))
        return ms, len(r.blob())


@test("a produce quota is told and held to, after failover and restart, until it is removed")
def producing():
    with Cluster(3) as cluster:
        cluster.create_topic("t", replicas=3, **{"min.insync.replicas": "2"})
        with Client(cluster.leader("t")) as client:
            check_equal([client.produce("t")[0] for _ in range(4)], [0] * 4, "throttles without a quota")
        set_quota(cluster, "--client", "test", add=f"producer_byte_rate={RATE}")
        with Client(cluster.leader("t")) as client:
            ms = client.until_throttled("t")
            check(ms > 0, "no answer told to wait")
            next_ms, took_s = client.produce("t")
            note(f"told to wait {ms} ms, the next answer took {took_s:.3f} s and told {next_ms} ms")
            check(took_s * 1000 >= ms - 1, f"an answer after {took_s} s, though {ms} ms were to be waited")
        old = cluster.leader("t")
        check_equal(old.log_text().count("is throttled: the producer_byte_rate of user ANONYMOUS"), 1,
                    "lines about the throttle")
        old.kill()
        cluster.wait_new_leader("t", old)
        with Client(cluster.leader("t")) as client:
            check(client.until_throttled("t") > 0, "the new leader throttles nobody")
        old.start()
        cluster.wait_serving()
        cluster.stop()
        cluster.start()
        cluster.wait_serving()
        says(cluster, CONFIGS, "--describe", "--client", "test",
             out=f"Quota configs for client-id 'test' are producer_byte_rate={RATE}.0\n")
        with Client(cluster.leader("t")) as client:
            check(client.until_throttled("t") > 0, "after a restart nobody is throttled")
            set_quota(cluster, "--client", "test", delete="producer_byte_rate")

            def free():
                return client.produce("t")[0] == 0
            wait_until(free, 120, "an answer without a throttle")
            check_equal([client.produce("t")[0] for _ in range(4)], [0] * 4, "throttles after the removal")


@test("a fetch over its quota gets no records, and all of them in the end")
def fetching():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        node = cluster.nodes[0]
        with Client(node) as client:
            for _ in range(6):
                client.produce("t")
            size = client.fetch("t")[1]
            check(size >= 6 * len(RECORD), f"a fetch without a quota has {size} bytes")
            set_quota(cluster, "--client", "test", add=f"consumer_byte_rate={RATE}")
            answers, others, offset = [], [], 0
            with Client(node) as other:
                while offset < 6 and len(answers) < 100:
                    ms, got = client.fetch("t", offset)
                    answers.append((ms, got))
                    if ms > 0:
                        others.append(other.fetch("t", offset))
                    offset += got // len(RECORD)
            note(f"answers with ms to wait and bytes: {answers}, and of a second connection: {others}")
            check_equal(offset, 6, "the records that were read")
            check(any(ms > 0 and got == 0 for ms, got in others), f"no empty answer: {others}")
            check(all(got <= RATE for ms, got in answers), f"more than a second's worth: {answers}")
        check_equal(len(read_all(cluster.bootstrap, "t")), 6, "the records that another client reads")


@test("a client that ignores its throttle costs no memory and harms nobody")
def ignoring():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        node = cluster.nodes[0]
        set_quota(cluster, "--client", "test", add=f"producer_byte_rate={RATE}")
        with Client(node) as client:
            check(client.until_throttled("t") > 0, "no answer told to wait")
            before = node.rss_bytes()
            data = produce.request("t", one_batch()) * 20
            client.line.setblocking(False)
            sent = 0
            while sent < IGNORED_MAX and select.select([], [client.line], [], 0.5)[1]:
                sent += client.line.send(data[sent % len(data):])
            grown = node.rss_bytes() - before
            note(f"it got rid of {sent} bytes, the broker has grown by {grown}")
            check(sent < IGNORED_MAX, "all of it was taken")
            check(grown < memory_max(16 * MB), f"the broker has grown by {grown} bytes")
            says(cluster, "kafka-topics.sh", "--list", out="t\n")
            set_quota(cluster, "--client", "test", delete="producer_byte_rate")


@test("topics are created and deleted at the rate of controller_mutation_rate")
def mutating():
    with Cluster(1) as cluster:
        quota = ("--alter", "--user", "ANONYMOUS")
        says(cluster, CONFIGS, *quota, "--add-config", "controller_mutation_rate=0.1",
             out="Completed updating config for user ANONYMOUS.\n")

        def topics(*arguments, status=0, words=""):
            done = tool("kafka-topics.sh", "--bootstrap-server", cluster.bootstrap, *arguments, check_status=False)
            check_equal(done.returncode, status, f"the status of {arguments}: {done.stdout}{done.stderr}")
            check(words in done.stdout, f"{arguments} says {done.stdout!r}")
        exceeded = "The throttling quota has been exceeded"
        topics("--create", "--topic", "a", "--partitions", "6", words="Created topic a")
        topics("--create", "--topic", "b", status=1, words=exceeded)
        topics("--alter", "--topic", "a", "--partitions", "7", status=1, words=exceeded)
        topics("--delete", "--topic", "a", status=1, words=exceeded)
        says(cluster, CONFIGS, *quota, "--delete-config", "controller_mutation_rate",
             out="Completed updating config for user ANONYMOUS.\n")
        topics("--create", "--topic", "b", words="Created topic b")
        topics("--delete", "--topic", "a")
        topics("--list", words="b\n")


tap.run()
