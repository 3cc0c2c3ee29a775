"""Apache Kafka as the benchmark drives it: three combined KRaft nodes on free ports, with the flags of
its own start script. The same surface as the Cluster of tests/cluster/lib, as far as needed."""
import os
import shutil
import subprocess
import tempfile

from cluster import Cluster
from node import BUILD, ROOT, Node, free_port, spawn

JARS = os.path.join(BUILD, "bench", "kafka", "lib")
POM = os.path.join(ROOT, "tests", "bench", "kafka", "pom.xml")
CLUSTER_ID = "bWlsbHJhY2UtYmVuY2gtMQ"  # 16 bytes as Kafka writes ids
JVM = ["-Xms1G", "-Xmx1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
       "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent",
       "-Djava.awt.headless=true"]


def install():
    """Fetches the jars once; False when there is no Java, no Maven or no registry."""
    if os.path.isdir(JARS) and os.listdir(JARS):
        return True
    if not shutil.which("mvn") or not shutil.which("java"):
        return False
    done = subprocess.run(["mvn", "-q", "-B", "-f", POM, "dependency:copy-dependencies",
                           f"-DoutputDirectory={JARS}"], stdout=subprocess.DEVNULL)
    return done.returncode == 0


def java(*arguments, **options):
    return subprocess.run(["java", "-cp", f"{JARS}/*", *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options)


class KafkaNode(Node):
    def start(self, *arguments):
        self.write_config()
        if not os.path.exists(os.path.join(self.log_dir, "meta.properties")):
            done = java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c",
                        self.config_file)
            assert done.returncode == 0, done.stdout
        self.launch()

    def launch(self):
        with open(self.log_file, "ab") as log:
            self.process = spawn(["java", *JVM, "-cp", f"{JARS}/*", "kafka.Kafka",
                                  self.config_file], stdin=subprocess.DEVNULL, stdout=log,
                                 stderr=log)


class KafkaCluster(Cluster):
    def __init__(self, count=3, start=True):
        self.directory = tempfile.mkdtemp(prefix="millrace-bench-kafka-")
        self.start_at_once = start
        controllers = [free_port() for _ in range(count)]
        self.nodes = [KafkaNode(self.directory, i, {}) for i in range(count)]
        voters = ",".join(f"{i}@127.0.0.1:{port}" for i, port in enumerate(controllers))
        for node, port in zip(self.nodes, controllers):
            node.settings = {
                "process.roles": "broker,controller",
                "node.id": node.id,
                "listeners": f"PLAINTEXT://127.0.0.1:{node.port},CONTROLLER://127.0.0.1:{port}",
                "advertised.listeners": f"PLAINTEXT://127.0.0.1:{node.port}",
                "controller.listener.names": "CONTROLLER",
                "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
                "controller.quorum.voters": voters,
                "log.dirs": node.log_dir,
                "offsets.topic.replication.factor": count,
            }

    def prepare(self):
        """Kafka's format step, which is not part of a start."""
        for node in self.nodes:
            node.write_config()
            done = java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c",
                        node.config_file)
            assert done.returncode == 0, done.stdout

    def __exit__(self, kind, value, trace):
        for node in self.nodes:
            if node.running():
                node.kill()
        self._remove()
