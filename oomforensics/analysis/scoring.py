"""The candidates of a report, scored under one hypothesis: an era, a total, and who has CAP_SYS_ADMIN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from oomforensics.analysis.candidates import Candidate, Candidates
from oomforensics.kernel.badness import (
    OOM_ADJ_DISABLE,
    OOM_SCORE_ADJ_MIN,
    page_table_pages,
    points,
    proc_oom_score,
    scorer,
)
from oomforensics.kernel.eras import Era, PageTables, RootBonus, Score
from oomforensics.kernel.selection import preference
from oomforensics.parsers.task_rows import Column, TaskRow, TaskRows, column_of, listed

if TYPE_CHECKING:
    from oomforensics.parsers.task_rows import Array

_INIT_PID = 1
# A page table maps page_size / 8 pages; mappings that share no table each need one more, of which this many are allowed.
_SPARE_PAGE_TABLES = 256
_ZERO_FOR_CERTAIN = ("oom_score_adj_min", "global_init")  # in /proc/PID/oom_score
_WRITTEN_OUT = 10  # ranks whose sum is written out in words
_SUMMANDS = ("rss_pages", "swapents_pages", "pgtables_bytes", "nr_ptes", "nr_pmds", "oom_score_adj")
# Up to these a thousand times a badness is within 64 bits, where a row's own numbers are SMALL.
_MOST_PAGES = 2**50  # of totalpages
_MOST_ADJ = 2_000


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What scoring needs beside the table. `root` None: no candidate is spared as CAP_SYS_ADMIN."""

    era: Era
    totalpages: int
    page_size: int
    root: RootBonus | None = None

    @property
    def label(self) -> str:
        if self.root is None:
            return "no candidate has CAP_SYS_ADMIN"
        return f"uid 0 has CAP_SYS_ADMIN and is spared {self.root.value}"


@dataclass(frozen=True, slots=True)
class Table:
    """The rows and what else the report says about them."""

    rows: Sequence[TaskRow]
    earlier_victims: frozenset[int] = frozenset()  # pids killed before, whose memory was already taken
    swap_in_use_pages: int | None = None  # bounds swapents where the table has no such column
    in_scan_order: bool = True
    excluded: frozenset[int] = field(default_factory=frozenset)  # positions found to be vfork children
    target_pid: int | None = None


def root_hypotheses(era: Era, totalpages: int, page_size: int) -> list[Hypothesis]:
    """CAP_SYS_ADMIN is not in the report: uid 0 has it (the usual case), nobody has it, or a backported bonus."""
    if era.root in (RootBonus.NONE, RootBonus.QUARTER):
        return [Hypothesis(era, totalpages, page_size)]
    bonuses: list[RootBonus | None] = [era.root, None, *era.root_also]
    return [Hypothesis(era, totalpages, page_size, bonus) for bonus in bonuses]


def ineligible_reason(table: Table, position: int, era: Era) -> str | None:
    row = table.rows[position]
    if _is_exempt(row):
        return "oom_score_adj_min"
    if row.pid == _INIT_PID:
        return "global_init"
    if era.oom_skip and row.pid in table.earlier_victims and row.pid != table.target_pid:
        return "already_killed"
    if position in table.excluded:
        return "vfork_child"
    return None


def score(table: Table, hypothesis: Hypothesis) -> Candidates:
    """Every row with its badness under `hypothesis`, and its rank among the eligible."""
    candidates = Candidates(TaskRows.of(table.rows))
    _bar(candidates, table, hypothesis.era)
    adj = candidates.rows.column("oom_score_adj")
    if hypothesis.era.score is not Score.LEGACY and adj is not None:
        _weigh(candidates, adj, table.swap_in_use_pages, hypothesis)
    return candidates


def unscored(rows: TaskRows) -> Candidates:
    """Without a ranking; only who is exempt by its oom_score_adj (or oom_adj) is told."""
    candidates = Candidates(rows)
    for place, row in enumerate(rows):
        if _is_exempt(row):
            candidates.eligible[place], candidates.ineligible_reason[place] = False, "oom_score_adj_min"
    return candidates


def _is_exempt(row: TaskRow) -> bool:
    return row.oom_score_adj == OOM_SCORE_ADJ_MIN or (row.oom_score_adj is None and row.oom_adj == OOM_ADJ_DISABLE)


def _bar(candidates: Candidates, table: Table, era: Era) -> None:
    """Find those that are not eligible."""
    pid, adj = candidates.rows.column("pid"), candidates.rows.column("oom_score_adj")
    if pid is None:
        return
    suspects = pid.values == _INIT_PID
    for victim in table.earlier_victims.intersection(pid.values.tolist()):
        suspects |= pid.values == victim
    suspects |= True if adj is None else adj.values == OOM_SCORE_ADJ_MIN
    if adj is not None and adj.absent is not None:
        suspects |= adj.absent
    for place in {*suspects.nonzero()[0].tolist(), *table.excluded}:
        reason = ineligible_reason(table, place, era)
        candidates.ineligible_reason[place] = reason
        candidates.eligible[place] = reason is None


def _weigh(candidates: Candidates, adj: Column, swap_in_use_pages: int | None, hypothesis: Hypothesis) -> None:
    """The badness of the eligible. Of others, and of those whose oom_score_adj is not there, it stays unknown."""
    rows = candidates.rows
    low, high = _charges(rows, swap_in_use_pages, hypothesis)
    unscored = ~(candidates.eligible if adj.absent is None else candidates.eligible & ~adj.absent)
    least, share, spared = _badness(rows, low, adj.values, hypothesis)
    candidates.badness_min = candidates.badness_max = candidates.badness_pages = Column(least, unscored)
    candidates.adj_pages = Column(share, unscored)
    candidates.root_bonus_pages = Column(np.zeros_like(least) + spared, unscored)
    if high is not None:
        most, _, _ = _badness(rows, high.values, adj.values, hypothesis)
        candidates.badness_max = Column(most, unscored | ~high.present)
        candidates.badness_pages = Column(least, unscored | ~high.present | (most != least))
    candidates.order = _order(hypothesis.era, candidates.badness_min, candidates.badness_pages)


def _badness(rows: TaskRows, charges: Array, adjs: Array, hypothesis: Hypothesis) -> tuple[Array, Array, Array]:
    """Of each row: its badness, the share of oom_score_adj in it, and what CAP_SYS_ADMIN took off."""
    uid, has_root = rows.column("uid"), np.zeros(len(rows), np.bool_)
    if uid is not None and hypothesis.root is not None:
        has_root = (uid.values == 0) & uid.present
    given = [charges, adjs, has_root]
    if not _fits_64_bits(adjs, hypothesis):
        given = [one.astype(object) for one in given]
    return scorer(hypothesis.era, hypothesis.totalpages, hypothesis.root)(*given)


def _order(era: Era, least: Column, badness: Column) -> list[int]:
    """Without exact figures of all that are scored there is no order to give."""
    places = least.present.nonzero()[0]
    if badness is not least and not badness.present[places].all():
        return []
    order: list[int] = places[preference(era, badness.values[places].tolist())].tolist()
    return order


def _charges(rows: TaskRows, swap_in_use_pages: int | None, hypothesis: Hypothesis) -> tuple[Array, Column | None]:
    """What each is charged with. For tables that lack, or have in another unit, what counts: the least, and the most."""
    era, page_size = hypothesis.era, hypothesis.page_size
    tables = page_table_pages(era, page_size, *map(rows.whole, ("nr_ptes", "nr_pmds", "pgtables_bytes")))
    rss, swap = rows.whole("rss_pages"), rows.whole("swapents_pages")
    if tables is not None and rss is not None and swap is not None:
        return rss + swap + tables, None
    low, high = zip(*[charged_pages(row, era, page_size, swap_in_use_pages) for row in rows], strict=True)
    return column_of(low).values, column_of(high)


def _fits_64_bits(adjs: Array, hypothesis: Hypothesis) -> bool:
    """Whether a thousand times the badness of rows does whose own numbers are SMALL."""
    if hypothesis.era.score in (Score.PERMILLE, Score.PERMILLE_INT) or hypothesis.totalpages > _MOST_PAGES:
        return False
    return bool(adjs.min() >= -_MOST_ADJ and adjs.max() <= _MOST_ADJ)


def add_figures(candidates: Candidates, hypothesis: Hypothesis, system_total: int | None) -> None:
    """points and /proc oom_score of all candidates; the arithmetic in words for those that people look at."""
    era, badness = hypothesis.era, candidates.badness_pages
    if badness is not None:
        candidates.points = Column(points(era, badness.values, hypothesis.totalpages), badness.absent)
        _write_out(candidates, badness, hypothesis)
    if system_total is not None:
        candidates.proc_oom_score = _shown(candidates, era, system_total)


def _shown(candidates: Candidates, era: Era, system_total: int) -> Column:
    """/proc/PID/oom_score, which is 0 of those that are exempt for certain."""
    score, absent = np.zeros(len(candidates), np.int64), np.ones(len(candidates), np.bool_)
    badness = candidates.badness_pages
    if badness is not None:
        values = badness.values if system_total <= _MOST_PAGES else badness.values.astype(object)
        found = proc_oom_score(era, values, system_total)
        if found is not None:
            score, absent = found.copy(), ~badness.present
    for place in (~candidates.eligible).nonzero()[0].tolist():
        if candidates.ineligible_reason[place] in _ZERO_FOR_CERTAIN:
            score[place], absent[place] = 0, False
    return Column(score, absent)


def _write_out(candidates: Candidates, badness: Column, hypothesis: Hypothesis) -> None:
    wanted = candidates.is_victim.copy()
    wanted[candidates.order[:_WRITTEN_OUT]] = True
    places = (wanted & badness.present).nonzero()[0]
    columns = [*map(candidates.rows.column, _SUMMANDS), candidates.root_bonus_pages, badness]
    by_place = zip(*[listed(column, places) for column in columns], strict=True)
    for place, (*summands, root_bonus, value) in zip(places.tolist(), by_place, strict=True):
        candidates.arithmetic[place] = _in_words(hypothesis, summands, root_bonus, value)


def charged_pages(row: TaskRow, era: Era, page_size: int, swap_in_use_pages: int | None) -> tuple[int, int | None]:
    """The least and the most pages that this row's task was charged with; None: no upper bound is known."""
    tables = page_table_pages(era, page_size, row.nr_ptes, row.nr_pmds, row.pgtables_bytes)
    rss, swap = row.rss_pages, row.swapents_pages
    if tables is not None and swap is not None:
        exact = rss + swap + tables
        return exact, exact
    maps_pages = page_size // 8
    least_tables = tables if tables is not None else -(-rss // maps_pages)
    most_tables = tables if tables is not None else row.total_vm_pages // maps_pages + _SPARE_PAGE_TABLES
    most_swap = swap if swap is not None else swap_in_use_pages
    return rss + (swap or 0) + least_tables, None if most_swap is None else rss + most_swap + most_tables


def arithmetic(candidate: Candidate, hypothesis: Hypothesis) -> str:
    """The sum behind a candidate's badness, in the kernel's terms."""
    row, root, badness = candidate.row, candidate.root_bonus_pages, candidate.badness_pages
    return _in_words(hypothesis, [getattr(row, name) for name in _SUMMANDS], root, badness)


def _in_words(
    hypothesis: Hypothesis, summands: Sequence[int | None], root_bonus: int | None, badness: int | None
) -> str:
    rss, swapents, pgtables_bytes, nr_ptes, nr_pmds, oom_score_adj = summands
    era, total, adj = hypothesis.era, hypothesis.totalpages, oom_score_adj or 0
    parts = [f"rss {rss}"]
    if swapents is not None:
        parts.append(f"swapents {swapents}")
    if era.page_tables is PageTables.BYTES and pgtables_bytes is not None:
        pages = pgtables_bytes // hypothesis.page_size
        parts.append(f"page tables {pages} ({pgtables_bytes} bytes / {hypothesis.page_size})")
    elif era.page_tables is PageTables.NR_PTES_PMDS and nr_ptes is not None:
        parts.append(f"nr_ptes {nr_ptes} + nr_pmds {nr_pmds}")
    elif nr_ptes is not None:
        parts.append(f"nr_ptes {nr_ptes}")
    spared = f" - {root_bonus} for CAP_SYS_ADMIN" if root_bonus else ""
    text = " + ".join(parts)
    if era.score in (Score.PERMILLE, Score.PERMILLE_INT):
        return f"({text}) * 1000 / totalpages {total}{spared} + oom_score_adj {adj} = {badness} permille"
    text += spared
    if adj:
        text += f" + oom_score_adj {adj} * (totalpages {total} / 1000 = {total // 1000})"
    if era.score is Score.PAGES_CLAMPED and badness == 1:
        return f"{text}, raised to the least value 1"
    return f"{text} = {badness}"
