"""Series of memory whose answer is known, for a look a second over two minutes before a kill."""

from __future__ import annotations

import random
from collections.abc import Callable

from oomforensics.analysis.growth.series import Series

MIB = 1 << 20
SECONDS = range(-120, 1)


def series(used_mib: Callable[[int], float], noise_mib: float = 0.5, seed: int = 1) -> Series:
    """`used_mib` of the seconds from the kill, and noise of that standard deviation."""
    draw = random.Random(seed)
    values = [round((used_mib(at_s) + draw.gauss(0, noise_mib)) * MIB) for at_s in SECONDS]
    return Series(tuple(float(at_s) for at_s in SECONDS), tuple(max(value, 0) for value in values))


def leak(at_s: int) -> float:
    """2 MiB/s, all the time."""
    return 400 + 2 * at_s


def burst(at_s: int) -> float:
    """30 MiB/s in the last 10 s."""
    return 50 + 30 * max(at_s + 10, 0)


def last_look(at_s: int) -> float:
    """200 MiB between the last two looks."""
    return 250 if at_s == 0 else 50


def sawtooth(at_s: int) -> float:
    """A garbage collector: 5 MiB/s up, and back every 17 s."""
    return 100 + 5 * ((at_s + 120) % 17)


def leaking_sawtooth(at_s: int) -> float:
    """The same, of which 1.5 MiB/s is never given back."""
    return sawtooth(at_s) + 1.5 * (at_s + 120)


def plateau(at_s: int) -> float:
    """5 MiB/s in the first 40 s, then no more."""
    return 30 + 5 * min(at_s + 120, 40)


def late(at_s: int) -> float:
    """Born 70 s before the kill, then 3 MiB/s."""
    return 3 * max(at_s + 70, 0)


def steady(at_s: int) -> float:
    return 80


def shrinking(at_s: int) -> float:
    return 80 - 0.5 * at_s


def leak_and_burst(at_s: int) -> float:
    """1 MiB/s, and 400 MiB more in the last 8 s."""
    return 200 + at_s + 50 * max(at_s + 8, 0)
