"""RFC 3164 as rsyslog, syslog-ng, busybox and `journalctl -o short` write it: no year, no zone.

    Dec 20 03:17:52 localhost kernel: [75669.581768] text
    Jan  5 15:19:27 kernel: [ 5864.708440] text

`short-precise` adds microseconds; journalctl writes the month in the reader's language.
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings import origin
from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import Clock, microseconds
from oomforensics.parsers.records import TsSource

_DATE = re.compile(
    r"(?:<(\d{1,3})>)?([^\W\d_][\w.]{1,7}|\d{1,2}[월月]) {1,2}(\d{1,2}) (\d\d:\d\d:\d\d)(?:\.(\d{3,9}))? "
)


def read(line: str, clock: Clock) -> Header | None:
    match = _DATE.match(line)
    if match is None:
        return None
    priority, month, day, time, fraction = match.groups()
    wall = clock.without_year(month, day, time)
    if wall is not None and fraction is not None:
        wall += microseconds(fraction)
    return origin.read(
        line,
        match.end(),
        clock,
        wall,
        TsSource.SYSLOG_YEAR_INFERRED,
        None if priority is None else int(priority),
        local=True,
    )


FRAMING = Framing(
    "syslog",
    r"[^\W_]|<",
    read,
    (
        "Dec 20 03:17:52 localhost kernel: [75669.581768] f2b/f.postfix invoked oom-killer: gfp_mask=0x100cca",
        "Feb 12 01:37:00 qa01 kernel: java invoked oom-killer: gfp_mask=0x201da, order=0, oom_adj=0",
        "Jan  5 15:19:27 kernel: [ 5864.708440] memorymonster invoked oom-killer: gfp_mask=0xd0, order=0",
        "<4>Dec 20 03:17:52 localhost kernel: [75669.581768] Mem-Info:",
        "Okt 09 12:10:48.123456 hp-dl180 systemd[1]: restraintd.service: A process of this unit has been killed",
        "Jan  1 00:00:10 openwrt kern.warn kernel: [   10.120000] Mem-Info:",
        "Dec 20 03:17:52 10.0.0.5 [75669.581768] Mem-Info:",
    ),
)
