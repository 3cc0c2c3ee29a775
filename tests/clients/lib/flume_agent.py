"""An agent of Apache Flume as it is released, as a child."""
import os
import re
import shutil
import signal
import tempfile

from lib_path import CLUSTER_LIB  # noqa: F401 makes the harness importable

from member import program
from node import spawn
from tap import check, note
from wait import wait_until

APPLICATION = "org.apache.flume.node.Application"
AVRO_CLIENT = "org.apache.flume.client.avro.AvroCLIClient"
DEADLINE_S = 120


class Flume:
    """with Flume("sources = r1 ...") as flume: `settings` are lines without the agent's name, @DIR@ in
    them is a directory of its own, which stays when it is killed and started again."""

    def __init__(self, settings):
        self.path = program("flume-1.11")
        self.directory = tempfile.mkdtemp(prefix="flume-")
        self.log = self.file("agent.out")
        self.process = None
        with open(self.file("flume.conf"), "w") as file:
            for line in settings.replace("@DIR@", self.directory).splitlines():
                if line.strip():
                    file.write(f"a1.{line.strip()}\n")

    def start(self):
        with open(self.log, "a") as log:
            self.process = spawn([self.path, APPLICATION, "--name", "a1", "--conf-file", self.file("flume.conf"),
                                  "--no-reload-conf"], stdout=log, stderr=log, cwd=self.directory)
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if kind:
            note("---- end of Flume's log")
            note("\n".join(self.told().splitlines()[-40:]))
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM if not kind else signal.SIGKILL)
        self.process.wait(DEADLINE_S)
        shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self):
        check(self.process.poll() is None, "Flume ended by itself:\n" + self.told()[-2000:])
        self.process.kill()
        self.process.wait()

    def file(self, name):
        return os.path.join(self.directory, name)

    def append(self, name, lines):
        with open(self.file(name), "a") as file:
            file.write("".join(line + "\n" for line in lines))

    def told(self):
        with open(self.log, errors="replace") as log:
            return log.read()

    def wait_told(self, words, times=1):
        wait_until(lambda: len(re.findall(words, self.told())) >= times, DEADLINE_S, f"Flume's log has {words}")
