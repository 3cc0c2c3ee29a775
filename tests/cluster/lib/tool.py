"""Runs the command-line tools of the build that is tested, under the names of bin/."""
import os
import re
import subprocess

from node import BUILD
from tap import check, check_equal, note

MILLRACE = os.path.join(BUILD, "millrace")
DEADLINE_S = 120


def tool(name, *arguments, stdin="", check_status=True):
    """subprocess.CompletedProcess with text; fails on a status other than 0 unless told not to."""
    done = subprocess.run([name, *arguments], executable=MILLRACE, input=stdin, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DEADLINE_S)
    if check_status:
        check(done.returncode == 0, f"{name} {' '.join(arguments)} ended with status "
              f"{done.returncode}\n{done.stdout}{done.stderr}")
    return done


def says(cluster, name, *arguments, status=0, out=None, err=None, stdin=""):
    """Runs the tool; `out` and `err` are the whole text, or a pattern that must be found in it.
    Nothing may stand on the stream that is not named."""
    done = tool(name, "--bootstrap-server", cluster.bootstrap, *arguments, stdin=stdin,
                check_status=False)
    told = f"{name} {' '.join(arguments)}: {done.stdout!r} {done.stderr!r}"
    check_equal(done.returncode, status, f"the status of {told}")
    for stream, text, wanted in (("stdout", done.stdout, out), ("stderr", done.stderr, err)):
        if isinstance(wanted, re.Pattern):
            check(wanted.search(text), f"{stream} of {told} has no {wanted.pattern}")
        else:
            check_equal(text, wanted or "", f"{stream} of {told}")
    return done


def misuse(cluster, name, *arguments, words):
    """Refused with one sentence that has the words, and a pointer to --help."""
    done = says(cluster, name, *arguments, status=1, err=re.compile("."))
    lines = done.stderr.splitlines()
    note(lines[0])
    check(len(lines) == 2 and all(word in lines[0] for word in words),
          f"{name} {arguments} says {lines}")
    check_equal(lines[1], f"{name} --help lists the options.", "the second line")
