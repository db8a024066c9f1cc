"""Logs that run from their newest line to their oldest: what log stores and cloud consoles export, `journalctl -r`, `tac`.

    records = oldest_first(records, info)                  as they were written, numbered from the end
    incidents = as_numbered(assemble(records), info)       with the numbers that their lines have in the file

Records are turned round, not lines: of `journalctl -r` an entry of several lines has these in their order. Between the two
calls a line has the number that it would have if the file were turned round, so that whoever puts reports together need not
know of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from itertools import chain, pairwise
from typing import Any, TypeVar, cast

from oomforensics.parsers import scan, table
from oomforensics.parsers.facts import Incident, ReportLine
from oomforensics.parsers.records import PAUSE, Problem, Record, SourceInfo
from oomforensics.parsers.runs import Rows
from oomforensics.parsers.task_rows import TaskRows

MOST_RECORDS = 200_000  # held to be turned round: some 70 MB; of a large source only what is worth reading counts
_LOOKED_AT = 4096  # records, at most, until it is clear which way a source runs
_ENOUGH = 16  # steps that make it clear
_LEAST = 3  # of a clock, to be believed
_LEAST_OF_TEXT = 2  # where one report was cut, one of the next may stand
_FEW = 4  # of so many steps, one may go the other way: CPUs, hosts and loggers do not keep the order quite
_BACKSTEP_US = 5_000_000  # of the kernel's clock; one that is larger may be a reboot
_SEVERAL_LINES = "active_anon:"  # begins a message that always has several (mm/page_alloc.c: show_free_areas)
_KILLS = re.compile("[Kk]ill(?:ed)? process ")
_TOLD = "runs from its newest line to its oldest"

LINES = frozenset({"line", "line_start", "line_end", "header_line"})  # fields that number a line
_Each = TypeVar("_Each")


def oldest_first(found: Iterable[Record | Rows], info: SourceInfo) -> Iterator[Record | Rows]:
    """All of `found`, from the last to the first if it runs backwards; `info` then says so, and how its lines are numbered."""
    left = iter(found)
    head: list[Record | Rows] = []
    direction = _Direction()
    for one in left:
        head.append(one)
        if one is PAUSE or not direction.sees(one) or len(head) == _LOOKED_AT:
            break
    if not direction.is_backwards:
        return chain(head, left)
    return _turned(head, left, direction, info)


def as_numbered(incidents: Iterable[Incident], info: SourceInfo) -> Iterator[Incident]:
    """All of `incidents`, with the numbers of the file; and so the events of `info` that come with them."""
    known = len(info.events)
    try:
        for incident in incidents:
            yield incident if info.last_line is None else in_file(incident, info.last_line)
    finally:
        if info.last_line is not None:
            info.events[known:] = [in_file(event, info.last_line) for event in info.events[known:]]


def in_file(found: _Each, last_line: int) -> _Each:
    """A copy of what was found in a file that was turned round, with the numbers that its lines have in the file."""
    return cast(_Each, _mirrored(found, last_line + 1))


class _Direction:
    """Counts the steps between neighbouring records of one writer: of its clock, and where that stands, of what a report prints
    one after the other."""

    def __init__(self) -> None:
        self._last: dict[tuple[str | None, str | None], Record] = {}
        self._clock = Counter[int]()
        self._text = Counter[int]()

    @property
    def is_backwards(self) -> bool:
        tells, least = (self._clock, _LEAST) if self._clock.total() >= _LEAST else (self._text, _LEAST_OF_TEXT)
        return tells[-1] >= least and tells[-1] > tells[1] * _FEW

    def sees(self, one: Record | Rows) -> bool:
        """Whether more are to be seen."""
        if isinstance(one, Rows) or one is PAUSE:
            return True
        writer = one.host, one.boot_id
        last = self._last.get(writer)
        if last is not None:
            step = _by_clock(last, one)
            if step is not None:
                self._clock[step] += 1
            else:
                self._text[_follows(last.text, one.text) - _follows(one.text, last.text)] += 1
        self._last[writer] = one
        return self._clock.total() < _ENOUGH


def _by_clock(last: Record, one: Record) -> int | None:
    """1: `one` was written later, -1: earlier. None: no clock tells."""
    if last.wall_us is not None and one.wall_us is not None and last.wall_source == one.wall_source:
        if last.wall_us != one.wall_us:
            return 1 if one.wall_us > last.wall_us else -1
    if last.uptime_us is not None and one.uptime_us is not None and last.uptime_us != one.uptime_us:
        if one.uptime_us > last.uptime_us:
            return 1
        return -1 if last.uptime_us - one.uptime_us <= _BACKSTEP_US else None
    if last.seq is not None and one.seq is not None and abs(one.seq - last.seq) == 1:
        return one.seq - last.seq
    return None


def _follows(text: str, after: str) -> bool:
    """Whether a report has these two, one after the other: its header and a row of the table, a row and the kill."""
    if after[:1] == "[" and table.looks_like_row(after):
        return table.is_header(text)
    return text[:1] == "[" and table.looks_like_row(text) and ("oom-kill:" in after or _KILLS.search(after) is not None)


def _turned(
    head: list[Record | Rows], left: Iterator[Record | Rows], direction: _Direction, info: SourceInfo
) -> Iterator[Record | Rows]:
    records = [record for one in head for record in _singly(one)]
    jumps = set(info.jumps)
    for one in left:
        if info.jumps and info.jumps[-1] not in jumps:
            jumps.update(info.jumps)
        if one is PAUSE and not direction.is_backwards:
            yield from chain(records, (one,), left)
            return
        direction.sees(one)
        records += _singly(one)
        if len(records) > MOST_RECORDS:
            reason = f"{_TOLD}, with more than {MOST_RECORDS} lines worth reading: read as it stands, in which reports fall apart"
            info.problems.append(Problem(info.name, None, f"{reason}; turn it round first (tac)", "data_loss"))
            yield from chain(records, left)
            return
    if not direction.is_backwards:
        yield from records
        return
    info.problems.append(Problem(info.name, None, f"{_TOLD}: read from its end", "info"))
    info.last_line = max(record.line for record in records)
    if _is_torn(records):
        _put_together(records)
    yield from _from_the_end(records, sorted(jumps), info, info.last_line)


def _is_torn(records: list[Record]) -> bool:
    """Whether each line was turned round by itself (`tac`), not each entry (`journalctl -r`): then the rest of a message of
    several lines stands before its head, and so behind a later message. Mem-Info's shows it."""
    heads = [(last, one) for last, one in pairwise(records) if one.text.startswith(_SEVERAL_LINES)]
    whole = sum("\n" in one.text for _, one in heads)
    return whole < sum("\n" in last.text and "\n" not in one.text for last, one in heads)


def _put_together(records: list[Record]) -> None:
    rest: list[str] = []
    for record in records:
        own, *following = record.text.split("\n")
        record.text = "\n".join([own, *rest])
        rest = following[::-1]
    records[-1].text = "\n".join([*rest, records[-1].text])  # of a message whose head is not here


def _from_the_end(records: list[Record], jumps: list[int], info: SourceInfo, last_line: int) -> Iterator[Record]:
    """`jumps`: lines of the file before which lines were not read. In `info` become so the lines behind these."""
    info.jumps.clear()
    if info.size_bytes > scan.WHOLE:
        info.jumps.append(1)  # nor was what follows the last
    for record in reversed(records):
        line, record.line = record.line, last_line + 1 - record.line
        if jumps and line < jumps[-1]:
            info.jumps.append(record.line)
            while jumps and line < jumps[-1]:
                jumps.pop()
        yield record


def _singly(one: Record | Rows) -> Iterable[Record]:
    if isinstance(one, Rows):
        return one.records()
    return () if one is PAUSE else (one,)


def _mirrored(found: Any, around: int) -> Any:
    if isinstance(found, list):
        return [_mirrored(each, around) for each in found]
    if isinstance(found, TaskRows):
        return TaskRows(row._replace(line=around - row.line) for row in found)
    if isinstance(found, ReportLine):
        return found._replace(line=around - found.line)
    if not is_dataclass(found) or isinstance(found, type):
        return found
    changed: dict[str, Any] = {}
    for each in fields(found):
        value = getattr(found, each.name)
        if each.name in LINES:
            changed[each.name] = None if value is None else around - value
        elif each.name == "earlier_victims":
            changed[each.name] = {pid: around - line for pid, line in value.items()}
        else:
            changed[each.name] = _mirrored(value, around)
    if isinstance(found, Incident):
        changed["line_start"], changed["line_end"] = changed["line_end"], changed["line_start"]
        changed["newest_first"] = not found.newest_first
    return replace(found, **changed)
