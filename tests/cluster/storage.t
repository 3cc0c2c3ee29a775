#!/usr/bin/env python3
"""kafka-storage: what scripts say of a node's directories before its first start, and what the node
makes of it. A directory that has lived is never founded anew."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import re
import shutil

import tap
from cluster import Cluster
from node import free_port
from tap import check, check_equal, note, test
from tool import tool
from wait import wait_until

DEADLINE_S = 120
STORAGE = "kafka-storage.sh"


def storage(*arguments, status=0, out="", err=""):
    """The tool's output has the patterns; nothing may stand on a stream without one."""
    done = tool(STORAGE, *arguments, check_status=False)
    told = f"{arguments}: {done.stdout!r} {done.stderr!r}"
    check_equal(done.returncode, status, f"the status of {told}")
    for text, pattern in ((done.stdout, out), (done.stderr, err)):
        check(re.search(pattern, text) if pattern else not text, f"{told} lacks {pattern!r}")
    return done.stdout


def new_id():
    return storage("random-uuid", out=r"^[\w][\w-]{21}\n$").strip()


def format_node(node, cluster_id, *more, **expected):
    node.write_config()
    return storage("format", "-t", cluster_id, "-c", node.config_file, *more,
                   **(expected or {"out": f"^Formatting metadata directory {node.log_dir} "}))


def meta(directory):
    with open(os.path.join(directory, "meta.properties")) as file:
        return dict(line.strip().split("=", 1) for line in file if "=" in line)


def wait_no_mark(directory):
    wait_until(lambda: "millrace.formatted" not in meta(directory), DEADLINE_S, f"{directory} has no mark of a format")


def tree(directory):
    """Every file with its bytes."""
    found = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                found[os.path.join(folder, name)] = file.read()
    return found


def id_of(node):
    """None while the node does not answer, or knows no cluster."""
    done = tool("kafka-cluster.sh", "cluster-id", "--bootstrap-server", node.address, check_status=False)
    return done.stdout.replace("Cluster ID: ", "").strip() if done.returncode == 0 else None


def refused(node, *words):
    status = node.wait_exit(DEADLINE_S)
    lines = [line for line in node.log_text().splitlines() if all(word in line for word in words)]
    note(lines[0] if lines else "")
    check(status == 1 and lines, f"status {status}, and no line names {words}:\n{node.log_end()}")


@test("one node: it founds the cluster that it was formatted for; from then on it has lived")
def one_node():
    with Cluster(1, start=False) as cluster:
        node, cluster_id = cluster.nodes[0], new_id()
        format_node(node, cluster_id)
        check_equal(meta(node.log_dir)["cluster.id"], cluster_id, "the id in meta.properties")
        directory_id = meta(node.log_dir)["directory.id"]
        cluster.start()
        check_equal(id_of(node), cluster_id, "the cluster's id")
        wait_no_mark(node.log_dir)
        check_equal(meta(node.log_dir)["directory.id"], directory_id, "the directory's id")
        cluster.create_topic("t")
        cluster.stop()
        cluster.start()
        check_equal(id_of(node), cluster_id, "the cluster's id after a restart")
        check(cluster.partition("t"), "the topic after a restart")
        cluster.stop()
        shutil.rmtree(os.path.join(node.log_dir, "controller"))
        for more in ((), ("--ignore-formatted",)):
            format_node(node, cluster_id, *more, status=0 if more else 1,
                        **({"out": "already formatted"} if more else {"err": "already formatted"}))
        node.start()
        refused(node, cluster_id, "the controller's directory", "empty or missing")


@test("a start that ends at once has not lived, and goes on later")
def two_tries():
    with Cluster(1, start=False) as cluster:
        node, cluster_id = cluster.nodes[0], new_id()
        format_node(node, cluster_id)
        node.start("--override", "listeners=PLAINTEXT://192.0.2.1:9092")
        refused(node, "192.0.2.1")
        check_equal(meta(node.log_dir)["cluster.id"], cluster_id, "the id in meta.properties")
        cluster.start()
        check_equal(id_of(node), cluster_id, "the cluster's id")


@test("three nodes of one id found that cluster; a node of another one is refused")
def three_nodes():
    with Cluster(3, start=False) as cluster:
        cluster_id, other = new_id(), new_id()
        first, last = cluster.nodes[0], cluster.nodes[2]
        format_node(first, cluster_id)
        first.start()  # alone it has no quorum

        def ask():
            return tool("kafka-cluster.sh", "cluster-id", "-b", first.address, check_status=False)
        wait_until(lambda: "refused" not in ask().stderr, DEADLINE_S, "it answers")
        done = ask()
        check_equal((done.returncode, done.stdout), (1, ""), "what a node without a cluster says")
        note(done.stderr)
        format_node(cluster.nodes[1], cluster_id)
        cluster.nodes[1].start()
        cluster.wait_serving()
        check_equal({id_of(node) for node in cluster.nodes[:2]}, {cluster_id}, "the cluster's id")
        stranger = last
        format_node(stranger, other)
        stranger.start()
        refused(stranger, cluster_id, other)
        shutil.rmtree(stranger.log_dir)
        format_node(stranger, cluster_id)
        stranger.start()
        cluster.wait_serving()
        check_equal(id_of(stranger), cluster_id, "the id that the third node serves")


@test("a new cluster begins with the features that format names, or those of a release")
def features():
    def levels(node):
        out = tool("kafka-features.sh", "-b", node.address, "describe").stdout
        return dict(re.findall(r"Feature: (\S+)\t.*FinalizedVersionLevel: (\d+)\t", out))
    for more, group, transaction in (((), 1, 2), (("-r", "3.9"), 0, 0), (("-f", "transaction.version=1"), 1, 1),
                                     (("-r", "3.9", "-f", "group.version=1", "-f", "kraft.version=0"), 1, 0)):
        with Cluster(1, start=False) as cluster:
            node = cluster.nodes[0]
            format_node(node, new_id(), *more)
            cluster.start()
            found = levels(node)
            check_equal((found["group.version"], found["transaction.version"]), (str(group), str(transaction)),
                        f"the levels after format {more}")
            check("millrace.features" not in meta(node.log_dir), f"they stay there: {meta(node.log_dir)}")
            cluster.stop()
            cluster.start()
            check_equal(levels(node)["transaction.version"], str(transaction), f"after a restart, {more}")


@test("a controller and a broker of their own")
def apart():
    port = free_port()
    with Cluster(2, start=False, controller_quorum_voters=f"0@127.0.0.1:{port}") as cluster:
        controller, broker = cluster.nodes
        cluster_id = new_id()
        for node in cluster.nodes:
            node.settings.pop("broker.id")
            node.settings.update({"node.id": node.id, "controller.listener.names": "CONTROLLER",
                                  "controller.quorum.voters": f"0@127.0.0.1:{port}",
                                  "listener.security.protocol.map":
                                      "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
                                  "process.roles": "broker"})
        controller.settings.pop("advertised.listeners")
        controller.settings.update({"process.roles": "controller",
                                    "listeners": f"CONTROLLER://127.0.0.1:{port}"})
        for node in cluster.nodes:
            format_node(node, cluster_id)
            node.start()
        wait_until(lambda: "serving after" in broker.log_text(), DEADLINE_S, "the broker serves")
        check(id_of(broker) == cluster_id, "that cluster")
        for node in cluster.nodes:
            wait_no_mark(node.log_dir)
        cluster.stop()
        # The controller has lived, too: without its directory it is lost, not new.
        shutil.rmtree(os.path.join(controller.log_dir, "controller"))
        controller.start()
        refused(controller, cluster_id, "empty or missing")


@test("several directories: what is formatted stays, what is missing is added")
def directories():
    with Cluster(1, start=False) as cluster:
        node, cluster_id = cluster.nodes[0], new_id()
        second, third = node.log_dir + "-b", node.log_dir + "-c"
        format_node(node, cluster_id)
        first = meta(node.log_dir)
        node.settings["log.dirs"] = f"{node.log_dir},{second}"
        format_node(node, cluster_id, status=1, err="already formatted. Use --ignore-formatted")
        check(not os.path.exists(second), "a refused format makes directories")
        format_node(node, cluster_id, "-g", out=f"^Formatting data directory {second} ")
        check_equal(meta(node.log_dir), first, "the first directory")
        check(meta(second)["directory.id"] != first["directory.id"], "one id for two directories")
        node.settings["log.dirs"] += f",{third}"  # not formatted
        cluster.start()
        check_equal(id_of(node), cluster_id, "the cluster's id")
        for directory in (node.log_dir, second, third):
            check_equal(meta(directory)["cluster.id"], cluster_id, f"the id in {directory}")
            wait_no_mark(directory)
        cluster.stop()

        def mark():
            with open(os.path.join(second, "meta.properties"), "a") as file:
                file.write("millrace.formatted=true\n")
        mark()  # as a start leaves it that is killed while it takes the marks away
        cluster.start()
        wait_no_mark(second)
        cluster.stop()
        mark()
        shutil.rmtree(os.path.join(node.log_dir, "controller"))
        node.start()
        refused(node, cluster_id, "empty or missing")


@test("what must not be formatted stays as it is")
def not_formatted():
    with Cluster(1, start=False) as cluster:
        node, cluster_id = cluster.nodes[0], new_id()
        os.makedirs(node.log_dir)

        def refuse(*patterns, more=()):
            before = tree(node.log_dir)
            for pattern in patterns:
                format_node(node, cluster_id, *more, status=1, err=pattern)
            check_equal(tree(node.log_dir), before, "what is in the directory")

        def write(text, name="meta.properties"):
            path = os.path.join(node.log_dir, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(text)
        write(f"#\n#Sun Nov 29 01:06:33 UTC 2026\nnode.id=0\nversion=1\ncluster.id={cluster_id}\n")
        refuse("belongs to Apache Kafka", more=("-g",))
        os.remove(os.path.join(node.log_dir, "meta.properties"))
        write("", "__cluster_metadata-0/00000000000000000000.log")
        refuse("belongs to Apache Kafka")
        shutil.rmtree(os.path.join(node.log_dir, "__cluster_metadata-0"))
        write("x", "controller/vote")
        refuse("has the metadata of a cluster")
        shutil.rmtree(os.path.join(node.log_dir, "controller"))
        write(f"version=1\nnode.id=7\nmillrace.version=1\ncluster.id={cluster_id}\n")
        refuse("node.id=7", more=("-g",))
        write("version=1\nnode.id=0\nmillrace.version=1\ncluster.id=other\n")
        refuse(f"Invalid cluster.id in: .*Expected {cluster_id}, but read other", more=("-g",))


@test("random-uuid, info, and wrong options")
def options():
    check(new_id() != new_id(), "two random ids are the same")
    with Cluster(1, start=False, process_roles="broker,controller", controller_listener_names="C",
                 listener_security_protocol_map="C:PLAINTEXT,PLAINTEXT:PLAINTEXT") as cluster:
        node, port = cluster.nodes[0], free_port()
        node.settings["listeners"] += f",C://127.0.0.1:{port}"
        node.settings["controller.quorum.bootstrap.servers"] = f"127.0.0.1:{port}"
        node.write_config()
        config = ("-c", node.config_file)
        cluster_id, directory_id = new_id(), new_id()
        storage("info", *config, status=1, out=f"Found problems:\n  {node.log_dir} does not exist\n")
        for arguments, pattern in (
                (("nonsense",), "nonsense.*info, format, version-mapping"),
                (("format", *config), "--cluster-id"),
                (("format", "-t", cluster_id), "--config"),
                (("format", "-t", "a b", *config), "--cluster-id a b"),
                (("format", "-t", cluster_id, *config), "you must specify one of .*--standalone"),
                (("format", "-t", cluster_id, *config, "-s", "-N"), "not allowed with --standalone"),
                (("format", "-t", cluster_id, *config, "-N"), "this node founds the quorum"),
                (("format", "-t", cluster_id, *config, "-s", "-S", "SCRAM-SHA-256=[name=a]"), "--add-scram"),
                (("format", "-t", cluster_id, *config, "-s", "-r", "nonsense"), "Unknown release version 'nonsense'"),
                (("format", "-t", cluster_id, *config, "-s", "-f", "nonsense=1"), "--feature nonsense=1"),
                (("format", "-t", cluster_id, *config, "-s", "-f", "transaction.version=3"),
                 "transaction.version=0 to 2"),
                (("format", "-t", cluster_id, *config, "-s", "-f", "kraft.version=1"), "kraft.version=0"),
                (("format", "-t", cluster_id, *config, "-s", "-r", "2.8"), "Unknown release version '2.8'"),
                (("format", "-t", cluster_id, *config, "-I", "nonsense"), "ID@HOST:PORT:DIRECTORY"),
                (("format", "-t", cluster_id, *config, "-I", f"1@127.0.0.1:{port}:{directory_id}"),
                 "controller.quorum.voters"),
                (("format", "-t", cluster_id, "-c", node.config_file + ".absent"), "no such file"),
                (("info", *config, "-s"), "--standalone does not go with info"),
                (("random-uuid", *config), "--config does not go with random-uuid"),
                (("version-mapping", "-r", "2.8"), "Unknown release version '2.8'"),
                (("version-mapping", *config), "--config does not go with version-mapping"),
                (("feature-dependencies",), "feature-dependencies needs --feature"),
                (("feature-dependencies", "-f", "group.version=9"), "Feature level 9 is not supported")):
            storage(*arguments, status=1, err=pattern)
        check(not os.path.exists(node.log_dir), "a refused format makes directories")
        storage("version-mapping", "-r", "3.9", out="(?m)^group.version=0\n")
        storage("feature-dependencies", "-f", "group.version=1", out="^group.version=1 has no dependencies.\n$")
        storage("format", "-t", cluster_id, *config, "-r", "4.1", "-f", "group.version=1",
                "-f", "transaction.version=2", "-I", f"0@127.0.0.1:{port}:{directory_id}",
                out="Formatting")
        check_equal(meta(node.log_dir)["directory.id"], directory_id, "the directory's id")
        storage("info", *config, out=f"Found log directories:\n  {node.log_dir}\n\nFound metadata: "
                f"{{cluster.id={cluster_id}, directory.id={directory_id}, node.id=0, version=1}}\n\n$")
        cluster.start()
        check_equal(id_of(node), cluster_id, "the cluster's id")


tap.run()
