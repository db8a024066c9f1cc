"""The priority that dmesg puts before a stamp.

    <4>[  842.796720] text                     dmesg --raw, pstore, /proc/kmsg: facility * 8 + level
    kern  :warn  : [  842.796720] text         dmesg --decode

The kernel gives facility 0 to its own lines alone; what a program writes to /dev/kmsg gets another.
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings.stamp import LEVELS

PREFIX = r"(?:<(\d{1,4})>|([a-z0-9]{2,8}) *:([a-z]{2,6}) *: )"


def priority(number: str | None, facility: str | None, level: str | None) -> tuple[int | None, bool | None]:
    """Level and whether the kernel wrote it, from the three groups of PREFIX."""
    if number is not None:
        value = int(number)
        return value & 7, value < 8
    if facility is not None and level is not None:
        return LEVELS.get(level), facility == "kern"
    return None, None


PRIORITY = re.compile(PREFIX)
