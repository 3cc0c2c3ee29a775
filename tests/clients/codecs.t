#!/usr/bin/env python3
"""Every client writes with every codec, and every client reads what each of them wrote."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster", "lib"))

import tap
from cluster import Cluster
from java import command, java
from load import PRODUCER, Producer, read_all
from tap import Skip, check, check_equal, test

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
COUNT = 200  # a few batches of each client


def values():
    return [f"{n}" for n in range(COUNT)]


# ---- writers: each sends the values in order to partition 0, all acknowledged by all replicas ----

def write_python(cluster, topic, codec):
    errors = []
    producer = Producer({**PRODUCER, "bootstrap.servers": cluster.bootstrap,
                         "compression.type": codec})
    for value in values():
        producer.produce(topic, value, partition=0,
                         on_delivery=lambda error, _: errors.append(error) if error else None)
    check_equal(producer.flush(60), 0, "the number of records never answered")
    check_equal(errors, [], "the list of errors")


def need_kcat():
    if not shutil.which("kcat"):
        raise Skip("kcat is not installed (Debian package kcat)")


def write_kcat(cluster, topic, codec):
    need_kcat()
    done = subprocess.run(["kcat", "-P", "-b", cluster.bootstrap, "-t", topic, "-p", "0", "-z", codec,
                           "-X", "acks=all"], input="\n".join(values()) + "\n", text=True,
                          capture_output=True, timeout=120)
    check_equal(done.returncode, 0, f"kcat's status ({done.stderr})")


def write_java(cluster, topic, codec):
    acks = java("produce", cluster.bootstrap, topic, codec, str(COUNT)).split("\n")
    check_equal([line for line in acks if line], [f"ack {n} {n}" for n in range(COUNT)],
                "what the Java producer reports")


# ---- readers ----

def read_python(cluster, topic):
    return [value.decode() for _, value in read_all(cluster.bootstrap, topic)]


def read_kcat(cluster, topic):
    need_kcat()
    done = subprocess.run(["kcat", "-C", "-b", cluster.bootstrap, "-t", topic, "-p", "0", "-o",
                           "beginning", "-e", "-q", "-X", "check.crcs=true"], text=True,
                          capture_output=True, timeout=120)
    check_equal(done.returncode, 0, f"kcat's status ({done.stderr})")
    return done.stdout.split()


def read_java(cluster, topic):
    lines = java("consume", cluster.bootstrap, topic, str(COUNT)).split("\n")
    return [line.split()[2] for line in lines if line]


WRITERS = {"python": write_python, "kcat": write_kcat, "java": write_java}
READERS = {"python": read_python, "kcat": read_kcat, "java": read_java}


def check_writer(writer):
    if writer == "java":
        command()  # skips when it is not there
    with Cluster(3) as cluster:
        skipped = set()
        for codec in CODECS:
            topic = f"{writer}-{codec}"
            cluster.create_topic(topic)
            WRITERS[writer](cluster, topic, codec)
            for reader, read in READERS.items():
                try:
                    check_equal(read(cluster, topic), values(),
                                f"what {reader} reads of {writer}'s {codec}")
                except Skip as reason:
                    skipped.add(f"reader {reader}: {reason}")
        for reason in sorted(skipped):
            tap.note(f"SKIP {reason}")


@test("confluent-kafka for Python writes every codec, every client reads it")
def python_writes():
    check_writer("python")


@test("kcat writes every codec, every client reads it")
def kcat_writes():
    check_writer("kcat")


@test("the Java client 2.1.0 writes every codec, every client reads it")
def java_writes():
    check_writer("java")


@test("a topic that does not exist is created by its first use, by each client")
def auto_create():
    with Cluster(3) as cluster:
        write_python(cluster, "auto-python", "none")
        check_equal(len(read_python(cluster, "auto-python")), COUNT, "records of auto-python")
        write_kcat(cluster, "auto-kcat", "none")
        check_equal(len(read_kcat(cluster, "auto-kcat")), COUNT, "records of auto-kcat")
        write_java(cluster, "auto-java", "none")
        check(len(read_java(cluster, "auto-java")) == COUNT, "records of auto-java")


tap.run()
