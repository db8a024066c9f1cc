"""Whether a zone has enough, worked by hand from mm/page_alloc.c: __zone_watermark_ok of each time."""

from __future__ import annotations

import pytest

from oomforensics.kernel.watermarks import (
    RULES,
    Highatomic,
    OrderRule,
    Request,
    ZonePages,
    check,
    reaches,
    reserve_of,
    rules_of,
    zones_of,
)

PAGE = Request(0, movable=True, high=False)
HALVING, CMA, BLOCK, FREE = (rules_of(version) for version in ((2, 6, 32), (3, 10, 0), (5, 10, 0), (6, 12, 5)))


def test_a_page_needs_more_than_the_watermark_and_the_reserve() -> None:
    assert not check(ZonePages(free=150, min=100), 50, PAGE, BLOCK).ok
    assert check(ZonePages(free=151, min=100), 50, PAGE, BLOCK).ok
    assert check(ZonePages(free=150, min=100), 50, PAGE, BLOCK).needed == 151


def test_high_priority_may_go_to_half_of_it() -> None:
    high = Request(0, movable=False, high=True)
    assert check(ZonePages(free=52, min=101), 0, high, BLOCK).ok
    assert not check(ZonePages(free=51, min=101), 0, high, BLOCK).ok


def test_free_cma_pages_are_for_movable_ones() -> None:
    zone = ZonePages(free=500, min=100, free_cma=450)
    assert check(zone, 0, PAGE, BLOCK).ok
    kernel = Request(0, movable=False, high=False)
    assert check(zone, 0, kernel, BLOCK).kept_cma == 450
    assert not check(zone, 0, kernel, CMA).ok
    assert check(zone, 0, kernel, HALVING).ok


def test_what_is_kept_for_atomic_requests() -> None:
    """Up to 6.12 all of the reserve, whether free or not: an OOM kill with a gigabyte free (commit c928807f6f6b)."""
    zone = ZonePages(free=370_734, min=102_604, reserved_highatomic=268_288, blocks={0: 370_734}, types={0: "UME"})
    assert check(zone, 0, PAGE, BLOCK).kept_highatomic == 268_288
    assert not check(zone, 0, PAGE, BLOCK).ok
    assert check(zone, 0, PAGE, FREE).ok
    on_lists = ZonePages(free=200, min=100, reserved_highatomic=128, blocks={0: 200}, types={0: "UMEH"})
    assert check(on_lists, 0, PAGE, FREE).kept_highatomic == 128
    printed = ZonePages(free=200, min=100, reserved_highatomic=128, free_highatomic=0, types={0: "UMEH"})
    assert check(printed, 0, PAGE, FREE).kept_highatomic == 0


@pytest.mark.parametrize(
    ("blocks", "ok"),
    [
        # 1000 free, min 100, order 2: 997 - 500 > 50 and 497 - 2 * 200 > 25.
        ({0: 500, 1: 200, 2: 25}, True),
        # 997 - 950 <= 50
        ({0: 950, 1: 0, 2: 12}, False),
        # 997 - 500 > 50, 497 - 2 * 240 <= 25
        ({0: 500, 1: 240, 2: 5}, False),
    ],
)
def test_up_to_4_3_half_must_be_free_of_each_order_above(blocks: dict[int, int], ok: bool) -> None:
    zone = ZonePages(free=1000, min=100, blocks=blocks)
    assert check(zone, 0, Request(2, movable=False, high=False), HALVING).ok is ok


@pytest.mark.parametrize(
    ("types", "movable", "ok"),
    [
        ({2: "U"}, False, True),
        ({2: "M"}, False, True),  # it falls back
        ({2: "C"}, False, False),
        ({2: "C"}, True, True),
        ({2: "H"}, False, False),
        ({2: "I"}, True, False),
        ({2: "CH"}, False, False),
        (None, False, True),
    ],
)
def test_since_4_4_one_block_on_a_list_that_it_may_use(types: dict[int, str] | None, movable: bool, ok: bool) -> None:
    zone = ZonePages(free=1000, min=100, blocks={0: 900, 1: 48, 2: 1}, types=types)
    found = check(zone, 0, Request(2, movable, high=False), BLOCK)
    assert (found.pages_ok, found.block_ok, found.ok) == (True, ok, ok)
    assert not check(zone, 0, Request(3, movable, high=False), BLOCK).ok


def test_without_a_buddy_list_blocks_are_not_known() -> None:
    found = check(ZonePages(free=1000, min=100), 0, Request(2, movable=True, high=False), BLOCK)
    assert (found.block_ok, found.ok) == (None, True)


@pytest.mark.parametrize(
    ("names", "entries", "highmem", "zones"),
    [
        (("DMA", "DMA32", "Normal"), 5, False, ("DMA", "DMA32", "Normal", "Movable", "Device")),  # x86_64, 4.3+
        (("DMA", "DMA32"), 5, False, ("DMA", "DMA32", "Normal", "Movable", "Device")),
        (("DMA", "DMA32", "Normal"), 4, False, ("DMA", "DMA32", "Normal", "Movable")),  # x86_64 before
        (("DMA", "Normal", "HighMem"), 4, True, ("DMA", "Normal", "HighMem", "Movable")),  # i386
        (("DMA", "Normal"), 4, True, ("DMA", "Normal", "HighMem", "Movable")),  # HighMem left out since 6.0
        (("DMA",), 4, False, ("DMA", "DMA32", "Normal", "Movable")),  # arm64
        (("Normal", "Movable"), 3, False, ("DMA32", "Normal", "Movable")),
        ((), 0, False, ("Normal", "Movable")),
    ],
)
def test_the_zones_that_a_kernel_was_built_with(
    names: tuple[str, ...], entries: int, highmem: bool, zones: tuple[str, ...]
) -> None:
    assert zones_of(names, entries, highmem) == zones


def test_a_zone_that_the_kernel_has_not_is_normal_memory() -> None:
    """gfp_zone(): OPT_ZONE_DMA, OPT_ZONE_DMA32 and OPT_ZONE_HIGHMEM are ZONE_NORMAL then."""
    assert reaches(("DMA", "DMA32", "Normal", "Movable"), "HighMem") == "Normal"
    assert reaches(("Normal", "Movable"), "DMA") == "Normal"
    assert reaches(("Normal", "HighMem", "Movable"), "Movable") == "Movable"


def test_the_reserve_is_the_entry_of_the_highest_zone() -> None:
    zones = ("DMA", "DMA32", "Normal", "Movable", "Device")
    assert [reserve_of((0, 1948, 3853, 3853, 3853), zones, zone) for zone in zones[:4]] == [0, 1948, 3853, 3853]
    assert reserve_of((), zones, "Normal") == 0
    assert reserve_of((0, -5), zones, "Movable") == 0


def test_the_rules_go_on_from_one_kernel_to_the_next() -> None:
    assert [row.since for row in RULES] == sorted(row.since for row in RULES)
    assert rules_of((4, 3, 9)).order is OrderRule.HALVING
    assert rules_of((4, 4, 0)).order is OrderRule.BLOCK
    assert rules_of((6, 12, 1)).highatomic is Highatomic.RESERVED
    assert rules_of((6, 12, 2)).highatomic is Highatomic.FREE
    assert rules_of((2, 6, 9)) is RULES[0]
