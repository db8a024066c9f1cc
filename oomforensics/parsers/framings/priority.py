"""A priority and no stamp: a kernel with printk.time=0, or `dmesg -t`.

<4>java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
kern  :warn  : Mem-Info:
"""

from __future__ import annotations

from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import Clock
from oomforensics.parsers.framings.prefix import PRIORITY, priority


def read(line: str, clock: Clock) -> Header | None:
    match = PRIORITY.match(line)
    if match is None:
        return None
    level, from_kernel = priority(match[1], match[2], match[3])
    if level is None:
        return None
    return Header(match.end(), level=level, from_kernel=from_kernel)


FRAMING = Framing(
    "priority",
    r"[<a-z]",
    read,
    (
        "<4>java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        "kern  :warn  : Mem-Info:",
    ),
)
