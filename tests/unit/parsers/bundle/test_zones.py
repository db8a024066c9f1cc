"""Times without a zone, once it is known."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomforensics.parsers.bundle import zones

BERLIN = zones.zone("Europe/Berlin") or UTC


def us(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[arg-type,misc]


def test_the_sample_zone_is_known() -> None:
    assert BERLIN is not UTC


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "", "Europe", "\0"])
def test_names_that_no_zone_has(name: str) -> None:
    assert zones.zone(name) is None


def test_a_zone_may_be_a_rule() -> None:
    """What a copied /etc/localtime ends with says the same as the zone's name, under the rules now in force."""
    copied = zones.zone("CET-1CEST,M3.5.0,M10.5.0/3")
    for stamp in ("2026-07-01 12:00:00", "2026-01-01 12:00:00", "2026-10-25 02:30:00 CET", "2026-10-25 02:30:00 CEST"):
        assert zones.moment(stamp, copied or UTC) == zones.moment(stamp, BERLIN), stamp
    nepal = zones.zone("<+0545>-5:45")
    assert zones.moment("2026-01-01 05:45", nepal or UTC) == us(2026, 1, 1)


@pytest.mark.parametrize("rule", ["CET-99", "CET-1CEST,M3.5.0,M13.9.9", "CET-1CEST", "C-1", "CET-1\nCEST"])
def test_rules_that_are_none(rule: str) -> None:
    assert zones.zone(rule) is None


@pytest.mark.parametrize(
    ("stamp", "zone", "expected"),
    [
        ("2026-07-01 12:00:00", BERLIN, us(2026, 7, 1, 10)),
        ("2026-01-01 12:00", BERLIN, us(2026, 1, 1, 11)),
        ("2026-10-25 02:30:00 CEST", BERLIN, us(2026, 10, 25, 0, 30)),  # clocks are set back at 3:00
        ("2026-10-25 02:30:00 CET", BERLIN, us(2026, 10, 25, 1, 30)),
        ("2026-07-01 12:00:00 EST", BERLIN, None),  # whoever ran the command has another zone
        ("Fri 11-13 10:59", BERLIN, us(2026, 11, 13, 9, 59)),
        ("Thu 11-13 10:59", BERLIN, us(2025, 11, 13, 9, 59)),
        ("Tue 02-29 10:59", BERLIN, None),  # too long ago
        ("Tue 13-13 10:59", BERLIN, None),
        ("2026-13-01 12:00:00", BERLIN, None),
        ("0001-01-01 00:00:00", BERLIN, -62135596800_000_000 - 3208_000_000),
        ("", BERLIN, None),
    ],
)
def test_moments(stamp: str, zone: tzinfo, expected: int | None) -> None:
    assert zones.moment(stamp, zone, us(2026, 11, 23)) == expected


def test_a_day_without_a_year_needs_a_limit() -> None:
    assert zones.moment("Fri 11-13 10:59", BERLIN) is None


@pytest.mark.parametrize(
    ("clock", "near", "expected"),
    [
        ("12:53:25", us(2025, 10, 9, 10, 53, 20), us(2025, 10, 9, 10, 53, 25)),
        ("00:00:02", us(2025, 10, 9, 21, 59, 58), us(2025, 10, 9, 22, 0, 2)),  # midnight passed between
        ("23:59:59", us(2025, 10, 9, 22, 0, 1), us(2025, 10, 9, 21, 59, 59)),
        ("25:00:00", us(2025, 10, 9), None),
        ("noon", us(2025, 10, 9), None),
    ],
)
def test_the_nearest_time_of_day(clock: str, near: int, expected: int | None) -> None:
    assert zones.clock_near(clock, near, BERLIN) == expected


def test_a_time_read_again() -> None:
    assert zones.read_again(us(2025, 7, 9, 12), UTC, BERLIN) == us(2025, 7, 9, 10)
    assert zones.read_again(us(2025, 12, 9, 12), UTC, BERLIN) == us(2025, 12, 9, 11)


@given(st.text(max_size=30), st.integers(-(1 << 70), 1 << 70))
def test_nothing_raises(text: str, when: int) -> None:
    zones.moment(text, BERLIN, when)
    zones.clock_near(text, when, BERLIN)
    assert isinstance(zones.read_again(when, UTC, BERLIN), int)
