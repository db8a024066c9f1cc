"""The rows of a task table. A report has hundreds, which are read many at a time: they are kept and asked by column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, cast, overload

import numpy as np

if TYPE_CHECKING:  # it takes longer to import than all of numpy
    import numpy.typing as npt

    Array = npt.NDArray[Any]

SMALL = 2**40  # a thousand times a sum of numbers below this is far within 64 bits; a log may hold any

_FEW = 16  # parts among which a row is looked for


class TaskRow(NamedTuple):
    """One row of the task table (dump_task). Fields that this kernel does not print are None."""

    line: int
    pid: int
    uid: int | None
    tgid: int
    total_vm_pages: int
    rss_pages: int
    comm: str
    rss_anon_pages: int | None = None
    rss_file_pages: int | None = None
    rss_shmem_pages: int | None = None
    nr_ptes: int | None = None  # page-table pages
    nr_pmds: int | None = None
    pgtables_bytes: int | None = None
    swapents_pages: int | None = None
    cpu: int | None = None
    oom_adj: int | None = None
    oom_score_adj: int | None = None


class Column(NamedTuple):
    """A number of each row: of 64 bits, or Python's own where one is beyond SMALL. Where `absent`, a row has none, but 0 here."""

    values: Array
    absent: Array | None = None  # bools; None: every row has one

    @property
    def present(self) -> Array:
        return np.ones(len(self.values), np.bool_) if self.absent is None else ~self.absent


class Block(NamedTuple):
    """Rows that stand line by line and were read by column. `numbers` has a row for each of `fields`, "" for one that no
    field of TaskRow takes."""

    line: int  # of the first
    fields: tuple[str, ...]
    numbers: Array
    names: list[str]

    def rows(self) -> Iterator[TaskRow]:
        columns: dict[str, Iterable[Any]] = dict(zip(self.fields, self.numbers.tolist(), strict=True))
        columns |= {"line": count(self.line), "comm": self.names}
        in_order = [columns.get(name, repeat(None)) for name in TaskRow._fields]
        return map(tuple.__new__, repeat(TaskRow), zip(*in_order, strict=False))  # as _make, at a third of its cost

    def row(self, place: int) -> TaskRow:
        values: dict[str, Any] = dict(zip(self.fields, self.numbers[:, place].tolist(), strict=True))
        values.pop("", None)
        return TaskRow(line=self.line + place, comm=self.names[place], **values)


class TaskRows(Sequence[TaskRow]):
    """Rows of one table, which all have the same fields, in the order in which they are printed."""

    def __init__(self, parts: Iterable[TaskRow | Block] = ()) -> None:
        self._parts = list(parts)
        self._has_blocks = any(isinstance(part, Block) for part in self._parts)
        self._columns: dict[str, Column] | None = None

    @classmethod
    def of(cls, rows: Sequence[TaskRow]) -> TaskRows:
        return rows if isinstance(rows, cls) else cls(rows)

    def append(self, part: TaskRow | Block) -> None:
        self._parts.append(part)
        self._has_blocks = self._has_blocks or isinstance(part, Block)
        self._columns = None

    def __len__(self) -> int:
        return sum(map(_length, self._parts))

    def __iter__(self) -> Iterator[TaskRow]:
        return chain.from_iterable(part.rows() if isinstance(part, Block) else (part,) for part in self._parts)

    @overload
    def __getitem__(self, index: int) -> TaskRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[TaskRow]: ...
    def __getitem__(self, index: int | slice) -> TaskRow | list[TaskRow]:
        if isinstance(index, slice):
            return list(self)[index]
        place = range(len(self))[index]
        if self._has_blocks and len(self._parts) > _FEW:
            self._parts, self._has_blocks = list(self), False
        if not self._has_blocks:
            return cast(TaskRow, self._parts[place])
        for part in self._parts:
            length = _length(part)
            if place < length:
                return part.row(place) if isinstance(part, Block) else part
            place -= length
        raise IndexError(index)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, TaskRows) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it grows

    def __reduce__(self) -> tuple[Any, ...]:
        return TaskRows, (self._parts,)

    def names(self) -> list[str]:
        return [name for part in self._parts for name in (part.names if isinstance(part, Block) else (part.comm,))]

    def column(self, name: str) -> Column | None:
        """None where no row has that number."""
        if self._columns is None:
            self._columns = self._by_column()
        return self._columns.get(name)

    def whole(self, name: str) -> Array | None:
        """A column in which every row has a number."""
        column = self.column(name)
        return None if column is None or column.absent is not None else column.values

    def last_with(self, name: str, number: int) -> int | None:
        """The place of the last row that has this number there."""
        column = self.column(name)
        if column is None:
            return None
        found = column.values == number
        places = (found if column.absent is None else found & ~column.absent).nonzero()[0]
        return int(places[-1]) if len(places) else None

    def _by_column(self) -> dict[str, Column]:
        block = next((part for part in self._parts if isinstance(part, Block)), None)
        if block is not None and "" not in block.fields:
            try:
                return self._of_blocks(("line", *block.fields))
            except (OverflowError, TypeError):  # a single row has a number too large for the array, or lacks one
                pass
        by_field = dict(zip(TaskRow._fields, zip(*self, strict=True), strict=False))
        by_field.pop("comm", None)
        return {name: column_of(values) for name, values in by_field.items() if any(one is not None for one in values)}

    def _of_blocks(self, fields: tuple[str, ...]) -> dict[str, Column]:
        numbers = np.empty((len(fields), len(self)), np.int64)
        pick = itemgetter(*map(TaskRow._fields.index, fields))
        start = 0
        for part in self._parts:
            end = start + _length(part)
            if isinstance(part, Block):
                numbers[0, start:end] = np.arange(part.line, part.line + end - start)
                numbers[1:, start:end] = part.numbers
            else:
                numbers[:, start] = pick(part)
            start = end
        if numbers.max() > SMALL or numbers.min() < -SMALL:
            numbers = numbers.astype(object)
        return dict(zip(fields, map(Column, numbers), strict=True))


def _length(part: TaskRow | Block) -> int:
    return len(part.names) if isinstance(part, Block) else 1


def column_of(values: Sequence[int | None]) -> Column:
    """None: no number."""
    absent = np.array([value is None for value in values], np.bool_) if None in values else None
    filled = [value or 0 for value in values]
    is_small = min(filled, default=0) >= -SMALL and max(filled, default=0) <= SMALL
    return Column(np.array(filled, np.int64 if is_small else object), absent)


def joined(columns: Sequence[Column | None], lengths: Sequence[int]) -> Column | None:
    """One column of those of several tables, which have so many rows."""
    if not any(column is not None for column in columns):
        return None
    values, absent = [], []
    for column, length in zip(columns, lengths, strict=True):
        values.append(np.zeros(length, np.int64) if column is None else column.values)
        absent.append(np.ones(length, np.bool_) if column is None else column.absent)
    if all(one is None for one in absent):
        return Column(np.concatenate(values))
    marks = [np.zeros(length, np.bool_) if one is None else one for one, length in zip(absent, lengths, strict=True)]
    return Column(np.concatenate(values), np.concatenate(marks))


def listed(column: Column | None, places: Array) -> list[int | None]:
    """The numbers of the rows at these places."""
    if column is None:
        return [None] * len(places)
    values: list[int | None] = column.values[places].tolist()
    if column.absent is None:
        return values
    return [None if absent else value for value, absent in zip(values, column.absent[places].tolist(), strict=True)]
