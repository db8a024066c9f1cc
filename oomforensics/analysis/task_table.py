"""The report's task table by column: sums and maxima are asked of thousands of tables, single rows of a few."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

if TYPE_CHECKING:  # it takes longer to import than all of numpy
    import numpy.typing as npt

    Array = npt.NDArray[Any]

# Sums of a table of numbers below this stay within 64 bits; a log may hold any.
_SMALL = 2**36
_EVERY_ROW = slice(0, None)


class Process(NamedTuple):
    """A row of the task table. None = not printed, lost or not known."""

    pid: int
    uid: int | None
    comm: str | None
    rss_pages: int | None
    rss_anon_pages: int | None
    rss_shmem_pages: int | None
    pgtables_bytes: int | None  # of kernels that print pages of them: those pages, where the page's size is known
    swapents_pages: int | None
    oom_score_adj: int | None
    eligible: bool | None
    ineligible_reason: str | None
    is_victim: bool
    line: int | None

    @property
    def used_pages(self) -> int:
        """Resident and swapped."""
        return (self.rss_pages or 0) + (self.swapents_pages or 0)


class TaskTable(Sequence[Process]):
    """Rows in the order of the printed table.

    `values`: an array for each field of Process, of one length. Text has None where a row has none; numbers have 0, and
    `absent` an array of bools, where any row has none. `rows`: which of them are this table's. Numbers are added up: see
    `summable`.
    """

    def __init__(
        self, values: Mapping[str, Array], absent: Mapping[str, Array], rows: slice | Array = _EVERY_ROW
    ) -> None:
        self._values, self._absent, self._rows = values, absent, rows
        self._made: dict[int, Process] = {}  # rows that were asked for, by their place

    @classmethod
    def of(cls, rows: Iterable[Process]) -> TaskTable:
        listed = list(rows)
        by_field = zip(*listed, strict=True) if listed else [()] * len(Process._fields)
        values, absent = {}, {}
        for name, column in zip(Process._fields, by_field, strict=True):
            is_text = any(isinstance(value, str) for value in column)
            values[name] = np.array(column, object) if is_text else summable(np.array([value or 0 for value in column]))
            absent[name] = np.array([value is None for value in column], np.bool_)
        return cls(values, absent)

    def __len__(self) -> int:
        return len(self.filled("pid"))

    @overload
    def __getitem__(self, index: int) -> Process: ...
    @overload
    def __getitem__(self, index: slice) -> TaskTable: ...
    def __getitem__(self, index: int | slice) -> Process | TaskTable:
        if isinstance(index, slice):
            return self.at(np.arange(len(self))[index])
        place = range(len(self))[index] + self._rows.start if isinstance(self._rows, slice) else self._rows[index]
        if place not in self._made:
            self._made[place] = Process._make([self._value(name, place) for name in Process._fields])
        return self._made[place]

    def __iter__(self) -> Iterator[Process]:
        return map(Process._make, zip(*map(self.listed, Process._fields), strict=True))

    def listed(self, name: str) -> list[Any]:
        """A column; None where a row has no value."""
        listed: list[Any] = self.filled(name).tolist()
        if name not in self._absent:
            return listed
        absent = self._absent[name][self._rows].tolist()
        return [None if is_absent else value for value, is_absent in zip(listed, absent, strict=True)]

    def where(self, holds: Array) -> TaskTable:
        """The rows for which an array of bools says so."""
        return self.at(np.flatnonzero(holds))

    def at(self, places: Array | Sequence[int]) -> TaskTable:
        """The rows at these places."""
        chosen, rows = np.asarray(places, np.intp), self._rows
        return TaskTable(self._values, self._absent, chosen + rows.start if isinstance(rows, slice) else rows[chosen])

    @cached_property
    def victim(self) -> Process | None:
        found = np.flatnonzero(self.filled("is_victim"))
        return self[int(found[0])] if len(found) else None

    def with_pid(self, pid: int | None) -> Process | None:
        """The last such row."""
        found = np.flatnonzero(self.filled("pid") == pid)
        return self[int(found[-1])] if len(found) else None

    def known(self, name: str) -> int:
        """How many rows have a value there."""
        return len(self) - (int(self._absent[name][self._rows].sum()) if name in self._absent else 0)

    def total(self, name: str) -> int | None:
        """The sum of a column; None where no row has a value."""
        return int(self.filled(name).sum()) if self.known(name) else None

    def filled(self, name: str) -> Array:
        """A column; of numbers 0 where a row has none."""
        return self._values[name][self._rows]

    @cached_property
    def used_pages(self) -> Array:
        """Of each row: resident and swapped."""
        return self.filled("rss_pages") + self.filled("swapents_pages")

    @cached_property
    def own_pages(self) -> Array:
        """Of each row: resident and swapped, without files and shared memory where it tells (6.8 and later)."""
        resident = self.filled("rss_anon_pages")
        if "rss_anon_pages" in self._absent:
            resident = np.where(self._absent["rss_anon_pages"][self._rows], self.filled("rss_pages"), resident)
        return resident + self.filled("swapents_pages")

    def largest(self, by: Array) -> Process | None:
        """The first of the rows that have most of this."""
        return self[int(by.argmax())] if len(by) else None

    def _value(self, name: str, place: int) -> Any:
        return None if name in self._absent and self._absent[name][place] else self._values[name].item(place)


def summable(column: Array) -> Array:
    """Numbers as they are, or as Python's where 64 bits may not hold their sum."""
    is_large = column.dtype.kind in "iu" and len(column) > 0 and max(int(column.max()), -int(column.min())) > _SMALL
    return column.astype(object) if is_large else column


NO_TASKS = TaskTable.of(())
