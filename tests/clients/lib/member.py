"""A client program of tests/clients as a child: what it said, by words (contract: README.md)."""
import os
import subprocess
import tempfile
import threading

from node import ROOT, spawn
from tap import Skip, check
from wait import wait_until

CLIENTS = os.path.join(ROOT, "build", "clients")


def program(name):
    """The path of the client's program. What the machine lacks for it is a Skip; a program that
    does not build although everything is there is a failure."""
    directory = os.path.join(CLIENTS, name)
    path = os.path.join(directory, "client")
    for file, outcome in (("lacks", Skip), ("broken", AssertionError)):
        reason = os.path.join(directory, file)
        if os.path.exists(reason):
            with open(reason) as text:
                raise outcome(text.read().strip().replace("\n", " | ")[-2000:])
    if not os.path.exists(path):
        raise Skip(f"{name} is not built here (make test-clients builds it)")
    return path


class Program:
    """One run of a client program; its stdout is read on a thread of its own."""

    def __init__(self, *arguments):
        self.arguments = arguments
        self.lines = []
        self._errors = tempfile.TemporaryFile("w+")
        self.child = spawn(arguments, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                           stderr=self._errors)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self._thread.join()
        self._errors.close()

    def _read(self):
        for line in self.child.stdout:
            words = line.split()
            if words:
                self.said(words)

    def said(self, words):
        self.lines.append(words)

    def of_kind(self, kind):
        return [words[1:] for words in list(self.lines) if words[0] == kind]

    def described(self):
        self._errors.seek(0)
        said = [" ".join(words) for words in self.lines if words[0] not in ("record", "ack")]
        return (f"{' '.join(self.arguments[-6:])}: status {self.child.poll()}, said {said[-12:]}, "
                f"on stderr {self._errors.read()[-3000:]}")

    def wait_end(self, deadline_s):
        wait_until(lambda: self.child.poll() is not None, deadline_s, "the client ends")
        self._thread.join()
        check(self.child.returncode == 0, f"the client failed: {self.described()}")

    def check_alive(self):
        check(self.child.poll() is None, f"the client ended: {self.described()}")


class Member(Program):
    """A member of a group: the records that it got, and the partitions that it owns."""

    def records(self):
        """[(partition, offset, key, value, header)]"""
        return [tuple(r) for r in self.of_kind("record") if len(r) == 5]

    def keys(self):
        return [r[2] for r in self.records()]

    def owned(self):
        said = self.of_kind("assigned")
        if not said or said[-1] == ["-"]:
            return set()
        return {int(p) for p in said[-1][0].split(",")}

    def leave(self, deadline_s):
        """Its stdin ends: it commits, leaves the group and ends well."""
        self.child.stdin.close()
        self.wait_end(deadline_s)
