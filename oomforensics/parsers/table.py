"""The task table (mm/oom_kill.c: dump_tasks), read by its own header line:

    [  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name
    [    199]     0   199    14838      226   102400       14          -250 systemd-journal

Values overflow their columns and `name` is the rest of the row, so rows are read by count of integers, never by position.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from oomforensics.parsers.facts import TaskTable
from oomforensics.parsers.pattern import compiled
from oomforensics.parsers.task_rows import Block, TaskRow

if TYPE_CHECKING:
    from oomforensics.parsers.task_rows import Array

# Kernel's column name -> field of TaskRow. A new kernel column is one entry here; until then it is read and left out.
COLUMN_FIELDS: dict[str, str] = {
    "uid": "uid",
    "tgid": "tgid",
    "total_vm": "total_vm_pages",
    "rss": "rss_pages",
    "rss_anon": "rss_anon_pages",  # 6.8, mm: print rss split in the OOM table
    "rss_file": "rss_file_pages",  # 6.8
    "rss_shmem": "rss_shmem_pages",  # 6.8
    "nr_ptes": "nr_ptes",  # 3.6-4.14
    "nr_pmds": "nr_pmds",  # 4.0-4.14
    "pgtables_bytes": "pgtables_bytes",  # 4.15, af5b0f6a09e42c9f4fa87735f2a366748767b686
    "swapents": "swapents_pages",  # 3.6
    "cpu": "cpu",  # up to 3.5
    "oom_adj": "oom_adj",  # up to 3.5
    "oom_score_adj": "oom_score_adj",  # 2.6.36
}


@dataclass(frozen=True, slots=True)
class Layout:
    """A known header: which kernels print it and how."""

    name: str
    columns: tuple[str, ...]  # between pid and name
    wide_pid: bool  # "[  pid  ]", 4.19+
    since: str
    header: str


LAYOUTS: tuple[Layout, ...] = (
    Layout("C1", ("uid", "tgid", "total_vm", "rss", "cpu", "oom_adj"), False, "2.6.25",
           "[ pid ]   uid  tgid total_vm      rss cpu oom_adj name"),
    Layout("C2", ("uid", "tgid", "total_vm", "rss", "cpu", "oom_adj", "oom_score_adj"), False, "2.6.36",
           "[ pid ]   uid  tgid total_vm      rss cpu oom_adj oom_score_adj name"),
    Layout("C3", ("uid", "tgid", "total_vm", "rss", "nr_ptes", "swapents", "oom_score_adj"), False, "3.6",
           "[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name"),
    Layout("C4", ("uid", "tgid", "total_vm", "rss", "nr_ptes", "nr_pmds", "swapents", "oom_score_adj"), False, "4.0",
           "[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name"),
    Layout("C5", ("uid", "tgid", "total_vm", "rss", "pgtables_bytes", "swapents", "oom_score_adj"), False, "4.15",
           "[ pid ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name"),
    Layout("C6", ("uid", "tgid", "total_vm", "rss", "pgtables_bytes", "swapents", "oom_score_adj"), True, "4.19",
           "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name"),
    Layout("C7", ("uid", "tgid", "total_vm", "rss", "rss_anon", "rss_file", "rss_shmem", "pgtables_bytes", "swapents",
                  "oom_score_adj"), True, "6.8",
           "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj"
           " name"),
)  # fmt: skip

_HEADER = re.compile(r"^\[( +)pid( +)\]\s+(\S+(?:\s+\S+)*)\s+name\s*$")
_HIDDEN = re.compile(r"\[\d+(?:\.\d+)?[BKM] blob data\]$")
_ROW_START = re.compile(r"^\[ *(\d+)\]\s+-?\d")
_MAX_COLUMNS = 32  # kernels have 6 to 10
_FEWEST_COLUMNS = 6
_PLAIN_ROW = 200  # characters: it has no number that is too long to convert or to reckon with
_INTEGER = compiled(r"-?\d+")
_REQUIRED = ("tgid", "total_vm", "rss")


def is_header(text: str) -> bool:
    return text.startswith("[ ") and "pid" in text and _HEADER.match(text) is not None


def looks_like_row(text: str) -> bool:
    return _ROW_START.match(text) is not None


def is_row_alone(text: str) -> bool:
    """Whether it is a row to anybody, without its header: as many figures as the narrowest table has, and a name."""
    return looks_like_row(text) and _FEWEST_COLUMNS <= _leading_integers(text) < len(text.partition("]")[2].split())


def is_hidden(text: str) -> bool:
    """journalctl shows so what it takes for no text (systemd: src/shared/logs-show.c): a process can name itself so."""
    return text.endswith(" blob data]") and _HIDDEN.match(text) is not None


def open_table(header: str, line: int) -> TaskTable | None:
    """A table for this header, or None if it lacks a column without which a row means nothing, or has absurdly many."""
    known = _layout(header)
    return None if known is None else TaskTable(layout=known[0], header_line=line, columns=known[1])


@lru_cache(maxsize=16)  # one kernel's headers are all the same
def _layout(header: str) -> tuple[str, tuple[str, ...]] | None:
    found = _HEADER.match(header)
    if not found:
        return None
    columns = tuple(found[3].split())
    if len(columns) > _MAX_COLUMNS or any(name not in columns for name in _REQUIRED):
        return None
    wide = len(found[1]) > 1
    name = next((known.name for known in LAYOUTS if known.columns == columns and known.wide_pid == wide), "other")
    return name, columns


class RowReader:
    """Reads the rows of one table: as many integers as there are columns, one space, the rest is the name."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.count = count = len(columns)
        self._pattern = compiled(r"^\[ *(\d+)\]" + r"\s+(-?\d+)" * count + r"(?: (.*))?$", re.DOTALL)
        self._fields = ("pid", *(COLUMN_FIELDS.get(name, "") for name in columns))
        place = {field: index for index, field in enumerate(self._fields, start=1)}
        place |= {"line": 0, "comm": count + 2}
        self._in_field_order = itemgetter(*(place.get(name, count + 3) for name in TaskRow._fields))

    def block(self, first_line: int, numbers: Array, names: list[str]) -> Block:
        """Rows that stand line by line. `numbers`: the pids and the columns, each a row of the array."""
        return Block(first_line, self._fields, numbers, names)

    def read(self, text: str, line: int) -> TaskRow | None:
        """The row, or None when the text is not one of this table's."""
        count = self.count
        head, _, rest = text.partition("]")
        words = rest.split(None, count)
        # The plain case by splitting, at a third of the cost: no name that is empty or begins with a blank.
        if (
            len(words) == count + 1
            and len(text) <= _PLAIN_ROW
            and text[-len(words[count]) - 2] != " "
            and "_" not in rest[: -len(words[count])]
        ):
            try:
                values: list[Any] = [line, int(head[1:]), *map(int, words[:count]), words[count], None]
            except ValueError:
                return None
            return TaskRow._make(self._in_field_order(values))
        found = self._pattern.match(text)
        if found is None:
            return None
        *numbers, comm = found.groups()
        return TaskRow._make(self._in_field_order([line, *map(int, numbers), comm or "", None]))


def infer_layout(rows: list[str], prefer: str | None = None) -> Layout | None:
    """The layout of rows whose header was lost, or None if the rows do not tell.

    The widest run of integers that every row has bounds the column count; the width of the pid field and, for layouts
    with the same count, the size of the page-table column decide. Rows that end with a figure were cut.
    """
    counts = [_leading_integers(row) for row in rows]
    if not counts or min(counts) < _FEWEST_COLUMNS:
        return None
    if sum(_INTEGER.fullmatch(row.split()[-1]) is not None for row in rows) * 2 > len(rows):
        return None
    fitting = [known for known in LAYOUTS if len(known.columns) <= min(counts)]
    wide = [row for row in rows if row.startswith("[") and row.index("]") >= 8]
    fitting = [known for known in fitting if known.wide_pid == (len(wide) == len(rows))] or fitting
    most = max(len(known.columns) for known in fitting)
    fitting = [known for known in fitting if len(known.columns) == most]
    if prefer is not None and any(known.name == prefer for known in fitting):
        return next(known for known in fitting if known.name == prefer)
    if len(fitting) > 1:
        fitting = [known for known in fitting if _plausible(known, rows)] or fitting
    return fitting[0] if len(fitting) == 1 else None


def _leading_integers(row: str) -> int:
    count = 0
    for word in row[row.find("]") + 1 :].split():
        if not _INTEGER.fullmatch(word):
            break
        count += 1
    return count


def _plausible(layout: Layout, rows: list[str]) -> bool:
    """Page tables are thousands of bytes or a few pages; `cpu` is small; oom_adj lies in -17..15."""
    for row in rows:
        values = dict(
            zip(layout.columns, map(int, row[row.find("]") + 1 :].split()[: len(layout.columns)]), strict=False)
        )
        if not -1000 <= values.get("oom_score_adj", 0) <= 1000 or not -17 <= values.get("oom_adj", 0) <= 15:
            return False
        pgtables = values.get("pgtables_bytes")
        if pgtables is not None and (pgtables % 1024 or (values["rss"] and not pgtables)):
            return False
        nr_ptes = values.get("nr_ptes")
        if nr_ptes is not None and nr_ptes > values["total_vm"] + 16:
            return False
        if values.get("cpu", 0) > 4096:
            return False
    return True
