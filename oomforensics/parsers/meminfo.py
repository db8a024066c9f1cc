"""Mem-Info (mm/page_alloc.c or mm/show_mem.c: show_free_areas, show_mem), as a global OOM prints it:

    Mem-Info:
    active_anon:69704 inactive_anon:407086 isolated_anon:0
     free:13191 free_pcp:370 free_cma:0
    Node 0 DMA32 free:44672kB min:44696kB low:55868kB … present:2080624kB managed:2014556kB …
    lowmem_reserve[]: 0 0 0 0 0
    Node 0 DMA32: 206*4kB (UME) 305*8kB (UE) … = 44688kB
    Total swap = 524284kB
    524154 pages RAM

Every `name:value` pair is kept under the kernel's own name, so that fields of other kernels need no change here.
"""

from __future__ import annotations

from collections.abc import Callable

from oomforensics.parsers.facts import MemInfo, Zone
from oomforensics.parsers.pattern import compiled

_COUNTERS = compiled(r"^ ?[a-z_]+:\d+(?: [a-z_]+:\d+)*\s*$")
_COUNTER = compiled(r"([a-z_]+):(\d+)")
_ZONE = compiled(r"^(?:Node (\d+) )?(DMA|DMA32|Normal|HighMem|Movable|Device) free:\d")
_NODE = compiled(r"^Node (\d+) (?:active_anon|hugepages_total)[:=]")
_KB_VALUE = compiled(r"(?<![A-Za-z_])([A-Za-z_]+(?:\([a-z]+\))?): ?(-?\d+) ?[kK]B")
_PLAIN_VALUE = compiled(r"(pages_scanned|all_unreclaimable\?) ?:? ?(\w+)")
_RESERVE = compiled(r"^lowmem_reserve\[\]:((?: -?\d+)+)")
_BUDDY = compiled(r"^(?:Node (\d+) )?(DMA|DMA32|Normal|HighMem|Movable|Device): (\d+\*\d+\s?kB.*)= ?\d+kB")
_BUDDY_BLOCK = compiled(r"(\d+)\*(\d+)kB(?: \(([A-Z]+)\))?")
_HUGE = compiled(r"^Node (\d+) hugepages_total=(\d+) hugepages_free=(\d+) hugepages_surp=(\d+) hugepages_size=(\d+)kB")
_PER_CPU = compiled(r"^(?:(?:Node \d+ )?\w+ per-cpu:|CPU +(\d+): (?:.*?usd: *(\d+))?)")

# End-of-report totals -> field of MemInfo.
_PAGES = {
    "pages RAM": "ram_pages",
    "pages HighMem": "highmem_pages",
    "pages cma reserved": "cma_reserved_pages",
    "pages reserved": "reserved_pages",
    "reserved pages": "reserved_pages",
    "pages hwpoisoned": "hwpoisoned_pages",
    "total pagecache pages": "pagecache_pages",
    "pages in swap cache": "swapcache_pages",
}
_PAGES_TOTAL = compiled(rf"^(\d+) ({'|'.join(_PAGES)})")
_PAGES_UNUSED = compiled(r"^\d+ (?:pages (?:shared|non-shared|in pagetable cache)|(?:slab|free) pages)")
_FREE_SWAP = compiled(r"^Free swap +=\s*(\d+)\s*kB")
_TOTAL_SWAP = compiled(r"^Total swap = ?(\d+)\s*kB")


def is_start(text: str) -> bool:
    return text.startswith(("Mem-Info:", "Mem-info:"))


def take(info: MemInfo, text: str, line: int) -> bool:
    """Add what this line says to `info`; False when it is not a line of Mem-Info."""
    first = text[:1]
    if first.isdigit():
        return _take_pages(info, text)
    return any(reader(info, text, line) for reader in _READERS.get(first, _OTHERS))


def _take_pages(info: MemInfo, text: str) -> bool:
    found = _PAGES_TOTAL.match(text)
    if not found:
        return _PAGES_UNUSED.match(text) is not None
    setattr(info, _PAGES[found[2]], int(found[1]))
    return True


def _take_swap(info: MemInfo, text: str, line: int) -> bool:
    if found := _FREE_SWAP.match(text):
        info.free_swap_kb = int(found[1])
    elif found := _TOTAL_SWAP.match(text):
        info.total_swap_kb = int(found[1])
    else:
        return text.startswith("Swap cache stats: ")
    return True


def _take_zone(info: MemInfo, text: str, line: int) -> bool:
    found = _ZONE.match(text)
    if not found:
        return False
    node = int(found[1]) if found[1] else None
    info.zones.append(Zone(line=line, node=node, name=found[2], values=_values(text)))
    return True


def _take_reserve(info: MemInfo, text: str, line: int) -> bool:
    found = _RESERVE.match(text)
    if not found:
        return False
    if info.zones:
        info.zones[-1].lowmem_reserve_pages = [int(value) for value in found[1].split()]
    return True


def _take_buddy(info: MemInfo, text: str, line: int) -> bool:
    found = _BUDDY.match(text)
    if not found:
        return False
    node = int(found[1]) if found[1] else None
    printed = _BUDDY_BLOCK.findall(found[3])
    blocks = {int(size): int(count) for count, size, _ in printed}
    types = {int(size): letters for _, size, letters in printed if letters} or None
    for zone in info.zones:
        if zone.node == node and zone.name == found[2]:
            zone.buddy, zone.buddy_types = blocks, types
            return True
    info.zones.append(Zone(line=line, node=node, name=found[2], values={}, buddy=blocks, buddy_types=types))
    return True


def _take_hugepages(info: MemInfo, text: str, line: int) -> bool:
    found = _HUGE.match(text)
    if not found:
        return False
    names = ("node", "total", "free", "surp", "size_kb")
    info.hugepages.append(dict(zip(names, map(int, found.groups()), strict=True)))
    return True


def _take_node(info: MemInfo, text: str, line: int) -> bool:
    found = _NODE.match(text)
    if not found:
        return False
    info.nodes_kb[int(found[1])] = _values(text)
    return True


def _take_counters(info: MemInfo, text: str, line: int) -> bool:
    if not _COUNTERS.match(text):
        return False
    info.counters_pages.update((name, int(value)) for name, value in _COUNTER.findall(text))
    return True


def _take_per_cpu(info: MemInfo, text: str, line: int) -> bool:
    found = _PER_CPU.match(text)
    if not found:
        return False
    if found[1]:
        info.cpus = max(info.cpus or 0, int(found[1]) + 1)
    if found[2]:
        info.pcp_pages = (info.pcp_pages or 0) + int(found[2])
    return True


def _values(text: str) -> dict[str, int | str]:
    values: dict[str, int | str] = {name: int(value) for name, value in _KB_VALUE.findall(text)}
    values.update((name.rstrip("?"), value) for name, value in _PLAIN_VALUE.findall(text))
    return values


_Readers = tuple[Callable[[MemInfo, str, int], bool], ...]
_OTHERS: _Readers = (_take_counters, _take_per_cpu)
# By what a line begins with. The first counter is active_anon, the others are indented; not all kernels number the nodes.
_READERS: dict[str, _Readers] = {
    **dict.fromkeys(" a", (_take_counters,)),
    "N": (_take_zone, _take_buddy, _take_hugepages, _take_node, _take_per_cpu),
    **dict.fromkeys("DHM", (_take_zone, _take_buddy, _take_per_cpu)),
    "l": (_take_reserve, *_OTHERS),
    **dict.fromkeys("FTS", (_take_swap, _take_per_cpu)),
}
