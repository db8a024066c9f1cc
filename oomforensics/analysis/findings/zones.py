"""Free memory that was of no use: in pieces, on another node, or in a zone that the request could not have.

The analysis of the failed allocation says which; here is what to do about it, where there is enough of it to matter.
"""

from __future__ import annotations

from oomforensics.analysis.allocation import Cause, ZoneCheck
from oomforensics.analysis.findings import words
from oomforensics.analysis.findings.entry import Entry, Fact, Found, Severity, entry
from oomforensics.analysis.findings.evidence import Evidence
from oomforensics.analysis.findings.memory import number
from oomforensics.parsers.facts import MemInfo

# Free beyond this multiple of what the request needed is memory that single pages would have been given from.
_PLENTY = 2
# A tenth of RAM free elsewhere is room for the process that died, or for a good part of it.
_ELSEWHERE = 0.10
_UPPER = frozenset({"HighMem", "Movable"})  # what the kernel's own objects cannot have


def _of_zone(seen: Evidence, zone: ZoneCheck, what: str, value: int) -> Fact:
    node = "" if zone.node is None else f"Node {zone.node} "
    return words.kb(seen, f"{node}{zone.zone} {what}", value, zone.line)


@entry(
    Severity.CRITICAL,
    condition=f"the allocation failed by fragmentation, and a zone had {_PLENTY} times as much free as the request needed",
    advice=(
        "More memory is the wrong cure: it was free, in pieces. Raise vm.min_free_kbytes (1 to 3 % of RAM, which is then "
        "nobody's) or vm.watermark_scale_factor, so that reclaim starts earlier and leaves larger pieces. Ask for less: the "
        "call trace names who asked; jumbo frames, large SLUB orders and drivers that allocate contiguous buffers late are "
        "the usual ones. Writing 1 to vm.compact_memory helps for a while where the pieces can be moved."
    ),
)
def fragmented(seen: Evidence) -> Found | None:
    failed = seen.allocation
    if failed.cause != Cause.FRAGMENTATION:
        return None
    checked = [
        (zone, zone.free_kb, zone.needed_kb)
        for zone in failed.zones
        if zone.usable and zone.free_kb is not None and zone.needed_kb
    ]
    plenty = [one for one in checked if one[1] >= one[2] * _PLENTY]
    if not plenty:
        return None
    zone, free, needed = max(plenty, key=lambda one: one[1])
    facts = (
        _of_zone(seen, zone, "free", free),
        _of_zone(seen, zone, "needed, with watermark and reserves", needed),
        words.kb(seen, "asked for in one piece", (failed.request_bytes or 0) // 1024, seen.scene.line_start),
    )
    return Found(failed.text, facts)


@entry(
    Severity.WARNING,
    condition=f"a cpuset or memory policy bound the request to full nodes, while others had {_ELSEWHERE:.0%} of all RAM free",
    advice=(
        "Widen what binds it: cpuset.mems of the cgroup, numactl --membind (use --preferred or --interleave: slower pages "
        "from afar instead of a kill), the scheduler's or hypervisor's pinning. Or move other work off that node; the report's "
        "Mem-Info shows the bound nodes alone, so look at numastat -m for the rest."
    ),
)
def other_nodes_had_room(seen: Evidence) -> Found | None:
    info = seen.scene.meminfo
    if (
        seen.allocation.cause != Cause.NODE_EXHAUSTED
        or info is None
        or "free" not in info.counters_pages
        or not info.zones
    ):
        return None
    here = _printed_free_kb(info)
    elsewhere = info.counters_pages["free"] * seen.page_kb - here
    if elsewhere < _ram_kb(seen, info) * _ELSEWHERE:
        return None
    facts = (
        words.kb(seen, "free on the allowed nodes", here, info.zones[0].line),
        words.kb(seen, "free on all nodes less that", elsewhere, info.line),
    )
    return Found(seen.allocation.text, facts)


@entry(
    Severity.CRITICAL,
    condition=f"the zones that the request could use were full, while HighMem or Movable had {_ELSEWHERE:.0%} of RAM free",
    advice=(
        "The kernel's own memory comes from the lower zones alone. On 32 bits that is below 896 MiB: run a 64-bit kernel; until "
        "then keep slab and page tables small (fewer inotify watches, sockets, containers). With movable_node, movablecore= or "
        "memory hotplug leave more memory outside Movable (1 part to 3 or 4 of Movable). Nodes that have nothing but Movable, as "
        "those of CXL or persistent memory may, are not enough for a cpuset or policy: add a node with other zones to "
        "cpuset.mems; up to 5.15 the kernel else kills in vain, later it fails the request (8ca1b5a49885)."
    ),
)
def lower_zones_exhausted(seen: Evidence) -> Found | None:
    info = seen.scene.meminfo
    if seen.allocation.cause != Cause.WRONG_ZONE or info is None:
        return None
    spare, where = _upper_free_kb(info, seen.page_kb)
    if spare < _ram_kb(seen, info) * _ELSEWHERE:
        return None
    usable = sum(zone.free_kb or 0 for zone in seen.allocation.zones if zone.usable)
    line = info.zones[0].line if info.zones else info.line
    facts = (
        words.kb(seen, "free in zones that it may use", usable, line),
        words.kb(seen, f"free in {where}", spare, info.line),
    )
    return Found(seen.allocation.text, facts)


def _upper_free_kb(info: MemInfo, page_kb: int) -> tuple[int, str]:
    """What was free in HighMem or Movable. From 6.1 on only zones that the request may use are printed."""
    upper = [zone for zone in info.zones if zone.name in _UPPER]
    if upper:
        return sum(number(zone.values, "free") for zone in upper), upper[0].name
    if not info.highmem_pages or "free" not in info.counters_pages:
        return 0, ""
    return info.counters_pages["free"] * page_kb - _printed_free_kb(info), "HighMem or Movable"


def _printed_free_kb(info: MemInfo) -> int:
    return sum(number(zone.values, "free") for zone in info.zones)


def _ram_kb(seen: Evidence, info: MemInfo) -> int:
    return max((info.ram_pages or 0) - (info.reserved_pages or 0), 1) * seen.page_kb


ENTRIES: tuple[Entry, ...] = (fragmented, other_nodes_had_room, lower_zones_exhausted)
