"""Consume, transform, produce in transactions, and the check of all of it.

The source has the values 0 to N-1, spread over its partitions. A copier reads it as a member of a
group, writes what it read to the same partition of the target and commits its offsets, all in one
transaction; some transactions it aborts by itself, with a value of their own in them. However often
brokers, coordinators and copiers end in between, a reader of committed records must find each value
once, in the order of the source, and none of an aborted transaction."""
import os
import sys
import threading
import time

try:
    from confluent_kafka import (Consumer, IsolationLevel, KafkaError, KafkaException, Producer,
                                 TopicPartition)
    from confluent_kafka.admin import AdminClient, OffsetSpec
except ImportError:
    print("1..0 # SKIP confluent-kafka for Python is missing: make cluster puts it into build/venv")
    sys.exit(0)

from load import PRODUCER
from tap import check, note
from wait import wait_until

ABORTED = b"aborted"
# librdkafka 2.16 never sends the offsets of a transaction when the group's coordinator died and was
# then left out of Metadata: the call ends with its time, and the next life of the copier goes on.
CALL_S = 10
TRIES = 3
FAILURES_MAX = 500  # of one copier: then it gives up, and the test says why
QUICK = {"reconnect.backoff.ms": 5, "reconnect.backoff.max.ms": 100, "retry.backoff.ms": 10,
         "retry.backoff.max.ms": 100, "topic.metadata.refresh.fast.interval.ms": 10, "log_level": 0}


def new_producer(bootstrap, transactional_id, **settings):
    config = {**PRODUCER, "bootstrap.servers": bootstrap, "transactional.id": transactional_id,
              "transaction.timeout.ms": 60000, **{k.replace("_", "."): v for k, v in settings.items()}}
    if "message_timeout_ms" not in settings:
        config["message.timeout.ms"] = config["transaction.timeout.ms"]
    return Producer(config)


def fill(bootstrap, topic, count, partitions, first=0):
    """Value n goes to partition n mod `partitions`."""
    errors = []
    producer = Producer({**PRODUCER, "bootstrap.servers": bootstrap, "linger.ms": 5})
    for n in range(first, first + count):
        while True:
            try:
                producer.produce(topic, str(n), partition=n % partitions,
                                 on_delivery=lambda error, _: error and errors.append(str(error)))
                break
            except BufferError:
                producer.poll(0.1)
    check(producer.flush(120) == 0 and not errors, f"filling {topic} failed: {errors[:3]}")


class Copier:
    """Copies on a thread of its own until it has seen the end of the source, or stop()."""

    def __init__(self, bootstrap, name, source, target, group, batch, abort_every=7, **settings):
        self.bootstrap, self.name = bootstrap, name
        self.source, self.target, self.group = source, target, group
        self.batch, self.abort_every = batch, abort_every
        self.settings = settings  # of its producer
        self.committed = self.aborted = self.failed = self.records = 0
        self.errors = []
        self.last = "nothing"  # what it does, for who waits
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self._stop.set()
        self._thread.join(timeout=120)
        check(not self._thread.is_alive() or kind, f"copier {self.name} hangs in {self.last}")

    def _run(self):
        while not self._stop.is_set() and self.failed < FAILURES_MAX:
            try:
                self._live()
            except KafkaException as error:  # a fatal one: another life begins
                self.failed += 1
                self.errors.append(f"{self.last}: {error}")
            except Exception as error:
                self.errors.append(f"{self.last}: {error!r}")
                raise

    def _live(self):
        self.last = "init_transactions"
        producer = new_producer(self.bootstrap, f"copy-{self.name}", **self.settings)
        producer.init_transactions(60)
        consumer = Consumer({**QUICK, "bootstrap.servers": self.bootstrap, "group.id": self.group,
                             "isolation.level": "read_committed", "enable.auto.commit": False,
                             "auto.offset.reset": "earliest", "session.timeout.ms": 6000,
                             "heartbeat.interval.ms": 500})
        consumer.subscribe([self.source])
        try:
            while not self._stop.is_set():
                self.last = "consume"
                messages = [m for m in consumer.consume(self.batch, timeout=0.5) if not m.error()]
                if messages:
                    self._one(producer, consumer, messages)
        finally:
            self.last = "close"
            consumer.close()

    def _one(self, producer, consumer, messages):
        aborts = (self.committed + self.aborted) % self.abort_every == self.abort_every - 1
        try:
            self._fill(producer, consumer, messages, aborts)
            if aborts:
                self.last = "abort_transaction"
                producer.abort_transaction(CALL_S)
                self.aborted += 1
                self._rewind(consumer, messages)
            else:
                self._commit(producer)
                self.committed += 1
                self.records += len(messages)
        except KafkaException as error:
            if not error.args[0].txn_requires_abort():
                raise
            self.failed += 1
            self.errors.append(f"{self.last}: {error.args[0].name()}")
            self.last = "abort_transaction after an error"
            self._retry(lambda: producer.abort_transaction(CALL_S))
            self._rewind(consumer, messages)

    def _fill(self, producer, consumer, messages, aborts):
        self.last = "begin_transaction"
        producer.begin_transaction()
        ends = {}
        for message in messages:
            self._produce(producer, message.value(), message.partition())
            ends[message.partition()] = message.offset() + 1
        if aborts:
            self._produce(producer, ABORTED, messages[0].partition())
        self.last = "send_offsets_to_transaction"
        offsets = [TopicPartition(self.source, p, o) for p, o in ends.items()]
        self._retry(lambda: producer.send_offsets_to_transaction(
            offsets, consumer.consumer_group_metadata(), CALL_S))

    def _produce(self, producer, value, partition):
        while True:
            try:
                producer.produce(self.target, value, partition=partition)
                return
            except BufferError:
                producer.poll(0.1)

    def _commit(self, producer):
        self.last = "commit_transaction"
        self._retry(lambda: producer.commit_transaction(CALL_S))

    def _retry(self, what):
        """While the client says that the same call may be made again, a few times."""
        for left in reversed(range(TRIES)):
            try:
                return what()
            except KafkaException as error:
                if not error.args[0].retriable() or left == 0:
                    raise
                self.errors.append(f"{self.last}: again after {error.args[0].name()}")

    def _rewind(self, consumer, messages):
        """To the first of what was not committed, of the partitions that are still its own."""
        first = {}
        for message in messages:
            first.setdefault(message.partition(), message.offset())
        own = {p.partition for p in consumer.assignment()}
        for partition, offset in first.items():
            if partition in own:
                try:
                    consumer.seek(TopicPartition(self.source, partition, offset))
                except KafkaException:  # it was taken away meanwhile: who has it begins as committed
                    pass


def end_of(bootstrap, topic, partition, committed):
    """The last stable offset, or the high watermark."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
    found = admin.list_offsets({TopicPartition(topic, partition): OffsetSpec.latest()},
                               isolation_level=level, request_timeout=10)
    return next(iter(found.values())).result().offset


def wait_stable(bootstrap, topic, partitions, deadline_s=120):
    """No transaction is open: the last stable offset is the end of each partition."""
    def stable():
        try:
            return all(end_of(bootstrap, topic, p, True) == end_of(bootstrap, topic, p, False)
                       for p in range(partitions))
        except KafkaException:
            return False
    wait_until(stable, deadline_s, f"the last stable offsets of {topic} are its ends")


def read_committed(bootstrap, topic, partition, level="read_committed", deadline_s=120):
    """The values of a partition up to its end."""
    consumer = Consumer({**QUICK, "bootstrap.servers": bootstrap, "group.id": "check",
                         "isolation.level": level, "enable.auto.commit": False,
                         "auto.offset.reset": "earliest", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, partition, 0)])
    values, over, end = [], False, time.monotonic() + deadline_s
    while not over:
        check(time.monotonic() < end, f"{topic}-{partition} reads {len(values)} records and no end")
        for message in consumer.consume(1000, timeout=1):
            if not message.error():
                values.append(message.value())
            elif message.error().code() == KafkaError._PARTITION_EOF:
                over = True
    consumer.close()
    return values


def check_copy(bootstrap, target, count, partitions):
    for partition in range(partitions):
        values = read_committed(bootstrap, target, partition)
        check(ABORTED not in values, f"{target}-{partition} shows a record of an aborted transaction")
        expected = [str(n).encode() for n in range(partition, count, partitions)]
        if values != expected:
            told = list(map(int, values))
            lost = sorted(set(map(int, expected)) - set(told))[:5]
            twice = sorted(n for n in set(told) if told.count(n) > 1)[:5] if len(told) < 200000 else []
            check(False, f"{target}-{partition} has {len(values)} records of {len(expected)}: lost {lost}, "
                  f"twice {twice}, in order: {told == sorted(told)}")


def records_of(environment, otherwise):
    count = int(os.environ.get(environment) or otherwise)
    note(f"{count} records ({environment})")
    return count
