"""Host and program of a syslog line: what stands between its date and its message.

    localhost kernel: text           ip-10-0-0-1 systemd[1]: text
    kernel: text                     (some syslogs write no host)
    [localhost] kernel: text         (a host in brackets, and nothing else in them)
    openwrt kern.warn kernel: text   (busybox)

Only the tag `kernel:` is the kernel: `evil[1]: kernel: text` is a program's, and so is `kernel[12]:`.
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings.base import Header
from oomforensics.parsers.framings.clock import Clock
from oomforensics.parsers.framings.stamp import LEVELS, STAMP
from oomforensics.parsers.records import TsSource

_NAMES = "emerg|panic|alert|crit|err|error|warn|warning|notice|info|debug"
_LEVEL = rf"([a-z0-9]{{3,8}})\.({_NAMES}) "
_TAG = re.compile(
    # A tag ends in a colon, a host does not; where the level alone stands there, there is no host.
    rf"(?:(?!{_LEVEL.replace('(', '(?:')}|(?i:{_NAMES}) )([^\s:]\S*[^\s:\]]|[^\s:\]]|\[[\w.-]{{1,253}}\]) )?"
    rf"(?:{_LEVEL}|(?(1)(?!)|((?i:{_NAMES})) ))?"
    r"([^\s:\[\]]{1,255})(\[[^\]\s]{1,20}\])?:(?: |(?=\[)|$)"
)
# Behind a date that programs write, too: only the kernel's tag, or one with a pid, shows that it is a syslog's.
TAGGED = r"(?=(?:[^\s:\[\]]+ )?(?:[a-z0-9]+\.[a-z]+ )?(?:kernel|[^\s:\[\]]+\[\d+\]): (?!\{))"
_COLON = ": ["  # some templates of rsyslog put a second colon before the kernel's stamp
_HOST = re.compile(r"([^\s\[\]]+) ")
# A whole syslog line behind the name of its stream (`aws logs tail`) or of a relay.
_INNER = re.compile(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ([^\s:]\S*[^\s:\]]) kernel: ")
# `journalctl -o with-unit` has the unit where others have the program: here those of another name.
_UNITS = {"init.scope": "systemd", "docker.service": "dockerd", "nohang-desktop.service": "nohang"}


def read(
    line: str,
    at: int,
    clock: Clock,
    wall_us: int | None,
    source: TsSource,
    priority: int | None = None,
    *,
    local: bool = False,
) -> Header:
    """The header of a line whose date ends at `at`. `local`: it has no zone."""
    if wall_us is None:
        source, local = TsSource.NONE, False
    last = clock.origin
    if (
        last is not None
        and line.startswith(last[0], at)
        and priority == last[1]
        and not line.startswith(_COLON, at + len(last[0]))
    ):
        known = last[2]
        return Header(
            at + len(last[0]), wall_us, source, known.host, known.from_kernel, known.level,
            stamped=known.stamped, escapes=True, program=known.program, wall_local=local, fixed=True,
        )  # fmt: skip
    level = None if priority is None else priority & 7
    tag = _TAG.match(line, at)
    if tag is None:
        return _untagged(line, at, wall_us, source, level, local)
    host, facility, level_name, level_alone, name, pid = tag.groups()
    if level_name or level_alone:
        level = LEVELS[(level_name or level_alone).lower()]
    kernel = name == "kernel" and pid is None and facility in (None, "kern") and (priority or 0) < 8
    end = tag.end()
    if kernel and line.startswith(_COLON, end):
        end += 2
    header = Header(
        end, wall_us, source, host and host.strip("[]"), kernel, level,
        stamped=kernel, escapes=True, program=None if kernel else _program(name), wall_local=local,
    )  # fmt: skip
    if tag[0].endswith(" "):  # else what follows the colon had a say, and the next line may differ there
        header.fixed = True
        clock.origin = (line[at:end], priority, header)
    return header


def _program(tag: str) -> str:
    return _UNITS.get(tag, tag.removesuffix(".service"))


def _untagged(line: str, at: int, wall_us: int | None, source: TsSource, level: int | None, local: bool) -> Header:
    """`host [75669.58] text` is netconsole, caught by a syslog, and `stream DATE host kernel: text` a line inside another: these
    may be the kernel's. All else is a program's."""
    host = _HOST.match(line, at)
    end = host.end() if host else at
    if inner := _INNER.match(line, end):
        return Header(inner.end(), wall_us, source, inner[1], None, level, stamped=True, escapes=True, wall_local=local)
    stamped = STAMP.match(line, end) is not None
    return Header(
        end,
        wall_us,
        source,
        host[1] if host else None,
        None if stamped else False,
        level,
        stamped=stamped,
        escapes=True,
        wall_local=local,
    )
