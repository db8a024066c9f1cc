"""Which sightings of a kill are one event. Pure: no database, no clock.

A sighting is one source's view of one run of the OOM killer. Sightings that have a kill in common (the same words, see
analysis.identity) are one incident unless host, boot or time tell them apart. What a source does not say never does.

Old kernels kill the same process again and again in the same words. Within one source each time is an event of its own;
across sources the n-th time in one is the n-th in the other (`occurrence`). What `dmesg -T` printed is a source of its own
where a file holds the journal besides: the two clocks drift apart.

The outcome does not depend on the order of arrival, save where a sighting that knows neither host nor time fits two
incidents that do: then it goes to the richer one of those known by then.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from oomforensics.analysis.identity import incident_id
from oomforensics.parsers.hosts import same_host
from oomforensics.parsers.records import TsSource

_SAME_UPTIME_S = 2.0  # journald stamps some lines itself, a little later than the kernel
_SAME_WALL_US = 36 * 3600 * 1_000_000  # a syslog's zone and the day of its year are assumed
TRUSTED = {TsSource.JOURNALD, TsSource.SYSLOG}
_TS_RANK = {source: rank for rank, source in enumerate(TsSource)}  # best first


class Place(NamedTuple):
    """What makes a sighting the same one when its source is read again: where it stands, and its first kill."""

    source: str
    line_start: int
    kill_key: str


@dataclass(frozen=True, slots=True)
class Sighting:
    source: str
    line_start: int
    line_end: int
    kill_keys: tuple[str, ...]
    host: str | None = None
    boot_id: str | None = None
    ts_us: int | None = None  # UTC microseconds since 1970
    ts_source: str = TsSource.NONE
    uptime_s: float | None = None  # of the report's first line
    kill_ts_us: int | None = None
    kill_uptime_s: float | None = None  # of the first kill line, which every source has alike
    complete: bool = False
    candidates: int = 0
    kills: int = 0
    content: str = ""  # hash of the report's lines without their framing
    occurrence: int = 0
    boot_index: int | None = None  # which boot of its host in the source, from 0
    newest_first: bool | None = None  # the source runs from its newest line to its oldest

    @property
    def place(self) -> Place:
        return Place(self.source, self.line_start, self.kill_keys[0])

    @property
    def keys(self) -> tuple[str, ...]:
        """The kill keys, with the occurrence worked in."""
        if not self.occurrence:
            return self.kill_keys
        return tuple(hashlib.sha256(f"{key}#{self.occurrence}".encode()).hexdigest() for key in self.kill_keys)

    @property
    def poverty(self) -> tuple[object, ...]:
        """Sorts the richest sighting first; never equal for two places."""
        return (
            not self.complete, -self.candidates, _TS_RANK[TsSource(self.ts_source)], self.host is None,
            self.boot_id is None, self.uptime_s is None, self.place,
        )  # fmt: skip


class Identity(NamedTuple):
    """Who and when. Compared to tell events apart."""

    host: str | None
    boot_id: str | None
    uptime_s: float | None
    ts_us: int | None
    ts_source: str
    kill_uptime_s: float | None


@dataclass(eq=False)
class Cluster:
    """The sightings of one event."""

    stored: set[str] = field(default_factory=set)  # ids under which parts of it are in the history already
    sightings: dict[Place, Sighting] = field(default_factory=dict)

    @property
    def richest(self) -> Sighting:
        return min(self.sightings.values(), key=lambda one: one.poverty)

    @property
    def keys(self) -> set[str]:
        return {key for one in self.sightings.values() for key in one.keys}

    def identity(self) -> Identity:
        """What the richest says; what it does not say, from the next; the time from the best clock."""
        ordered = sorted(self.sightings.values(), key=lambda one: one.poverty)
        timed = min(
            (one for one in ordered if one.ts_us is not None),
            key=lambda one: _TS_RANK[TsSource(one.ts_source)],
            default=None,
        )
        return Identity(
            host=next((one.host for one in ordered if one.host is not None), None),
            boot_id=next((one.boot_id for one in ordered if one.boot_id is not None), None),
            uptime_s=next((one.uptime_s for one in ordered if one.uptime_s is not None), None),
            ts_us=timed.ts_us if timed else None,
            ts_source=timed.ts_source if timed else TsSource.NONE,
            kill_uptime_s=next((one.kill_uptime_s for one in ordered if one.kill_uptime_s is not None), None),
        )

    def natural_id(self) -> str:
        """The id that its words give it: that of the sighting with most kills."""
        fullest = min(self.sightings.values(), key=lambda one: (-len(one.kill_keys), one.keys))
        return incident_id(list(fullest.keys))


def compatible(a: Identity, b: Identity) -> bool:
    """Whether nothing tells the two apart."""
    if not same_host(a.host, b.host):
        return False
    if a.boot_id is not None and b.boot_id is not None and a.boot_id != b.boot_id:
        return False
    days_apart = a.ts_us is not None and b.ts_us is not None and abs(a.ts_us - b.ts_us) >= _SAME_WALL_US
    if a.kill_uptime_s is not None and b.kill_uptime_s is not None:
        # A wrong year is common where none is printed, so there the kernel's own clock alone decides.
        trusted = a.ts_source in TRUSTED and b.ts_source in TRUSTED
        return abs(a.kill_uptime_s - b.kill_uptime_s) < _SAME_UPTIME_S and not (trusted and days_apart)
    return not days_apart


def merge(stored: Iterable[Cluster], new: Sequence[Sighting]) -> list[Cluster]:
    """All clusters after `new` has come in: those of `stored` (changed in place), and new ones."""
    clusters = list(stored)
    by_key: dict[str, list[Cluster]] = defaultdict(list)
    for cluster in clusters:
        for key in cluster.keys:
            by_key[key].append(cluster)
    for one in sorted(_numbered(clusters, new), key=lambda one: one.poverty):
        home = _home(one, by_key)
        if home is None:
            home = Cluster()
            clusters.append(home)
        home.sightings[one.place] = one
        for key in one.keys:
            if home not in by_key[key]:
                by_key[key].append(home)
    return [cluster for cluster in clusters if cluster.sightings]


def name(clusters: Iterable[Cluster]) -> dict[str, Cluster]:
    """An id for each cluster. Events of the same words get the natural id and a mark of their own, all of them:
    what the bare id once meant must not silently become another event."""
    by_natural: dict[str, list[Cluster]] = defaultdict(list)
    for cluster in clusters:
        by_natural[cluster.natural_id()].append(cluster)
    named: dict[str, Cluster] = {}
    for natural, sharing in by_natural.items():
        if len(sharing) == 1:
            named[natural] = sharing[0]
            continue
        for cluster in sharing:
            marked = f"{natural}-{_mark(cluster)}"
            while marked in named:
                marked += "x"
            named[marked] = cluster
    return named


def _home(one: Sighting, by_key: dict[str, list[Cluster]]) -> Cluster | None:
    """The cluster that `one` belongs to. Those that it shows to be one event are joined."""
    sharing = {id(cluster): cluster for key in one.keys for cluster in by_key[key]}.values()
    who = _identity(one)
    fitting = [cluster for cluster in sharing if one.place in cluster.sightings or compatible(who, cluster.identity())]
    if not fitting:
        return None
    home, *others = sorted(fitting, key=lambda it: (one.place not in it.sightings, it.richest.poverty))
    for other in others:
        if compatible(home.identity(), other.identity()):
            home.stored |= other.stored
            home.sightings |= other.sightings
            for key in other.keys:
                by_key[key] = [home if it is other else it for it in by_key[key] if it is not home]
            other.sightings = {}
            other.stored = set()
    return home


def _identity(one: Sighting) -> Identity:
    return Identity(one.host, one.boot_id, one.uptime_s, one.ts_us, one.ts_source, one.kill_uptime_s)


def _numbered(stored: Iterable[Cluster], new: Sequence[Sighting]) -> list[Sighting]:
    """`new` with occurrences counted within each source; what was counted before keeps its number."""
    known = {one.place: one for cluster in stored for one in cluster.sightings.values()}
    fresh = {one.place: one for one in new}
    groups: dict[tuple[str, bool, str], list[Sighting]] = defaultdict(list)
    for one in [*(one for place, one in known.items() if place not in fresh), *fresh.values()]:
        groups[one.source, one.ts_source == TsSource.DMESG_WALLCLOCK, one.kill_keys[0]].append(one)
    numbered = []
    for group in groups.values():
        counted: list[Sighting] = []
        for one in sorted(group, key=lambda one: -one.line_start if one.newest_first else one.line_start):
            if one.place in fresh:
                before = known.get(one.place)
                one = replace(one, occurrence=before.occurrence if before else _occurrence(one, counted))
                numbered.append(one)
            counted.append(one)
    return numbered


def _occurrence(one: Sighting, earlier: Sequence[Sighting]) -> int:
    number = 0
    for other in earlier:
        if _same_moment(one, other):
            return other.occurrence
        if compatible(_identity(one), _identity(other)):
            number = max(number, other.occurrence + 1)
    return number


def _same_moment(a: Sighting, b: Sighting) -> bool:
    """Whether two places of one source show one event: a log that has every line twice, an excerpt before the whole."""
    if a.kill_uptime_s is not None and b.kill_uptime_s is not None:
        return a.kill_uptime_s == b.kill_uptime_s and compatible(_identity(a), _identity(b))
    if a.kill_ts_us != b.kill_ts_us:
        return False
    return a.content == b.content or not (a.candidates and b.candidates)


def _mark(cluster: Cluster) -> str:
    who = cluster.identity()
    when = round(who.kill_uptime_s) if who.kill_uptime_s is not None else who.ts_us
    return hashlib.sha256(repr((who.host, who.boot_id, when)).encode()).hexdigest()[:6]
