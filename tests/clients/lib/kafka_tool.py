"""Apache Kafka's own command-line tools, as classes of Java."""
import os
import subprocess

from node import ROOT
from tap import Skip, check_equal

LIBRARY = os.path.join(ROOT, "build", "clients", "kafka-tools", "lib")
DEADLINE_S = 120


def kafka(tool_class, *arguments):
    done = kafka_run(tool_class, *arguments)
    check_equal(done.returncode, 0, f"the status of {tool_class} {arguments}\n"
                f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def kafka_run(tool_class, *arguments, stdin=""):
    if not any(name.startswith("kafka-tools-") for name in
               (os.listdir(LIBRARY) if os.path.isdir(LIBRARY) else [])):
        raise Skip("Apache Kafka's tools are not here: they need Maven (make clients says why)")
    return subprocess.run(["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp",
                           os.path.join(LIBRARY, "*"), tool_class, *arguments],
                          text=True, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=DEADLINE_S)
