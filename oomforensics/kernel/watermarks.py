"""Whether a zone may serve a request, as mm/page_alloc.c (__zone_watermark_ok) decides, by kernel.

    free pages - what the request may not use > watermark min + lowmem_reserve[highest zone of the request]

`min` as Mem-Info prints it includes the boost (5.0+: watermark_boost), printed by itself since 5.16. The watermark is halved
for __GFP_HIGH. Whoever invokes the OOM killer may wait, so of the discounts for those who may not, only the one of a real-time
task is left, and that is not in a report. Before it kills, the kernel tries once more, above the watermark `high`
(__alloc_pages_may_oom: somebody else may have killed in the meantime): what is below that is no memory to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from oomforensics.kernel.eras import Version

# include/linux/mmzone.h: enum zone_type. A kernel is built with some of them; Normal and Movable it always has.
ZONES = ("DMA", "DMA32", "Normal", "HighMem", "Movable", "Device")
MAX_ORDER = 16  # of all kernels and architectures: ARCH_FORCE_MAX_ORDER is at most 15
_ALWAYS = frozenset({"Normal", "Movable"})
_PERHAPS = ("DMA32", "Device", "DMA", "HighMem")  # in which order those without pages are taken to exist
_PCP_TYPES = frozenset("UME")  # MIGRATE_UNMOVABLE, _MOVABLE, _RECLAIMABLE: they fall back on each other


class OrderRule(Enum):
    """When a zone has enough for more than one page."""

    HALVING = "of each order below it, half of the watermark must be free in larger blocks"
    BLOCK = "the watermark for a page, and one block of the order or larger on a list that it may use"


class Highatomic(Enum):
    """What is kept for atomic requests of higher order."""

    NONE = "nothing"
    RESERVED = "nr_reserved_highatomic, whether free or not"
    FREE = "nr_free_highatomic"


@dataclass(frozen=True, slots=True)
class Rules:
    since: Version
    order: OrderRule
    highatomic: Highatomic = Highatomic.NONE
    cma_kept: bool = False  # free CMA pages do not count for what is not movable
    commit: str = ""


RULES: tuple[Rules, ...] = (
    Rules((2, 6, 24), OrderRule.HALVING),
    Rules((3, 7, 0), OrderRule.HALVING, cma_kept=True, commit="d95ea5d18e69"),
    Rules((4, 4, 0), OrderRule.BLOCK, Highatomic.RESERVED, cma_kept=True, commit="97a16fc82a7c, 0aaa29a56e4f"),
    # 6.13, and meant for 6.12's stable series; the patch level is not verified.
    Rules((6, 12, 2), OrderRule.BLOCK, Highatomic.FREE, cma_kept=True, commit="c928807f6f6b"),
)


def rules_of(version: Version) -> Rules:
    return next((row for row in reversed(RULES) if row.since <= version), RULES[0])


@dataclass(frozen=True, slots=True)
class ZonePages:
    """What a zone has, in pages. `blocks`: free blocks by order; `types`: letters of the lists that they are on (3.8+)."""

    free: int
    min: int
    high: int | None = None
    free_cma: int = 0
    reserved_highatomic: int = 0
    free_highatomic: int | None = None  # printed since 6.17
    blocks: Mapping[int, int] | None = None
    types: Mapping[int, str] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    order: int
    movable: bool
    high: bool  # __GFP_HIGH


@dataclass(frozen=True, slots=True)
class Check:
    """`needed`: pages that had to be free, with what is kept from the request. None of `block_ok`: no buddy list."""

    needed: int
    kept_cma: int
    kept_highatomic: int
    pages_ok: bool
    block_ok: bool | None

    @property
    def ok(self) -> bool:
        return self.pages_ok and self.block_ok is not False


def check(zone: ZonePages, reserve: int, request: Request, rules: Rules, mark: int | None = None) -> Check:
    """`mark`: another watermark than `min`."""
    least = zone.min if mark is None else mark
    if request.high:
        least -= least // 2
    cma = zone.free_cma if rules.cma_kept and not request.movable else 0
    highatomic = _kept_highatomic(zone, rules)
    needed = least + reserve + cma + highatomic + (1 << request.order)
    block_ok = True
    if request.order > 0:
        if zone.blocks is None:
            return Check(needed, cma, highatomic, zone.free >= needed, None)
        if rules.order is OrderRule.HALVING:
            block_ok = _halving_ok(zone.blocks, zone.free - cma - (1 << request.order) + 1, least, request.order)
        else:
            block_ok = _has_block(zone, request)
    return Check(needed, cma, highatomic, zone.free >= needed, block_ok)


def _kept_highatomic(zone: ZonePages, rules: Rules) -> int:
    if rules.highatomic is Highatomic.NONE:
        return 0
    if rules.highatomic is Highatomic.RESERVED:
        return zone.reserved_highatomic
    if zone.free_highatomic is not None:
        return zone.free_highatomic
    on_lists = any("H" in letters for letters in (zone.types or {}).values())
    return zone.reserved_highatomic if on_lists else 0


def _halving_ok(blocks: Mapping[int, int], free: int, least: int, order: int) -> bool:
    for lower in range(order):
        free -= blocks.get(lower, 0) << lower
        least >>= 1
        if free <= least:
            return False
    return True


def _has_block(zone: ZonePages, request: Request) -> bool:
    usable = _PCP_TYPES | ({"C"} if request.movable else frozenset())
    for order, count in (zone.blocks or {}).items():
        if order >= request.order and count:
            letters = (zone.types or {}).get(order)
            if letters is None or usable & set(letters):
                return True
    return False


def zones_of(names: Sequence[str], entries: int, has_highmem: bool = False) -> tuple[str, ...]:
    """The zones that a kernel was built with, from those that are printed and the length of lowmem_reserve[].

    Which empty ones there are cannot be seen, and matters little: a zone without pages adds nothing to a reserve. But since
    6.1 those above the request's are not printed: `has_highmem` says that there are pages in HighMem, or in Movable.
    """
    there = {name for name in names if name in ZONES} | _ALWAYS
    highmem_first = has_highmem and not there & {"DMA32", "HighMem"} and "Movable" not in names
    for name in ("HighMem", *_PERHAPS) if highmem_first else _PERHAPS:
        if len(there) < entries:
            there.add(name)
    return tuple(name for name in ZONES if name in there)


def reaches(zones: Sequence[str], asked: str) -> str:
    """The highest zone of this kernel that a request for `asked` may be served from (OPT_ZONE_*: one that is not there is
    Normal; HighMem and Movable lie above it)."""
    if asked in zones:
        return asked
    return "Normal"


def reserve_of(lowmem_reserve: Sequence[int], zones: Sequence[str], reach: str) -> int:
    """Pages that a zone keeps from requests that reach so far."""
    if not lowmem_reserve or reach not in zones:
        return 0
    return max(0, lowmem_reserve[min(list(zones).index(reach), len(lowmem_reserve) - 1)])
