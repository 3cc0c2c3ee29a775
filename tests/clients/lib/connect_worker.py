"""A worker of Kafka Connect as a child, standalone or distributed, and its REST interface."""
import json
import os
import signal
import urllib.request

from lib_path import CLUSTER_LIB  # noqa: F401 makes the harness importable

from member import Program
from node import free_port
from wait import wait_until

CLI = "org.apache.kafka.connect.cli."
REST_S = 90  # Connect's own limit for a request that waits for the group
COMMON = {"key.converter": "org.apache.kafka.connect.storage.StringConverter",
          "value.converter": "org.apache.kafka.connect.storage.StringConverter",
          "plugin.discovery": "service_load", "offset.flush.interval.ms": 500,
          "consumer.isolation.level": "read_committed", "consumer.session.timeout.ms": 6000,
          "consumer.heartbeat.interval.ms": 500}
DISTRIBUTED = {"group.id": "connect-workers", "exactly.once.source.support": "enabled",
               "config.storage.topic": "connect-configs", "offset.storage.topic": "connect-offsets",
               "status.storage.topic": "connect-status", "offset.storage.partitions": 5,
               "scheduled.rebalance.max.delay.ms": 0, "session.timeout.ms": 6000,
               "heartbeat.interval.ms": 500}
SOURCE, SINK = "file-source", "file-sink"


def source(path, topic):
    return {"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
            "tasks.max": 1, "file": path, "topic": topic}


def sink(path, topic):
    return {"connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
            "tasks.max": 1, "file": path, "topics": topic}


def write_properties(path, settings):
    with open(path, "w") as file:
        for key, value in settings.items():
            file.write(f"{key}={value}\n")
    return path


class Worker(Program):
    """Its files are in `directory`, which it has for itself. A standalone worker is told its
    connectors with the start; the distributed ones of a cluster have them in a topic."""

    def __init__(self, path, bootstrap, directory, connectors=None):
        self.port = free_port()
        os.makedirs(directory, exist_ok=True)
        settings = {**COMMON, "bootstrap.servers": bootstrap, "listeners": f"http://127.0.0.1:{self.port}"}
        settings.update({"offset.storage.file.filename": os.path.join(directory, "offsets")}
                        if connectors else DISTRIBUTED)
        files = [write_properties(os.path.join(directory, "worker.properties"), settings)]
        for name, connector in (connectors or {}).items():
            files.append(write_properties(os.path.join(directory, f"{name}.properties"),
                                          {"name": name, **connector}))
        super().__init__(path, CLI + ("ConnectStandalone" if connectors else "ConnectDistributed"), *files)

    def rest(self, method, where, body=None):
        """The answer; an error of HTTP is one of OSError's family, which wait_until() takes as not yet."""
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{where}", method=method,
                                       data=None if body is None else json.dumps(body).encode(),
                                       headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=REST_S) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def threads(self):
        """What each thread of the JVM waits for, but for those that always wait."""
        begin = len(self.lines)
        self.child.send_signal(signal.SIGQUIT)
        wait_until(lambda: any(words[:2] == ["JNI", "global"] for words in self.lines[begin:]), REST_S,
                   "the JVM shows its threads")
        text = "\n".join(" ".join(words) for words in self.lines[begin:])
        return "\n\n".join(part for part in text.replace("\n\"", "\n\n\"").split("\n\n")
                           if "org.apache.kafka" in part)

    def configure(self, name, connector, deadline_s):
        """While the workers elect a leader they refuse it."""
        def put():
            self.check_alive()
            return self.rest("PUT", f"/connectors/{name}/config",
                             {key: str(value) for key, value in connector.items()})
        try:
            wait_until(put, deadline_s, f"the worker takes the connector {name}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.described()}") from None

    def task_state(self, name):
        """(state, worker's address) of the connector's only task, or None."""
        tasks = self.rest("GET", f"/connectors/{name}/status")["tasks"]
        return (tasks[0]["state"], tasks[0]["worker_id"]) if tasks else None

    def restart_failed(self, name):
        """What an operator does with a task that failed."""
        state = self.task_state(name)
        if state and state[0] == "FAILED":
            self.rest("POST", f"/connectors/{name}/tasks/0/restart")
            return True
        return False
