"""What dmesg prints, and what the kernel prints on a console.

[   12.345678] text
<4>[  842.796720] text
<6>[  123.456789]  [3:        kswapd0:   61] text       and other vendors' forms: vendor.py
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings import vendor
from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import Clock, microseconds
from oomforensics.parsers.framings.prefix import PREFIX, priority
from oomforensics.parsers.framings.stamp import CALLER, DELTA

_LINE = re.compile(
    rf"{PREFIX}?\[ *(\d{{1,12}})\.(\d{{3,9}})(?:{DELTA}\]|{vendor.CPU})(?:{vendor.ANY}|{CALLER}[ \xa0]?)"
)
# The commonest form: microseconds, no level, and nothing behind the stamp that begins as a caller or a vendor's prefix does.
# A test holds it to what `read` makes of the same line.
PLAIN = re.compile(
    r"\[ *+([0-9]{1,12}+)\.([0-9]{6})\](?! {0,2}+(?:\[(?: *[TC]\d|[TSHN],|\d\d?:)|I\[|[<(*.+-]|c\d))[ \xa0]?"
)


def read(line: str, clock: Clock) -> Header | None:
    match = _LINE.match(line)
    if match is None:
        return None
    number, facility, level_name, seconds, fraction, caller = match.groups()
    level, from_kernel = priority(number, facility, level_name)
    return Header(
        match.end(),
        uptime_us=int(seconds) * 1_000_000 + microseconds(fraction),
        caller=caller,
        level=level,
        from_kernel=from_kernel,
    )


FRAMING = Framing(
    "dmesg",
    r"[\[<a-z]",
    read,
    (
        "[   12.345678] htop invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        "<4>[  842.796720] htop invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        "kern  :warn  : [ 1627.727681] Mem-Info:",
        "[  599.537757][T23028] Memory cgroup out of memory: Killed process 23028 (syz-executor.1)",
        "[   49.921978][    C0]  active_file:14 inactive_file:90 isolated_file:0",
        "[71073.562094] [T13546] Out of memory: Killed process 13542 (hugemmap34)",
        "<6>[   61.123456]  [3:        kswapd0:   61] oom_reaper: reaped process 519 (com.example.app)",
        "[   61.123456@3] oom_reaper: reaped process 519 (com.example.app)",
        "[ 1627.727681 <  155.023068>] [ 1234]     0  1234    12345     678   901120        0             0 java",
    ),
)
