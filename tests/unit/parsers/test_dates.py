"""Dates of every language, years that nobody wrote, zones."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from oomforensics.parsers.framings import Reader
from oomforensics.parsers.framings.clock import MONTHS
from oomforensics.parsers.records import Problem, TsSource
from tests.support.reading import context, one, read, us

INFERRED = TsSource.SYSLOG_YEAR_INFERRED


@pytest.mark.parametrize(
    ("line", "month"),
    [
        ("[Di Aug 12 03:54:03 2025] x", 8),
        ("[Mi Mär 12 03:54:03 2025] x", 3),
        ("[mar. août 12 03:54:03 2025] x", 8),
        ("[jeu. févr.  6 03:54:03 2025] x", 2),
        ("[mié ene 15 03:54:03 2025] x", 1),
        ("[Вт авг 12 03:54:03 2025] x", 8),
        ("[火  8月 12 03:54:03 2025] x", 8),
        ("[화  8월 12 03:54:03 2025] x", 8),
        ("[wto sie 12 03:54:03 2025] x", 8),
        ("[Sal Ağu 12 03:54:03 2025] x", 8),
    ],
)
def test_dmesg_in_other_languages(line: str, month: int) -> None:
    record = one(line)
    assert record.text == "x"
    assert record.wall_us is not None
    assert datetime.fromtimestamp(record.wall_us / 1e6, UTC).month == month


def test_an_unknown_month_leaves_no_time_and_says_so_once() -> None:
    problems: list[Problem] = []
    lines = [(n, f"[Xx Blergh {n} 03:54:03 2025] x".encode()) for n in range(1, 4)]
    found = list(Reader(context(), problems).records(lines))
    assert [(record.text, record.wall_us, record.wall_source) for record in found] == [("x", None, TsSource.NONE)] * 3
    assert [(problem.severity, "'Blergh'" in problem.reason) for problem in problems] == [("info", True)]


def test_no_month_name_stands_for_two_months() -> None:
    assert MONTHS["may"] == MONTHS["mai"] == MONTHS["maj"] == MONTHS["мая"] == 5
    assert len(MONTHS) > 100


@pytest.mark.parametrize(
    ("date", "not_after", "expected"),
    [
        ("Dec 31 23:59:59", datetime(2026, 1, 1, 0, 30, tzinfo=UTC), us(2025, 12, 31, 23, 59, 59)),
        ("Jan  1 00:00:01", datetime(2026, 1, 1, 0, 30, tzinfo=UTC), us(2026, 1, 1, 0, 0, 1)),
        ("Jan  1 06:00:00", datetime(2025, 12, 31, 23, 0, tzinfo=UTC), us(2026, 1, 1, 6)),  # a day's grace
        ("Jan  2 06:00:00", datetime(2025, 12, 31, 23, 0, tzinfo=UTC), us(2025, 1, 2, 6)),
        ("Feb 29 10:00:00", datetime(2026, 3, 1, tzinfo=UTC), us(2024, 2, 29, 10)),
        ("Feb 29 10:00:00", datetime(1903, 3, 1, tzinfo=UTC), us(1896, 2, 29, 10)),
        ("Feb 30 10:00:00", datetime(2026, 3, 1, tzinfo=UTC), None),
        ("Feb 28 25:00:00", datetime(2026, 3, 1, tzinfo=UTC), None),
    ],
)
def test_the_year_is_the_last_that_fits(date: str, not_after: datetime, expected: int | None) -> None:
    record = one(f"{date} h kernel: x", context(not_after=not_after))
    assert (record.text, record.wall_us) == ("x", expected)
    assert record.wall_source is (TsSource.NONE if expected is None else INFERRED)


def test_a_file_over_new_year() -> None:
    found = read("Dec 31 23:59:59 h kernel: a", "Jan  1 00:00:00 h kernel: b")
    assert [record.wall_us for record in found] == [us(2025, 12, 31, 23, 59, 59), us(2026, 1, 1)]


def test_stamps_without_a_zone_are_in_the_callers() -> None:
    berlin = context(ZoneInfo("Europe/Berlin"))
    assert one("Jan  5 15:19:27 h kernel: x", berlin).wall_us == us(2026, 1, 5, 15, 19, 27, hours=1)
    assert one("[Thu May 14 23:17:24 2020] x", berlin).wall_us == us(2020, 5, 14, 23, 17, 24, hours=2)
    assert one("2026-05-01T10:00:00+05:00 h kernel: x", berlin).wall_us == us(2026, 5, 1, 10, hours=5)
    assert one("Fri 2026-05-01 10:00:00 CEST h kernel: x", berlin).wall_us == us(2026, 5, 1, 10, hours=2)


def test_a_zone_name_that_may_mean_anything_is_told() -> None:
    problems: list[Problem] = []
    (record,) = Reader(context(), problems).records([(1, b"Fri 2026-05-01 10:00:00 IST h kernel: x")])
    assert record.wall_us == us(2026, 5, 1, 10)
    assert ["'IST'" in problem.reason for problem in problems] == [True]


def test_times_that_count_from_the_line_before_have_that_of_their_minute() -> None:
    told = read(
        "[  +0.000001] a",
        "[May 1 10:00] b",
        "[  +0.000123] c",
        "[May 1 10:01][T71] d",
        "[< 1.000000>]  e",
        "[ +12.000001] f",
    )
    at = us(2025, 5, 1, 10)  # the last such day before the file's own
    assert [(record.text, record.wall_us, record.caller) for record in told] == [
        ("a", None, None), ("b", at, None), ("c", at, None), ("d", at + 60_000_000, "T71"), (" e", at + 60_000_000, None),
        ("f", at + 60_000_000, None),
    ]  # fmt: skip
    assert [record.text for record in read("[  71] 0 71 winch", "[ +71] x")] == ["[  71] 0 71 winch", "[ +71] x"]
