"""Which sightings of a memory event are one: the same line in the journal and in syslog, in `messages` and in its copy.

Pure: no database, no clock. Each sighting is kept; `event_id` joins those of one event. Two lines of one source are two
events, however alike; across sources they are one where host, boot and time allow it. Words that name nobody (`web.service:
Failed with result 'oom-kill'.`) come again after every restart: without good clocks on both sides they stay two.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from oomforensics.history.merge import TRUSTED
from oomforensics.parsers.hosts import same_host
from oomforensics.parsers.witness import Event

_SAME_US = 2_000_000  # a syslog writes whole seconds, and journald a little later than the sender
_DAY_AND_HALF_US = 36 * 3600 * 1_000_000  # how wrong an assumed zone and day can be
_ZONE_STEP_US = 15 * 60 * 1_000_000  # zones differ by whole quarters of an hour


@dataclass(frozen=True, slots=True)
class Sighting:
    """What tells one event from another."""

    key: str  # hash of its words
    source: str
    line: int
    host: str | None
    boot_id: str | None
    ts_us: int | None
    ts_source: str
    uptime_us: int | None
    named: bool  # its words name a process, a container or a job


@dataclass
class _One:
    event_id: str
    sightings: list[Sighting] = field(default_factory=list)


def sighting(event: Event) -> Sighting:
    return Sighting(
        event_key(event), event.source, event.line, event.host, event.boot_id, event.wall_us, event.wall_source,
        event.uptime_us, bool(event.pid or event.container_id or event.job_id),
    )  # fmt: skip


def event_key(event: Event) -> str:
    who = (event.pid, event.comm, event.uid, event.cgroup, event.unit, event.container_id, event.pod_uid, event.job_id)
    words = json.dumps((event.kind, who, event.detail), sort_keys=True, default=str)
    return hashlib.sha256(words.encode("utf-8", "backslashreplace")).hexdigest()


def name(stored: Iterable[tuple[str, Sighting]], new: Sequence[Sighting]) -> list[str]:
    """The event of each of `new`. `stored`: sightings of the same keys, each with its event."""
    known: dict[str, list[_One]] = defaultdict(list)
    by_id: dict[str, _One] = {}
    for event_id, one in stored:
        if event_id not in by_id:
            by_id[event_id] = _One(event_id)
            known[one.key].append(by_id[event_id])
        by_id[event_id].sightings.append(one)
    named = {}
    for at, one in sorted(enumerate(new), key=lambda item: (item[1].source, item[1].line)):
        home = _home(one, known[one.key])
        if home is None:
            home = _One(_new_id(one, by_id))
            by_id[home.event_id] = home
            known[one.key].append(home)
        home.sightings.append(one)
        named[at] = home.event_id
    return [named[at] for at in range(len(new))]


def _home(one: Sighting, events: Iterable[_One]) -> _One | None:
    fitting = []
    for event in events:
        if any((it.source, it.line) == (one.source, one.line) for it in event.sightings):
            return event  # read again
        distances = [_distance(one, it) for it in event.sightings]
        if distances and None not in distances:
            fitting.append((max(it for it in distances if it is not None), event.event_id, event))
    return min(fitting)[2] if fitting else None


def _distance(a: Sighting, b: Sighting) -> int | None:
    """How far apart two sightings of the same words are, in microseconds; None: they are two events."""
    if not same_host(a.host, b.host) or (a.boot_id and b.boot_id and a.boot_id != b.boot_id):
        return None
    if a.source == b.source:  # a log that has every line twice
        return 0 if a.uptime_us is not None and a.uptime_us == b.uptime_us and a.ts_us == b.ts_us else None
    if a.uptime_us is not None and b.uptime_us is not None:
        return _near(abs(a.uptime_us - b.uptime_us))
    if a.ts_us is None or b.ts_us is None:
        return _DAY_AND_HALF_US if a.named and b.named else None
    apart = abs(a.ts_us - b.ts_us)
    if apart > _SAME_US and a.named and not (a.ts_source in TRUSTED and b.ts_source in TRUSTED):
        over = apart % _ZONE_STEP_US
        return apart if apart < _DAY_AND_HALF_US and min(over, _ZONE_STEP_US - over) <= _SAME_US else None
    return _near(apart)


def _near(apart: int) -> int | None:
    return apart if apart <= _SAME_US else None


def _new_id(one: Sighting, taken: dict[str, _One]) -> str:
    when = one.uptime_us if one.ts_us is None else one.ts_us
    for number in range(len(taken) + 1):
        event_id = hashlib.sha256(repr((one.key, one.host, when, number)).encode()).hexdigest()[:16]
        if event_id not in taken:
            return event_id
    raise AssertionError("more ids than events")
