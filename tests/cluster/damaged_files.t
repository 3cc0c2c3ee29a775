#!/usr/bin/env python3
"""Every file of a node, damaged in every way, after a clean stop and after a kill: the node serves all
records unchanged, or refuses, or keeps the partition offline, with one sentence that names the file or its
folder and says what to do. Nothing is deleted, and no partition begins again.

A node alone, so that nothing can be fetched from another one. The damages are a table, the files are
whatever the node wrote; each case starts a node on a copy of the same directory."""
import concurrent.futures
import os
import random
import re
import shutil
import signal
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
import wire
from cluster import Cluster
from load import PRODUCER, Producer
from node import Node
from segments import batches, parse_batches
from tap import check, note, test
from wait import wait_until

TOPIC = "books"
RECORDS = 24
FOLDER = f"{TOPIC}-0"
WORKERS = 6
DEADLINE_S = float(os.environ.get("DEADLINE", 120))
OFFSET_OUT_OF_RANGE, KAFKA_STORAGE_ERROR = 1, 56
CRC_AT = 17  # in a batch
LAST_OFFSET_DELTA_AT = 23
TOLD = {  # outcome -> words of the log
    "offline": "is not served", "unopened": "could not open", "set aside": "it is kept, set aside",
}
REMEDY = re.compile(r"\b(restored?|remove|move .*away|set \S+ to|fetched again|bring|made anew)\b", re.IGNORECASE)



def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


# ---- damages ----


def rewritten(change):
    def damage(path, size):
        with open(path, "rb") as file:
            data = file.read()
        with open(path, "wb") as file:
            file.write(change(bytearray(data), size))
    return damage


def flip(data, size):
    if size:
        data[size // 2] ^= 1
    return data


def to_folder(path, size):
    os.remove(path)
    os.mkdir(path)


def to_pipe(path, size):
    os.remove(path)
    os.mkfifo(path)


DAMAGES = {
    "emptied": rewritten(lambda data, size: b""),
    "cut in half": rewritten(lambda data, size: data[:size // 2]),
    "cut by one byte": rewritten(lambda data, size: data[:-1]),
    "zeroed": rewritten(lambda data, size: bytes(size)),
    "overwritten": rewritten(lambda data, size: random.Random(size).randbytes(size)),
    "flipped": rewritten(flip),
    "doubled": rewritten(lambda data, size: data + data),
    "a folder": to_folder,
    "a pipe": to_pipe,
    "missing": lambda path, size: os.remove(path),
}


def files_of(root):
    """The files of a stopped node by their paths, of the segments the first, a middle one, the last."""
    found, families = [], {}
    for folder, _, names in os.walk(root):
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), root)
            if re.match(r"\d{20}\.", name):
                families.setdefault((folder, name[20:]), []).append(path)
            else:
                found.append(path)
    for paths in families.values():
        found += sorted({paths[0], paths[len(paths) // 2], paths[-1]})
    return sorted(found)


# ---- what a case may end in ----


class Case:
    def __init__(self, base, path, damage):
        self.base, self.path, self.damage = base, path, damage
        self.name = f"{path} {damage} after a {base.name}"

    def apply(self, root):
        target = os.path.join(root, self.path)
        DAMAGES[self.damage](target, os.path.getsize(target))

    def is_torn_metadata(self):
        return "controller/log" in self.path and self.base.name == "kill"


def named(lines, case):
    """The first line that names the damaged file, or its folder, and says what to do."""
    names = [os.path.basename(case.path), os.path.dirname(case.path) or case.path]
    return next((line for line in lines if any(name in line for name in names) and REMEDY.search(line)), None)


def is_kept(content, root):
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                if file.read(len(content)) == content:
                    return True
    return False


def read_through(port):
    """(high watermark, bytes, error where it ends) of what the node serves from offset 0 on, or None
    while it does not serve the partition."""
    if wire.metadata(port).topics.get(TOPIC, {}).get(0, (-1,))[0] < 0:
        return None
    error, high, data = wire.fetch(port, TOPIC, 0)
    if error and error not in (OFFSET_OUT_OF_RANGE, KAFKA_STORAGE_ERROR):
        return None
    whole = data
    while data and not error:  # an answer ends with its segment
        base, last = parse_batches(data)[-1]
        offset = base + struct.unpack_from(">i", last, LAST_OFFSET_DELTA_AT)[0] + 1
        error, _, data = wire.fetch(port, TOPIC, offset)
        whole += data
    return high, whole, error


def look(node):
    """(outcome, what is served) once it is clear."""
    if not node.running():
        return "refused", None
    for outcome, words in TOLD.items():
        if words in node.log_text():
            return outcome, None
    try:
        served = read_through(node.port)
    except OSError:
        return None
    return ("served", served) if served else None


def is_told_apart(got, expected):
    """Whether a client takes nothing wrong for right: all batches are there, and no checksum fits one that
    is not as it was."""
    pairs = list(zip(parse_batches(got), parse_batches(expected)))
    return len(got) == len(expected) and all(
        mine == right or crc32c(mine[1][CRC_AT + 4:]) != struct.unpack_from(">I", mine[1], CRC_AT)[0]
        for mine, right in pairs)


def judge_served(case, served, told):
    high, data, error = served
    whole = case.base.bytes
    wrong = f"served {len(data)} of {len(whole)} bytes, up to {high} of {RECORDS}, then error {error}"
    if not error and high == RECORDS and data == whole:
        return None
    if not error and high == RECORDS and case.damage == "flipped" and is_told_apart(data, whole):
        return None
    # The rest is served as far as it is whole, and the log says what is missing.
    if told and (error == KAFKA_STORAGE_ERROR and whole.startswith(data) or error == OFFSET_OUT_OF_RANGE):
        return None
    return wrong


def judge(case, node):
    """None, or what is wrong."""
    outcome, served = wait_until(lambda: look(node), DEADLINE_S, "it serves, refuses or tells")
    told = named(node.log_text().splitlines(), case)
    if outcome == "served":
        return judge_served(case, served, told)
    if outcome == "refused" and node.process.returncode <= 0:
        return f"ended with status {node.process.returncode}"
    if outcome == "set aside":  # the controller forgot it: the last that it wrote, in a crash
        return None if case.is_torn_metadata() else "the topic is forgotten"
    return None if told else f"{outcome}, and no line names the file and what to do"


def lost_bytes(case, root):
    for path in case.base.logs:
        if path == case.path:
            continue
        if not is_kept(case.base.content[path], root):
            return path
    return None


# ---- running them ----


class Base:
    """The directory of a node that was stopped, or killed."""

    def __init__(self, name, root):
        self.name, self.root = name, root
        self.files = files_of(root)
        self.logs = sorted(os.path.relpath(os.path.join(root, FOLDER, n), root)
                           for n in os.listdir(os.path.join(root, FOLDER)) if n.endswith(".log"))
        self.content = {}
        for path in self.logs:
            with open(os.path.join(root, path), "rb") as file:
                self.content[path] = file.read()
        self.bytes = b"".join(data for _, data in batches(os.path.join(root, FOLDER)))

    def cases(self):
        return [Case(self, path, damage) for path in self.files for damage in DAMAGES]


def is_checkpointed(node):
    with open(os.path.join(node.log_dir, "replication-offset-checkpoint")) as file:
        return f"{TOPIC} 0 {RECORDS}" in file.read().splitlines()


def write_base(cluster, how):
    node = cluster.nodes[0]
    cluster.create_topic(TOPIC, internal_segment_bytes=400, index_interval_bytes=100)
    acked = []
    producer = Producer({**PRODUCER, "bootstrap.servers": cluster.bootstrap})
    for i in range(RECORDS):  # each in a batch of its own
        producer.produce(TOPIC, value=f"{i:03}" * 20, partition=0,
                         on_delivery=lambda error, message: acked.append((error, message.offset())))
        producer.flush()
    check(acked == [(None, i) for i in range(RECORDS)], f"acknowledged: {acked}")
    if how == "clean stop":
        node.signal(signal.SIGTERM)
        check(node.wait_exit() == 0, "the stop failed")
    else:
        wait_until(lambda: is_checkpointed(node), DEADLINE_S, "the high watermark is in its checkpoint")
        node.kill()
    return Base(how, node.log_dir)


def run_case(case, node, root):
    shutil.rmtree(node.log_dir, ignore_errors=True)
    shutil.copytree(case.base.root, node.log_dir)
    if os.path.exists(node.log_file):
        os.remove(node.log_file)
    case.apply(node.log_dir)
    node.start()
    try:
        wrong = judge(case, node)
    except AssertionError as error:
        wrong = str(error)
    if node.running():
        node.kill()
    gone = lost_bytes(case, node.log_dir)
    if gone:
        wrong = f"{wrong or 'all served'}; the bytes of {gone} are gone"
    return (case, wrong, node.log_end()) if wrong else None


def run_all(cases):
    """The cases that went wrong: (case, what, log)."""
    root = tempfile.mkdtemp(prefix="millrace-test-")
    wrong = []

    def work(number):
        folder = os.path.join(root, str(number))
        os.mkdir(folder)
        node = Node(folder, 0, {})
        return [w for w in (run_case(case, node, folder) for case in cases[number::WORKERS]) if w]
    try:
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            for found in pool.map(work, range(WORKERS)):
                wrong += found
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return wrong


def table(how):
    with Cluster(1) as cluster:
        base = write_base(cluster, how)
        note(f"{len(base.files)} files, {len(base.logs)} segments")
        check(len(base.logs) > 3, "too few segments")
        cases = [case for case in base.cases() if re.search(os.environ.get("CASES", ""), case.name)]
        wrong = run_all(cases)
        for case, what, log in wrong:
            note(f"{case.name}: {what}")
            if os.environ.get("CASES"):
                note(log)
        check(not wrong, f"{len(wrong)} of {len(cases)} cases went wrong")
        note(f"{len(cases)} cases")


@test("after a clean stop")
def clean():
    table("clean stop")


@test("after a kill")
def killed():
    table("kill")


tap.run()
