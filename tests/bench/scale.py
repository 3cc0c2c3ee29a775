#!/usr/bin/env python3
"""What many partitions cost one broker, and whether topics that come and go leave something behind.

    make all
    build/venv/bin/python tests/bench/scale.py [partitions=10000,100000] [rounds=10] [topics=1000] [quotas=1]

For each number of partitions (of RF 1, created by CreateTopics in batches) on a fresh broker: how long it
takes from fork to the first Metadata answer after a clean stop, its resident memory then, and its CPU over
20 idle seconds. Then so many topics are created and deleted, in so many rounds; the last column of a round
is what is left: folders, descriptors, resident memory. `quotas=1` measures what a byte rate lets through over ten
seconds, for one client and for fifty at once, in both directions. Ends with 1 where a goal is missed."""
import contextlib
import os
import signal
import struct
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "cluster", "lib")]

import wire
from batches import batch, record
from cluster import Cluster
from tap import check, note
from tool import tool
from wait import wait_until

DELETE_TOPICS = 20
TOPIC_PARTITIONS = 1000  # of each topic that fills the broker; one request creates so many
IDLE_S = 20
DEADLINE_S = 600
MB = 1000 * 1000
# partitions: seconds to ready, bytes, cores idle
GOALS = {10000: (0.35, 28 * MB, 0.003), 100000: (4, 400 * MB, 0.02)}
RSS_LEFT = 8 * MB  # more than after the first round: what allocators keep, not what grows
FOLDERS_LEFT_S = 120  # deleted topics' folders are removed after file.delete.delay.ms
QUOTA_S = 10
QUOTA_OFF = 0.05
QUOTA_WARM_S = 15  # longer than the window of a rate
# Bytes of a request: one client after the other's answer has to reach the rate without a quota, and none
# may be a large part of what a client of fifty gets.
QUOTA_RECORD, QUOTA_RECORD_ALONE = 4000, 40000
QUOTA_BYTES = 2 * MB  # a second
missed = []


def goal(met, text):
    note(f"{'met   ' if met else 'MISSED'} {text}")
    if not met:
        missed.append(text)


def names(prefix, count):
    return [f"{prefix}{i:04}" for i in range(count)]


def create(port, topics, partitions):
    """CreateTopics v0."""
    body = struct.pack(">i", len(topics))
    for topic in topics:
        body += struct.pack(">h", len(topic)) + topic.encode() + struct.pack(">ihii", partitions, 1, 0, 0)
    answer(port, wire.CREATE_TOPICS, body + struct.pack(">i", DEADLINE_S * 1000))


def delete(port, topics):
    """DeleteTopics v0."""
    body = struct.pack(">i", len(topics)) + b"".join(struct.pack(">h", len(t)) + t.encode() for t in topics)
    answer(port, DELETE_TOPICS, body + struct.pack(">i", DEADLINE_S * 1000))


def answer(port, api, body):
    r = wire.Reader(wire.ask(port, wire.request(api, 0, body), DEADLINE_S))
    r.take("i")
    errors = r.array(lambda: (r.string(), r.take("h")))
    check(errors and all(error == 0 for _, error in errors), f"refused: {[e for e in errors if e[1]][:3]}")


def cpu_s(node):
    with open(f"/proc/{node.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(node):
    """Without those that each worker holds back, which are of the root, and come with the workers."""
    count = 0
    for number in os.listdir(f"/proc/{node.pid}/fd"):
        with contextlib.suppress(OSError):
            count += os.readlink(f"/proc/{node.pid}/fd/{number}") != "/"
    return count


def folders(node):
    return [name for name in os.listdir(node.log_dir) if os.path.isdir(os.path.join(node.log_dir, name))]


def time_ready(node):
    """From fork to the first Metadata answer that names the node; asked in a tight loop."""
    begun = time.monotonic()
    node.start()
    while True:
        try:
            payload = wire.ask(node.port, wire.request(wire.METADATA, 1, struct.pack(">i", 0)), DEADLINE_S)
            if struct.unpack_from(">i", payload, 4)[0] == 1:
                return time.monotonic() - begun
        except OSError:
            check(node.running(), "the broker ended")
            time.sleep(0.001)  # no more than a thousandth of a second of what is measured


def all_led(node, count):
    """How long until it leads all of them, from now on."""
    begun = time.monotonic()
    wait_until(lambda: sum(leader >= 0 for rows in wire.metadata(node.port, DEADLINE_S).topics.values()
                           for leader, _, _ in rows.values()) == count, DEADLINE_S, "all are led")
    return time.monotonic() - begun


def stop(node):
    """A clean stop, however long it takes."""
    node.signal(signal.SIGTERM)
    check(node.wait_exit(DEADLINE_S) == 0, "the broker did not stop well")


def many(count):
    with Cluster(1) as cluster:
        (node,) = cluster.nodes
        begun = time.monotonic()
        for topic in names("many", count // TOPIC_PARTITIONS):
            create(node.port, [topic], TOPIC_PARTITIONS)
        made_s = time.monotonic() - begun
        all_led(node, count)
        note(f"{count} partitions were created in {made_s:.1f} s; resident then: {node.rss_bytes() / MB:.1f} MB")
        wait_until(lambda: len(folders(node)) > count, DEADLINE_S, "all have their folders")  # and the controller's
        begun = time.monotonic()
        stop(node)
        stop_s = time.monotonic() - begun
        ready_s = time_ready(node)
        led_s = all_led(node, count)
        time.sleep(2)
        rss, cpu, began = node.rss_bytes(), cpu_s(node), time.monotonic()
        time.sleep(IDLE_S)
        idle = (cpu_s(node) - cpu) / (time.monotonic() - began)
        rss = node.rss_bytes()
        ready_goal, rss_goal, idle_goal = GOALS.get(count, (1e9, 1e18, 1e9))
        note(f"clean stop {stop_s:.2f} s; all led {led_s:.2f} s after ready; descriptors {descriptors(node)}")
        goal(ready_s <= ready_goal, f"{count}: ready after {ready_s:.3f} s")
        goal(rss <= rss_goal, f"{count}: {rss / MB:.1f} MB resident after the start")
        goal(idle <= idle_goal, f"{count}: {idle:.4f} core idle over {IDLE_S} s")
        stop(node)


def again(rounds, count):
    with Cluster(1, log_segment_delete_delay_ms=100) as cluster:
        (node,) = cluster.nodes
        before, first = (len(folders(node)), descriptors(node)), None
        for i in range(rounds):
            begun = time.monotonic()
            topics = names("again", count)
            for at in range(0, count, 100):
                create(node.port, topics[at:at + 100], 1)
            all_led(node, count)
            made_s, begun = time.monotonic() - begun, time.monotonic()
            for at in range(0, count, 100):
                delete(node.port, topics[at:at + 100])
            gone_s = time.monotonic() - begun
            wait_until(lambda: len(folders(node)) == before[0], FOLDERS_LEFT_S, "the folders are gone")
            rss = node.rss_bytes()
            first = first or rss
            note(f"round {i + 1}: {count} created in {made_s:.2f} s, deleted in {gone_s:.2f} s; left: folders "
                 f"{len(folders(node)) - before[0]}, descriptors {descriptors(node) - before[1]}, "
                 f"{rss / MB:.1f} MB resident")
        goal(len(folders(node)) == before[0], "no folder is left")
        goal(descriptors(node) <= before[1], f"descriptors: {descriptors(node)}, {before[1]} before")
        goal(rss - first <= RSS_LEFT,
             f"resident after {rounds} rounds: {rss / MB:.1f} MB, {first / MB:.1f} MB after the first")


# ---- quotas ----

class Client:
    """A connection of a client id, on which one request goes after the other."""

    def __init__(self, port, name):
        self.name = name.encode()
        self.line = wire.connect(port, DEADLINE_S)
        self.bytes = 0

    def ask(self, api, version, body):
        payload = struct.pack(">hhih", api, version, 1, len(self.name)) + self.name + body
        self.line.sendall(wire.frame(payload))
        return wire.Reader(wire.receive(self.line))

    def produce(self, topic, records):
        r = self.ask(0, 3, b"\xff\xff" + struct.pack(">hiih", 1, 30000, 1, len(topic)) + topic.encode() +
                     struct.pack(">iii", 1, 0, len(records)) + records)
        r.take("i"), r.take("i"), r.string(), r.take("i"), r.take("i")
        check(r.take("h") == 0, "a batch was refused")
        self.bytes += len(records)

    def fetch(self, topic, records):
        body = struct.pack(">iiiib", -1, 100, 1, len(records), 0) + struct.pack(">ih", 1, len(topic)) + topic.encode()
        r = self.ask(1, 4, body + struct.pack(">iiqi", 1, 0, 0, len(records)))
        r.take("i"), r.take("i")
        if r.take("i"):  # one that is throttled has no topics
            r.string(), r.take("i"), r.take("i"), r.take("h"), r.take("q"), r.take("q")
            r.array(lambda: (r.take("q"), r.take("q")))
            self.bytes += len(r.blob())


def rates(port, kind, clients, records):
    """Bytes a second of each client over ten seconds; the first seconds, when what was saved up is
    spent, are not counted."""
    stop = threading.Event()

    def run(client):
        while not stop.is_set():
            getattr(client, kind)("quota", records)
    threads = [threading.Thread(target=run, args=(client,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    time.sleep(QUOTA_WARM_S)
    before, began = [client.bytes for client in clients], time.monotonic()
    time.sleep(QUOTA_S)
    got = [client.bytes - had for client, had in zip(clients, before)]
    took_s = time.monotonic() - began
    stop.set()
    for thread in threads:
        thread.join()
    return [count / took_s for count in got]


def quotas():
    small, large = (batch(record(b"x" * size)) for size in (QUOTA_RECORD, QUOTA_RECORD_ALONE))
    with Cluster(1) as cluster:
        port = cluster.nodes[0].port
        create(port, ["quota"], 1)
        all_led(cluster.nodes[0], 1)
        filler = Client(port, "filler")
        for _ in range(16):
            filler.produce("quota", large)
        for kind, key in (("produce", "producer_byte_rate"), ("fetch", "consumer_byte_rate")):
            for entity, rate in (("one", QUOTA_BYTES), ("fifty", QUOTA_BYTES), (None, QUOTA_BYTES // 50)):
                who = ("--client", entity) if entity else ("--client-defaults",)
                tool("kafka-configs.sh", "--bootstrap-server", cluster.bootstrap, "--alter", *who, "--add-config",
                     f"{key}={rate}")
            for told, ids, of, goal_rate in (
                    ("one client", ["one"], "of it", QUOTA_BYTES),
                    ("fifty with one client id", ["fifty"] * 50, "together", QUOTA_BYTES),
                    ("fifty with a client id each", [f"c{kind}{i}" for i in range(50)], "of each", QUOTA_BYTES // 50)):
                clients = [Client(port, name) for name in ids]
                found = rates(port, kind, clients, small if len(ids) > 1 else large)
                each = found if of == "of each" else [sum(found)]
                off = [rate / goal_rate - 1 for rate in each]
                goal(max(map(abs, off)) <= QUOTA_OFF,
                     f"{kind}, {told}: {min(off):+.1%} to {max(off):+.1%} of {goal_rate} bytes/s {of}")


def settings(arguments):
    known = {"partitions": "10000,100000", "rounds": "10", "topics": "1000", "quotas": "1"}
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key not in known or not value:
            sys.exit(f"{argument}? {__doc__}")
        known[key] = value
    return known


def main():
    known = settings(sys.argv[1:])
    for count in filter(None, known["partitions"].split(",")):
        if int(count):
            many(int(count))
    if int(known["rounds"]):
        again(int(known["rounds"]), int(known["topics"]))
    if int(known["quotas"]):
        quotas()
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
