from __future__ import annotations

import pytest

from oomforensics.kernel.eras import MemcgTotal, era_named
from oomforensics.kernel.selection import counter_error_pages, preference
from oomforensics.kernel.totalpages import memcg, nodes, system

LIMIT, SWAP, UNLIMITED = 131_072, 262_144, 2**51


@pytest.mark.parametrize(
    ("rule", "memsw", "swap_max", "total"),
    [
        # 536,870,912 bytes + 262,144 "bytes" of swap = 131,136 pages: the unit bug makes swap nearly nothing.
        (MemcgTotal.UNIT_BUG, UNLIMITED, None, 131_136),
        (MemcgTotal.LIMIT_AND_SWAP, UNLIMITED, None, 393_216),
        (MemcgTotal.SWAPPINESS, 200_000, None, 200_000),
        (MemcgTotal.SWAP_MAX, None, 1_000, 132_072),
        (MemcgTotal.SWAP_MAX, None, 0, 131_072),
        (MemcgTotal.SWAP_MAX, None, None, 393_216),
        (MemcgTotal.SWAP_MAX, 150_000, None, 150_000),
    ],
)
def test_memcg(rule: MemcgTotal, memsw: int | None, swap_max: int | None, total: int) -> None:
    assert memcg(rule, LIMIT, SWAP, memsw_limit_pages=memsw, swap_limit_pages=swap_max, page_size=4096) == total


def test_memcg_is_at_least_one_page() -> None:
    assert memcg(MemcgTotal.SWAP_MAX, 0, 0, memsw_limit_pages=None, swap_limit_pages=0, page_size=4096) == 1


def test_sums() -> None:
    assert system(5_225_002, 131_071) == 5_356_073
    assert nodes(1_000, 10) == 1_010


def test_ties_go_to_the_last_from_5_3_and_to_the_first_before() -> None:
    badness = [5, 9, 9, 9, 1]
    assert preference(era_named("5.3"), badness) == [3, 2, 1, 0, 4]
    assert preference(era_named("3.13"), badness) == [1, 2, 3, 0, 4]


def test_counter_error() -> None:
    assert counter_error_pages(era_named("5.9-6.1"), threads=3) == 4 * 64 * 3
    assert counter_error_pages(era_named("6.8-6.19")) is None, "needs the number of CPUs"
    assert counter_error_pages(era_named("6.8-6.19"), cpus=8) == 4 * 8 * 31
    assert counter_error_pages(era_named("6.8-6.19"), cpus=64) == 4 * 64 * 127
    assert counter_error_pages(era_named("7.0-")) == 0
