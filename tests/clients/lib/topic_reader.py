"""A reader of committed records that is there all the time, as an application would be."""
from lib_path import CLUSTER_LIB  # noqa: F401 makes the harness importable

from txn_copy import QUICK  # skips where confluent_kafka is missing

from confluent_kafka import Consumer, TopicPartition
from wait import wait_until


class TopicReader:
    """Reads when it is asked for its count."""

    def __init__(self, bootstrap, topic, partitions):
        self.topic = topic
        self.values = {p: [] for p in range(partitions)}
        self._consumer = Consumer({**QUICK, "bootstrap.servers": bootstrap, "group.id": "reader",
                                   "isolation.level": "read_committed", "enable.auto.commit": False,
                                   "auto.offset.reset": "earliest"})
        self._consumer.assign([TopicPartition(topic, p, 0) for p in self.values])

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self._consumer.close()

    def count(self):
        for message in self._consumer.consume(5000, timeout=0.2):
            if not message.error():
                self.values[message.partition()].append(message.value())
        return sum(map(len, self.values.values()))

    def wait_count(self, goal, deadline_s, *children, meanwhile=None):
        """Until so many records are read, while the children live; with each look, meanwhile()."""
        def look():
            for child in children:
                child.check_alive()
            if meanwhile:
                meanwhile()
            return self.count() >= goal
        try:
            wait_until(look, deadline_s, f"{goal} committed records are in {self.topic}")
        except AssertionError as error:
            said = "\n".join(child.described() for child in children)
            raise AssertionError(f"{error} (there are {self.count()})\n{said}") from None
