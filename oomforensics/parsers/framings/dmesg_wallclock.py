"""`dmesg -T` (util-linux): the boot time plus the stamp, as local time in the reader's language.

    [Thu May 14 23:17:24 2020] text
    [Di Aug 12 03:54:03 2025] text

It drifts from the true time over suspend, and has no fraction.
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import Clock
from oomforensics.parsers.framings.prefix import PREFIX, with_wall_clock
from oomforensics.parsers.framings.stamp import CALLER, DELTA

_LINE = re.compile(
    rf"{PREFIX}?\[(?:[^\[\]\d]{{1,20}}? )? *([^\s\[\]]{{1,10}}) +(\d{{1,2}}) (\d\d:\d\d:\d\d) (\d{{4}}){DELTA}\]"
    rf"{CALLER}[ \xa0]?"
)


def read(line: str, clock: Clock) -> Header | None:
    match = _LINE.match(line)
    if match is None:
        return None
    month, day, time, year, caller = match.group(4, 5, 6, 7, 8)
    return with_wall_clock(match, caller, clock.with_year(year, month, day, time), local=True)


FRAMING = Framing(
    "dmesg -T",
    r"[\[<a-z]",
    read,
    (
        "[Thu May 14 23:17:24 2020] python3 invoked oom-killer: gfp_mask=0x0(), order=0, oom_score_adj=0",
        "[Di Aug 12 03:54:03 2025] [   1234]     0  1234    12345     678   901120        0             0 php-fpm",
        "[mar. août 12 03:54:03 2025]  oom_kill_process.cold+0xb/0x10",
        "[火  8月 12 03:54:03 2025] Mem-Info:",
        "kern  :info  : [Mon Nov 23 06:02:53 2026 <  155.023068>] Tasks state (memory values in pages):",
    ),
)
