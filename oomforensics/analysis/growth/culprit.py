"""Whose growth used the memory up, and the moment from which on it was enough to do so."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from statistics import median
from typing import NamedTuple

from oomforensics.analysis.growth.room import Room, left
from oomforensics.analysis.growth.series import Kind
from oomforensics.analysis.growth.shape import Growth, Shape
from oomforensics.analysis.growth.slope import slope

_MOST = 0.5  # of all growth: who has that is the culprit
_NAMED = 0.1  # of all growth: who is named where nobody has most of it
_MOST_NAMED = 3
_MATTERS = 0.05  # of the room there is in all: less growth explains nothing
_OUTSIDE = 0.25  # of all growth, not in any process: is said
_SHORT_S = 30.0  # seen: a steady growth may be a longer time's burst
_UNSEEN_S = 5.0  # between the last look and the kill
_AT_BEGIN = 0.1  # of the time seen: what grew from there on may have grown before
# The whole scope's group says nothing, however much of the growth it holds.
_PARTS_OF_SCOPE = (Kind.UNIT, Kind.CGROUP, Kind.USER)
_KINDS = (Kind.PROCESS, Kind.COMMAND, *_PARTS_OF_SCOPE)  # that may be culprits, the narrowest first


class Unknown(StrEnum):
    """Why something is not known; wording.py has a sentence for each."""

    NO_RECORDING = "no_recording"
    NO_EARLIER_REPORT = "no_earlier_report"
    TWO_REPORTS = "two_reports"
    FEW_SAMPLES = "few_samples"
    SHORT_WINDOW = "short_window"
    BEGAN_BEFORE = "began_before"
    END_UNSEEN = "end_unseen"
    USED_BEFORE = "used_before"
    NO_GROWTH = "no_growth"
    NOBODY_ALONE = "nobody_alone"
    OUTSIDE_PROCESSES = "outside_processes"
    NO_ROOM = "no_room"
    NOT_PLACED = "not_placed"
    SHARED_COUNTED = "shared_counted"


class Grower(NamedTuple):
    """A series with whose it is. `everybody`: it holds all processes of the scope."""

    kind: Kind
    who: str | None  # None: the machine
    growth: Growth
    share: float | None = None  # of all growth
    processes: int = 1  # seen, whose memory it adds up
    pid: int | None = None
    everybody: bool = False


class Moment(NamedTuple):
    """Seconds from the kill, and the interval of the slope that it rests on; None: not known."""

    from_s: float
    low_s: float | None
    high_s: float | None


class Verdict(NamedTuple):
    culprit: Grower | None
    named: tuple[Grower, ...]  # where there is no culprit: who grew most
    inevitable: Moment | None
    left_bytes: int | None  # when the culprit's growth began
    total_bytes: int  # all growth
    from_s: float
    until_s: float
    unknown: tuple[Unknown, ...]


def judge(
    growers: Sequence[Grower], rooms: Sequence[Room], capacity_bytes: int | None, total_bytes: int, gained_bytes: int
) -> Verdict:
    """`growers`: with shares of `total_bytes`, and one at least; `rooms`: at each look.

    `capacity_bytes`: all that there is; `gained_bytes`: by processes, in sum.
    """
    from_s, until_s = min([one.growth.from_s for one in growers]), max([one.growth.until_s for one in growers])
    unknown = []
    culprit: Grower | None = None
    named: tuple[Grower, ...] = ()
    if total_bytes <= 0:
        unknown.append(Unknown.NO_GROWTH)
    elif capacity_bytes is not None and total_bytes < _MATTERS * capacity_bytes:
        unknown.append(Unknown.USED_BEFORE)
    else:
        culprit, named = _culprit(growers)
        if culprit is None:
            unknown.append(Unknown.NOBODY_ALONE)
        if gained_bytes < (1 - _OUTSIDE) * total_bytes:
            unknown.append(Unknown.OUTSIDE_PROCESSES)
    inevitable, left_bytes = None, None
    if culprit is not None:
        inevitable, left_bytes = _inevitable(rooms, culprit.growth)
        if left_bytes is None:
            unknown.append(Unknown.NO_ROOM)
        if culprit.growth.shape == Shape.INSUFFICIENT:
            unknown.append(Unknown.FEW_SAMPLES)
        elif until_s - from_s < _SHORT_S:
            unknown.append(Unknown.SHORT_WINDOW)
        if culprit.growth.shape == Shape.LEAK and grew_from_begin(culprit.growth, from_s, until_s):
            unknown.append(Unknown.BEGAN_BEFORE)
    if until_s < -_UNSEEN_S:
        unknown.append(Unknown.END_UNSEEN)
    return Verdict(culprit, named, inevitable, left_bytes, total_bytes, from_s, until_s, tuple(unknown))


def grew_from_begin(growth: Growth, from_s: float, until_s: float) -> bool:
    """It had memory when it was first looked at, and grew from then on: it may have begun before."""
    return growth.start_bytes > 0 and growth.onset_s - from_s <= _AT_BEGIN * (until_s - from_s)


def _culprit(growers: Sequence[Grower]) -> tuple[Grower | None, tuple[Grower, ...]]:
    """The narrowest that holds most of the growth; where none does, who grew most."""
    most = [
        one
        for one in growers
        if _share(one) >= _MOST and one.kind in _KINDS and not (one.everybody and one.kind in _PARTS_OF_SCOPE)
    ]
    if most:
        return min(most, key=lambda one: (_KINDS.index(one.kind), -_share(one))), ()
    processes = sorted((one for one in growers if one.kind == Kind.PROCESS), key=_share, reverse=True)
    return None, tuple(one for one in processes[:_MOST_NAMED] if _share(one) >= _NAMED)


def _share(one: Grower) -> float:
    return one.share or 0.0


def _inevitable(rooms: Sequence[Room], culprit: Growth) -> tuple[Moment | None, int | None]:
    """What was left when the culprit's growth began, over how fast it went from then on: as long before the kill its end was
    certain, unless somebody stopped it. Both are of one line through all that was left from then on, so that what others
    took in the first moment does not count.
    """
    over_time = left(rooms)
    if over_time is None:
        return None, None
    going = over_time.since(culprit.onset_s)
    rate = slope(going)
    if rate is None:
        return None, going.used_bytes[0]
    on_line = [
        used - rate.value * (moment - going.at_s[0]) for moment, used in zip(going.at_s, going.used_bytes, strict=True)
    ]
    first = max(round(median(on_line)), 0)
    if rate.value >= 0 or culprit.shape not in (Shape.LEAK, Shape.BURST):
        return None, first
    if rate.low is None or rate.high is None:
        return Moment(first / rate.value, None, None), first
    slowest = first / rate.high if rate.high < 0 else None
    return Moment(first / rate.value, slowest, first / rate.low), first
