"""Logs whose lines carry their end in signs: `<br>` of a page, `\\n` of a program's text. It is taken off before all else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from oomforensics.parsers.records import PAUSED_LINE
from oomforensics.parsers.runs import Run

_ENDS = (b"<br>", b"<br/>", b"<br />", b"\\r\\n", b"\\n", b"\\")
_LEAST = 3  # lines, and no fewer than all but one in ten


def looks_like_it(head: Sequence[bytes]) -> bool:
    """The first lines of a source."""
    said = [line.rstrip() for line in head if line.strip()]
    ended = sum(line.endswith(_ENDS) for line in said)
    return ended >= _LEAST and 10 * ended >= 9 * len(said)


def taken_off(lines: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """The lines without it, each with its number; a pause passes."""
    for numbered in lines:
        number, line = numbered
        if numbered is PAUSED_LINE:
            yield numbered
        elif isinstance(line, Run):
            yield from taken_off(line.lines())
        else:
            bare = line.rstrip()
            yield number, next((bare[: -len(end)] for end in _ENDS if bare.endswith(end)), line)
