"""Waiting for a condition. Nothing else in the tests waits."""
import time

STEP_S = 0.005  # between two looks: short beside anything that a cluster does


def wait_until(condition, deadline_s, what):
    """Returns the first true value of condition(); fails after deadline_s, naming `what` and the
    last value seen. An exception of OSError's family counts as not yet."""
    end = time.monotonic() + deadline_s
    last = None
    while True:
        try:
            last = condition()
        except OSError as error:
            last = error
        else:
            if last:
                return last
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what} (last seen: {last!r})")
        time.sleep(STEP_S)
