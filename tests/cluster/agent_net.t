#!/usr/bin/env python3
"""The agent's network parts over real sockets: agents chained to agents, clients that send what they
should not, and ends that are killed."""
import collections
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import hashlib
import json
import re
import socket
import struct
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import tap
from agent import DEADLINE_S, LOGGER, MEMORY, TAIL, Agent, ends, read, to_topic
from cluster import Cluster
from cutter import Cutter
from node import ROOT, free_port
from tap import check, check_equal, note, test
from tool import tool
from wait import wait_until

AVRO = "sources.r1.type = avro\nsources.r1.bind = localhost\nsources.r1.port = {port}\n"


def to_avro(port, base=MEMORY, **settings):
    lines = "".join(f"sinks.k1.{key.replace('_', '-')} = {value}\n" for key, value in settings.items())
    return base + f"sinks.k1.type = avro\nsinks.k1.hostname = localhost\nsinks.k1.port = {port}\n{lines}"


def netcat(agent, *lines):
    with socket.create_connection(("localhost", agent.port()), DEADLINE_S) as line:
        line.sendall(b"".join(text.encode() + b"\n" for text in lines))
        answers = line.makefile()
        check_equal([answers.readline() for _ in lines], ["OK\n"] * len(lines), "the answers")


@test("avro: three agents in a chain, plain and compressed; headers come along")
def chain():
    deflate = "sources.r1.compression-type = deflate\n"
    with Agent(LOGGER + AVRO.format(port=0) + deflate) as last:
        middle_settings = to_avro(last.port(), compression_type="deflate", batch_size=7) + AVRO.format(port=0)
        with Agent(middle_settings) as middle:
            first_settings = to_avro(middle.port()) + """
sources.r1.type = netcat
sources.r1.bind = localhost
sources.r1.port = 0
sources.r1.interceptors = i1
sources.r1.interceptors.i1.type = static
sources.r1.interceptors.i1.key = where
sources.r1.interceptors.i1.value = here
"""
            with Agent(first_settings) as first:
                netcat(first, *[f"line {i:03}" for i in range(250)])
                last.wait_told(r"headers:\{where=here\} body: .*line 249")
        check_equal(last.told().count("headers:{where=here}"), 250, "the events, each once")


@test("thrift: two hops, by the compact and by the binary protocol; garbage ends its connection")
def thrift():
    with Agent(LOGGER + AVRO.format(port=0).replace("avro", "thrift") + "sources.r1.protocol = binary\n") as last:
        middle_settings = to_avro(last.port(), protocol="binary") + AVRO.format(port=0)
        with Agent(middle_settings.replace("= avro", "= thrift")) as middle:
            first_settings = to_avro(middle.port()).replace("= avro", "= thrift") + """
sources.r1.type = netcat
sources.r1.bind = localhost
sources.r1.port = 0
"""
            with Agent(first_settings) as first:
                netcat(first, *[f"line {i:03}" for i in range(250)])
                last.wait_told(r"body: .*line 249")
            for frame in (b"GET / HTTP/1.1\r\n\r\n", struct.pack(">I", 0x7fffffff), b"\0\0\0\1x"):
                with socket.create_connection(("localhost", middle.port()), DEADLINE_S) as bad:
                    bad.sendall(frame)
                    check_equal(bad.recv(100), b"", "the connection ends")
        check_equal(last.told().count("Event:"), 250, "the events, each once")


@test("avro: connections are cut while answers are on their way: nothing is lost, repeats are a batch a cut at most")
def cut():
    cuts = [0, 100, 20, 300, 1]
    with Cluster(1) as cluster:
        cluster.create_topic("t")
        with Agent(to_topic(cluster, "t") + AVRO.format(port=0)) as far, \
                Cutter(far.port(), cuts) as cutter, Agent(to_avro(cutter.port) + TAIL) as near:
            wanted = [f"line {i}" for i in range(5000)]
            near.append("a.log", "".join(line + "\n" for line in wanted))
            wait_until(lambda: cutter.count == len(cuts) and ends(cluster, "t") >= 5000 and
                       wanted[-1] in read(cluster, "t", ends(cluster, "t")), DEADLINE_S, "the last line")
        got = collections.Counter(read(cluster, "t", ends(cluster, "t")))
        check_equal(set(got), set(wanted), "the lines")
        repeats = sum(got.values()) - len(wanted)
        note(f"{repeats} lines came twice after {len(cuts)} cuts")
        check(repeats <= 100 * len(cuts), "more than a batch for each cut")


@test("avro-client sends a file, or stdin, with headers; it ends with 1 when the other side does not take it")
def avro_client():
    with Agent(LOGGER + AVRO.format(port=0)) as agent:
        port = str(agent.port())
        agent.append("headers", "where = there\n")
        agent.append("lines", "".join(f"line {i}\n" for i in range(330)) + "no end")
        done = tool("flume-ng", "avro-client", "-H", "localhost", "-p", port, "-F", agent.path("lines"),
                    "-R", agent.path("headers"))
        check_equal((done.stdout, done.stderr), ("", ""), "what it says")
        agent.wait_told(r"headers:\{where=there\} body: .*no end")
        check_equal(agent.told().count("Event:"), 331, "the events")
        tool("flume-ng", "avro-client", "--host", "localhost", "--port", port, stdin="from stdin\n")
        agent.wait_told(r"headers:\{\} body: .*from stdin")
    done = tool("flume-ng", "avro-client", "-H", "localhost", "-p", str(free_port()), stdin="x\n", check_status=False)
    check_equal(done.returncode, 1, "the status without a source")
    check("connection refused" in done.stdout + done.stderr, done.stderr)
    check("the first 0 lines went over" in done.stderr, done.stderr)
    done = tool("flume-ng", "avro-client", "-p", "1", check_status=False)
    check("Give --host HOST and --port PORT" in done.stderr, done.stderr)


def handshake(known=True):
    with open(os.path.join(ROOT, "tools", "agent", "avro_rpc.c")) as file:
        text = file.read().split("avro_text[] =")[1].split(";\n")[0]
    text = "".join(line.strip()[1:-1] for line in text.splitlines() if line.strip()).replace('\\"', '"')
    digest = hashlib.md5(text.encode()).digest()
    return (digest if known else b"?" * 16) + b"\0" + digest + b"\0"


def avro_call(payload, serial=1):
    return struct.pack(">IIII"[:4], serial, 1, len(payload)) + payload


@test("avro: the hash of our protocol is that of its text; strangers are asked; garbage ends its connection only")
def hostile():
    append = b"\0\x0cappend\0\x04hi"
    frames = {
        "no frame at all": b"GET / HTTP/1.1\r\n\r\n",
        "a frame over the limit": struct.pack(">III", 1, 1, 0x7fffffff),
        "no call": avro_call(b"\xff" * 40),
        "a call that ends early": avro_call(handshake() + append[:-1]),
    }
    with Agent(LOGGER + AVRO.format(port=0) + "sources.r1.ipFilter = true\n"
               "sources.r1.ipFilterRules = allow:ip:127.*,allow:ip:*:*,deny:ip:*\n") as agent:
        port = agent.port()
        with socket.create_connection(("localhost", port), DEADLINE_S) as good, \
                socket.create_connection(("localhost", port), DEADLINE_S) as cut:
            cut.sendall(struct.pack(">III", 1, 1, 0x3ffffff) + b"x" * 100)
            for what, frame in frames.items():
                with socket.create_connection(("localhost", port), DEADLINE_S) as bad:
                    bad.sendall(frame)
                    check_equal(bad.recv(100), b"", f"{what}: the connection ends")
            for byte in avro_call(handshake() + append, serial=77):
                good.sendall(bytes([byte]))
            answer = good.recv(100)
            # BOTH, no protocol, no hash, no metadata; then no metadata, no error, OK
            check_equal(answer, struct.pack(">III", 77, 1, 7) + bytes(7), "the answer")
            good.sendall(avro_call(append) + avro_call(append, serial=2))
            answers = b""
            while len(answers) < 30:
                answers += good.recv(100)
            check_equal(answers, struct.pack(">III", 1, 1, 3) + bytes(3) + struct.pack(">III", 2, 1, 3) + bytes(3),
                        "two calls at once, answered in their order")
        with socket.create_connection(("localhost", port), DEADLINE_S) as stranger:
            stranger.sendall(avro_call(handshake(known=False) + append))
            answer = stranger.recv(10000)
            check_equal(answer[12:14], b"\x04\x02", "NONE, and a protocol")
            check(b'"AvroSourceProtocol"' in answer, "the protocol")
        agent.wait_told("body: 68 69 .*hi", times=3)
        check_equal(agent.told().count("Event:"), 3, "the events")



SYSLOG = "sources.r1.type = {type}\nsources.r1.host = localhost\nsources.r1.port = 0\nsources.r1.clientIPHeader = ip\n"


@test("syslogtcp: headers of both forms; what is too long is cut, what is none is marked; the last line needs no end")
def syslog_tcp():
    with Agent(LOGGER + "sinks.k1.maxBytesToLog = 30\n" + SYSLOG.format(type="syslogtcp") +
               "sources.r1.eventSize = 100\n") as agent:
        with socket.create_connection(("localhost", agent.port()), DEADLINE_S) as line:
            for byte in b"<34>1 2026-11-30T12:00:00Z h first\r\n\n<13>Dec":
                line.sendall(bytes([byte]))
            line.sendall(b"  1 00:00:00 h2 second\nno syslog\n<34>1 - - " + b"x" * 100 + b"\nlast")
        agent.wait_told("body: 6C 61 73 74 ")
        told = agent.told()
        for words in (r"Facility=4, Severity=2, host=h, ip=127.0.0.1, priority=34, timestamp=1796040000000, version=1\}"
                      r" body: 66 69 72 73 74 +first \}", r"host=h2, ip=127.0.0.1, priority=13, .* second \}",
                      r"Facility=0, Severity=0, flume.syslog.status=Invalid, .*no syslog \}",
                      r"Severity=2, flume.syslog.status=Incomplete, ip=127.0.0.1, priority=34, version=1\} .*xxxx"):
            check(re.search(words, told), f"{words} is not in {told}")


@test("multiport_syslogtcp: each port is a header; syslogudp and netcatudp: a datagram is an event")
def syslog_others():
    ports = [free_port(), free_port()]
    with Agent(LOGGER + "sources.r1.type = multiport_syslogtcp\nsources.r1.host = localhost\n"
               f"sources.r1.ports = {ports[0]} {ports[1]}\nsources.r1.portHeader = port\n") as agent:
        for port in ports:
            agent.wait_told(f"listening on localhost:{port}")
            with socket.create_connection(("localhost", port), DEADLINE_S) as line:
                line.sendall(b"<34>1 2026-11-30T12:00:00Z h text\n")
            agent.wait_told(rf"Facility=4, Priority=34, Severity=2, Version=1, host=h, port={port}, timestamp=")
    with Agent(LOGGER + SYSLOG.format(type="syslogudp")) as agent, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"<34>Dec  1 00:00:00 h datagram\nnot read", ("127.0.0.1", agent.port()))
        agent.wait_told(r"Facility=4, Severity=2, host=h, ip=127.0.0.1, priority=34, .* datagram \}")
    with Agent(LOGGER + "sources.r1.type = netcatudp\nsources.r1.bind = localhost\nsources.r1.port = 0\n"
               "sources.r1.remoteAddressHeader = from\n") as agent, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for i in range(250):
            sender.sendto(b"datagram %03d" % i, ("127.0.0.1", agent.port()))
        sender.sendto(b"", ("127.0.0.1", agent.port()))
        agent.wait_told(rf"from=127.0.0.1:{sender.getsockname()[1]}\}} body: .*datagram 249")
        agent.wait_told(r"from=127.0.0.1:\d+\} body:  +\}")
        check_equal(agent.told().count("Event:"), 251, "the events")



HTTP = "sources.r1.type = http\nsources.r1.bind = localhost\nsources.r1.port = 0\n"


def post(connection, body, path="/", method="POST", headers=None):
    """(status, text)"""
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


@test("http: JSON and blobs from one agent to the next; 400, 405, 413; garbage ends its connection")
def http():
    with Agent(LOGGER + HTTP + "sources.r1.handler = org.apache.flume.source.http.BLOBHandler\n"
               "sources.r1.handler.mandatoryParameters = who\n") as last:
        to_http = f"""
sinks.k1.type = http
sinks.k1.endpoint = http://localhost:{last.port()}/in?who=sink
sinks.k1.rollback.2XX = false
"""
        with Agent(MEMORY + HTTP + to_http) as first:
            client = HTTPConnection("localhost", first.port(), timeout=DEADLINE_S)
            events = [{"headers": {"a": "b"}, "body": f"event {i}"} for i in range(50)]
            for _ in range(2):
                check_equal(post(client, json.dumps(events)), (200, ""), "the answer to events")
            check_equal(post(client, "[]"), (200, ""), "the answer to none")
            status, text = post(client, "{}")
            check_equal(status, 400, text)
            check("invalid JSON" in text, text)
            check_equal(post(client, json.dumps(events * 3))[0], 503, "the answer to more than a transaction")
            check_equal(post(client, "", method="PUT")[0], 405, "the answer to PUT")
            chunked = post(client, (part.encode() for part in ('[{"body"', ': "chun', 'ked"}]')))
            check_equal(chunked[0], 200, "the answer to chunks")
            check_equal(post(client, b"x" * (17 << 20))[0], 413, "the answer to 17 MB")
            with socket.create_connection(("localhost", first.port()), DEADLINE_S) as bad:
                bad.sendall(b"\0\1\2 no HTTP\r\n\r\n")
                check(bad.recv(1000).startswith(b"HTTP/1.1 400 "), "garbage is refused")
                check_equal(bad.recv(1000), b"", "and the connection ended")
            with socket.create_connection(("localhost", first.port()), DEADLINE_S) as line:
                line.sendall(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
                check_equal(line.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n", "100")
                line.sendall(b"[]" + b"POST / HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")
                answers = b""
                while data := line.recv(1000):
                    answers += data
                check_equal(answers.count(b"HTTP/1.1 200 OK"), 2, "two requests at once")
            last.wait_told(r"headers:\{who=sink\} body: .*chunked")
        client = HTTPConnection("localhost", last.port(), timeout=DEADLINE_S)
        check_equal(post(client, "x", "/?a=b"), (400, "Bad request from client. Please specify who parameter in the "
                                                      "request.\n"), "a parameter is missing")
        check_equal(last.told().count("Event:"), 101, "the events")


@test("http sink: a status that is rolled back keeps the event; a server that ends and comes back gets it")
def http_sink():
    asked = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append((self.path, self.headers["Content-Type"], body))
            status = 503 if len(asked) == 1 else 404 if body == "two" else 200
            self.send_response(status)
            self.send_header("Content-Length", "0")
            if len(asked) == 2:
                self.send_header("Connection", "close")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = f"""
sinks.k1.type = http
sinks.k1.endpoint = http://127.0.0.1:{server.server_address[1]}/x
sinks.k1.contentTypeHeader = application/test
sinks.k1.defaultRollback = true
sinks.k1.rollback.200 = false
sinks.k1.rollback.4XX = false
sources.r1.type = netcat
sources.r1.bind = localhost
sources.r1.port = 0
"""
    with Agent(MEMORY + settings) as agent:
        netcat(agent, "one", "two", "three")
        wait_until(lambda: len(asked) == 4, DEADLINE_S, "all requests")
    server.shutdown()
    server.server_close()
    check_equal([body for _, _, body in asked], ["one", "one", "two", "three"], "the bodies")
    check_equal(set(row[:2] for row in asked), {("/x", "application/test")}, "path and type")



FILE_CHANNEL = """
channels.c1.type = file
channels.c1.checkpointDir = @DIR@/checkpoint
channels.c1.dataDirs = @DIR@/data
channels.c1.transactionCapacity = 1000
"""


def from_topics(cluster, topics, **settings):
    lines = "".join(f"sources.r1.{key.replace('_', '.')} = {value}\n" for key, value in settings.items())
    return f"""
sources.r1.type = kafka
sources.r1.kafka.bootstrap.servers = {cluster.bootstrap}
sources.r1.kafka.topics = {topics}
sources.r1.kafka.consumer.auto.offset.reset = earliest
{lines}"""


@test("kafka source: records with their headers; a group goes on where it ended; what is no event is taken as it is")
def kafka_headers():
    with Cluster(1, group_initial_rebalance_delay_ms=0) as cluster:
        for topic in ("from", "events"):
            cluster.create_topic(topic)
        tool("kafka-console-producer.sh", "--bootstrap-server", cluster.bootstrap, "--topic", "from", "--property",
             "parse.key=true", "--property", "parse.headers=true", stdin="h:one\tkey1\tfirst\nh:two\tkey2\tsecond\n")
        settings = LOGGER + from_topics(cluster, "from", batchSize=100) + "sources.r1.header.mine = h\n"
        with Agent(settings) as agent:
            agent.wait_told(r"headers:\{key=key1, mine=one, offset=0, partition=0, timestamp=\d{13}, topic=from\} "
                            r"body: .*first")
            agent.wait_told(r"mine=two, offset=1, .*second")
        tool("kafka-console-producer.sh", "--bootstrap-server", cluster.bootstrap, "--topic", "from", stdin="third\n")
        with Agent(settings) as agent:
            agent.wait_told(r"offset=2, .*third")
            check_equal(agent.told().count("Event:"), 1, "only what is new")
        tool("kafka-console-producer.sh", "--bootstrap-server", cluster.bootstrap, "--topic", "events", stdin="odd\n")
        writes = to_topic(cluster, "events", useFlumeEventFormat="true")
        with Agent(writes + "sources.r1.type = netcat\nsources.r1.bind = localhost\nsources.r1.port = 0\n"
                   "sources.r1.interceptors = i1\nsources.r1.interceptors.i1.type = static\n"
                   "sources.r1.interceptors.i1.key = where\nsources.r1.interceptors.i1.value = here\n") as agent:
            netcat(agent, "an event")
            wait_until(lambda: ends(cluster, "events") == 2, DEADLINE_S, "the event")
        reads = LOGGER + from_topics(cluster, "events", batchSize=100, setTopicHeader="false",
                                     useFlumeEventFormat="true")
        with Agent(reads) as agent:
            agent.wait_told(r"headers:\{offset=1, partition=0, timestamp=\d+, where=here\} body: .*an event \}")
            agent.wait_told(r"headers:\{offset=0, .*odd \}")
            agent.wait_told("no event in Flume's format")


@test("kafka source to kafka sink through a file channel, killed three times: nothing is lost, repeats are counted")
def kafka_killed():
    wanted = [f"record {i}" for i in range(6000)]
    with Cluster(1, group_initial_rebalance_delay_ms=0) as cluster:
        for topic in ("from", "to"):
            cluster.create_topic(topic, partitions=2)
        with Agent(MEMORY.replace("channels.c1.type = memory\nchannels.c1.capacity = 1000\n", FILE_CHANNEL) +
                   to_topic(cluster, "to", base="", allowTopicOverride="false") +
                   from_topics(cluster, "from", batchSize=500) +
                   # a static member is known again when it comes back
                   "sources.r1.kafka.consumer.group.instance.id = one\n") as agent:
            for part in range(4):
                before = ends(cluster, "to")
                tool("kafka-console-producer.sh", "--bootstrap-server", cluster.bootstrap, "--topic", "from",
                     stdin="".join(line + "\n" for line in wanted[part * 1500:part * 1500 + 1500]))
                wait_until(lambda: ends(cluster, "to") > before, DEADLINE_S, "records arrive")
                if part < 3:
                    agent.kill()
                    agent.start()
            wait_until(lambda: ends(cluster, "to") >= len(wanted) and
                       not set(wanted) - set(read(cluster, "to", ends(cluster, "to"))), DEADLINE_S, "all records")
        got = collections.Counter(read(cluster, "to", ends(cluster, "to")))
        check_equal(set(got), set(wanted), "the records")
        note(f"{sum(got.values()) - len(wanted)} records came twice after 3 kills")



def through_topic(cluster, topic, base=MEMORY, **settings):
    lines = "".join(f"channels.c1.{key} = {value}\n" for key, value in settings.items())
    return base.replace("channels.c1.type = memory\nchannels.c1.capacity = 1000\n", f"""
channels.c1.type = org.apache.flume.channel.kafka.KafkaChannel
channels.c1.kafka.bootstrap.servers = {cluster.bootstrap}
channels.c1.kafka.topic = {topic}
channels.c1.kafka.consumer.group.instance.id = one
{lines}""")


@test("kafka channel: events with headers through a topic, and plain records; killed three times nothing is lost")
def kafka_channel():
    with Cluster(1, group_initial_rebalance_delay_ms=0) as cluster:
        for topic in ("between", "plain", "to"):
            cluster.create_topic(topic)
        settings = through_topic(cluster, "plain", base=LOGGER, parseAsFlumeEvent="false")
        with Agent(settings + "sources.r1.type = netcat\nsources.r1.bind = localhost\nsources.r1.port = 0\n") as agent:
            netcat(agent, "one", "two")
            tool("kafka-console-producer.sh", "--bootstrap-server", cluster.bootstrap, "--topic", "plain", "--property",
                 "parse.key=true", stdin="k\tthree\n")
            agent.wait_told(r"headers:\{key=k\} body: .*three")
            check_equal(agent.told().count("Event:"), 3, "the events")
        check_equal(read(cluster, "plain", 3), ["one", "two", "three"], "what is in the topic")
        wanted = [f"line {i}" for i in range(6000)]
        settings = through_topic(cluster, "between", base=to_topic(cluster, "to") + TAIL) + """
sources.r1.headers.f1.key = k
"""
        with Agent(settings) as agent:
            for part in range(4):
                before = ends(cluster, "to")
                agent.append("a.log", "".join(line + "\n" for line in wanted[part * 1500:part * 1500 + 1500]))
                wait_until(lambda: ends(cluster, "to") > before, DEADLINE_S, "lines arrive")
                if part < 3:
                    agent.kill()
                    agent.start()
            wait_until(lambda: ends(cluster, "to") >= len(wanted) and
                       not set(wanted) - set(read(cluster, "to", ends(cluster, "to"))), DEADLINE_S, "all lines")
        got = collections.Counter(read(cluster, "to", ends(cluster, "to")))
        check_equal(set(got), set(wanted), "the lines")
        note(f"{sum(got.values()) - len(wanted)} lines came twice after 3 kills")
        keys = set(line.split("\t")[0] for line in read(cluster, "to", 100, "--property", "print.key=true"))
        check_equal(keys, {"k"}, "the keys, by the header")


tap.run()
