"""What the recorder asks of the kernel for itself: in a process of its own, which keeps it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

_TELLS = """
import _thread, os, resource, signal, sys, time
from oomforensics.capture import survive
_thread.start_new_thread(time.sleep, (60,))
time.sleep(0.1)
refused = survive.go_first()
policies = {os.sched_getscheduler(int(tid)) for tid in os.listdir("/proc/self/task")}
print(refused, len(os.listdir("/proc/self/task")), policies, os.getpriority(os.PRIO_PROCESS, 0))
resource.setrlimit(resource.RLIMIT_RTTIME, (200_000, resource.RLIM_INFINITY))
asked = []
signal.signal(signal.SIGXCPU, lambda number, frame: (asked.append(number), survive.step_back()))
until = time.monotonic() + 5
while not asked and time.monotonic() < until:
    pass
print({os.sched_getscheduler(int(tid)) for tid in os.listdir("/proc/self/task")})
"""


def realtime() -> bool:
    """Does this machine let us?"""
    return (
        subprocess.run([sys.executable, "-c", "import os; os.sched_setscheduler(0, 2, os.sched_param(1))"]).returncode
        == 0
    )


def run(*before: str) -> list[str]:
    done = subprocess.run([*before, sys.executable, "-c", _TELLS], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(not realtime(), reason="no real-time priority is allowed here")
def test_all_threads_go_first_until_one_runs_away() -> None:
    first, last = run()
    assert first.startswith(f"None 2 {{{os.SCHED_RR}}} ")
    assert last == f"{{{os.SCHED_OTHER}}}"


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="nothing can be taken away here")
def test_what_is_refused_is_said() -> None:
    first, _ = run("setpriv", "--bounding-set", "-sys_nice", "--inh-caps", "-sys_nice")
    assert first.startswith(f"no higher priority: Operation not permitted 2 {{{os.SCHED_OTHER}}} ")
