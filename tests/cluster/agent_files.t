#!/usr/bin/env python3
"""Log files as they are: rotated, cut, renamed, compressed away, with endless lines, without a last newline,
with bytes that are no text, with times of another year, by the thousand, in directories that come and go."""
import glob
import gzip
import json
import os
import re
import shutil
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
from agent import DEADLINE_S, MEMORY, Agent
from node import free_port, memory_max
from tap import check, check_equal, note, test
from wait import wait_until

TAIL = """
sources.r1.type = TAILDIR
sources.r1.filegroups = f1
sources.r1.filegroups.f1 = @DIR@/logs/.*\\\\.log
sources.r1.positionFile = @DIR@/positions/taildir.json
"""
ROLL = "sinks.k1.type = file_roll\nsinks.k1.sink.directory = @DIR@/out\nsinks.k1.sink.rollInterval = 0\n"
GIB = 1 << 30
PIECE = 16 << 20  # of a line that does not end
FILES = 3000


def tailing(settings=MEMORY + ROLL + TAIL):
    agent = Agent(settings)
    os.mkdir(agent.path("logs"))
    return agent


def out(agent):
    """All that the sink wrote, in order."""
    names = glob.glob(agent.path("out/*"))
    text = b""
    for name in sorted(names, key=lambda name: int(re.search(r"-(\d+)(\.|$)", name).group(1))):
        with open(name, "rb") as file:
            text += file.read()
    return text


def wait_lines(agent, wanted, what):
    """Until all are there; none may come twice, and none that is not wanted."""
    wait_until(lambda: out(agent).count(b"\n") >= len(wanted), DEADLINE_S, what)
    check_equal(sorted(out(agent).splitlines()), sorted(wanted), what)


def lines(name, count):
    return [f"{name} {i}".encode() for i in range(count)]


def text(rows):
    return b"".join(row + b"\n" for row in rows)


def write(agent, name, data, mode="ab"):
    with open(agent.path(f"logs/{name}"), mode) as file:
        file.write(data)


@test("a file that is rotated, compressed and removed while it is read: each line once")
def compressed():
    with tailing() as agent:
        wanted = []
        for i in range(5):
            rows = lines(f"round {i}", 20000)
            wanted += rows
            write(agent, "a.log", text(rows))
            wait_until(lambda: b"round %d 0\n" % i in out(agent), DEADLINE_S, "it is being read")
            os.rename(agent.path("logs/a.log"), agent.path("logs/a.log.1"))
            with open(agent.path("logs/a.log.1"), "rb") as old:
                with gzip.open(agent.path(f"logs/a.log.{i}.gz"), "wb") as new:
                    shutil.copyfileobj(old, new)
            os.remove(agent.path("logs/a.log.1"))
        wait_lines(agent, wanted, "all lines of all rounds")


@test("a file that is copied and cut in its place (copytruncate): what follows the cut is read from its beginning")
def copytruncate():
    with tailing() as agent:
        wanted = []
        for i in range(5):
            rows = lines(f"round {i}", 1000 + 10 * i)
            wanted += rows
            write(agent, "a.log", text(rows))
            wait_lines(agent, wanted, f"the lines of round {i}")
            os.truncate(agent.path("logs/a.log"), 0)


@test("a line of a gigabyte, of NULs: it comes in pieces, and neither it nor the memory is lost")
def gigabyte():
    port = free_port()
    settings = MEMORY + "sinks.k1.type = null\n" + TAIL
    agent = tailing(settings)
    agent.options = ("-Dflume.monitoring.type=http", f"-Dflume.monitoring.port={port}")
    with agent:
        with open(agent.path("logs/a.log.new"), "wb") as file:
            file.seek(GIB)
            file.write(b"\nafter\n")
        os.rename(agent.path("logs/a.log.new"), agent.path("logs/a.log"))

        def taken():
            with urllib.request.urlopen(f"http://localhost:{port}/metrics", timeout=DEADLINE_S) as answer:
                return int(json.load(answer)["SINK.k1"]["EventDrainSuccessCount"])
        wanted = GIB // PIECE + 2  # the newline stands behind a piece, or the last piece is empty
        wait_until(lambda: wanted - 1 <= taken() <= wanted, DEADLINE_S, "all pieces, and the line behind")
        wait_until(lambda: position(agent) == GIB + 7, DEADLINE_S, "the position is at the end")
        with open(f"/proc/{agent.process.pid}/status") as status:
            peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) << 10
        note(f"the agent has used {peak >> 20} MiB")
        check(peak < memory_max(128 << 20), f"{peak} bytes")


def position(agent):
    with open(agent.path("positions/taildir.json")) as file:
        rows = json.load(file)
    return rows[0]["pos"] if rows else None


@test("bytes that are no text: invalid UTF-8, NULs, a carriage return, empty lines: they come as they are")
def no_text():
    rows = [b"\xff\xfe\xc3(", b"a\0b\0", b"\xed\xa0\x80 half of a pair", b"\x1b[31mred", bytes(range(11, 256)),
            "Grüße".encode("latin-1"), "Grüße".encode("utf-16-le").replace(b"\n", b""), b"\0" * 5000]
    rows = [row.replace(b"\n", b"").replace(b"\r", b"") for row in rows]
    with tailing() as agent:
        write(agent, "a.log", text(rows))
        wait_until(lambda: out(agent).count(b"\n") >= len(rows), DEADLINE_S, "all lines")
        check_equal(out(agent), text(rows), "the bytes")


@test("no newline at the end: such a line waits for its rest, and comes as it is when nothing follows")
def no_newline():
    with tailing(MEMORY + ROLL + TAIL + "sources.r1.idleTimeout = 2000\n") as agent:
        write(agent, "a.log", b"one\ntwo, and the re")
        wait_until(lambda: out(agent) == b"one\n", DEADLINE_S, "the first line")
        write(agent, "a.log", b"st\nthe last")
        wait_until(lambda: out(agent) == b"one\ntwo, and the rest\n", DEADLINE_S, "the second line")
        os.remove(agent.path("logs/a.log"))
        wait_until(lambda: out(agent) == b"one\ntwo, and the rest\nthe last\n", DEADLINE_S, "the last line")


@test("times of another year, of files and between two writes: every line once")
def clocks():
    with tailing() as agent:
        wanted = []
        for i, when in enumerate((0, 4102444800, 1, 4102444800 * 2, 86400)):  # 1970, 2100, ...
            rows = lines(f"write {i}", 50)
            wanted += rows
            for name in ("a.log", "b.log"):
                write(agent, name, text(rows))
                os.utime(agent.path(f"logs/{name}"), (when, when))
            write(agent, f"new{i}.log", text(rows))
            os.utime(agent.path(f"logs/new{i}.log"), (when, when))
            wait_lines(agent, wanted * 3, f"the lines of write {i}")


@test("thousands of files, more than may be open at once, that all grow")
def thousands():
    with tailing(MEMORY.replace("1000", "10000") + ROLL + TAIL) as agent:
        for i in range(FILES):
            write(agent, f"f{i}.log", b"first of %d\n" % i)
        wanted = [b"first of %d" % i for i in range(FILES)]
        wait_lines(agent, wanted, "the first lines")
        for i in range(FILES):
            write(agent, f"f{i}.log", b"second of %d\n" % i)
        wanted += [b"second of %d" % i for i in range(FILES)]
        wait_lines(agent, wanted, "the second lines")
        check(len(os.listdir(f"/proc/{agent.process.pid}/fd")) < 1000, "its open files")


@test("a directory that vanishes and comes back: its new files are read, those that were moved with it are not again")
def directory():
    with tailing() as agent:
        write(agent, "a.log", b"before\n")
        wait_lines(agent, [b"before"], "the first line")
        os.rename(agent.path("logs"), agent.path("away"))
        agent.append("away/a.log", "while away\n")
        os.rename(agent.path("away"), agent.path("logs"))
        write(agent, "a.log", b"back\n")
        wanted = [b"before", b"while away", b"back"]
        wait_lines(agent, wanted, "the lines of the directory that was moved")
        shutil.rmtree(agent.path("logs"))
        os.mkdir(agent.path("logs"))
        write(agent, "a.log", b"another\n")
        wait_lines(agent, wanted + [b"another"], "the line of the new directory")


tap.run()
