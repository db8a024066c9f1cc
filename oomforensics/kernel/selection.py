"""Whom the kernel chooses among scored candidates: order of preference and ties."""

from __future__ import annotations

from collections.abc import Sequence

from oomforensics.kernel.eras import Era, RssPrecision, TieRule

_COUNTERS = 4  # file, anon, swap, shmem
_THREAD_EVENTS = 64  # TASK_RSS_EVENTS_THRESH
_MIN_BATCH = 32  # percpu_counter_batch is at least this


def preference(era: Era, badness: Sequence[int]) -> list[int]:
    """Indices of what is given in the order of scanning, the kernel's first choice first.

    `LEADER_FIRST` is `FIRST` here: a table holds one row a process, its leader's.
    """
    places = range(len(badness))
    # Sorting leaves those of the same badness in their order.
    return sorted(reversed(places) if era.tie is TieRule.LAST else places, key=badness.__getitem__, reverse=True)


def counter_error_pages(era: Era, *, threads: int = 1, cpus: int | None = None) -> int | None:
    """How far a candidate's pages may be off what its table row says, at worst; None when the CPU count is needed.

    From 6.2 to 6.19 the table and the selection read the same approximate counters, so the row is what was judged and
    the bound matters only against other sources.
    """
    match era.rss:
        case RssPrecision.EXACT:
            return 0
        case RssPrecision.PER_THREAD:
            return _COUNTERS * _THREAD_EVENTS * threads
        case RssPrecision.PERCPU:
            return None if cpus is None else _COUNTERS * cpus * (max(_MIN_BATCH, 2 * cpus) - 1)
