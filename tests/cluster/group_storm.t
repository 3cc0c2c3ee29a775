#!/usr/bin/env python3
"""A group of 50 members, static and dynamic, through 200 joins and leaves and the death of its
coordinator: no partition is given to two members in one generation, no committed offset goes back,
and every request is answered. SEED chooses another storm."""
import asyncio
import os
import random
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
import wire
from cluster import Cluster
from group_member import (HEARTBEAT, JOIN, LEAVE, UNKNOWN_MEMBER, Book, Line, Member, Refused, array,
                          fetch, join_body, pause, text)
from tap import check, check_equal, note, test
from wait import wait_until

SEED = int(os.environ.get("SEED", "1"))
MEMBERS, PARTITIONS, EVENTS = 50, 60, 200
EVENTS_AT_ONCE = 10
KILLS = 2
SESSION_MS, REBALANCE_MS = 2000, 2500
DEADLINE_S = 120
GROUP, TOPIC = "storm", "work"


class Slot:
    """A place in the group; every second one is a static member."""

    def __init__(self, book, number):
        self.book = book
        self.instance = f"instance-{number}" if number % 2 else None
        self.name = self.instance or f"dynamic-{number}"
        self.member = None

    def start(self):
        self.member = Member(self.book, self.name, self.instance)

    async def event(self):
        """It joins; or it leaves, is gone without a word, or is restarted at once."""
        member, self.member = self.member, None
        if not member:
            self.start()
            return
        kind = random.choice(("leaves", "vanishes", "restarts"))
        await (member.leave() if kind == "leaves" else member.vanish())
        if kind == "restarts":
            self.start()


async def until(condition, what, book):
    """wait_until for a loop that has other things to do meanwhile."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        check(time.monotonic() < end, f"not within {DEADLINE_S} s: {what} {book.faults[:3]}")
        await pause(0.02)


async def watch(cluster, book):
    """Somebody who is no member asks for all offsets, again and again: none ever goes back."""
    line, last = None, {}
    while True:
        try:
            if not line or not line.writer:
                node = await asyncio.to_thread(wire.coordinator, random.choice(book.ports()), GROUP)
                line = Line(book)
                await line.open(cluster.nodes[node].port if node is not None else 0)
            before = {**last, **{p: max(o, last.get(p, -1)) for p, o in book.acked.items()}}
            offsets = await fetch(line, book, range(PARTITIONS), "the watcher")
            book.fetched(before, offsets)
            last = offsets
        except (OSError, Refused):
            if line:
                line.close()
        await pause(0.1)


def all_stand(slots):
    """Every member alive has its part of one generation; returns that generation."""
    alive = [slot.member for slot in slots if slot.member]
    if not alive or any(member.positions is None for member in alive):
        return None
    generations = {member.generation for member in alive}
    owned = sorted(p for member in alive for p in member.owned)
    return generations.pop() if len(generations) == 1 and owned == list(range(PARTITIONS)) else None


async def settle(slots, book, what):
    await until(lambda: all_stand(slots), what, book)
    return all_stand(slots)


async def storm(cluster, book):
    slots = [Slot(book, number) for number in range(MEMBERS)]
    watcher = asyncio.ensure_future(watch(cluster, book))
    for slot in slots:
        slot.start()
    await settle(slots, book, f"{MEMBERS} members have their parts")
    kills = {(i + 1) * EVENTS // EVENTS_AT_ONCE // (KILLS + 1) for i in range(KILLS)}
    down = None
    for step in range(EVENTS // EVENTS_AT_ONCE):
        if down:
            down.start()
            await asyncio.to_thread(cluster.wait_serving)
            down = None
        if step in kills:
            await asyncio.to_thread(cluster.wait_isr_whole, "__consumer_offsets")
            down = cluster.nodes[await asyncio.to_thread(wire.coordinator, book.ports()[0], GROUP)]
            down.kill()
        generation = max(book.generations)
        await asyncio.gather(*(s.event() for s in random.sample(slots, EVENTS_AT_ONCE)))
        # The group works now and then: else it would be one long rebalance.
        await until(lambda: max(book.generations) > generation, "the next generation", book)
        commits = book.commits
        await until(lambda: book.commits > commits + MEMBERS // 2, "the group commits", book)
        check(not book.faults, f"faults: {book.faults[:5]}")
    generation = await settle(slots, book, "the members that are left have their parts")
    line = next(slot.member.line for slot in slots if slot.member)
    final = await fetch(line, book, range(PARTITIONS), "the end")
    book.fetched(book.acked, final)
    watcher.cancel()
    for slot in slots:
        if slot.member:
            await slot.member.leave()
    return generation


@test(f"{MEMBERS} members survive {EVENTS} joins and leaves and {KILLS} kills of the coordinator")
def classic():
    random.seed(SEED)
    with Cluster(3, min_insync_replicas=2, group_min_session_timeout_ms=1000,
                 group_initial_rebalance_delay_ms=100, offsets_topic_num_partitions=4) as cluster:
        cluster.create_topic(TOPIC, partitions=PARTITIONS)
        book = Book(GROUP, TOPIC, PARTITIONS,
                    lambda: [node.port for node in cluster.running()], SESSION_MS, REBALANCE_MS)
        generation = asyncio.run(storm(cluster, book))
        check_equal(book.faults, [], "the list of faults")
        check(book.commits > 1000, f"only {book.commits} commits were acknowledged")
        note(f"seed {SEED}: generation {generation}, {len(book.generations)} of them were assigned, "
             f"{book.commits} commits, {book.answers} answers")


# ---- a JoinGroup that waits, and what stands behind it on its connection ----

BEHIND = 300  # more than a broker takes from one connection before it answers


def error_of(r):
    r.take("i")
    return r.take("h")


async def settled(line, beat):
    """Until the broker that was named as the coordinator has opened the group's partition."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        found = error_of(await line.answer(line.ask(HEARTBEAT, beat), HEARTBEAT, "nobody"))
        if found == UNKNOWN_MEMBER:
            return
        check(time.monotonic() < deadline, f"the coordinator still answers {found}")


async def pipelined(cluster, book):
    lines = [Line(book) for _ in range(2)]
    node = await asyncio.to_thread(find_coordinator, book.ports()[0])
    for line in lines:
        await line.open(cluster.nodes[node].port)
    beat = text(GROUP) + struct.pack(">i", 1) + text("nobody") + text(None)
    await settled(lines[0], beat)
    join = lines[0].ask(JOIN, join_body(book, instance="one"))
    behind = [lines[0].ask(HEARTBEAT, beat) for _ in range(BEHIND)]
    check_equal(error_of(await lines[0].answer(join, JOIN, "one")), 0, "the error of the join")
    for future in behind:
        check_equal(error_of(await lines[0].answer(future, HEARTBEAT, "nobody")), UNKNOWN_MEMBER,
                    "the error of a heartbeat behind it")
    # The second member waits for the first, who comes over the same connection, behind more than
    # the broker takes: the first one's session ends, and both are answered.
    join = lines[0].ask(JOIN, join_body(book, instance="two"))
    behind = [lines[0].ask(HEARTBEAT, beat) for _ in range(BEHIND)]
    late = lines[0].ask(JOIN, join_body(book, instance="one"))
    check_equal(error_of(await lines[0].answer(join, JOIN, "two")), 0, "the second's error")
    third = lines[1].ask(JOIN, join_body(book, instance="three"))
    check_equal(error_of(await lines[0].answer(late, JOIN, "one")), 0, "the late one's error")
    check_equal(error_of(await lines[1].answer(third, JOIN, "three")), 0, "the third's error")
    # A member that leaves behind its own join ends it.
    join = lines[1].ask(JOIN, join_body(book, instance="four"))
    leave = lines[1].ask(LEAVE, text(GROUP) + array([text("") + text("four")]))
    check_equal(error_of(await lines[1].answer(join, JOIN, "four")), UNKNOWN_MEMBER,
                "the error of a join that was left")
    check_equal(error_of(await lines[1].answer(leave, LEAVE, "four")), 0, "the error of the leave")
    for line in lines:
        line.close()


def find_coordinator(port):
    return wait_until(lambda: (wire.coordinator(port, GROUP) or 0) + 1, DEADLINE_S,
                      "the group has a coordinator") - 1


@test("what stands behind a JoinGroup that waits is answered in order, however much it is")
def one_connection():
    with Cluster(1, group_min_session_timeout_ms=1000, group_initial_rebalance_delay_ms=100,
                 offsets_topic_num_partitions=1) as cluster:
        book = Book(GROUP, TOPIC, PARTITIONS, lambda: [cluster.nodes[0].port], 1000, 1500)
        asyncio.run(pipelined(cluster, book))
        check_equal(book.faults, [], "the list of faults")


tap.run()
