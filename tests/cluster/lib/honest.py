"""An honest client's requests of one kind to every node, and how long each took:

    honest.py KIND SECONDS TOPIC BROKER_PORT

It says "ready" when it is connected, and begins with the next line that it reads, so that the start of
no program is in what it measures. It prints one JSON object: how long each request took, in ms, what
failed, how often one was sent again since another node leads now (the time until it is served counts),
and of the longest for how long the client itself had no core, which no node can help. A process of its
own, so that nothing but the nodes and the scheduler delays it. The topic has a partition led by each
node."""
import json
import struct
import sys
import threading
import time

import batches
import produce
import wire

PAUSE_S = 0.04      # of one thread: some 70 requests a second of one kind
DEADLINE_S = 60     # for one answer: far above what it should take, so that only what is stuck fails
GROUPS_TRIED = 1000
PARTITION_BYTES = 4096
RETRY_S = 0.01      # after an error that says that another node leads, or soon will
COMMIT = 8
MOVED = (6, 7, 14, 15, 16)  # not the leader, timed out, loading, no coordinator, not the coordinator


def body_of_fetch(topic, partition):
    return (struct.pack(">iiiibi", -1, 0, 0, PARTITION_BYTES, 0, 1) + text(topic) +
            struct.pack(">iiqi", 1, partition, 0, PARTITION_BYTES))


def no_core_ms():
    """For how long this thread has waited for a core so far; 0 where the system does not say."""
    try:
        with open("/proc/thread-self/schedstat") as file:
            return int(file.read().split()[1]) / 1e6
    except (OSError, IndexError):
        return 0.0


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


class Line:
    """A connection that is kept, to the node that serves this partition or group."""

    def __init__(self, ports, topic, partition):
        self.ports, self.topic, self.partition = ports, topic, partition
        self.port = ports[partition]
        self.sock = wire.connect(self.port, DEADLINE_S)
        self.moves = 0

    def ask(self, frame):
        self.sock.sendall(frame)
        return wire.receive(self.sock)

    def find(self):
        """The port of the node that serves it now, or None."""
        topics = wire.metadata(self.port, DEADLINE_S)
        node = topics.brokers.get(topics.topics[self.topic][self.partition][0])
        return node and node[1]

    def once(self):
        """One request until it is served, as a client does it. The error that stays, or 0."""
        end = time.monotonic() + DEADLINE_S
        while (error := self.send()) in MOVED and time.monotonic() < end:
            self.moves += 1
            threading.Event().wait(RETRY_S)
            port = self.find()
            if port and port != self.port:
                self.sock.close()
                self.port, self.sock = port, wire.connect(port, DEADLINE_S)
        return error


class Ping(Line):
    """ApiVersions: what any request has to wait for."""
    frame = wire.request(wire.API_VERSIONS, 0, b"")

    def send(self):
        self.ask(self.frame)
        return 0


class Dial(Line):
    """The same on a new connection."""

    def send(self):
        wire.ask(self.port, Ping.frame, DEADLINE_S)
        return 0


class Produce(Line):
    """A record, on the disks of every replica when the answer comes."""
    batch = batches.batch(batches.record(b"x" * 100))

    def send(self):
        frame = produce.request(self.topic, [(self.partition, self.batch)])
        answer = produce.answers(self.ask(frame))[1][0]
        return answer.error


class Fetch(Line):
    """The first records of a partition, without waiting for others."""

    def send(self):
        frame = wire.request(wire.FETCH, 4, body_of_fetch(self.topic, self.partition))
        r = wire.Reader(self.ask(frame))
        r.take("i"), r.take("i"), r.take("i")
        r.string()
        r.take("i"), r.take("i")
        return r.take("h")


class Commit(Line):
    """An offset of a group that the node coordinates."""

    def __init__(self, ports, topic, partition):
        super().__init__(ports, topic, partition)
        self.group = next(group for group in (f"honest-{n}" for n in range(GROUPS_TRIED))
                          if self.commit(group) == 0)

    def commit(self, group):
        offsets = struct.pack(">i", 1) + text(self.topic)
        offsets += struct.pack(">iiq", 1, self.partition, 1) + text("")
        r = wire.Reader(self.ask(wire.request(COMMIT, 2, text(group) + struct.pack(">i", -1) +
                                              text("") + struct.pack(">q", -1) + offsets)))
        r.take("i"), r.take("i"), r.string(), r.take("i"), r.take("i")
        return r.take("h")

    def send(self):
        return self.commit(self.group)

    def find(self):
        node = wire.coordinator(self.port, self.group, DEADLINE_S)
        brokers = wire.metadata(self.port, DEADLINE_S).brokers
        return brokers[node][1] if node in brokers else None


KINDS = {"ping": Ping, "dial": Dial, "produce": Produce, "fetch": Fetch, "commit": Commit}


class Account:
    """What one kind of request has met so far."""

    def __init__(self):
        self.took_ms, self.faults, self.moves = [], [], 0
        self.worst = (0.0, 0.0)  # of the longest: ms, and of them without a core

    def connect(self, kind, ports, topic):
        """A line to every node; none if one of them fails."""
        try:
            return [kind(ports, topic, partition) for partition in ports]
        except Exception as error:  # pylint: disable=broad-except
            self.faults.append(f"{error!r} of {kind.__name__}, connecting")
            return []

    def run(self, line, end):
        try:
            pause = threading.Event()
            while time.monotonic() < end:
                waited, start = no_core_ms(), time.monotonic()
                error = line.once()
                took_ms = (time.monotonic() - start) * 1e3
                self.took_ms.append(took_ms)
                self.worst = max(self.worst, (took_ms, no_core_ms() - waited))
                if error:
                    self.faults.append(f"error {error} of port {line.port}")
                pause.wait(PAUSE_S)
            self.moves += line.moves
        except Exception as error:  # pylint: disable=broad-except
            self.faults.append(f"{error!r} of {type(line).__name__} {line.partition}")


def main():
    name, seconds, topic, port = sys.argv[1:]
    topics = wire.metadata(int(port), DEADLINE_S)
    ports = {partition: topics.brokers[leader][1]
             for partition, (leader, _, _) in topics.topics[topic].items()}
    account = Account()
    lines = account.connect(KINDS[name], ports, topic)
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.monotonic() + float(seconds)
    threads = [threading.Thread(target=account.run, args=(line, end)) for line in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(vars(account)))


if __name__ == "__main__":
    main()
