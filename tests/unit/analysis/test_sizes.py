"""totalpages with other limits and other swap."""

from __future__ import annotations

import pytest

from oomforensics.analysis.model import Scope
from oomforensics.analysis.sizes import Sizes, pages
from oomforensics.kernel.eras import era_named

V2, V1_OLD = era_named("7.0-"), era_named("3.14-3.17")


def memcg(**more: int | None) -> Sizes:
    return Sizes(Scope.MEMCG, 4096, **{"totalpages": 10_000, "limit": 10_000} | more)  # type: ignore[arg-type]


def test_as_it_was() -> None:
    for sizes in (memcg(), memcg(totalpages=12_000, swap_limit=2_000), memcg(totalpages=12_000, memsw_limit=12_000)):
        for era in (V2, V1_OLD):
            assert sizes.total(era)[0] == sizes.totalpages
    machine = Sizes(Scope.GLOBAL, 4096, 50_000, total_swap=20_000)
    assert machine.total(V2)[0] == 50_000


def test_another_limit_keeps_what_may_be_swapped() -> None:
    assert memcg(totalpages=12_000, swap_limit=2_000).total(V2, limit=20_000)[0] == 22_000
    assert memcg(totalpages=12_000, memsw_limit=12_000).total(V2, limit=20_000)[0] == 22_000
    assert memcg(totalpages=12_000, memsw_limit=12_000, total_swap=99_000).total(V1_OLD, limit=20_000)[0] == 22_000


def test_other_swap() -> None:
    assert memcg(totalpages=12_000, swap_limit=2_000).total(V2, swap=0)[0] == 10_000
    assert memcg(swap_limit=0).total(V2, swap=5_000)[0] == 15_000
    assert memcg(swap_limit=0, total_swap=3_000).total(V2, swap=5_000)[0] == 13_000
    assert memcg(memsw_limit=10_000).total(V1_OLD, swap=5_000)[0] == 15_000
    assert memcg().total(V1_OLD, swap=5_000)[0] == 15_000
    machine = Sizes(Scope.GLOBAL, 4096, 50_000, total_swap=20_000)
    assert machine.total(V2, swap=0) == (30_000, "30000 pages of RAM + 0 of swap = 30000")


def test_what_the_report_does_not_say_is_not_made_up() -> None:
    with pytest.raises(ValueError, match="no cgroup's limit was hit"):
        Sizes(Scope.GLOBAL, 4096, 50_000, total_swap=0).total(V2, limit=1)
    with pytest.raises(ValueError, match="total swap is not in the report"):
        Sizes(Scope.GLOBAL, 4096, 50_000).total(V2, swap=1)
    with pytest.raises(ValueError, match="limit is not in the report"):
        memcg(limit=None).total(V2, swap=1)


def test_a_limit_that_says_none_is_none() -> None:
    assert pages(9_007_199_254_740_988, 4096) is None
    assert pages(18_014_398_509_481_983, 65_536) is None
    assert pages(40_960, 4096) == 10_240
    assert pages(None, 4096) is None
