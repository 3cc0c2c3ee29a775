"""A TCP relay between clients and brokers that holds back some of the clients' requests.

What is held stands in front of all that its connection brings after it, as on a slow network. Or the
client's side is cut at once: the client asks again by a new connection, and what it had sent first
arrives later by the old one, as if it had been on its way all the time. The relay lives on a thread
of its own, and is closed with all of its connections."""
import asyncio
import contextlib
import random
import struct
import threading

from tap import note

CHUNK = 1 << 16
HEADER = 4 + 2 + 2  # the length of a frame, then the key and the version of its API
ANSWER_S = 5  # so long the answer to what came late is waited for


class Relay:
    """with Relay(ports, rules, seed) as relay: relay.ports are those in front of `ports`. `rules` is
    {key of an API: (share of its requests that are held, share of these that are cut off, and for how
    long one is held at most)}."""

    def __init__(self, ports, rules, seed):
        self.targets, self.rules = ports, rules
        self.ports = []
        self.held, self.cut, self.late = {}, {}, {}  # requests by API; those that arrived after a cut
        self.versions = {}  # that were asked for, by API
        self._holding = 0
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._tasks = set()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        started = threading.Event()
        self._loop.call_soon(started.set)
        self._thread.start()
        started.wait()
        for target in self.targets:
            self.ports.append(asyncio.run_coroutine_threadsafe(
                self._listen(target), self._loop).result())
        return self

    def __exit__(self, kind, value, trace):
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        note(f"requests held {self.held}, of them cut off {self.cut}, arrived after that {self.late}")

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._closing = asyncio.Event()
        self._loop.run_forever()

    def is_idle(self):
        """Nothing is held: what a client has sent and left behind has arrived."""
        return self._holding == 0

    async def _listen(self, target):
        async def accepted(reader, writer):
            task = asyncio.current_task()
            self._tasks.add(task)
            try:
                await self._connection(target, reader, writer)
            finally:
                self._tasks.discard(task)
        server = await asyncio.start_server(accepted, "127.0.0.1", 0)
        self._tasks.add(asyncio.ensure_future(server.serve_forever()))
        return server.sockets[0].getsockname()[1]

    async def _close(self):
        self._closing.set()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connection(self, target, reader, writer):
        try:
            broker_reader, broker_writer = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.close()
            return
        back = asyncio.ensure_future(_copy(broker_reader, writer))
        try:
            await self._requests(reader, writer, (broker_reader, broker_writer), back)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            back.cancel()
            for side in (writer, broker_writer):
                side.close()

    async def _requests(self, reader, writer, broker, back):
        while True:
            head = await reader.readexactly(HEADER)
            size, key, version = struct.unpack(">ihh", head)
            frame = head + await reader.readexactly(size - (HEADER - 4))
            self.versions.setdefault(key, set()).add(version)
            held_s, cuts = self._draw(key)
            if held_s:
                self.held[key] = self.held.get(key, 0) + 1
                if cuts:
                    self.cut[key] = self.cut.get(key, 0) + 1
                    back.cancel()
                    writer.close()
                await self._hold(held_s)
            broker[1].write(frame)
            await broker[1].drain()
            if held_s and cuts:
                await self._arrived(key, broker[0])
                return

    async def _arrived(self, key, broker_reader):
        """The broker's answer goes to nobody."""
        self.late[key] = self.late.get(key, 0) + 1
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(broker_reader.read(CHUNK), ANSWER_S)

    async def _hold(self, held_s):
        self._holding += 1
        try:
            await asyncio.wait_for(self._closing.wait(), held_s)
        except asyncio.TimeoutError:
            pass
        finally:
            self._holding -= 1

    def _draw(self, key):
        share, cuts, most_s = self.rules.get(key, (0, 0, 0))
        if self._random.random() >= share:
            return 0, False
        return self._random.uniform(0.05, 1) * most_s, self._random.random() < cuts


async def _copy(reader, writer):
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
