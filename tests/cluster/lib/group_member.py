"""Members of a classic group that speak the protocol themselves, many in one thread (asyncio). They
keep a book of what the coordinator told them: who owned what in each generation, what was committed,
and every request that was not answered."""
import asyncio
import random
import struct

import wire
from wire import Reader

OFFSET_COMMIT, OFFSET_FETCH, JOIN, HEARTBEAT, LEAVE, SYNC = 8, 9, 11, 12, 13, 14
VERSIONS = {OFFSET_COMMIT: 7, OFFSET_FETCH: 5, JOIN: 5, HEARTBEAT: 3, LEAVE: 3, SYNC: 3}
NAMES = {OFFSET_COMMIT: "OffsetCommit", OFFSET_FETCH: "OffsetFetch", JOIN: "JoinGroup",
         HEARTBEAT: "Heartbeat", LEAVE: "LeaveGroup", SYNC: "SyncGroup",
         wire.FIND_COORDINATOR: "FindCoordinator"}
UNKNOWN_MEMBER, REBALANCING, ID_REQUIRED = 25, 27, 79
ELSEWHERE = (14, 15, 16)  # loading, not available, not the coordinator
HEARTBEAT_S, RETRY_S = 0.2, 0.05
PATIENCE_S = 60  # far beyond any timeout of the groups here: what takes longer is never answered


def text(value):
    return struct.pack(">h", -1) if value is None else struct.pack(">h", len(value)) + value.encode()


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


def blob(value):
    return struct.pack(">i", len(value)) + value


async def pause(seconds):
    """A client's own pace."""
    try:
        await asyncio.wait_for(asyncio.Event().wait(), seconds)
    except asyncio.TimeoutError:
        pass


class Book:
    """What all members of one group saw."""

    def __init__(self, group, topic, partitions, ports, session_ms, rebalance_ms):
        self.group, self.topic, self.partitions = group, topic, partitions
        self.ports = ports  # a function: where nodes may answer now
        self.session_ms, self.rebalance_ms = session_ms, rebalance_ms
        self.faults = []
        self.owners = {}   # (generation, partition) -> who
        self.acked = {}    # partition -> the highest offset whose commit was acknowledged
        self.commits = self.answers = 0
        self.generations = set()

    def assigned(self, generation, partitions, who):
        self.generations.add(generation)
        for partition in partitions:
            owner = self.owners.setdefault((generation, partition), who)
            if owner != who:
                self.faults.append(f"generation {generation}: partition {partition} is given to "
                                   f"{owner} and to {who}")

    def committed(self, partition, offset):
        self.commits += 1
        self.acked[partition] = max(offset, self.acked.get(partition, -1))

    def fetched(self, before, offsets):
        """`before`: a copy of what was acknowledged when the question was sent."""
        for partition, offset in offsets.items():
            if offset < before.get(partition, -1):
                self.faults.append(f"partition {partition}: {offset} is said to be committed, "
                                   f"{before[partition]} was acknowledged")


class Line:
    """One connection. Requests are pipelined; each answer must come in their order."""

    def __init__(self, book):
        self.book = book
        self.reader = self.writer = None
        self.waiting = []  # (correlation, future)
        self.next = 1
        self.task = None

    async def open(self, port):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.task = asyncio.ensure_future(self._read())

    async def _read(self):
        try:
            while True:
                size = struct.unpack(">i", await self.reader.readexactly(4))[0]
                payload = await self.reader.readexactly(size)
                correlation, future = self.waiting.pop(0)
                if struct.unpack_from(">i", payload)[0] != correlation:
                    self.book.faults.append("answers came out of order")
                self.book.answers += 1
                if not future.done():
                    future.set_result(Reader(payload[4:]))
        except (OSError, EOFError, asyncio.IncompleteReadError):
            self.close()

    def close(self):
        if self.writer:
            self.writer.close()
        if self.task and self.task is not asyncio.current_task():
            self.task.cancel()
        for _, future in self.waiting:
            if not future.done():
                future.set_exception(ConnectionError("the connection is gone"))
                future.exception()  # it may have nobody who waits
        self.waiting = []
        self.writer = None

    def ask(self, api, body):
        """A future of the answer."""
        if not self.writer:
            raise ConnectionError("the connection is gone")
        future = asyncio.get_running_loop().create_future()
        self.waiting.append((self.next, future))
        self.writer.write(wire.request(api, VERSIONS.get(api, 0), body, self.next))
        self.next += 1
        return future

    async def answer(self, future, api, who):
        """Its answer; a request that stays without one on an open connection is a fault."""
        done, _ = await asyncio.wait([future], timeout=PATIENCE_S)
        if done:
            return future.result()
        self.book.faults.append(f"{NAMES[api]} of {who} was not answered within {PATIENCE_S} s")
        self.close()
        raise ConnectionError("never answered")

    async def call(self, api, body, who):
        return await self.answer(self.ask(api, body), api, who)


class Refused(Exception):
    def __init__(self, error):
        super().__init__(f"error {error}")
        self.error = error


def refuse(error):
    if error:
        raise Refused(error)


class Member:
    def __init__(self, book, name, instance=None):
        self.book, self.name, self.instance = book, name, instance
        self.id = ""
        self.generation = -1
        self.owned = []
        self.positions = None  # of the partitions owned, once they were fetched
        self.line = None
        self.stopped = False
        self.task = asyncio.ensure_future(self._run())

    # ---- ends ----

    async def leave(self):
        """By LeaveGroup."""
        await self._stop()
        if self.line and self.line.writer and (self.id or self.instance):
            entry = text("" if self.instance else self.id) + text(self.instance)
            try:
                await self.line.call(LEAVE, text(self.book.group) + array([entry]), self.name)
            except OSError:
                pass  # its session ends by itself
        self._hang_up()

    async def vanish(self):
        """Without a word, perhaps while a request waits."""
        await self._stop()
        self._hang_up()

    async def _stop(self):
        self.stopped = True  # a timeout that ends in the same turn swallows the cancellation
        self.task.cancel()
        await asyncio.wait([self.task])
        if not self.task.cancelled() and self.task.exception():
            self.book.faults.append(f"{self.name}: {self.task.exception()!r}")

    def _hang_up(self):
        if self.line:
            self.line.close()
        self.owned, self.positions = [], None

    # ---- life ----

    async def _run(self):
        while not self.stopped:
            try:
                await self._find()
                while not self.stopped:
                    await self._join()
                    await self._stay()
            except Refused as refusal:
                self._refused(refusal.error)
            except OSError:
                self._hang_up()
            await pause(RETRY_S)

    def _refused(self, error):
        self.owned, self.positions = [], None
        if error in ELSEWHERE:
            self._hang_up()
        elif error != REBALANCING:
            self.id = ""  # unknown, of another generation, or fenced by what its last life sent

    async def _find(self):
        if self.line and self.line.writer:
            return
        ports = self.book.ports()
        line = Line(self.book)
        await line.open(random.choice(ports))
        try:
            r = await line.call(wire.FIND_COORDINATOR, text(self.book.group), self.name)
        finally:
            line.close()
        refuse(r.take("h"))
        r.take("i")
        r.string()
        self.line = Line(self.book)
        await self.line.open(r.take("i"))

    async def _join(self):
        """One generation: joined, assigned, and the offsets of what is owned are known."""
        self.owned, self.positions = [], None
        r = await self.line.call(JOIN, join_body(self.book, self.id, self.instance), self.name)
        r.take("i")
        error, generation = r.take("h"), r.take("i")
        r.string()
        leader, self_id = r.string(), r.string()
        if error == ID_REQUIRED:
            self.id = self_id
            return await self._join()
        refuse(error)
        self.id, self.generation = self_id, generation
        members = r.array(lambda: (r.string(), r.string(), r.blob())[0])
        plan = self._assign(sorted(members)) if leader == self_id else []
        r = await self.line.call(SYNC, self._me() + array(plan), self.name)
        r.take("i")
        refuse(r.take("h"))
        self.owned = self._read_assignment(r.blob())
        self.book.assigned(generation, self.owned, self.instance or self.id)
        await self._fetch()

    async def _fetch(self):
        before = dict(self.book.acked)
        offsets = await fetch(self.line, self.book, self.owned, self.name)
        self.book.fetched(before, offsets)
        self.positions = {p: max(o, 0) for p, o in offsets.items()}

    async def _stay(self):
        """Commits and heartbeats, pipelined, until the group rebalances."""
        while not self.stopped:
            commits = [self._commit(p) for p in random.sample(self.owned, min(2, len(self.owned)))]
            beat = self.line.ask(HEARTBEAT, self._me())
            for partition, offset, future in commits:
                r = await self.line.answer(future, OFFSET_COMMIT, self.name)
                r.take("i")
                r.array(lambda: (r.string(), r.array(lambda: self._committed(r, offset))))
            r = await self.line.answer(beat, HEARTBEAT, self.name)
            r.take("i")
            error = r.take("h")
            if error == REBALANCING:
                return
            refuse(error)
            await pause(HEARTBEAT_S)

    def _commit(self, partition):
        self.positions[partition] += random.randrange(10)
        offset = self.positions[partition]
        row = struct.pack(">iqi", partition, offset, -1) + text("")
        body = text(self.book.group) + struct.pack(">i", self.generation) + text(self.id) + \
            text(self.instance) + array([text(self.book.topic) + array([row])])
        return partition, offset, self.line.ask(OFFSET_COMMIT, body)

    def _committed(self, r, offset):
        partition, error = r.take("i"), r.take("h")
        if not error:
            self.book.committed(partition, offset)

    # ---- bytes ----

    def _me(self):
        return text(self.book.group) + struct.pack(">i", self.generation) + text(self.id) + \
            text(self.instance)

    def _assign(self, members):
        """Everybody's part, another one in each generation."""
        plan = []
        for i, member in enumerate(members):
            own = [p for p in range(self.book.partitions)
                   if (p + self.generation) % len(members) == i]
            rows = array([struct.pack(">i", p) for p in own])
            plan.append(text(member) + blob(struct.pack(">h", 0) +
                                            array([text(self.book.topic) + rows]) + blob(b"")))
        return plan

    def _read_assignment(self, data):
        if not data:
            return []
        r = Reader(data)
        r.take("h")
        topics = r.array(lambda: (r.string(), r.array(lambda: r.take("i"))))
        return [p for _, partitions in topics for p in partitions]


def join_body(book, member_id="", instance=None):
    topics = struct.pack(">h", 0) + array([text(book.topic)]) + blob(b"")
    return text(book.group) + struct.pack(">ii", book.session_ms, book.rebalance_ms) + \
        text(member_id) + text(instance) + text("consumer") + array([text("range") + blob(topics)])


async def fetch(line, book, partitions, who):
    """The committed offsets: partition -> offset, -1 without one."""
    offsets = {}

    def row(r):
        partition, offset = r.take("i"), r.take("q")
        r.take("i")
        r.string()
        refuse(r.take("h"))
        offsets[partition] = offset

    asked = array([struct.pack(">i", p) for p in partitions])
    body = text(book.group) + array([text(book.topic) + asked])
    r = await line.call(OFFSET_FETCH, body, who)
    r.take("i")
    r.array(lambda: (r.string(), r.array(lambda: row(r))))
    refuse(r.take("h"))
    return offsets
