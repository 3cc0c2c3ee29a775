"""Words for the Kafka Streams program of streams/, and the check of what it counted.

Each line of the source has some words, of which the feed keeps the true counts. The program writes a
word's new count for each time that it saw the word: whatever ended in between, a reader of committed
records must find 1, 2, 3, and so on up to the true count for each word, in this order."""
import collections
import random
import threading

from lib_path import CLUSTER_LIB  # noqa: F401 makes the harness importable

from load import PRODUCER  # skips where confluent_kafka is missing

from confluent_kafka import Consumer, Producer, TopicPartition
from member import Program
from tap import check, check_equal, note
from wait import wait_until

WORDS = [f"word{n}" for n in range(40)]
WORDS_IN_LINE = 3
SEED = 4711  # the same words in each run
PAUSE_S = 0.004  # between two lines: which leaves the CPU to the brokers and to Java
DEADLINE_S = 120  # generous: sessions and transactions of what was killed end within it many times


class Feed:
    """Writes lines to all partitions of a topic on a thread of its own until stop()."""

    def __init__(self, bootstrap, topic, partitions):
        self.topic, self.partitions = topic, partitions
        self.truth = collections.Counter()
        self.lines = 0
        self._random = random.Random(SEED)
        self._errors = []
        self._stop = threading.Event()
        self._producer = Producer({**PRODUCER, "bootstrap.servers": bootstrap})
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while not self._stop.wait(PAUSE_S):
            words = self._random.choices(WORDS, k=WORDS_IN_LINE)
            try:
                self._producer.produce(self.topic, " ".join(words),
                                       partition=self.lines % self.partitions,
                                       on_delivery=self._delivered)
            except BufferError:
                self._producer.poll(0.01)
                continue
            self.truth.update(words)
            self.lines += 1
            self._producer.poll(0)

    def _delivered(self, error, _):
        if error:
            self._errors.append(str(error))

    def stop(self):
        """Every line is acknowledged when this returns; idempotent, thus there once."""
        self._stop.set()
        self._thread.join()
        check_equal(self._producer.flush(120), 0, "lines that were never answered")
        check(not self._errors, f"the feed failed: {self._errors[:3]}")
        note(f"{self.lines} lines with {self.truth.total()} words")


class Ends:
    """Where partitions begin and end."""

    def __init__(self, bootstrap):
        self._committed, self._all = (
            Consumer({"bootstrap.servers": bootstrap, "group.id": "ends", "log_level": 0,
                      "isolation.level": isolation})
            for isolation in ("read_committed", "read_uncommitted"))

    def of(self, topic, partition):
        """(first offset, last stable offset, high watermark)"""
        where = TopicPartition(topic, partition)
        first, stable = self._committed.get_watermark_offsets(where, timeout=30)
        return first, stable, self._all.get_watermark_offsets(where, timeout=30)[1]


class Reader(Program):
    """What the program reads of a topic of counts."""

    def __init__(self, path, bootstrap, topic, isolation="read_committed"):
        self.records = collections.defaultdict(list)  # word: its counts, in the order of the topic
        self.count = 0
        super().__init__(path, "read", bootstrap, topic, isolation)

    def said(self, words):
        if words[0] != "record":
            super().said(words)
            return
        self.records[words[3]].append(int(words[4]))
        self.count += 1

    def finish(self):
        """It has read up to what is stable when this is called."""
        self.child.stdin.close()
        self.wait_end(DEADLINE_S)


class Counter(Program):
    """An instance of the program that counts."""

    def __init__(self, path, bootstrap, source, target, directory, standbys=0):
        super().__init__(path, "count", bootstrap, source, target, directory, str(standbys))

    def tasks(self):
        """The tasks that it runs; none while a rebalance goes on."""
        states = self.of_kind("state")
        return [] if not states or states[-1][1] == "-" else states[-1][1].split(",")

    def restored(self):
        """Records of changelogs that it has read into its stores so far."""
        return sum(int(words[1]) for words in self.of_kind("restored"))

    def standbys(self):
        """The partitions whose store it keeps, or has kept, as a standby of another instance."""
        return {words[0] for words in self.of_kind("standby")}

    def promoted(self):
        """The partitions of which it made the standby the store that counts."""
        return {words[0] for words in self.of_kind("promoted")}

    def kill(self):
        self.child.kill()
        self.child.wait()

    def leave(self):
        self.child.stdin.close()
        self.wait_end(DEADLINE_S)


def wait_more(reader, counters, more):
    """Until that many more counts are committed than now."""
    goal = reader.count + more

    def look():
        for program in (reader, *counters):
            program.check_alive()
        return reader.count >= goal
    try:
        wait_until(look, DEADLINE_S, f"{more} more counts")
    except AssertionError as error:
        said = "\n".join(program.described() for program in counters)
        raise AssertionError(f"{error} (of {goal} there are {reader.count})\n{said}") from None


def check_history(records, truth):
    """Every word was counted from 1 up to its true count, each step once."""
    for word in sorted({*records, *truth}):
        counts, expected = records.get(word, []), list(range(1, truth[word] + 1))
        if counts == expected:
            continue
        step = next((n for n, (a, b) in enumerate(zip(counts, expected)) if a != b),
                    min(len(counts), len(expected)))
        check(False, f"{word} occurs {truth[word]} times and has {len(counts)} counts; they differ "
              f"from count {step + 1} on: {counts[max(step - 2, 0):step + 4]}")


def check_last(records, truth):
    """Of a topic that may be compacted: the last count of each word is the true one."""
    check_equal({word: counts[-1] for word, counts in records.items()}, dict(truth),
                "the last counts")
