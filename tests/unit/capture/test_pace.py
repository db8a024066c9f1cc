from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oomforensics.capture import pace

FOREVER = float("inf")
SECONDS = st.floats(0, 1e6)


def test_nothing_presses() -> None:
    assert pace.plan(pace.START, 1.0, 1.0, FOREVER, False, 0.003) == (1.0, pace.STEADY, pace.START)


def test_the_time_left_sets_the_pace() -> None:
    assert pace.plan(pace.START, 1.0, 1.0, 10.0, False, 0.003)[:2] == (0.5, pace.HEADROOM)
    assert pace.plan(pace.START, 1.0, 1.0, 0.1, False, 0.003)[:2] == (0.05, pace.HEADROOM)
    assert pace.plan(pace.START, 1.0, 1.0, 20.0, False, 0.003)[:2] == (1.0, pace.STEADY)


def test_an_alarm_needs_no_slope() -> None:
    assert pace.plan(pace.START, 1.0, 1.0, FOREVER, True, 0.003)[:2] == (0.05, pace.ALARM)


def test_a_shorter_interval_is_not_made_longer() -> None:
    assert pace.plan(pace.START, 0.01, 0.01, FOREVER, True, 0.0001)[0] == 0.01


def test_a_dear_step_is_followed_by_a_pause() -> None:
    assert pace.plan(pace.START, 1.0, 1.0, FOREVER, True, 0.1)[:2] == (0.4, pace.COSTLY)
    assert pace.plan(pace.START, 1.0, 1.0, FOREVER, False, 2.0)[:2] == (8.0, pace.COSTLY)
    assert pace.may_look_now(0.4, 0.1) and not pace.may_look_now(0.3, 0.1)


def test_cooling_it_still_looks_four_times_a_second_where_something_presses() -> None:
    tired = (0.0, True)
    assert pace.plan(tired, 1.0, 1.0, FOREVER, True, 0.003)[:2] == (pace.COOLING_S, pace.COOLING)
    assert pace.plan(tired, 1.0, 1.0, 10.0, False, 0.003)[:2] == (0.5, pace.COOLING)
    assert pace.plan(tired, 0.1, 0.1, 0.0, True, 0.003)[:2] == (0.1, pace.COOLING)
    assert pace.plan(tired, 1.0, 1.0, FOREVER, False, 0.003)[:2] == (1.0, pace.STEADY)


def test_a_fall_that_pauses_is_remembered_for_a_moment() -> None:
    assert pace.slope(1000.0, 0.0, pace.HALVES_S) == 500.0
    assert pace.slope(1000.0, 800.0, pace.HALVES_S) == 800.0
    assert pace.slope(1000.0, -5000.0, 100.0) == pace.slope(0.0, -1.0, 1.0) == 0.0


def test_haste_is_bounded_and_comes_back_after_a_rest() -> None:
    now, state, passed, reasons = 0.0, pace.START, 1.0, []
    while now < 120:
        passed, reason, state = pace.plan(state, 1.0, passed, FOREVER, True, 0.001)
        now += passed
        reasons.append((now, reason))
    hasty = [when for when, reason in reasons if reason == pace.ALARM]
    cooling = [when for when, reason in reasons if reason == pace.COOLING]
    assert 28 < cooling[0] < 31
    assert any(when > cooling[0] + 50 for when in hasty)
    assert all(not cooling[0] < when < cooling[0] + 50 for when in hasty)


@given(
    st.lists(st.tuples(SECONDS, st.booleans(), st.floats(0, 10), st.floats(0, 10)), max_size=50), st.floats(0.05, 60)
)
def test_the_pace_stays_within_its_bounds(looks: list[tuple[float, bool, float, float]], base_s: float) -> None:
    state = pace.START
    for left_s, alarmed, cost_s, passed_s in looks:
        next_s, reason, state = pace.plan(state, base_s, passed_s, left_s, alarmed, cost_s)
        assert pace.FLOOR_S <= next_s <= max(base_s, cost_s * pace.SHARE)
        assert next_s >= cost_s * pace.SHARE
        assert state[0] <= pace.BUDGET_S
        assert 0 <= reason < len(pace.REASONS)
