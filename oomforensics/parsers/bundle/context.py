"""What a bundle's other files say of its incidents: the host, the boot, total swap, wall-clock time.

    contexts.add(info)                    for each file, in any order
    contexts.complete(incident)           when all have been seen
    contexts.describe(info)

A document speaks of the boot in which the bundle was collected. It is applied to an incident only where that is known to
be of the same boot: by the boot's id, because its time is after that boot began, or because it stands in that boot's ring
buffer. The nearest bundle around a log is the one that counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from oomforensics.parsers.bundle.documents import current_boot_log
from oomforensics.parsers.bundle.facts import Fact
from oomforensics.parsers.facts import Incident
from oomforensics.parsers.records import SourceInfo, TsSource

T = TypeVar("T")
_CLOCK_ORDER = 2_000_000  # microseconds by which a time of the same boot may seem to lie before its begin


@dataclass(slots=True)
class Collected:
    """What the documents of one bundle agree on. Where they do not, nothing is known."""

    hostnames: set[str] = field(default_factory=set)
    boot_ids: set[str] = field(default_factory=set)
    swap_total_kb: set[int] = field(default_factory=set)
    btime_us: int | None = None
    btime_uncertainty_us: int | None = None

    def add(self, fact: Fact) -> None:
        if fact.kind == "hostname":
            self.hostnames.add(fact.value)
        elif fact.kind == "boot_id":
            self.boot_ids.add(fact.value.replace("-", ""))
        elif fact.kind == "meminfo" and fact.name == "SwapTotal_kb" and fact.value.isdecimal():
            self.swap_total_kb.add(int(fact.value))
        elif fact.kind == "btime_us" and fact.value.isdecimal():
            best = self.btime_uncertainty_us
            if self.btime_us is None or (fact.uncertainty_us or 0) < (best or 0):
                self.btime_us, self.btime_uncertainty_us = int(fact.value), fact.uncertainty_us


def path_of(source: str) -> str:
    """A source's name as a path: members of archives lie below them."""
    return source.replace("!", "/")


class Contexts:
    """Every bundle met so far, by its root; `outer`: those met before, which stay as they are."""

    def __init__(self, outer: Contexts | None = None) -> None:
        self._bundles: dict[str, Collected] = {}
        self._outer = outer

    def add(self, info: SourceInfo) -> None:
        if info.bundle is None or (self._outer is not None and self._outer._at(info.bundle) is not None):
            return
        for item in info.items:
            if isinstance(item, Fact):
                self._bundles.setdefault(info.bundle, Collected()).add(item)

    def describe(self, info: SourceInfo) -> None:
        """Whose and of which boot a file's statements are; whose its events are."""
        if not info.items and not info.events:
            return
        host = self._host(info.name)
        if info.items and info.bundle is not None and (bundle := self._at(info.bundle)) is not None:
            info.host, info.boot_id = host, _only(bundle.boot_ids)
        for event in info.events:
            event.host = event.host or host

    def _host(self, source: str) -> str | None:
        return next((_only(bundle.hostnames) for bundle in self._around(source) if bundle.hostnames), None)

    def complete(self, incident: Incident) -> None:
        """Fills in what the incident's own log does not say."""
        incident.host = incident.host or self._host(incident.source)
        for bundle in self._around(incident.source):
            if self._is_same_boot(incident, bundle):
                _complete(incident, bundle)
                return

    def _at(self, root: str) -> Collected | None:
        return self._bundles.get(root) or (self._outer._at(root) if self._outer is not None else None)

    def _around(self, source: str) -> Iterable[Collected]:
        """The bundles that hold the source, innermost first."""
        path = path_of(source)
        while True:
            if (bundle := self._at(path)) is not None:
                yield bundle
            if not path:
                return
            path = path.rpartition("/")[0]

    def _is_same_boot(self, incident: Incident, bundle: Collected) -> bool:
        boot_id = _only(bundle.boot_ids)
        if incident.boot_id is not None:
            return boot_id == incident.boot_id
        if incident.wall_us is not None and incident.wall_source in (TsSource.JOURNALD, TsSource.SYSLOG):
            return bundle.btime_us is not None and incident.wall_us >= bundle.btime_us - _CLOCK_ORDER
        root = current_boot_log(path_of(incident.source))
        return root is not None and self._at(root) is bundle and incident.boot_index == 0


def _complete(incident: Incident, bundle: Collected) -> None:
    incident.boot_id = incident.boot_id or _only(bundle.boot_ids)
    incident.bundle_total_swap_kb = _only(bundle.swap_total_kb)
    if bundle.btime_us is None or incident.wall_us is not None or incident.uptime_us is None:
        return
    # The kernel's stamps stand still while the machine sleeps, the time since boot does not: never later than this.
    incident.wall_us = bundle.btime_us + incident.uptime_us
    incident.wall_source = TsSource.BOOT_TIME_DERIVED
    incident.wall_uncertainty_us = bundle.btime_uncertainty_us
    for kill in incident.kills:
        if kill.wall_us is None and kill.uptime_us is not None:
            kill.wall_us = bundle.btime_us + kill.uptime_us


def _only(values: set[T]) -> T | None:
    return next(iter(values)) if len(values) == 1 else None
