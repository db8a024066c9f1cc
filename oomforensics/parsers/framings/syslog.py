"""RFC 3164 as rsyslog, syslog-ng, busybox and `journalctl -o short` write it: no year, no zone.

    Dec 20 03:17:52 localhost kernel: [75669.581768] text
    Jan  5 15:19:27 kernel: [ 5864.708440] text

`short-precise` adds microseconds; journalctl writes the month in the reader's language. Others add the weekday, and the year:

    Fri Jan  1 00:00:10 2021 kern.warn kernel: [   10.120000] text     OpenWrt's `logread`
    2026 May  1 10:00:00 web1 kernel: text
"""

from __future__ import annotations

import re
from datetime import UTC

from oomforensics.parsers.framings import origin
from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import UTC_NAMES, Clock, microseconds
from oomforensics.parsers.records import TsSource

_ZONES = "UTC|GMT|CES?T|EES?T|WES?T|MSK|BST|IST|[JK]ST|[ECMP][SD]T|AE[SD]T|NZ[SD]T"  # no more: a host may be called ABC
_DATE = re.compile(
    r"(?:<(\d{1,3})>)?([^\W\d_][\w.]{1,7}|\d{1,2}[월月]) {1,2}(\d{1,2}) (\d\d:\d\d:\d\d)(?:\.(\d{3,9}))? "
    rf"(?!(?:19|20)\d\d (?:[^\s:]+ |kernel: ))(?:({_ZONES}) (?=[^\s:\[\]]+ (?:kernel|[^\s:\[\]]+\[\d+\]): |kernel: ))?"
)
_WITH_YEAR = re.compile(
    r"(?:[^\W\d_]\w{1,3}\.?,? )?(?:(\d{4}) )?([^\W\d_][\w.]{1,7}) {1,2}(\d{1,2}) (?:(\d{4}) )?(\d\d:\d\d:\d\d)(?:\.\d{3,9})?"
    rf"(?: (\d{{4}}))?:? {origin.TAGGED}"
)


def read(line: str, clock: Clock) -> Header | None:
    match = _DATE.match(line)
    if match is None:
        return _with_year(line, clock)
    priority, month, day, time, fraction, zone = match.groups()
    wall = clock.without_year(month, day, time, UTC if zone in UTC_NAMES else None)
    if wall is not None and fraction is not None:
        wall += microseconds(fraction)
    return origin.read(
        line,
        match.end(),
        clock,
        wall,
        TsSource.SYSLOG_YEAR_INFERRED,
        None if priority is None else int(priority),
        local=zone not in UTC_NAMES,
    )


def _with_year(line: str, clock: Clock) -> Header | None:
    match = _WITH_YEAR.match(line)
    if match is None:
        return None
    month, day, time = match.group(2, 3, 5)
    year = match[1] or match[4] or match[6]
    if year is None:
        wall, source = clock.without_year(month, day, time), TsSource.SYSLOG_YEAR_INFERRED
    else:
        wall, source = clock.with_year(year, month, day, time), TsSource.SYSLOG
    return origin.read(line, match.end(), clock, wall, source, local=True)


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
        "Dec 20 03:17:52 UTC web1 kernel: Mem-Info:",
        "Dec 20 03:17:52 CEST web1 systemd[1]: php.service: Failed with result 'oom-kill'.",
        "Dec 20 03:17:52 2025 fw1 kernel: Mem-Info:",
        "Fri Jan  1 00:00:10 2021 kern.warn kernel: [   10.120000] dnsmasq invoked oom-killer: gfp_mask=0x200da",
        "Fri May  1 10:00:00 web1 kernel: Mem-Info:",
        "May  1 2026 10:00:00: web1 systemd[1]: php.service: Failed with result 'oom-kill'.",
        "2026 May  1 10:00:00 web1 kernel: Mem-Info:",
    ),
)
