#!/usr/bin/env python3
"""What a broker answers to what it can't do: the error ends the client's tries and says why, and the
log names it once."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tap
import wire
from cluster import Cluster
from tap import check, check_equal, test
from wait import wait_until

DEADLINE_S = 30
ABSENT = 29  # DescribeAcls


def closed(port, api, version=0):
    """Whether the broker closes the connection of who asks for this."""
    try:
        wire.ask(port, wire.request(api, version, b""))
    except ConnectionError:
        return True
    return False


@test("an API that is not served closes the connection; its name is logged, once a minute")
def absent_apis():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        for _ in range(3):
            check(closed(node.port, ABSENT), "DescribeAcls is answered")
            check(closed(node.port, 999), "api key 999 is answered")
        check(closed(node.port, wire.METADATA, 99), "Metadata v99 is answered")

        def lines(text):
            return [line for line in node.log_text().splitlines() if text in line]
        wait_until(lambda: lines("Metadata, api key 3, version 99"), DEADLINE_S, "the last is logged")
        check_equal(len(lines("DescribeAcls, api key 29, version 0")), 1, "the lines of DescribeAcls")
        check_equal(len(lines("api key 999")), 1, "the lines of api key 999")
        check(not lines("invalid request"), "an API that is absent is called an invalid request")


@test("librdkafka: init_transactions ends at once and says why")
def transactions():
    try:
        import confluent_kafka
    except ImportError:
        raise tap.Skip("the Python package confluent_kafka is not installed in build/venv") from None
    with Cluster(1) as cluster:
        producer = confluent_kafka.Producer({"bootstrap.servers": cluster.bootstrap,
                                             "transactional.id": "t"})
        error = None
        try:
            producer.init_transactions(DEADLINE_S)
        except confluent_kafka.KafkaException as failed:
            error = failed.args[0]
        check(error and error.fatal(), f"init_transactions: {error} is not final")
        check("transactions are not available" in error.str(), f"no reason: {error.str()}")


tap.run()
