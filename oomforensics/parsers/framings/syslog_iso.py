"""Syslog with a full date: rsyslog's RSYSLOG_FileFormat and `journalctl -o short-iso` and `short-iso-precise`.

2026-05-01T10:00:00.123456+02:00 host kernel: [75669.581768] text
2026-05-01T10:00:00+0200 host kernel: text
[2026-05-01 10:00:00] host kernel: text

A blank for the T, slashes or brackets are other loggers' forms, which many programs use in their own logs: those are only read
where a tag of the kernel's, or of a program with its pid, stands behind them.
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings import origin
from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import WRITTEN, Clock, has_zone
from oomforensics.parsers.records import TsSource

# Not where labels stand, or JSON, or a container's output.
_DATE = re.compile(
    r"(?:<(\d{1,3})>)?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?) (?!\{|std(?:out|err) [FP] )"
)
_WRITTEN = re.compile(rf"(\[)?({WRITTEN})(?(1)\]):? {origin.TAGGED}")


def read(line: str, clock: Clock) -> Header | None:
    match = _DATE.match(line)
    if match is None:
        return _written(line, clock)
    priority, date = match.group(1, 2)
    return origin.read(
        line,
        match.end(),
        clock,
        clock.iso(date),
        TsSource.SYSLOG,
        None if priority is None else int(priority),
        local=match[3] is None,
    )


def _written(line: str, clock: Clock) -> Header | None:
    match = _WRITTEN.match(line)
    if match is None:
        return None
    date = match[2]
    wall = clock.written(date)
    return origin.read(line, match.end(), clock, wall, TsSource.SYSLOG, local=not has_zone(date))


FRAMING = Framing(
    "syslog iso",
    r"[\d<\[]",
    read,
    (
        "2026-05-01T10:00:00.123456+02:00 web1 kernel: [75669.581768] java invoked oom-killer: gfp_mask=0xcc0",
        "2026-05-01T08:00:00Z web1 kernel: Mem-Info:",
        "2026-05-01T10:00:00+0200 web1 systemd[1]: php.service: Failed with result 'oom-kill'.",
        "2026-05-01 10:00:00,123 web1 kernel: Mem-Info:",
        "2026/05/01 10:00:00 UTC kernel: Mem-Info:",
        "[2026-05-01 10:00:00] web1 systemd[1]: php.service: Failed with result 'oom-kill'.",
    ),
)
