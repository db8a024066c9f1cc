"""Whole-process cost of a command, from the kernel's own accounting."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile


@dataclass(frozen=True)
class Cost:
    cpu_s: float  # user + system
    wall_s: float
    max_rss_mb: float


def run(command: Sequence[str], repeat: int = 3) -> Cost:
    """The cheapest of `repeat` runs; output is thrown away. Raises CalledProcessError for exit codes other than 0, 1."""
    return min((_run_once(command) for _ in range(repeat)), key=lambda cost: cost.cpu_s)


def _run_once(command: Sequence[str]) -> Cost:
    start = time.perf_counter()
    with TemporaryFile() as output:  # not /dev/null, at which grep stops after its first match
        child = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1):
        raise subprocess.CalledProcessError(child.returncode, command)
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)
