"""TAP for the cluster tests: a test is a function marked @test, run() runs them in order."""
import sys
import time
import traceback

_tests = []


class Skip(Exception):
    """Raised by a test that can't run here; the text is the reason that is printed."""


def test(name):
    def mark(function):
        _tests.append((name, function))
        return function
    return mark


def note(text):
    for line in str(text).splitlines():
        print("# " + line, flush=True)


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def check_equal(got, expected, what):
    if got != expected:
        raise AssertionError(f"{what} is {got!r}, not {expected!r}")


def run():
    """Runs what is marked, or of it what is named on the command line, and ends the program."""
    chosen = [t for t in _tests if not sys.argv[1:] or any(word in t[0] for word in sys.argv[1:])]
    failed = 0
    print(f"1..{len(chosen)}", flush=True)
    for number, (name, function) in enumerate(chosen, 1):
        start = time.monotonic()
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
            note(f"{time.monotonic() - start:.1f} s")
        except Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        except Exception:  # the other tests still run
            failed += 1
            note(traceback.format_exc())
            print(f"not ok {number} - {name}", flush=True)
    sys.exit(1 if failed else 0)
