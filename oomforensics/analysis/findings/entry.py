"""What an entry of the catalogue is, what it looks at and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from oomforensics.analysis.allocation import Allocation
from oomforensics.analysis.balance import Balance
from oomforensics.analysis.scene import Scene


class Severity(StrEnum):
    CRITICAL = "critical"  # it will happen again, or has done harm beyond the victim
    WARNING = "warning"  # part of the cause
    INFO = "info"  # worth knowing

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class Confidence(StrEnum):
    CERTAIN = "certain"  # printed by the kernel, or arithmetic on what it printed
    LIKELY = "likely"
    POSSIBLE = "possible"

    @property
    def rank(self) -> int:
        return list(Confidence).index(self)


@dataclass(frozen=True, slots=True)
class Evidence:
    scene: Scene
    balance: Balance | None
    allocation: Allocation


@dataclass(frozen=True, slots=True)
class Finding:
    """`evidence`: what it rests on, a list of {what, value, unit, line, source}; never empty."""

    finding: str
    severity: Severity
    confidence: Confidence
    text: str
    advice: str
    evidence: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Entry:
    """`condition` and `advice` are for the documentation; `apply` looks, and answers None where it does not apply."""

    name: str
    condition: str
    advice: str
    apply: Callable[[Evidence], Finding | None]

    def applied(self, evidence: Evidence) -> Finding | None:
        return self.apply(evidence)
