"""What a framing is: the bytes around the kernel's text, and how to take them off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from oomforensics.parsers.records import TsSource

if TYPE_CHECKING:
    from oomforensics.parsers.framings.clock import Clock


@dataclass(frozen=True, slots=True)
class Context:
    """What a log does not say of itself and the caller may know."""

    source: str
    timezone: tzinfo  # of stamps without a zone
    not_after: datetime  # aware: a stamp without a year is the last such date before this (file's mtime)
    host: str | None = None  # overrides what the log says


@dataclass(slots=True)
class Header:
    """What one framing read off the front of a line. `end` is where the message begins."""

    end: int
    wall_us: int | None = None
    wall_source: TsSource = TsSource.NONE
    host: str | None = None
    from_kernel: bool | None = None
    level: int | None = None
    uptime_us: int | None = None
    caller: str | None = None
    boot_id: str | None = None
    seq: int | None = None
    continued: bool = False
    text: str | None = None  # the message, where the framing encodes it; else it is line[end:]
    stamped: bool = False  # the kernel's own `[   12.345678] ` may follow at `end`
    escapes: bool = False  # rsyslog may have written `#012` for a newline
    program: str | None = None  # who wrote it, unless the kernel
    wall_local: bool = False  # wall_us was written without a zone, and is read in the caller's
    fixed: bool = False  # every line that begins with these `end` characters has this same header


@dataclass(frozen=True, slots=True)
class Framing:
    """One way to write a log line. `read` answers None for a line that is not in this framing."""

    name: str
    begins: str  # what its lines may begin with, as a class of characters for `re`
    read: Callable[[str, Clock], Header | None]
    samples: tuple[str, ...]  # a test: this framing is the first of FRAMINGS to read each
