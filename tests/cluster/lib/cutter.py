"""A TCP relay that cuts each of its first connections after so many bytes of answers."""
import contextlib
import socket
import threading

from node import free_port


class Cutter:
    """with Cutter(port, [70, 30]) as cutter: cutter.port leads to `port`. The first connection ends
    when 70 bytes of answers have come, which are not passed on, the second after 30; the third lives."""

    def __init__(self, target, cuts):
        self.target, self.cuts = target, list(cuts)
        self.count = 0  # connections that were cut
        self._listener = socket.create_server(("127.0.0.1", free_port()))
        self.port = self._listener.getsockname()[1]
        self._open = []

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind, value, trace):
        self._listener.close()
        for end in self._open:
            self._end(end)

    @staticmethod
    def _end(end):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near = self._listener.accept()[0]
                far = socket.create_connection(("127.0.0.1", self.target))
                self._open += [near, far]
                cut = self.cuts.pop(0) if self.cuts else None
                threading.Thread(target=self._pass, args=(near, far, None), daemon=True).start()
                threading.Thread(target=self._pass, args=(far, near, cut), daemon=True).start()

    def _pass(self, source, to, cut):
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                passed += len(data)
                if cut is not None and passed > cut:
                    self.count += 1
                    break
                to.sendall(data)
        self._end(to)
        self._end(source)
