"""THE table of allocation flags: which bit means what, by kernel.

Kernels up to 4.5 print the bits alone, later ones their names too (%pGg), which are then believed. Sources:
include/linux/gfp.h (since 6.0 gfp_types.h) of the trees named in docs/kernel-eras.md, and the changes named with the rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from oomforensics.kernel.eras import Version

_PRINTED = re.compile(r"^(0x[0-9a-f]{1,16})(?:\(([^()]*)\))?$")

_LOW = ("DMA", "HIGHMEM", "DMA32", "MOVABLE")  # bits 0 to 3 in every kernel


def _bits(text: str) -> dict[int, str]:
    """Names of the bits from 4 on; `-`: no meaning, or one that hangs on the configuration."""
    names = (*_LOW, *text.split())
    return {1 << place: name for place, name in enumerate(names) if name != "-"}


@dataclass(frozen=True, slots=True)
class Layout:
    since: Version
    bits: Mapping[int, str]
    commit: str = ""


# WAIT, up to 4.3, is what DIRECT_RECLAIM and KSWAPD_RECLAIM are together.
LAYOUTS: tuple[Layout, ...] = (
    Layout(
        (2, 6, 24),
        _bits(
            "WAIT HIGH IO FS COLD NOWARN REPEAT NOFAIL NORETRY MEMALLOC COMP ZERO NOMEMALLOC HARDWALL THISNODE RECLAIMABLE"
            " KMEMCG NOTRACK NO_KSWAPD OTHER_NODE WRITE"
        ),
    ),
    Layout(
        (4, 4, 0),
        _bits(
            "RECLAIMABLE HIGH IO FS COLD NOWARN REPEAT NOFAIL NORETRY MEMALLOC COMP ZERO NOMEMALLOC HARDWALL THISNODE ATOMIC"
            " ACCOUNT NOTRACK DIRECT_RECLAIM OTHER_NODE WRITE KSWAPD_RECLAIM"
        ),
        "d0164adc89f6, 016c13daa5c9",
    ),
    Layout(
        (4, 10, 0),
        _bits(
            "RECLAIMABLE HIGH IO FS COLD NOWARN RETRY_MAYFAIL NOFAIL NORETRY MEMALLOC COMP ZERO NOMEMALLOC HARDWALL THISNODE"
            " ATOMIC ACCOUNT NOTRACK DIRECT_RECLAIM WRITE KSWAPD_RECLAIM"
        ),
        "41b6167e8f74",
    ),
    Layout(
        (4, 18, 0),
        _bits(
            "RECLAIMABLE HIGH IO FS WRITE NOWARN RETRY_MAYFAIL NOFAIL NORETRY MEMALLOC COMP ZERO NOMEMALLOC HARDWALL THISNODE"
            " ATOMIC ACCOUNT DIRECT_RECLAIM KSWAPD_RECLAIM"
        ),
    ),
    Layout(
        (5, 0, 0),
        _bits(
            "RECLAIMABLE HIGH IO FS ZERO ATOMIC DIRECT_RECLAIM KSWAPD_RECLAIM WRITE NOWARN RETRY_MAYFAIL NOFAIL NORETRY MEMALLOC"
            " COMP NOMEMALLOC HARDWALL THISNODE ACCOUNT"
        ),
    ),
)

_RECLAIM = frozenset({"DIRECT_RECLAIM", "KSWAPD_RECLAIM"})
_USER = _RECLAIM | {"IO", "FS", "HARDWALL"}
_MOVABLE_USER = _USER | {"HIGHMEM", "MOVABLE"}
# What several flags together are called, the largest first: a name stands for its flags if all of them are there.
_TOGETHER: tuple[tuple[str, frozenset[str]], ...] = (
    ("GFP_TRANSHUGE", (_MOVABLE_USER | {"COMP", "NOMEMALLOC", "NOWARN"}) - {"KSWAPD_RECLAIM"}),
    ("GFP_TRANSHUGE_LIGHT", (_MOVABLE_USER | {"COMP", "NOMEMALLOC", "NOWARN"}) - _RECLAIM),
    ("GFP_HIGHUSER_MOVABLE", _MOVABLE_USER),
    ("GFP_HIGHUSER", _USER | {"HIGHMEM"}),
    ("GFP_USER", _USER),
    ("GFP_KERNEL_ACCOUNT", _RECLAIM | {"IO", "FS", "ACCOUNT"}),
    ("GFP_TEMPORARY", _RECLAIM | {"IO", "FS", "RECLAIMABLE"}),
    ("GFP_KERNEL", _RECLAIM | {"IO", "FS"}),
    ("GFP_NOFS", _RECLAIM | {"IO"}),
    ("GFP_ATOMIC", frozenset({"HIGH", "KSWAPD_RECLAIM"})),
    ("GFP_NOIO", _RECLAIM),
    ("GFP_NOWAIT", frozenset({"KSWAPD_RECLAIM"})),
    ("GFP_DMA32", frozenset({"DMA32"})),
    ("GFP_DMA", frozenset({"DMA"})),
)
_NAMED = dict(_TOGETHER) | {"__GFP_RECLAIM": _RECLAIM, "__GFP_WAIT": _RECLAIM}


@dataclass(frozen=True, slots=True)
class Gfp:
    bits: int
    flags: frozenset[str]  # single ones, without `__GFP_`
    names: tuple[str, ...]  # as the kernel prints them, or would
    unknown_bits: int  # of those that no name was found for

    @property
    def migratetype(self) -> str:
        """Which lists its pages come from (gfp_migratetype)."""
        if "MOVABLE" in self.flags:
            return "movable"
        return "reclaimable" if "RECLAIMABLE" in self.flags else "unmovable"

    @property
    def highest_zone(self) -> str:
        """The highest zone that it may be served from (gfp_zone), if the kernel has all of them."""
        if "DMA" in self.flags:
            return "DMA"
        if "DMA32" in self.flags:
            return "DMA32"
        if "HIGHMEM" in self.flags:
            return "Movable" if "MOVABLE" in self.flags else "HighMem"
        return "Normal"


def layout_of(version: Version) -> Layout:
    return next((row for row in reversed(LAYOUTS) if row.since <= version), LAYOUTS[0])


@cache
def decode(printed: str, version: Version | None) -> Gfp | None:
    """`0x280da` of a kernel that is known, or `0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO)` of any; None: cannot be told."""
    found = _PRINTED.match(printed)
    if found is None:
        return None
    bits = int(found[1], 16)
    if found[2] is not None:
        names = tuple(name for name in found[2].split("|") if name)
        return Gfp(bits, frozenset(_single(names)), names, sum(int(name, 16) for name in names if _is_hex(name)))
    if version is None:
        return None
    flags, unknown = from_bits(bits, version)
    return Gfp(bits, flags, tuple(_names(flags)), unknown)


def from_bits(bits: int, version: Version) -> tuple[frozenset[str], int]:
    """Flags, and the bits without a name."""
    known = layout_of(version).bits
    flags = {name for bit, name in known.items() if bits & bit}
    if "WAIT" in flags:
        flags |= _RECLAIM if "NO_KSWAPD" not in flags else {"DIRECT_RECLAIM"}
    return frozenset(flags - {"WAIT", "NO_KSWAPD"}), bits & ~sum(known)


def _single(names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        if name in _NAMED:
            yield from _NAMED[name]
        elif name.startswith("__GFP_"):
            yield name.removeprefix("__GFP_")


def _is_hex(name: str) -> bool:
    return re.fullmatch(r"0x[0-9a-f]{1,16}", name) is not None


def _names(flags: frozenset[str]) -> Iterator[str]:
    left = flags
    for name, together in _TOGETHER:
        if together <= left:
            yield name
            left -= together
    yield from sorted(f"__GFP_{flag}" for flag in left)
