"""`journalctl -o short-full`: weekday, date and the abbreviation of a time zone.

Fri 2026-05-01 10:00:00 CEST host kernel: text
Fri 2026-05-01 10:00:00.123456 UTC host kernel: text
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings import origin
from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import UTC_NAMES, Clock
from oomforensics.parsers.records import TsSource

_DATE = re.compile(
    r"[^\W\d_]\S{0,9} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{3,6})?) (?:([A-Z]{1,5})|([+-]\d\d(?:\d\d)?)) "
)


def read(line: str, clock: Clock) -> Header | None:
    match = _DATE.match(line)
    if match is None:
        return None
    date, zone, offset = match.groups()
    wall = clock.iso(date + (offset or ""), zone)
    return origin.read(line, match.end(), clock, wall, TsSource.SYSLOG, local=offset is None and zone not in UTC_NAMES)


FRAMING = Framing(
    "journalctl short-full",
    r"[^\W\d_]",
    read,
    (
        "Fri 2026-05-01 10:00:00 CEST web1 kernel: java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0",
        "Thu 2016-06-09 22:30:35 UTC web1 systemd[1]: php.service: Failed with result 'oom-kill'.",
        "Fri 2026-05-01 10:00:00 -03 web1 kernel: Mem-Info:",
    ),
)
