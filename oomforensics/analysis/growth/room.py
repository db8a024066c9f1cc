"""What was left of a memory limit, or of the machine, before the kernel had to kill. Bytes; None: not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oomforensics.analysis.growth.series import Series


@dataclass(frozen=True, slots=True)
class Room:
    """At one moment. `charged`: in use that nobody but a kill or swap gives back."""

    at_s: float
    charged_bytes: int | None
    left_bytes: int | None


@dataclass(frozen=True, slots=True)
class CgroupCounters:
    """As the recorder read them: `swap_bytes` is memory and swap together in version 1, swap alone in version 2."""

    version: int
    usage_bytes: int | None
    limit_bytes: int | None  # None: none
    swap_bytes: int | None
    swap_limit_bytes: int | None  # None: none
    file_bytes: int | None  # with shared memory, as both versions count it
    shmem_bytes: int | None


def of_cgroup(at_s: float, one: CgroupCounters, swap_free_bytes: int | None) -> Room:
    """Page cache does not count: the kernel takes it back before it kills. Shared memory counts, it can only be swapped."""
    if one.usage_bytes is None:
        return Room(at_s, None, None)
    cache = max((one.file_bytes or 0) - (one.shmem_bytes or 0), 0)
    kept = max(one.usage_bytes - cache, 0)
    if one.version == 1:
        swapped = max(one.swap_bytes - one.usage_bytes, 0) if one.swap_bytes is not None else 0
        both_left = None if one.swap_limit_bytes is None else one.swap_limit_bytes - kept - swapped
    else:
        swapped, both_left = one.swap_bytes or 0, None
    if one.limit_bytes is None:
        left = both_left
    elif swap_free_bytes is None:
        left = None
    else:
        swap_left = swap_free_bytes
        if one.version == 2 and one.swap_limit_bytes is not None:
            swap_left = min(swap_left, max(one.swap_limit_bytes - swapped, 0))
        left = one.limit_bytes - kept + swap_left
        left = left if both_left is None else min(left, both_left)
    return Room(at_s, kept + swapped, None if left is None else max(left, 0))


def of_machine(at_s: float, total_kb: int | None, available_kb: int | None, swap_free_kb: int | None) -> Room:
    """`total_kb`: MemTotal and SwapTotal. What is neither available nor free swap is charged to somebody."""
    if total_kb is None or available_kb is None or swap_free_kb is None:
        return Room(at_s, None, None)
    left_kb = available_kb + swap_free_kb
    return Room(at_s, (total_kb - left_kb) * 1024, left_kb * 1024)


def charged(rooms: Sequence[Room]) -> Series | None:
    """What was charged over time, where that is known."""
    known = [(one.at_s, one.charged_bytes) for one in rooms if one.charged_bytes is not None]
    return Series(*zip(*known, strict=True)) if known else None


def left(rooms: Sequence[Room]) -> Series | None:
    """What was left over time, where that is known."""
    known = [(one.at_s, one.left_bytes) for one in rooms if one.left_bytes is not None]
    return Series(*zip(*known, strict=True)) if known else None


def capacity_bytes(rooms: Sequence[Room]) -> int | None:
    """All that there was at the end."""
    sums = [
        one.charged_bytes + one.left_bytes
        for one in rooms
        if one.charged_bytes is not None and one.left_bytes is not None
    ]
    return sums[-1] if sums else None
