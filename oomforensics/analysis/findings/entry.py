"""What an entry of the catalogue is, and what it says where it applies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from oomforensics.analysis.findings.evidence import Evidence


class Severity(StrEnum):
    CRITICAL = "critical"  # it will happen again, or has done harm beyond the victim
    WARNING = "warning"  # part of the cause
    INFO = "info"  # worth knowing

    @cached_property
    def rank(self) -> int:
        return list(Severity).index(self)


class Confidence(StrEnum):
    CERTAIN = "certain"  # printed by the kernel, or arithmetic on what it printed
    LIKELY = "likely"
    POSSIBLE = "possible"

    @cached_property
    def rank(self) -> int:
        return list(Confidence).index(self)


class Fact(NamedTuple):
    """A figure that a finding rests on. `line`: in `source`; None where the figure is a sum over many lines."""

    what: str
    value: int | float | str
    unit: str | None
    line: int | None
    source: str


class Found(NamedTuple):
    """What an entry saw. `severity` and `advice` only where they differ from the entry's own."""

    text: str
    facts: tuple[Fact, ...]  # never empty
    confidence: Confidence = Confidence.CERTAIN
    severity: Severity | None = None
    advice: str | None = None


class Finding(NamedTuple):
    """`evidence`: what it rests on, a list of {what, value, unit, line, source}; never empty."""

    finding: str
    severity: Severity
    confidence: Confidence
    text: str
    advice: str
    evidence: list[dict[str, Any]]


Look = Callable[[Evidence], Found | None]


@dataclass(frozen=True, slots=True)
class Entry:
    """`condition`, `severity` and `advice` are the documentation's too; `look` answers None where it does not apply."""

    name: str
    severity: Severity
    condition: str
    advice: str
    look: Look

    def made(self, found: Found) -> Finding:
        return Finding(
            self.name,
            found.severity or self.severity,
            found.confidence,
            found.text,
            found.advice or self.advice,
            [fact._asdict() for fact in found.facts],
        )


def entry(severity: Severity, *, condition: str, advice: str) -> Callable[[Look], Entry]:
    """Makes an entry of the function below it, and names it after that."""
    return lambda look: Entry(look.__name__, severity, condition, advice, look)
