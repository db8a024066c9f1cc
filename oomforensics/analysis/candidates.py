"""The candidates of a report: every row of its task table with what the kernel made of it, by column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, overload

import numpy as np

from oomforensics.parsers.task_rows import Column, TaskRow, TaskRows

if TYPE_CHECKING:
    from oomforensics.parsers.task_rows import Array


class Candidates(Sequence["Candidate"]):
    """In the order of the printed table. Of numbers a column is None where no candidate has one."""

    def __init__(self, rows: TaskRows) -> None:
        count = len(rows)
        self.rows = rows
        self.eligible: Array = np.ones(count, np.bool_)
        # oom_score_adj_min | global_init | already_killed | vfork_child
        self.ineligible_reason: list[str | None] = [None] * count
        self.badness_pages: Column | None = None  # absent: an input is unknown
        self.badness_min: Column | None = None  # with badness_max: the interval that lost inputs leave
        self.badness_max: Column | None = None
        self.adj_pages: Column | None = None  # the oom_score_adj share of badness
        self.root_bonus_pages: Column | None = None  # what CAP_SYS_ADMIN took off (2.6.36-4.16), if assumed
        self.points: Column | None = None
        self.proc_oom_score: Column | None = None
        self.is_victim: Array = np.zeros(count, np.bool_)
        self.arithmetic: list[str] = [""] * count
        self.order: list[int] = []  # places, the kernel's first choice first; empty where there is no order to give

    def __len__(self) -> int:
        return len(self.arithmetic)

    def __iter__(self) -> Iterator[Candidate]:
        return map(Candidate, repeat(self), range(len(self)), self.rows)

    @overload
    def __getitem__(self, index: int) -> Candidate: ...
    @overload
    def __getitem__(self, index: slice) -> list[Candidate]: ...
    def __getitem__(self, index: int | slice) -> Candidate | list[Candidate]:
        if isinstance(index, slice):
            return list(self)[index]
        place = range(len(self))[index]
        return Candidate(self, place, self.rows[place])

    def column(self, name: str) -> Column | None:
        """One of what the kernel made of them, by the name of the attribute that it is of a Candidate."""
        column = getattr(self, name)
        return Column(column) if isinstance(column, np.ndarray) else column

    def forget(self, which: Array) -> None:
        """The badness of those at which this array of bools is true."""
        for name in ("badness_pages", "badness_min", "badness_max", "adj_pages"):
            column: Column | None = getattr(self, name)
            if column is not None:
                setattr(self, name, Column(column.values, ~column.present | which))

    @property
    def rank(self) -> Column | None:
        """1: the first choice; of the eligible, ties in the order of that era's tie rule."""
        if not self.order:
            return None
        ranks = np.zeros(len(self), np.int64)
        ranks[self.order] = np.arange(1, len(self.order) + 1)
        return Column(ranks, ranks == 0)

    @property
    def first(self) -> Candidate | None:
        """None where there is no order to give."""
        return self[self.order[0]] if self.order else None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of them. Units are in the names; None: not known, or not there."""

    of: Candidates
    order: int  # position in the printed table, from 0
    row: TaskRow

    @property
    def eligible(self) -> bool:
        return bool(self.of.eligible[self.order])

    @property
    def ineligible_reason(self) -> str | None:
        return self.of.ineligible_reason[self.order]

    @property
    def badness_pages(self) -> int | None:
        return self._number(self.of.badness_pages)

    @property
    def badness_min(self) -> int | None:
        return self._number(self.of.badness_min)

    @property
    def badness_max(self) -> int | None:
        return self._number(self.of.badness_max)

    @property
    def adj_pages(self) -> int | None:
        return self._number(self.of.adj_pages)

    @property
    def root_bonus_pages(self) -> int | None:
        return self._number(self.of.root_bonus_pages)

    @property
    def points(self) -> int | None:
        return self._number(self.of.points)

    @property
    def proc_oom_score(self) -> int | None:
        return self._number(self.of.proc_oom_score)

    @property
    def rank(self) -> int | None:
        order = self.of.order
        return order.index(self.order) + 1 if self.order in order else None

    @property
    def is_victim(self) -> bool:
        return bool(self.of.is_victim[self.order])

    @property
    def arithmetic(self) -> str:
        return self.of.arithmetic[self.order]

    def _number(self, column: Column | None) -> int | None:
        if column is None or (column.absent is not None and column.absent[self.order]):
            return None
        return int(column.values[self.order])
