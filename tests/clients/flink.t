#!/usr/bin/env python3
"""Apache Flink copies records between topics with its exactly-once sink: while the job fails and
starts again from its last checkpoint, while it is killed, and while brokers end under it. Each record
must be there once and in order for a reader of committed records.

FLINK_KILLS is how many brokers end in the second test (2; the long form is 20) before all of them are
killed at once. With every third of them the job fails, with every fifth it is killed."""
import contextlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

from lib_path import CLUSTER_LIB  # noqa: F401 makes the harness importable

import tap
from cluster import Cluster
from txn_copy import check_copy, fill, wait_stable  # skips where confluent_kafka is missing

from bounces import end, start_again
from confluent_kafka import Consumer, TopicPartition
from member import Program, program
from tap import check, note, test
from topic_reader import TopicReader
from wait import wait_until

PARTITIONS = 3
PORTION = 900  # records between two events
KILLS = int(os.environ.get("FLINK_KILLS") or 2)
FAIL_EVERY, KILL_EVERY = 3, 5  # brokers
FAILURES = ("record", "snapshot", "complete")  # where the job can fail
DEADLINE_S = 120
SOURCE, TARGET, JOB = "numbers", "copies", "flink-copy"
SETTINGS = {"min_insync_replicas": 2, "group_initial_rebalance_delay_ms": 0,
            "offsets_topic_num_partitions": 5, "transaction_state_log_num_partitions": 5,
            "transaction_abort_timed_out_transaction_cleanup_interval_ms": 500}


class Run:
    """A cluster, the job's lives, and who reads what it has committed."""

    def __init__(self, stack):
        self.path = program("flink-1.20")
        self.stack = stack
        self.cluster = stack.enter_context(Cluster(3, **SETTINGS))
        for topic in (SOURCE, TARGET):
            self.cluster.create_topic(topic, partitions=PARTITIONS)
        self.reader = stack.enter_context(TopicReader(self.cluster.bootstrap, TARGET, PARTITIONS))
        self.filled = 0
        self.lives = []
        self.start()

    def start(self):
        directory = os.path.join(self.cluster.directory, "checkpoints")
        self.lives.append(self.stack.enter_context(Program(
            self.path, "copy", self.cluster.bootstrap, SOURCE, TARGET, JOB, directory)))

    @property
    def job(self):
        return self.lives[-1]

    def fill(self):
        fill(self.cluster.bootstrap, SOURCE, PORTION, PARTITIONS, self.filled)
        self.filled += PORTION

    def wait_some(self):
        """It is in the midst of the last portion."""
        self.reader.wait_count(self.filled - PORTION + 1, DEADLINE_S, self.job)

    def wait_all(self):
        self.reader.wait_count(self.filled, DEADLINE_S, self.job)

    def fail(self, where):
        """The next record, checkpoint or end of a checkpoint makes it fail and start again. Its rest of
        the last portion is open then, and another portion is on the way."""
        job = self.job
        attempts = len(job.of_kind("attempt"))
        job.child.stdin.write(where + "\n")
        job.child.stdin.flush()
        self.fill()
        wait_until(lambda: [where] in job.of_kind("failed"), DEADLINE_S, f"the job fails at a {where}")
        wait_until(lambda: len(job.of_kind("attempt")) > attempts, DEADLINE_S,
                   f"the job starts again: {job.described()}")

    def kill(self):
        self.job.child.kill()
        self.job.child.wait()
        self.start()

    def finish(self):
        self.wait_all()
        self.job.child.stdin.close()
        self.job.wait_end(DEADLINE_S)
        wait_stable(self.cluster.bootstrap, TARGET, PARTITIONS)
        check_copy(self.cluster.bootstrap, TARGET, self.filled, PARTITIONS)
        check(self.reader.count() == self.filled, "the reader has read more than was copied")
        self._check_offsets()
        attempts = [words for life in self.lives for words in life.of_kind("attempt")]
        note(f"{self.filled} records, {len(self.lives)} lives of the job, {len(attempts)} attempts of its "
             f"tasks, {sum(words[2] == 'restored' for words in attempts)} with a checkpoint")

    def _check_offsets(self):
        """The source tells its group now and then how far it has read; it begins with its checkpoint."""
        consumer = Consumer({"bootstrap.servers": self.cluster.bootstrap, "group.id": JOB, "log_level": 0})
        found = consumer.committed([TopicPartition(SOURCE, p) for p in range(PARTITIONS)], timeout=60)
        consumer.close()
        check(0 < sum(max(p.offset, 0) for p in found) <= self.filled, f"the group's offsets are {found}")


@contextlib.contextmanager
def running():
    with contextlib.ExitStack() as stack:
        yield Run(stack)


@test("a Flink job copies exactly once while it fails at records and checkpoints, and is killed")
def failures():
    with running() as run:
        for where in FAILURES:
            run.fill()
            run.wait_some()
            run.fail(where)
            run.wait_all()
        run.fill()
        run.wait_some()
        run.fill()
        run.kill()
        run.finish()


@test("a Flink job copies exactly once while brokers are killed and restarted")
def broker_kills():
    with running() as run:
        for number in range(KILLS):
            node = run.cluster.nodes[number % len(run.cluster.nodes)]
            run.fill()
            run.wait_some()
            how = end(node, number)
            if number % FAIL_EVERY == FAIL_EVERY - 1:
                run.fail(FAILURES[number // FAIL_EVERY % len(FAILURES)])
                how += ", and the job failed"
            if number % KILL_EVERY == KILL_EVERY - 1:
                run.kill()
                how += ", and the job was killed"
            run.fill()
            run.wait_all()
            start_again(run.cluster, node)
            note(f"node {node.id} was {how}; {run.filled} records")
        run.fill()
        run.wait_some()
        run.cluster.kill_all()
        run.cluster.start()
        run.finish()


tap.run()
