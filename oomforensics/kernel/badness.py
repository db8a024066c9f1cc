"""oom_badness() and /proc/PID/oom_score, as each era computes them. Pure functions of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from oomforensics.kernel.cint import div, div_each, int32, ulong64
from oomforensics.kernel.eras import Era, OomScoreScale, PageTables, RootBonus, Score

OOM_SCORE_ADJ_MIN = -1000  # never chosen (include/uapi/linux/oom.h, as the next)
OOM_SCORE_ADJ_MAX = 1000
OOM_ADJ_DISABLE = -17  # the same before 2.6.36


class Counters(NamedTuple):
    """What a task is charged with, in pages."""

    rss_pages: int
    swapents_pages: int
    page_table_pages: int


class Badness(NamedTuple):
    """The value, and the two shares that are not the task's own pages (in the value's unit)."""

    value: int
    adj_share: int
    root_share: int  # what the root bonus took off, 0 or more


Scorer = Callable[[int, int, bool], tuple[int, int, int]]
"""(pages charged, oom_score_adj, has CAP_SYS_ADMIN) -> the three numbers of Badness."""


def page_table_pages(
    era: Era, page_size: int, nr_ptes: int | None, nr_pmds: int | None, pgtables_bytes: int | None
) -> int | None:
    """The page-table pages that this era counts, from the columns its table prints; None if those are not there."""
    match era.page_tables:
        case PageTables.NONE:
            return 0
        case PageTables.NR_PTES:
            return nr_ptes
        case PageTables.NR_PTES_PMDS:
            return None if nr_ptes is None or nr_pmds is None else nr_ptes + nr_pmds
        case PageTables.BYTES:
            return None if pgtables_bytes is None else pgtables_bytes // page_size


def badness(
    era: Era, counters: Counters, oom_score_adj: int, totalpages: int, *, has_root: bool = False,
    root: RootBonus | None = None,
) -> Badness:  # fmt: skip
    """oom_badness() of an eligible task. `root` replaces the era's bonus, for stable kernels that backported another.

    Raises ValueError for the heuristic before 2.6.36, whose inputs no report prints.
    """
    return Badness(*scorer(era, totalpages, root)(sum(counters), oom_score_adj, has_root))


def scorer(era: Era, totalpages: int, root: RootBonus | None = None) -> Scorer:
    """oom_badness() of one kernel with one totalpages, for scoring many tasks. Raises ValueError as `badness`."""
    bonus = root or era.root
    match era.score:
        case Score.LEGACY:
            raise ValueError("the score of kernels before 2.6.36 uses CPU time and run time, which no report prints")
        case Score.PERMILLE | Score.PERMILLE_INT:
            return _permille(era.score is Score.PERMILLE_INT, max(totalpages, 1), bonus)
        case Score.PAGES_CLAMPED | Score.PAGES_SIGNED:
            return _pages(era.score is Score.PAGES_CLAMPED, totalpages, bonus)


def _permille(overflows: bool, totalpages: int, bonus: RootBonus) -> Scorer:
    def score(charge: int, adj: int, has_root: bool) -> tuple[int, int, int]:
        if overflows:
            share = int32(ulong64(int32(int32(charge) * 1000)) // totalpages)
        else:
            share = charge * 1000 // totalpages
        spared = 0
        if has_root and bonus is RootBonus.PERMILLE_30:
            spared = 30
        elif has_root and bonus is RootBonus.PERMILLE_3_PERCENT:
            spared = div(share * 3, 100)
        return min(max(share - spared + adj, 1), 1000), adj, spared

    return score


def _pages(clamped: bool, totalpages: int, bonus: RootBonus) -> Scorer:
    unit = totalpages // 1000

    def score(charge: int, adj: int, has_root: bool) -> tuple[int, int, int]:
        spared = 0
        if has_root and bonus is RootBonus.OWN_3_PERCENT:
            spared = charge * 3 // 100
        elif has_root and bonus is RootBonus.ADJ_30:
            spared = 30 * unit
        share = adj * unit
        points = charge - spared + share
        return (1 if clamped and points < 1 else points), share, spared

    return score


def points(era: Era, value: int, totalpages: int) -> int:
    """The share of totalpages in permille: what `score` printed up to 5.0, and would print since."""
    return points_of_each(era, (value,), totalpages)[0]


def points_of_each(era: Era, values: Sequence[int], totalpages: int) -> list[int]:
    if era.score in (Score.PERMILLE, Score.PERMILLE_INT):
        return list(values)
    return div_each([value * 1000 for value in values], max(totalpages, 1))


def proc_oom_score(era: Era, value: int | None, system_totalpages: int) -> int | None:
    """/proc/PID/oom_score for a task of this badness (None: not eligible), which always refers to RAM plus swap."""
    return 0 if value is None else proc_oom_score_of_each(era, (value,), system_totalpages)[0]


def proc_oom_score_of_each(era: Era, values: Sequence[int], system_totalpages: int) -> list[int] | list[None]:
    """The same of tasks that are all eligible."""
    match era.oom_score:
        case OomScoreScale.RAW:
            return [None] * len(values)
        case OomScoreScale.PERMILLE:
            return list(values)
    shares = div_each([value * 1000 for value in values], max(system_totalpages, 1))
    if era.oom_score is OomScoreScale.PAGES_PERMILLE:
        return shares
    return div_each([(1000 + share) * 2 for share in shares], 3)
