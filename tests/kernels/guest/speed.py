"""How fast a machine is: writes to FILE how many milliseconds two things take, and waits until it is ended.

    python3 -I -S speed.py FILE

A loop of Python, and calls of the kind that the recorder's looks are made of. The same program runs in the guest and on
the machine that emulates it; each figure is the middle one of many.
"""

from __future__ import annotations

import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_TIMES = 15


def _loop() -> None:
    total = 0
    for number in range(20_000):
        total += number * number % 7


def _calls() -> None:
    for _ in range(200):
        fd = os.open("/proc/self/status", os.O_RDONLY)
        os.read(fd, 4096)
        os.close(fd)


def _took_ms(work: Callable[[], None]) -> float:
    taken = []
    for _ in range(_TIMES):
        began_ns = time.monotonic_ns()
        work()
        taken.append((time.monotonic_ns() - began_ns) / 1e6)
    return sorted(taken)[_TIMES // 2]


def main(file: str) -> None:
    told = b"%.3f %.3f\n" % (_took_ms(_loop), _took_ms(_calls))
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(fd, told)
    os.close(fd)
    while True:
        signal.pause()


if __name__ == "__main__":
    main(sys.argv[1])
