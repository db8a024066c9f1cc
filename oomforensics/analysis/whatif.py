"""The selection again with other inputs: whom the kernel would have chosen, and what would have saved a process.

All else stays as the report prints it. After a kill the memory of the others changes too, so the order of further
kills is that of the moment of the report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from oomforensics.analysis.model import Candidate
from oomforensics.analysis.scoring import Hypothesis, Table, root_hypotheses, score
from oomforensics.kernel.badness import OOM_SCORE_ADJ_MIN
from oomforensics.kernel.eras import Era, Score

OOM_SCORE_ADJ_MAX = 1000


@dataclass(frozen=True, slots=True)
class Selection:
    """A report's candidates and the reading of the kernel that gives the badness it was judged by."""

    table: Table
    hypothesis: Hypothesis

    def order(self) -> list[Candidate]:
        """The eligible candidates, the kernel's first choice first. Empty: nobody could be killed."""
        candidates = [candidate for candidate in score(self.table, self.hypothesis) if candidate.rank is not None]
        return sorted(candidates, key=lambda candidate: candidate.rank or 0)

    def with_adj(self, changes: Mapping[int, int]) -> Selection:
        """`changes`: pid -> oom_score_adj."""
        rows = [row._replace(oom_score_adj=changes[row.pid]) if row.pid in changes else row for row in self.table.rows]
        return replace(self, table=replace(self.table, rows=rows))

    def without(self, pids: Iterable[int]) -> Selection:
        """As if these processes had not been there, and nothing else had changed."""
        gone = set(pids)
        kept = [position for position, row in enumerate(self.table.rows) if row.pid not in gone]
        excluded = frozenset(new for new, old in enumerate(kept) if old in self.table.excluded)
        rows = [self.table.rows[position] for position in kept]
        return replace(self, table=replace(self.table, rows=rows, excluded=excluded))

    def chosen(self) -> int | None:
        """The pid of the first choice."""
        order = self.order()
        return order[0].row.pid if order else None

    def saving_adj(self, pid: int) -> int | None:
        """The highest oom_score_adj below its own with which `pid` is not chosen; None: it was not chosen anyway.

        -1000 always is such a value. badness never falls as oom_score_adj rises, so one boundary separates the values.
        """
        if self.chosen() != pid:
            return None
        low, high = OOM_SCORE_ADJ_MIN, self._adj(pid)  # not chosen at low, chosen at high
        while high - low > 1:
            middle = (low + high) // 2
            if self.with_adj({pid: middle}).chosen() == pid:
                high = middle
            else:
                low = middle
        return low

    def dooming_adj(self, pid: int, other: int) -> int | None:
        """The lowest oom_score_adj above its own with which `other` is chosen in place of `pid`; None: none does."""
        low, high = self._adj(other), OOM_SCORE_ADJ_MAX
        if low >= high or self.with_adj({other: high}).chosen() != other or self.chosen() != pid:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            if self.with_adj({other: middle}).chosen() == other:
                high = middle
            else:
                low = middle
        return high

    def _adj(self, pid: int) -> int:
        return next(row.oom_score_adj or 0 for row in self.table.rows if row.pid == pid)


def reconstruct(
    table: Table, badness: Sequence[int | None], era: Era, totalpages: int, page_size: int
) -> Selection | None:
    """The selection that gives every row this badness (None: not eligible), or None where no reading of the era does."""
    if era.score is Score.LEGACY:
        return None
    for hypothesis in root_hypotheses(era, totalpages, page_size):
        if [candidate.badness_pages for candidate in score(table, hypothesis)] == list(badness):
            return Selection(table, hypothesis)
    return None
