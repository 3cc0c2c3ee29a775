#!/usr/bin/env python3
"""Kafka Connect 4.1 brings the lines of a file into a topic and from there into another file.

A standalone worker is stopped, started again, and loses brokers; distributed ones, with exactly-once
support for sources, are killed and replaced, and paused until another one has taken over, while
brokers end under them. CONNECT_KILLS is how many brokers end there (2; the long form is 20). After every
second of them a worker is killed with it, and one is paused."""
import collections
import contextlib
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

from lib_path import CLUSTER_LIB  # noqa: F401 makes the harness importable

import tap
from cluster import Cluster
from txn_copy import wait_stable  # skips where confluent_kafka is missing

from bounces import end, start_again
from connect_worker import SINK, SOURCE, Worker, sink, source
from member import program
from tap import check_equal, note, test
from topic_reader import TopicReader
from wait import wait_until

PARTITIONS = 3
PORTION = 400  # lines between two events
KILLS = int(os.environ.get("CONNECT_KILLS") or 2)
KILL_EVERY, PAUSE_EVERY = 2, 2  # brokers
DEADLINE_S = 120
TOPIC = "lines"
SETTINGS = {"min_insync_replicas": 2, "group_initial_rebalance_delay_ms": 0,
            "offsets_topic_num_partitions": 5, "transaction_state_log_num_partitions": 5}


class Run:
    """A cluster, the two files, the workers, and who reads the topic between the files."""

    def __init__(self, stack):
        self.path = program("connect-4.1")
        self.stack = stack
        self.cluster = stack.enter_context(Cluster(3, **SETTINGS))
        self.cluster.create_topic(TOPIC, partitions=PARTITIONS)
        self.source, self.sink = (os.path.join(self.cluster.directory, name) for name in ("from", "to"))
        self.reader = stack.enter_context(TopicReader(self.cluster.bootstrap, TOPIC, PARTITIONS))
        self.workers = []
        self.lines = self.started = self.restarts = 0
        self.add_lines()

    def add_lines(self):
        with open(self.source, "a") as file:
            file.writelines(f"line{n}\n" for n in range(self.lines, self.lines + PORTION))
        self.lines += PORTION

    def start(self, name, connectors=None):
        self.workers.append(self.stack.enter_context(Worker(
            self.path, self.cluster.bootstrap, os.path.join(self.cluster.directory, name), connectors)))
        return self.workers[-1]

    def start_next(self):
        self.started += 1
        return self.start(f"worker{self.started}")

    def connectors(self):
        return {SOURCE: source(self.source, TOPIC), SINK: sink(self.sink, TOPIC)}

    def written(self):
        """What is in the second file: line -> how often."""
        if not os.path.exists(self.sink):
            return collections.Counter()
        with open(self.sink) as file:
            return collections.Counter(file.read().split())

    def expected(self):
        return collections.Counter(f"line{n}" for n in range(self.lines))

    def wait_through(self, *workers):
        """All lines are in the topic and in the second file."""
        workers = workers or self.workers
        self.reader.wait_count(self.lines, DEADLINE_S, *workers, meanwhile=lambda: self.tend(workers[0]))

        def written():
            self.tend(workers[0])
            return len(self.written()) == self.lines
        try:
            wait_until(written, DEADLINE_S, f"{self.lines} lines are in the second file")
        except AssertionError as error:
            raise AssertionError(f"{error} ({len(self.written())} are)\n"
                                 + "\n".join(w.described() for w in workers)) from None

    def tend(self, worker):
        """What an operator does: a task fails for good when its worker can't read its settings in time."""
        for name in (SOURCE, SINK):
            try:
                self.restarts += worker.restart_failed(name)
            except OSError:  # the workers elect a leader
                return

    def in_topic(self):
        return collections.Counter(value.decode() for values in self.reader.values.values()
                                   for value in values)

    def stop(self, worker):
        """It ends well; one that hangs is killed, as an operator would, and its threads are shown: each line
        comes through once all the same."""
        worker.child.send_signal(signal.SIGTERM)
        try:
            wait_until(lambda: worker.child.poll() is not None, DEADLINE_S, "the worker ends on SIGTERM")
        except AssertionError as error:
            note(f"{error}: it is killed\n{worker.described()}\n{worker.threads()}")
            worker.child.kill()
            worker.child.wait()
        self.workers.remove(worker)

    def replace(self, worker):
        """kill -9, and another one comes."""
        worker.child.kill()
        worker.child.wait()
        self.workers.remove(worker)
        return self.start_next()


@contextlib.contextmanager
def running():
    with contextlib.ExitStack() as stack:
        yield Run(stack)


@test("a standalone worker brings each line through once when it is stopped and started again")
def standalone():
    with running() as run:
        worker = run.start("worker", run.connectors())
        run.wait_through()
        run.stop(worker)
        run.add_lines()
        worker = run.start("worker", run.connectors())
        run.wait_through()
        check_equal(run.in_topic(), run.expected(), "the topic")
        check_equal(run.written(), run.expected(), "the second file")
        # From here on a line may come twice: its producer is not idempotent, as Connect is made.
        node = run.cluster.nodes[0]
        node.kill()
        run.add_lines()
        run.wait_through()
        start_again(run.cluster, node)
        run.stop(worker)
        check_equal(set(run.in_topic()), set(run.expected()), "the lines in the topic")


@test("distributed workers bring each line once into the topic while they and brokers are killed")
def distributed():
    with running() as run:
        for _ in range(2):
            run.start_next()
        for name, connector in run.connectors().items():
            run.workers[0].configure(name, connector, DEADLINE_S)
        run.wait_through()
        for number in range(KILLS):
            bounce(run, number)
            if number % PAUSE_EVERY == PAUSE_EVERY - 1:
                pause(run)
        reconfigure(run)
        for worker in list(run.workers):
            run.stop(worker)
        wait_stable(run.cluster.bootstrap, TOPIC, PARTITIONS)
        run.reader.count()
        check_equal(run.in_topic(), run.expected(), "the topic")
        note(f"{run.lines} lines, {run.started} workers, {run.restarts} restarts of failed tasks; "
             f"{run.written().total() - run.lines} lines are twice in the second file")


def owner(run, name=SOURCE):
    """The worker that runs the only task of the connector."""
    def look():
        for worker in run.workers:
            worker.check_alive()
        state = run.workers[0].task_state(name)
        if not state or state[0] != "RUNNING":
            return None
        return next((w for w in run.workers if state[1].endswith(f":{w.port}")), None)
    return wait_until(look, DEADLINE_S, f"a worker runs the task of {name}")


def bounce(run, number):
    """A broker ends while lines come, and every second time the worker that reads them, too. The broker
    comes back before all must be through: the AdminClient of Kafka 4.1 remembers who led a partition
    and asks nobody else until its call has timed out, and a worker asks by it where its settings end."""
    node = run.cluster.nodes[number % len(run.cluster.nodes)]
    run.add_lines()
    how = end(node, number)
    if number % KILL_EVERY == KILL_EVERY - 1:
        run.replace(owner(run))
        how += ", and so was the worker"
    run.add_lines()
    start_again(run.cluster, node)
    run.wait_through()
    note(f"node {node.id} was {how}; {run.lines} lines")


def pause(run):
    """The worker that reads the lines stands still until another one has its task, and goes on."""
    paused = owner(run)
    others = [worker for worker in run.workers if worker is not paused]
    paused.child.send_signal(signal.SIGSTOP)
    run.add_lines()
    try:
        run.wait_through(*others)
    finally:
        paused.child.send_signal(signal.SIGCONT)
    run.add_lines()
    run.wait_through()
    note(f"a worker was paused; {run.lines} lines")


def reconfigure(run):
    """Before tasks with new settings start, the leader fences the producers of the old ones."""
    connector = {**source(run.source, TOPIC), "batch.size": 1500}
    run.workers[0].configure(SOURCE, connector, DEADLINE_S)
    run.add_lines()
    run.wait_through()


tap.run()
