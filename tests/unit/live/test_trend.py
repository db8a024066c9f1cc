from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomforensics.live.trend import Slope, Trend, Trends


def trend(values: list[tuple[float, float]]) -> Trend:
    made = Trend()
    for at_s, value in values:
        made.add(at_s, value)
    return made


@given(st.floats(-1e6, 1e6), st.floats(-1e9, 1e9), st.integers(3, 30))
def test_a_straight_line_has_its_slope_and_no_error(slope: float, begin: float, count: int) -> None:
    found = trend([(float(at), begin + slope * at) for at in range(count)]).slope
    assert found is not None
    scale = max(abs(slope), abs(begin) * 1e-6, 1.0)
    assert found.value == pytest.approx(slope, abs=1e-6 * scale) and found.error < 1e-4 * scale


def test_the_error_covers_the_true_slope() -> None:
    """Two standard errors hold it in some 95 of 100 noisy runs (with 30 samples)."""
    noise = random.Random(5)
    inside = 0
    for _ in range(400):
        found = trend([(float(at), 10.0 * at + noise.gauss(0, 50)) for at in range(30)]).slope
        assert found is not None
        inside += abs(found.value - 10) <= 2 * found.error
    assert 370 <= inside <= 396


def test_only_the_last_half_minute_counts() -> None:
    found = trend([(float(at), 0.0 if at < 100 else 5.0 * (at - 100)) for at in range(140)]).slope
    assert found is not None and found.value == pytest.approx(5)


def test_two_samples_or_one_moment_make_no_slope() -> None:
    assert trend([(0, 1), (1, 2)]).slope is None
    assert trend([(1, 1), (1, 2), (1, 3)]).slope is None


def test_time_until_the_end_and_its_bounds() -> None:
    assert Slope(10, 0).time_until(100) == (10, 10)
    soonest, latest = Slope(10, 2.5).time_until(100)
    assert (soonest, latest) == (10, 20)
    assert Slope(10, 6).time_until(100) == (None, None)  # it could as well be none
    assert Slope(-10, 0).time_until(100) == (None, None)
    assert Slope(1, 0).time_until(0) == (0, 0)


def test_whoever_is_gone_is_forgotten() -> None:
    trends = Trends()
    for at in range(5):
        trends.add(at, {"a": at, "b": 2 * at})
    assert trends.slope("b") == Slope(2, 0)
    trends.add(5, {"a": 5})
    assert trends.slope("b") is None
    kept = trends.slope("a")
    assert kept is not None and math.isclose(kept.value, 1)
