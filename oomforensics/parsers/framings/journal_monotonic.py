"""`journalctl -o short-monotonic`: looks like dmesg, but host and program follow the stamp.

    [   12.345678] host kernel: text
    [   13.456789] host systemd[1]: text

One such line proves nothing: in dmesg, `[12.3] a b[1]: invoked oom-killer` is a process that calls itself "a b[1]:".
So the reader asks `host_of` about the first lines of a source together, and takes this framing only on their word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from oomforensics.parsers.framings import origin
from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import Clock
from oomforensics.parsers.framings.stamp import STAMP, uptime
from oomforensics.parsers.records import TsSource

_HOSTED = re.compile(rf"{STAMP.pattern}([\w.-]+) (?:kernel|[^\s:\[\]]+\[\d+\]): ")


def read(line: str, clock: Clock) -> Header | None:
    stamp = STAMP.match(line)
    if stamp is None:
        return None
    header = origin.read(line, stamp.end(), clock, None, TsSource.NONE)
    header.uptime_us = uptime(stamp)
    header.fixed = False
    header.stamped = False
    return header


def host_of(lines: Iterable[str]) -> str | None:
    """The one host that nearly all stamped lines name, if there is one."""
    hosts: Counter[str] = Counter()
    stamped = 0
    for line in lines:
        if STAMP.match(line):
            stamped += 1
            match = _HOSTED.match(line)
            if match is not None:
                hosts[match[4]] += 1
    if not hosts:
        return None
    host, count = hosts.most_common(1)[0]
    return host if count * 10 >= stamped * 8 else None


FRAMING = Framing(
    "journalctl short-monotonic",
    r"\[",
    read,
    (
        "[   12.345678] web1 kernel: java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        "[   13.456789] web1 systemd[1]: php.service: Failed with result 'oom-kill'.",
    ),
)
