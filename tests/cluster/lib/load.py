"""An idempotent acks=all producer that remembers what was acknowledged, and the check of all of it.

Value n of a load is the text "n" and values are sent in order, so what is read back must hold every
acknowledged value once, at the offset that was acknowledged, and in ascending order. A value that
was not acknowledged may be there too: its answer was lost, not its record."""
import collections
import logging
import sys
import threading
import time

try:
    from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
except ImportError:
    print("1..0 # SKIP confluent-kafka for Python is missing: make cluster puts it into build/venv")
    sys.exit(0)

from tap import check, note
from wait import wait_until

PRODUCER = {
    "enable.idempotence": True,
    "acks": "all",
    "linger.ms": 1,
    "message.timeout.ms": 120000,
    "reconnect.backoff.ms": 5,
    "reconnect.backoff.max.ms": 100,
    "retry.backoff.ms": 10,
    "retry.backoff.max.ms": 100,
    # The gaps that the tests print should be the cluster's, not the client's own pauses.
    "topic.metadata.refresh.fast.interval.ms": 10,
    "log_level": 0,
}
PAUSE_S = 0.0005  # between two sends: some 1,500 records a second, which leaves the CPU to the brokers
POLL_S = 0.1      # until something is acknowledged
READ_DEADLINE_S = 120
LEADER_ERRORS = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
# What the client says of connections, metadata, sequences and refusals, not of each request.
HISTORY = {"debug": "broker,topic,metadata,eos", "log_level": 7}


class History(logging.Handler):
    """The lines of a client's log before its last acknowledgement, after it, and the newest ones."""

    def __init__(self, count):
        super().__init__()
        self.count = count
        self.before = collections.deque(maxlen=count)
        self.after = []
        self.newest = collections.deque(maxlen=count)

    def emit(self, record):
        lines = self.after if len(self.after) < self.count else self.newest
        lines.append(f"{time.time():.3f} {record.getMessage()}")

    def acknowledged(self):
        self.before += self.after
        self.before += self.newest
        self.after.clear()
        self.newest.clear()

    def lines(self):
        return [*self.before, "last acknowledgement", *self.after, "...", *self.newest]


class Load:
    """Produces to partition 0 of a topic on a thread of its own until stop(), with at most `waiting_max`
    records that are not acknowledged. With `history` some lines of what its client does are kept."""

    def __init__(self, bootstrap, topic, history=0, pause_s=PAUSE_S, waiting_max=None, **settings):
        self.topic = topic
        self.pause_s = pause_s
        self.waiting_max = waiting_max
        self.history = History(history)
        self.acked = {}  # value -> offset
        self.errors = []
        self.sent = 0
        self.longest_gap_s = 0.0
        self._last_ack = None
        self._stop = threading.Event()
        config = {**PRODUCER, "bootstrap.servers": bootstrap,
                  **{k.replace("_", "."): v for k, v in settings.items()}}
        if history:
            config.update(HISTORY, logger=logging.Logger("client"))
            config["logger"].addHandler(self.history)
        self.producer = Producer(config)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        self.wait_acks(100)
        return self

    def __exit__(self, kind, value, trace):
        self._stop.set()
        self._thread.join()

    def _delivered(self, error, message):
        if error:
            self.errors.append(str(error))
            return
        self.history.acknowledged()
        now = time.monotonic()
        if self._last_ack:
            self.longest_gap_s = max(self.longest_gap_s, now - self._last_ack)
        self._last_ack = now
        # Without an offset when the client learnt only from a later answer that it was written.
        offset = message.offset()
        self.acked[int(message.value())] = -1 if offset is None else offset

    def _run(self):
        while not self._stop.is_set():
            if self.waiting_max and len(self.producer) >= self.waiting_max:
                self.producer.poll(POLL_S)
                continue
            try:
                self.producer.produce(self.topic, str(self.sent), partition=0,
                                      on_delivery=self._delivered)
                self.sent += 1
            except BufferError:
                self.producer.poll(0.01)
            except KafkaException as error:
                self.errors.append(str(error))
                break
            self._pause()

    def _pause(self):
        """poll counts in whole ms: a short pause spins, which keeps the rate where many threads share the
        interpreter; a long one leaves the core to the brokers."""
        if self.pause_s > PAUSE_S:
            self.producer.poll(0)
            self._stop.wait(self.pause_s)
            return
        due = time.monotonic() + self.pause_s
        while (rest := due - time.monotonic()) > 0:
            self.producer.poll(rest)

    def wait_acks(self, more, deadline_s=120):
        """Until that many more records are acknowledged than now."""
        goal = len(self.acked) + more
        wait_until(lambda: len(self.acked) >= goal or self.errors, deadline_s,
                   f"{more} more records are acknowledged")
        check(not self.errors, f"the producer failed: {self.errors[:3]}")

    def stop(self):
        """Everything sent is acknowledged when this returns; a failed record fails the test."""
        self._stop.set()
        self._thread.join()
        rest = self.producer.flush(120)
        check(rest == 0, f"{rest} records were never answered")
        check(not self.errors, f"the producer failed: {self.errors[:3]}")


def write_some(bootstrap, topic, acks, **settings):
    """A load that has ended: at least so many records, and all of them acknowledged."""
    with Load(bootstrap, topic, **settings) as load:
        load.wait_acks(acks)
        load.stop()
    return load


def once_led(ask, what):
    """ask()'s answer, asked again while the leader is just taking office."""
    errors = []

    def look():
        try:
            return [ask()]
        except KafkaException as error:
            if not error.args[0].retriable() and error.args[0].code() not in LEADER_ERRORS:
                raise
            errors.append(error)
            return None
    try:
        return wait_until(look, READ_DEADLINE_S, what)[0]
    except AssertionError as error:
        raise AssertionError(f"{error}: {len(errors)} times, at last {errors[-1:]}") from None


def watermarks(consumer, where):
    """(first offset, end) of the partition."""
    return once_led(lambda: consumer.get_watermark_offsets(where, timeout=30), f"{where.topic} tells its offsets")


def read_all(bootstrap, topic, partition=0, start=0):
    """[(offset, value)] of the partition from an offset on, values as bytes, in the order of arrival."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "check", "log_level": 0,
                         "enable.auto.commit": False, "auto.offset.reset": "error",
                         "check.crcs": True, "enable.partition.eof": False})
    where = TopicPartition(topic, partition)
    first, end = watermarks(consumer, where)
    first = max(first, start)
    where.offset = first
    consumer.assign([where])
    records = []
    deadline = time.monotonic() + READ_DEADLINE_S
    while not records or records[-1][0] < end - 1:
        if first == end:
            break
        for message in consumer.consume(1000, timeout=1):
            check(not message.error(), f"reading {topic}: {message.error()}")
            records.append((message.offset(), message.value()))
        last = records[-1][0] if records else None
        check(time.monotonic() < deadline, f"{topic} reads up to {last} of {end} only")
    consumer.close()
    return records


def check_records(records, acked):
    """The rule of this file's head comment, for values that are numbers."""
    offsets = [offset for offset, _ in records]
    check(offsets == sorted(set(offsets)), "offsets are not read in ascending order, each once")
    values = [int(value) for _, value in records]
    at = dict(zip(values, offsets))
    check(len(at) == len(values), f"{len(values) - len(at)} values are there twice")
    lost = sorted(value for value in acked if value not in at)
    check(not lost, f"{len(lost)} acknowledged records are lost, the first is {lost[:5]}")
    moved = [(v, o, at[v]) for v, o in acked.items() if o >= 0 and at[v] != o]
    check(not moved, f"{len(moved)} records are not at the offset acknowledged: {moved[:3]}")
    check(values == sorted(values), "values are not in the order in which they were sent")
    note(f"{len(acked)} records acknowledged, {len(records)} read back")
