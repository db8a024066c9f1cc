"""Rows of a task table that stand line by line behind the same header, found and handed on many at a time.

    for number, line in lines(part, problems, source, first): ...

The table is nearly all of a report. A run is what is plain about it: lines that begin with the same bytes, then a kernel's
stamp in microseconds, a pid, the same count of numbers, and a name that no number, blank or sign can be mistaken for a part
of. Its first and last line come as lines, so that whoever reads them knows the header and what may continue the last one;
those between come as one `Run`, and when their header is read as one `Rows`. Whoever cannot take that in one piece reads
`Run.lines()` or `Rows.records()` instead, to the same result, which tests/property/test_runs_property.py holds them to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from oomforensics.parsers import lines as plain
from oomforensics.parsers.records import Problem, Record

_LEAST = 6  # rows: fewer are read as fast one by one
_ROW_BEGINS = b"] ["  # the end of the stamp, and the bracket of the pid
# Printable ASCII without brackets, and not begun by what may stand before a quoted log.
_HEADER = rb"(?:[!-=?-Z\\^-{}~][ -Z\\^-~]{0,200}+)?"
_BEGIN = rb"\[ *\d{1,12}\.\d{6}\] \[ *\d{1,10}\]"
_NUMBERS = rb"(?: +-?\d{1,18}){%s}+"
# ASCII without blank, `#` (an escape), `:` (a witness may speak) and brackets; it does not begin as a number does.
_NAME = rb" [!\"$%&'()*+,./;<=>?@A-Z\\^_`a-z{|}~][!\"$-9;-Z\\^-~]*+\n"
_FIRST = re.compile(_HEADER + _BEGIN + rb"(" + _NUMBERS % b"6,32" + rb")" + _NAME)


@cache
def _run(numbers: int) -> re.Pattern[bytes]:
    row = _BEGIN + _NUMBERS % b"%d" % numbers + _NAME
    return re.compile(rb"([^\[]*+)" + row + rb"((?:\1" + row + rb"){%d,}+)" % (_LEAST - 1))


@dataclass(frozen=True, slots=True)
class Run:
    """Lines that each hold a row: `header`, a stamp, a pid, `numbers` numbers and a name."""

    line: int  # number of the first
    count: int
    numbers: int
    header: str
    text: str  # the lines, the last without its newline

    def lines(self) -> Iterator[tuple[int, bytes]]:
        return enumerate(self.text.encode().split(b"\n"), self.line)

    def rows(self) -> list[str]:
        """Each as the kernel wrote it."""
        return [line[line.index("]") + 2 :] for line in self.text.split("\n")]

    def columns(self) -> tuple[list[list[int]], list[str]]:
        """Of all rows: microseconds since boot, pids, and each column of numbers; and the names."""
        import numpy as np  # takes 0.1 s to load, which logs without a run need not wait for

        begin = len(self.header)
        parts = [line[begin:].rpartition(" ") for line in self.text.split("\n")]
        numbers = " ".join([part[0] for part in parts]).replace("[", " ").replace("]", " ").replace(".", "")
        # Of at most 18 digits each, and as many in every line, which is what makes a run.
        table = np.fromstring(numbers, np.int64, sep=" ").reshape(self.count, self.numbers + 2)
        return table.T.tolist(), [part[2] for part in parts]


@dataclass(frozen=True, slots=True)
class Rows:
    """The records of a run. `like` is that of the line before, which has the same header."""

    run: Run
    like: Record

    def records(self) -> Iterator[Record]:
        (uptimes_us, *_), _ = self.run.columns()
        for line, (text, uptime_us) in enumerate(zip(self.run.rows(), uptimes_us, strict=True), self.run.line):
            yield replace(self.like, line=line, text=text, uptime_us=uptime_us)


def lines(part: bytes, problems: list[Problem], source: str, first: int = 1) -> Iterator[tuple[int, bytes | Run]]:
    """The lines of `part`, which begins with a whole one, each with its number; `first` is the first one's."""
    done = at = 0
    number = first
    while (hit := part.find(_ROW_BEGINS, at)) >= 0:
        start = max(part.rfind(b"\n", done, hit) + 1, done)
        row = _FIRST.match(part, start)
        run = _run(len(row[1].split())).match(part, start) if row else None
        if row is None or run is None:
            at = part.find(b"\n", hit)
            if at < 0:
                break
            continue
        begin, end = run.start(2), part.rfind(b"\n", run.start(2), run.end() - 1)
        yield from plain.lines([part[done:begin]], problems, source, number)
        number += part.count(b"\n", done, begin)
        text = part[begin:end].decode()
        count = text.count("\n") + 1
        yield number, Run(number, count, len(row[1].split()), run[1].decode(), text)
        number += count
        done = end + 1
        at = run.end()
    yield from plain.lines([part[done:]], problems, source, number)
