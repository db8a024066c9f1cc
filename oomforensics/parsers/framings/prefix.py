"""The priority that dmesg puts before a stamp.

    <4>[  842.796720] text                     dmesg --raw, pstore, /proc/kmsg: facility * 8 + level
    kern  :warn  : [  842.796720] text         dmesg --decode

The kernel gives facility 0 to its own lines alone; what a program writes to /dev/kmsg gets another.
With `-T`, `-H` and the like dmesg makes a time of the stamp, and that is all there is of it.
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings.base import Header
from oomforensics.parsers.framings.stamp import LEVELS
from oomforensics.parsers.records import TsSource

PREFIX = r"(?:<(\d{1,4})>|([a-z0-9]{2,8}) *:([a-z]{2,6}) *: )"


def priority(number: str | None, facility: str | None, level: str | None) -> tuple[int | None, bool | None]:
    """Level and whether the kernel wrote it, from the three groups of PREFIX."""
    if number is not None:
        value = int(number)
        return value & 7, value < 8
    if facility is not None and level is not None:
        return LEVELS.get(level), facility == "kern"
    return None, None


def with_wall_clock(match: re.Match[str], caller: str | None, wall_us: int | None, *, local: bool) -> Header:
    """The header that `match` is, whose first groups are those of PREFIX. `local`: the time has no zone."""
    level, from_kernel = priority(*match.group(1, 2, 3))
    return Header(
        match.end(),
        wall_us=wall_us,
        wall_source=TsSource.NONE if wall_us is None else TsSource.DMESG_WALLCLOCK,
        caller=caller,
        level=level,
        from_kernel=from_kernel,
        wall_local=local and wall_us is not None,
    )


PRIORITY = re.compile(PREFIX)
