"""A syslog line whose date was cut away, with its host or without.

kernel: [    1.506918] Mem-Info:
kernel: qemu-system-s39 invoked oom-killer: gfp_mask=0x440dc0(GFP_KERNEL_ACCOUNT), order=3, oom_score_adj=0
web1 kernel: Mem-Info:
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import Clock

_TAG = "kernel: "
_HOST = re.compile(rf"([A-Za-z0-9](?:[\w.-]{{0,252}}[A-Za-z0-9])?) {_TAG}", re.ASCII)
_LEAST = 2  # lines of one host: prose about `the kernel: ` has no more


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


def has_hosts(head: Sequence[str]) -> bool:
    """Whether lines of the first ones begin with a host and the tag."""
    return any(count >= _LEAST for count in Counter(found[1] for found in map(_HOST.match, head) if found).values())


def _read_with_host(line: str, clock: Clock) -> Header | None:
    found = _HOST.match(line)
    if found is None:
        return None
    return Header(found.end(), host=found[1], from_kernel=True, stamped=True, escapes=True, fixed=True)


WITH_HOST = Framing("host and tag", r"[A-Za-z0-9]", _read_with_host, ("web1 kernel: [    1.506918] Mem-Info:",))
