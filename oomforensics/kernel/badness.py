"""oom_badness() and /proc/PID/oom_score, as each era computes them. Pure functions of numbers."""

from __future__ import annotations

from dataclasses import dataclass

from oomforensics.kernel.cint import div, int32, ulong64
from oomforensics.kernel.eras import Era, OomScoreScale, PageTables, RootBonus, Score

OOM_SCORE_ADJ_MIN = -1000  # never chosen
OOM_ADJ_DISABLE = -17  # the same before 2.6.36


@dataclass(frozen=True, slots=True)
class Counters:
    """What a task is charged with, in pages."""

    rss_pages: int
    swapents_pages: int
    page_table_pages: int

    @property
    def total(self) -> int:
        return self.rss_pages + self.swapents_pages + self.page_table_pages


@dataclass(frozen=True, slots=True)
class Badness:
    """The value, and the two shares that are not the task's own pages (in the value's unit)."""

    value: int
    adj_share: int
    root_share: int  # what the root bonus took off, 0 or more


def page_table_pages(
    era: Era, page_size: int, *, nr_ptes: int | None, nr_pmds: int | None, pgtables_bytes: int | None
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
    bonus = (root or era.root) if has_root else RootBonus.NONE
    match era.score:
        case Score.LEGACY:
            raise ValueError("the score of kernels before 2.6.36 uses CPU time and run time, which no report prints")
        case Score.PERMILLE | Score.PERMILLE_INT:
            return _permille(era, counters, oom_score_adj, max(totalpages, 1), bonus)
        case Score.PAGES_CLAMPED | Score.PAGES_SIGNED:
            return _pages(era, counters, oom_score_adj, totalpages, bonus)


def _permille(era: Era, counters: Counters, adj: int, totalpages: int, bonus: RootBonus) -> Badness:
    if era.score is Score.PERMILLE_INT:
        scaled = int32(int32(counters.total) * 1000)
        share = int32(ulong64(scaled) // totalpages)
    else:
        share = counters.total * 1000 // totalpages
    spared = 0
    if bonus is RootBonus.PERMILLE_30:
        spared = 30
    elif bonus is RootBonus.PERMILLE_3_PERCENT:
        spared = div(share * 3, 100)
    points = share - spared + adj
    return Badness(min(max(points, 1), 1000), adj, spared)


def _pages(era: Era, counters: Counters, adj: int, totalpages: int, bonus: RootBonus) -> Badness:
    unit = totalpages // 1000
    spared = 0
    if bonus is RootBonus.OWN_3_PERCENT:
        spared = counters.total * 3 // 100
    elif bonus is RootBonus.ADJ_30:
        spared = 30 * unit
    points = counters.total - spared + adj * unit
    if era.score is Score.PAGES_CLAMPED:
        points = max(points, 1)
    return Badness(points, adj * unit, spared)


def points(era: Era, value: int, totalpages: int) -> int:
    """The share of totalpages in permille: what `score` printed up to 5.0, and would print since."""
    if era.score in (Score.PERMILLE, Score.PERMILLE_INT):
        return value
    return div(value * 1000, max(totalpages, 1))


def proc_oom_score(era: Era, value: int | None, system_totalpages: int) -> int | None:
    """/proc/PID/oom_score for a task of this badness (None: not eligible), which always refers to RAM plus swap."""
    if value is None:
        return 0
    total = max(system_totalpages, 1)
    match era.oom_score:
        case OomScoreScale.RAW:
            return None
        case OomScoreScale.PERMILLE:
            return value
        case OomScoreScale.PAGES_PERMILLE:
            return div(value * 1000, total)
        case OomScoreScale.TWO_THIRDS:
            return div((1000 + div(value * 1000, total)) * 2, 3)
