#!/usr/bin/env python3
"""millrace service: the unit and the script of SysV's init, put into a root of the test's own, and
what a node tells the service manager."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import contextlib
import json
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import tap
import wire
from cluster import Cluster
from node import BUILD, free_port
from tap import Skip, check, check_equal, note, test
from tool import tool
from wait import wait_until

DEADLINE_S = 300  # its scripts look through every process of the machine
USER = pwd.getpwuid(os.getuid()).pw_name
UNIT, SCRIPT = "/etc/systemd/system/millrace.service", "/etc/init.d/millrace"


class Root:
    """A directory that stands for /: its programs are links to those of the build. What the files
    name is found from / too, since the first folder of its path is a link in it."""

    def __enter__(self):
        if os.path.realpath(BUILD).startswith(("/tmp/", "/var/tmp/")):
            raise Skip("this tree is in /tmp, which a service with a /tmp of its own does not see")
        self.directory = tempfile.mkdtemp(prefix="test-service-", dir=BUILD)
        self.root = os.path.join(self.directory, "root")
        os.makedirs(self.root + "/etc")
        first = self.directory.split("/")[1]
        os.symlink("/" + first, os.path.join(self.root, first))
        with open(self.root + "/etc/passwd", "w") as file:
            file.write(f"{USER}:x:{os.getuid()}:{os.getgid()}::/:/bin/sh\n")
        self.prefix = os.path.join(self.directory, "usr")
        os.makedirs(self.directory + "/usr-1/bin")
        os.symlink("usr-1", self.prefix)  # as /opt/millrace may point to a version of it
        for name in ("millrace", "millrace-server"):
            os.link(os.path.join(BUILD, name), f"{self.prefix}/bin/{name}")
        self.port = free_port()
        self.data = os.path.join(self.directory, "data")
        self.config = os.path.join(self.directory, "server.properties")
        self.write_config(self.data)
        return self

    def write_config(self, data):
        with open(self.config, "w") as file:
            file.write(f"broker.id=0\nlisteners=PLAINTEXT://127.0.0.1:{self.port}\nlog.dirs={data}\n")

    def __exit__(self, kind, value, trace):
        if os.path.exists(self.root + SCRIPT):
            self.script("stop", code=None)
        if kind and os.path.exists(self.directory + "/log/server.log"):
            with open(self.directory + "/log/server.log") as file:
                note(file.read())
        shutil.rmtree(self.directory)

    def log(self):
        with open(self.directory + "/log/server.log") as file:
            return file.read()

    def service(self, *arguments, code=0):
        done = tool("millrace", "service", *arguments, "--root", self.root, check_status=False)
        check_equal(done.returncode, code, f"the status of {arguments} ({done.stdout}{done.stderr})")
        return done.stdout + done.stderr

    def install(self, code=0, **options):
        options = {"prefix": self.prefix, "user": USER, "config": self.config, **options}
        return self.service("install", *(f"--{key}={value}" for key, value in options.items()), code=code)

    def script(self, action, code=0):
        done = subprocess.run([self.root + SCRIPT, action], text=True, capture_output=True, timeout=DEADLINE_S,
                              env={**os.environ, "MILLRACE_LOG_DIR": self.directory + "/log"})
        if code is not None:
            check_equal(done.returncode, code, f"the status of {action} ({done.stdout}{done.stderr})")
        return done.stdout + done.stderr

    def state(self, code):
        """What status tells programs."""
        told = json.loads(self.service("status", "--format", "json", code=code))
        check_equal(list(told), ["service", "installed", "system", "state", "pid", "enabled"], "the names")
        return told["installed"], told["system"], told["state"], told["pid"]

    def read(self, path):
        with open(self.root + path) as file:
            return file.read()


@test("install puts unit and script in place, filled in; remove takes them away and keeps the data")
def files():
    with Root() as root:
        check("no service is installed" in root.service("status", code=4), "status before")
        check_equal(root.state(4), (False, None, None, None), "the same for programs")
        root.install()
        unit, script = root.read(UNIT), root.read(SCRIPT)
        for line in (f"ExecStart={root.prefix}/bin/millrace-server {root.config}", f"User={USER}", "Type=notify",
                     f"ReadWritePaths={root.data}", "WatchdogSec=30", "ProtectSystem=strict"):
            check(f"\n{line}\n" in unit, f"{line} is not in {unit}")
        check(not re.search("@[A-Z]+@", unit + script), "a word was not filled in")
        check(os.access(root.root + SCRIPT, os.X_OK) and os.path.isdir(root.data), "script and data")
        check_equal(os.readlink(root.root + "/etc/systemd/system/multi-user.target.wants/millrace.service"), UNIT,
                    "what the unit is enabled by")
        for word in ("# chkconfig: 2345 80 20\n", "### BEGIN INIT INFO\n", "# Provides:          millrace\n",
                     "# Default-Start:     2 3 4 5\n", "### END INIT INFO\n"):
            check(word in script, f"{word!r} is not in the script")
        root.install()  # again: an upgrade
        root.service("remove")
        left = [name for _, _, names in os.walk(root.root + "/etc") for name in names]
        check(left == ["passwd"] and os.path.isdir(root.data), f"left: {left}")
        check("no service is installed" in root.service("remove", code=1), "a second remove")


@test("systemd takes the unit as it is")
def verify():
    if not shutil.which("systemd-analyze"):
        raise Skip("there is no systemd-analyze")
    with Root() as root:
        root.install()
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", root.root + UNIT], text=True,
                              capture_output=True, timeout=DEADLINE_S)
        check_equal([line for line in (done.stdout + done.stderr).splitlines() if "millrace" in line], [],
                    "what systemd says of it")


@test("the script: start, status, restart, stop, each twice, with the data kept")
def script():
    with Root() as root:
        root.install()
        check_equal(root.script("status", code=3), "millrace is not running\n", "status before")
        check_equal(root.state(3), (True, "sysv", "stopped", None), "the same for programs")
        check("is not running" in root.script("stop"), "stop before")
        root.script("start")
        wait_until(lambda: wire.metadata(root.port).brokers, DEADLINE_S, "it serves")
        address = f"127.0.0.1:{root.port}"
        tool("kafka-topics.sh", "--create", "--topic", "kept", "--bootstrap-server", address)
        pid = re.search(r"running \(pid (\d+)\)", root.service("status"))[1]
        check_equal(root.state(0), (True, "sysv", "running", int(pid)), "the same for programs")
        check(f"running already (pid {pid})" in root.script("start"), "a second start")
        with open(root.config, "a") as file:
            file.write("message.max.bytes=4000\n")
        root.script("reload")
        wait_until(lambda: "these changed: message.max.bytes" in root.log(), DEADLINE_S, "the settings are read again")
        check(f"(pid {pid})" in root.script("status"), "after a reload")
        root.script("restart")
        check(f"(pid {pid})" not in root.script("status"), "after a restart")
        wait_until(lambda: "kept" in wire.metadata(root.port).topics, DEADLINE_S, "the topic is there again")
        root.script("stop")
        root.script("status", code=3)
        root.script("try-restart")
        root.script("status", code=3)
        check("Usage: " in root.script("begin", code=2), "another word")
        root.script("start")
        root.service("remove")  # which stops it
        check(not [pid for pid in filter(str.isdigit, os.listdir("/proc")) if started(pid, root.config)],
              "it still runs")


def started(pid, config):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline") as file:
        return config in file.read().split("\0")
    return False


@test("the script finds a node with an agent inside, which is another program")
def with_agent():
    with Root() as root:
        with open(root.config, "a") as file:
            file.write(f"agent.conf.file={root.directory}/absent.conf\n")  # which stops nothing
        root.install()
        root.script("start")
        pid = re.search(r"running \(pid (\d+)\)", root.script("status"))[1]
        wait_until(lambda: "serving" in root.log(), DEADLINE_S, "it serves")
        check_equal(os.readlink(f"/proc/{pid}/exe"), os.path.realpath(root.prefix) + "/bin/millrace", "the program")
        check_equal(root.state(0)[2:], ("running", int(pid)), "the state for programs")
        check_equal(root.script("stop"), "millrace is stopped\n", "stop")
        wait_until(lambda: not started(pid, root.config), DEADLINE_S, "it is gone")
        root.script("status", code=3)


@test("a start that fails says why")
def bad_start():
    with Root() as root:
        root.install()
        with open(root.config, "a") as file:
            file.write("num.partitions=none\n")
        check("num.partitions" in root.script("start", code=1), "a setting that is wrong")
        os.remove(root.config)
        check(f"{root.config} is not there" in root.script("start", code=5), "no settings")


@test("what can't be installed is one sentence, and nothing is written")
def errors():
    with Root() as root:
        for options, pattern in (({"user": "nobody-here"}, "there is no user nobody-here .*useradd --system"),
                                 ({"config": "server.properties"}, "write the whole path"),
                                 ({"config": "/etc/a b"}, "letters, digits"),
                                 ({"config": root.directory + "/none"}, "can't be read .*--config"),
                                 ({"prefix": root.directory}, "bin/millrace-server is not there: make install"),
                                 ({"prefix": "usr"}, "write the whole path")):
            check(re.search(pattern, root.install(code=1, **options)), f"{options}")
        for data in ("/tmp/kafka-logs", "/var/tmp/x", ""):
            root.write_config(data or "/tmp/other")
            check("such as /var/lib/millrace" in root.install(code=1), f"log.dirs={data}")
        for arguments, pattern in ((("begin",), "the commands are install, remove, status"),
                                   (("remove", "--user", "x"), "--user does not go with remove")):
            check(pattern in root.service(*arguments, code=1), f"{arguments}")
        check_equal(os.listdir(root.root + "/etc"), ["passwd"], "what is in /etc")
        os.makedirs(root.root + "/etc/init.d")
        with open(root.root + SCRIPT, "w") as file:
            file.write("#!/bin/sh\n")
        root.write_config(root.data)
        check("was not written by this tool" in root.install(code=1), "a script of somebody else")
        check_equal(root.read(SCRIPT), "#!/bin/sh\n", "that script")
        os.remove(root.root + SCRIPT)


@test("a node tells the service manager: ready, serving, alive, stopping")
def notify():
    for abstract in (False, True):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, tempfile.TemporaryDirectory() as tmp:
            name = f"millrace-test-{os.getpid()}" if abstract else os.path.join(tmp, "notify")
            manager.bind("\0" + name if abstract else name)
            manager.settimeout(DEADLINE_S)
            os.environ.update(NOTIFY_SOCKET="@" + name if abstract else name, WATCHDOG_USEC="40000")
            try:
                with Cluster(1) as cluster:
                    said = []
                    while said.count("WATCHDOG=1") < 10 or "STATUS=serving" not in said:
                        said += manager.recv(1000).decode().split("\n")
                    check_equal(said[0], "READY=1", "the first word")
                    cluster.nodes[0].signal(signal.SIGTERM)
                    while "STOPPING=1" not in said:
                        said += manager.recv(1000).decode().split("\n")
                    check_equal(cluster.nodes[0].wait_exit(), 0, "the exit status")
            finally:
                del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]


tap.run()
