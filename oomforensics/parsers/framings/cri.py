"""A container's own output, as Kubernetes' runtimes and podman write it (CRI's logging format): it may say what it likes.

2026-05-01T10:00:00.123456789Z stderr F text
2026-05-01T10:00:00.123456789+02:00 stdout P the first part of a text
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import Clock
from oomforensics.parsers.records import TsSource

_BEGINS = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) std(?:out|err) [FP] ")


def read(line: str, clock: Clock) -> Header | None:
    match = _BEGINS.match(line)
    if match is None:
        return None
    wall = clock.iso(match[1])
    return Header(
        match.end(), wall, TsSource.NONE if wall is None else TsSource.SYSLOG, from_kernel=False, stamped=True
    )


FRAMING = Framing(
    "container",
    r"\d",
    read,
    (
        "2026-05-01T10:00:00.123456789Z stderr F [   12.345678] Mem-Info:",
        "2026-05-01T10:00:00.123456789+02:00 stdout P Mem-Info:",
    ),
)
