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
from oomforensics.parsers.framings.prefix import PREFIX, with_wall_clock
from oomforensics.parsers.framings.stamp import CALLER

_MINUTE = r"([^\W\d_][\w.]{1,7}|\d{1,2}[월月]) ?(\d{1,2}) (\d\d:\d\d)"
_AFTER = r" {0,6}\+\d{1,9}\.\d{6}|< *\d{1,9}\.\d{6}>"
_LINE = re.compile(rf"{PREFIX}?\[(?:{_MINUTE}|{_AFTER})\]{CALLER}[ \xa0]?")


def read(line: str, clock: Clock) -> Header | None:
    match = _LINE.match(line)
    if match is None:
        return None
    month, day, time, caller = match.group(4, 5, 6, 7)
    if month is not None:
        clock.minute_us = clock.without_year(month, day, f"{time}:00")
    return with_wall_clock(match, caller, clock.minute_us, local=True)


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
