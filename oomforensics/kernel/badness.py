"""oom_badness() and /proc/PID/oom_score, as each era computes them. Pure functions of numbers, or of arrays of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from oomforensics.kernel.cint import Number, at_least, at_most, div, int32, ulong64
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


Scorer = Callable[[Number, Number, Number], tuple[Number, Number, Number]]
"""(pages charged, oom_score_adj, has CAP_SYS_ADMIN) -> the three numbers of Badness, of a task or of each in arrays."""


def page_table_pages(
    era: Era, page_size: int, nr_ptes: Number | None, nr_pmds: Number | None, pgtables_bytes: Number | None
) -> Number | None:
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
    def score(charge: Number, adj: Number, has_root: Number) -> tuple[Number, Number, Number]:
        if overflows:
            share = int32(ulong64(int32(int32(charge) * 1000)) // totalpages)
        else:
            share = charge * 1000 // totalpages
        spared: Number = 0
        if bonus is RootBonus.PERMILLE_30:
            spared = has_root * 30
        elif bonus is RootBonus.PERMILLE_3_PERCENT:
            spared = has_root * div(share * 3, 100)
        return at_most(at_least(share - spared + adj, 1), 1000), adj, spared

    return score


def _pages(clamped: bool, totalpages: int, bonus: RootBonus) -> Scorer:
    unit = totalpages // 1000

    def score(charge: Number, adj: Number, has_root: Number) -> tuple[Number, Number, Number]:
        spared: Number = 0
        if bonus is RootBonus.OWN_3_PERCENT:
            spared = has_root * (charge * 3 // 100)
        elif bonus is RootBonus.ADJ_30:
            spared = has_root * (30 * unit)
        share = adj * unit
        points = charge - spared + share
        return at_least(points, 1) if clamped else points, share, spared

    return score


def points(era: Era, value: Number, totalpages: int) -> Number:
    """The share of totalpages in permille: what `score` printed up to 5.0, and would print since."""
    if era.score in (Score.PERMILLE, Score.PERMILLE_INT):
        return value
    return div(value * 1000, max(totalpages, 1))


def proc_oom_score(era: Era, value: Number | None, system_totalpages: int) -> Number | None:
    """/proc/PID/oom_score for a task of this badness (None: not eligible), which always refers to RAM plus swap.

    None where it is not that of an eligible task's badness (before 2.6.36).
    """
    if value is None:
        return 0
    match era.oom_score:
        case OomScoreScale.RAW:
            return None
        case OomScoreScale.PERMILLE:
            return value
    share = div(value * 1000, max(system_totalpages, 1))
    return share if era.oom_score is OomScoreScale.PAGES_PERMILLE else div((1000 + share) * 2, 3)
