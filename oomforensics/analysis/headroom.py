"""What would have let the failed allocation through: lower bounds, never promises.

The demand may have gone on: a process that grows takes whatever it is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from oomforensics.analysis.sizes import Sizes

# Zones in the kernel's order (include/linux/mmzone.h), and which requests reach how far.
_ZONES = ("DMA", "DMA32", "Normal", "HighMem", "Movable")
_REACH = (
    (re.compile(r"HIGHUSER|__GFP_HIGHMEM|MOVABLE"), "Movable"),
    (re.compile(r"GFP_DMA32"), "DMA32"),
    (re.compile(r"GFP_DMA\b"), "DMA"),
)
_HEX_REACH = ((0x2 | 0x8, "Movable"), (0x4, "DMA32"), (0x1, "DMA"))  # ___GFP_HIGHMEM, _MOVABLE, _DMA32, _DMA


class ZoneState(NamedTuple):
    """A zone as Mem-Info prints it, in KiB; `reserve_pages` is its lowmem_reserve."""

    node: int | None
    name: str
    free_kb: int
    min_kb: int
    reserve_pages: Sequence[int]


@dataclass(frozen=True, slots=True)
class Bound:
    """`what` would have had to be at least this many bytes, or this many more (`is_growth`)."""

    what: str
    at_least_bytes: int
    is_growth: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Shortage:
    """What the report says of the failed allocation. KiB where it says kB; None: not printed."""

    sizes: Sizes
    gfp_mask: str | None
    order: int | None
    usage_kb: int | None = None
    limit_kb: int | None = None
    memsw_usage_kb: int | None = None
    memsw_limit_kb: int | None = None
    swap_usage_kb: int | None = None
    swap_limit_kb: int | None = None
    free_swap_kb: int | None = None
    zones: tuple[ZoneState, ...] = ()

    @property
    def request_kb(self) -> int:
        return (self.sizes.page_size << max(self.order or 0, 0)) // 1024

    def bounds(self) -> list[Bound]:
        """Empty where nothing in the report bounds it."""
        return list(self._of_cgroup() if self.sizes.is_memcg else self._of_machine())

    def _of_cgroup(self) -> Iterator[Bound]:
        asked = f"and {self.request_kb} KiB more were asked for"
        kinds = (
            ("the memory limit", self.usage_kb, self.limit_kb),
            ("the memory+swap limit", self.memsw_usage_kb, self.memsw_limit_kb),
        )
        for what, usage, limit in kinds:
            if usage is not None and limit is not None and usage + self.request_kb > limit:
                yield Bound(what, (usage + self.request_kb) * 1024, False, f"{usage} KiB were in use, {asked}")
        usage, limit = self.swap_usage_kb, self.swap_limit_kb
        if usage is not None and limit is not None and usage >= limit:
            reason = (
                f"all of the {limit} KiB allowed were in use; anonymous pages could have been swapped out beyond it"
            )
            yield Bound("the swap limit", (limit + self.request_kb) * 1024, False, reason)

    def _of_machine(self) -> Iterator[Bound]:
        missing = [kb for kb in map(self._missing_kb, self.zones) if kb is not None]
        if not missing or min(missing) <= 0:
            return
        short = min(missing)
        reason = f"no zone that may serve the request had its min watermark and {self.request_kb} KiB free"
        yield Bound("memory", short * 1024, True, reason)
        if self.free_swap_kb == 0:
            yield Bound("swap", short * 1024, True, "swap was full or there was none; " + reason)

    def _missing_kb(self, zone: ZoneState) -> int | None:
        """What this zone lacks for the request (mm/page_alloc.c: __zone_watermark_ok); None: it may not serve it."""
        reach = _reach(self.gfp_mask)
        if reach is None or zone.name not in _ZONES or _ZONES.index(zone.name) > _ZONES.index(reach):
            return None
        reserve_kb = self._reserve_pages(zone, reach) * self.sizes.page_size // 1024
        return zone.min_kb + reserve_kb + self.request_kb - zone.free_kb

    def _reserve_pages(self, zone: ZoneState, reach: str) -> int:
        """The zone's lowmem_reserve against the request. The array has an entry for each kind of zone the kernel knows."""
        known = [name for name in _ZONES if name in {one.name for one in self.zones} or name in ("Normal", "Movable")]
        place = known.index(reach) if reach in known else len(known) - 1
        entries = zone.reserve_pages
        return entries[min(place, len(entries) - 1)] if entries else 0


def _reach(gfp_mask: str | None) -> str | None:
    """The highest zone that the request may use; None where its flags are not known."""
    if not gfp_mask:
        return None
    for pattern, zone in _REACH:
        if pattern.search(gfp_mask):
            return zone
    if "(" in gfp_mask:
        return "Normal"
    try:
        bits = int(gfp_mask, 16)
    except ValueError:
        return None
    return next((zone for mask, zone in _HEX_REACH if bits & mask), "Normal")
