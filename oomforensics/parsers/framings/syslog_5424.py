"""RFC 5424, as forwarded or as rsyslog's RSYSLOG_SyslogProtocol23Format.

<4>1 2026-05-01T10:00:00.123456Z host kernel - - - [75669.581768] text
<30>1 2026-05-01T10:00:00Z host systemd 1 - [meta sequenceId="3"] text
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import Clock
from oomforensics.parsers.records import TsSource

_LINE = re.compile(
    r"<(\d{1,3})>\d{1,2} (\S+) (\S+) (\S+) (\S+) (\S+) "  # priority, date, host, program, pid, message id
    r'(?:-|(?:\[[^\s\]="]+(?: [^\s\]="]+="(?:[^"\\]|\\.)*")*\])+)(?: \ufeff?|$)'
)


def read(line: str, clock: Clock) -> Header | None:
    match = _LINE.match(line)
    if match is None:
        return None
    priority = int(match[1])
    wall = clock.iso(match[2])
    kernel = match[4] == "kernel" and priority < 8
    return Header(
        match.end(),
        wall,
        TsSource.NONE if wall is None else TsSource.SYSLOG,
        None if match[3] == "-" else match[3],
        kernel,
        priority & 7,
        stamped=kernel,
        escapes=True,
    )


FRAMING = Framing(
    "syslog 5424",
    r"<",
    read,
    (
        "<4>1 2026-05-01T10:00:00.123456Z web1 kernel - - - [75669.581768] java invoked oom-killer: gfp_mask=0xcc0",
        '<30>1 2026-05-01T10:00:00+02:00 web1 systemd 1 - [meta sequenceId="3"] php.service: Main process exited',
    ),
)
