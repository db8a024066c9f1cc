"""A kernel's log as log stores show it, without host and tag: a date, and behind it what the kernel said.

A 2026-05-01T10:00:00.123456Z java invoked oom-killer: gfp_mask=0xcc0       Google's console, with a letter for the level
2026-05-01T10:00:00Z Out of memory: Killed process 71 (java) total-vm:...
[2026-05-01T10:00:00.123Z] Mem-Info:                                        a console of Jenkins
May  1 10:00:00 Mem-Info:                                                   a syslog, cut

The date of a console, and one with nanoseconds (`docker logs -t`, `kubectl logs --timestamps`), is when the line was printed,
which may be long after the kernel said it: it is no time of anything.

A syslog has a host there, and takes the first word for one. So such a source is told by a line that is the kernel's and
nothing else; its other dates are read so, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from oomforensics.parsers.framings.clock import WRITTEN, Clock, has_zone
from oomforensics.parsers.records import Record, TsSource

NAME = "text behind dates"
# With a comma behind a T it is a line of `dmesg --time-format iso`.
_DATED = re.compile(
    rf"[ \t>|]*(?:[A-Z] )?(\[)?(?!\S{{19}},)({WRITTEN}|([A-Z][a-z]{{2}}) ([ \d]\d) (\d\d:\d\d:\d\d))(?(1)\]):? "
)
_OF_PRINTING = re.compile(r"\[|\S+\.\d{9}")
# One word is a process; two may be a host and one.
_SAID = re.compile(
    r"[^\s:]{1,15} invoked oom-killer: gfp_mask=|(?:Out of memory|Memory cgroup out of memory): Kill(?:ed)? process \d"
    r"|oom-kill:constraint=|Killed process \d+ \(|oom_reaper: reaped process \d|Mem-Info:$"
)
# A syslog's: read as such wherever they stand. Where one has a date as syslog writes it, the source is one.
_TAGGED = re.compile(r"(?:\S+ )?(?:kernel|\S{1,64}\[\d+\]): ")
_OF_KERNEL = re.compile(r"(?:\S+ )?kernel: ")


def looks_like_it(head: Sequence[str]) -> bool:
    """The first lines of a source."""
    found = [(match, line[match.end() :]) for line in head if (match := _DATED.match(line))]
    if any((_OF_KERNEL if match[3] is None else _TAGGED).match(behind) for match, behind in found):
        return False
    return any(_SAID.match(behind) for _, behind in found)


def read(number: int, line: str, clock: Clock, host: str | None) -> Record | None:
    found = _DATED.match(line)
    if found is None or _TAGGED.match(line, found.end()):
        return None
    if _OF_PRINTING.match(found[1] or found[2]):
        wall, source = None, TsSource.NONE
    elif found[3] is None:
        wall, source = clock.written(found[2]), TsSource.SYSLOG
    else:
        wall, source = clock.without_year(found[3], found[4].strip(), found[5]), TsSource.SYSLOG_YEAR_INFERRED
    return Record(
        number,
        line[found.end() :],
        wall_us=wall,
        wall_source=TsSource.NONE if wall is None else source,
        host=host,
        wall_local=wall is not None and not has_zone(found[2]),
    )
