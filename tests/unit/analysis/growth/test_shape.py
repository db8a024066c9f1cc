"""The word for series whose answer is known, and that it does not depend on units, clocks or offsets."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oomforensics.analysis.growth.series import Series
from oomforensics.analysis.growth.shape import Growth, Shape, growth
from tests.support import growing
from tests.support.growing import MIB, series

LEAST = 1.0 * MIB
# Curve -> its word, when its growth began, and its rate from then on in MiB/s.
KNOWN: list[tuple[Callable[[int], float], Shape, float, float]] = [
    (growing.leak, Shape.LEAK, -120, 2),
    (growing.burst, Shape.BURST, -10, 30),
    (growing.last_look, Shape.BURST, -1, 200),
    (growing.leaking_sawtooth, Shape.LEAK, -120, 1.5),
    (growing.late, Shape.LEAK, -70, 3),
    (growing.leak_and_burst, Shape.BURST, -8, 51),
]
LEVEL = [(growing.sawtooth, Shape.NOISE), (growing.plateau, Shape.PLATEAU), (growing.steady, Shape.PLATEAU),
         (growing.shrinking, Shape.SHRINKING)]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("curve", "shape", "onset_s", "rate"), KNOWN, ids=lambda one: getattr(one, "__name__", None))
def test_growth_of_a_known_kind(
    curve: Callable[[int], float], shape: Shape, onset_s: float, rate: float, seed: int
) -> None:
    found = growth(series(curve, seed=seed), 5 * LEAST)
    assert found.shape == shape
    assert found.onset_s == pytest.approx(onset_s, abs=1)
    assert found.slope is not None and found.slope.value == pytest.approx(rate * MIB, rel=0.12)
    if found.slope.low is not None and found.slope.high is not None:
        assert found.slope.low <= rate * MIB * 1.02 and found.slope.high >= rate * MIB * 0.98


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("curve", "shape"), LEVEL, ids=lambda one: getattr(one, "__name__", None))
def test_no_growth_of_a_known_kind(curve: Callable[[int], float], shape: Shape, seed: int) -> None:
    assert growth(series(curve, seed=seed), 5 * LEAST).shape == shape


def test_two_readings_are_never_called_anything() -> None:
    for used in ((0, 900 * MIB), (900 * MIB, 0), (5, 5)):
        found = growth(Series((-60.0, 0.0), used))
        assert found.shape == Shape.INSUFFICIENT and found.slope is not None
        assert found.slope.low is None and found.slope.value == (used[1] - used[0]) / 60


def test_one_reading_has_no_slope() -> None:
    found = growth(Series((-1.0,), (5,)))
    assert found.slope is None and found.shape == Shape.INSUFFICIENT


def test_who_ended_is_said_to_have() -> None:
    assert growth(series(growing.leak), ended=True).shape == Shape.ENDED


@pytest.mark.parametrize(
    ("at_s", "used"), [((), ()), ((0.0,), ()), ((0.0, 0.0), (1, 2)), ((0.0, -1.0), (1, 2))], ids=str
)
def test_what_is_no_series(at_s: tuple[float, ...], used: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"series|times"):
        Series(at_s, used)


# -- whatever the curve --------------------------------------------------------------------------------------------------


@st.composite
def any_series(draw: st.DrawFn) -> Series:
    gaps = draw(st.lists(st.integers(1, 40), min_size=1, max_size=60))
    at_s = [-sum(gaps[place:]) / 8 for place in range(len(gaps) + 1)]  # exact in binary: sums do not round
    used = draw(st.lists(st.integers(0, 1 << 30), min_size=len(at_s), max_size=len(at_s)))
    steps = draw(st.sampled_from([used, sorted(used), [value >> 20 for value in used]]))
    return Series(tuple(at_s), tuple(steps))


def _same(one: Growth, other: Growth, factor: float = 1.0) -> None:
    assert (one.shape, one.onset_s, one.change_points_s) == (other.shape, other.onset_s, other.change_points_s)
    if one.slope is not None and other.slope is not None:
        assert other.slope.value == pytest.approx(one.slope.value * factor, rel=1e-9, abs=1e-9)


@settings(max_examples=60)
@given(any_series(), st.sampled_from([2, 1024, 1 << 16]))
def test_in_another_unit_it_is_the_same(one: Series, factor: int) -> None:
    scaled = Series(one.at_s, tuple(value * factor for value in one.used_bytes))
    _same(growth(one), growth(scaled), factor)


@settings(max_examples=60)
@given(any_series(), st.integers(0, 1 << 30))
def test_what_is_always_there_does_not_matter(one: Series, more: int) -> None:
    _same(growth(one), growth(Series(one.at_s, tuple(value + more for value in one.used_bytes))))


@settings(max_examples=100)
@given(any_series())
def test_what_is_said_of_any_series_holds(one: Series) -> None:
    found = growth(one)
    assert found.grown_bytes == one.used_bytes[-1] - one.used_bytes[0]
    assert one.at_s[0] <= found.onset_s < one.at_s[-1] or len(one) == 1
    assert set(found.change_points_s) <= set(one.at_s[1:-1])
    if found.slope is not None and found.slope.low is not None and found.slope.high is not None:
        assert found.slope.low <= found.slope.value <= found.slope.high
    if found.shape == Shape.LEAK:
        assert found.grown_bytes > 0 and found.slope is not None and found.slope.low is not None and found.slope.low > 0
    if found.shape == Shape.BURST:
        since = one.since(found.onset_s)
        assert 2 * (since.used_bytes[-1] - since.used_bytes[0]) > found.grown_bytes > 0
