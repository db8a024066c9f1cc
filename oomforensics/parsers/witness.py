"""The other killers and witnesses: what they log becomes an `Event`, beside the kernel's own reports.

witnesses.py has one entry a kind, witness_observer.py finds them among the records. The kernel's words count only from the
kernel, a program's only from a program of that name: anybody can log `Out of memory: Killed process 1`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from oomforensics.parsers.moments import to_us
from oomforensics.parsers.records import Record, TsSource


class Says(StrEnum):
    """What a line is worth."""

    KILL = "kill"  # who wrote it killed a process, or a whole control group
    CLAIM = "claim"  # it says that another did
    WARNING = "warning"  # nobody died of this alone


class Speaker(StrEnum):
    KERNEL = "kernel"
    PROGRAM = "program"
    ANY = "any"  # a program that writes to the kernel's log, where it cannot be told from the kernel
    STRANGER = "stranger"  # who is known not to be the kernel


@dataclass(slots=True)
class Event:
    """One thing that a witness said. `None` = not said."""

    kind: str
    says: Says
    mechanism: str | None  # who killed, or is said to have
    source: str
    line: int
    text: str  # its first line
    program: str | None = None
    host: str | None = None
    boot_id: str | None = None
    uptime_us: int | None = None
    wall_us: int | None = None
    wall_source: TsSource = TsSource.NONE
    pid: int | None = None
    comm: str | None = None
    uid: int | None = None
    cgroup: str | None = None
    unit: str | None = None
    container_id: str | None = None
    pod_uid: str | None = None
    job_id: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    wall_local: bool = False  # wall_us was written without a zone


Fold = Callable[[Event, re.Match[str]], None]


@dataclass(frozen=True, slots=True)
class Witness:
    """One kind of event. Groups of its patterns are fields of Event, or become part of `detail`."""

    name: str
    says: Says
    mechanism: str | None
    speaker: Speaker
    needles: tuple[str, ...]  # one of them is in every first line
    patterns: tuple[re.Pattern[str], ...]
    samples: tuple[str, ...]  # a test: first lines, at least one for each pattern
    programs: frozenset[str] | None = None  # nobody else's word counts; None: anybody's
    more: tuple[re.Pattern[str], ...] = ()  # lines of the same writer that follow and belong to it
    reach: int = 0  # how many of its lines may follow, those between that say nothing included
    needs: str | None = None  # in `detail`: without it, the first line meant something else
    fold: Fold | None = None  # what to do with a match, if not to take its groups
    document: bool = False  # the rest of it is read by witness_documents.py
    at_most: int | None = None  # of one source
    rare: bool = False  # not among scan.ANCHORS: found in sources up to scan.WHOLE, or near another anchor


_FIELDS = frozenset({"comm", "cgroup", "unit", "container_id", "pod_uid", "job_id"})
_INT_FIELDS = frozenset({"pid", "uid"})
_INT = ("_kb", "_mb", "_mib", "_bytes", "_adj", "_score", "_pid", "_s", "_ms", "order", "badness", "considered", "events",
        "killed", "adj", "count", "allowed", "signal_number")  # fmt: skip
_FLOAT = ("_percent", "_10s", "_60s", "_300s")
_NUMBER = re.compile(r"-?[0-9]{1,18}")


def take(event: Event, match: re.Match[str]) -> None:
    """The groups of a match, where the event has nothing yet."""
    for name, value in match.groupdict().items():
        if value is None:
            continue
        if name in _INT_FIELDS:
            if getattr(event, name) is None:
                setattr(event, name, int(value) if _NUMBER.fullmatch(value) else None)
        elif name in _FIELDS:
            if getattr(event, name) is None:
                setattr(event, name, value)
        elif name == "time":
            set_time(event, value)
        else:
            event.detail.setdefault(name, _typed(name, value))


def _typed(name: str, value: str) -> str | int | float:
    if name.endswith(_FLOAT):
        try:
            return float(value)
        except ValueError:
            return value
    return int(value) if name.endswith(_INT) and _NUMBER.fullmatch(value) else value


def set_time(event: Event, text: str) -> None:
    """A date that the line itself carries, if its framing has none."""
    with suppress(ValueError):
        set_moment(event, datetime.fromisoformat(text))


def set_moment(event: Event, when: datetime) -> None:
    """A date with its zone, where there is none yet; without one it says too little."""
    if event.wall_us is None and when.tzinfo is not None and (wall_us := to_us(when)) is not None:
        event.wall_us, event.wall_source = wall_us, TsSource.SYSLOG


def begin(witness: Witness, record: Record, source: str, text: str, program: str | None) -> Event:
    return Event(
        witness.name, witness.says, witness.mechanism, source, record.line, text, program, record.host, record.boot_id,
        record.uptime_us, record.wall_us, record.wall_source, wall_local=record.wall_local,
    )  # fmt: skip
