"""When the rate of growth changed: the split of a series' rates into runs of one mean each, at the least penalised cost.

Optimal partitioning (Jackson et al. 2005): exact, by dynamic programming over at most a few hundred samples. `ruptures` finds
the same with KernelCPD, and the tests hold this against it; it is no dependency because it has no release for Python 3.14.
"""

from __future__ import annotations

import math

from oomforensics.analysis.growth.series import Series

_PENALTY = 6.0  # times the noise's variance and the logarithm of the number of rates, for each change
_MAD = 0.6745  # of a normal distribution: the median of its absolute values, in standard deviations
_LEAST_NOISE = 0.05  # of the mean rate: a series without noise has changes that nobody would call one


def change_points(series: Series) -> tuple[float, ...]:
    """Moments of samples, in seconds from the kill: the rate before is another than that behind."""
    import numpy as np

    if len(series) < 3:
        return ()
    at_s = np.array(series.at_s)
    used = np.array(series.used_bytes, dtype=np.float64)
    rates = np.diff(used) / np.diff(at_s)
    noise = np.median(np.abs(np.diff(rates))) / (_MAD * math.sqrt(2))
    noise = max(float(noise), float(np.ptp(used)) / series.span_s * _LEAST_NOISE)
    if noise == 0:
        return ()
    rates = rates / noise
    return tuple(series.at_s[first] for first in splits(rates.tolist(), _PENALTY * math.log(len(rates))))


def splits(values: list[float], penalty: float) -> list[int]:
    """Where each run but the first begins, so that squared distances from the runs' means, and `penalty` for each split,
    are least in sum.
    """
    import numpy as np

    sums = np.concatenate(([0.0], np.cumsum(values)))
    squares = np.concatenate(([0.0], np.cumsum(np.square(values))))
    count = len(values)
    best = np.zeros(count + 1)
    best[0] = -penalty
    begins = np.zeros(count + 1, dtype=np.int64)  # of the last run, when the values end here
    for end in range(1, count + 1):
        starts = np.arange(end)
        distances = squares[end] - squares[:end] - np.square(sums[end] - sums[:end]) / (end - starts)
        costs = best[:end] + distances + penalty
        begins[end] = int(np.argmin(costs))
        best[end] = costs[begins[end]]
    found, end = [], count
    while end > 0:
        end = int(begins[end])
        found.append(end)
    return sorted(found)[1:]
