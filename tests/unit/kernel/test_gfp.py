"""Allocation flags: the names that kernels print against the bits that they print beside them, and bits alone by hand."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomforensics.kernel.eras import Version
from oomforensics.kernel.gfp import LAYOUTS, decode, from_bits, layout_of
from oomforensics.kernel.identify import parse_release
from tests.support.samples import corpus_logs, kernel_logs

_LINE = re.compile(rb"gfp_mask=(0x[0-9a-f]+\([^()]*\))")
_STACK = re.compile(rb"Comm: .*? (?:Not tainted|Tainted: [A-Z ]+?) +(\d+\.\d+\.[^ ]+) ")
_BY_CONFIGURATION = ("ZEROTAGS", "SKIP_", "NOLOCKDEP", "NO_OBJ_EXT", "CMA")  # their bits hang on how it was built


def printed_pairs() -> set[tuple[str, Version]]:
    """Flags with their names, and the release that the same report's stack header names."""
    pairs = set()
    for path in [*kernel_logs(), *corpus_logs()]:
        flags = None
        for line in path.read_bytes().split(b"\n"):
            if found := _LINE.search(line):
                flags = found[1].decode()
            elif flags is not None and (stack := _STACK.search(line)):
                version = parse_release(stack[1].decode())
                if version is not None:
                    pairs.add((flags, version))
                flags = None
    return pairs


def test_the_table_names_every_bit_as_real_kernels_do() -> None:
    pairs = printed_pairs()
    assert len(pairs) > 12
    for printed, version in pairs:
        gfp = decode(printed, version)
        assert gfp is not None
        flags, unknown = from_bits(gfp.bits, version)
        by_configuration = {flag for flag in gfp.flags if flag.startswith(_BY_CONFIGURATION)}
        assert flags - by_configuration == gfp.flags - by_configuration, (printed, version, hex(unknown))


@pytest.mark.parametrize(
    ("bits", "version", "names", "zone", "kind"),
    [
        # Worked by hand from include/linux/gfp.h.
        ("0x200da", (2, 6, 32), ("GFP_HIGHUSER_MOVABLE",), "Movable", "movable"),
        ("0x201da", (3, 10, 0), ("GFP_HIGHUSER_MOVABLE", "__GFP_COLD"), "Movable", "movable"),
        ("0x280da", (3, 13, 0), ("GFP_HIGHUSER_MOVABLE", "__GFP_ZERO"), "Movable", "movable"),
        ("0xd0", (4, 3, 0), ("GFP_KERNEL",), "Normal", "unmovable"),
        ("0x50", (3, 16, 0), ("GFP_NOFS",), "Normal", "unmovable"),
        ("0x800d0", (3, 10, 0), ("GFP_TEMPORARY",), "Normal", "reclaimable"),
        ("0xd4", (3, 10, 0), ("GFP_KERNEL", "GFP_DMA32"), "DMA32", "unmovable"),
        ("0xd1", (3, 10, 0), ("GFP_KERNEL", "GFP_DMA"), "DMA", "unmovable"),
        ("0x24200ca", (4, 4, 0), ("GFP_HIGHUSER_MOVABLE",), "Movable", "movable"),
        ("0x24000c0", (4, 5, 0), ("GFP_KERNEL",), "Normal", "unmovable"),
        ("0x14201ca", (4, 10, 0), ("GFP_HIGHUSER_MOVABLE", "__GFP_COLD"), "Movable", "movable"),
        ("0x14000c0", (4, 15, 0), ("GFP_KERNEL",), "Normal", "unmovable"),
        ("0x6000c0", (4, 19, 0), ("GFP_KERNEL",), "Normal", "unmovable"),
        ("0xcc0", (6, 1, 0), ("GFP_KERNEL",), "Normal", "unmovable"),
        ("0x100cc2", (6, 1, 0), ("GFP_HIGHUSER",), "HighMem", "unmovable"),
        ("0x2dc0", (6, 1, 0), ("GFP_KERNEL", "__GFP_NOWARN", "__GFP_ZERO"), "Normal", "unmovable"),
    ],
)
def test_bits_alone(bits: str, version: Version, names: tuple[str, ...], zone: str, kind: str) -> None:
    gfp = decode(bits, version)
    assert gfp is not None
    assert (gfp.names, gfp.highest_zone, gfp.migratetype, gfp.unknown_bits) == (names, zone, kind, 0)


def test_names_are_believed_whatever_the_kernel() -> None:
    gfp = decode("0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO)", None)
    assert gfp is not None
    assert gfp.highest_zone == "Movable"
    assert {"HARDWALL", "DIRECT_RECLAIM", "COMP", "ZERO"} <= gfp.flags
    unnamed = decode("0x8000cc0(GFP_KERNEL|0x8000000)", (6, 1, 0))
    assert unnamed is not None
    assert (unnamed.highest_zone, unnamed.unknown_bits) == ("Normal", 0x8000000)


@pytest.mark.parametrize("printed", ["", "torn", "0x", "0xcc0(GFP_KERNEL", "cc0", "0x" + "f" * 40])
def test_what_is_no_mask_says_nothing(printed: str) -> None:
    assert decode(printed, (6, 1, 0)) is None


def test_bits_alone_say_nothing_without_the_kernel() -> None:
    assert decode("0x280da", None) is None


def test_the_table_goes_on_from_one_kernel_to_the_next() -> None:
    assert [row.since for row in LAYOUTS] == sorted(row.since for row in LAYOUTS)
    for row in LAYOUTS:
        assert len(set(row.bits.values())) == len(row.bits)
        assert all(bit & (bit - 1) == 0 for bit in row.bits)


@given(bits=st.integers(0, 2**64), version=st.tuples(st.integers(2, 9), st.integers(0, 99), st.integers(0, 99)))
def test_no_bit_is_lost(bits: int, version: Version) -> None:
    known = layout_of(version).bits
    flags, unknown = from_bits(bits, version)
    named = {name for bit, name in known.items() if bits & bit} - {"WAIT", "NO_KSWAPD"}
    assert named <= flags
    assert unknown & sum(known) == 0
