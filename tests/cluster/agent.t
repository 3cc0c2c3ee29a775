#!/usr/bin/env python3
"""The agent: lines from commands, sockets and files reach topics, each at least once, whoever is killed
on the way."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import json
import re
import shutil
import signal
import socket
import tempfile

import tap
from agent import DEADLINE_S, LOGGER, MEMORY, TAIL, Agent, ends, file_channel, metrics, read, to_topic
from cluster import Cluster
from node import ROOT, free_port, memory_max
from tap import check, check_equal, note, test
from tool import tool
from wait import wait_until

KILLS = int(os.environ.get("KILLS") or 8)


def cluster_lines(cluster, topic):
    """How many different lines are in the topic."""
    end = ends(cluster, topic)
    return len(set(read(cluster, topic, end))) if end > 0 else 0



@test("netcat to logger: each line is an event, answered with OK; a long line is refused")
def netcat():
    with Agent(LOGGER + "sources.r1.type = netcat\nsources.r1.bind = localhost\nsources.r1.port = 0\n") as agent:
        with socket.create_connection(("localhost", agent.port()), DEADLINE_S) as line:
            answers = line.makefile()
            line.sendall(b"Hello world!\r\nsec")
            check_equal(answers.readline(), "OK\n", "the first answer")
            line.sendall(b"ond\n")
            check_equal(answers.readline(), "OK\n", "the second answer")
            line.sendall(b"x" * 600 + b"\n")
            check(answers.readline().startswith("FAILED: "), "a long line is refused")
            check_equal(answers.readline(), "", "and its connection closed")
        agent.wait_told(r"\[sink k1\] Event: \{ headers:\{\} body: 48 65 6C 6C 6F 20 77 6F 72 6C 64 21 0D +"
                        r"Hello world!\. \}")
        agent.wait_told("second")


@test("SIGHUP ends an agent as SIGTERM does")
def hang_up():
    agent = Agent(LOGGER + "sources.r1.type = netcat\nsources.r1.bind = localhost\nsources.r1.port = 0\n")
    try:
        agent.start().port()
        agent.stop(signal.SIGHUP)
        agent.wait_told("stopping, since SIGHUP came")
    finally:
        agent.kill()
        shutil.rmtree(agent.directory)


@test("exec to a topic: a shell's output, headers, a command that ends and starts again")
def exec_source():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        settings = to_topic(cluster, "t") + """
sources.r1.type = exec
sources.r1.shell = /bin/sh -c
sources.r1.command = echo one; echo two | cat; echo three >&2
sources.r1.restart = true
sources.r1.restartThrottle = 10
sources.r1.logStdErr = true
sources.r1.interceptors = i1
sources.r1.interceptors.i1.type = static
sources.r1.interceptors.i1.key = key
sources.r1.interceptors.i1.value = k
"""
        with Agent(settings) as agent:
            agent.wait_told("stderr: three", times=3)
            check_equal(read(cluster, "t", 4, "--property", "print.key=true"), ["k\tone", "k\ttwo"] * 2, "the records")


@test("taildir to a topic of three replicas: rotated, cut and new files, each line once; a broker is killed")
def taildir():
    with Cluster(3) as cluster:
        cluster.create_topic("t", replicas=3)
        with Agent(to_topic(cluster, "t") + TAIL) as agent:
            agent.append("a.log", "one\ntw")
            wait_until(lambda: ends(cluster, "t") == 1, DEADLINE_S, "a line without an end waits")
            agent.append("a.log", "o\n")
            wait_until(lambda: ends(cluster, "t") == 2, DEADLINE_S, "the second line")
            os.rename(agent.path("a.log"), agent.path("a.log.1"))
            agent.append("a.log.1", "three\n")
            agent.append("a.log", "four\r\n")
            wait_until(lambda: ends(cluster, "t") == 4, DEADLINE_S, "the lines of both files")
            cluster.leader("t").kill()
            agent.append("b.log", "".join(f"line {i}\n" for i in range(5000)))
            wait_until(lambda: ends(cluster, "t") == 5004, DEADLINE_S, "all lines after a kill")
            with open(agent.path("b.log"), "w") as file:
                file.write("cut\n")
            wait_until(lambda: ends(cluster, "t") == 5005, DEADLINE_S, "the line of the file that was cut")
        lines = read(cluster, "t", 5005)
        check_equal(sorted(lines[:4]), ["four", "one", "three", "two"], "the first lines")
        check_equal(lines[4:], [f"line {i}" for i in range(5000)] + ["cut"], "the others, in order")
        for node in cluster.nodes:
            if not node.running():
                node.start()
        cluster.wait_isr_whole("t")


@test("taildir begins where it ended: after SIGTERM no line again and none missing")
def positions():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        directory = tempfile.mkdtemp(prefix="millrace-agent-")
        try:
            agent = Agent(to_topic(cluster, "t") + TAIL, directory)
            for i in range(3):
                agent.append("a.log", f"before {i}\n")
                with agent:
                    agent.append("a.log", f"while {i}\n")
                    wait_until(lambda: ends(cluster, "t") == 2 * (i + 1), DEADLINE_S, "both lines")
            wanted = [f"{when} {i}" for i in range(3) for when in ("before", "while")]
            check_equal(read(cluster, "t", 6), wanted, "each line once")
            with open(os.path.join(directory, "positions", "taildir.json")) as file:
                rows = json.load(file)
            check_equal([(row["pos"], row["file"]) for row in rows],
                        [(os.path.getsize(agent.path("a.log")), agent.path("a.log"))], "the position file")
        finally:
            shutil.rmtree(directory, ignore_errors=True)


@test("kill -9 of the agent, again and again: with a file channel no line is missing, and few come twice")
def kills():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        directory = tempfile.mkdtemp(prefix="millrace-agent-")
        try:
            agent = Agent(to_topic(cluster, "t", file_channel(capacity=100000)) + TAIL, directory)
            for i in range(KILLS):
                agent.start()
                before = ends(cluster, "t")
                agent.append("a.log", "".join(f"line {i} {n}\n" for n in range(2000)))
                wait_until(lambda: ends(cluster, "t") > before, DEADLINE_S, "some lines are there")
                agent.kill()
            with agent:
                wait_until(lambda: cluster_lines(cluster, "t") >= 2000 * KILLS, DEADLINE_S, "all lines")
            lines = read(cluster, "t", ends(cluster, "t"))
            wanted = [f"line {i} {n}" for i in range(KILLS) for n in range(2000)]
            check_equal(sorted(set(lines)), sorted(wanted), "the lines")
            first = {}
            for at, line in enumerate(lines):
                first.setdefault(line, at)
            check_equal(sorted(wanted, key=first.get), wanted, "the order in which they came first")
            note(f"{len(lines) - len(wanted)} lines came twice after {KILLS} kills")
        finally:
            shutil.rmtree(directory, ignore_errors=True)


@test("a broker that is away for a while: the file channel fills, the memory does not, and all lines come")
def broker_away():
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        with Agent(to_topic(cluster, "t", file_channel(capacity=1000000)) + TAIL) as agent:
            agent.append("a.log", "first\n")
            wait_until(lambda: ends(cluster, "t") == 1, DEADLINE_S, "the first line")
            cluster.nodes[0].kill()
            text = "".join(f"line {n} {'x' * 90}\n" for n in range(200000))
            agent.append("a.log", text)
            data = agent.path("channel/data")
            wait_until(lambda: sum(os.path.getsize(os.path.join(data, name)) for name in os.listdir(data)) > len(text),
                       DEADLINE_S, "the lines are in the channel")
            with open(f"/proc/{agent.process.pid}/status") as status:
                peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1))
            note(f"{len(text) >> 20} MiB wait in the channel, and the agent has used {peak >> 10} MiB")
            check(peak < memory_max(64 << 10), f"{peak} kB")
            cluster.nodes[0].start()
            wait_until(lambda: ends(cluster, "t") >= 200001, DEADLINE_S, "all lines")
        lines = read(cluster, "t", 200001)
        check_equal(lines[1:], text.splitlines(), "the lines, in order")


def rolled(agent):
    """The whole lines of the files that a file_roll sink has made, in order."""
    names = os.listdir(agent.path("out")) if os.path.exists(agent.path("out")) else []
    lines = []
    for name in sorted(names, key=lambda name: int(re.search(r"-(\d+)(\.|$)", name).group(1))):
        with open(agent.path(f"out/{name}")) as file:
            lines += file.read().rpartition("\n")[0].splitlines()
    return lines


ROLL = """
sinks.k1.type = file_roll
sinks.k1.sink.directory = @DIR@/out
sinks.k1.sink.rollInterval = 0
"""


@test("seq into files, and over a second channel to null: what is counted, as JSON and for Prometheus")
def numbers():
    settings = MEMORY + ROLL + """
channels = c1 c2
sinks = k1 k2
sources.r1.type = seq
sources.r1.totalEvents = 10000
sources.r1.batchSize = 70
sources.r1.channels = c1 c2
channels.c2.type = memory
sinks.k2.type = null
sinks.k2.channel = c2
sinks.k1.sink.pathManager.extension = txt
"""
    for kind in ("http", "prometheus"):
        agent = Agent(settings)
        agent.options = (f"-Dflume.monitoring.type={kind}", "-Dflume.monitoring.port=0")
        with agent:
            wait_until(lambda: len(rolled(agent)) == 10000, DEADLINE_S, "all numbers")
            check_equal(rolled(agent), [str(i) for i in range(10000)], "the lines of the files")
            wait_until(lambda: 'EventTakeSuccessCount":"10000"' in metrics(agent) or
                       'take_success_count{name="c2"} 10000' in metrics(agent), DEADLINE_S, "c2 is empty")
            told = metrics(agent)
            if kind == "prometheus":
                for line in ('flume_source_event_accepted_count{name="r1"} 10000',
                             'flume_channel_channel_size{name="c1"} 0',
                             'flume_sink_event_drain_success_count{name="k1"} 10000'):
                    check(line in told.splitlines(), f"{line} is not in {told}")
                continue
            parts = json.loads(told)
            check_equal(sorted(parts), ["CHANNEL.c1", "CHANNEL.c2", "SINK.k1", "SINK.k2", "SOURCE.r1"], "the parts")
            for part, key, value in (("SOURCE.r1", "EventReceivedCount", "10000"), ("SOURCE.r1", "Type", "SOURCE"),
                                     ("SOURCE.r1", "AppendBatchAcceptedCount", "143"),
                                     ("CHANNEL.c1", "ChannelCapacity", "1000"), ("CHANNEL.c1", "ChannelSize", "0"),
                                     ("CHANNEL.c1", "EventPutSuccessCount", "10000"),
                                     ("SINK.k1", "EventDrainSuccessCount", "10000")):
                check_equal(parts[part].get(key), value, f"{key} of {part}")


@test("stress: so many events of a size, at a rate")
def stress():
    with Agent(MEMORY + ROLL + """
sources.r1.type = org.apache.flume.source.StressSource
sources.r1.size = 10
sources.r1.maxTotalEvents = 25
sources.r1.batchSize = 10
sources.r1.maxEventsPerSecond = 1000
""") as agent:
        wait_until(lambda: len(rolled(agent)) == 25, DEADLINE_S, "all events")
        check_equal(set(rolled(agent)), {"\x7f" * 10}, "the bodies")


SPOOL = """
sources.r1.type = spooldir
sources.r1.spoolDir = @DIR@/spool
sources.r1.pollDelay = 10
sources.r1.ignorePattern = .*\\.tmp
"""


def spool(agent, name, text):
    os.makedirs(agent.path("spool"), exist_ok=True)
    agent.append(f"spool/{name}.tmp", text)
    os.rename(agent.path(f"spool/{name}.tmp"), agent.path(f"spool/{name}"))


@test("spooldir: each file once, then its suffix; long lines are cut; a name that is taken; blobs; deletion")
def spooldir():
    agent = Agent(MEMORY + ROLL + SPOOL + "sources.r1.deserializer.maxLineLength = 5\n")
    spool(agent, "a", "one\r\ntwo\n1234567\n\nlast")
    with agent:
        wait_until(lambda: os.path.exists(agent.path("spool/a.COMPLETED")), DEADLINE_S, "the first file is read")
        wait_until(lambda: len(rolled(agent)) == 6, DEADLINE_S, "its lines")
        check_equal(rolled(agent), ["one", "two", "12345", "67", "", "last"], "the lines")
        spool(agent, "a", "again\n")
        agent.wait_told("spool/a has been read, and can't be finished: a file with its new name is there")
        spool(agent, "b", "b\n")
        wait_until(lambda: rolled(agent)[6:] == ["again", "b"], DEADLINE_S, "later files are read")
    agent = Agent(MEMORY + ROLL + SPOOL + """
sources.r1.deletePolicy = immediate
sources.r1.basenameHeader = true
sources.r1.deserializer = org.apache.flume.sink.solr.morphline.BlobDeserializer$Builder
sources.r1.deserializer.maxBlobLength = 8
sinks.k1.sink.serializer = header_and_text
""")
    spool(agent, "x", "whole")
    with agent:
        wait_until(lambda: rolled(agent) == ["{basename=x} whole"], DEADLINE_S, "the file as an event")
        wait_until(lambda: os.listdir(agent.path("spool")) == [".flumespool"], DEADLINE_S, "it is deleted")
        spool(agent, "y", "0123456789")
        wait_until(lambda: rolled(agent)[1:] == ["{basename=y} 01234567", "{basename=y} 89"], DEADLINE_S, "two pieces")


def spool_avro(agent, name, *blocks, damage=b""):
    """A file of Avro's: records with one string, of less than 64 bytes each."""
    schema = b'{"type":"record","name":"R","fields":[{"name":"s","type":"string"}]}'
    sync = b"0123456789abcdef"
    data = b"Obj\1\2" + bytes([22]) + b"avro.schema" + bytes([2 * len(schema) & 127 | 128, len(schema) >> 6])
    data += schema + b"\0" + sync
    for block in blocks:
        body = b"".join(bytes([2 * len(word)]) + word.encode() for word in block)
        data += bytes([2 * len(block), 2 * len(body)]) + body + sync
    with open(agent.path(f"spool/{name}.tmp"), "wb") as file:
        file.write(data + damage)
    os.rename(agent.path(f"spool/{name}.tmp"), agent.path(f"spool/{name}"))


@test("spooldir: records of Avro files, with a checksum of their schema; what is damaged is left, the next one is read")
def spooldir_avro():
    agent = Agent(MEMORY + ROLL + SPOOL + """
sources.r1.deserializer = AVRO
sources.r1.basenameHeader = true
sinks.k1.sink.serializer = header_and_text
""")
    os.makedirs(agent.path("spool"))
    spool_avro(agent, "a", ["the 1st", "the 2nd"], ["the 3rd"])
    with agent:
        wait_until(lambda: os.path.exists(agent.path("spool/a.COMPLETED")), DEADLINE_S, "the first file is read")
        spool_avro(agent, "bad", ["in time"], damage=b"?")
        agent.wait_told("spool/bad is not read on from byte .*: it ends in the middle of a block")
        spool_avro(agent, "c", ["at last"])
        wait_until(lambda: os.path.exists(agent.path("spool/c.COMPLETED")), DEADLINE_S, "the last file is read")
        wait_until(lambda: len(rolled(agent)) == 5, DEADLINE_S, "all records")
        words = {"a": ["the 1st", "the 2nd", "the 3rd"], "bad": ["in time"], "c": ["at last"]}
        check_equal(rolled(agent), ["{basename=%s, flume.avro.schema.hash=5b9cf4b45f4a6b2d} \x0e%s" % (name, word)
                                    for name, of in words.items() for word in of], "the records")
        check(os.path.exists(agent.path("spool/bad")), "the damaged file is where it was")


@test("spooldir after kill -9: with a file channel no line is missing, and a start goes on in the file")
def spooldir_kills():
    directory = tempfile.mkdtemp(prefix="millrace-agent-")
    try:
        agent = Agent(file_channel(capacity=1000) + ROLL + SPOOL, directory)
        wanted = [f"line {i}" for i in range(50000)]
        spool(agent, "a", "\n".join(wanted) + "\n")
        for _ in range(3):
            before = len(rolled(agent))
            agent.start()
            wait_until(lambda: len(rolled(agent)) > before, DEADLINE_S, "some lines")
            agent.kill()
        with agent:
            wait_until(lambda: os.path.exists(agent.path("spool/a.COMPLETED")), DEADLINE_S, "all is read")
            wait_until(lambda: set(rolled(agent)) == set(wanted), DEADLINE_S, "all lines are out")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@test("flume-env.sh, flume.opts, FLUME_JAVA_OPTS and --conf-uri are as Flume has them; what needs Java is told")
def flume_start():
    agent = Agent(MEMORY + ROLL + """
sources.r1.type = seq
sources.r1.totalEvents = 1
sources.r1.interceptors = i1
sources.r1.interceptors.i1.type = static
sources.r1.interceptors.i1.key = where
sources.r1.interceptors.i1.value = ${sys:A} ${sys:B} ${sys:C} ${env:D} ${E}
sinks.k1.sink.serializer = header_and_text
""")
    try:
        agent.append("flume-env.sh", 'echo set\nJAVA_OPTS="-Xmx9m -DA=script -DB=script"\n')
        agent.append("flume-env.sh", 'export D="of the script"\n')
        agent.append("flume.opts", "conf-uri = classpath:more.conf\nconf-file = no.conf\nname = nobody\n")
        agent.append("more.conf", "E = more\n")
        os.environ["FLUME_JAVA_OPTS"] = "-DC=around"
        try:
            agent.start("-DB=line", "-Xms5m")
        finally:
            del os.environ["FLUME_JAVA_OPTS"]
        event = "{where=script line around of the script more} 0"
        wait_until(lambda: rolled(agent) == [event], DEADLINE_S, "the event")
        for words in ("^set$", "JAVA_OPTS has -Xmx9m: without effect", "-Xms5m: without effect"):
            check(re.search(words, agent.told(), re.M), f"{words} is told")
        agent.stop()
        agent.append("flume.opts", "name = a1\nconf-file = flume.conf\n")
        conf = ("flume-ng", "agent", "--conf", agent.directory)
        os.rename(agent.path("flume.conf"), agent.path("all of it.conf"))
        uri = f"file://{agent.directory}/all%20of%20it.conf"
        said = tool(*conf, "-u", uri, "--check", "-n", "a1", check_status=False)
        check("no.conf" in said.stderr, f"a file of flume.opts that is not there: {said.stderr}")
        os.remove(agent.path("flume.opts"))
        said = tool(*conf, "-u", uri, "-u", "classpath:more.conf", "--check", "-n", "a1", "-DA=1", "-DC=1")
        check("no mistake" in said.stdout, f"a URI: {said.stdout}")
        said = tool(*conf[:2], "-f", "", "--check", "-n", "a1", check_status=False)
        check(said.returncode == 1 and "--conf-file is empty" in said.stderr, f"a file without a name: {said.stderr}")
        os.mkdir(agent.path("flume.opts"))
        said = tool(*conf, "-f", "x", "--check", "-n", "a1", check_status=False)
        check(said.returncode == 1 and "flume.opts: Is a directory" in said.stderr, f"not to be read: {said.stderr}")
        os.rmdir(agent.path("flume.opts"))
        agent.append("flume.opts", "name = a1\nno-such = 1\n")
        for words, status, what in ((("-u", "http://localhost/flume.conf"), 1, "read from files only"),
                                    (("-f", "x", "--conf-user", "me"), 1, "nobody to log in"),
                                    (("-f", "x"), 1, "flume.opts line 2: there is no option --no-such")):
            if "no-such" not in what:
                os.rename(agent.path("flume.opts"), agent.path("flume.opts.not"))
            said = tool(*conf, "-n", "a1", *words, check_status=False)
            check(said.returncode == status and what in said.stderr, f"{words}: {said.stderr}")
            if "no-such" not in what:
                os.rename(agent.path("flume.opts.not"), agent.path("flume.opts"))
        with open(agent.path("flume-env.sh"), "w") as script:
            script.write("exit 3\n")
        said = tool(*conf, "-f", "x", "-n", "a1", check_status=False)
        check("flume-env.sh fails" in said.stderr, f"a script that ends: {said.stderr}")
    finally:
        agent.kill()
        shutil.rmtree(agent.directory, ignore_errors=True)


@test("a file that changes: what is new starts, what is gone ends, the rest goes on; mistakes change nothing")
def reload():
    netcat = "sources.r1.type = netcat\nsources.r1.bind = localhost\nsources.r1.port = 0\n"
    with Agent(MEMORY + ROLL + netcat) as agent:
        with socket.create_connection(("localhost", agent.port()), DEADLINE_S) as line:
            answers = line.makefile()

            def say(text):
                line.sendall(text.encode() + b"\n")
                return answers.readline()
            check_equal(say("one"), "OK\n", "before")
            agent.write(MEMORY + ROLL + netcat + "sources.r1.bogus = 1\n")
            agent.wait_told("has mistakes: the agent goes on as before")
            check_equal(say("two"), "OK\n", "after a mistake")
            more = MEMORY + ROLL + netcat + "sources = r1 r2\nsources.r2.type = seq\nsources.r2.channels = c1\n" \
                "sources.r2.totalEvents = 3\n"
            agent.write(more)
            agent.wait_told("the new configuration works: 2 sources")
            check_equal(say("three"), "OK\n", "the connection is the same one")
            wait_until(lambda: len(rolled(agent)) == 6, DEADLINE_S, "the lines of both")
            # Another sink: the source goes on, and what is in the channel stays.
            agent.write(more.replace("@DIR@/out", "@DIR@/other"))
            agent.wait_told("the new configuration works: 2 sources", times=2)
            check_equal(say("four"), "OK\n", "still")
            wait_until(lambda: os.listdir(agent.path("other")), DEADLINE_S, "the other sink's file")
            agent.write(more.replace("sources.r1.port = 0", "sources.r1.port = 0\nsources.r1.ack-every-event = false"))
            agent.wait_told("the new configuration works: 2 sources", times=3)
            check_equal(answers.readline(), "", "the source that changed has closed its connections")


@test("a part that can't start on a reload is tried again until it can")
def mend():
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as taken:
        seq = "sources.r1.type = seq\nsources.r1.totalEvents = 1\n"
        with Agent(MEMORY + ROLL + seq) as agent:
            agent.wait_told("1 source, 1 channel and 1 sink work")
            agent.write(MEMORY + ROLL + f"sources.r1.type = netcat\nsources.r1.bind = localhost\n"
                        f"sources.r1.port = {port}\n")
            agent.wait_told("trying on: source r1: can't listen on localhost")
            taken.close()
            agent.wait_told("all parts work")
            with socket.create_connection(("localhost", port), DEADLINE_S) as line:
                line.sendall(b"x\n")
                check_equal(line.makefile().readline(), "OK\n", "the answer")


@test("what is wrong with a file is told at once, with status 1; --check only checks; --help TYPE")
def mistakes():
    agent = Agent(LOGGER + "sources.r1.type = netcat\nsources.r1.portt = 1\nsinks.k1.maxBytesToLog = x\n")
    call = ("agent", "--conf-file", agent.config, "--name", "a1")
    done = tool("flume-ng", *call, check_status=False)
    check_equal((done.returncode, done.stdout), (1, ""), "status and output")
    for words in ("line 10: a1.sources.r1.portt: a netcat source has no such key: did you mean port?",
                  "a1.sources.r1.bind: it is missing", "a1.sinks.k1.maxBytesToLog: \"x\" is no whole number"):
        check(words in done.stderr, f"{words} is not in {done.stderr}")
    agent.write(LOGGER + "sources.r1.type = netcat\nsources.r1.bind = localhost\nsources.r1.port = 1\n")
    done = tool("flume-ng", *call, "--check")
    check("no mistake" in done.stdout, done.stdout)
    done = tool("flume-ng", "agent", "--help", "taildir")
    check("filegroups.* = text, must be given" in done.stdout, done.stdout)
    check("netcat" in tool("flume-ng", "--help", "types").stdout, "the types")
    check("Millrace" in tool("flume-ng", "version").stdout, "the version")
    with open(os.path.join(ROOT, "docs", "agent.md")) as file:
        told = file.read().split("\n## Keys\n")[1]
    check_equal(told, tool("flume-ng", "agent", "--keys").stdout, "docs/agent.md behind Keys, and --keys")
    shipped = os.path.join(ROOT, "deploy", "config", "flume.conf")
    tool("flume-ng", "agent", "--conf-file", shipped, "--name", "a1", "--check")
    shutil.rmtree(agent.directory)


tap.run()
