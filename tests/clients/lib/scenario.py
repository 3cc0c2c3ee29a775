"""What every client of the matrix must do, in the order of scenario_run().

A member alone gets what was produced with every codec; with a second member the partitions are
shared; when the first leaves, the second gets all of them; a third that comes later gets only what
is new. While brokers are killed a record may come twice, but none that was acknowledged is missing.
"""
from lib_path import CLUSTER_LIB  # noqa: F401 makes the harness importable

from member import Member, Program, program
from tap import check, check_equal, note
from topic_reader import TopicReader
from txn_copy import wait_stable
from wait import wait_until

PARTITIONS = 4
PER_CODEC = 20  # two of them tombstones
TOMBSTONE_EVERY = 10
DEADLINE_S = 120  # generous: a machine with two cores runs some of these at once
IN_PEACE, ALWAYS = "in peace", "always"
KILLS = 3  # that happen under each client in the second round


class Client:
    """name: the folder in build/clients; codecs: what the library can write and read; lacking: what
    it can't, with the reason that is printed; commits: each commit is waited for; killed: it runs
    while brokers are killed, too; transacts: its program copies in transactions, IN_PEACE or always."""

    def __init__(self, name, protocols=("classic",), codecs="none,gzip,snappy,lz4,zstd", lacking="",
                 per_codec=PER_CODEC, commits=True, killed=True, transacts=None):
        self.name = name
        self.protocols = protocols
        self.codecs = codecs
        self.lacking = lacking
        self.per_codec = per_codec
        self.commits = commits
        self.killed = killed
        self.transacts = transacts


def expected(n):
    """(key, value, header) of record n."""
    value = "null" if n % TOMBSTONE_EVERY == TOMBSTONE_EVERY - 1 else f"v{n}-" + "abcde" * 20
    return f"k{n}", value, str(n)


def make_topic(cluster, topic, killer):
    """The broker that is asked may die before it answers: then another is asked whether."""
    def made():
        try:
            cluster.create_topic(topic, partitions=PARTITIONS, wait_isr=not killer)
        except AssertionError:
            if not killer:
                raise
            return cluster.partition(topic)
        return True
    wait_until(made, DEADLINE_S, f"{topic} is made")


class Scenario:
    def __init__(self, cluster, client, protocol, killer):
        self.cluster = cluster
        self.client = client
        self.protocol = protocol
        self.killer = killer
        self.program = program(client.name)
        self.topic = f"{client.name}-{protocol}"
        self.group = f"group-{self.topic}"
        self.count = 0  # records produced and acknowledged

    def produce(self, codecs):
        each = self.client.per_codec
        total = each * len(codecs.split(","))
        with Program(self.program, "produce", self.cluster.bootstrap, self.topic, codecs,
                     str(self.count), str(each)) as producer:
            producer.wait_end(DEADLINE_S)
            acked = {int(a[0]) for a in producer.of_kind("ack")}
            check(acked == set(range(self.count, self.count + total)),
                  f"not every record is acknowledged: {producer.described()}")
        self.count += total

    def join(self):
        return Member(self.program, "consume", self.cluster.bootstrap, self.topic, self.group,
                      self.protocol)

    def wait(self, condition, what, *members):
        def look():
            for member in members:
                member.check_alive()
            return condition()
        try:
            wait_until(look, DEADLINE_S, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "\n".join(m.described() for m in members)) from None

    def wait_read(self, first, *members):
        """The members got every record from number first on, and got each as it was sent."""
        wanted = {f"k{n}" for n in range(first, self.count)}
        self.wait(lambda: wanted <= {k for m in members for k in m.keys()},
                  f"{len(wanted)} records are read", *members)
        self.check_contents(*members)

    def check_contents(self, *members):
        for member in members:
            for _, _, key, value, header in member.records():
                check_equal((key, value, header), expected(int(key[1:])), "a record that was read")
        keys = [key for m in members for key in m.keys()]
        if not self.killer:
            check_equal(len(keys), len(set(keys)), "the number of records that were read")

    def wait_shared(self, a, b):
        def shared():
            return (a.owned() and b.owned() and not a.owned() & b.owned()
                    and len(a.owned() | b.owned()) == PARTITIONS)
        self.wait(shared, "two members share the partitions", a, b)

    def wait_all_owned(self, member):
        self.wait(lambda: len(member.owned()) == PARTITIONS, "one member owns all partitions",
                  member)

    def produce_under_kills(self, members):
        """More records, until enough brokers died since the beginning."""
        codec = self.client.codecs.split(",")[0]
        goal = self.killer.count + KILLS if self.killer else 0
        while True:
            first = self.count
            self.produce(codec)
            self.wait_read(first, *members)
            if not self.killer or self.killer.count >= goal:
                return
            self.killer.check_alive()

    def together(self):
        """Whether all that was read is known to be committed when both members have left."""
        with self.join() as a:
            self.produce(self.client.codecs)
            self.wait_read(0, a)
            with self.join() as b:
                self.wait_shared(a, b)
                self.produce_under_kills([a, b])
                a.leave(DEADLINE_S)
                self.wait_all_owned(b)
                first = self.count
                self.produce(self.client.codecs.split(",")[0])
                self.wait(lambda: {f"k{n}" for n in range(first, self.count)} <= set(b.keys()),
                          "the member that stayed goes on", b)
                self.check_contents(a, b)
                b.leave(DEADLINE_S)
                return not a.of_kind("note") and not b.of_kind("note")

    def resume(self, committed):
        with self.join() as c:
            self.wait_all_owned(c)
            first = self.count
            self.produce(self.client.codecs.split(",")[-1])
            self.wait_read(first, c)
            old = [key for key in c.keys() if int(key[1:]) < first]
            if committed and (self.client.commits or not self.killer):
                check(not old, f"{len(old)} committed records are read again: {old[:5]}")
            c.leave(DEADLINE_S)

    def run(self):
        make_topic(self.cluster, self.topic, self.killer)
        self.resume(self.together())


class TransactionScenario:
    """The client copies what it produced to another topic, in transactions of which it aborts every
    third: a reader of committed records finds each of them once, and nothing else. While brokers are
    killed it goes on with more records."""

    RECORDS = 60
    KILLS = 2  # a kill with all that the killer waits for takes longer than such a copy

    def __init__(self, cluster, client, killer):
        self.cluster = cluster
        self.client = client
        self.killer = killer
        self.program = program(client.name)
        self.source, self.target = f"{client.name}-source", f"{client.name}-target"
        self.count = 0

    def run(self):
        for topic in (self.source, self.target):
            make_topic(self.cluster, topic, self.killer)
        with TopicReader(self.cluster.bootstrap, self.target, PARTITIONS) as reader:
            with Member(self.program, "transact", self.cluster.bootstrap, self.source, self.target,
                        f"group-{self.source}") as copier:
                goal = self.killer.count + self.KILLS if self.killer else 0
                while not self.count or self.killer and self.killer.count < goal:
                    self._copy_more(reader, copier)
                copier.leave(DEADLINE_S)
                check(copier.of_kind("aborted"), "it aborted no transaction")
                for said in copier.of_kind("note")[:8]:
                    note(f"{self.client.name}: {' '.join(said)}")
            wait_stable(self.cluster.bootstrap, self.target, PARTITIONS, DEADLINE_S)
            reader.count()
            self._check(reader)

    def _copy_more(self, reader, copier):
        if self.killer:
            self.killer.check_alive()
        with Program(self.program, "produce", self.cluster.bootstrap, self.source, "none",
                     str(self.count), str(self.RECORDS)) as producer:
            producer.wait_end(DEADLINE_S)
        self.count += self.RECORDS
        reader.wait_count(self.count, DEADLINE_S, copier)

    def _check(self, reader):
        found = sum(reader.values.values(), [])
        text = sorted("null" if value is None else value.decode() for value in found)
        check_equal(text, sorted(expected(n)[1] for n in range(self.count)), "the copied values")
