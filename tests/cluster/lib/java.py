"""The Java client of tests/clients/java-2.1, as a child that is driven over its pipes."""
import os
import subprocess
import threading

from node import BUILD, ROOT, spawn
from tap import Skip, check
from wait import wait_until

DIRECTORY = os.path.join(ROOT, "build", "clients", "java-2.1")


def command(*arguments):
    if not os.path.exists(os.path.join(DIRECTORY, "classes", "Client.class")):
        raise Skip("the Java 2.1.0 client is not built here: it needs Maven and a JDK (make clients says why)")
    return ["java", "-Xmx256m", "-cp", os.path.join(DIRECTORY, "classes") + ":" +
            os.path.join(DIRECTORY, "lib", "*"), "Client", *arguments]


def java(*arguments, deadline_s=120):
    """Runs the client to its end; its stdout."""
    done = subprocess.run(command(*arguments), text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=deadline_s)
    check(done.returncode == 0, f"the Java client {arguments} ended with status "
          f"{done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


class JavaLoad:
    """The same contract as load.Load, with the Java producer."""

    def __init__(self, bootstrap, topic):
        self.acked = {}
        self.errors = []
        self._arguments = command("load", bootstrap, topic)

    def __enter__(self):
        self._child = spawn(self._arguments, text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self.wait_acks(100)
        return self

    def __exit__(self, kind, value, trace):
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()

    def _read(self):
        for line in self._child.stdout:
            words = line.split(None, 2)
            if words[0] == "ack":
                self.acked[int(words[1])] = int(words[2])
            else:
                self.errors.append(line.strip())

    def wait_acks(self, more, deadline_s=120):
        goal = len(self.acked) + more
        wait_until(lambda: len(self.acked) >= goal or self.errors, deadline_s,
                   f"{more} more records are acknowledged")
        check(not self.errors, f"the producer failed: {self.errors[:3]}")

    def stop(self):
        self._child.stdin.close()
        self._child.wait(timeout=150)
        self._thread.join()
        check(not self.errors, f"the producer failed: {self.errors[:3]}")
        check(self._child.returncode == 0, f"the producer ended with {self._child.returncode}")
