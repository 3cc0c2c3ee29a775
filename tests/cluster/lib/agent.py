"""Agents of a configuration, for tests: `flume-ng agent` with a directory of its own."""
import os
import re
import shutil
import signal
import tempfile
import urllib.request

from node import spawn
from tap import check_equal, note
from tool import MILLRACE, says, tool
from wait import wait_until

DEADLINE_S = 120
READ = "kafka-console-consumer.sh"


class Agent:
    """with Agent("a1.sources = ...") as agent: runs `flume-ng agent`; it must end on SIGTERM with
    status 0. `settings` are lines without the agent's name, @DIR@ in them is a directory of its own."""

    def __init__(self, settings, directory=None):
        self.own = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="millrace-agent-")
        self.config = os.path.join(self.directory, "flume.conf")
        self.log = os.path.join(self.directory, "agent.out")
        self.process = None
        self.options = ()
        self.write(settings)

    def write(self, settings):
        with open(self.config + ".new", "w") as file:
            for line in settings.replace("@DIR@", self.directory).splitlines():
                if line.strip():
                    file.write(f"a1.{line.strip()}\n")
        os.rename(self.config + ".new", self.config)

    def start(self, *options):
        with open(self.log, "a") as log:
            self.process = spawn(["flume-ng", "agent", "--conf", self.directory, "--conf-file", "flume.conf",
                                  "--name", "a1", *self.options, *options], executable=MILLRACE, stdout=log, stderr=log)
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        try:
            if kind:
                note("---- end of the agent's log")
                note("\n".join(self.told().splitlines()[-40:]))
                self.process.kill()
            else:
                self.stop()
        finally:
            if self.own:
                shutil.rmtree(self.directory, ignore_errors=True)

    def stop(self, signum=signal.SIGTERM):
        self.process.send_signal(signum)
        check_equal(self.process.wait(DEADLINE_S), 0, f"the agent's status after signal {signum}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def told(self):
        with open(self.log, errors="replace") as log:
            return log.read()

    def wait_told(self, words, times=1):
        wait_until(lambda: len(re.findall(words, self.told())) >= times, DEADLINE_S, f"the log has {words}")

    def port(self, source="r1"):
        """The port of a source that listens on a free one."""
        words = rf"\[source {source}\] listening on [^ ]*:(\d+)"
        self.wait_told(words)
        return int(re.findall(words, self.told())[-1])

    def path(self, name):
        return os.path.join(self.directory, name)

    def append(self, name, text):
        with open(self.path(name), "a") as file:
            file.write(text)


MEMORY = """
sources = r1
channels = c1
sinks = k1
channels.c1.type = memory
channels.c1.capacity = 1000
sources.r1.channels = c1
sinks.k1.channel = c1
"""
LOGGER = MEMORY + "sinks.k1.type = logger\n"
TAIL = """
sources.r1.type = TAILDIR
sources.r1.filegroups = f1
sources.r1.filegroups.f1 = @DIR@/.*\\\\.log
sources.r1.positionFile = @DIR@/positions/taildir.json
"""


def to_topic(cluster, topic, base=MEMORY, **settings):
    lines = "".join(f"sinks.k1.{key.replace('_', '.')} = {value}\n" for key, value in settings.items())
    return base + f"""
sinks.k1.type = kafka
sinks.k1.kafka.bootstrap.servers = {cluster.bootstrap}
sinks.k1.kafka.topic = {topic}
{lines}"""


def file_channel(**keys):
    """A file channel in the agent's directory, and MEMORY's other parts."""
    lines = "".join(f"channels.c1.{key} = {value}\n" for key, value in keys.items())
    return MEMORY.replace("channels.c1.capacity = 1000", "").replace("type = memory", f"""type = file
channels.c1.checkpointDir = @DIR@/channel/checkpoint
channels.c1.dataDirs = @DIR@/channel/data
channels.c1.minimumRequiredSpace = 1048576
channels.c1.transactionCapacity = 1000
{lines}""")


def read(cluster, topic, count, *more):
    return says(cluster, READ, "--topic", topic, "--from-beginning", "--max-messages", str(count), *more,
                out=re.compile("."), err=re.compile("Processed")).stdout.splitlines()


def ends(cluster, topic):
    """What is in the topic; -1 while a leader is missing."""
    done = tool("kafka-get-offsets.sh", "--bootstrap-server", cluster.bootstrap, "--topic", topic, check_status=False)
    out = done.stdout if done.returncode == 0 else "t:0:-1"
    return sum(int(line.split(":")[2]) for line in out.splitlines())


def metrics(agent):
    """Its counters, for an agent with -Dflume.monitoring.port=0."""
    agent.wait_told("counters are at http://localhost:")
    port = re.findall(r"counters are at http://localhost:(\d+)", agent.told())[-1]
    with urllib.request.urlopen(f"http://localhost:{port}/metrics", timeout=DEADLINE_S) as answer:
        return answer.read().decode()
