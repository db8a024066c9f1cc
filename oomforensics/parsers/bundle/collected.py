"""What the documents of one bundle say together. Where they do not agree, nothing is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import NamedTuple, TypeVar

from oomforensics.parsers.bundle import zones
from oomforensics.parsers.bundle.facts import Fact

T = TypeVar("T")
MAX_TIMES = 10_000  # facts of time kept of one bundle
_ORDER_US = 2_000_000  # microseconds by which a time of a boot may seem to lie outside it
_UNTIL_JOURNAL_US = 60_000_000  # from a boot's begin to its first entry in the journal, at most
# Who is believed of the time zone, first to last: what a program's environment can change comes last.
_ZONE_SOURCES = ("timedatectl", "etc/localtime", "etc/timezone", "date")
_TIMES = ("btime", "uptime_s", "collected")
_BOOTS = ("boot_first", "boot_last")


class Zone(NamedTuple):
    name: str
    by: str  # the document that says so


class Begin(NamedTuple):
    """When a boot began."""

    wall_us: int
    uncertainty_us: int

    @property
    def certain_us(self) -> int:
        """From when on all is of this boot."""
        return self.wall_us + (self.uncertainty_us if self.uncertainty_us > _ORDER_US else -_ORDER_US)


class _Boot(NamedTuple):
    """A boot that the journal has entries of."""

    boot_id: str
    first_us: int
    last_us: int


class _Resolved(NamedTuple):
    """What the times say in one zone."""

    begin: Begin | None
    boots: list[_Boot]


@dataclass(slots=True)
class Collected:
    hostnames: set[str] = field(default_factory=set)
    boot_ids: set[str] = field(default_factory=set)
    swap_total_kb: set[int] = field(default_factory=set)
    nodes: set[str] = field(default_factory=set)  # of a cluster
    zones: dict[str, set[str]] = field(default_factory=dict)  # who says so -> names
    times: list[Fact] = field(default_factory=list)
    boots: list[Fact] = field(default_factory=list)
    mixed_boot_logs: set[str] = field(default_factory=set)  # paths of files that hold the ring buffer and more
    _resolved: dict[tzinfo | None, _Resolved] = field(default_factory=dict, repr=False, compare=False)

    def add(self, fact: Fact) -> None:
        kind = fact.kind
        self._resolved.clear()
        if kind == "hostname":
            self.hostnames.add(fact.value)
        elif kind == "boot_id":
            self.boot_ids.add(fact.value.replace("-", ""))
        elif kind == "meminfo" and fact.name == "SwapTotal_kb" and fact.value.isdecimal():
            self.swap_total_kb.add(int(fact.value))
        elif kind.startswith("node_"):
            self.nodes.add(fact.name)
        elif kind == "timezone":
            self.zones.setdefault(fact.name, set()).add(fact.value)
        elif kind.startswith(_TIMES) and len(self.times) < MAX_TIMES:
            self.times.append(fact)
        elif kind.startswith(_BOOTS) and len(self.boots) < MAX_TIMES:
            self.boots.append(fact)

    @property
    def host(self) -> str | None:
        """The kernel's name, where another program gives the same with its domain."""
        shortest = min(self.hostnames, key=len, default=None)
        return shortest if all(f"{name}.".startswith(f"{shortest}.") for name in self.hostnames) else None

    @property
    def boot_id(self) -> str | None:
        return only(self.boot_ids)

    @property
    def zone(self) -> Zone | None:
        by = next((one for one in _ZONE_SOURCES if one in self.zones), None)
        name = only(self.zones[by]) if by is not None else None
        return Zone(name, by) if name is not None and by is not None else None

    def begin(self, zone: tzinfo | None) -> Begin | None:
        """Of the boot in which the bundle was collected, from what says it best. `zone`: of times without one."""
        return self._in(zone).begin

    def boot_at(self, wall_us: int, zone: tzinfo | None) -> str | None:
        """The boot whose journal was being written then."""
        boots = self._in(zone).boots
        return only({one.boot_id for one in boots if one.first_us - _ORDER_US <= wall_us <= one.last_us + _ORDER_US})

    def _in(self, zone: tzinfo | None) -> _Resolved:
        if zone not in self._resolved:
            boots = _boots(self.boots, zone)
            self._resolved[zone] = _Resolved(self._begin(boots, zone), boots)
        return self._resolved[zone]

    def _begin(self, boots: Sequence[_Boot], zone: tzinfo | None) -> Begin | None:
        said = [fact for fact in self.times if fact.kind.startswith("collected")]
        collected_us = max((when for fact in said if (when := _time(fact, zone)) is not None), default=None)
        found = [
            Begin(when, fact.uncertainty_us or 0)
            for fact in self.times
            if (when := _begin(fact, zone, collected_us)) is not None
        ]
        found += [Begin(one.first_us, _UNTIL_JOURNAL_US) for one in boots if one.boot_id == self.boot_id]
        return min(found, key=lambda begin: (begin.uncertainty_us, begin.wall_us), default=None)


def _boots(facts: Sequence[Fact], zone: tzinfo | None) -> list[_Boot]:
    """Those whose first and last entry are both known."""
    times: dict[bool, dict[str, int]] = {True: {}, False: {}}
    for fact in facts:
        if (when := _time(fact, zone)) is not None:
            times[fact.kind.startswith("boot_first")][fact.name] = when
    last = times[False]
    return [_Boot(boot_id, first_us, last[boot_id]) for boot_id, first_us in times[True].items() if boot_id in last]


def _begin(fact: Fact, zone: tzinfo | None, collected_us: int | None) -> int | None:
    if fact.kind.startswith("btime"):
        return _time(fact, zone, collected_us)
    if fact.kind != "uptime_s" or zone is None or collected_us is None or not fact.value.isdecimal():
        return None
    now = zones.clock_near(fact.name, collected_us, zone)
    return None if now is None else now - int(fact.value) * 1_000_000


def _time(fact: Fact, zone: tzinfo | None, not_after_us: int | None = None) -> int | None:
    if fact.kind.endswith("_us"):
        return int(fact.value) if fact.value.isdecimal() else None
    return zones.moment(fact.value, zone, not_after_us) if zone is not None else None


def only(values: set[T]) -> T | None:
    return next(iter(values)) if len(values) == 1 else None
