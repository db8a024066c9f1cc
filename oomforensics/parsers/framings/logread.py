"""OpenWrt's `logread`: a date in C's own form, then facility and level.

Fri Jan  1 00:00:10 2021 kern.warn kernel: [   10.120000] text
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings import origin
from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import Clock
from oomforensics.parsers.records import TsSource

_DATE = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d:\d\d:\d\d) (\d{4}) (?=[a-z0-9]+\.[a-z]+ )")


def read(line: str, clock: Clock) -> Header | None:
    match = _DATE.match(line)
    if match is None:
        return None
    month, day, time, year = match.groups()
    wall = clock.with_year(year, month, day, time)
    return origin.read(line, match.end(), clock, wall, TsSource.SYSLOG, local=True)


FRAMING = Framing(
    "logread",
    r"[A-Z]",
    read,
    ("Fri Jan  1 00:00:10 2021 kern.warn kernel: [   10.120000] dnsmasq invoked oom-killer: gfp_mask=0x200da",),
)
