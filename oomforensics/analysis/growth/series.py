"""The memory of one process, or of many together, at the moments in which somebody looked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise


class Kind(StrEnum):
    """Whose memory a series adds up, the narrowest first."""

    PROCESS = "process"
    COMMAND = "command"
    UNIT = "unit"
    CGROUP = "cgroup"
    USER = "user"
    SCOPE = "scope"  # all that was charged to what ran out


@dataclass(frozen=True, slots=True)
class Series:
    """Anonymous memory, resident and swapped out. Times rise, in seconds from the kill: negative before it."""

    at_s: tuple[float, ...]
    used_bytes: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.at_s) != len(self.used_bytes) or not self.at_s:
            raise ValueError("a series needs a time for each value, and one at least")
        if any(later <= earlier for earlier, later in pairwise(self.at_s)):
            raise ValueError("times must rise")

    def __len__(self) -> int:
        return len(self.at_s)

    @property
    def span_s(self) -> float:
        return self.at_s[-1] - self.at_s[0]

    def since(self, at_s: float) -> Series:
        """From the last sample at or before `at_s` on."""
        first = max((n for n, moment in enumerate(self.at_s) if moment <= at_s), default=0)
        return self if first == 0 else Series(self.at_s[first:], self.used_bytes[first:])
