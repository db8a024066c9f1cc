"""How fast a series grows: the median of the slopes between all pairs of samples (Theil and Sen), with Sen's interval.

A third of the samples may be wild without moving it far. Sen's interval takes the samples for independent, which memory in
use is not: its residuals come in runs. Two samples in a run tell little more than one, so the interval is asked for at the
confidence that makes it wider by sqrt((1 + r) / (1 - r)), r = the correlation of neighbouring residuals, which is what an
effective number of samples comes to (Bayley and Hammersley 1946).
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import NormalDist
from typing import Any, NamedTuple

from oomforensics.analysis.growth.series import Series

CONFIDENCE = 0.95
LEAST_SAMPLES = 5  # for an interval
_MOST_CORRELATED = 0.99
_WIDEST = 8.0  # standard deviations; the confidence of more is 1 in double precision


class Slope(NamedTuple):
    """Bytes a second. `low`, `high`: the interval at 95 %; None: too few samples."""

    value: float
    low: float | None
    high: float | None


def slope(series: Series) -> Slope | None:
    """None: one moment has no slope."""
    if len(series) < 2:
        return None
    if len(series) == 2:
        return Slope((series.used_bytes[1] - series.used_bytes[0]) / series.span_s, None, None)
    from scipy.stats import theilslopes

    found = theilslopes(series.used_bytes, series.at_s, CONFIDENCE)
    if len(series) < LEAST_SAMPLES:
        return Slope(float(found.slope), None, None)
    sigmas = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * _widening(series, found)
    confidence = 1 - 2 * NormalDist().cdf(-min(sigmas, _WIDEST))
    found = theilslopes(series.used_bytes, series.at_s, confidence)
    return Slope(float(found.slope), float(found.low_slope), float(found.high_slope))


def _widening(series: Series, line: Any) -> float:
    """How much wider the interval is than that of independent samples."""
    rest = [used - line.slope * at_s for at_s, used in zip(series.at_s, series.used_bytes, strict=True)]
    mean = sum(rest) / len(rest)
    rest = [one - mean for one in rest]
    power = sum(one * one for one in rest)
    if power == 0:
        return 1.0
    together = sum(one * other for one, other in pairwise(rest)) / power
    correlation = min(max(together, 0.0), _MOST_CORRELATED)
    return math.sqrt((1 + correlation) / (1 - correlation))
