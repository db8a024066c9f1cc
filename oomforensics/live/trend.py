"""How fast something grows or goes, with the uncertainty of it. Pure functions of samples."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass

_WINDOW_S = 30.0
_LEAST = 3  # samples that make a slope
_SIGMAS = 2.0


@dataclass(frozen=True, slots=True)
class Slope:
    """In units a second, with its standard error."""

    value: float
    error: float

    def time_until(self, left: float) -> tuple[float | None, float | None]:
        """Seconds until `left` is used up at this slope and at the slowest that fits; None: never, or nobody can say.

        A slope that could as well be none gives no time.
        """
        if self.value <= _SIGMAS * self.error or self.value <= 0:
            return None, None
        slowest = self.value - _SIGMAS * self.error
        return left / self.value, left / slowest if slowest > 0 else None


class Trend:
    """The last samples of one quantity."""

    __slots__ = ("_samples",)

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque()

    def add(self, at_s: float, value: float) -> None:
        self._samples.append((at_s, value))
        while at_s - self._samples[0][0] > _WINDOW_S:
            self._samples.popleft()

    @property
    def slope(self) -> Slope | None:
        """By least squares over the window; None with too few samples."""
        count = len(self._samples)
        if count < _LEAST:
            return None
        mean_s = sum(at_s for at_s, _ in self._samples) / count
        mean = sum(value for _, value in self._samples) / count
        spread = sum((at_s - mean_s) ** 2 for at_s, _ in self._samples)
        if spread == 0:
            return None
        value = sum((at_s - mean_s) * (one - mean) for at_s, one in self._samples) / spread
        rest = sum((one - mean - value * (at_s - mean_s)) ** 2 for at_s, one in self._samples)
        return Slope(value, math.sqrt(rest / (count - 2) / spread))


class Trends:
    """Of many, each under its key. Whoever is not seen in a round is forgotten."""

    def __init__(self) -> None:
        self._trends: dict[Hashable, Trend] = {}

    def add(self, at_s: float, values: dict[Hashable, float]) -> None:
        self._trends = {key: self._trends.get(key) or Trend() for key in values}
        for key, value in values.items():
            self._trends[key].add(at_s, value)

    def slope(self, key: Hashable) -> Slope | None:
        trend = self._trends.get(key)
        return trend.slope if trend is not None else None
