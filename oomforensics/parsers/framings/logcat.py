"""Android's `logcat`: a date without a year, process and thread, level and tag. The kernel does not write here.

05-01 10:00:00.123   479   479 I lowmemorykiller: Kill 'com.example.app' (3521), uid 10123, oom_score_adj 900
2026-05-01 10:00:00.123 +0000  lmkd   479   479 I lowmemorykiller: text       (-v year,zone,uid)
I/lowmemorykiller(  479): text                                                (-v brief)
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import MONTH_NAMES, Clock, microseconds
from oomforensics.parsers.records import TsSource

_LINE = re.compile(
    r"(?:(\d{4})-)?(\d\d)-(\d\d) (\d\d:\d\d:\d\d)\.(\d{3,9})(?: ([+-]\d\d)(\d\d))? +(?:[a-z]\w{0,31} +|\d{1,10} +(?=\d+ +\d+ ))?"
    r"\d+ +\d+ ([VDIWEF]) (\S{1,64}) *: ?"
)
_BRIEF = re.compile(r"([VDIWEF])/(\S{1,64}?) *\( *\d+\): ?")
_LEVELS = {"V": 7, "D": 7, "I": 6, "W": 4, "E": 3, "F": 2}
_MONTHS = dict(zip((f"{month:02d}" for month in range(1, 13)), MONTH_NAMES["en"].split(), strict=True))


def read(line: str, clock: Clock) -> Header | None:
    match = _LINE.match(line)
    if match is None:
        brief = _BRIEF.match(line)
        return brief and Header(brief.end(), from_kernel=False, level=_LEVELS[brief[1]], program=brief[2])
    year, month, day, time, fraction, hours, minutes, level, tag = match.groups()
    wall, source = None, TsSource.NONE
    if year is not None:
        zone = f"{hours}:{minutes}" if hours else ""
        wall, source = clock.iso(f"{year}-{month}-{day}T{time}{zone}"), TsSource.SYSLOG
    elif month in _MONTHS:
        wall, source = clock.without_year(_MONTHS[month], day, time), TsSource.SYSLOG_YEAR_INFERRED
    if wall is None:
        source = TsSource.NONE
    else:
        wall += microseconds(fraction)
    return Header(
        match.end(),
        wall,
        source,
        from_kernel=False,
        level=_LEVELS[level],
        program=tag,
        wall_local=wall is not None and hours is None,
    )


FRAMING = Framing(
    "logcat",
    r"[\dVDIWEF]",
    read,
    (
        "05-01 10:00:00.123   479   479 I lowmemorykiller: Kill 'com.example.app' (3521), uid 10123, oom_score_adj 900",
        "2026-05-01 10:00:00.123 +0000  lmkd   479   479 I lowmemorykiller: Kill 'com.example.app' (3521), uid 10123",
        "05-01 10:00:00.123  1069   479   479 W ActivityManager  : Process com.example.app has died",
        "I/lowmemorykiller(  479): Killing 'com.example.app' (3521), uid 10123, adj 900",
    ),
)
