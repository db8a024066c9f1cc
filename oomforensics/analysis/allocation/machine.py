"""The page allocator refused: what was there for the request, and what was where it could not be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from oomforensics.amounts import percent, size
from oomforensics.analysis.allocation.model import Cause
from oomforensics.analysis.allocation.zones import Judged, Use
from oomforensics.analysis.model import Scope
from oomforensics.analysis.scene import Scene
from oomforensics.kernel.watermarks import Request
from oomforensics.parsers.facts import MemInfo

_MUCH = 0.02  # of a zone's or node's memory: free memory elsewhere that is more than a watermark's worth
_MUCH_OF_A_NODE = 0.1  # of nodes whose watermarks are not printed
_DMA_BYTES = 16 << 20  # what a zone DMA has at most on a PC
_KEPT_LISTS = {"C": "for movable pages only (CMA)", "H": "for atomic requests"}  # letters of the buddy list
_SWAP_LEFT = 0.01  # of total swap: below it swap is full, for its last pages are not found by every CPU


class Answer(NamedTuple):
    cause: Cause
    text: str
    also: tuple[Cause, ...] = ()


def why(
    scene: Scene, info: MemInfo, zones: Sequence[Judged], request: Request, reach: str, nodes: frozenset[int] | None,
    page_size: int,
) -> Answer:  # fmt: skip
    usable = [zone for zone in zones if zone.use is Use.YES]
    asked = size(page_size << request.order)
    if not usable:
        higher = _in_higher_zones(zones, page_size)
        if higher is None or scene.scope not in (Scope.CPUSET, Scope.MEMPOLICY):
            return Answer(
                Cause.UNKNOWN, "Why the allocation failed is not known: no zone that it may use is in the report."
            )
        text = (
            f"No memory in the right zone for {asked}: of the allowed nodes{_names(nodes)} the report has no zone that it may"
            f" use, while {higher}."
        )
        return Answer(Cause.WRONG_ZONE, text)
    swap = tuple(_swap(scene, info))
    passing = [zone for zone in usable if zone.last_try is not None and zone.last_try.ok]
    if any(zone.last_try is not None and zone.last_try.block_ok for zone in passing):
        return Answer(Cause.RECLAIM_GAVE_UP, _late(passing, asked, page_size), swap)
    if passing:
        text = f"Why the allocation failed is not known: there was enough, and the list of blocks, of which one of {asked} was"
        return Answer(Cause.UNKNOWN, f"{text} asked for, is lost.", swap)
    also = (*_kept(usable, page_size), *swap)
    single = any(zone.one_page is not None and zone.one_page.ok for zone in usable)
    in_blocks = any(zone.check is not None and zone.check.ok for zone in usable)
    if request.order > 0 and single and not in_blocks:
        return Answer(Cause.FRAGMENTATION, _fragmented(usable, request, asked), also)
    short = _short(usable, page_size)
    hidden = _hidden(info, zones, page_size)
    bound = scene.scope in (Scope.CPUSET, Scope.MEMPOLICY)
    other = _on_other_nodes(zones, page_size) or (hidden if bound else None)
    if other is not None and nodes is not None:
        had = f"other nodes had {size(other)} free"
        text = f"No memory on the allowed nodes{_names(nodes)} for {asked}: {short}, while {had}."
        return Answer(Cause.NODE_EXHAUSTED, text, also)
    higher = _in_higher_zones(zones, page_size)
    if higher is None and hidden is not None and not bound and reach != "Movable":
        higher = f"{size(hidden)} were free in zones above {reach}, which it may not use and the report leaves out"
    if higher is not None:
        return Answer(Cause.WRONG_ZONE, f"No memory in the right zone for {asked}: {short}, while {higher}.", also)
    if Cause.CMA_RESERVE in also:
        cma = sum(zone.check.kept_cma for zone in usable if zone.check is not None) * page_size
        text = (
            f"No memory of the right kind for {asked}: {short}, and {size(cma)} of it are for movable pages only (CMA)."
        )
        return Answer(Cause.WRONG_ZONE, text, also)
    return Answer(Cause.NOT_ENOUGH_MEMORY, f"Not enough memory for {asked}: {short}{_swap_words(also, info)}.", also)


def _short(usable: Sequence[Judged], page_size: int) -> str:
    """What the zones that it may use had free, and what they keep of it."""
    pages = [zone.zone for zone in usable if zone.zone is not None]
    checks = [zone.check for zone in usable if zone.check is not None]
    free = size(sum(one.free for one in pages) * page_size)
    reserve = sum(zone.row.reserve_kb or 0 for zone in usable if zone.size_kb) * 1024
    kept = [
        f"{size(count)} {what}"
        for count, what in (
            (sum(one.min for one in pages) * page_size, "of watermarks"),
            (reserve, "of lowmem_reserve"),
            (sum(one.kept_highatomic for one in checks) * page_size, "for atomic requests"),
        )
        if count
    ]
    near = max(
        (zone.zone.free - zone.check.needed for zone in usable if zone.zone and zone.check and zone.check.ok),
        default=-1,
    )
    if near >= 0:
        return (
            f"the zones that it may use had {free} free, at best {size(near * page_size)} above the watermark, and not above"
            " `high`, which the kernel's last try before it kills asks for"
        )
    return f"the zones that it may use had {free} free, in none of them enough: they keep {', '.join(kept)}"


def _late(passing: Sequence[Judged], asked: str, page_size: int) -> str:
    best = max(passing, key=_spare)
    where = best.row.zone if best.row.node is None else f"{best.row.zone} of node {best.row.node}"
    return (
        f"There was room for {asked} when the report was printed: zone {where} had {size(_spare(best) * page_size)} more than"
        " even its watermark `high` asks for. The kernel had given up on reclaim before, or memory came back in between."
    )


def _spare(zone: Judged) -> int:
    return zone.zone.free - zone.last_try.needed if zone.zone is not None and zone.last_try is not None else 0


def _fragmented(usable: Sequence[Judged], request: Request, asked: str) -> str:
    roomiest = max(usable, key=lambda zone: zone.row.largest_free_kb or 0)
    largest = roomiest.row.largest_free_kb or 0
    return (
        f"Memory was in pieces: {asked} in one piece (order {request.order}) was asked for; zones that it may use had enough free"
        f" for single pages, but no such block that it may take (the largest free one has {size(largest * 1024)}"
        f"{_kept_for_others(roomiest, request)})."
    )


def _kept_for_others(zone: Judged, request: Request) -> str:
    """On which lists the zone's largest blocks are, where they were large enough and all of them are kept."""
    types = zone.zone.types if zone.zone is not None else None
    order = max((order for order, count in (zone.zone.blocks or {}).items() if count), default=0) if zone.zone else 0
    letters = (types or {}).get(order, "")
    if order < request.order or not letters or set(letters) - _KEPT_LISTS.keys():
        return ""
    lists = " and ".join(_KEPT_LISTS[letter] for letter in letters)
    return f", on {'a list' if len(letters) == 1 else 'lists'} {lists}"


def _names(nodes: frozenset[int] | None) -> str:
    return "" if not nodes else f" ({', '.join(map(str, sorted(nodes)))})"


def _kept(usable: Sequence[Judged], page_size: int) -> Iterator[Cause]:
    """Reserves without which a zone would have had enough, if that is much of the memory there."""
    managed = sum(zone.size_kb for zone in usable) * 1024 // page_size
    held = {Cause.HIGHATOMIC_RESERVE: 0, Cause.CMA_RESERVE: 0, Cause.LOWMEM_RESERVE: 0}
    for zone in usable:
        if zone.zone is None or zone.check is None or zone.check.pages_ok:
            continue
        lacking = zone.check.needed - zone.zone.free
        reserve = (zone.row.reserve_kb or 0) * 1024 // page_size
        for cause, kept in zip(held, (zone.check.kept_highatomic, zone.check.kept_cma, reserve), strict=True):
            held[cause] += min(kept, zone.zone.free) if kept >= lacking else 0
    return (cause for cause, pages in held.items() if pages > managed * _MUCH)


def _on_other_nodes(zones: Sequence[Judged], page_size: int) -> int | None:
    """Free bytes on nodes that are printed and not allowed, if that is much."""
    other = [zone for zone in zones if zone.use is Use.OTHER_NODE and zone.zone is not None]
    roomy = [zone.zone.free for zone in other if zone.zone is not None and _is_roomy(zone)]
    return sum(roomy) * page_size if roomy else None


def _hidden(info: MemInfo, zones: Sequence[Judged], page_size: int) -> int | None:
    """Free bytes in what Mem-Info leaves out (nodes that a cpuset or mempolicy does not allow, and since 6.1 zones above the
    request's), if that is much: what the zones leave of the count of all. A zone DMA is not used up in any case."""
    total, ram = info.counters_pages.get("free"), info.ram_pages
    present = sum(kb for zone in info.zones if isinstance(kb := zone.values.get("present"), int)) * 1024 // page_size
    shown = sum(zone.zone.free for zone in zones if zone.zone is not None)
    if total is None or not ram or ram <= present:
        return None
    free = total - shown
    dma = 0 if any(zone.row.zone == "DMA" for zone in zones) else _DMA_BYTES // page_size
    return free * page_size if free - dma > (ram - present) * _MUCH_OF_A_NODE else None


def _is_roomy(zone: Judged) -> bool:
    least = (zone.row.high_kb or zone.row.min_kb or 0) + zone.size_kb * _MUCH
    return (zone.row.free_kb or 0) > least


def _in_higher_zones(zones: Sequence[Judged], page_size: int) -> str | None:
    roomy = [zone for zone in zones if zone.use is Use.HIGHER and zone.zone is not None and _is_roomy(zone)]
    if not roomy:
        return None
    free = sum(zone.zone.free for zone in roomy if zone.zone is not None) * page_size
    names = sorted({zone.row.zone for zone in roomy})
    return f"{size(free)} were free in {' and '.join(names)}, which it may not use"


def _swap(scene: Scene, info: MemInfo) -> Iterator[Cause]:
    total, free = info.total_swap_kb, info.free_swap_kb
    swappiness = scene.number("sysctl", "vm.swappiness")
    if total == 0 or (total is None and info.pagecache_pages is not None and info.ram_pages is not None):
        yield Cause.NO_SWAP
    elif total and free is not None and free < total * _SWAP_LEFT:
        yield Cause.SWAP_FULL
    elif total and swappiness == 0:
        yield Cause.SWAP_FORBIDDEN


def _swap_words(also: Sequence[Cause], info: MemInfo) -> str:
    if Cause.NO_SWAP in also:
        return "; there is no swap"
    total, free = info.total_swap_kb or 0, info.free_swap_kb or 0
    if Cause.SWAP_FULL in also:
        return f"; swap was full ({size(free * 1024)} of {size(total * 1024)} free)"
    if total:
        left = f"{percent(free, total)} of {size(total * 1024)} free"
        return f"; swap was not full ({left}): what there was could not be swapped out in time, or at all"
    return ""
