"""The candidates of a report, scored under one hypothesis: an era, a total, and who has CAP_SYS_ADMIN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from oomforensics.analysis.model import Candidate
from oomforensics.kernel.badness import (
    OOM_ADJ_DISABLE,
    OOM_SCORE_ADJ_MIN,
    Scorer,
    page_table_pages,
    points_of_each,
    proc_oom_score,
    proc_oom_score_of_each,
    scorer,
)
from oomforensics.kernel.eras import Era, PageTables, RootBonus, Score
from oomforensics.kernel.selection import preference
from oomforensics.parsers.facts import TaskRow

_INIT_PID = 1
# A page table maps page_size / 8 pages; mappings that share no table each need one more, of which this many are allowed.
_SPARE_PAGE_TABLES = 256
_ZERO_FOR_CERTAIN = ("oom_score_adj_min", "global_init")  # in /proc/PID/oom_score
_INPUTS = ("pid", "uid", "rss_pages", "pgtables_bytes", "swapents_pages", "oom_score_adj")
_inputs = itemgetter(*map(TaskRow._fields.index, _INPUTS))
_WRITTEN_OUT = 10  # ranks whose sum is written out in words


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
    if row.oom_score_adj == OOM_SCORE_ADJ_MIN or (row.oom_score_adj is None and row.oom_adj == OOM_ADJ_DISABLE):
        return "oom_score_adj_min"
    if row.pid == _INIT_PID:
        return "global_init"
    if era.oom_skip and row.pid in table.earlier_victims and row.pid != table.target_pid:
        return "already_killed"
    if position in table.excluded:
        return "vfork_child"
    return None


def score(table: Table, hypothesis: Hypothesis) -> list[Candidate]:
    """Every row with its badness under `hypothesis`, and its rank among the eligible."""
    era, page_size, swap = hypothesis.era, hypothesis.page_size, table.swap_in_use_pages
    scores = None if era.score is Score.LEGACY else scorer(era, hypothesis.totalpages, hypothesis.root)
    by_bytes = era.page_tables is PageTables.BYTES
    special = {_INIT_PID, *table.earlier_victims}
    candidates = []
    for position, row in enumerate(table.rows):
        pid, uid, rss, tables, swapents, adj = _inputs(row)
        reason = None
        if adj is None or adj == OOM_SCORE_ADJ_MIN or pid in special or position in table.excluded:
            reason = ineligible_reason(table, position, era)
        if reason is not None or scores is None or adj is None:
            candidates.append(Candidate(row, position, reason is None, reason))
            continue
        has_root = uid == 0 and hypothesis.root is not None
        if by_bytes and tables is not None and swapents is not None:
            value, share, spared = scores(rss + swapents + tables // page_size, adj, has_root)
            candidates.append(Candidate(row, position, True, None, value, value, value, share, spared))
        else:
            candidates.append(Candidate(row, position, True))
            _score_interval(candidates[-1], scores, charged_pages(row, era, page_size, swap), has_root)
    _rank(candidates, era)
    return candidates


def _score_interval(candidate: Candidate, scores: Scorer, charge: tuple[int, int | None], has_root: bool) -> None:
    """For tables that lack, or have in another unit, what the score counts."""
    low, high = charge
    adj = candidate.row.oom_score_adj or 0
    value, candidate.adj_pages, candidate.root_bonus_pages = scores(low, adj, has_root)
    candidate.badness_min = value
    if high == low:
        candidate.badness_pages = candidate.badness_max = value
    elif high is not None:
        candidate.badness_max = scores(high, adj, has_root)[0]
        if candidate.badness_max == value:
            candidate.badness_pages = value


def add_figures(candidates: list[Candidate], hypothesis: Hypothesis, system_total: int | None) -> None:
    """points and /proc oom_score of all candidates; the arithmetic in words for those that people look at."""
    era, total = hypothesis.era, hypothesis.totalpages
    scored = [candidate for candidate in candidates if candidate.badness_pages is not None]
    values = [candidate.badness_pages or 0 for candidate in scored]
    for candidate, share in zip(scored, points_of_each(era, values, total), strict=True):
        candidate.points = share
        if candidate.is_victim or (candidate.rank or _WRITTEN_OUT + 1) <= _WRITTEN_OUT:
            candidate.arithmetic = arithmetic(candidate, hypothesis)
    if system_total is None:
        return
    for candidate, shown in zip(scored, proc_oom_score_of_each(era, values, system_total), strict=True):
        candidate.proc_oom_score = shown
    for candidate in candidates:
        if candidate.ineligible_reason in _ZERO_FOR_CERTAIN and candidate.badness_pages is None:
            candidate.proc_oom_score = proc_oom_score(era, None, system_total)


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


def _rank(candidates: list[Candidate], era: Era) -> None:
    eligible = [candidate for candidate in candidates if candidate.eligible and candidate.badness_min is not None]
    values = [candidate.badness_pages for candidate in eligible]
    if None in values:
        return  # without exact figures there is no order to give
    scored = [(value or 0, candidate.order) for value, candidate in zip(values, eligible, strict=True)]
    for rank, index in enumerate(preference(era, scored), start=1):
        eligible[index].rank = rank


def arithmetic(candidate: Candidate, hypothesis: Hypothesis) -> str:
    """The sum behind a candidate's badness, in the kernel's terms."""
    row, era = candidate.row, hypothesis.era
    parts = [f"rss {row.rss_pages}"]
    if row.swapents_pages is not None:
        parts.append(f"swapents {row.swapents_pages}")
    if era.page_tables is PageTables.BYTES and row.pgtables_bytes is not None:
        pages = row.pgtables_bytes // hypothesis.page_size
        parts.append(f"page tables {pages} ({row.pgtables_bytes} bytes / {hypothesis.page_size})")
    elif era.page_tables is PageTables.NR_PTES_PMDS and row.nr_ptes is not None:
        parts.append(f"nr_ptes {row.nr_ptes} + nr_pmds {row.nr_pmds}")
    elif row.nr_ptes is not None:
        parts.append(f"nr_ptes {row.nr_ptes}")
    adj = row.oom_score_adj or 0
    if era.score in (Score.PERMILLE, Score.PERMILLE_INT):
        text = f"({' + '.join(parts)}) * 1000 / totalpages {hypothesis.totalpages}"
        if candidate.root_bonus_pages:
            text += f" - {candidate.root_bonus_pages} for CAP_SYS_ADMIN"
        text += f" + oom_score_adj {adj}"
        return f"{text} = {candidate.badness_pages} permille"
    text = " + ".join(parts)
    if candidate.root_bonus_pages:
        text += f" - {candidate.root_bonus_pages} for CAP_SYS_ADMIN"
    if adj:
        text += (
            f" + oom_score_adj {adj} * (totalpages {hypothesis.totalpages} / 1000 = {hypothesis.totalpages // 1000})"
        )
    if era.score is Score.PAGES_CLAMPED and candidate.badness_pages == 1:
        return f"{text}, raised to the least value 1"
    return f"{text} = {candidate.badness_pages}"
