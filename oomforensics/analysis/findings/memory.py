"""The memory that ran out and what findings ask of it: parts of the balance, and what Mem-Info counts beside it.

The parts of the balance add up; `mlocked` and `mapped` are counted again there in others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from oomforensics.analysis.balance import Balance, Node
from oomforensics.analysis.model import Scope
from oomforensics.analysis.scene import Scene
from oomforensics.parsers.facts import MemInfo

_KIB = 1024
# total_*: cgroup v1 since 6.5, of the groups below too.
_STATISTICS = {
    "mapped": ("total_mapped_file", "mapped_file", "file_mapped"),
    "mlocked": ("total_unevictable", "unevictable"),
}


class Counted(NamedTuple):
    """What is no node of the balance. KiB; `least`: what it comes to at least. `origin`: the printed field."""

    kb: int
    least_kb: int
    origin: str
    line: int | None


Part = Node | Counted


class Memory(NamedTuple):
    """`whole`: RAM that the kernel gives out, or the limit; more than nothing. What was not printed is absent from `parts`."""

    what: str
    whole: Part
    parts: Mapping[str, Part]

    def share(self, *names: str) -> float:
        """Of these together, at least."""
        return sum(self.parts[name].least_kb for name in names if name in self.parts) / self.whole.kb

    def sum(self, *names: str) -> int:
        return sum(self.parts[name].kb for name in names if name in self.parts)


def of(scene: Scene, balance: Balance | None, page_kb: int) -> Memory | None:
    """None where the report does not say what there was, or where a part of the machine alone was short."""
    if balance is None or scene.scope not in (Scope.GLOBAL, Scope.MEMCG):
        return None
    root = balance.nodes[0]
    parts: dict[str, Part] = {node.node: node for node in balance.nodes}
    if scene.scope == Scope.MEMCG:
        parts.update(_of_statistics(scene))
        return Memory(f"the limit of {scene.oom_memcg}", root, parts) if root.bytes >= _KIB else None
    if scene.meminfo is not None:
        parts.update(_of_counters(scene.meminfo, page_kb))
    free = [part for name, part in parts.items() if name.startswith("hugetlb_") and name.endswith("_free")]
    if free:
        kb = sum(part.kb for part in free)
        parts["hugetlb_free"] = Counted(kb, kb, ", ".join(part.origin for part in free), free[0].line)
    whole: Part = root
    if "reserved" in parts:
        given_out = whole.kb - parts["reserved"].kb
        whole = Counted(given_out, given_out, f"{whole.origin} - {parts['reserved'].origin}", whole.line)
    return Memory("the machine's RAM", whole, parts) if whole.kb > 0 else None


def _of_counters(info: MemInfo, page_kb: int) -> Iterator[tuple[str, Counted]]:
    if "mapped" in info.counters_pages:
        pages = info.counters_pages["mapped"]
        yield "mapped", Counted(pages * page_kb, pages * page_kb, f"mapped:{pages} pages", info.line)
    locked = [(number(zone.values, "mlocked"), zone.line) for zone in info.zones if "mlocked" in zone.values]
    if locked:
        kb = sum(kb for kb, _ in locked)
        yield "mlocked", Counted(kb, kb, "mlocked of all zones", locked[0][1])


def _of_statistics(scene: Scene) -> Iterator[tuple[str, Counted]]:
    """Up to 5.2 there is a line for each group below the limit, each of that group alone: they are added up."""
    for name, printed in _STATISTICS.items():
        found = [
            (values[field] // (_KIB if stats.unit == "bytes" else 1), field, stats.line)
            for stats in scene.memcg_stats
            for values in (stats.values,)
            for field in printed
            if field in values and f"total_{field}" not in values
        ]
        if found:
            kb = sum(kb for kb, _, _ in found)
            yield name, Counted(kb, kb, found[0][1], found[0][2])


def number(values: Mapping[str, int | str], name: str) -> int:
    value = values.get(name, 0)
    return value if isinstance(value, int) else 0
