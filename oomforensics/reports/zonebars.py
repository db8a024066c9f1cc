"""Each zone of memory against the failed request, as a bar with its watermarks, and its free blocks by order.

A bar has its zone's own scale, since one may be a thousand times as large as another: up to what is free or needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from oomforensics.reports import memory, units
from oomforensics.reports.load import IncidentPage, ZoneRow

_ORDINARY = "UME"  # unmovable, movable, reclaimable; not kept for atomic requests (H), CMA (C) or isolated (I)
_CMA = "C"
_ROOM = 1.06  # so that the last stroke is seen


@dataclass(frozen=True, slots=True)
class Stroke:
    """A watermark on the bar: what it is called, how much it is, and where it stands from 0 to 100."""

    key: str  # min | low | high | needed
    kb: int
    at: float


@dataclass(frozen=True, slots=True)
class Bar:
    zone: ZoneRow
    name: str
    free: float  # 0 to 100, without CMA
    cma: float
    strokes: tuple[Stroke, ...]
    told: str


@dataclass(frozen=True, slots=True)
class Count:
    """`kinds`: the letters that the kernel prints beside, of the lists that hold one (show_migration_types(), mm/show_mem.c)."""

    order: int
    number: int
    kinds: str
    serves: bool  # large enough, and on a list that an ordinary request may take from


@dataclass(frozen=True, slots=True)
class Blocks:
    """Free blocks of a zone, by order."""

    name: str
    counts: tuple[Count, ...]


def bars(page: IncidentPage) -> list[Bar]:
    """Those that the request might use first, as printed."""
    if page.allocation is None:
        return []
    zones = sorted(page.allocation.zones, key=lambda zone: zone.usable is False)
    return [bar for bar in map(_bar, zones) if bar is not None]


def _bar(zone: ZoneRow) -> Bar | None:
    if zone.free_kb is None:
        return None
    marks = {"min": zone.min_kb, "low": zone.low_kb, "high": zone.high_kb, "needed": zone.needed_kb}
    known = {key: kb for key, kb in marks.items() if kb is not None}
    full = max([zone.free_kb, *known.values(), 1]) * _ROOM
    cma = min(zone.free_cma_kb or 0, zone.free_kb)
    return Bar(
        zone, memory.zone_cells(zone)[0], 100 * (zone.free_kb - cma) / full, 100 * cma / full,
        tuple(Stroke(key, kb, 100 * kb / full) for key, kb in known.items()), _told(zone, known),
    )  # fmt: skip


def _told(zone: ZoneRow, known: dict[str, int]) -> str:
    parts = [f"{units.kb(zone.free_kb)} free"]
    if zone.free_cma_kb:
        parts[0] += f", of it {units.kb(zone.free_cma_kb)} for movable pages only"
    parts += [f"{key} {units.kb(kb)}" for key, kb in known.items()]
    if zone.reserve_kb:
        parts.append(f"lowmem_reserve {units.kb(zone.reserve_kb)}")
    return "; ".join(parts)


def blocks(page: IncidentPage) -> list[Blocks]:
    """Of the zones that the request might use, where the kernel printed their lists."""
    return list(_blocks(page))


def _blocks(page: IncidentPage) -> Iterator[Blocks]:
    asked = page.allocation.order_asked if page.allocation else None
    if page.allocation is None or page.meminfo is None or not page.page_size:
        return
    usable = {(zone.node, zone.zone) for zone in page.allocation.zones if zone.usable is not False}
    for zone in page.meminfo.get("zones") or ():
        if (zone["node"], zone["name"]) not in usable or not zone.get("buddy"):
            continue
        sizes = sorted((int(kb) * 1024 // page.page_size, count) for kb, count in zone["buddy"].items())
        name = zone["name"] if zone["node"] is None else f"{zone['name']}, node {zone['node']}"
        kinds = {int(kb) * 1024 // page.page_size: letters for kb, letters in (zone.get("buddy_types") or {}).items()}
        lists = _ORDINARY + (_CMA if page.allocation.migratetype == "movable" else "")
        counts = []
        for pages, number in sizes:
            letters = kinds.get(pages, "")
            large = asked is not None and pages >= 1 << max(asked, 0)
            counts.append(Count(pages.bit_length() - 1, number, letters, large and number > 0 and _any(letters, lists)))
        yield Blocks(name, tuple(counts))


def _any(letters: str, lists: str) -> bool:
    """Kernels before 3.10 print no letters."""
    return not letters or any(letter in lists for letter in letters)


def orders(shown: list[Blocks]) -> list[int]:
    """All orders that some zone lists."""
    return sorted({count.order for one in shown for count in one.counts})
