#!/usr/bin/env python3
"""Kafka Streams counts words exactly once (processing.guarantee=exactly_once_v2), through a
repartition topic and a store with a changelog: while its instances come, end and are killed, with and
without standbys, and while brokers are killed and restarted under it.

STREAMS_KILLS is how many brokers end under it (2; the long form is 20) before all of them are killed
at once. With every fourth of them an instance is killed, too."""
import contextlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

from lib_path import CLUSTER_LIB  # noqa: F401 makes the harness importable

import tap
from cluster import Cluster
import txn_copy  # noqa: F401 skips where confluent_kafka is missing

from bounces import end, start_again
from confluent_kafka import KafkaException
from member import program
from tap import check, check_equal, note, test
from wait import wait_until
from word_count import (DEADLINE_S, Counter, Ends, Feed, Reader, check_history, check_last,
                        wait_more)

PARTITIONS = 3
COUNTING = "1_"  # what the names of the tasks that count begin with
TASKS = 2 * PARTITIONS  # the ones that split lines, and the ones that count
SOURCE, TARGET = "lines", "counts"
CHANGELOG, REPARTITION = "word-count-counts-changelog", "word-count-words-repartition"
KILLS = int(os.environ.get("STREAMS_KILLS") or 2)
OFFSETS_PARTITIONS = 5
TRANSACTIONAL = {TARGET: PARTITIONS, CHANGELOG: PARTITIONS, REPARTITION: PARTITIONS,
                 "__consumer_offsets": OFFSETS_PARTITIONS}
INSTANCE_EVERY = 4  # brokers
SOME = 500  # counts between two events: longer than a few transactions of 300 ms
SETTINGS = {"min_insync_replicas": 2, "group_initial_rebalance_delay_ms": 0,
            "offsets_topic_num_partitions": OFFSETS_PARTITIONS, "transaction_state_log_num_partitions": 5,
            "transaction_abort_timed_out_transaction_cleanup_interval_ms": 500}


class Run:
    """A cluster, what is counted, and who reads the counts meanwhile."""

    def __init__(self, stack):
        self.path = program("streams-4")
        self.stack = stack
        self.cluster = stack.enter_context(Cluster(3, **SETTINGS))
        for topic in (SOURCE, TARGET):
            self.cluster.create_topic(topic, partitions=PARTITIONS)
        self.feed = stack.enter_context(Feed(self.cluster.bootstrap, SOURCE, PARTITIONS))
        self.ends = Ends(self.cluster.bootstrap)
        self.reader = stack.enter_context(Reader(self.path, self.cluster.bootstrap, TARGET))

    def counter(self, name, standbys=0):
        """A new instance; it has a directory of that name."""
        directory = os.path.join(self.cluster.directory, name)
        return self.stack.enter_context(
            Counter(self.path, self.cluster.bootstrap, SOURCE, TARGET, directory, standbys))

    def wait_tasks(self, *counters):
        """They have all tasks, and each has some."""
        def shared():
            for counter in counters:
                counter.check_alive()
            owned = [counter.tasks() for counter in counters]
            return all(owned) and sorted(sum(owned, [])) if sum(map(len, owned)) == TASKS else None
        try:
            tasks = wait_until(shared, DEADLINE_S, f"{len(counters)} instances share the tasks")
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "\n".join(c.described() for c in counters)) from None
        check_equal(len(set(tasks)), TASKS, "the number of different tasks")

    def wait_ends(self, which, condition, topic, what, partitions=PARTITIONS):
        """all or any partitions have condition(first, stable, end) of their offsets."""
        def look():
            try:
                return which(condition(*self.ends.of(topic, p)) for p in range(partitions))
            except KafkaException:  # a leader moves back to where it was
                return False
        wait_until(look, DEADLINE_S, what)

    def wait_open(self):
        self.wait_ends(any, lambda first, stable, end: stable < end, TARGET, "a transaction is open")

    def finish(self, *counters):
        """All is counted, the instances end well, and every reader finds the truth."""
        self.feed.stop()
        truth = self.feed.truth
        wait_more(self.reader, counters, truth.total() - self.reader.count)
        # The program deletes the words that it has read.
        self.wait_ends(all, lambda first, stable, end: first == end, REPARTITION, "words are deleted")
        for counter in counters:
            counter.leave()
        for topic, partitions in TRANSACTIONAL.items():
            self.wait_ends(all, lambda first, stable, end: stable == end, topic,
                           f"no transaction is open in {topic}", partitions)
        self.reader.finish()
        check_history(self.reader.records, truth)
        check_history(self.read(TARGET).records, truth)
        check_last(self.read(CHANGELOG).records, truth)
        note(f"counts that were never committed: "
             f"{self.read(TARGET, 'read_uncommitted').count - truth.total()}")

    def read(self, topic, isolation="read_committed"):
        with Reader(self.path, self.cluster.bootstrap, topic, isolation) as reader:
            reader.finish()
            return reader


@contextlib.contextmanager
def running(level=2):
    with contextlib.ExitStack() as stack:
        run = Run(stack)
        if level != 2:
            run.cluster.set_level("transaction.version", level)
        yield run


def notes_of(*counters):
    return [" ".join(words) for counter in counters for words in counter.of_kind("note")]


@test("words are counted exactly once while an instance comes, one is killed, and one comes back")
def take_over():
    with running() as run:
        a = run.counter("a")
        wait_more(run.reader, [a], SOME)
        b = run.counter("b")
        run.wait_tasks(a, b)
        wait_more(run.reader, [a, b], SOME)
        before = b.restored()
        run.wait_open()
        a.kill()
        run.wait_tasks(b)
        check(b.restored() > before, f"it restores {before} records and no more after the kill")
        note(f"{b.restored() - before} records are restored in place of the instance that was killed")
        wait_more(run.reader, [b], SOME)
        back = run.counter("a")
        run.wait_tasks(b, back)
        wait_more(run.reader, [b, back], SOME)
        check_equal(notes_of(a, b, back), [], "what the instances complain of")
        run.finish(b, back)


def counted_by(counter):
    """The partitions of the tasks that count."""
    return {task.split("_")[1] for task in counter.tasks() if task.startswith(COUNTING)}


@test("words are counted exactly once when a standby takes over from an instance that is killed")
def standby():
    with running() as run:
        a, b = run.counter("a", standbys=1), run.counter("b", standbys=1)
        run.wait_tasks(a, b)
        wait_more(run.reader, [a, b], SOME)
        wait_until(lambda: counted_by(a) and counted_by(a) <= b.standbys(), DEADLINE_S,
                   "what one counts has a standby at the other")
        of_a = counted_by(a)
        run.wait_open()
        a.kill()
        run.wait_tasks(b)
        check(of_a <= b.promoted(), f"of the standbys of {of_a} only {b.promoted()} are promoted")
        wait_more(run.reader, [b], SOME)
        check_equal(notes_of(a, b), [], "what the instances complain of")
        run.finish(b)


@test("words are counted exactly once while brokers are killed and restarted")
def broker_kills():
    with running() as run:
        counters = [run.counter("a"), run.counter("b")]
        ended = []
        run.wait_tasks(*counters)
        wait_more(run.reader, counters, SOME)
        for number in range(KILLS):
            node = run.cluster.nodes[number % len(run.cluster.nodes)]
            how = end(node, number)
            if number % INSTANCE_EVERY == INSTANCE_EVERY - 1:
                ended.append(counters.pop(0))
                ended[-1].kill()
                counters.append(run.counter(f"c{number}"))
                how += ", with an instance"
            wait_more(run.reader, counters, SOME)
            start_again(run.cluster, node)
            wait_more(run.reader, counters, SOME)
            note(f"node {node.id} was {how}; {run.reader.count} counts")
        run.wait_open()
        run.cluster.kill_all()
        run.cluster.start()
        wait_more(run.reader, counters, SOME)
        note(f"all nodes were killed at once; {run.reader.count} counts")
        for said in notes_of(*ended, *counters):
            note(said)
        run.finish(*counters)


@test("words are counted exactly once at transaction.version 1, and while it becomes 2 and 1 again")
def levels():
    with running(level=1) as run:
        counters = [run.counter("a"), run.counter("b")]
        run.wait_tasks(*counters)
        wait_more(run.reader, counters, SOME)
        for number, level in enumerate((2, 1)):
            run.cluster.set_level("transaction.version", level)
            node = run.cluster.nodes[number]  # its clients ask anew what the level is
            end(node, number)
            wait_more(run.reader, counters, SOME)
            start_again(run.cluster, node)
            wait_more(run.reader, counters, SOME)
        run.finish(*counters)


tap.run()
