"""Slopes, their intervals and change points, against other programs' answers and against chance."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oomforensics.analysis.growth.changes import change_points, splits
from oomforensics.analysis.growth.series import Series
from oomforensics.analysis.growth.slope import slope
from tests.support import growing
from tests.support.growing import MIB, series


def test_a_wild_third_does_not_move_the_slope() -> None:
    at_s = tuple(float(n) for n in range(-30, 0))
    used = tuple(MIB * (10 * n + 5000 if n % 3 else 90_000 - 999 * n) for n in range(-30, 0))
    found = slope(Series(at_s, used))
    assert found is not None and found.value == pytest.approx(10 * MIB, rel=0.01)


def test_the_median_of_all_slopes_by_hand() -> None:
    """1/1, 5/2, 4/1 for three samples: three have a median and no interval."""
    found = slope(Series((-2.0, -1.0, 0.0), (0, 1, 5)))
    assert found is not None and (found.value, found.low, found.high) == (2.5, None, None)


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9])
def test_the_interval_holds_the_slope_as_often_as_it_says(correlation: float) -> None:
    """Also when neighbours depend on each other, where Sen's own interval would hold it in half of the cases only."""
    draw, held, rounds = random.Random(7), 0, 120
    for _ in range(rounds):
        rest, used = 0.0, []
        for n in range(100):
            rest = correlation * rest + draw.gauss(0, 1) * math.sqrt(1 - correlation**2)
            used.append(round(1e6 * (50 + 0.05 * n + rest)))
        found = slope(Series(tuple(float(n) for n in range(100)), tuple(used)))
        assert found is not None and found.low is not None and found.high is not None
        held += found.low <= 0.05e6 <= found.high
    assert held / rounds >= 0.88


def test_a_level_series_has_no_slope_and_no_interval() -> None:
    found = slope(Series(tuple(float(n) for n in range(9)), (7,) * 9))
    assert found is not None and (found.value, found.low, found.high) == (0, 0, 0)


def _cost(values: list[float], begins: list[int], penalty: float) -> float:
    cost = penalty * len(begins)
    for first, end in pairwise([0, *begins, len(values)]):
        mean = sum(values[first:end]) / (end - first)
        cost += sum((value - mean) ** 2 for value in values[first:end])
    return cost


@settings(max_examples=80)
@given(st.lists(st.integers(-20, 20), min_size=1, max_size=9), st.sampled_from([0.5, 5.0, 60.0]))
def test_no_split_costs_less(whole: list[int], penalty: float) -> None:
    """Held against every way there is to split."""
    values = [float(value) for value in whole]
    ways = product([False, True], repeat=len(values) - 1)
    least = min(_cost(values, [n for n, cut in enumerate(way, 1) if cut], penalty) for way in ways)
    assert _cost(values, splits(values, penalty), penalty) == pytest.approx(least)


@settings(max_examples=40)
@given(st.lists(st.floats(-50, 50), min_size=4, max_size=120), st.sampled_from([5.0, 40.0, 400.0]))
def test_the_splits_cost_what_those_of_ruptures_do(values: list[float], penalty: float) -> None:
    ruptures = pytest.importorskip("ruptures", reason="no release for this Python")
    import numpy as np

    search = ruptures.KernelCPD(kernel="linear", min_size=1).fit(np.array(values).reshape(-1, 1))
    theirs = search.predict(pen=penalty)[:-1]
    assert _cost(values, splits(values, penalty), penalty) <= _cost(values, theirs, penalty) + 1e-6


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (growing.leak, []), (growing.steady, []), (growing.burst, [-10.0]), (growing.plateau, [-80.0]), (growing.late, [-70.0]),
        (growing.leak_and_burst, [-8.0]), (growing.last_look, [-1.0]),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)  # fmt: skip
def test_change_points_of_known_series(curve: Callable[[int], float], expected: list[float]) -> None:
    assert change_points(series(curve, noise_mib=0.2)) == pytest.approx(expected, abs=1)
