#!/usr/bin/env python3
"""What is made of the tables of options: completion for bash and zsh, manual pages, what `make
install` puts where."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import re
import shutil
import subprocess
import tempfile

import tap
from cluster import Cluster
from confluent_kafka import Consumer, TopicPartition
from node import BUILD, ROOT
from tap import Skip, check, check_equal, test
from tool import MILLRACE, tool
from wait import wait_until

DEADLINE_S = 120
BASH = """
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*"
_millrace "$1"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def run(*arguments, **options):
    done = subprocess.run(arguments, text=True, capture_output=True, timeout=DEADLINE_S, **options)
    check(done.returncode == 0 and not done.stderr, f"{arguments}: {done.returncode} {done.stderr!r}")
    return done.stdout


@test("completion in bash: tools, commands, options, values")
def completion_bash():
    with tempfile.TemporaryDirectory(prefix="millrace-test-") as directory:
        script = os.path.join(directory, "millrace")
        open(os.path.join(directory, "settings.json"), "w").close()
        with open(script, "w") as file:
            file.write(tool("millrace", "completion", "bash").stdout)

        def offered(*words):
            return run("bash", "-c", BASH, "bash", script, *words, cwd=directory).split()
        check_equal(offered("millrace", "leader"), ["leader-election"], "the tools")
        check_equal(offered("millrace", "help", "top"), ["topics"], "help of tools")
        check_equal(offered("millrace", "man", "delete"), ["delete-records"], "pages of tools")
        for name in ("/opt/bin/kafka-topics.sh", "kafka-topics.sh", "kafka-topics"):
            check_equal(offered(name, "--crea"), ["--create"], f"the options of {name}")
        check_equal(offered("millrace", "topics", "--unav"), ["--unavailable-partitions"], "options")
        check("--zookeeper" not in offered("kafka-topics", "--"), "an old option is offered")
        check_equal(offered("kafka-leader-election", "--election-type", ""), ["preferred", "unclean"], "values")
        check_equal(offered("kafka-log-dirs.sh", "--format", "j"), ["json"], "values")
        check_equal(offered("kafka-log-dirs.sh", "-format", "t"), ["table"], "values behind one dash")
        check_equal(offered("kafka-log-dirs.sh", "-c", "set"), ["settings.json"], "files")
        check_equal(offered("kafka-topics", "--partitions", ""), [], "values that can't be known")
        check_equal(offered("kafka-topics", "--topic", ""), [], "topics of no cluster")
        for arguments, words in ((("kafka-configs", "--entity-type", "b"), ["brokers", "broker-loggers"]),
                                 (("kafka-console-consumer", "--isolation-level", "read_c"), ["read_committed"]),
                                 (("kafka-console-consumer", "--offset", ""), ["earliest", "latest"]),
                                 (("kafka-get-offsets", "--time", "max"), ["max-timestamp"]),
                                 (("kafka-groups", "--group-type", "s"), ["share", "streams"]),
                                 (("kafka-server-stop", "--process-role", ""), ["broker", "controller"]),
                                 (("millrace", "topics", "--format", ""), ["json", "table"]),
                                 (("millrace", "replica-verification", "--format", ""), ["json"]),
                                 (("kafka-consumer-groups", "--list", "--state", "St"), ["Stable"])):
            check_equal(offered(*arguments), words, f"what is offered for {arguments}")
        # A value that may be left out: words of it, and the options that may follow.
        offer = offered("kafka-console-producer", "--compression-codec", "")
        check("zstd" in offer and "--topic" in offer, f"behind --compression-codec is offered {offer}")
        check_equal(offered("kafka-server-start.sh", "set"), ["settings.json"], "files as arguments")
        check_equal(offered("kafka-cluster.sh", "unreg"), ["unregister", "unregister-controller"], "commands")
        check_equal(offered("millrace", "completion", "z"), ["zsh"], "commands of our own")
        check_equal(offered("millrace-server", "--o"), ["--override"], "options of the server")
        # All that has no meaning to bash-completion's own functions: each name is registered.
        names = run("bash", "-c", 'source "$1"; complete -p', "bash", script).split()
        for name in ("millrace", *tool("millrace", "help", "links").stdout.split()):
            check(name in names, f"{name} is not registered")


@test("completion in bash: topics and groups of the cluster that the line or the environment names")
def completion_asks():
    with Cluster(1) as cluster:
        cluster.create_topic("orders")
        cluster.create_topic("offers")
        client = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "idle"})
        client.commit(offsets=[TopicPartition("orders", 0, 0)], asynchronous=False)
        client.close()
        script = os.path.join(cluster.directory, "millrace.bash")
        with open(script, "w") as file:
            file.write(tool("millrace", "completion", "bash").stdout)
        tools = os.path.dirname(MILLRACE)

        def offered(*words, **variables):
            return run("bash", "-c", BASH, "bash", script, *words, env={**os.environ, **variables}).split()

        def offers(*line, words, **variables):
            """A person presses the key again: the script gives the cluster a second to answer."""
            wait_until(lambda: offered(*line, **variables) == words, DEADLINE_S, f"{words} are offered for {line}")
        for server in (("--bootstrap-server", cluster.bootstrap), ("-b", cluster.bootstrap),
                       (f"--bootstrap-server={cluster.bootstrap}",)):
            offers(f"{tools}/kafka-topics.sh", *server, "--topic", "o", words=["offers", "orders"])
        offers(f"{tools}/millrace", "consumer-groups", "-b", cluster.bootstrap, "--group", "", words=["idle"])
        offers(f"{tools}/millrace", "topics", "--topic", "or", words=["orders"], MILLRACE_BOOTSTRAP=cluster.bootstrap)
        check_equal(offered(f"{tools}/kafka-topics.sh", "-b", "127.0.0.1:1", "--topic", "o"), [], "nobody there")


@test("completion in zsh is a script of zsh")
def completion_zsh():
    text = tool("millrace", "completion", "zsh").stdout
    check_equal(text.split("\n", 1)[0].split()[:2], ["#compdef", "millrace"], "the first line")
    for spec in (r"'--election-type[The first replica of each; or one that is not in sync where no leader is left\: "
                 r"records may be lost.]:preferred|unclean:(preferred unclean)'",
                 "'--topic[The topic; a regular expression, except with --create.]:NAME:_millrace_topics'",
                 "'--command-config[A file of client properties, such as client.id.]:FILE:_files'",
                 "'-i[unregister, unregister-controller\\: the node'\\''s id.]:N: '"):
        check(spec in text, f"{spec} is not in the script")
    if not shutil.which("zsh"):
        raise Skip("zsh is not here")
    run("zsh", "-n", "-c", text)


@test("a completion for a shell that is none, a page of a tool that is none")
def mistakes():
    for arguments, word in ((("completion", "fish"), "bash or zsh"), (("completion",), "bash|zsh"),
                            (("man", "nonsense"), "there is no tool nonsense"),
                            (("man", "--list", "topics"), "leave topics out")):
        done = tool("millrace", *arguments, check_status=False)
        check_equal((done.returncode, done.stdout), (1, ""), f"status and stdout of {arguments}")
        check(word in done.stderr, f"{arguments} says {done.stderr!r}")


def page(*words):
    text = tool("millrace", "man", *words).stdout
    if shutil.which("groff"):
        return run("groff", "-man", "-Tascii", "-ww", "-P-c", "-P-b", "-P-u", input=text)
    return text.replace("\\-", "-")


@test("manual pages: one for each tool, which groff reads without a warning")
def pages():
    listed = [line.split() for line in tool("millrace", "man", "--list").stdout.splitlines()]
    for name, title in listed:
        text = page(name)
        check(title.upper() in text.splitlines()[0] if shutil.which("groff") else title.upper() in text,
              f"the title of {name}'s page: {text[:200]}")
        check("EXIT STATUS" in text and "--help" in text, f"the page of {name}: {text}")
    check(len(listed) > 30 and ["topics", "kafka-topics"] in listed, f"the pages are {listed}")
    text = re.sub(r"\s+", " ", page("kafka-topics"))
    for words in ("kafka-topics - Create, list, describe, alter and delete topics.", "-b, --bootstrap-server",
                  "It goes with --create or --alter."):
        check(words in text or not shutil.which("groff"), f"{words!r} is not in {text}")
    text = re.sub(r"\s+", " ", page("kafka-cluster"))
    check("It goes with unregister or unregister-controller." in text, f"the page of kafka-cluster: {text}")
    text = re.sub(r"\s+", " ", page())
    check("MILLRACE_BOOTSTRAP" in text and "leader-election" in text, f"millrace's page: {text}")


@test("make install: pages and completion for each name")
def installed():
    with tempfile.TemporaryDirectory(prefix="millrace-test-") as directory:
        run(os.path.join(ROOT, "deploy", "install.sh"), os.path.abspath(BUILD), directory, "/usr", "/etc")
        share = os.path.join(directory, "usr", "share")
        links = tool("millrace", "help", "links").stdout.split()
        pages_there = os.listdir(os.path.join(share, "man", "man1"))
        for line in tool("millrace", "man", "--list").stdout.splitlines():
            check(f"{line.split()[1]}.1" in pages_there, f"{line} has no page: {pages_there}")
        check("millrace.1" in pages_there, f"the pages are {pages_there}")
        completions = os.path.join(share, "bash-completion", "completions")
        for name in ("millrace", *links):
            with open(os.path.join(completions, name)) as file:
                check("_millrace_tool" in file.read(), f"the completion of {name}")
        check(os.path.getsize(os.path.join(share, "zsh", "site-functions", "_millrace")) > 1000, "that of zsh")


tap.run()
