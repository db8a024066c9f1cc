"""Free memory that was of no use: in pieces, on another node, or in a zone that the request could not have."""

from __future__ import annotations

from oomforensics.analysis.findings import words
from oomforensics.analysis.findings.entry import Entry, Fact, Found, Severity, entry
from oomforensics.analysis.findings.evidence import Evidence
from oomforensics.analysis.findings.memory import number
from oomforensics.analysis.model import Scope
from oomforensics.parsers.facts import MemInfo, Zone

# Free beyond this multiple of the watermark is memory that the allocator would have handed out.
_PLENTY = 2
# A tenth of RAM free elsewhere is room for the process that died, or for a good part of it.
_ELSEWHERE = 0.10
_UPPER = frozenset({"HighMem", "Movable"})  # what the kernel's own objects cannot have


def _free_kb(zone: Zone) -> int:
    return number(zone.values, "free")


def _of_zone(seen: Evidence, zone: Zone, what: str, value: int) -> Fact:
    node = "" if zone.node is None else f"Node {zone.node} "
    return words.kb(seen, f"{node}{zone.name} {what}", value, zone.line)


@entry(
    Severity.CRITICAL,
    condition=(
        "order 1 or more was asked for, no zone had a free block of that size, and one had "
        f"{_PLENTY} times its min watermark free"
    ),
    advice=(
        "More memory is the wrong cure: it was free, in pieces. Raise vm.min_free_kbytes (1 to 3 % of RAM, which is then "
        "nobody's) or vm.watermark_scale_factor, so that reclaim starts earlier and leaves larger pieces. Ask for less: the "
        "call trace names who asked; jumbo frames, large SLUB orders and drivers that allocate contiguous buffers late are "
        "the usual ones. Writing 1 to vm.compact_memory helps for a while where the pieces can be moved."
    ),
)
def fragmented(seen: Evidence) -> Found | None:
    scene = seen.scene
    order, info = scene.alloc_order, scene.meminfo
    if scene.scope == Scope.MEMCG or info is None or not order or order < 1:
        return None
    block_kb = seen.page_kb << order
    zones = [zone for zone in info.zones if zone.buddy and "free" in zone.values and "min" in zone.values]
    if not zones or any(count for zone in zones for kb, count in (zone.buddy or {}).items() if kb >= block_kb):
        return None
    zone = max(zones, key=_free_kb)
    free, least = _free_kb(zone), number(zone.values, "min")
    if free < least * _PLENTY:
        return None
    largest = max((kb for one in zones for kb, count in (one.buddy or {}).items() if count), default=0)
    text = (
        f"{words.size(block_kb)} in one piece were asked for (order {order}). {words.size(free)} were free in {zone.name}, "
        f"but the largest piece anywhere was {words.size(largest)}."
    )
    facts = (
        _of_zone(seen, zone, "free", free),
        _of_zone(seen, zone, "min", least),
        words.kb(seen, "largest free block", largest),
        words.kb(seen, "asked for", block_kb, scene.line_start),
    )
    return Found(text, facts)


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
    scene, info = seen.scene, seen.scene.meminfo
    if (
        scene.scope not in (Scope.CPUSET, Scope.MEMPOLICY)
        or info is None
        or "free" not in info.counters_pages
        or not info.zones
    ):
        return None
    here = sum(map(_free_kb, info.zones))
    elsewhere = info.counters_pages["free"] * seen.page_kb - here
    ram = max((info.ram_pages or 0) - (info.reserved_pages or 0), 0) * seen.page_kb
    if not ram or elsewhere < ram * _ELSEWHERE:
        return None
    nodes = sorted({zone.node for zone in info.zones if zone.node is not None})
    text = (
        f"Only node {', '.join(map(str, nodes))} could serve the request, and had {words.size(here)} free. On other nodes "
        f"{words.size(elsewhere)} were free, {words.share(elsewhere / ram)} of RAM."
    )
    facts = (
        words.kb(seen, "free on the allowed nodes", here, info.zones[0].line),
        words.kb(seen, "free on all nodes less that", elsewhere, info.line),
    )
    return Found(text, facts)


@entry(
    Severity.CRITICAL,
    condition=(
        f"Normal was at or below its min watermark while HighMem or Movable had {_ELSEWHERE:.0%} of RAM free, "
        "and the request could not use it"
    ),
    advice=(
        "The kernel's own memory comes from Normal alone. On 32 bits that is below 896 MiB: run a 64-bit kernel; until then keep "
        "slab and page tables small (fewer inotify watches, sockets, containers; vm.vfs_cache_pressure above 100). With "
        "movable_node, movablecore= or memory hotplug leave more memory outside Movable (1 Normal to 3 or 4 Movable)."
    ),
)
def lower_zones_exhausted(seen: Evidence) -> Found | None:
    scene, info, memory = seen.scene, seen.scene.meminfo, seen.memory
    if scene.scope != Scope.GLOBAL or info is None or memory is None or _may_use_upper(scene.gfp_mask):
        return None
    normal = [zone for zone in info.zones if zone.name == "Normal" and "min" in zone.values]
    if not normal or any(_free_kb(zone) > number(zone.values, "min") for zone in normal):
        return None
    spare, where = _upper_free_kb(info, seen.page_kb)
    if spare < memory.whole.kb * _ELSEWHERE:
        return None
    free = sum(map(_free_kb, normal))
    text = (
        f"Normal memory was used up ({words.size(free)} free), while {words.size(spare)} lay free in {where}, which this "
        "request of the kernel could not use."
    )
    return Found(text, (_of_zone(seen, normal[0], "free", free), words.kb(seen, f"free in {where}", spare, info.line)))


def _upper_free_kb(info: MemInfo, page_kb: int) -> tuple[int, str]:
    """What was free in HighMem or Movable. From 6.1 on only zones that the request may use are printed."""
    upper = [zone for zone in info.zones if zone.name in _UPPER]
    if upper:
        return sum(map(_free_kb, upper)), upper[0].name
    if not info.highmem_pages or "free" not in info.counters_pages:
        return 0, ""
    printed = sum(map(_free_kb, info.zones))
    return info.counters_pages["free"] * page_kb - printed, "HighMem or Movable"


def _may_use_upper(gfp_mask: str | None) -> bool:
    """HIGHUSER may have HighMem, and with MOVABLE the movable zone too. Bits: ___GFP_HIGHMEM 2, ___GFP_MOVABLE 8."""
    if not gfp_mask:
        return True  # not known: nothing is claimed
    if "(" in gfp_mask:
        return "HIGHUSER" in gfp_mask or "HIGHMEM" in gfp_mask or "MOVABLE" in gfp_mask
    try:
        return bool(int(gfp_mask, 16) & 0xA)
    except ValueError:
        return True


ENTRIES: tuple[Entry, ...] = (fragmented, other_nodes_had_room, lower_zones_exhausted)
