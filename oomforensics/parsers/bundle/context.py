"""What a bundle's other files say of its incidents: the host, the boot, total swap, wall-clock time.

    contexts.add(info)                    for each file, in any order
    contexts.complete(incident)           when all have been seen
    contexts.describe(info)               after its incidents

A document speaks of the boot in which the bundle was collected. It is applied to an incident only where that is known to
be of the same host and boot: by the boot's id, because its time is after that boot began, or because it stands in that
boot's ring buffer. The nearest bundle around a log is the one that counts.

Times without a zone are read in UTC. Where the caller named no zone and the bundle says which one its host keeps, they
are read again in that one, and the log's problems say so.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, tzinfo
from itertools import pairwise

from oomforensics.parsers.bundle import zones
from oomforensics.parsers.bundle.collected import Collected, Zone, only
from oomforensics.parsers.bundle.documents import MIXED_BOOT_LOG, current_boot_log
from oomforensics.parsers.bundle.facts import Fact
from oomforensics.parsers.facts import Incident
from oomforensics.parsers.hosts import same_host
from oomforensics.parsers.records import Problem, SourceInfo, TsSource
from oomforensics.parsers.witness import Event

ASSUMED = UTC  # the zone in which times without one are read where nobody has named one
_TRUSTED = (TsSource.JOURNALD, TsSource.SYSLOG)


def path_of(source: str) -> str:
    """A source's name as a path: members of archives lie below them."""
    return source.replace("!", "/")


class Contexts:
    """Every bundle met so far, by its root; `outer`: those met before, which stay as they are.

    `timezone` and `host`: as the caller named them.
    """

    def __init__(self, outer: Contexts | None = None, timezone: tzinfo | None = None, host: str | None = None) -> None:
        self._bundles: dict[str, Collected] = {}
        self._outer = outer
        self._timezone = timezone
        self._named_host = host
        self._read_again: dict[str, Zone] = {}  # sources whose incidents had times without a zone

    def add(self, info: SourceInfo) -> None:
        if info.bundle is None or (self._outer is not None and self._outer._at(info.bundle) is not None):
            return
        facts = [item for item in info.items if isinstance(item, Fact)]
        if not facts:
            return
        bundle = self._bundles.setdefault(info.bundle, Collected())
        for fact in facts:
            bundle.add(fact)
        if f"/{path_of(info.name)}".endswith(f"/{MIXED_BOOT_LOG}"):
            bundle.mixed_boot_logs.add(path_of(info.name))

    def describe(self, info: SourceInfo) -> None:
        """Whose and of which boot a file's statements are; whose its events are, and when they were."""
        if info.items or info.events:
            host = self._host(info.name)
            if info.items and info.bundle is not None and (bundle := self._at(info.bundle)) is not None:
                info.host, info.boot_id = host, bundle.boot_id
            for event in info.events:
                event.host = event.host or host
                self._read_time_again(event)
        if (zone := self._read_again.pop(info.name, None)) is not None:
            reason = f"times without a zone are read in {zone.name}, which the bundle's {zone.by} names"
            info.problems.append(Problem(info.name, None, reason, "info"))

    def complete(self, incident: Incident) -> None:
        """Fills in what the incident's own log does not say."""
        incident.host = incident.host or self._host(incident.source)
        self._read_time_again(incident)
        for bundle in self._around(incident.source):
            if not self._is_same_host(incident.host, bundle):
                continue
            zone = self._zone_of(bundle)
            if incident.boot_id is None and incident.wall_us is not None and incident.wall_source in _TRUSTED:
                incident.boot_id = bundle.boot_at(incident.wall_us, zone)
            if self._is_same_boot(incident, bundle, zone):
                _complete(incident, bundle, zone)
                return

    def _host(self, source: str) -> str | None:
        """Of the nearest bundle that names one; in that of a cluster, a node's own folder is called like the node."""
        parts = path_of(source).split("/")
        folders = {name for above, name in pairwise(parts) if above == "nodes"}
        for bundle in self._around(source):
            if (node := only(folders & bundle.nodes)) is not None:
                return node
            if bundle.hostnames:
                return bundle.host
        return None

    def _is_same_host(self, host: str | None, bundle: Collected) -> bool:
        return host == self._named_host or same_host(host, bundle.host)

    def _zone_of(self, bundle: Collected) -> tzinfo | None:
        """The zone of its host's times that have none."""
        if self._timezone is not None:
            return self._timezone
        return zones.zone(bundle.zone.name) if bundle.zone is not None else None

    def _read_time_again(self, one: Incident | Event) -> None:
        """A log may hold lines of other hosts, whose zone is not known."""
        if self._timezone is not None or not one.wall_local or one.wall_us is None:
            return
        for bundle in self._around(one.source):
            if (named := bundle.zone) is None or not self._is_same_host(one.host, bundle):
                continue
            zone = zones.zone(named.name)
            if zone is not None:
                one.wall_us = zones.read_again(one.wall_us, ASSUMED, zone)
                for kill in one.kills if isinstance(one, Incident) else ():
                    kill.wall_us = None if kill.wall_us is None else zones.read_again(kill.wall_us, ASSUMED, zone)
                self._read_again[one.source] = named
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

    def _is_same_boot(self, incident: Incident, bundle: Collected, zone: tzinfo | None) -> bool:
        if incident.boot_id is not None:
            return incident.boot_id == bundle.boot_id
        path = path_of(incident.source)
        mixed = path in bundle.mixed_boot_logs
        if mixed and incident.wall_source is not TsSource.SYSLOG_YEAR_INFERRED:
            return incident.boot_index == 0
        if incident.wall_us is not None and (incident.wall_source in _TRUSTED or (mixed and zone is not None)):
            return (begin := bundle.begin(zone)) is not None and incident.wall_us >= begin.certain_us
        root = current_boot_log(path)
        return root is not None and self._at(root) is bundle and incident.boot_index == 0


def _complete(incident: Incident, bundle: Collected, zone: tzinfo | None) -> None:
    incident.boot_id = incident.boot_id or bundle.boot_id
    if (total_swap_kb := only(bundle.swap_total_kb)) is not None:
        incident.bundle_total_swap_kb = total_swap_kb
    if incident.wall_us is not None or incident.uptime_us is None or (begin := bundle.begin(zone)) is None:
        return
    # The kernel's stamps stand still while the machine sleeps, the time since boot does not: never later than this.
    incident.wall_us = begin.wall_us + incident.uptime_us
    incident.wall_source = TsSource.BOOT_TIME_DERIVED
    incident.wall_uncertainty_us = begin.uncertainty_us
    for kill in incident.kills:
        if kill.wall_us is None and kill.uptime_us is not None:
            kill.wall_us = begin.wall_us + kill.uptime_us
