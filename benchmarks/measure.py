"""Whole-process cost of a command, from the kernel's own accounting."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile


@dataclass(frozen=True)
class Cost:
    cpu_s: float  # user + system
    wall_s: float
    max_rss_mb: float


def run(command: Sequence[str], repeat: int = 3) -> Cost:
    """The cheapest of `repeat` runs; output is thrown away. Raises CalledProcessError for exit codes other than 0, 1."""
    return race({"": command}, repeat)[""]


def race(commands: Mapping[str, Sequence[str]], repeat: int = 3) -> dict[str, Cost]:
    """The cheapest of `repeat` runs of each, in turns, so that what else the machine does falls on all of them."""
    runs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(repeat):
        for name, command in commands.items():
            runs[name].append(_run_once(command))
    return {name: min(costs, key=lambda cost: cost.cpu_s) for name, costs in runs.items()}


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
