"""The record: one log line with its framing taken off. The only type that framings make and the grammar reads."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oomforensics.parsers.bundle.facts import Item
    from oomforensics.parsers.witness import Event


class TsSource(StrEnum):
    """Where a wall-clock time comes from, best first."""

    JOURNALD = "journald"  # UTC microseconds, written by journald
    SYSLOG = "syslog"  # a full date with its zone (RFC 5424 / ISO 8601)
    SYSLOG_YEAR_INFERRED = "syslog-year-inferred"  # RFC 3164: no year, no zone; both assumed
    DMESG_WALLCLOCK = "dmesg-wallclock"  # dmesg -T: uptime added to boot time; drifts over suspend
    PAIR_DERIVED = "pair-derived"  # uptime added to an offset that another log of the boot shows; only in the history
    BOOT_TIME_DERIVED = "boot-time-derived"
    NONE = "none"


@dataclass(slots=True)
class Record:
    """One message as the kernel (or another program) wrote it.

    `text` may hold "\\n": then the kernel wrote one record of several lines, or a process name holds a newline.
    """

    line: int  # first line in its source, 1-based
    text: str
    uptime_us: int | None = None  # the kernel's own stamp since boot, microseconds
    wall_us: int | None = None  # UTC microseconds since 1970
    wall_source: TsSource = TsSource.NONE
    host: str | None = None
    boot_id: str | None = None
    from_kernel: bool | None = None  # None: the framing does not say
    level: int | None = None  # 0 emerg .. 7 debug
    caller: str | None = None  # CONFIG_PRINTK_CALLER: "T123" or "C0"
    seq: int | None = None  # /dev/kmsg sequence number
    continued: bool = False  # /dev/kmsg flag "c": the rest of a line whose head is an earlier record
    program: str | None = None  # who wrote it, where the framing names another than the kernel
    wall_local: bool = False  # wall_us was written without a zone, and is read in the caller's
    stream: int = 0  # which of several logs that run through each other in one source; 0: there is but one


PAUSE = Record(0, "")  # no line: nothing more has come for a while, and whoever waits for more tells what is known

# Stands for it among numbered lines.
PAUSED_LINE = (PAUSE.line, b"")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a source that could not be read or understood. Kept: what was lost is evidence too."""

    source: str
    line: int | None
    reason: str
    severity: str = "error"  # info | data_loss | error


@dataclass(slots=True)
class SourceInfo:
    """One file, archive member or stream that was read."""

    name: str
    size_bytes: int = 0  # bytes read, decompressed
    # Of the bytes read, decompressed, so that the same log under two names is known as one. Above 64 MiB it begins
    # with "sampled:" and is of the first 4 KiB of each MiB and the size: to hash all would double the time to read.
    sha256: str | None = None
    framing: str | None = None  # the framing most of its records came in
    records: int = 0
    problems: list[Problem] = field(default_factory=list)
    # Numbers of the latest lines before which lines were not read: a reader looks a few windows ahead.
    jumps: deque[int] = field(default_factory=lambda: deque(maxlen=256))
    last_line: int | None = (
        None  # of one that is read from its end (newest_first.py): its records count their lines from here
    )
    events: list[Event] = field(default_factory=list)  # what other killers and witnesses say in it
    items: list[Item] = field(default_factory=list)  # what it says of its host, as one of the other files of a bundle
    bundle: str | None = None  # the bundle that it is such a file of, as a path; then also whose and of which boot:
    host: str | None = None
    boot_id: str | None = None
