"""The memory that ran out, by what it was used for, in KiB: of the machine by Mem-Info, of a cgroup by its statistics.

Only kinds that a finding asks for. The same page may be of two kinds (shared and mlocked): they are no partition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from oomforensics.analysis.scene import Scene
from oomforensics.parsers.facts import MemcgStats, MemInfo

_UNLIMITED_KB = 2**52  # every "no limit" that a kernel prints is above


@dataclass(frozen=True, slots=True)
class Memory:
    """`whole_kb`: RAM that the kernel manages, or the limit. Kinds that were not printed are absent."""

    what: str
    whole_kb: int
    line: int | None
    kinds: dict[str, int] = field(default_factory=dict)

    def share(self, kind: str) -> float:
        return self.kinds.get(kind, 0) / self.whole_kb


def of(scene: Scene, page_kb: int) -> Memory | None:
    if scene.scope == "memcg":
        return _of_cgroup(scene)
    if scene.scope == "global" and scene.meminfo is not None:
        return _of_machine(scene.meminfo, page_kb)
    return None


def whole_kb(info: MemInfo, page_kb: int) -> int:
    """RAM that the kernel manages; 0 where neither the zones nor the sums at the end were printed."""
    managed = sum(number(zone.values, "managed") for zone in info.zones)
    return managed or max((info.ram_pages or 0) - (info.reserved_pages or 0), 0) * page_kb


# Mem-Info -----------------------------------------------------------------------------------------------------------

_COUNTERS = {
    "shmem": "shmem",
    "slab_unreclaimable": "slab_unreclaimable",
    "slab_reclaimable": "slab_reclaimable",
    "pagetables": "pagetables",
    "unevictable": "unevictable",
    "free": "free",
    "free_cma": "free_cma",
    "mapped": "mapped",
}


def _of_machine(info: MemInfo, page_kb: int) -> Memory | None:
    whole = whole_kb(info, page_kb)
    if not whole:
        return None
    counters = info.counters_pages
    kinds = {kind: counters[name] * page_kb for kind, name in _COUNTERS.items() if name in counters}
    for kind, names in (
        ("anon", ("active_anon", "inactive_anon")),
        ("file", ("active_file", "inactive_file")),
    ):
        if any(name in counters for name in names):
            kinds[kind] = sum(counters.get(name, 0) for name in names) * page_kb
    # Up to 4.7 zones print these, since 4.8 nodes do one and zones the other; kernel_stack is the kernel's KiB.
    for kind, name in (("mlocked", "mlocked"), ("kernel_stack", "kernel_stack")):
        rows = [zone.values for zone in info.zones if name in zone.values]
        rows = rows or [values for values in info.nodes_kb.values() if name in values]
        if rows:
            kinds[kind] = sum(number(values, name) for values in rows)
    kinds["hugetlb"] = sum(pool["total"] * pool["size_kb"] for pool in info.hugepages)
    kinds["hugetlb_free"] = sum(pool["free"] * pool["size_kb"] for pool in info.hugepages)
    return Memory("the machine's RAM", whole, info.line, kinds)


# A cgroup's statistics ----------------------------------------------------------------------------------------------

_BYTES = {
    "anon": "anon",
    "file": "file",
    "shmem": "shmem",
    "slab_unreclaimable": "slab_unreclaimable",
    "slab_reclaimable": "slab_reclaimable",
    "pagetables": "pagetables",
    "kernel_stack": "kernel_stack",
    "unevictable": "unevictable",
    "sock": "sock",
    "file_mapped": "mapped",
}
_V1 = {"rss": "anon", "cache": "file", "shmem": "shmem", "unevictable": "unevictable", "mapped_file": "mapped"}


def _of_cgroup(scene: Scene) -> Memory | None:
    limit = scene.memory_limit_kb
    if not limit or limit >= _UNLIMITED_KB or not scene.memcg_stats:
        return None
    kinds: dict[str, int] = {}
    for stats in _counted(scene):
        for kind, kb in _kinds(stats):
            kinds[kind] = kinds.get(kind, 0) + kb
    return Memory(f"the limit of {scene.oom_memcg}", limit, scene.memcg_stats[0].line, kinds)


def _counted(scene: Scene) -> Iterable[MemcgStats]:
    """The one-line form has a line for each cgroup below the limit, each with its own memory alone; they are summed."""
    if scene.memcg_stats[0].unit == "kB":
        return scene.memcg_stats
    own = [stats for stats in scene.memcg_stats if stats.path == scene.oom_memcg]
    return own[:1] or scene.memcg_stats[:1]


def _kinds(stats: MemcgStats) -> Iterator[tuple[str, int]]:
    values = stats.values
    if stats.unit == "kB":
        yield from ((kind, values[name]) for name, kind in _V1.items() if name in values)
    elif "total_cache" in values:  # cgroup v1 since 6.5: what lies below is in the totals alone
        yield from ((kind, values[f"total_{name}"] // 1024) for name, kind in _V1.items() if f"total_{name}" in values)
    else:
        yield from ((kind, values[name] // 1024) for name, kind in _BYTES.items() if name in values)


def number(values: dict[str, int | str], name: str) -> int:
    value = values.get(name, 0)
    return value if isinstance(value, int) else 0
