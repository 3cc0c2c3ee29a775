#!/usr/bin/env python3
"""The Debian package: what is in it, and its life from the installation to the purge."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import contextlib
import gzip
import hashlib
import pwd
import re
import shutil
import signal
import subprocess
import tempfile

import tap
import wire
from node import BUILD, ROOT, free_port, sanitized
from tap import Skip, check, check_equal, note, test
from tool import tool
from wait import wait_until

DEADLINE_S = 900  # of lintian and dpkg, which read all of the package
PLACES = ("/etc/millrace", "/etc/init.d/millrace", "/var/lib/millrace", "/var/log/millrace", "/usr/bin/millrace")
CONFIG = "/etc/millrace/server.properties"
_built = {}


def run(*arguments, code=0):
    done = subprocess.run(arguments, text=True, capture_output=True, timeout=DEADLINE_S, stdin=subprocess.DEVNULL,
                          env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"})
    if code is not None:
        check_equal(done.returncode, code, f"the status of {arguments} ({done.stdout}{done.stderr})")
    return done.stdout + done.stderr


def build(directory):
    return run(os.path.join(ROOT, "deploy", "make-deb.sh"), BUILD, directory).strip()


def package():
    """Built once."""
    for program in ("dpkg-deb", "dpkg-shlibdeps", "strip"):
        if not shutil.which(program):
            raise Skip(f"there is no {program}")
    if sanitized():
        raise Skip("a build under a sanitizer is not packaged")
    if not _built:
        _built["directory"] = tempfile.TemporaryDirectory(prefix="millrace-test-")
        _built["path"] = build(_built["directory"].name)
    return _built["path"]


@test("what the package has")
def content():
    path = package()
    lines = run("dpkg-deb", "-c", path).splitlines()
    files = {line.split()[5].lstrip("."): line.split()[:2] for line in lines}
    for name in ("/usr/bin/millrace", "/usr/bin/millrace-server", "/usr/bin/kafka-topics.sh", "/usr/bin/zkServer.sh",
                 "/etc/millrace/server.properties", "/etc/init.d/millrace", "/lib/systemd/system/millrace.service",
                 "/usr/share/man/man1/millrace.1.gz", "/usr/share/man/man1/kafka-topics.sh.1.gz",
                 "/usr/share/man/man1/kafka-topics.1.gz",
                 "/usr/share/man/man1/millrace-server.1.gz",
                 "/usr/share/bash-completion/completions/millrace-server",
                 "/usr/share/doc/millrace/copyright", "/usr/share/doc/millrace/changelog.gz",
                 "/usr/share/doc/millrace/examples/server2.properties", "/var/lib/millrace/", "/var/log/millrace/"):
        check(name in files, f"{name} is missing from {sorted(files)}")
    check(all(owner == "root/root" for _, owner in files.values()), "a file is not root's")
    check_equal((files["/etc/init.d/millrace"][0], files[CONFIG][0]), ("-rwxr-xr-x", "-rw-r--r--"), "the modes")
    check_equal(run("dpkg-deb", "-f", path, "Package").strip(), "millrace", "the name")
    depends = run("dpkg-deb", "-f", path, "Depends")
    check("libc6 (>= " in depends and "libuv1 (>= " in depends and "librdkafka1 (>= " in depends, depends)
    pages = {name.split("/")[-1] for name in files if name.startswith("/usr/share/man/man1/")}
    programs = {name.split("/")[-1] for name in files if name.startswith("/usr/bin/") and name[-1] != "/"}
    check_equal({name for name in programs if f"{name}.1.gz" not in pages}, set(), "programs without a page")
    conffiles = run("dpkg-deb", "-I", path, "conffiles").split()
    check_equal(sorted(conffiles), sorted(name for name in files if name.startswith("/etc/") and name[-1] != "/"),
                "the files of /etc that dpkg keeps")
    with tempfile.TemporaryDirectory() as directory:
        run("dpkg-deb", "-x", path, directory)
        for name in ("/lib/systemd/system/millrace.service", "/etc/init.d/millrace", CONFIG):
            with open(directory + name) as file:
                text = file.read()
            check(not re.search("@[A-Z]+@", text) and "/millrace" in text, f"{name} is {text}")
        check("\nlog.dirs=/var/lib/millrace\n" in text, text)
        with gzip.open(directory + "/usr/share/man/man1/kafka-topics.sh.1.gz", "rt") as file:
            check("replication" in file.read(), "the page of kafka-topics.sh is of something else")


@test("the same programs give the same package")
def reproducible():
    with open(package(), "rb") as file:
        first = hashlib.sha256(file.read()).hexdigest()
    with tempfile.TemporaryDirectory() as directory, open(build(directory), "rb") as file:
        check_equal(hashlib.sha256(file.read()).hexdigest(), first, "the sum of a second package")


@test("lintian has nothing to say")
def lintian():
    if not shutil.which("lintian"):
        raise Skip("there is no lintian")
    check_equal(run("lintian", "--fail-on", "error,warning", "--allow-root", package()), "", "what it says")


def check_clean():
    """The test changes the machine: only where nothing of it is there, and nobody's services run."""
    if os.getuid() != 0:
        raise Skip("only root can install a package")
    if os.path.exists("/run/systemd/system"):
        raise Skip("systemd runs here: this machine has services of its own")
    for path in PLACES:
        if os.path.exists(path):
            raise Skip(f"{path} is there: the test does not touch what it did not make")
    with contextlib.suppress(KeyError):
        pwd.getpwnam("millrace")
        raise Skip("there is a user millrace")
    if "install ok" in run("dpkg-query", "-W", "-f", "${Status}", "millrace", code=None):
        raise Skip("the package is installed")
    for need in ("init-system-helpers", "librdkafka1", "libraft2"):
        if "install ok installed" not in run("dpkg-query", "-W", "-f", "${Status}", need, code=None):
            raise Skip(f"the package {need} is not installed")


def servers():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline") as file:
            if file.read().split("\0")[:2] == ["/usr/bin/millrace-server", CONFIG]:
                found.append(int(pid))
    return found


def leave_nothing():
    for pid in servers():
        os.kill(pid, signal.SIGKILL)
    note(run("dpkg", "--purge", "--force-all", "millrace", code=None))
    for path in PLACES:
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.remove(path)
    run("userdel", "millrace", code=None)


@test("install, start, stop, upgrade, remove: the data stays; purge takes all of it")
def life():
    path = package()
    check_clean()
    port = free_port()
    address = f"127.0.0.1:{port}"
    os.makedirs("/etc/millrace")
    with open(CONFIG, "w") as file:  # the shipped one has a port that somebody may use
        file.write(f"broker.id=0\nlisteners=PLAINTEXT://{address}\nlog.dirs=/var/lib/millrace\n"
                   f"controller.quorum.bootstrap.servers=127.0.0.1:{port + 10000}\n")  # nobody else's quorum
    try:
        out = run("dpkg", "--force-confold", "-i", path, code=None)
        if "frontend lock was locked" in out:
            raise Skip("another process installs packages")
        check("Setting up millrace" in out, out)
        owner = os.stat("/var/lib/millrace")
        check_equal((pwd.getpwuid(owner.st_uid).pw_name, owner.st_mode & 0o777), ("millrace", 0o750), "the data")
        run("/etc/init.d/millrace", "start")
        wait_until(lambda: wire.metadata(port).brokers, DEADLINE_S, "it serves")
        pids = servers()
        check_equal([os.stat(f"/proc/{pid}").st_uid for pid in pids], [owner.st_uid], "who runs it")
        tool("kafka-topics.sh", "--create", "--topic", "kept", "--bootstrap-server", address)
        tool("kafka-console-producer.sh", "--bootstrap-server", address, "--topic", "kept", stdin="one\n")
        run("/etc/init.d/millrace", "restart")
        run("dpkg", "--force-confold", "-i", path)  # an upgrade
        run("/etc/init.d/millrace", "start")
        check(servers() and servers() != pids, f"{servers()} after {pids}")
        out = tool("kafka-console-consumer.sh", "--bootstrap-server", address, "--topic", "kept",
                   "--from-beginning", "--max-messages", "1").stdout
        check_equal(out, "one\n", "the record after a restart and an upgrade")
        run("/etc/init.d/millrace", "stop")
        check_equal(servers(), [], "what runs after a stop")
        run("/etc/init.d/millrace", "status", code=3)
        run("dpkg", "-r", "millrace")
        check(os.path.exists("/var/lib/millrace/kept-0") and os.path.exists(CONFIG), "data and settings are kept")
        check(not os.path.lexists("/usr/bin/kafka-topics.sh"), "a program is left")
        run("dpkg", "-P", "millrace")
        check_equal([place for place in PLACES if os.path.exists(place)], [], "what a purge leaves")
    finally:
        leave_nothing()


tap.run()
