"""dmesg with times that count from the message before (util-linux: `--human`, `--reltime`, `--time-format delta`).

[May 1 10:00] text              a new minute, in local time and the reader's language; of a day of two digits: [Oct22 20:02]
[  +0.000123] text              so long after the line before
[<    0.000123>] text           the same of `--time-format delta`, which has no minutes

Counting up from a minute would only look exact: what follows has the minute's time.
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import Clock
from oomforensics.parsers.framings.prefix import PREFIX, priority
from oomforensics.parsers.framings.stamp import CALLER
from oomforensics.parsers.records import TsSource

_MINUTE = r"([^\W\d_][\w.]{1,7}|\d{1,2}[월月]) ?(\d{1,2}) (\d\d:\d\d)"
_AFTER = r" {0,6}\+\d{1,9}\.\d{6}|< *\d{1,9}\.\d{6}>"
_LINE = re.compile(rf"{PREFIX}?\[(?:{_MINUTE}|{_AFTER})\]{CALLER}[ \xa0]?")


def read(line: str, clock: Clock) -> Header | None:
    match = _LINE.match(line)
    if match is None:
        return None
    number, facility, level_name, month, day, time, caller = match.groups()
    if month is not None:
        clock.minute_us = clock.without_year(month, day, f"{time}:00")
    level, from_kernel = priority(number, facility, level_name)
    wall = clock.minute_us
    return Header(
        match.end(),
        wall_us=wall,
        wall_source=TsSource.NONE if wall is None else TsSource.DMESG_WALLCLOCK,
        caller=caller,
        level=level,
        from_kernel=from_kernel,
        wall_local=wall is not None,
    )


FRAMING = Framing(
    "dmesg relative",
    r"[\[<a-z]",
    read,
    (
        "[May 1 10:00] java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0",
        "[Oct22 20:02] Mem-Info:",
        "[  +0.000123] Mem-Info:",
        "[<    0.000123>] Mem-Info:",
        "kern  :warn  : [ +12.000123] Mem-Info:",
    ),
)
