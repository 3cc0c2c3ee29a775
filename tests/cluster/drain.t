#!/usr/bin/env python3
"""Brokers that are drained, balanced and taken out under load: nothing is lost whoever is killed
meanwhile, what was stopped goes on, and what can't be is refused before anything moves."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import json
import pty
import signal
import subprocess
import threading

import reassign
import tap
import wire
from cluster import Cluster
from load import Load, check_records, read_all, write_some
from node import Node, free_port, spawn
from segments import check_replicas_equal
from tap import check, check_equal, note, test
from tool import MILLRACE, tool
from wait import wait_until

DEADLINE_S = 120
RECORDS = 300  # acknowledged between two steps
SLOW, FAST = "2000", "1000000000"  # bytes a second: the load writes more than the first
THROTTLED = "throttled"  # in the name of each setting of a throttle
SIGINT_STATUS = 128 + signal.SIGINT


def millrace(cluster, *arguments, status=0, at=None):
    """What the tool prints: (stdout, stderr)."""
    done = tool("millrace", *arguments, "--bootstrap-server", at or cluster.running()[0].address, check_status=False)
    check_equal(done.returncode, status, f"the status of {arguments}: {done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def plan(cluster, *arguments):
    return json.loads(millrace(cluster, *arguments, "--plan", "--format", "json")[0])


class Running:
    """A tool that works until it is done, or killed; wait() gives its status and what it printed. With
    `terminal` that is a terminal."""

    def __init__(self, cluster, *arguments, terminal=False):
        self.told = ""
        self.reads, writes = pty.openpty() if terminal else os.pipe()
        self.child = spawn(["millrace", *arguments, "--bootstrap-server", cluster.running()[0].address],
                           executable=MILLRACE, stdin=subprocess.DEVNULL, stdout=writes, stderr=writes)
        os.close(writes)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            while some := os.read(self.reads, 4096):
                self.told += some.decode()
        except OSError:  # a terminal whose other side is closed
            pass
        os.close(self.reads)

    def wait_word(self, word):
        wait_until(lambda: word in self.told or self.child.poll() is not None, DEADLINE_S, f"it says {word}")
        check(word in self.told, f"it says {self.told!r}, not {word!r}")

    def end(self, number):
        self.child.send_signal(number)
        return self.wait()

    def wait(self):
        wait_until(lambda: self.child.poll() is not None, DEADLINE_S, f"the tool ends; it says {self.told!r}")
        self.thread.join()
        return self.child.returncode


def assign(cluster, topic, *partitions):
    """A topic with these replicas, in sync."""
    tool("kafka-topics.sh", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", topic,
         "--replica-assignment", ",".join(":".join(map(str, replicas)) for replicas in partitions))
    wait_until(lambda: all(topic in wire.metadata(n.port).topics for n in cluster.running()), DEADLINE_S,
               f"every node knows {topic}")
    cluster.wait_isr_whole(topic)


def partitions(cluster):
    """{(topic, partition): (leader, replicas, isr)} as the first node knows them."""
    known = wire.metadata(cluster.running()[0].port).topics
    return {(topic, index): found for topic, rows in known.items() for index, found in rows.items()}


def counts(cluster, which):
    """How many partitions each broker has, or leads."""
    held = {broker: 0 for broker in (-1, *(node.id for node in cluster.nodes))}
    for found in partitions(cluster).values():
        for broker in which(found):
            held[broker] += 1
    del held[-1]
    return held


def wait_whole(cluster):
    def look():
        return all(leader >= 0 and sorted(replicas) == sorted(isr)
                   for leader, replicas, isr in partitions(cluster).values())
    wait_until(look, DEADLINE_S, "every partition has a leader and all replicas in sync")


def wait_gone(cluster, broker):
    """The broker that is asked may hear of the last move after the tool that made it."""
    wait_until(lambda: not any(broker in (leader, *replicas, *isr)
                               for leader, replicas, isr in partitions(cluster).values()), DEADLINE_S,
               f"nothing is on {broker}")


def wait_no_throttle(cluster):
    def look():
        return not any(THROTTLED in tool("kafka-configs.sh", "--bootstrap-server", cluster.bootstrap, "--describe",
                                         *entities).stdout
                       for entities in (("--entity-type", "topics"), ("--entity-type", "brokers")))
    wait_until(look, DEADLINE_S, "no throttle is left")


def wait_moves(cluster):
    return wait_until(lambda: reassign.moves(cluster.running()[0].port), DEADLINE_S, "something is being moved")


def fill(cluster, topic, acks=RECORDS):
    return write_some(cluster.bootstrap, topic, acks)


@test("a broker is drained under load; the tool and a broker are killed meanwhile; it goes on, and the broker stops")
def killed_and_resumed():
    with Cluster(4) as cluster:
        assign(cluster, "load", (3, 0, 1))
        assign(cluster, "other", *[((i + 3) % 4, i % 4, (i + 1) % 4) for i in range(8)])
        others = fill(cluster, "other")
        with Load(cluster.bootstrap, "load") as load:
            load.wait_acks(RECORDS)
            slow = Running(cluster, "drain", "3", "--throttle", SLOW, "--at-once", "2")
            wait_moves(cluster)
            slow.wait_word(" left, ")
            slow.end(signal.SIGKILL)
            check(wait_moves(cluster), "the moves go on without the tool")
            shown = plan(cluster, "drain", "3")["partitions"]
            check(any(row["topic"] == "load" and row["underWay"] for row in shown), f"not waited for: {shown}")
            cluster.nodes[2].kill()
            load.wait_acks(RECORDS)
            cluster.nodes[2].start()
            cluster.wait_serving()
            resumed = Running(cluster, "drain", "3", "--throttle", FAST)
            check_equal(resumed.wait(), 0, f"the status of the second call: {resumed.told}")
            note(resumed.told.splitlines()[-1])
            check("Broker 3 is drained" in resumed.told, resumed.told)
            wait_gone(cluster, 3)
            wait_no_throttle(cluster)
            load.wait_acks(RECORDS)
            wait_whole(cluster)
            cluster.nodes[3].signal(signal.SIGTERM)
            check_equal(cluster.nodes[3].wait_exit(), 0, "the status of the drained broker")
            load.wait_acks(RECORDS)
            load.stop()
        wait_whole(cluster)
        records = read_all(cluster.bootstrap, "load")
        check_records(records, load.acked)
        check_records(read_all(cluster.bootstrap, "other"), others.acked)
        folders = [os.path.join(cluster.nodes[i].log_dir, "load-0") for i in range(3)]
        check_replicas_equal(folders, records[-1][0] + 1)
        held = counts(cluster, lambda found: found[1])
        check(max(held[i] for i in range(3)) - min(held[i] for i in range(3)) <= 1, f"uneven: {held}")
        cluster.nodes[3].start()  # its directories may stay: it has nothing any more
        cluster.wait_serving()


@test("a drain that is stopped by Ctrl-C says how to go on, and --cancel gives the replicas back")
def stopped():
    with Cluster(4, start=False) as cluster:
        for node in cluster.nodes:
            node.settings["broker.rack"] = "ab"[node.id // 2]
        cluster.start()
        assign(cluster, "load", (3, 0, 1))
        assign(cluster, "small", (3, 1), (1, 3), (0, 3), (0, 1))
        assign(cluster, "heavy", *[(2,)] * 8)  # without racks it would be given nothing
        with Load(cluster.bootstrap, "load") as load:
            load.wait_acks(RECORDS)
            shown = plan(cluster, "drain", "3")
            check_equal(sorted((row["topic"], row["partition"]) for row in shown["partitions"]),
                        [("load", 0), ("small", 0), ("small", 1), ("small", 2)], "the plan's partitions")
            check(all(2 in row["target"] for row in shown["partitions"]), f"all stay on two racks: {shown}")
            anyhow = plan(cluster, "drain", "3", "--disable-rack-aware")
            check(not all(2 in row["target"] for row in anyhow["partitions"]), f"without racks: {anyhow}")
            told = millrace(cluster, "drain", "3", "--exclude", "2", status=1)[1]
            check("load-0 has 3 replicas" in told, told)
            check(not reassign.moves(cluster.nodes[0].port), "--plan moves nothing")
            slow = Running(cluster, "drain", "3", "--throttle", SLOW, "--at-once", "1", terminal=True)
            wait_moves(cluster)
            slow.wait_word(" left, ")
            slow.wait_word("\033[K\r\r4 of 4 partitions left")  # the same line, twice
            check_equal(slow.end(signal.SIGINT), SIGINT_STATUS, f"the status after Ctrl-C: {slow.told}")
            note(slow.told.splitlines()[-1])
            for word in ("1 is under way", "3 have not begun", "the throttle stays", "drain 3", "--cancel"):
                check(word in slow.told, f"{word!r} is not in {slow.told}")
            check("1 move is ended" in millrace(cluster, "drain", "3", "--cancel")[0], "the end of the moves")
            wait_until(lambda: reassign.moves(cluster.nodes[0].port) == {}, DEADLINE_S, "nothing is being moved")
            wait_no_throttle(cluster)
            wait_until(lambda: sorted(cluster.partition("load")[1]) == [0, 1, 3], DEADLINE_S, "load has its replicas")
            wait_whole(cluster)
            load.stop()
        check_records(read_all(cluster.bootstrap, "load"), load.acked)


@test("what can't be drained is refused, and nothing moves")
def refused():
    with Cluster(3) as cluster:
        assign(cluster, "three", (0, 1, 2))
        assign(cluster, "one", (0,), (2,))
        for arguments in (("drain", "2"), ("drain", "2", "--plan"), ("decommission", "2")):
            told = millrace(cluster, *arguments, status=1)[1]
            note(told.strip())
            check("nothing is" in told, told)
        check("there is no broker 7" in millrace(cluster, "drain", "7", status=1)[1], "a broker that is not there")
        for arguments, word in ((("drain",), "which broker"), (("drain", "x"), "no id of a broker"),
                                (("drain", "1", "--plan", "--cancel"), "not both"),
                                (("drain", "1", "--plan", "--throttle", "5"), "--throttle does not go with --plan"),
                                (("balance", "--at-once", "0"), "--at-once 0"),
                                (("balance", "--exclude", "9"), "there is no broker 9")):
            told = millrace(cluster, *arguments, status=1)[1]
            check(word in told, f"{arguments} says {told!r}")
        check_equal(reassign.moves(cluster.nodes[0].port), {}, "what is being moved")
        cluster.delete_topic("three")
        cluster.nodes[2].kill()
        wait_until(lambda: cluster.partition("one", 1)[0] == -1, DEADLINE_S, "one-1 has no leader")
        told = millrace(cluster, "drain", "2", status=1)[1]
        check("no leader to copy from (one-1)" in told, told)
        cluster.nodes[2].start()
        cluster.wait_serving()


@test("balance: a new broker gets its share with the fewest moves, leaders too; then nothing is left to do")
def balance():
    with Cluster(4, auto_leader_rebalance_enable="false") as cluster:
        assign(cluster, "a", *[(i % 3, (i + 1) % 3) for i in range(6)])
        assign(cluster, "b", *[((i + 1) % 3, i % 3) for i in range(6)])
        written = fill(cluster, "a")
        cluster.nodes[0].kill()  # so that others lead
        wait_until(lambda: cluster.partition("a", 0)[0] == 1, DEADLINE_S, "another replica leads")
        told = millrace(cluster, "balance", "--plan")[1]
        check("broker 0 is down and takes no part" in told, told)
        cluster.nodes[0].start()
        cluster.wait_serving()
        wait_whole(cluster)
        shown = plan(cluster, "balance")
        check_equal(sum(len(set(row["target"]) - set(row["replicas"])) for row in shown["partitions"]), 6,
                    f"the copies of {shown}")
        check_equal([row["replicasAfter"] for row in shown["brokers"]], [6, 6, 6, 6], "the replicas after it")
        without = plan(cluster, "balance", "--exclude", "3")
        check_equal([row["replicasAfter"] for row in without["brokers"]], [8, 8, 8, 0], "the replicas without 3")
        out = millrace(cluster, "balance")[0]
        note(out.splitlines()[-1])
        check("The cluster is balanced" in out, out)
        wait_until(lambda: counts(cluster, lambda found: found[1]) == {i: 6 for i in range(4)}, DEADLINE_S,
                   "each broker has six replicas")

        def leads():
            return counts(cluster, lambda found: [found[0]]) == {i: 3 for i in range(4)}
        wait_until(leads, DEADLINE_S, "each broker leads three partitions")
        wait_whole(cluster)
        check_equal(plan(cluster, "balance")["partitions"], [], "what is left to move")
        check("Nothing is to be moved." in millrace(cluster, "balance", "--plan")[0], "the plan in words")
        done = json.loads(millrace(cluster, "balance", "--format", "json")[0])
        check_equal(done, {"broker": None, "state": "balanced", "partitions": 0, "bytes": 0}, "the second balance")
        check_records(read_all(cluster.bootstrap, "a"), written.acked)


def endpoints(cluster):
    told = tool("kafka-cluster.sh", "list-endpoints", "--include-fenced-brokers", "--format", "json",
                "--bootstrap-server", cluster.running()[0].address).stdout
    return {row["id"] for row in json.loads(told)["endpoints"]}


def stop_when_asked(cluster, running, node):
    running.wait_word("Stop its process now")
    node.signal(signal.SIGTERM)
    check_equal(node.wait_exit(), 0, f"the status of node {node.id}")
    check_equal(running.wait(), 0, f"the status of the tool: {running.told}")
    check(f"Broker {node.id} is out of the cluster" in running.told, running.told)
    wait_until(lambda: endpoints(cluster) == {n.id for n in cluster.running()}, DEADLINE_S,
               "only those that run are registered")


@test("decommission: drained, stopped by a person, unregistered; and one that is down already")
def decommission():
    with Cluster(3, start=False) as cluster:
        for i in (3, 4):
            node = Node(cluster.directory, i, {**cluster.nodes[0].settings, "process.roles": "broker"})
            node.settings |= {"broker.id": i, "log.dirs": node.log_dir}
            for name in ("listeners", "advertised.listeners"):
                node.settings[name] = f"PLAINTEXT://127.0.0.1:{node.port}"
            cluster.nodes.append(node)
        cluster.start()
        assign(cluster, "load", (3, 0, 4))
        assign(cluster, "small", *[(i % 5, (i + 1) % 5) for i in range(10)])
        with Load(cluster.bootstrap, "load") as load:
            load.wait_acks(RECORDS)
            stop_when_asked(cluster, Running(cluster, "decommission", "3"), cluster.nodes[3])
            load.wait_acks(RECORDS)
            cluster.nodes[4].kill()
            wait_until(lambda: 4 not in wire.metadata(cluster.nodes[0].port).brokers, DEADLINE_S, "4 is known as down")
            out = millrace(cluster, "decommission", "4")[0]
            check("Broker 4 has stopped." in out and "Broker 4 is out of the cluster" in out, out)
            wait_until(lambda: endpoints(cluster) == {0, 1, 2}, DEADLINE_S, "only 0, 1 and 2 are registered")
            load.wait_acks(RECORDS)
            load.stop()
        wait_whole(cluster)
        wait_gone(cluster, 3)
        wait_gone(cluster, 4)
        check_records(read_all(cluster.bootstrap, "load"), load.acked)
        told = millrace(cluster, "decommission", "2", status=1)[1]
        check("by controller.quorum.voters" in told, told)


@test("a broker that replicas are copied to dies: another one gets them")
def target_dies():
    with Cluster(4) as cluster:
        assign(cluster, "load", (3, 0))
        with Load(cluster.bootstrap, "load") as load:
            slow = Running(cluster, "drain", "3", "--throttle", SLOW)
            (target,) = wait_moves(cluster)[("load", 0)][1]
            slow.wait_word(" left, ")
            cluster.nodes[target].kill()
            wait_until(lambda: target not in wire.metadata(cluster.nodes[0].port).brokers, DEADLINE_S, "it is fenced")
            slow.end(signal.SIGTERM)
            out = millrace(cluster, "drain", "3", "--throttle", FAST)[0]
            check("Broker 3 is drained" in out, out)
            wait_gone(cluster, 3)
            wait_gone(cluster, target)
            load.wait_acks(RECORDS)
            load.stop()
        check_records(read_all(cluster.bootstrap, "load"), load.acked)
        cluster.nodes[target].start()
        cluster.wait_serving()
        wait_no_throttle(cluster)  # nor of the one that was down


def quorum(count, **settings):
    """Nodes that are not started, and find the quorum by their bootstrap servers."""
    cluster = Cluster(1, start=False)
    cluster.nodes = [Node(cluster.directory, i, {}) for i in range(count)]
    for node in cluster.nodes:
        node.settings["controller.quorum.bootstrap.servers"] = ",".join(
            f"127.0.0.1:{each.port + 10000}" for each in cluster.nodes)
        node.settings |= {key.replace("_", "."): value for key, value in settings.items()}
    return cluster


def voters(cluster):
    told = json.loads(tool("kafka-metadata-quorum.sh", "--bootstrap-server", cluster.running()[0].address, "describe",
                           "--status", "--format", "json", check_status=False).stdout or "{}")
    return {voter["id"] for voter in told.get("currentVoters", [])}


@test("decommission: a voter leaves the metadata quorum, unless the others could not decide")
def voter():
    with quorum(4) as cluster:
        cluster.start()
        wait_until(lambda: len(voters(cluster)) == 3, DEADLINE_S, "three nodes vote")
        leader = cluster.controller()
        others = [cluster.nodes[i] for i in voters(cluster) if i != leader.id]
        assign(cluster, "t", (leader.id, others[0].id), (others[1].id, leader.id))
        others[1].kill()
        wait_until(lambda: others[1].id not in wire.metadata(leader.port).brokers, DEADLINE_S, "a voter is down")
        told = millrace(cluster, "decommission", str(others[0].id), status=1)[1]
        note(told.strip())
        check("could not decide" in told, told)
        wait_until(lambda: others[0].id in voters(cluster), DEADLINE_S, "it votes on")
        others[1].start()
        cluster.wait_serving()
        wait_whole(cluster)
        stop_when_asked(cluster, Running(cluster, "decommission", str(leader.id)), leader)
        wait_until(lambda: leader.id not in voters(cluster) and len(voters(cluster)) == 3, DEADLINE_S,
                   "the three others vote")
        wait_gone(cluster, leader.id)
        wait_whole(cluster)


@test("decommission: a voter that joins by itself votes again while it runs, and is out in the end")
def voter_joins():
    with quorum(3, controller_quorum_auto_join_enable="true") as cluster:
        cluster.start()
        wait_until(lambda: len(voters(cluster)) == 3, DEADLINE_S, "three nodes vote")
        leaves = next(node for node in cluster.nodes if node.id != cluster.controller().id)
        running = Running(cluster, "decommission", str(leaves.id))
        running.wait_word("Stop its process now")
        wait_until(lambda: leaves.id in voters(cluster), DEADLINE_S, "it votes again")
        leaves.signal(signal.SIGTERM)
        check_equal(leaves.wait_exit(), 0, "the status of the node")
        check_equal(running.wait(), 0, f"the status of the tool: {running.told}")
        wait_until(lambda: voters(cluster) == {0, 1, 2} - {leaves.id}, DEADLINE_S, "the two others vote")


@test("auto.leader.rebalance.enable: who is back leads again what prefers it, at the next check")
def leaders_return():
    with Cluster(3, leader_imbalance_check_interval_seconds=1, leader_imbalance_per_broker_percentage=40) as cluster:
        assign(cluster, "t", (0, 1), (0, 2), (1, 2), (2, 1))
        with Load(cluster.bootstrap, "t") as load:
            cluster.nodes[0].kill()
            wait_until(lambda: not counts(cluster, lambda found: [found[0]])[0], DEADLINE_S, "others lead")
            load.wait_acks(RECORDS)
            cluster.nodes[0].start()
            cluster.wait_serving()
            wait_until(lambda: all(leader == replicas[0] for leader, replicas, _ in partitions(cluster).values()),
                       DEADLINE_S, "the preferred replicas lead")
            load.wait_acks(RECORDS)
            load.stop()
        check_records(read_all(cluster.bootstrap, "t"), load.acked)


tap.run()
