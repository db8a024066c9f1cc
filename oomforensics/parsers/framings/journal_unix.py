"""`journalctl -o short-unix`: seconds since 1970.

1777622400.123456 host kernel: text
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings import origin
from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import Clock
from oomforensics.parsers.records import TsSource

_DATE = re.compile(r"(\d{9,11})\.(\d{6}) ")


def read(line: str, clock: Clock) -> Header | None:
    match = _DATE.match(line)
    if match is None:
        return None
    return origin.read(line, match.end(), clock, int(match[1]) * 1_000_000 + int(match[2]), TsSource.JOURNALD)


FRAMING = Framing(
    "journalctl short-unix",
    r"\d",
    read,
    ("1777622400.123456 web1 kernel: java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0",),
)
