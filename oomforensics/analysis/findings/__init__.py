"""What is worth knowing about an incident beyond its verdict: a catalogue, one entry a finding.

A new finding is one function with its entry, in the module of its family and in that module's ENTRIES, and its fixtures in
tests/support/finding_fixtures.py: one that triggers it, one that nearly does.
"""

from __future__ import annotations

from oomforensics.analysis.findings import choice, growth, kinds, known_bugs, lost, sequence, settings, swap, zones
from oomforensics.analysis.findings.entry import Confidence, Entry, Fact, Finding, Severity
from oomforensics.analysis.findings.evidence import Evidence

CATALOGUE: tuple[Entry, ...] = (
    *growth.ENTRIES, *kinds.ENTRIES, *zones.ENTRIES, *swap.ENTRIES, *choice.ENTRIES, *sequence.ENTRIES, *settings.ENTRIES,
    *known_bugs.ENTRIES, *lost.ENTRIES,
)  # fmt: skip

__all__ = ["CATALOGUE", "Confidence", "Entry", "Evidence", "Fact", "Finding", "Severity", "find"]


def find(evidence: Evidence) -> list[Finding]:
    """All that applies, the gravest first."""
    made = [entry.made(found) for entry in CATALOGUE if (found := entry.look(evidence)) is not None]
    return sorted(made, key=lambda one: (one.severity.rank, one.confidence.rank))
