"""What the growth of one series looks like, in a word."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from oomforensics.analysis.growth.changes import change_points
from oomforensics.analysis.growth.series import Series
from oomforensics.analysis.growth.slope import Slope, slope

LEAST_SAMPLES = 6  # for a word
BURST_S = 60.0  # a burst lasts no longer
_LATE = 1 / 3  # of the time seen, in which a burst lies; whose end decides whether something still grew
_FASTER = 2.0  # times the rate before: what a change must bring to be where growth began
_MOST = 0.5  # of the growth
_STILL = 0.1  # of the growth: whoever gained less in the last third had stopped
_LEVEL = 0.2  # of the range: what moves less is level


class Shape(StrEnum):
    LEAK = "leak"  # steady: its slope is above zero with confidence, over most of the time
    BURST = "burst"  # most of it came at once, shortly before the kill
    PLATEAU = "plateau"  # it had stopped growing, or never did
    SHRINKING = "shrinking"  # its slope is below zero with confidence
    NOISE = "noise"  # up and down
    ENDED = "ended"  # the process ended before the kill: what it had was given back
    INSUFFICIENT = "insufficient"  # too few samples


class Growth(NamedTuple):
    start_bytes: int
    end_bytes: int
    from_s: float
    until_s: float
    samples: int
    shape: Shape
    slope: Slope | None  # since `onset_s`
    onset_s: float  # since when it grew as it did at the end
    change_points_s: tuple[float, ...]

    @property
    def grown_bytes(self) -> int:
        return self.end_bytes - self.start_bytes


def growth(series: Series, least_bytes: float = 0.0, ended: bool = False) -> Growth:
    """`least_bytes`: what changes by no more than that does not matter here."""
    changes = change_points(series)
    onset_s = _onset_s(series, changes)
    since = series.since(onset_s)
    rate = slope(since)
    start, end = series.used_bytes[0], series.used_bytes[-1]
    shape = Shape.ENDED if ended else _shape(series, since, rate, least_bytes)
    return Growth(start, end, series.at_s[0], series.at_s[-1], len(series), shape, rate, onset_s, changes)


def between(from_s: float, until_s: float, start_bytes: int, end_bytes: int) -> Growth:
    """Of a series of two samples, which has a slope and no shape."""
    rate = Slope((end_bytes - start_bytes) / (until_s - from_s), None, None)
    return Growth(start_bytes, end_bytes, from_s, until_s, 2, Shape.INSUFFICIENT, rate, from_s, ())


def _onset_s(series: Series, changes: tuple[float, ...]) -> float:
    """The last change that brought a faster growth, and most of it; else the first sample."""
    start, end = series.used_bytes[0], series.used_bytes[-1]
    for at_s in reversed(changes):
        since = series.since(at_s)
        reached = since.used_bytes[0]
        if end - reached <= _MOST * (end - start) or end <= reached:
            continue
        before = (reached - start) / (since.at_s[0] - series.at_s[0])
        if (end - reached) / since.span_s >= _FASTER * before:
            return since.at_s[0]
    return series.at_s[0]


def _shape(series: Series, since: Series, rate: Slope | None, least_bytes: float) -> Shape:
    if len(series) < LEAST_SAMPLES:
        return Shape.INSUFFICIENT
    wide = max(series.used_bytes) - min(series.used_bytes)
    grown = series.used_bytes[-1] - series.used_bytes[0]
    last = series.since(series.at_s[-1] - _LATE * series.span_s).used_bytes
    level = max(last) - min(last) <= _LEVEL * wide
    if wide <= least_bytes or wide == 0:
        return Shape.PLATEAU
    if grown <= least_bytes:
        whole = slope(series)
        if whole is not None and whole.high is not None and whole.high < 0:
            return Shape.SHRINKING
        return Shape.PLATEAU if level else Shape.NOISE
    if _is_burst(series, since):
        return Shape.BURST
    if level and last[-1] - last[0] <= _STILL * grown:
        return Shape.PLATEAU
    lasting = since.span_s > BURST_S or since.span_s >= _LATE * series.span_s
    if lasting and rate is not None and rate.low is not None and rate.low > 0:
        return Shape.LEAK
    return Shape.NOISE


def _is_burst(series: Series, since: Series) -> bool:
    """What came since is more than all ups and downs before, and came late."""
    before = series.used_bytes[: len(series) - len(since) + 1]
    gained = since.used_bytes[-1] - since.used_bytes[0]
    return since.span_s <= min(BURST_S, _LATE * series.span_s) and gained > max(before) - min(before)
