"""The selection again with other inputs: whom the kernel would have chosen, and what would have saved a process.

All else stays as the report prints it. After a kill the memory of the others changes too, so the order of further
kills is that of the moment of the report.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from oomforensics.analysis.candidates import Candidate
from oomforensics.analysis.ranking import scans_in_table_order
from oomforensics.analysis.scoring import (
    Hypothesis,
    Table,
    charged_pages,
    ineligible_reason,
    root_hypotheses,
    score,
)
from oomforensics.kernel.badness import OOM_SCORE_ADJ_MAX, OOM_SCORE_ADJ_MIN
from oomforensics.kernel.eras import ChildRule, Era, PageTables, Score, era_named
from oomforensics.parsers.task_rows import TaskRow


@dataclass(frozen=True, slots=True)
class Selection:
    """A report's candidates and the reading of the kernel that gives the badness it was judged by."""

    table: Table
    hypothesis: Hypothesis

    @property
    def kills_children(self) -> bool:
        return self.hypothesis.era.child is not ChildRule.NONE

    def order(self) -> list[Candidate]:
        """The eligible candidates, the kernel's first choice first. Empty: nobody could be killed."""
        candidates = score(self.table, self.hypothesis)
        return [candidates[place] for place in candidates.order]

    def with_adj(self, changes: Mapping[int, int]) -> Selection:
        """`changes`: pid -> oom_score_adj."""
        rows = [row._replace(oom_score_adj=changes[row.pid]) if row.pid in changes else row for row in self.table.rows]
        return replace(self, table=replace(self.table, rows=rows))

    def under(self, totalpages: int) -> Selection:
        return replace(self, hypothesis=replace(self.hypothesis, totalpages=totalpages))

    def on(self, era: Era, totalpages: int, *, is_memcg: bool) -> list[Selection]:
        """As kernels of another era would have done, one selection for each reading of CAP_SYS_ADMIN, likeliest first.

        Where they count page tables in another way than the report prints, the report's count stands for theirs.
        Raises ValueError, with the reason, where what they count is not in the report.
        """
        if era.score is Score.LEGACY:
            raise ValueError("kernels before 2.6.36 weigh CPU time and run time, which no report prints")
        page_size = self.hypothesis.page_size
        rows = [_with_page_tables(row, era, page_size) for row in self.table.rows]
        for position, row in enumerate(rows):
            low, high = charged_pages(row, era, page_size, None)
            if low != high and ineligible_reason(self.table, position, era) is None:
                raise ValueError("the report prints no swap entries or page tables of its processes")
        excluded = self.table.excluded if era.vfork_spared else frozenset()
        table = replace(self.table, rows=rows, excluded=excluded, in_scan_order=scans_in_table_order(era, is_memcg))
        return [Selection(table, hypothesis) for hypothesis in root_hypotheses(era, totalpages, page_size)]

    def without(self, pids: Iterable[int]) -> Selection:
        """As if these processes had not been there, and nothing else had changed."""
        gone = set(pids)
        kept = [position for position, row in enumerate(self.table.rows) if row.pid not in gone]
        excluded = frozenset(new for new, old in enumerate(kept) if old in self.table.excluded)
        rows = [self.table.rows[position] for position in kept]
        return replace(self, table=replace(self.table, rows=rows, excluded=excluded))

    def chosen(self) -> int | None:
        """The pid of the first choice."""
        first = score(self.table, self.hypothesis).first
        return first.row.pid if first is not None else None

    def saving_adj(self, pid: int) -> int | None:
        """The highest oom_score_adj below its own with which `pid` is not chosen; None: it was not chosen anyway.

        badness never falls as oom_score_adj rises, so one boundary separates the values. The least value always saves.
        """
        if self.chosen() != pid:
            return None
        values = range(OOM_SCORE_ADJ_MIN, self._adj(pid) + 1)
        return values[self._first_chosen(pid, values) - 1]

    def dooming_adj(self, pid: int) -> int | None:
        """The lowest oom_score_adj above its own with which `pid` is chosen; None: none does, or it was anyway."""
        values = range(self._adj(pid), OOM_SCORE_ADJ_MAX + 1)
        first = self._first_chosen(pid, values)
        return values[first] if 0 < first < len(values) else None

    def _first_chosen(self, pid: int, values: range) -> int:
        """The index of the first value that makes `pid` the first choice, or the number of values."""
        return bisect_left(values, True, key=lambda value: self.with_adj({pid: value}).chosen() == pid)

    def _adj(self, pid: int) -> int:
        return next(row.oom_score_adj or 0 for row in self.table.rows if row.pid == pid)


def _can_be_scored(row: TaskRow, era: Era, page_size: int) -> bool:
    low, high = charged_pages(row, era, page_size, None)
    adj = row.oom_score_adj
    return low == high and adj is not None and OOM_SCORE_ADJ_MIN <= adj <= OOM_SCORE_ADJ_MAX


def _with_page_tables(row: TaskRow, era: Era, page_size: int) -> TaskRow:
    """The row with the columns that this era counts."""
    if era.page_tables is PageTables.BYTES:
        if row.pgtables_bytes is None and row.nr_ptes is not None:
            return row._replace(pgtables_bytes=(row.nr_ptes + (row.nr_pmds or 0)) * page_size)
    elif row.nr_ptes is None and row.pgtables_bytes is not None:
        return row._replace(nr_ptes=row.pgtables_bytes // page_size, nr_pmds=0)
    elif era.page_tables is PageTables.NR_PTES_PMDS and row.nr_pmds is None:
        return row._replace(nr_pmds=0)
    return row


def rebuild(
    rows: Sequence[TaskRow], badness: Sequence[int | None], ineligible: Sequence[str | None], era_name: str,
    totalpages: int, page_size: int, *, is_memcg: bool,
) -> Selection | None:  # fmt: skip
    """The selection in which every row has this badness (None: not eligible, for the reason in `ineligible`).

    None where no reading of the era gives these values: the report lacks columns that it counts, it is one of the
    heuristics before 2.6.36, or a damaged row holds an oom_score_adj that no kernel prints.
    """
    era = era_named(era_name)
    if era.score is Score.LEGACY or not all(_can_be_scored(row, era, page_size) for row in rows):
        return None
    table = Table(
        rows,
        frozenset(row.pid for row, reason in zip(rows, ineligible, strict=True) if reason == "already_killed"),
        in_scan_order=scans_in_table_order(era, is_memcg),
        excluded=frozenset(position for position, reason in enumerate(ineligible) if reason == "vfork_child"),
    )
    for hypothesis in root_hypotheses(era, totalpages, page_size):
        scored = score(table, hypothesis)
        if (
            all(
                (one.ineligible_reason, one.badness_pages) == stored
                for one, stored in zip(scored, zip(ineligible, badness, strict=True), strict=True)
            )
            and len(scored.order) == scored.eligible.sum()
        ):
            return Selection(table, hypothesis)
    return None
