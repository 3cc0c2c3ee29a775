"""A consumer that stays in its group until the end of a block. As a program, with a bootstrap server, group,
topic, protocol and client id, one that stays until it is killed."""
import signal
import sys
import threading
import types

from confluent_kafka import Consumer, TopicPartition
from wait import wait_until

DEADLINE_S = 120


class LiveMember:
    """It has all `partitions` of the topic when the block begins. Only its own thread calls the
    client: while one thread polls, assignment() in another may never return. (Its protocol log then
    shows every JoinGroup, SyncGroup and Heartbeat sent and answered.)"""

    def __init__(self, cluster, group, topic, partitions, protocol="classic", **settings):
        self._client = Consumer({
            "bootstrap.servers": cluster.bootstrap, "group.id": group, "client.id": "live-client",
            "group.protocol": protocol, "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            **{key.replace("_", "."): value for key, value in settings.items()}})
        self._topic, self._partitions = topic, partitions
        self._assigned = 0
        self._to_commit = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)

    def _poll(self):
        while not self._stop.is_set():
            self._client.poll(0.05)
            self._assigned = len(self._client.assignment())
            if self._to_commit:
                self._client.commit(offsets=self._to_commit, asynchronous=False)
                self._to_commit = None

    def __enter__(self):
        self._client.subscribe([self._topic])
        self._thread.start()
        wait_until(lambda: self._assigned == self._partitions, DEADLINE_S, "the member has all")
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._client.close()

    def commit(self, offsets):
        self._to_commit = [TopicPartition(self._topic, p, o) for p, o in offsets.items()]
        wait_until(lambda: not self._to_commit, DEADLINE_S, "the member's offsets are committed")


def main():
    bootstrap, group, topic, protocol, client_id = sys.argv[1:]
    with LiveMember(types.SimpleNamespace(bootstrap=bootstrap), group, topic, 0, protocol, client_id=client_id):
        signal.pause()


if __name__ == "__main__":
    main()
