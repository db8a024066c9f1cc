"""`dmesg --time-format=iso` (util-linux): a comma before the microseconds and no host.

2026-01-02T03:04:05,123456+00:00 text
kern  :warn  : 2026-01-02T03:04:05,123456+00:00 text
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import Clock
from oomforensics.parsers.framings.prefix import PREFIX, with_wall_clock
from oomforensics.parsers.framings.stamp import CALLER

_LINE = re.compile(
    rf"{PREFIX}?(\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d,\d{{6}}[+-]\d\d:?\d\d){CALLER}(?: <[ +\d.]{{1,20}}>)?[ \xa0]?"
)


def read(line: str, clock: Clock) -> Header | None:
    match = _LINE.match(line)
    if match is None:
        return None
    date, caller = match.group(4, 5)
    return with_wall_clock(match, caller, clock.iso(date), local=False)


FRAMING = Framing(
    "dmesg iso",
    r"[\d<a-z]",
    read,
    (
        "2026-01-02T03:04:05,123456+00:00 java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0",
        "kern  :warn  : 2025-01-21T04:41:44,283302+00:00 Mem-Info:",
    ),
)
