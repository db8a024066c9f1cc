"""Rows of a task table that stand line by line behind the same header, found and handed on many at a time.

    for number, line in lines(part, problems, source, first): ...

The table is nearly all of a report. A run is what is plain about it: lines that begin with the same bytes, then a kernel's
stamp in microseconds, a pid, numbers, and a name that no number, blank or sign can be mistaken for a part of. Its first and
last line come as lines, so that whoever reads them knows the header and what may continue the last one; those between come
as one `Run`, and when their header is read as one `Rows`. Whoever cannot take that in one piece reads `Run.lines()` or
`Rows.records()` instead, to the same result, which tests/property/test_runs_property.py holds them to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from oomforensics.parsers import lines as plain
from oomforensics.parsers.records import Problem, Record

if TYPE_CHECKING:
    from oomforensics.parsers.task_rows import Array

_LEAST = 6  # rows: fewer are read as fast one by one
_ROW_BEGINS = b"] ["  # the end of the stamp, and the bracket of the pid
# Printable ASCII without brackets, and not begun by what may stand before a quoted log.
_HEADER = rb"((?:[!-=?-Z\\^-{}~][ -Z\\^-~]{0,200}+)?)"
# The numbers are only told from what they are not: `Run.columns` looks closer, at less than it would take here. Digits are
# spelled out: a set of bytes that names `\d` is no bitmap for `re`, and takes half as long again.
# A name is ASCII without blank, `#` (an escape), `:` (a witness may speak) and brackets; it does not begin as a number does.
_ROW = (
    rb"\[ *[0-9]{1,12}\.[0-9]{6}\] \[ *[0-9]{1,10}\] [ 0-9-]++(?<=[0-9] )"
    rb"[!\"$%&'()*+,./;<=>?@A-Z\\^_`a-z{|}~][!\"$-9;-Z\\^-~]*+\n"
)
_RUN = re.compile(_HEADER + _ROW + rb"((?:\1" + _ROW + rb"){%d,}+)" % (_LEAST - 1))
_BETWEEN = -(10**17)  # stands between the numbers of two rows while they are counted
_MOST = 10**17 - 1
_BLANK, _MINUS = b" -"


@dataclass(frozen=True, slots=True)
class Run:
    """Lines that each hold a row: `header`, a stamp, a pid, numbers and a name."""

    line: int  # number of the first
    count: int
    header: str
    text: str  # the lines, the last without its newline

    def lines(self) -> Iterator[tuple[int, bytes]]:
        return enumerate(self.text.encode().split(b"\n"), self.line)

    def rows(self) -> list[str]:
        """Each as the kernel wrote it."""
        return [line[line.index("]") + 2 :] for line in self.text.split("\n")]

    def columns(self, numbers: int) -> tuple[Array, list[str]] | None:
        """Of all rows: microseconds since boot, pids, and each column of numbers, as rows of an array; and the names.

        None unless every row has so many numbers, all well formed and none longer than numbers of 64 bits are.
        """
        import numpy as np  # which a log without a table needs not

        begin = len(self.header)
        parts = [line[begin:].rpartition(" ") for line in self.text.split("\n")]
        text = f" {_BETWEEN} ".join([part[0] for part in parts]) + f" {_BETWEEN}"
        text = text.replace("[", " ").replace("]", " ").replace(".", "")
        letters = np.frombuffer(text.encode(), np.uint8)
        signs = (letters == _MINUS).nonzero()[0]
        if (letters[signs - 1] != _BLANK).any() or (letters[signs + 1] == _BLANK).any():
            return None
        width = numbers + 3
        found = np.fromstring(text, np.int64, sep=" ")  # what is too long becomes the largest of 64 bits
        if len(found) != self.count * width:
            return None
        rows = found.reshape(self.count, width)
        columns, between = rows[:, :-1], rows[:, -1]
        # Where each row ends a multiple of `width` numbers on, none has more than it should, for then another had none.
        if not (between == _BETWEEN).all() or columns.max() > _MOST or columns.min() < -_MOST:
            return None
        return columns.T, [part[2] for part in parts]


@dataclass(frozen=True, slots=True)
class Rows:
    """The records of a run. `like` is that of the line before, which has the same header."""

    run: Run
    like: Record

    def records(self) -> Iterator[Record]:
        begin = len(self.run.header) + 1
        for number, line in enumerate(self.run.text.split("\n"), self.run.line):
            stamp, _, rest = line[begin:].partition("]")
            yield replace(self.like, line=number, text=rest[1:], uptime_us=int(stamp.replace(".", "")))


def lines(part: bytes, problems: list[Problem], source: str, first: int = 1) -> Iterator[tuple[int, bytes | Run]]:
    """The lines of `part`, which begins with a whole one, each with its number; `first` is the first one's."""
    if _ROW_BEGINS not in part:
        return plain.lines_of(part, problems, source, first)
    return _lines(part, problems, source, first)


def _lines(part: bytes, problems: list[Problem], source: str, first: int) -> Iterator[tuple[int, bytes | Run]]:
    done = at = 0
    number = first
    while (hit := part.find(_ROW_BEGINS, at)) >= 0:
        run = _RUN.match(part, max(part.rfind(b"\n", done, hit) + 1, done))
        if run is None:
            at = part.find(b"\n", hit)
            if at < 0:
                break
            continue
        begin, end = run.start(2), part.rfind(b"\n", run.start(2), run.end() - 1)
        yield from plain.lines_of(part[done:begin], problems, source, number)
        number += part.count(b"\n", done, begin)
        text = part[begin:end].decode()
        count = text.count("\n") + 1
        yield number, Run(number, count, run[1].decode(), text)
        number += count
        done = end + 1
        at = run.end()
    yield from plain.lines_of(part[done:], problems, source, number)
