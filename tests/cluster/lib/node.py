"""One Millrace daemon of a test: its settings file, its process, its log."""
import atexit
import ctypes
import os
import re
import signal
import socket
import subprocess

from wait import wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD") or "build")
SERVER = os.path.join(BUILD, "millrace-server")
LOG_LINES = 60  # of a node's log, printed when a test fails
STOP_DEADLINE_S = 120
SANITIZER_REPORT = re.compile(r"(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:).*")

SANITIZER_MEMORY = 4  # times as much: it pads what is allocated and keeps what is freed

_libc = ctypes.CDLL(None)
_children = set()
_PR_SET_PDEATHSIG = 1


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(arguments, **options):
    """subprocess.Popen of a child that never outlives this program."""
    child = subprocess.Popen(arguments, preexec_fn=_die_with_parent, **options)
    _children.add(child)
    return child


def sanitized():
    """The name of the sanitizer that the daemons were built with, or None."""
    with open(SERVER, "rb") as file:
        code = file.read()
    return next((name for name in ("asan", "tsan") if f"__{name}_init".encode() in code), None)


def memory_max(limit):
    """limit, in bytes, of this build's memory."""
    return limit * SANITIZER_MEMORY if sanitized() else limit


@atexit.register
def _kill_children():
    for child in _children:
        if child.poll() is None:
            child.kill()
            child.wait()


_ports_given = {}  # port -> the name that keeps it from other programs of tests, until this one ends


def _claim(port):
    """Whether no other program of tests has chosen that port: its node may not have bound it yet."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0millrace-test-port-{port}")
    except OSError:
        claim.close()
        return False
    _ports_given[port] = claim
    return True


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    """A port that is free like the one 10000 above it, where a node without voters has its
    controller. Both are below the range that the system hands out by itself, so that no client's own
    socket takes them between this look and the daemon's bind."""
    while True:
        port = 10000 + int.from_bytes(os.urandom(2), "big") % 12000
        pair = (port, port + 10000)
        if any(one in _ports_given for one in pair) or not all(map(_is_free, pair)) or not all(map(_claim, pair)):
            continue
        return port


class Node:
    def __init__(self, directory, node_id, settings):
        self.id = node_id
        self.directory = directory
        self.port = free_port()
        self.process = None
        self.limits = []  # of prlimit(1): "--nofile=256"
        self.log_file = os.path.join(directory, f"server{node_id}.log")
        self.config_file = os.path.join(directory, f"server{node_id}.properties")
        self.log_dir = os.path.join(directory, f"data{node_id}")
        self.settings = {
            "broker.id": node_id,
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "log.dirs": self.log_dir,
            # A cluster of its own: it does not look for one that somebody runs on this machine.
            "controller.quorum.bootstrap.servers": "",
            **settings,
        }

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def write_config(self):
        with open(self.config_file, "w") as file:
            for key, value in self.settings.items():
                if value is not None:
                    file.write(f"{key}={value}\n")

    def start(self, *arguments):
        assert not self.running(), f"node {self.id} runs already"
        self.write_config()
        with open(self.log_file, "ab") as log:
            limited = ["prlimit", *self.limits] if self.limits else []
            self.process = spawn([*limited, SERVER, self.config_file, *arguments],
                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9, and the process is gone when this returns."""
        self.process.kill()
        self.process.wait()

    def wait_exit(self, deadline_s=STOP_DEADLINE_S):
        """The exit status."""
        wait_until(lambda: not self.running(), deadline_s, f"node {self.id} ends")
        return self.process.returncode

    def log_text(self):
        if not os.path.exists(self.log_file):
            return ""
        with open(self.log_file, errors="replace") as file:
            return file.read()

    def log_end(self):
        return "\n".join(self.log_text().splitlines()[-LOG_LINES:])

    def sanitizer_report(self):
        """The first report of a sanitizer in the log with what follows it, or None."""
        text = self.log_text()
        found = SANITIZER_REPORT.search(text)
        return text[found.start():found.start() + 6000] if found else None

    def rss_bytes(self):
        with open(f"/proc/{self.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
