"""Logs of CI services: a stamp before each line that a job printed, which is taken off before anything else is looked at.

2026-05-01T10:00:00.1234567Z [Fri May  1 09:59:58 2026] text       GitHub Actions, Azure Pipelines: .NET's seven digits
2026-05-01T10:00:00.123456Z 00O [ 1627.727681] text                GitLab: the stream and whose line it is

The stamp tells when the job printed the line, not when the kernel did, and so it is no time of anything.
"""

from __future__ import annotations

import re

_STAMP = re.compile(rb"(?:\xef\xbb\xbf)?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.(?:\d{7}Z(?: |$)|\d{6}Z \d\d[OE](?:[ +]|$))")
LEAST_LINES = 2


def is_stamped(line: bytes) -> bool:
    return _STAMP.match(line) is not None


def bare(line: bytes) -> bytes:
    found = _STAMP.match(line)
    return line[found.end() :] if found else line
