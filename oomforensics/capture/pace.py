"""When to look again: by the time that is left, for a bounded time, then with a cool-down. Pure functions.

A pace is a tuple of numbers, so that every decision can be made again from what it was made of.
"""

from __future__ import annotations

FLOOR_S = 0.05
LOOKS = 20  # snapshots that should fit in the time that is left
BUDGET_S = 30.0  # of looking closely in one go
REFILL = 0.25  # seconds of budget that a second without haste gives back
COOLING_S = 0.25  # at least between two looks after that, until half of the budget is there again
SHARE = 4  # parts of a step's cost that pass before the next: a fifth of one CPU at most
HALVES_S = 0.25  # in which half of a slope is forgotten
ALARM_S = 2.0  # how long a trigger (pressure, a threshold, an OOM event) makes it look closely

# Why the next look is when it is.
STEADY, HEADROOM, ALARM, COOLING, COSTLY, EVENT = range(6)
REASONS = ("steady", "headroom", "alarm", "cooling", "costly", "event")

TYPE_CHECKING = False
if TYPE_CHECKING:
    # seconds of budget left; cooling down?
    Pace = tuple[float, bool]

START = (BUDGET_S, False)


def plan(
    pace: Pace, base_s: float, passed_s: float, time_left_s: float, alarmed: bool, cost_s: float
) -> tuple[float, int, Pace]:
    """Seconds until the next look, why, and the pace after it.

    `passed_s` since the last look; `time_left_s` to the nearest limit at the present slope; `cost_s` of the last look.
    """
    budget_s, cooling = pace
    floor_s = min(FLOOR_S, base_s)
    wanted_s = floor_s if alarmed else min(max(time_left_s / LOOKS, floor_s), base_s)
    hasty = wanted_s < base_s
    if hasty and not cooling:
        budget_s -= passed_s
        cooling = budget_s <= 0
    else:
        budget_s = min(budget_s + passed_s * REFILL, BUDGET_S)
        cooling = cooling and budget_s < BUDGET_S / 2
    reason = STEADY
    if hasty:
        reason = COOLING if cooling else ALARM if alarmed else HEADROOM
    next_s = max(wanted_s, min(COOLING_S, base_s)) if cooling else wanted_s
    if cost_s * SHARE > next_s:
        return cost_s * SHARE, COSTLY, (budget_s, cooling)
    return next_s, reason, (budget_s, cooling)


def slope(before: float, now: float, passed_s: float) -> float:
    """What is lost in a second, with what is remembered of the slope before; less than one of its unit is none.

    Just before an OOM there is nothing left that could still be lost, or reclaim holds the fall up for a moment.
    """
    remembered = before * 0.5 ** (passed_s / HALVES_S)
    return max(now, remembered if remembered >= 1.0 else 0.0)


def may_look_now(passed_s: float, cost_s: float) -> bool:
    """Has enough time passed since the last look for one more out of turn?"""
    return passed_s >= cost_s * SHARE
