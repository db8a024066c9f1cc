"""Each zone of Mem-Info against the request: may it use the zone, and had the zone enough."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from oomforensics.amounts import size
from oomforensics.analysis.allocation.model import ZoneCheck
from oomforensics.kernel.watermarks import (
    Check,
    Request,
    Rules,
    ZonePages,
    check,
    reserve_of,
    zones_of,
)
from oomforensics.parsers.facts import MemInfo, Zone


class Use(Enum):
    """Whether a request may be served from a zone."""

    YES = "yes"
    HIGHER = "higher"  # it lies above the highest zone that the request may use
    OTHER_NODE = "other node"
    UNKNOWN = "unknown"  # the line of the zone, or the flags, are lost


class Judged(NamedTuple):
    use: Use
    check: Check | None  # against the order that was asked for
    one_page: Check | None  # against a single page
    last_try: Check | None  # against the order, above the watermark `high`
    zone: ZonePages | None
    size_kb: int  # managed, or before 3.8 present; 0: not printed
    row: ZoneCheck


def judge(
    info: MemInfo, page_size: int, request: Request, reach: str | None, nodes: frozenset[int] | None, rules: Rules
) -> list[Judged]:
    """`reach`: the highest zone of the request; None: not known. `nodes`: those it may use; None: all."""
    known = built_with(info)
    return [_judged(zone, page_size, request, known, reach, nodes, rules) for zone in info.zones]


def built_with(info: MemInfo) -> tuple[str, ...]:
    """The zones that this kernel was built with, whether they have pages or not."""
    entries = max((len(zone.lowmem_reserve_pages or ()) for zone in info.zones), default=0)
    return zones_of([zone.name for zone in info.zones], entries, bool(info.highmem_pages))


def _judged(
    zone: Zone, page_size: int, request: Request, known: Sequence[str], reach: str | None, nodes: frozenset[int] | None,
    rules: Rules,
) -> Judged:  # fmt: skip
    pages = _pages(zone, page_size)
    use = _use(zone, known, reach, nodes, pages)
    reserve = reserve_of(zone.lowmem_reserve_pages or (), known, reach) if reach is not None else 0
    found = None if pages is None else check(pages, reserve, request, rules)
    single = None if pages is None else check(pages, reserve, Request(0, request.movable, request.high), rules)
    last = None
    if pages is not None and pages.high is not None:
        last = check(pages, reserve, Request(request.order, request.movable, high=False), rules, pages.high)
    unit = page_size // 1024
    row = ZoneCheck(
        node=zone.node,
        zone=zone.name,
        usable={Use.YES: True, Use.UNKNOWN: None}.get(use, False),
        reason=_reason(use, pages, found, last, reserve, request, page_size, reach, rules),
        managed_kb=_kb(zone, "managed"),
        free_kb=_kb(zone, "free"),
        free_cma_kb=_kb(zone, "free_cma"),
        boost_kb=_kb(zone, "boost"),
        min_kb=_kb(zone, "min"),
        low_kb=_kb(zone, "low"),
        high_kb=_kb(zone, "high"),
        reserve_kb=reserve * unit if reach is not None and zone.lowmem_reserve_pages else None,
        needed_kb=found.needed * unit if found is not None and use is Use.YES else None,
        largest_free_kb=max((kb for kb, count in zone.buddy.items() if count), default=0) if zone.buddy else None,
        line=zone.line,
    )
    size_kb = _kb(zone, "managed") or _kb(zone, "present") or 0
    return Judged(use, found, single, last, pages, size_kb, row)


def _use(
    zone: Zone, known: Sequence[str], reach: str | None, nodes: frozenset[int] | None, pages: ZonePages | None
) -> Use:
    if nodes is not None and zone.node is not None and zone.node not in nodes:
        return Use.OTHER_NODE
    if zone.name == "Device" or (reach is not None and known.index(zone.name) > known.index(reach)):
        return Use.HIGHER
    return Use.UNKNOWN if reach is None or pages is None else Use.YES


def _kb(zone: Zone, name: str) -> int | None:
    value = zone.values.get(name)
    return value if isinstance(value, int) else None


def _pages(zone: Zone, page_size: int) -> ZonePages | None:
    def pages(name: str) -> int | None:
        kb = _kb(zone, name)
        return None if kb is None else kb * 1024 // page_size

    free, least = pages("free"), pages("min")
    if free is None or least is None:
        return None
    orders = {kb: (kb * 1024 // page_size).bit_length() - 1 for kb in zone.buddy or {}}
    return ZonePages(
        free=free,
        min=least,
        high=pages("high"),
        free_cma=pages("free_cma") or 0,
        reserved_highatomic=pages("reserved_highatomic") or 0,
        free_highatomic=pages("free_highatomic"),
        blocks=None if zone.buddy is None else {orders[kb]: count for kb, count in zone.buddy.items()},
        types=None
        if zone.buddy_types is None
        else {orders[kb]: one for kb, one in zone.buddy_types.items() if kb in orders},
    )


def _reason(
    use: Use, pages: ZonePages | None, found: Check | None, last: Check | None, reserve: int, request: Request,
    page_size: int, reach: str | None, rules: Rules,
) -> str:  # fmt: skip
    if use is Use.OTHER_NODE:
        return "on a node that the request may not use"
    if use is Use.HIGHER:
        return f"above {reach}, the highest zone that the request may use"
    if pages is None or found is None:
        return "its line is lost"
    if use is Use.UNKNOWN:
        return "the flags of the request are not known"
    if not found.pages_ok:
        return f"{size((found.needed - pages.free) * page_size)} too little free{_kept(found, reserve, page_size)}"
    if found.block_ok is None:
        return "enough free; the list of its blocks is lost"
    if not found.block_ok:
        return f"enough free, but no block of order {request.order} that it may use: {rules.order.value}"
    above = f"{size((pages.free - found.needed) * page_size)} above what was needed"
    if last is not None and not last.ok:
        return f"{above}, and not above `high`, which the last try before a kill asks for"
    return f"enough: {above}"


def _kept(found: Check, reserve: int, page_size: int) -> str:
    kept = [
        f"{size(count * page_size)} {what}"
        for count, what in (
            (reserve, "by lowmem_reserve"),
            (found.kept_cma, "for movable pages (CMA)"),
            (found.kept_highatomic, "for atomic requests"),
        )
        if count
    ]
    return f"; kept from it: {', '.join(kept)}" if kept else ""
