"""kcat, put behind the contract: it does the work, this file translates what it says."""
import os
import re
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))

import contract

REBALANCED = re.compile(r"% Group \S+ rebalanced \(memberid [^)]*\): (assigned|revoked): ?(.*)")


def produce_one(servers, topic, codec, n):
    value = contract.value(n)
    done = subprocess.run(
        ["kcat", "-P", "-b", servers, "-t", topic, "-z", codec, "-K", "\t", "-Z", "-X", "acks=all",
         "-X", "message.timeout.ms=120000", "-H", f"n={n}"], text=True, capture_output=True,
        input=f"{contract.key(n).decode()}\t{value.decode() if value else ''}\n")
    if done.returncode != 0:
        sys.exit(f"error {n}: kcat ended with {done.returncode}: {done.stderr}")
    contract.say("ack", n)


def produce(servers, topic, codec, numbers):
    # One process for a record, because the header is an argument of the process.
    for n in numbers:
        produce_one(servers, topic, codec, n)


def show_assignments(stream):
    assignment = contract.Assignment()
    for line in stream:
        found = REBALANCED.search(line)
        if found:
            kept = found[2] if found[1] == "assigned" else ""
            assignment.show([int(p) for p in re.findall(r"\[(\d+)\]", kept)])
        else:
            contract.say("note", line.strip())


def consume(servers, topic, group, protocol, stdin):
    child = subprocess.Popen(
        ["kcat", "-b", servers, "-G", group, "-u", "-E", "-K", "\t", "-Z", "-f",
         "record %p %o %k %s %h\n", "-X", "auto.offset.reset=earliest", "-X", "check.crcs=true",
         "-X", "session.timeout.ms=6000", "-X", "heartbeat.interval.ms=500", "-X",
         "auto.commit.interval.ms=200", topic],
        text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    threading.Thread(target=show_assignments, args=(child.stderr,), daemon=True).start()
    threading.Thread(target=lambda: (stdin.join(), child.terminate()), daemon=True).start()
    for line in child.stdout:
        # The header is printed as n=VALUE, an absent value as NULL.
        words = [w.replace("n=", "", 1) if w.startswith("n=") else w for w in line.split()]
        contract.say(*["null" if w == "NULL" else w for w in words])
    if child.wait() != 0:
        sys.exit(f"error kcat ended with {child.returncode}")


contract.main(produce, consume)
