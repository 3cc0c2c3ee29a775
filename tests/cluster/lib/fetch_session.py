"""A raw Fetch v11 session: what a client does that names only the partitions whose offset moved."""
import struct

import wire
from tap import check

FETCH, VERSION = 1, 11
WAIT_MS = 2000  # far longer than any answer that has something to say may take
BATCH_LAST_OFFSET_DELTA = 23
BATCH_OVERHEAD = 12


def batches(data):
    """(base offset, last offset) of every whole batch."""
    found, at = [], 0
    while len(data) - at >= BATCH_OVERHEAD:
        base, size = struct.unpack_from(">qi", data, at)
        if len(data) - at < BATCH_OVERHEAD + size:
            break
        delta, = struct.unpack_from(">i", data, at + BATCH_LAST_OFFSET_DELTA)
        found.append((base, base + delta))
        at += BATCH_OVERHEAD + size
    return found


class FetchSession:
    """One connection, one topic. `offsets`: partition -> where to go on."""

    def __init__(self, port, topic, partitions, max_bytes, partition_max_bytes, session=True):
        self.sock = wire.connect(port)
        self.topic = topic
        self.offsets = {p: 0 for p in partitions}
        self.max_bytes = max_bytes
        self.partition_max_bytes = partition_max_bytes
        self.id, self.epoch = 0, 0 if session else -1
        self.fetches = 0

    def close(self):
        self.sock.close()

    def body(self, named):
        topic = self.topic.encode()
        body = struct.pack(">iiiibii", -1, WAIT_MS, 1, self.max_bytes, 0, self.id, self.epoch)
        body += struct.pack(">i", 1 if named else 0)
        if named:
            body += struct.pack(">h", len(topic)) + topic + struct.pack(">i", len(named))
        body += b"".join(struct.pack(">iiqqi", p, -1, self.offsets[p], -1,
                                     self.partition_max_bytes) for p in named)
        return body + struct.pack(">i", 0) + struct.pack(">h", 0)

    def fetch(self, named):
        """{partition: (error, record bytes)} of one answer."""
        error, answer = self.try_fetch(named)
        check(error == 0, f"fetch {self.fetches} of the session has the error {error}")
        return answer

    def try_fetch(self, named):
        """The error of the answer as a whole, and what it brings."""
        self.sock.sendall(wire.request(FETCH, VERSION, self.body(named)))
        r = wire.Reader(wire.receive(self.sock))
        r.take("i")  # correlation
        r.take("i")  # throttle time
        error, session_id = r.take("h"), r.take("i")
        self.fetches += 1
        if error == 0 and self.epoch >= 0:
            self.id, self.epoch = session_id, self.epoch + 1 if session_id else 0
        answer = {}
        for _ in range(r.take("i")):
            r.string()
            for _ in range(r.take("i")):
                partition, code = r.take("i"), r.take("h")
                r.at += 24  # high watermark, last stable offset, log start
                r.array(lambda: (r.take("q"), r.take("q")))
                r.take("i")
                answer[partition] = (code, r.blob())
        return error, answer

    def read_to(self, ends):
        """Reads until every partition has reached its end; every answer must bring records."""
        named = sorted(self.offsets)
        while any(self.offsets[p] < ends[p] for p in self.offsets):
            moved = []
            for p, (error, data) in self.fetch(named).items():
                check(error == 0, f"partition {p} has the error {error}")
                for base, last in batches(data):
                    check(base <= self.offsets[p], f"partition {p} has a gap before {base}")
                    self.offsets[p] = last + 1
                    moved.append(p)
            check(moved, f"an answer without records while {self.offsets} is below {ends}")
            named = sorted(set(moved)) if self.epoch >= 0 else self._rotated(named, moved)

    @staticmethod
    def _rotated(order, moved):
        """Who has got something asks last next time, as every client does without a session."""
        return [p for p in order if p not in moved] + [p for p in order if p in moved]
