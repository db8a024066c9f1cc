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


def test_one_dear_look_is_none_yet() -> None:
    assert pace.usual_cost_s((0.003, 0.003, 0.3)) == pace.usual_cost_s((0.003, 0.3, 0.003)) == 0.003
    assert pace.usual_cost_s((0.003, 0.3, 0.2)) == 0.2


def test_without_budget_it_still_looks_seven_times_a_second_where_something_presses() -> None:
    slow_s = 1 / pace.REFILL
    assert pace.plan(0.0, 1.0, slow_s, FOREVER, True, 0.003) == (slow_s, pace.COOLING, 0.0)
    assert pace.plan(0.0, 1.0, slow_s, 10.0, False, 0.003)[:2] == (0.5, pace.HEADROOM)
    assert pace.plan(0.0, 0.1, 0.1, 0.0, True, 0.003)[:2] == (0.1, pace.COOLING)
    assert pace.plan(0.0, 1.0, 1.0, FOREVER, False, 0.003) == (1.0, pace.STEADY, pace.REFILL)


def test_an_alarm_leaves_a_reserve_for_when_a_limit_is_near() -> None:
    assert pace.plan(pace.RESERVE, 1.0, 0.05, FOREVER, True, 0.003)[:2] == (1 / pace.REFILL, pace.COOLING)
    assert pace.plan(pace.RESERVE, 1.0, 0.05, 0.9, True, 0.003)[:2] == (pace.FLOOR_S, pace.ALARM)
    assert pace.plan(pace.RESERVE, 1.0, 0.05, 0.9, False, 0.003)[:2] == (pace.FLOOR_S, pace.HEADROOM)
    assert pace.plan(1.0, 1.0, 0.05, 0.9, False, 0.003)[:2] == (1 / pace.REFILL, pace.COOLING)


def test_a_new_cgroup_is_looked_at_again_after_as_long_as_it_exists() -> None:
    def after(age_s: float, left: float = pace.START) -> tuple[float, int]:
        return pace.plan(left, 1.0, 0.05, FOREVER, False, 0.003, age_s)[:2]

    assert after(-0.01) == after(0.01) == after(0.05) == (pace.FLOOR_S, pace.NEW)
    assert after(0.3) == (0.3, pace.NEW) and after(1.0) == after(60.0) == (1.0, pace.STEADY)
    assert after(0.01, pace.RESERVE) == (1 / pace.REFILL, pace.COOLING)  # many of them do not use the reserve up
    assert pace.plan(pace.START, 1.0, 0.05, FOREVER, True, 0.003, 0.3)[:2] == (pace.FLOOR_S, pace.ALARM)
    assert pace.look_at_new_s(pace.START, 0.003) == pace.FLOOR_S and pace.look_at_new_s(pace.START, 0.1) == 0.4
    assert pace.look_at_new_s(pace.RESERVE, 0.003) is None


def test_a_fall_that_pauses_is_remembered_for_a_moment() -> None:
    assert pace.slope(1000.0, 0.0, pace.HALVES_S) == 500.0
    assert pace.slope(1000.0, 800.0, pace.HALVES_S) == 800.0
    assert pace.slope(1000.0, -5000.0, 100.0) == pace.slope(0.0, -1.0, 1.0) == 0.0


def looks(seconds: float, time_left_s: float, alarmed: bool) -> list[int]:
    """Reasons of the looks in this time, from a full budget on."""
    now, state, passed, reasons = 0.0, pace.START, 1.0, []
    while now < seconds:
        passed, reason, state = pace.plan(state, 1.0, passed, time_left_s, alarmed, 0.001)
        now += passed
        reasons.append(reason)
    return reasons


def test_haste_is_bounded() -> None:
    alarm, brink = looks(600, FOREVER, True), looks(600, 0.1, True)
    close = (pace.BUDGET - pace.RESERVE) / (1 - pace.FLOOR_S * pace.REFILL)  # each gives back what comes in its 50 ms
    assert close - 2 < alarm.index(pace.COOLING) < close + 2
    assert brink.index(pace.COOLING) > 1.9 * alarm.index(pace.COOLING)
    assert all(len(one) <= 600 * pace.REFILL + pace.BUDGET for one in (alarm, brink))


@given(
    st.lists(st.tuples(SECONDS, st.booleans(), st.floats(0, 10), st.floats(0, 10)), max_size=50), st.floats(0.05, 60)
)
def test_the_pace_stays_within_its_bounds(looks: list[tuple[float, bool, float, float]], base_s: float) -> None:
    state = pace.START
    for left_s, alarmed, cost_s, passed_s in looks:
        next_s, reason, state = pace.plan(state, base_s, passed_s, left_s, alarmed, cost_s)
        assert pace.FLOOR_S <= next_s <= max(base_s, cost_s * pace.SHARE)
        assert next_s >= cost_s * pace.SHARE
        assert 0 <= state <= pace.BUDGET
        assert 0 <= reason < len(pace.REASONS)
