"""N real daemons on free ports in a temporary directory, and what they say of themselves."""
import os
import re
import shutil
import signal
import tempfile

import wire
from node import Node, free_port
from tap import check, note
from tool import tool
from wait import wait_until

START_DEADLINE_S = 120  # a sanitizer's build on a busy machine
ISR_DEADLINE_S = 120


class Cluster:
    """with Cluster(3) as c: starts the nodes, waits until they serve. At the end of a good test
    every node must stop on SIGTERM with status 0 and without a sanitizer's report; after a failure
    the logs are printed and the nodes killed."""

    def __init__(self, count=3, start=True, **settings):
        self.directory = tempfile.mkdtemp(prefix="millrace-test-")
        self.start_at_once = start
        common = {key.replace("_", "."): value for key, value in settings.items()}
        if count > 1:
            voters = [free_port() for _ in range(count)]
            common["controller.quorum.voters"] = ",".join(
                f"{i}@127.0.0.1:{port}" for i, port in enumerate(voters))
            common["default.replication.factor"] = min(count, 3)
        if count < 3:
            common.setdefault("transaction.state.log.replication.factor", count)
        self.nodes = [Node(self.directory, i, dict(common)) for i in range(count)]

    def __enter__(self):
        if self.start_at_once:
            try:
                self.start()
            except BaseException:
                self._give_up()
                raise
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            self._give_up()
            return
        try:
            self.stop()
        except BaseException:
            self._give_up()
            raise
        self._remove()

    # ---- life ----

    def start(self):
        for node in self.nodes:
            if not node.running():
                node.start()
        self.wait_serving()
        # Until then no other than the first active controller may be elected.
        wait_until(lambda: not any(os.path.exists(os.path.join(node.log_dir, "controller", "newcomer"))
                                   for node in self.nodes), START_DEADLINE_S, "all voters vote")

    def kill_all(self):
        """kill -9 of all before the first end is waited for: none notices that another one died."""
        for node in self.nodes:
            node.process.kill()
        for node in self.nodes:
            node.process.wait()

    def stop(self):
        running = [node for node in self.nodes if node.running()]
        for node in running:
            node.signal(signal.SIGCONT)
            node.signal(signal.SIGTERM)
        for node in running:
            status = node.wait_exit()
            check(status == 0, f"node {node.id} ended on SIGTERM with status {status}")
        for node in self.nodes:
            report = node.sanitizer_report()
            check(not report, f"node {node.id}: {report}")

    def _give_up(self):
        for node in self.nodes:
            if node.running():
                node.kill()
        for node in self.nodes:
            note(f"---- end of the log of node {node.id}")
            note(node.sanitizer_report() or node.log_end())
        self._remove()

    def _remove(self):
        if os.environ.get("KEEP"):
            note(f"kept: {self.directory}")
        else:
            shutil.rmtree(self.directory, ignore_errors=True)

    # ---- what it says ----

    @property
    def bootstrap(self):
        return ",".join(node.address for node in self.nodes)

    def running(self):
        return [node for node in self.nodes if node.running()]

    def serving(self):
        """Every running node knows every running node. A node that ended by itself fails the test."""
        for node in self.nodes:
            check(node.process is None or node.running() or node.process.returncode < 0,
                  f"node {node.id} ended with status {node.process and node.process.returncode}")
        ids = {node.id for node in self.running()}
        return all(ids <= set(wire.metadata(node.port).brokers) for node in self.running())

    def wait_serving(self, deadline_s=START_DEADLINE_S):
        wait_until(self.serving, deadline_s, "all running nodes serve metadata of each other")

    def partition(self, topic, partition=0, at=None):
        """(leader, replicas, isr) as the first running node, or `at`, knows it, else None."""
        for node in [at] if at else self.running():
            found = wire.metadata(node.port).topics.get(topic, {}).get(partition)
            if found:
                return found
        return None

    def leader(self, topic, partition=0):
        """The node that leads; waits for one that runs."""
        def look():
            found = self.partition(topic, partition)
            node = self.nodes[found[0]] if found and found[0] >= 0 else None
            return node if node and node.running() else None
        return wait_until(look, ISR_DEADLINE_S, f"{topic}-{partition} has a living leader")

    def isr_whole(self, topic):
        for node in self.running():
            partitions = wire.metadata(node.port).topics.get(topic)
            if not partitions:
                return False
            for leader, replicas, isr in partitions.values():
                if leader < 0 or sorted(replicas) != sorted(isr):
                    return False
        return True

    def wait_isr_whole(self, topic, deadline_s=ISR_DEADLINE_S):
        wait_until(lambda: self.isr_whole(topic), deadline_s, f"every replica of {topic} in sync")

    def logs_open(self, topic):
        """Whether the leader of each partition answers for it: a new one leads before its log is open."""
        known = wire.metadata(self.running()[0].port)
        by_leader = {}
        for index, (leader, _, _) in known.topics[topic].items():
            by_leader.setdefault(leader, []).append(index)
        return all(leader in known.brokers and
                   not any(wire.offset_errors(known.brokers[leader][1], topic, partitions).values())
                   for leader, partitions in by_leader.items())

    def wait_new_leader(self, topic, old, deadline_s=ISR_DEADLINE_S):
        def look():
            found = self.partition(topic)
            return found and found[0] >= 0 and found[0] != old.id
        wait_until(look, deadline_s, f"{topic} is led by another than {old.id}")
        return self.leader(topic)

    def controller(self):
        """The node whose controller is active."""
        def look():
            address = self.running()[0].address
            done = tool("kafka-metadata-quorum.sh", "--bootstrap-server", address, "describe",
                        "--status", check_status=False)
            for line in done.stdout.splitlines():
                if line.startswith("LeaderId:"):
                    node_id = int(line.split()[1])
                    return self.nodes[node_id] if node_id >= 0 else None
            return None
        return wait_until(look, START_DEADLINE_S, "the quorum names a leader")

    def create_topic(self, name, partitions=1, replicas=None, wait_isr=True, **configs):
        """Every running node knows it, every replica is in sync, and every leader serves it, when this
        returns."""
        arguments = ["--create", "--topic", name, "--partitions", str(partitions),
                     "--replication-factor", str(replicas or min(len(self.nodes), 3))]
        for key, value in configs.items():
            arguments += ["--config", f"{key.replace('_', '.')}={value}"]
        tool("kafka-topics.sh", "--bootstrap-server", self.running()[0].address, *arguments)
        wait_until(lambda: all(name in wire.metadata(n.port).topics for n in self.running()),
                   START_DEADLINE_S, f"every node knows {name}")
        if wait_isr:
            self.wait_isr_whole(name)
            wait_until(lambda: self.logs_open(name), ISR_DEADLINE_S, f"the leaders of {name} serve it")

    def set_level(self, feature, level):
        """The level of a feature, whatever it was; the brokers have heard of it soon after."""
        how = "upgrade" if level > self.level(feature) else "downgrade"
        tool("kafka-features.sh", "--bootstrap-server", self.running()[0].address, how, "--feature",
             f"{feature}={level}")
        wait_until(lambda: all(self.level(feature, node) == level for node in self.running()),
                   START_DEADLINE_S, f"every node acts by {feature}={level}")

    def level(self, feature, at=None):
        told = tool("kafka-features.sh", "--bootstrap-server", (at or self.running()[0]).address,
                    "describe").stdout
        return int(re.search(rf"Feature: {feature}\t.*FinalizedVersionLevel: (\d+)", told).group(1))

    def delete_topic(self, name):
        tool("kafka-topics.sh", "--bootstrap-server", self.running()[0].address, "--delete",
             "--topic", name)
        wait_until(lambda: all(name not in wire.metadata(n.port).topics for n in self.running()),
                   START_DEADLINE_S, f"no node knows {name}")
