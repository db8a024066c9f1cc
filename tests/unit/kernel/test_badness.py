"""oomforensics.kernel.badness against values computed by hand from the kernels' source."""

from __future__ import annotations

import pytest

from oomforensics.kernel.badness import Counters, badness, page_table_pages, points, proc_oom_score
from oomforensics.kernel.cint import div, int32, ulong64
from oomforensics.kernel.eras import ERAS, RootBonus, Score, era_named

# One task on a machine of 2,097,152 pages of RAM and 524,288 of swap.
TOTALPAGES = 2_621_440
RSS, SWAP, ADJ = 500_000, 20_000, 200
TABLES = {"nr_ptes": 1_000, "nr_pmds": 40, "pgtables_bytes": 4_300_800}

# era, CAP_SYS_ADMIN -> badness, score, /proc/PID/oom_score
WORKED = [
    ("2.6.36-2.6.37", False, 398, 398, 398),
    ("2.6.36-2.6.37", True, 368, 368, 368),
    ("2.6.39-3.1", False, 398, 398, 398),
    ("3.2-3.4", True, 368, 368, 368),
    ("3.5-3.6", False, 1_045_200, 398, 398),
    ("3.5-3.6", True, 966_570, 368, 368),
    ("3.14-3.17", False, 1_045_200, 398, 398),
    ("3.14-3.17", True, 1_029_570, 392, 392),
    ("4.8-4.14", False, 1_045_240, 398, 398),
    ("4.8-4.14", True, 1_029_609, 392, 392),
    ("4.15-4.16", False, 1_045_250, 398, 398),
    ("4.15-4.16", True, 1_029_619, 392, 392),
    ("4.17-5.0", True, 1_045_250, 398, 398),
    ("5.4-5.8", False, 1_045_250, 398, 398),
    ("5.9-6.1", False, 1_045_250, 398, 932),
    ("7.0-", True, 1_045_250, 398, 932),
]


@pytest.mark.parametrize(("name", "has_root", "value", "score", "oom_score"), WORKED)
def test_worked_vector(name: str, has_root: bool, value: int, score: int, oom_score: int) -> None:
    era = era_named(name)
    tables = page_table_pages(era, 4096, **TABLES)
    assert tables is not None
    result = badness(era, Counters(RSS, SWAP, tables), ADJ, TOTALPAGES, has_root=has_root)
    assert result.value == value
    assert points(era, result.value, TOTALPAGES) == score
    assert proc_oom_score(era, result.value, TOTALPAGES) == oom_score


@pytest.mark.parametrize(("adj", "value", "oom_score"), [(-500, -1_260_500, 346), (-999, -2_568_379, 14)])
def test_negative_badness_since_5_9(adj: int, value: int, oom_score: int) -> None:
    era = era_named("5.9-6.1")
    result = badness(era, Counters(50_000, 0, 0), adj, TOTALPAGES)
    assert result.value == value
    assert proc_oom_score(era, result.value, TOTALPAGES) == oom_score


def test_clamp_to_one_before_5_9() -> None:
    assert badness(era_named("5.4-5.8"), Counters(50_000, 0, 0), -500, TOTALPAGES).value == 1


def test_division_comes_before_multiplication() -> None:
    """1,999 pages: the unit is 1, so oom_score_adj 500 adds 500 pages and not 999."""
    assert badness(era_named("7.0-"), Counters(10, 0, 0), 500, 1_999).value == 510


def test_permille_is_capped_and_never_zero() -> None:
    era = era_named("3.2-3.4")
    assert badness(era, Counters(TOTALPAGES, 0, 0), 900, TOTALPAGES).value == 1000
    assert badness(era, Counters(0, 0, 0), 0, TOTALPAGES).value == 1
    assert badness(era, Counters(10, 0, 0), 0, 0).value == 1000, "totalpages 0 is replaced by 1"


def test_late_3_2_root_bonus_is_a_share_of_the_permille_value() -> None:
    result = badness(
        era_named("3.2-3.4"), Counters(RSS, SWAP, 1_000), ADJ, TOTALPAGES, has_root=True,
        root=RootBonus.PERMILLE_3_PERCENT,
    )  # fmt: skip
    assert (result.value, result.root_share) == (393, 5)


def test_int_overflow_of_2_6_39() -> None:
    """3,000,000 pages * 1000 wraps to -1,294,967,296; as unsigned long divided by T, its low 32 bits are the points."""
    era = era_named("2.6.39-3.1")
    wrapped = int32(3_000_000 * 1000)
    assert wrapped == -1_294_967_296
    expected = int32((2**64 + wrapped) // 8_000_000)
    clamped = min(max(expected, 1), 1000)
    assert badness(era, Counters(3_000_000, 0, 0), 0, 8_000_000).value == clamped
    assert badness(era_named("3.2-3.4"), Counters(3_000_000, 0, 0), 0, 8_000_000).value == 375


def test_the_heuristic_before_2_6_36_is_refused() -> None:
    with pytest.raises(ValueError, match=r"2\.6\.36"):
        badness(era_named("2.6.32-2.6.35"), Counters(1, 0, 0), 0, 1000)


def test_ineligible_shows_as_zero() -> None:
    assert proc_oom_score(era_named("7.0-"), None, TOTALPAGES) == 0


def test_idle_process_shows_666_since_5_9() -> None:
    assert proc_oom_score(era_named("6.8-6.19"), 0, TOTALPAGES) == 666


@pytest.mark.parametrize(("page_size", "pages"), [(4096, 12), (16384, 3), (65536, 0)])
def test_page_tables_smaller_than_a_page_count_as_none(page_size: int, pages: int) -> None:
    era = era_named("7.0-")
    assert page_table_pages(era, page_size, nr_ptes=None, nr_pmds=None, pgtables_bytes=49_152) == pages


def test_missing_columns_are_not_zero() -> None:
    assert page_table_pages(era_named("rhel6.5-6.10"), 4096, None, None, None) is None
    assert page_table_pages(era_named("2.6.38"), 4096, None, None, None) == 0, "2.6.38 does not count them"


@pytest.mark.parametrize(
    ("value", "divisor", "quotient"), [(7, 2, 3), (-7, 2, -3), (7, -2, -3), (-7, -2, 3), (0, 5, 0)]
)
def test_c_division_truncates_toward_zero(value: int, divisor: int, quotient: int) -> None:
    assert div(value, divisor) == quotient


def test_c_integer_widths() -> None:
    assert int32(2**31) == -(2**31)
    assert int32(-(2**31) - 1) == 2**31 - 1
    assert ulong64(-1) == 2**64 - 1


@pytest.mark.parametrize("era", [era for era in ERAS if era.score is not Score.LEGACY], ids=lambda era: era.name)
@pytest.mark.parametrize("more", [0, 1, 77_777])
def test_more_memory_never_lowers_badness(era, more) -> None:  # type: ignore[no-untyped-def]
    less = badness(era, Counters(1_000, 10, 5), 100, 1_000_000).value
    assert badness(era, Counters(1_000 + more, 10, 5), 100, 1_000_000).value >= less
