r"""A whole log as one string of JSON: what clouds answer for a console, Ansible's `stdout`.

    "Output": "[    0.000000] Linux version …\r\n[   12.345678] Mem-Info:\r\n…"

Its lines are taken apart, and all have the number of the one that they stand in. Only under names that mean a whole output: the
message of a journal's or a container's entry is what a program wrote, however many lines it has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from oomforensics.parsers.records import PAUSED_LINE

_BREAK = b"\\n"
_LEAST_LINES = 10  # in a string: a message of the journal has fewer
# EC2, OpenStack; Google; Ansible
_STRING = re.compile(rb'"(?:[Oo]utput|contents|stdout)"\s*:\s*("(?:[^"\\]++|\\.)*+")')


def looks_like_it(head: Sequence[bytes]) -> bool:
    """The first lines of a source."""
    return any(b"oom-kill" in line and line.count(_BREAK) >= _LEAST_LINES for line in head)


def taken_apart(lines: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """The lines of such strings; all others as they are."""
    for numbered in lines:
        number, line = numbered
        logs = _logs(line) if numbered is not PAUSED_LINE and isinstance(line, bytes) else []
        if not logs:
            yield numbered
        for log in logs:
            for each in log.split("\n"):
                yield number, each.rstrip("\r").encode("utf-8", "surrogatepass")


def _logs(line: bytes) -> list[str]:
    if line.count(_BREAK) < _LEAST_LINES:
        return []
    found = []
    for string in _STRING.finditer(line):
        if string[1].count(_BREAK) >= _LEAST_LINES:
            try:
                found.append(json.loads(string[1]))
            except ValueError:  # not JSON's escapes
                continue
    return found
