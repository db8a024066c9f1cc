"""Logs whose lines carry their end in signs: `<br>` of a page, `\\n` of a program's text. It is taken off before all else."""

from __future__ import annotations

_ENDS = (b"<br>", b"<br/>", b"<br />", b"\\r\\n", b"\\n", b"\\")
LEAST_LINES = 3


def is_ended(line: bytes) -> bool:
    return line.rstrip().endswith(_ENDS)


def bare(line: bytes) -> bytes:
    said = line.rstrip()
    return next((said[: -len(end)] for end in _ENDS if said.endswith(end)), line)
