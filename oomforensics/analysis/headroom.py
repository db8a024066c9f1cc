"""What would have let the failed allocation through: lower bounds, never promises.

The demand may have gone on: a process that grows takes whatever it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from oomforensics.analysis.sizes import Sizes
from oomforensics.kernel.eras import Version
from oomforensics.kernel.gfp import decode
from oomforensics.kernel.watermarks import MAX_ORDER, Request, ZonePages, check, reaches, reserve_of, rules_of, zones_of


class ZoneState(NamedTuple):
    """A zone as Mem-Info prints it, in KiB; `reserve_pages` is its lowmem_reserve."""

    node: int | None
    name: str
    free_kb: int
    min_kb: int
    reserve_pages: Sequence[int]
    free_cma_kb: int = 0


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
    version: Version | None = None  # of the kernel, whose flags and watermarks apply
    has_highmem: bool = False  # pages in HighMem or Movable, which may not be printed

    @property
    def request_kb(self) -> int:
        return (self.sizes.page_size << self._order) // 1024

    @property
    def _order(self) -> int:
        return min(max(self.order or 0, 0), MAX_ORDER)  # a log can say anything

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
        """What this zone lacks for the request; None: it may not serve it."""
        gfp = decode(self.gfp_mask, self.version) if self.gfp_mask else None
        if gfp is None:
            return None
        known = zones_of(
            [one.name for one in self.zones], max(len(one.reserve_pages) for one in self.zones), self.has_highmem
        )
        reach = reaches(known, gfp.highest_zone)
        if zone.name not in known or known.index(zone.name) > known.index(reach):
            return None
        unit = self.sizes.page_size // 1024
        request = Request(self._order, "MOVABLE" in gfp.flags, "HIGH" in gfp.flags)
        pages = ZonePages(zone.free_kb // unit, zone.min_kb // unit, free_cma=zone.free_cma_kb // unit)
        rules = rules_of(self.version or (0, 0, 0))
        return (check(pages, reserve_of(zone.reserve_pages, known, reach), request, rules).needed - pages.free) * unit
