"""Two incidents side by side: what is the same, what differs, and whose memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from oomforensics.reports import headline, units
from oomforensics.reports.load import Connection, IncidentPage, load

_TOP = 12


@dataclass(frozen=True, slots=True)
class Line:
    """One circumstance. `same` None: of one of the two it is not known."""

    label: str
    first: str
    second: str
    same: bool | None


@dataclass(frozen=True, slots=True)
class Group:
    """All processes of one name in both tables. KiB of memory and swap; None: not in that table's figures."""

    comm: str
    first_count: int
    second_count: int
    first_kb: int | None
    second_kb: int | None

    @property
    def change_kb(self) -> int | None:
        if self.first_kb is None or self.second_kb is None:
            return None
        return self.second_kb - self.first_kb


@dataclass(frozen=True, slots=True)
class Comparison:
    first_id: str
    second_id: str
    sentence: str
    lines: tuple[Line, ...]
    groups: tuple[Group, ...]  # the largest change first

    def plain(self) -> dict[str, Any]:
        return asdict(self) | {"groups": [asdict(group) | {"change_kb": group.change_kb} for group in self.groups]}


# What is compared, in the order in which it is asked for: label, the value that must be equal, and how it is shown.
_FACTS: tuple[tuple[str, Callable[[IncidentPage], Any], Callable[[IncidentPage], str]], ...] = (
    ("when", lambda page: page.ts_us, lambda page: units.utc(page.ts_us)),
    ("after boot", lambda page: page.uptime_s, lambda page: units.since_boot(page.uptime_s)),
    ("host", lambda page: page.host, lambda page: page.host or units.UNKNOWN),
    ("boot", lambda page: page.boot_id, lambda page: page.boot_id or units.UNKNOWN),
    ("kernel", lambda page: page.kernel_release, lambda page: page.kernel_release or units.UNKNOWN),
    ("rules of", lambda page: page.era, lambda page: page.era or units.UNKNOWN),
    ("scope", lambda page: page.scope, lambda page: page.scope),
    ("cgroup", lambda page: page.oom_memcg, lambda page: page.oom_memcg or "-"),
    ("memory limit", lambda page: page.memory_limit_kb, lambda page: units.limit_kb(page.memory_limit_kb)),
    ("total swap", lambda page: page.total_swap_kb, lambda page: units.kb(page.total_swap_kb)),
    ("free swap", lambda page: page.free_swap_kb, lambda page: units.kb(page.free_swap_kb)),
    ("totalpages", lambda page: page.totalpages, lambda page: units.pages(page.totalpages, page.page_size)),
    ("order", lambda page: page.alloc_order, lambda page: units.plain(page.alloc_order)),
    ("gfp_mask", lambda page: page.gfp_mask, lambda page: page.gfp_mask or units.UNKNOWN),
    ("trigger", lambda page: page.trigger_comm, lambda page: headline.process(page.trigger_comm, page.trigger_pid)),
    ("victim", lambda page: page.victim_comm, lambda page: headline.process(page.victim_comm, page.victim_pid)),
    ("its memory", lambda page: _victim_kb(page), lambda page: units.kb(_victim_kb(page))),  # noqa: PLW0108 # stands below
    ("its oom_score_adj", lambda page: _victim_adj(page), lambda page: units.plain(_victim_adj(page))),  # noqa: PLW0108
    ("also killed", lambda page: len(page.also_killed), lambda page: str(len(page.also_killed))),
    ("verdict", lambda page: page.verdict, lambda page: page.verdict),
    ("processes", lambda page: len(page.candidates) or None, lambda page: units.number(len(page.candidates) or None)),
)
# What makes two incidents one and the same thing happening again.
_SHAPE = ("scope", "cgroup", "victim")


def compare(con: Connection, first_id: str, second_id: str) -> Comparison:
    first, second = load(con, first_id), load(con, second_id)
    lines = tuple(_line(label, value, shown, first, second) for label, value, shown in _FACTS)
    return Comparison(first_id, second_id, _sentence(first, second, lines), lines, _groups(first, second))


def _line(
    label: str, value: Callable[[IncidentPage], Any], shown: Callable[[IncidentPage], str], first: IncidentPage,
    second: IncidentPage,
) -> Line:  # fmt: skip
    one, other = value(first), value(second)
    same = None if one is None and other is None else False if one is None or other is None else one == other
    return Line(label, shown(first), shown(second), same)


def _sentence(first: IncidentPage, second: IncidentPage, lines: tuple[Line, ...]) -> str:
    by_label = {line.label: line for line in lines}
    alike = [
        label
        for label in _SHAPE
        if by_label[label].same is True or (label == "cgroup" and by_label[label].same is None)
    ]
    if len(alike) == len(_SHAPE):
        what = f"The same thing again: {_ran_out(first)}, and {first.victim_comm or 'nobody that is known'} killed"
        where = " on the same host" if by_label["host"].same else ""
        sentence = f"{what}{where}."
    else:
        other = [label for label in _SHAPE if label not in alike]
        sentence = f"Two different things: another {', another '.join(other)}."
    if first.ts_us is not None and second.ts_us is not None:
        apart = abs(second.ts_us - first.ts_us) / 1e6
        sentence += f" {units.since_boot(apart)} lie between them."
    changed = [
        line
        for line in lines
        if line.label in ("memory limit", "total swap", "rules of", "order") and line.same is False
    ]
    for line in changed:
        sentence += f" {line.label.capitalize()}: {line.first}, then {line.second}."
    return sentence


def _ran_out(page: IncidentPage) -> str:
    return f"{page.oom_memcg} at its limit" if page.oom_memcg else f"scope {page.scope}"


def _groups(first: IncidentPage, second: IncidentPage) -> tuple[Group, ...]:
    sums = [_by_comm(page) for page in (first, second)]
    found = []
    for comm in sums[0].keys() | sums[1].keys():
        (first_count, first_kb), (second_count, second_kb) = (one.get(comm, (0, 0)) for one in sums)
        found.append(Group(comm, first_count, second_count, first_kb, second_kb))
    found.sort(key=lambda group: (-abs(group.change_kb or 0), group.comm))
    return tuple(found)


def _by_comm(page: IncidentPage) -> dict[str, tuple[int, int | None]]:
    found: dict[str, tuple[int, int | None]] = {}
    for row in page.candidates:
        name = row.comm or units.UNKNOWN
        count, before_kb = found.get(name, (0, 0))
        used_kb = _used_kb(page, row.rss_pages, row.swapents_pages)
        found[name] = count + 1, None if used_kb is None or before_kb is None else before_kb + used_kb
    return found


def _used_kb(page: IncidentPage, rss_pages: int | None, swap_pages: int | None) -> int | None:
    if rss_pages is None or page.page_size is None:
        return None
    return (rss_pages + (swap_pages or 0)) * page.page_size // 1024


def _victim_kb(page: IncidentPage) -> int | None:
    victim = page.victim
    if victim is not None:
        return _used_kb(page, victim.rss_pages, victim.swapents_pages)
    own = next((kill for kill in page.kills if kill.pid == page.victim_pid), None)
    parts = [] if own is None else [own.anon_rss_kb, own.file_rss_kb, own.shmem_rss_kb]
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _victim_adj(page: IncidentPage) -> int | None:
    victim = page.victim
    if victim is not None:
        return victim.oom_score_adj
    return next((kill.oom_score_adj for kill in page.kills if kill.pid == page.victim_pid), None)


def largest(comparison: Comparison) -> tuple[Group, ...]:
    """The names whose memory changed most, for people."""
    return tuple(
        group for group in comparison.groups if group.change_kb != 0 or group.first_count != group.second_count
    )[:_TOP]
