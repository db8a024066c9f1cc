"""When to look again: by the time that is left, out of a budget of close looks that fills up again. Pure functions.

A pace is a number, so that every decision can be made again from what it was made of.
"""

from __future__ import annotations

FLOOR_S = 0.05
LOOKS = 20  # snapshots that should fit in the time that is left
BUDGET = 600.0  # close looks in one go: 30 s at the fastest pace
RESERVE = BUDGET / 2  # of them for when less than a second is left: an alarm alone has the others
REFILL = 7.0  # close looks that a second gives back, and the pace when there are no more
SHARE = 4  # parts of a step's cost that pass before the next: a fifth of one CPU at most
HALVES_S = 0.25  # in which half of a slope is forgotten
ALARM_S = 2.0  # how long a trigger (pressure, a threshold, an OOM event) makes it look closely

# Why the next look is when it is. A spool holds the numbers: a new one comes last.
STEADY, HEADROOM, ALARM, COOLING, COSTLY, EVENT, NEW = range(7)
REASONS = ("steady", "headroom", "alarm", "cooling", "costly", "event", "new")

TYPE_CHECKING = False
if TYPE_CHECKING:
    Pace = float  # close looks left

START = BUDGET


def plan(
    pace: Pace,
    base_s: float,
    passed_s: float,
    time_left_s: float,
    alarmed: bool,
    cost_s: float,
    new_s: float = float("inf"),
) -> tuple[float, int, Pace]:
    """Seconds until the next look, why, and the pace after it.

    `passed_s` since the last look; `time_left_s` to the nearest limit at the present slope; `cost_s` of a look;
    `new_s` is the age of the newest cgroup, which has no slope yet: it is looked at again after as long as it exists.
    """
    left = min(pace + passed_s * REFILL, BUDGET)
    floor_s = min(FLOOR_S, base_s)
    headroom_s = max(time_left_s / LOOKS, floor_s)
    asked = ((base_s, STEADY), (headroom_s, HEADROOM), (max(new_s, floor_s), NEW))
    next_s, reason = (floor_s, ALARM) if alarmed and floor_s < base_s else min(asked)
    if reason != STEADY:
        left = max(left - 1, 0.0)
        slow_s = min(1 / REFILL, base_s)
        if next_s < slow_s and left < (1 if headroom_s == floor_s else RESERVE):
            next_s, reason = slow_s, COOLING
    if cost_s * SHARE > next_s:
        next_s, reason = cost_s * SHARE, COSTLY
    return next_s, reason, left


def usual_cost_s(costs_s: tuple[float, ...]) -> float:
    """The middle one of the last three: a look that was held up once, as on a host that is busy, is no reason to look away."""
    return sorted(costs_s)[len(costs_s) // 2]


def slope(before: float, now: float, passed_s: float) -> float:
    """What is lost in a second, with what is remembered of the slope before; less than one of its unit is none.

    Just before an OOM there is nothing left that could still be lost, or reclaim holds the fall up for a moment.
    """
    remembered = before * 0.5 ** (passed_s / HALVES_S)
    return max(now, remembered if remembered >= 1.0 else 0.0)


def look_at_new_s(pace: Pace, cost_s: float) -> float | None:
    """Seconds until a cgroup that has just appeared is looked at; None where it has to wait for the next look."""
    return max(FLOOR_S, cost_s * SHARE) if pace > RESERVE else None


def may_look_now(passed_s: float, cost_s: float) -> bool:
    """Has enough time passed since the last look for one more out of turn?"""
    return passed_s >= cost_s * SHARE
