"""Logs of CI services: a stamp before each line that a job printed, which is taken off before anything else is looked at.

2026-05-01T10:00:00.1234567Z [Fri May  1 09:59:58 2026] text       GitHub Actions, Azure Pipelines: .NET's seven digits
2026-05-01T10:00:00.123456Z 00O [ 1627.727681] text                GitLab: the stream and whose line it is

The stamp tells when the job printed the line, not when the kernel did, and so it is no time of anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from oomforensics.parsers.records import PAUSED_LINE
from oomforensics.parsers.runs import Run

_STAMP = re.compile(rb"(?:\xef\xbb\xbf)?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.(?:\d{7}Z(?: |$)|\d{6}Z \d\d[OE](?:[ +]|$))")
_LEAST = 2  # lines, and no fewer than all but one in ten


def looks_like_it(head: Sequence[bytes]) -> bool:
    """The first lines of a source."""
    said = [line for line in head if line.strip()]
    stamped = sum(_STAMP.match(line) is not None for line in said)
    return stamped >= _LEAST and 10 * stamped >= 9 * len(said)


def taken_off(lines: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """The lines without it, each with its number; a pause passes."""
    for numbered in lines:
        number, line = numbered
        if numbered is PAUSED_LINE:
            yield numbered
        elif isinstance(line, Run):
            yield from taken_off(line.lines())
        else:
            found = _STAMP.match(line)
            yield number, line[found.end() :] if found else line
