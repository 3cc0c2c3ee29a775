#!/usr/bin/env python3
"""A cluster as the tutorial makes it: three files from one template, started by hand in any order.
They are one cluster with three voters, and any one may be killed. The voters change, are killed and
removed under commands: QUORUM_ROUNDS says how often, 20 take about a minute; TUTORIAL_ROUNDS is for
the start of the three."""
import base64
import json
import os
import random
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
from cluster import Cluster
from load import Load, check_records, read_all
from node import ROOT, free_port
from tap import check, check_equal, note, test
from tool import tool
import wire
from wait import wait_until

ROUNDS = int(os.environ.get("QUORUM_ROUNDS", "5"))
TUTORIAL_ROUNDS = int(os.environ.get("TUTORIAL_ROUNDS", "3"))
GAP_S = 2
GROW_DEADLINE_S = 60
RECORDS_BETWEEN = 200
COMMANDS_BETWEEN = 10
EXISTS = 36    # a command that was carried out is sent again when its controller ended before it said so
TIMED_OUT = 7  # its outcome is not known
UPDATE_RAFT_VOTER = 82
OFFSETS = "__consumer_offsets"
CONTROLLER_ABOVE = 10000  # a node without voters in its file has its controller there


def template():
    """The settings that config/server.properties gives."""
    with open(os.path.join(ROOT, "config", "server.properties")) as file:
        lines = [line.strip() for line in file]
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def copies(count=3, **settings):
    """A cluster of nodes with the template's settings; each has its own id, port and log.dirs, and
    names all of them in an order of its own, since the ports are not the tutorial's. The first node
    has the lowest port."""
    cluster = Cluster(1, start=False)
    cluster.nodes.clear()
    from node import Node
    for i in range(count):
        node = Node(cluster.directory, i, {})
        own = {key: node.settings[key] for key in ("broker.id", "log.dirs")}
        node.settings = {**template(), **own,
                         **{key.replace("_", "."): value for key, value in settings.items()}}
        cluster.nodes.append(node)
    take_ports(cluster, [node.port for node in cluster.nodes])
    return cluster


def take_ports(cluster, ports):
    """The nodes get these, in their order."""
    for node, port in zip(cluster.nodes, sorted(ports)):
        node.port = node.settings["port"] = port
    for node in cluster.nodes:
        name(node, random.sample(cluster.nodes, len(cluster.nodes)))


def name(node, nodes):
    """It looks for the quorum there."""
    node.settings["controller.quorum.bootstrap.servers"] = ",".join(
        f"localhost:{each.port + CONTROLLER_ABOVE}" for each in nodes)


def status(cluster):
    """What describe --status says, by name; {} while nobody answers."""
    done = tool("kafka-metadata-quorum.sh", "--bootstrap-server", cluster.running()[0].address,
                "describe", "--status", check_status=False)
    return dict(line.split(":", 1) for line in done.stdout.splitlines() if ":" in line)


def members(cluster, kind="CurrentVoters"):
    return {member["id"]: member for member in json.loads(status(cluster).get(kind, "[]"))}


def wait_voters(cluster, ids):
    wait_until(lambda: set(members(cluster)) == set(ids), GROW_DEADLINE_S, f"the voters are {ids}")


def pause(seconds):
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end, seconds + GROW_DEADLINE_S, "the pause is over")


def one_round(number):
    order = random.sample(range(3), 3)
    gaps = [random.uniform(0, GAP_S) for _ in order]
    with copies() as cluster:
        for i, gap in zip(order, gaps):
            cluster.nodes[i].start()
            pause(gap)
        cluster.wait_serving(GROW_DEADLINE_S)
        wait_voters(cluster, (0, 1, 2))
        cluster.create_topic("t")
        killed = cluster.nodes[number % 3]
        with Load(cluster.bootstrap, "t") as load:
            load.wait_acks(RECORDS_BETWEEN)
            killed.kill()
            load.wait_acks(RECORDS_BETWEEN)
            killed.start()
            cluster.wait_serving()
            cluster.wait_isr_whole("t")
            load.stop()
        check_records(read_all(cluster.bootstrap, "t"), load.acked)
        wait_voters(cluster, (0, 1, 2))
        note(f"round {number + 1}: started {order}, gaps {[f'{gap:.2f}' for gap in gaps]}, "
             f"killed {killed.id}")


@test(f"three files from one template, started in any order, one killed, {TUTORIAL_ROUNDS} times")
def tutorial():
    for number in range(TUTORIAL_ROUNDS):
        one_round(number)


@test("each names itself first, in lists that differ and go round, and starts when it likes: one cluster")
def each_first():
    for number in range(TUTORIAL_ROUNDS):
        order = random.sample(range(3), 3)
        with copies() as cluster:
            for i, node in enumerate(cluster.nodes):
                name(node, [node, cluster.nodes[(i + 1) % 3]])
            for i in order:
                cluster.nodes[i].start()
                pause(random.choice((0, random.uniform(0, GAP_S))))
            wait_voters(cluster, (0, 1, 2))
            cluster.kill_all()
            cluster.start()
            wait_voters(cluster, (0, 1, 2))
            check(not any("belongs to cluster" in node.log_text() for node in cluster.nodes), "they are two")


@test("offsets have three replicas though a broker is down when the first group comes; one alone has one")
def offsets_replicas():
    with copies() as cluster:
        cluster.start()
        wait_voters(cluster, (0, 1, 2))
        cluster.create_topic("t")
        cluster.nodes[2].kill()
        wait_until(lambda: len(wire.metadata(cluster.nodes[0].port).brokers) == 2, GROW_DEADLINE_S, "it is fenced")
        check_equal(offsets_made(cluster), {3}, "replicas of the offsets")
        cluster.nodes[2].start()
        cluster.wait_serving()
    with copies(1) as cluster:
        cluster.start()
        check_equal(offsets_made(cluster), {1}, "replicas of the offsets")
    with copies(1, offsets_topic_replication_factor=3) as cluster:
        cluster.start()
        out = groups(cluster)
        check("oordinator" in out, out)
        check(OFFSETS not in wire.metadata(cluster.nodes[0].port).topics, "made with fewer replicas than set")


def groups(cluster):
    done = tool("kafka-consumer-groups.sh", "--bootstrap-server", cluster.bootstrap, "--describe", "--group", "g",
                "--timeout", "3000", check_status=False)
    return done.stdout + done.stderr


def offsets_made(cluster):
    """How many replicas the partitions of the offsets have, after a group has asked for them."""
    wait_until(lambda: OFFSETS in wire.metadata(cluster.running()[0].port).topics or groups(cluster) is None,
               GROW_DEADLINE_S, "the offsets have a topic")
    topic = wire.metadata(cluster.running()[0].port).topics[OFFSETS]
    return {len(replicas) for _, replicas, _ in topic.values()}


@test("two that tell clients the same address are named, both")
def twins():
    with copies(2) as cluster:
        first, second = cluster.nodes
        first.start()
        wait_until(lambda: "serving after" in first.log_text(), GROW_DEADLINE_S, "the first one serves")
        second.settings["advertised.listeners"] = f"PLAINTEXT://localhost:{first.port}"
        second.start()
        words = f"broker 1 and broker 0 both tell clients localhost:{first.port}"
        wait_until(lambda: any(words in node.log_text() for node in cluster.nodes), GROW_DEADLINE_S, "it is said")


@test("all of them are killed, and come back")
def all_killed():
    with copies() as cluster:
        cluster.start()
        wait_voters(cluster, (0, 1, 2))
        cluster.create_topic("t")
        cluster.kill_all()
        cluster.start()
        cluster.wait_isr_whole("t")
        wait_voters(cluster, (0, 1, 2))


def move(cluster, ports):
    """Each node gets the port of its row, and names all of them."""
    cluster.kill_all()
    for node, port in zip(cluster.nodes, ports):
        node.port = node.settings["port"] = port
    for node in cluster.nodes:
        name(node, random.sample(cluster.nodes, len(cluster.nodes)))
    cluster.start()
    cluster.wait_isr_whole("t")
    wait_voters(cluster, (0, 1, 2))
    wait_until(lambda: [members(cluster)[node.id]["endpoints"] for node in cluster.nodes] ==
               [[f"CONTROLLER://localhost:{port + CONTROLLER_ABOVE}"] for port in ports],
               GROW_DEADLINE_S, "the quorum has them where they are")


@test("all are stopped, their files get other ports, then each other's, and they are the same cluster")
def all_moved():
    ports = [free_port() for _ in range(3)]
    with copies() as cluster:
        cluster.start()
        wait_voters(cluster, (0, 1, 2))
        cluster.create_topic("t")
        before = status(cluster)["ClusterId"]
        move(cluster, ports)
        move(cluster, ports[1:] + ports[:1])
        check_equal(status(cluster)["ClusterId"], before, "the cluster id")
        cluster.nodes[0].kill()
        wait_until(lambda: status(cluster).get("LeaderId", "-1").strip() in ("1", "2"), GROW_DEADLINE_S,
                   "the other two have a leader")


@test("a node that lost all that it had comes back as the voter that it was, also the first one")
def emptied():
    import shutil
    with copies() as cluster:
        cluster.start()
        wait_voters(cluster, (0, 1, 2))
        cluster.create_topic("t")
        before = status(cluster)["ClusterId"]
        for node in cluster.nodes[:2]:
            node.kill()
            shutil.rmtree(node.log_dir)
            node.start()
            cluster.wait_serving()
            cluster.wait_isr_whole("t")
            wait_until(lambda: not os.path.exists(
                os.path.join(node.log_dir, "controller", "newcomer")),
                GROW_DEADLINE_S, f"node {node.id} has what the others have")
            wait_voters(cluster, (0, 1, 2))  # it was taken out, and comes in again
        check_equal(status(cluster)["ClusterId"], before, "the cluster id")
        wait_voters(cluster, (0, 1, 2))


@test("one of two voters lost its directory: what it says to do works")
def one_of_two():
    import shutil
    with copies(2) as cluster:
        cluster.start()
        add(cluster, cluster.nodes[1])
        wait_voters(cluster, (0, 1))
        cluster.create_topic("t", replicas=2)
        for lost, other in ((cluster.nodes[1], cluster.nodes[0]), (cluster.nodes[0], cluster.nodes[1])):
            cluster.kill_all()  # else the other one leads on, and it is back in time
            directory = os.path.join(lost.log_dir, "controller")
            shutil.rmtree(lost.log_dir)
            for node in cluster.nodes:
                node.start()
            wait_until(lambda: f"replace {directory} by a copy of" in lost.log_text(), GROW_DEADLINE_S,
                       "it says what to do")
            check(f"node {other.id} at localhost:{other.port + CONTROLLER_ABOVE} can't lead" in lost.log_text(),
                  "it names the other one")
            for node in cluster.nodes:
                node.kill()
            shutil.rmtree(directory)
            shutil.copytree(os.path.join(other.log_dir, "controller"), directory)
            cluster.start()
            cluster.wait_isr_whole("t")
            wait_voters(cluster, (0, 1))
            os.truncate(lost.log_file, 0)


@test("who waits for the first node, has a used id, or belongs to another cluster says so")
def told():
    with copies(4) as cluster:
        first, second, third, other = cluster.nodes
        second.start()
        wait_until(lambda: f"waiting for the node at localhost:{first.port + CONTROLLER_ABOVE}"
                   in second.log_text(), GROW_DEADLINE_S, "it says for whom it waits")
        first.start()
        third.start()
        wait_voters(cluster, (0, 1, 2))
        other.settings["broker.id"] = 2
        other.start()
        wait_until(lambda: "give each node its own broker.id" in other.log_text(), GROW_DEADLINE_S,
                   "it says that the id is used")
        other.kill()
        check_equal(set(members(cluster)), {0, 1, 2}, "the voters")
    with copies(2) as cluster:
        first, second = cluster.nodes
        for node in cluster.nodes:
            name(node, [node])
            node.start()
        wait_until(lambda: all("ClusterId" in tool(
            "kafka-metadata-quorum.sh", "--bootstrap-server", node.address, "describe", "--status",
            check_status=False).stdout for node in cluster.nodes), GROW_DEADLINE_S, "two clusters")
        second.kill()
        name(second, [first])
        os.rename(os.path.join(second.log_dir, "controller"), second.log_dir + "-away")
        second.start()
        check(second.wait_exit() == 1, "it starts without its metadata")
        check("belong to cluster" in second.log_text(), "it does not say to which cluster")


def change(cluster, command, *arguments, check_status=True):
    return tool("kafka-metadata-quorum.sh", "--bootstrap-server", cluster.bootstrap, *arguments, command,
                check_status=check_status)


def add(cluster, node):
    """As a person would: a change that was not made in time is looked at, and asked for again."""
    asked = "add-controller", "--command-config", node.config_file
    done = change(cluster, *asked, check_status=False)
    if "REQUEST_TIMED_OUT" in done.stderr:
        ends = [line for each in cluster.nodes for line in each.log_text().splitlines()[-8:]]
        note("\n".join([f"asked again to add {node.id}: {done.stderr}", *ends]))
        if node.id in members(cluster):
            return
        done = change(cluster, *asked, check_status=False)
    check(done.stdout.startswith(f"Added controller {node.id} with directory id "), f"{done.stdout}{done.stderr}")


def remove(cluster, node):
    directory = members(cluster)[node.id]["directoryId"]
    done = change(cluster, "remove-controller", "--controller-id", str(node.id),
                  "--controller-directory-id", directory)
    check_equal(done.stdout, f"Removed KRaft controller {node.id} with directory id {directory}\n",
                "what it says")


class Commands:
    """Topics that are created one after the other, by way of whichever node runs. `made`: those that
    the cluster has acknowledged; one whose answer did not come may be there or not."""
    PAUSE_S = 0.02
    ANSWER_S = 10

    def __init__(self, cluster):
        self.cluster = cluster
        self.made = []
        self.refused = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self._stop.set()
        self._thread.join()

    def _run(self):
        number = 0
        while not self._stop.wait(self.PAUSE_S):
            node = random.choice(self.cluster.running())
            number += 1
            name = f"command{number}"
            try:
                error = wire.create_topic(node.port, name, timeout_s=self.ANSWER_S)
            except OSError:  # the node was killed, or waits for a controller
                continue
            if error in (0, EXISTS):
                self.made.append(name)
            elif error != TIMED_OUT:
                self.refused.append((name, error))

    def wait_more(self, count):
        goal = len(self.made) + count
        wait_until(lambda: len(self.made) >= goal, GROW_DEADLINE_S, f"{count} more commands are answered")


def change_round(cluster, number, commands):
    """Four voters for a while; one is killed meanwhile, and one leaves, now and then the leader."""
    outside = next(node for node in cluster.nodes if node.id not in members(cluster))
    add(cluster, outside)
    wait_voters(cluster, range(4))
    killed = cluster.nodes[(number + 1) % 4]
    killed.kill()
    commands.wait_more(COMMANDS_BETWEEN)
    killed.start()
    leaves = cluster.controller() if number % 2 else cluster.nodes[number % 4]
    remove(cluster, leaves)
    wait_voters(cluster, set(range(4)) - {leaves.id})
    cluster.wait_serving()
    note(f"round {number + 1}: added {outside.id}, killed {killed.id}, removed {leaves.id}, "
         f"{len(commands.made)} commands so far")


@test(f"controllers are added, killed and removed under load, {ROUNDS} times; nothing is lost")
def changes():
    with copies(4) as cluster:
        cluster.nodes[3].settings["controller.quorum.auto.join.enable"] = "false"
        for node in cluster.nodes:
            node.start()
        cluster.wait_serving()
        wait_voters(cluster, (0, 1, 2))
        cluster.create_topic("t", replicas=3)
        began = time.monotonic()
        with Load(cluster.bootstrap, "t") as load, Commands(cluster) as commands:
            for number in range(ROUNDS):
                change_round(cluster, number, commands)
                load.wait_acks(RECORDS_BETWEEN)
            load.stop()
        note(f"{ROUNDS} rounds in {time.monotonic() - began:.1f} s, {len(commands.made)} commands and "
             f"{len(load.acked)} records acknowledged, {len(commands.refused)} commands refused")
        check(not commands.refused, f"refused: {commands.refused[:5]}")
        cluster.kill_all()
        cluster.start()
        cluster.wait_isr_whole("t")
        check_records(read_all(cluster.bootstrap, "t"), load.acked)
        for node in cluster.nodes:
            wait_until(lambda: {"t", *commands.made} <= set(wire.metadata(node.port).topics),
                       GROW_DEADLINE_S, f"node {node.id} has every topic")


def update_voter(port, leader_epoch, voter, directory, host, voter_port):
    """The error of UpdateRaftVoter, which only controllers serve."""
    def text(value):
        return bytes([len(value) + 1]) + value.encode()
    body = (b"\0" + struct.pack(">ii", leader_epoch, voter) + base64.urlsafe_b64decode(directory + "==") +
            b"\2" + text("CONTROLLER") + text(host) + struct.pack(">H", voter_port) + b"\0" +
            struct.pack(">hh", 0, 1) + b"\0" + b"\0")
    header = struct.pack(">hhih", UPDATE_RAFT_VOTER, 0, 1, 4) + b"test" + b"\0"
    answer = wire.ask(port, wire.frame(header + body), GROW_DEADLINE_S)
    return struct.unpack(">h", answer[9:11])[0]  # behind correlation id, tags and throttle time


@test("a voter is told to be elsewhere by UpdateRaftVoter, until it says itself where it is")
def told_to_move():
    with copies() as cluster:
        cluster.start()
        wait_voters(cluster, (0, 1, 2))
        third = cluster.nodes[2]
        directory = members(cluster)[2]["directoryId"]
        here = members(cluster)[2]["endpoints"]
        third.kill()
        epoch = int(status(cluster)["LeaderEpoch"])
        port = cluster.nodes[0].port + CONTROLLER_ABOVE
        check_equal(update_voter(port, epoch - 1, 2, directory, "localhost", 9), 74, "an older epoch")
        check_equal(update_voter(port, epoch, 3, directory, "localhost", 9), 127, "no such voter")
        wait_until(lambda: update_voter(port, epoch, 2, directory, "localhost", 9) == 0, GROW_DEADLINE_S,
                   "the update, once the voter was not heard for a while")
        check_equal(members(cluster)[2]["endpoints"], ["CONTROLLER://localhost:9"], "where it is")
        third.start()
        wait_until(lambda: members(cluster)[2]["endpoints"] == here, GROW_DEADLINE_S, "it corrects that")
        wait_voters(cluster, (0, 1, 2))


@test("a controller that was removed and runs on is an observer that lacks nothing")
def observer():
    with copies(controller_quorum_auto_join_enable="false") as cluster:
        for node in cluster.nodes:
            node.start()
        cluster.wait_serving()
        wait_until(lambda: set(members(cluster, "CurrentObservers")) == {1, 2}, GROW_DEADLINE_S, "two observers")
        for node in cluster.nodes[1:]:
            add(cluster, node)
        wait_voters(cluster, (0, 1, 2))
        directory = members(cluster)[2]["directoryId"]
        change(cluster, "remove-controller", "-i", "2", "-d", directory)

        def rows():
            out = tool("kafka-metadata-quorum.sh", "--bootstrap-server", cluster.bootstrap, "describe", "--replication",
                       "--format", "json").stdout
            return {row["nodeId"]: (row["status"], row["directoryId"], row["lag"]) for row in json.loads(out)["nodes"]}
        check_equal(rows()[2][:2], ("Observer", directory), "what the removed one is")
        wait_until(lambda: rows()[2][2] == 0, GROW_DEADLINE_S, "it lacks nothing")
        cluster.nodes[2].kill()
        wait_until(lambda: 2 not in rows(), GROW_DEADLINE_S, "it is not shown when it has ended")


def silent(cluster, node):
    """The leader has not heard the node for four seconds."""
    out = tool("kafka-metadata-quorum.sh", "--bootstrap-server", cluster.running()[0].address, "describe",
               "--replication", "--format", "json", check_status=False).stdout
    heard = {row["nodeId"]: row["lastFetchTimestamp"] for row in json.loads(out or '{"nodes":[]}')["nodes"]}
    return bool(heard) and max(heard.values()) - heard[node.id] > 4000


def take_out(cluster):
    """A voter that runs and is not the leader is removed: its node, and what the tool says of it."""
    node = next(node for node in cluster.nodes if node.id != cluster.controller().id)
    done = change(cluster, "remove-controller", "-i", str(node.id), "-d", members(cluster)[node.id]["directoryId"])
    return node, done.stderr


@test("a controller that was removed stays out; with controller.quorum.auto.join.enable=true it votes again")
def comes_back():
    with copies() as cluster:
        cluster.start()
        wait_voters(cluster, (0, 1, 2))
        node, told = take_out(cluster)  # which has asked to join a moment ago
        note(told.strip())
        check(f"controller {node.id} still runs" in told and "stop such a one first" in told, told)
        stay = set(range(3)) - {node.id}
        for _ in range(2):
            wait_until(lambda: "this node was removed from the quorum" in node.log_text(), GROW_DEADLINE_S,
                       "it knows that it is out")
            check_equal(set(members(cluster)), stay, "the voters")
            node.kill()
            os.truncate(node.log_file, 0)
            node.start()
        add(cluster, node)
        wait_voters(cluster, (0, 1, 2))
        directory = members(cluster)[node.id]["directoryId"]
        node.kill()
        wait_until(lambda: silent(cluster, node), GROW_DEADLINE_S, "the leader has not heard it for long")
        done = change(cluster, "remove-controller", "-i", str(node.id), "-d", directory)
        check_equal(done.stderr, "", "nothing is to be said of one that is stopped")
    with copies(controller_quorum_auto_join_enable="true") as cluster:
        cluster.start()
        wait_voters(cluster, (0, 1, 2))
        node, told = take_out(cluster)
        check("auto.join.enable=true" in told, told)
        wait_until(lambda: "this node was removed from the quorum" in node.log_text(), GROW_DEADLINE_S, "it was out")
        wait_voters(cluster, (0, 1, 2))


@test("changes that can't be made are refused with the reason")
def refused():
    with copies(2) as cluster:
        first, second = cluster.nodes
        cluster.start()
        wait_until(lambda: set(members(cluster, "CurrentObservers")) == {1}, GROW_DEADLINE_S,
                   "the second one waits for a third")
        directory = members(cluster)[0]["directoryId"]
        for arguments, words in (
                (("remove-controller", "-i", "0", "-d", directory), "last voter"),
                (("remove-controller", "-i", "7", "-d", directory), "VOTER_NOT_FOUND"),
                (("remove-controller", "-i", "0", "-d", "AAAAAAAAAAAAAAAAAAAAAQ"), "VOTER_NOT_FOUND"),
                (("remove-controller", "-i", "0"), "--controller-directory-id"),
                (("add-controller",), "--command-config"),
                (("add-controller", "--command-config", first.config_file), "DUPLICATE_VOTER")):
            done = tool("kafka-metadata-quorum.sh", "--bootstrap-server", cluster.bootstrap,
                        *arguments, check_status=False)
            check(done.returncode == 1 and words in done.stderr, f"{arguments}: {done.stderr}")
        for number, words in ((0, "remove it first"), (7, "BROKER_ID_NOT_REGISTERED")):
            done = tool("kafka-cluster.sh", "unregister-controller", "--bootstrap-controller",
                        f"localhost:{first.port + CONTROLLER_ABOVE}", "--id", str(number), check_status=False)
            check(done.returncode == 1 and words in done.stderr, f"unregister {number}: {done.stderr}")
        out = change(cluster, "add-controller", "--command-config", second.config_file, "--dry-run")
        check(out.stdout.startswith("DRY RUN of adding controller 1 with"), out.stdout)
        add(cluster, second)
        wait_voters(cluster, (0, 1))
    with Cluster(3) as cluster:
        cluster.nodes[0].write_config()
        done = tool("kafka-metadata-quorum.sh", "--bootstrap-server", cluster.bootstrap,
                    "remove-controller", "-i", "0", "-d", "AAAAAAAAAAAAAAAAAAAAAQ", check_status=False)
        check(done.returncode == 1 and "controller.quorum.voters" in done.stderr, done.stderr)


tap.run()
