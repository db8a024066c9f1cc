"""A syslog line whose date and host were cut away.

kernel: [    1.506918] Mem-Info:
kernel: qemu-system-s39 invoked oom-killer: gfp_mask=0x440dc0(GFP_KERNEL_ACCOUNT), order=3, oom_score_adj=0
"""

from __future__ import annotations

from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import Clock

_TAG = "kernel: "


def read(line: str, clock: Clock) -> Header | None:
    if not line.startswith(_TAG):
        return None
    return Header(len(_TAG), from_kernel=True, stamped=True, escapes=True, fixed=True)


FRAMING = Framing(
    "tag",
    r"k",
    read,
    (
        "kernel: qemu-system-s39 invoked oom-killer: gfp_mask=0x440dc0(GFP_KERNEL_ACCOUNT), order=3",
        "kernel: [    1.506918] Mem-Info:",
    ),
)
