#!/usr/bin/env python3
"""A large replica is moved to another broker while records are produced to it.

    make all test-clients
    build/venv/bin/python tests/bench/moves.py [mb=2000] [rate_mb=50] [kills=1]

Three cases, each on a fresh cluster of four with a partition of so many MB and two replicas, of which one
moves under a throttle. "throttled": nothing else happens. "killed": source, target and controller are each
ended with kill -9 on the way, and started again. "cancelled": the move is ended half way, then made. Prints
how much was copied in each second, the rate beside the throttle, and the longest time between two
acknowledgements; ends with 1 when a record is lost, a replica differs, or the rate is off by more than a
tenth in the first case."""
import contextlib
import json
import os
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "cluster", "lib")]

import reassign
from cluster import Cluster
from load import Load, check_records, read_all
from segments import check_replicas_equal
from tap import check, note
from tool import tool
from transactions import load as run_load
from wait import wait_until

TOPIC, TOOL, MB = "moved", "kafka-reassign-partitions.sh", 1000 * 1000
RECORD = 1000  # bytes
PAUSE_S = 0.002
SOURCE, TARGET = 0, 2
BEFORE, AFTER = [0, 1], [2, 1]
REVERTED = [1, 0]  # as in Kafka: what the plan named comes first meanwhile
DEADLINE_S = 600


def folder(cluster, node_id):
    return os.path.join(cluster.nodes[node_id].log_dir, f"{TOPIC}-0")


def held(cluster, node_id):
    """Bytes of the partition that a node has written."""
    total = 0
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(folder(cluster, node_id)):
            if entry.name.endswith(".log"):
                total += min(entry.stat().st_size, entry.stat().st_blocks * 512)
    return total


class Progress:
    """Looks each second at how much the target has."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.seen = [(time.monotonic(), held(cluster, TARGET))]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._stop.wait(1):
            self.seen.append((time.monotonic(), held(self.cluster, TARGET)))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def told(self):
        return " ".join(f"{(b - a) / (t - s) / MB:.0f}" for (s, a), (t, b) in zip(self.seen, self.seen[1:]))


class Move:
    """The partition, the load on it, and the plan of the move."""

    def __init__(self, stack, mb, rate):
        self.rate = rate
        self.cluster = cluster = stack.enter_context(Cluster(4))
        cluster.create_topic(TOPIC, replicas=2)
        reassign.alter(cluster.nodes[0].port, TOPIC, 0, BEFORE)
        reassign.wait_moved(cluster, TOPIC, BEFORE)
        self.filled = mb * MB // RECORD
        run_load("produce", cluster, TOPIC, f"count={self.filled}", f"size={RECORD}")
        self.load = stack.enter_context(Load(cluster.bootstrap, TOPIC, pause_s=PAUSE_S))
        self.plan = os.path.join(cluster.directory, "plan.json")
        with open(self.plan, "w") as file:
            json.dump({"version": 1, "partitions": [{"topic": TOPIC, "partition": 0, "replicas": AFTER}]}, file)

    def ask(self, *arguments):
        return tool(TOOL, "--bootstrap-server", self.cluster.running()[0].address, "--reassignment-json-file",
                    self.plan, *arguments).stdout

    def execute(self):
        self.ask("--execute", "--throttle", str(self.rate))

    def wait_held(self, part):
        goal = part * self.filled * RECORD
        wait_until(lambda: held(self.cluster, TARGET) >= goal, DEADLINE_S, f"{part:.0%} are copied")

    def end(self):
        """Waits for the move and checks all records."""
        reassign.wait_moved(self.cluster, TOPIC, AFTER, deadline_s=DEADLINE_S)
        told = self.ask("--verify")
        check(f"Reassignment of partition {TOPIC}-0 is completed." in told, told)
        self.load.stop()
        records = read_all(self.cluster.bootstrap, TOPIC, start=self.filled)
        check_records(records, self.load.acked)
        count = check_replicas_equal([folder(self.cluster, i) for i in AFTER], records[-1][0] + 1)
        note(f"{count} batches are equal in both replicas; longest time between two acknowledgements: "
             f"{self.load.longest_gap_s * 1e3:.0f} ms")


def throttled(move):
    began = time.monotonic()
    move.execute()
    reassign.wait_moved(move.cluster, TOPIC, AFTER, deadline_s=DEADLINE_S)
    taken = time.monotonic() - began
    rate = held(move.cluster, TARGET) / taken
    note(f"moved in {taken:.1f} s: {rate / MB:.1f} MB/s of {move.rate / MB:.1f}, {rate / move.rate:.3f}")
    return abs(rate / move.rate - 1) <= 0.1


def killed(move):
    move.execute()
    for part, victim in ((0.2, lambda: move.cluster.nodes[SOURCE]), (0.4, lambda: move.cluster.nodes[TARGET]),
                         (0.6, move.cluster.controller)):
        move.wait_held(part)
        node = victim()
        node.kill()
        move.load.wait_acks(100)
        node.start()
        move.cluster.wait_serving()
        note(f"node {node.id} was killed with {held(move.cluster, TARGET) // MB} MB copied")
    return True


def cancelled(move):
    move.execute()
    move.wait_held(0.5)
    note(move.ask("--cancel").splitlines()[0])
    reassign.wait_moved(move.cluster, TOPIC, REVERTED)
    wait_until(lambda: not os.path.isdir(folder(move.cluster, TARGET)), 60, "the target's folder is gone")
    move.execute()
    return True


def main():
    chosen = {"mb": 2000, "rate_mb": 50, "kills": 1}
    for argument in sys.argv[1:]:
        key, _, value = argument.partition("=")
        if key not in chosen or not value.isdigit():
            sys.exit(f"moves.py: {argument} is not one of " + " ".join(f"{k}=N" for k in chosen))
        chosen[key] = int(value)
    good = True
    for case in (throttled, killed, cancelled) if chosen["kills"] else (throttled,):
        with contextlib.ExitStack() as stack:
            move = Move(stack, chosen["mb"], chosen["rate_mb"] * MB)
            with Progress(move.cluster) as progress:
                within = case(move)
                move.end()
            note(f"{case.__name__}: MB copied in each second: {progress.told()}")
            good = good and within
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
