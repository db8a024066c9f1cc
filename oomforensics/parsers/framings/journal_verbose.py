"""`journalctl -o verbose`: an entry's fields, a line each below its time and cursor, put on one line as JSON.

Fri 2026-05-01 10:00:00.123456 UTC [s=ce16…;i=3;b=2c5e…;m=a9aec5;t=650bcf85c0ec5;x=1490…]
    _TRANSPORT=kernel
    MESSAGE=a message
            of two lines

The cursor (systemd: src/libsystemd/sd-journal/sd-journal.c, sd_journal_get_cursor) has the boot's id and, in hexadecimal
microseconds, the boot's clock and the time of the clock on the wall, whichever zone the line itself is in. What a value goes on
with is indented beyond its name, so that no message looks like a field. A value that is not plain text is not shown:
`MESSAGE=[112B blob data]`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from oomforensics.parsers.framings.journal_entry import FIELDS
from oomforensics.parsers.records import PAUSED_LINE
from oomforensics.parsers.text import visible

_HEAD = re.compile(
    rb"\S{1,24} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{6})? \S{1,9} "
    rb"\[s=[0-9a-f]{32};i=[0-9a-f]{1,16};b=([0-9a-f]{32});m=([0-9a-f]{1,16});t=([0-9a-f]{1,16});x=[0-9a-f]{1,16}\]\s*\Z"
)
_FIELD = re.compile(rb" {4}(?P<name>[A-Z0-9_]{1,64})=(?P<value>.*)", re.DOTALL)
_WANTED = {name.encode(): name for name in FIELDS}
_MOST_BYTES = 64 * 1024  # of a value; the kernel's messages have some 100 bytes


class _Entry:
    """One that is being read."""

    def __init__(self, number: int, boot_id: bytes, monotonic: bytes, realtime: bytes) -> None:
        self.number = number
        self.fields = {
            "_BOOT_ID": boot_id,
            "__MONOTONIC_TIMESTAMP": b"%d" % int(monotonic, 16),
            "__REALTIME_TIMESTAMP": b"%d" % int(realtime, 16),
        }
        self._last: str | None = None  # the field that may go on
        self._margin = b""

    def takes(self, line: bytes) -> bool:
        """Is the line one of the entry's?"""
        if self._margin and (line.startswith(self._margin) or not line.strip()):
            if self._last is not None and len(self.fields[self._last]) < _MOST_BYTES:
                self.fields[self._last] += b"\n" + line[len(self._margin) :]
            return True
        found = _FIELD.match(line)
        if found is None:
            return False
        self._last = _WANTED.get(found["name"])
        self._margin = b" " * found.start("value")
        if self._last is not None:
            self.fields[self._last] = found["value"]
        return True

    def numbered(self) -> tuple[int, bytes]:
        return self.number, json.dumps({name: visible(value) for name, value in self.fields.items()}).encode()


def looks_like_it(head: Sequence[bytes]) -> bool:
    """The first lines of a source."""
    return any(_HEAD.match(line) for line in head)


def on_one_line(lines: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """Each entry as one line, with the number of its first. Lines that are none of an entry's pass as they are."""
    entry: _Entry | None = None
    for numbered in lines:
        number, line = numbered
        if numbered is PAUSED_LINE and entry is not None and "MESSAGE" not in entry.fields:
            yield numbered  # the rest of it is still to come
            continue
        is_text = numbered is not PAUSED_LINE and isinstance(line, bytes)
        if entry is not None and is_text and entry.takes(line):
            continue
        if entry is not None:
            yield entry.numbered()
        head = _HEAD.match(line) if is_text else None
        entry = _Entry(number, *head.groups()) if head else None
        if entry is None:
            yield numbered
    if entry is not None:
        yield entry.numbered()
