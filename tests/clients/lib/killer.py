"""Kills -9 one broker after another and starts it again, for as long as clients work.

Between two kills a producer of the test's own gets some thousand acknowledgements: the clients have
healthy moments too, and afterwards everything that was acknowledged to it must be there."""
import threading
import traceback

from load import Load, check_records, read_all
from tap import check
from wire import metadata

TOPIC = "pulse"
ACKS_DOWN = 500  # while a broker is dead
# With all of them, before the next dies. At up to 1,500 records a second this is longer than the 6 s
# of a session: a new coordinator starts the sessions anew, and else a member that could not say that
# it leaves would never be missed.
ACKS_UP = 12000


class Killer:
    def __init__(self, cluster):
        self.cluster = cluster
        self.count = 0
        self._failure = None
        self._stop = threading.Event()
        self._quiet = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.cluster.create_topic(TOPIC)
        self._load = Load(self.cluster.bootstrap, TOPIC)
        self._load.__enter__()
        self._thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self._stop.set()
        self._quiet.wait()
        self._load.__exit__(kind, value, trace)

    def finish(self):
        """No more kills; nothing that was acknowledged is lost."""
        self._stop.set()
        self._quiet.wait()
        self.check_alive()
        self._load.stop()
        check_records(read_all(self.cluster.bootstrap, TOPIC), self._load.acked)

    def check_alive(self):
        check(self._failure is None, f"killing brokers failed: {self._failure}")

    def _kill_one(self, node):
        node.kill()
        self.count += 1
        self._load.wait_acks(ACKS_DOWN, deadline_s=120)
        node.start()
        self.cluster.wait_serving(deadline_s=120)
        for topic in metadata(node.port).topics:
            self.cluster.wait_isr_whole(topic, deadline_s=120)
        self._load.wait_acks(ACKS_UP, deadline_s=300)

    def _run(self):
        try:
            while not self._stop.is_set():
                self._kill_one(self.cluster.nodes[self.count % len(self.cluster.nodes)])
        except Exception:
            self._failure = traceback.format_exc()
        self._quiet.set()
        # A node's parent, for its parent-death signal, is the thread that started it: this one stays
        # until the program ends, or the nodes that it restarted would be killed with it.
        threading.Event().wait()
