#!/usr/bin/env python3
"""Several log directories of a broker: what is said of them, where new partitions go, and replicas that
move from one to another while they are written to."""
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
from cluster import Cluster
from load import Load, check_records, read_all, write_some
from segments import batches, check_replicas_equal
from tap import check, check_equal, note, test
from tool import says, tool
from wait import wait_until

DEADLINE_S = 120
DIRS = "kafka-log-dirs.sh"
CONFIGS = "kafka-configs.sh"
REASSIGN = "kafka-reassign-partitions.sh"
TOPIC = "t"
PACE = "replica.alter.log.dirs.io.max.bytes.per.second"


def several(count, directories=2):
    """A cluster whose brokers have that many log directories each."""
    cluster = Cluster(count, start=False)
    for node in cluster.nodes:
        node.log_dirs = [node.log_dir] + [f"{node.log_dir}.{i}" for i in range(1, directories)]
        node.settings["log.dirs"] = ",".join(node.log_dirs)
    return cluster


def described(cluster, node):
    """{directory: {partition: row}} as the broker says."""
    done = tool(DIRS, "--bootstrap-server", cluster.bootstrap, "--describe", "--broker-list", str(node.id))
    (broker,) = json.loads(done.stdout.splitlines()[2])["brokers"]
    return {d["logDir"]: {row["partition"]: row for row in d["partitions"]} for d in broker["logDirs"]}


def configure(cluster, node, setting):
    tool(CONFIGS, "--bootstrap-server", cluster.bootstrap, "--entity-type", "brokers", "--entity-name",
         str(node.id), "--alter", "--add-config", setting)


def cordon(cluster, node, value):
    configure(cluster, node, f"cordoned.log.dirs={value}")


def place(cluster, node, partition=f"{TOPIC}-0", future=False):
    """The directory of a replica, or of its copy; None when there is none."""
    for directory, rows in described(cluster, node).items():
        if partition in rows and rows[partition]["isFuture"] == future:
            return directory
    return None


def other(node, directory):
    return next(d for d in node.log_dirs if d != directory)


class Plan:
    """Each replica of t-0 goes to the other directory of its broker."""

    def __init__(self, cluster, nodes):
        self.cluster = cluster
        replicas = cluster.partition(TOPIC)[1]
        self.goals = {node: other(node, place(cluster, node)) for node in nodes}
        dirs = [self.goals.get(cluster.nodes[i], "any") for i in replicas]
        self.path = os.path.join(cluster.directory, "plan.json")
        with open(self.path, "w") as file:
            json.dump({"version": 1, "partitions": [{"topic": TOPIC, "partition": 0, "replicas": replicas,
                                                     "log_dirs": dirs}]}, file)

    def run(self, *arguments):
        return tool(REASSIGN, "--bootstrap-server", self.cluster.bootstrap, *arguments,
                    "--reassignment-json-file", self.path).stdout

    def wait_done(self):
        wait_until(lambda: self.run("--verify", "--preserve-throttles").count("completed successfully")
                   == len(self.goals), DEADLINE_S, "all moves are completed")


def folders(directory, topic):
    return sorted(name for name in os.listdir(directory) if name.startswith(f"{topic}-"))


@test("new partitions go where there are fewest, and to no directory that is cordoned")
def placement():
    with several(1) as cluster:
        cluster.start()
        (node,) = cluster.nodes
        first, second = node.log_dirs
        cluster.create_topic("even", partitions=6)
        found = described(cluster, node)
        check_equal(sorted(len(found[d]) for d in node.log_dirs), [3, 3], "partitions of each directory")
        cordon(cluster, node, first)
        cluster.create_topic("away", partitions=4)
        wait_until(lambda: len(folders(second, "away")) == 4, DEADLINE_S, "all are in the other directory")
        check_equal(folders(first, "away"), [], "partitions in the cordoned directory")
        says(cluster, CONFIGS, "--entity-type", "brokers", "--entity-name", "0", "--alter", "--add-config",
             "cordoned.log.dirs=/no/such", status=1, err=re.compile("/no/such is not in log.dirs"))
        cluster.stop()
        cluster.start()  # what was set stays in force
        cluster.create_topic("again", partitions=2)
        wait_until(lambda: len(folders(second, "again")) == 2, DEADLINE_S, "still none in the first one")
        cordon(cluster, node, "")
        cluster.create_topic("back", partitions=2)
        wait_until(lambda: len(folders(first, "back")) == 2, DEADLINE_S, "it has the fewest and is used again")
        check(all("cordoned" in line for line in node.log_text().splitlines() if "gets no new" in line),
              "the log does not say why")


def refusal(name, cluster, *arguments):
    """What the tool says when it ends with 1; None when it ends with 0."""
    done = tool(name, "--bootstrap-server", cluster.running()[0].address, *arguments, check_status=False)
    check(done.returncode in (0, 1), f"status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr if done.returncode else None


def create_refusal(cluster, topic, *arguments):
    return refusal("kafka-topics.sh", cluster, "--create", "--topic", topic, *arguments)


@test("a broker whose directories are all cordoned gets no replica, from whom ever, and keeps what it has")
def whole_broker():
    with several(3) as cluster:
        cluster.start()
        *kept, full = cluster.nodes
        cluster.create_topic("before", partitions=2, replicas=3)
        cordon(cluster, full, full.log_dirs[0])
        cluster.create_topic("one", partitions=4, replicas=3)
        cordon(cluster, full, "*")
        wait_until(lambda: create_refusal(cluster, f"probe{len(folders(kept[0].log_dir, 'probe'))}",
                                          "--replication-factor", "3"), DEADLINE_S, "the controller knows")
        told = create_refusal(cluster, "all", "--replication-factor", "3")
        check("The target replication factor of 3 cannot be reached because only 2 broker(s) are registered or some "
              "brokers have all their log directories cordoned." in told, told)
        cluster.create_topic("away", partitions=12, replicas=1)
        check_equal({id for i in range(12) for id in cluster.partition("away", i)[1]}, {node.id for node in kept},
                    "where new ones are")
        told = create_refusal(cluster, "manual", "--replica-assignment", str(full.id))
        check("all of its log directories are cordoned" in told, told)
        plan = os.path.join(cluster.directory, "plan.json")
        with open(plan, "w") as file:
            json.dump({"version": 1, "partitions": [{"topic": "away", "partition": 0, "replicas": [full.id]}]}, file)
        told = refusal(REASSIGN, cluster, "--execute", "--reassignment-json-file", plan)
        check("all of its log directories are cordoned" in told, told)
        write_some(cluster.bootstrap, "before", 100)
        cluster.wait_isr_whole("before")
        for again in (lambda: None, full.start):  # nobody forgets it while the broker is away, or has just come
            if full.running():
                full.kill()
            again()
            cluster.wait_serving()
            told = create_refusal(cluster, "all", "--replication-factor", "3")
            check("cordoned" in told, told)
        cordon(cluster, full, full.log_dirs[1])
        wait_until(lambda: not create_refusal(cluster, "all", "--if-not-exists", "--replication-factor", "3"),
                   DEADLINE_S, "it takes replicas again")
        check_equal(sorted(cluster.partition("all")[1]), [0, 1, 2], "the replicas")


@test("replicas move between directories under load: a leader killed in the middle, nothing lost")
def moves():
    with several(3) as cluster:
        cluster.start()
        cluster.create_topic(TOPIC, **{"segment.bytes": 1048576})
        with Load(cluster.bootstrap, TOPIC) as load:
            load.wait_acks(2000)
            plan = Plan(cluster, cluster.nodes)
            leader = cluster.leader(TOPIC)
            told = plan.run("--execute", "--replica-alter-log-dirs-throttle", "20000")
            for node, goal in plan.goals.items():
                check(f"Successfully started moving log directory to {goal} for replica t-0 with broker "
                      f"{node.id} " in told, f"no word of the move on {node.id}: {told}")
            check("The replica-alter-dir throttle limit was set to 20000 B/s" in told, f"no throttle: {told}")
            wait_until(lambda: place(cluster, leader, future=True) == plan.goals[leader], DEADLINE_S,
                       "the copy is made")
            check(f"Reassignment of replica t-0-{leader.id} is still in progress." in plan.run("--verify"),
                  "it does not move")
            leader.kill()  # what it has copied is thrown away, and the move begins anew
            wait_until(lambda: cluster.partition(TOPIC)[0] not in (-1, leader.id), DEADLINE_S, "another one leads")
            load.wait_acks(500)
            leader.start()
            cluster.wait_serving()
            for node in cluster.nodes:
                configure(cluster, node, f"{PACE}=100000000")
            load.wait_acks(500)
            plan.wait_done()
            cluster.wait_isr_whole(TOPIC)
            load.wait_acks(500)
            load.stop()
            note(f"longest pause: {load.longest_gap_s * 1000:.0f} ms")
            check("Clearing broker-level throttles on brokers 0,1,2" in plan.run("--verify"),
                  "the throttle stays")
        for node, goal in plan.goals.items():
            check_equal(place(cluster, node), goal, f"the directory on {node.id}")
            wait_until(lambda node=node, goal=goal: not folders(other(node, goal), f"{TOPIC}-0"), DEADLINE_S,
                       "nothing is left in the old directory")
        records = read_all(cluster.bootstrap, TOPIC)
        check_records(records, load.acked)
        cluster.stop()
        homes = [os.path.join(goal, f"{TOPIC}-0") for goal in plan.goals.values()]
        check_replicas_equal(homes, records[-1][0] + 1)
        cluster.start()  # and are found there
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)


@test("the only replica moves while it is written to, there and back, and after kill -9 of its broker")
def only_one():
    with several(1) as cluster:
        cluster.start()
        cluster.create_topic(TOPIC, **{"segment.bytes": 1048576})
        (node,) = cluster.nodes
        with Load(cluster.bootstrap, TOPIC) as load:
            load.wait_acks(1000)
            for turn in range(6):
                plan = Plan(cluster, [node])
                configure(cluster, node, f"{PACE}={[100000000, 50000][turn % 2]}")
                plan.run("--execute")
                if turn % 2:
                    # The copy's folder is all that a start knows of the move.
                    wait_until(lambda: place(cluster, node, future=True) or place(cluster, node) == plan.goals[node],
                               DEADLINE_S, "the copy is made, or has been")
                    node.kill()
                    node.start()
                    cluster.wait_serving()
                    configure(cluster, node, f"{PACE}=100000000")
                load.wait_acks(200)
                plan.wait_done()
            load.stop()
            note(f"longest pause: {load.longest_gap_s * 1000:.0f} ms")
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)
        home = place(cluster, node)
        wait_until(lambda: not folders(other(node, home), f"{TOPIC}-0"), DEADLINE_S,
                   "nothing is left in the other directory")
        cluster.stop()
        check(len(batches(os.path.join(home, f"{TOPIC}-0"))) > 0, "it has no batches")


@test("a directory that is no such, one that is cordoned, and a move that is taken back")
def refused():
    with several(1) as cluster:
        cluster.start()
        cluster.create_topic(TOPIC)
        (node,) = cluster.nodes
        load = write_some(cluster.bootstrap, TOPIC, 100)
        plan = Plan(cluster, [node])
        with open(plan.path) as file:
            text = file.read()
        goal = plan.goals[node]
        with open(plan.path, "w") as file:
            file.write(text.replace(goal, "/no/such"))
        says(cluster, REASSIGN, "--execute", "--reassignment-json-file", plan.path, status=1,
             out=re.compile("Successfully started partition reassignment"),
             err=re.compile("Failed to alter dir for t-0 on broker 0 to /no/such: .*LOG_DIR_NOT_FOUND"))
        with open(plan.path, "w") as file:
            file.write(text)
        cordon(cluster, node, goal)
        says(cluster, REASSIGN, "--execute", "--reassignment-json-file", plan.path, status=1,
             out=re.compile("."), err=re.compile("INVALID_REPLICA_ASSIGNMENT"))
        cordon(cluster, node, "")
        configure(cluster, node, f"{PACE}=0")
        plan.run("--execute")
        wait_until(lambda: place(cluster, node, future=True) == goal, DEADLINE_S, "the copy is made")
        check("Successfully cancelled 1 move between" in plan.run("--cancel", "--preserve-throttles"),
              "it is not taken back")
        wait_until(lambda: (place(cluster, node), place(cluster, node, future=True)) == (other(node, goal), None),
                   DEADLINE_S, "it is where it was, and the copy is gone")
        check(f"is not being moved from log dir {other(node, goal)} to {goal}." in plan.run("--verify"),
              "--verify does not see it")
        check_records(read_all(cluster.bootstrap, TOPIC), load.acked)


tap.run()
