"""`talosctl dmesg` of Talos Linux: facility and level in words, and a date made of boot time and the kernel's stamp.

kern: warning: [2026-05-01T10:00:00.123456789Z]: text
10.0.0.7: kern:    info: [2026-05-01T10:00:00.123456789Z]: text        with the node, when several were asked
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import Clock
from oomforensics.parsers.framings.stamp import LEVELS
from oomforensics.parsers.records import TsSource

_LINE = re.compile(
    r" ?(?:([^\s:](?:\S{0,253}[^\s:])?): )? *([a-z0-9]{3,8}): {1,7}([a-z]{3,7}):"
    r" \[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z)\]: ?"
)


def read(line: str, clock: Clock) -> Header | None:
    match = _LINE.match(line)
    if match is None:
        return None
    node, facility, level, date = match.groups()
    wall = clock.iso(date)
    return Header(
        match.end(),
        wall_us=wall,
        wall_source=TsSource.NONE if wall is None else TsSource.DMESG_WALLCLOCK,
        host=node,
        from_kernel=facility == "kern",
        level=LEVELS.get(level),
    )


FRAMING = Framing(
    "talosctl",
    r"[^\W_]| ",
    read,
    (
        "kern: warning: [2026-05-01T10:00:00.123456789Z]: java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0",
        "10.0.0.7: kern:    info: [2026-05-01T10:00:00.123456789Z]: Tasks state (memory values in pages):",
        " kern:     err: [2026-05-01T10:00:00.123456789Z]: Out of memory: Killed process 31 (winch)",
    ),
)
