"""A kernel's log as log stores show it, without host and tag: a date, and behind it what the kernel said.

A 2026-05-01T10:00:00.123456Z java invoked oom-killer: gfp_mask=0xcc0       Google's console, with a letter for the level
2026-05-01T10:00:00Z Out of memory: Killed process 71 (java) total-vm:...
[2026-05-01T10:00:00.123Z] Mem-Info:                                        a console of Jenkins
May  1 10:00:00 Mem-Info:                                                   a syslog, cut

A syslog has a host there, and takes the first word for one. So such a source is told by a line that is the kernel's and
nothing else; its other dates are read so, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from oomforensics.parsers.framings.clock import WRITTEN, Clock
from oomforensics.parsers.records import Record, TsSource

NAME = "text behind dates"
# With a comma behind a T it is a line of `dmesg --time-format iso`.
_DATED = re.compile(
    rf"[ \t>|]*(?:[A-Z] )?(\[)?(?!\S{{19}},)({WRITTEN}|([A-Z][a-z]{{2}}) ([ \d]\d) (\d\d:\d\d:\d\d))(?(1)\]):? "
)
_ZONED = re.compile(r"(?:[A-Z]|[+-]\d\d:?\d\d)\Z")
# One word is a process; two may be a host and one.
_SAID = re.compile(
    r"[^\s:]{1,15} invoked oom-killer: gfp_mask=|(?:Out of memory|Memory cgroup out of memory): Kill(?:ed)? process \d"
    r"|oom-kill:constraint=|Killed process \d+ \(|oom_reaper: reaped process \d|Mem-Info:$"
)
_TAGGED = re.compile(r"(?:\S+ )?kernel: ")


def looks_like_it(head: Sequence[str]) -> bool:
    """The first lines of a source."""
    behind = [line[found.end() :] for line in head if (found := _DATED.match(line))]
    return any(map(_SAID.match, behind)) and not any(map(_TAGGED.match, behind))


def read(number: int, line: str, clock: Clock, host: str | None) -> Record | None:
    found = _DATED.match(line)
    if found is None:
        return None
    if found[3] is None:
        wall, source = clock.written(found[2]), TsSource.SYSLOG
    else:
        wall, source = clock.without_year(found[3], found[4].strip(), found[5]), TsSource.SYSLOG_YEAR_INFERRED
    return Record(
        number,
        line[found.end() :],
        wall_us=wall,
        wall_source=TsSource.NONE if wall is None else source,
        host=host,
        wall_local=wall is not None and _ZONED.search(found[2]) is None,
    )
