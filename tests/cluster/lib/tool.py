"""Runs the command-line tools of the build that is tested, under the names of bin/."""
import os
import subprocess

from node import BUILD
from tap import check

MILLRACE = os.path.join(BUILD, "millrace")
DEADLINE_S = 60


def tool(name, *arguments, stdin="", check_status=True):
    """subprocess.CompletedProcess with text; fails on a status other than 0 unless told not to."""
    done = subprocess.run([name, *arguments], executable=MILLRACE, input=stdin, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DEADLINE_S)
    if check_status:
        check(done.returncode == 0, f"{name} {' '.join(arguments)} ended with status "
              f"{done.returncode}\n{done.stdout}{done.stderr}")
    return done
