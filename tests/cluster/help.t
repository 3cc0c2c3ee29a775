#!/usr/bin/env python3
"""Each program of bin/, whatever it is: one shape of --help, --version, and how it ends without
arguments, with an option that is none, and when no broker answers."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import re
import socket
import subprocess
import tempfile
import threading

import tap
from cluster import Cluster
from node import BUILD, ROOT, SERVER, spawn
from tap import Skip, check, check_equal, note, test
from tool import MILLRACE
from wait import wait_until

DEADLINE_S = 120
BIN = os.path.join(ROOT, "bin")
NAMES = sorted(os.listdir(BIN))


def call(name, *arguments, text=""):
    """The program of the build that is tested, under its name in bin/."""
    path = os.path.join(BIN, name)
    program = os.path.basename(os.readlink(path)) if os.path.islink(path) else name
    return subprocess.run([name, *arguments], executable=os.path.join(BUILD, program), text=True,
                          input=text, capture_output=True, timeout=DEADLINE_S,
                          env={k: v for k, v in os.environ.items() if k != "MILLRACE_BOOTSTRAP"})


def until(word, name, *arguments):
    """What it says until the word stands there; it is ended then, since it goes on trying."""
    child = spawn([name, *arguments], executable=MILLRACE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                  stderr=subprocess.STDOUT, text=True)
    guard = threading.Timer(DEADLINE_S, child.kill)
    guard.start()
    told = ""
    for line in child.stdout:
        told += line
        if word in line:
            break
    guard.cancel()
    child.kill()
    child.communicate()
    return told


def is_missing(name):
    return "\nIt is not available: " in call(name, "--help").stdout


def each(check_one):
    check(len(NAMES) > 70, f"bin/ has {len(NAMES)} programs")
    for name in NAMES:
        check_one(name)


@test("--help has one shape: a sentence, the usage, the options; status 0, on stdout")
def shape():
    def one(name):
        helps = [call(name, option) for option in ("--help", "-help", "-h")]
        for done in helps:
            check_equal((done.returncode, done.stderr), (0, ""), f"status and stderr of {name} --help")
            check_equal(done.stdout, helps[0].stdout, f"{name} -h")
        lines = helps[0].stdout.splitlines()
        check(re.match(r"[A-Z].{10,}[.]$", lines[0]), f"{name} begins with {lines[0]!r}")
        check_equal(lines[1], "", f"the second line of {name}'s help")
        check(lines[2].startswith(f"Usage: {name} ") or lines[2] == f"Usage: {name}",
              f"{name} goes on with {lines[2]!r}")
        check(all(len(line) <= 100 for line in lines if not line.startswith(("Usage: ", "It is not available: "))),
              f"lines of {name}'s help are too long")
        for option in ("-h, --help", "-v, --version"):
            check(any(line.startswith(f"  {option} ") for line in lines), f"{option} is not in the help of {name}")
    each(one)


@test("millrace help TOOL: what the tool says with --help")
def help_of():
    def one(name):
        done, asked = call("millrace", "help", name), call(name, "--help").stdout
        own = done.stdout.splitlines()[2].split()[2:3]
        check_equal((done.returncode, done.stderr), (0, ""), f"status and stderr of millrace help {name}")
        check_equal(done.stdout.replace(f"Usage: millrace {own[0] if own else ''}".rstrip(), f"Usage: {name}", 1),
                    asked, f"millrace help {name}")
    for name in NAMES:
        if name not in ("millrace", "millrace-server"):
            one(name)
    done = call("millrace", "help", "nonsense")
    check(done.returncode == 1 and "there is no tool nonsense" in done.stderr, f"millrace help nonsense: {done}")


@test("a program that is not available says so in its help, and what to do instead")
def missing():
    def one(name):
        if not is_missing(name):
            return
        told = call(name, "--help").stdout.splitlines()[-1]
        check(re.match(r"It is not available: .{20,}: .{20,}\.$", told), f"{name} --help ends with {told!r}")
        for arguments in ((), ("--list",), ("--nonsense",)):
            done = call(name, *arguments)
            reason = told.removeprefix("It is not available: ").removesuffix(".")
            check_equal((done.returncode, done.stdout, done.stderr), (1, "", f"{name}: {reason}\n"),
                        f"{name} {arguments}")
    each(one)


@test("--version: the release, status 0")
def version():
    first = call("millrace", "--version").stdout
    check(re.match(r"\d+\.\d+\.\d+ \(Millrace\)\n$", first), f"the version is {first!r}")

    def one(name):
        for option in ("--version", "-v"):
            done = call(name, option)
            check_equal((done.returncode, done.stdout, done.stderr), (0, first, ""), f"{name} {option}")
    each(one)


@test("--format is an option of each program, or its help says why there is none; a form that is none is refused")
def forms():
    def one(name):
        if is_missing(name) or name in ("millrace", "millrace-server"):
            return
        text = call(name, "--help").stdout
        reason = re.search(r"^There is no --format: (.+)\.$", text, re.M)
        check(bool(reason) != bool(re.search(r"^  (-f, )?--format ", text, re.M)), f"the help of {name}: {text}")
        for arguments in (("--format", "xml"), ("--format=xml",)):
            done = call(name, *arguments)
            words = f"--format: {reason[1]}\n" if reason else "--format xml: write json"
            check_equal((done.returncode, done.stdout), (1, ""), f"{name} {arguments}")
            check(words in done.stderr and len(done.stderr.splitlines()) == 2, f"{name} {arguments}: {done.stderr}")
            check(not reason or reason[1] in re.sub(r"\\(.)", r"\1", page(name)), f"the page of {name}: {page(name)}")
    each(one)
    for name in ("kafka-verifiable-producer", "kafka-verifiable-consumer", "kafka-console-consumer"):
        done = call(name, "--format", "table", "--topic", "t")
        check(done.returncode == 1 and "so no table: give json" in done.stderr, f"{name}: {done}")


def page(name):
    return call("millrace", "man", name.removesuffix(".sh")).stdout


@test("an option that is none: status 1, one sentence with its name, and where the options are")
def unknown():
    def one(name):
        if is_missing(name) or call(name, "--help").stdout.startswith("Nothing: "):
            return  # what does nothing takes whatever old scripts give it
        done = call(name, "--nonsense-option", "x")
        lines = done.stderr.splitlines()
        check_equal((done.returncode, done.stdout), (1, ""), f"{name} --nonsense-option: {lines}")
        check(lines[0].startswith(f"{name}: ") and "--nonsense-option" in lines[0], f"{name} says {lines}")
        check(any("--help" in line for line in lines), f"{name} does not name --help: {lines}")
    each(one)


@test("without arguments: the usage on stderr and status 1, unless the usage says that none are needed")
def nothing():
    def one(name):
        usage = call(name, "--help").stdout.splitlines()[2].removeprefix(f"Usage: {name}")
        if is_missing(name) or re.fullmatch(r"( \[[^]]+\])*", usage):
            return
        done = call(name)
        check_equal((done.returncode, done.stdout), (1, ""), f"{name} without arguments")
        check("usage: " in done.stderr.lower(), f"{name} without arguments says {done.stderr!r}")
    each(one)


@test("no broker answers: status 1 and a sentence with the address, at once")
def unreachable():
    with socket.socket() as closed, tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        closed.bind(("127.0.0.1", 0))  # and nobody listens
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        file.write('{"partitions":[{"topic":"t","partition":0,"offset":0}]}')
        file.flush()

        def one(name):
            help_text = call(name, "--help").stdout
            if name.removesuffix(".sh") != name and name.removesuffix(".sh") in NAMES:
                return  # it is the same program
            if is_missing(name) or not re.search("^  -b, --bootstrap-server ", help_text, re.M):
                return
            wanted, *words = ARGUMENTS.get(name.removesuffix(".sh"), (1,))
            arguments = [file.name if word == "FILE" else word for word in words]
            if wanted is None:
                told = until(address, name, "--bootstrap-server", address, *arguments)
            else:
                done = call(name, "--bootstrap-server", address, *arguments, text="x\n")
                told = done.stdout + done.stderr
                check_equal(done.returncode, wanted, f"the status of {name}: {told}")
            check(address in told, f"{name} {arguments} says {told!r}")
            note(f"{name}: {told.strip().splitlines()[-1]}")
        each(one)


DIALS_ITSELF = """ip link set lo up && echo 40000 40001 >/proc/sys/net/ipv4/ip_local_port_range || exit 77
"$0" topics --list --bootstrap-server 127.0.0.1:40000
cat /proc/net/tcp"""


@test("a dial that reached itself by chance is refused, and does not keep the port from a listener")
def itself():
    done = subprocess.run(["unshare", "-rn", "sh", "-c", DIALS_ITSELF, MILLRACE], text=True, capture_output=True,
                          timeout=DEADLINE_S)
    if "local_address" not in done.stdout:
        raise Skip(f"a network of its own can't be made here: {done.stderr}")
    check("connection refused" in done.stderr, f"it says {done.stderr}")
    check(":9C40 " not in done.stdout, f"the port 40000 is in use: {done.stdout}")


def closing(word, *arguments, program=MILLRACE, name="kafka-topics.sh"):
    """The program, started by a shell that closes some of 0, 1 and 2."""
    script = f'exec -a {name} "$0" "$@" {word}'
    return spawn(["bash", "-c", script, program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                 stderr=subprocess.PIPE, text=True)


@test("without stdin, stdout or stderr: no file of the program's own takes their place")
def no_standard_files():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and nobody listens
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        for word in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            child = closing(word, "--list", "--bootstrap-server", address)
            said = child.communicate(timeout=DEADLINE_S)
            check_equal(child.returncode, 1, f"the status with {word}: {said}")
    with Cluster(1, start=False) as cluster:
        node = cluster.nodes[0]
        node.write_config()
        child = closing("<&- >&- 2>&-", node.config_file, program=SERVER, name=SERVER)

        def are_null():
            paths = [f"/proc/{child.pid}/fd/{number}" for number in range(4)]
            return all(map(os.path.lexists, paths)) and {os.readlink(path) for path in paths[:3]} == {"/dev/null"}
        wait_until(are_null, DEADLINE_S, "the server has /dev/null for 0, 1 and 2, and files of its own")
        child.kill()
        child.communicate()


# How a program ends, and what it needs to get as far as asking a broker. Kafka's kafka-consumer-groups
# ends well whatever the cluster says, as do those that read when nothing came in time. None: it goes
# on trying, as Kafka's does.
ARGUMENTS = {
    "zkServer": (1, "status"),
    "kafka-topics": (1, "--list"), "kafka-console-producer": (1, "--topic", "t", "--max-block-ms", "3000"),
    "kafka-console-consumer": (0, "--topic", "t", "--timeout-ms", "3000"),
    "kafka-client-metrics": (1, "--list"),
    "kafka-configs": (1, "--describe", "--topic", "t"), "kafka-consumer-groups": (0, "--list"),
    "kafka-groups": (1, "--list"), "kafka-metadata-quorum": (1, "describe", "--status"),
    "kafka-cluster": (1, "cluster-id"), "kafka-log-dirs": (1, "--describe"),
    "kafka-leader-election": (1, "--election-type", "preferred", "--all-topic-partitions"),
    "kafka-reassign-partitions": (1, "--list"),
    "kafka-features": (1, "describe"), "kafka-transactions": (1, "list"),
    "kafka-delete-records": (1, "--offset-json-file", "FILE"),
    "kafka-consumer-perf-test": (0, "--topic", "t", "--num-records", "1", "--timeout", "3000"),
    "kafka-producer-perf-test": (None, "--topic", "t", "--num-records", "1", "--record-size", "1", "--throughput", "1"),
    "kafka-e2e-latency": (None, "--topic", "t", "--num-records", "1", "--producer-acks", "1", "--record-size", "1"),
    "kafka-streams-application-reset": (1, "--application-id", "a", "--dry-run"),
    "kafka-verifiable-producer": (None, "--topic", "t"),
    "kafka-verifiable-consumer": (None, "--topic", "t", "--group-id", "g"),
}


tap.run()
