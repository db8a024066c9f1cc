"""A guest's console in the `vmware.log` of its virtual machine: the kernel's line behind the hypervisor's own header.

2026-05-01T10:00:00.123Z In(05) vcpu-5 - Guest: <4>[39261021.091603] text
2026-05-01T10:00:00.123Z| vcpu-5| I005: Guest: <4>[39261021.091603] text        older ones; no such file was at hand
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings import dmesg
from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import Clock
from oomforensics.parsers.records import TsSource

_LINE = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z)"
    r"(?: [A-Z][a-z]\(\d{1,3}\) vcpu-\d{1,4} - |\| vcpu-\d{1,4}\| (?:[A-Z]\d{2,3}: )?)Guest: (?=<\d|\[)"
)


def read(line: str, clock: Clock) -> Header | None:
    match = _LINE.match(line)
    inner = dmesg.read(line[match.end() :], clock) if match else None
    if match is None or inner is None:
        return None
    inner.end += match.end()
    inner.wall_us = clock.iso(match[1])
    inner.wall_source = TsSource.NONE if inner.wall_us is None else TsSource.SYSLOG
    return inner


FRAMING = Framing(
    "vmware.log",
    r"\d",
    read,
    (
        "2026-05-01T10:00:00.123Z In(05) vcpu-5 - Guest: <4>[39261021.091603] Mem-Info:",
        "2026-05-01T10:00:00.123Z| vcpu-5| I005: Guest: <4>[39261021.091603] Mem-Info:",
    ),
)
