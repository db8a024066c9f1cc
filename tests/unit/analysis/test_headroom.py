"""Lower bounds of what would have let an allocation through."""

from __future__ import annotations

import pytest

from oomforensics.analysis.headroom import Bound, Shortage, ZoneState
from oomforensics.analysis.model import Scope
from oomforensics.analysis.sizes import Sizes

MOVABLE = "0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP)"
KERNEL = "0xcc0(GFP_KERNEL)"


def machine(gfp: str | None, *zones: ZoneState, order: int = 0, free_swap_kb: int | None = 0) -> list[Bound]:
    sizes = Sizes(Scope.GLOBAL, 4096, 50_000, total_swap=0)
    return Shortage(sizes, gfp, order, free_swap_kb=free_swap_kb, zones=zones, version=(3, 10, 0)).bounds()


def memcg(**more: int) -> list[Bound]:
    return Shortage(Sizes(Scope.MEMCG, 4096, 50_000, limit=50_000), MOVABLE, 0, **more).bounds()  # type: ignore[arg-type]


def test_a_cgroup_at_its_limit_needed_the_request_more() -> None:
    (bound,) = memcg(usage_kb=49_152, limit_kb=49_152)
    assert (bound.what, bound.at_least_bytes, bound.is_growth) == ("the memory limit", 49_156 * 1024, False)


def test_the_limit_that_stood_in_the_way_is_the_one_named() -> None:
    (bound,) = memcg(usage_kb=20_000, limit_kb=49_152, memsw_usage_kb=60_000, memsw_limit_kb=60_000)
    assert bound.what == "the memory+swap limit"
    assert [one.what for one in memcg(usage_kb=100, limit_kb=100, swap_usage_kb=8, swap_limit_kb=8)] == [
        "the memory limit", "the swap limit",
    ]  # fmt: skip
    assert memcg(usage_kb=100, limit_kb=49_152) == []


def test_the_zone_that_lacked_least_bounds_the_machine() -> None:
    dma = ZoneState(0, "DMA", 600, 500, (0, 100, 100, 100))
    dma32 = ZoneState(0, "DMA32", 3_000, 4_000, (0, 0, 0, 0))
    swap, memory = sorted(machine(MOVABLE, dma, dma32), key=lambda bound: bound.what, reverse=True)
    # DMA: 500 + 100 pages * 4 KiB + 4 - 600
    assert (memory.what, memory.at_least_bytes, memory.is_growth) == ("memory", 304 * 1024, True)
    assert (swap.what, swap.at_least_bytes) == ("swap", 304 * 1024)
    assert [one.what for one in machine(MOVABLE, dma, dma32, free_swap_kb=77)] == ["memory"]
    assert machine(MOVABLE, dma32, order=4)[0].at_least_bytes == 1_064 * 1024


def test_a_zone_that_the_request_may_not_use_bounds_nothing() -> None:
    high = ZoneState(0, "HighMem", 900_000, 500, ())
    normal = ZoneState(0, "Normal", 100, 500, ())
    assert machine(MOVABLE, high, normal) == []
    assert machine(KERNEL, high, normal)[0].at_least_bytes == 404 * 1024
    assert machine("0xd0", high, normal)[0].at_least_bytes == 404 * 1024
    assert machine("0x201da", high, normal) == []


def test_movable_alone_reaches_no_higher_than_normal() -> None:
    """gfp_zone(): the Movable zone is for what may lie in highmem too."""
    zones = ZoneState(0, "Movable", 900_000, 500, ()), ZoneState(0, "Normal", 100, 500, ())
    assert machine("0x2dc0(GFP_KERNEL|__GFP_MOVABLE)", *zones)[0].at_least_bytes == 404 * 1024


def test_free_cma_pages_are_no_memory_to_what_is_not_movable() -> None:
    zone = ZoneState(0, "Normal", 5_000, 500, (), free_cma_kb=4_800)
    assert machine(MOVABLE, zone) == []
    assert machine(KERNEL, zone)[0].at_least_bytes == (500 + 4_800 + 4 - 5_000) * 1024


def test_the_reserve_is_that_of_the_zone_asked_for_where_highmem_is_not_printed() -> None:
    """lowmem_reserve[] of DMA on i386: against DMA, Normal, HighMem, Movable; since 6.0 a report of GFP_KERNEL ends at Normal."""
    zones = ZoneState(None, "DMA", 100, 500, (0, 10, 20, 20)), ZoneState(None, "Normal", 100, 900, (0, 0, 64, 64))
    sizes = Sizes(Scope.GLOBAL, 4096, 50_000, total_swap=0)
    shortage = Shortage(sizes, KERNEL, 0, zones=zones, version=(6, 1, 0), has_highmem=True)
    assert shortage.bounds()[0].at_least_bytes == (500 + 40 + 4 - 100) * 1024


def test_bare_bits_mean_nothing_without_the_kernel() -> None:
    sizes = Sizes(Scope.GLOBAL, 4096, 50_000, total_swap=0)
    normal = ZoneState(0, "Normal", 100, 500, ())
    assert Shortage(sizes, "0xd0", 0, zones=(normal,)).bounds() == []


@pytest.mark.parametrize("gfp", [None, "", "torn"])
def test_without_the_request_nothing_is_bounded(gfp: str | None) -> None:
    assert machine(gfp, ZoneState(0, "Normal", 100, 500, ())) == []


def test_enough_free_memory_bounds_nothing() -> None:
    assert machine(KERNEL, ZoneState(0, "Normal", 5_000, 500, ())) == []
