"""What is worth knowing about an incident beyond its verdict: a catalogue, one entry a finding.

A new finding is one module (or one more entry of a family's module) with its entry in CATALOGUE, and its fixtures in
tests/unit/analysis/findings: one that triggers it, one that nearly does.
"""

from __future__ import annotations

from oomforensics.analysis.findings.entry import Entry, Evidence, Finding

CATALOGUE: tuple[Entry, ...] = ()

__all__ = ["CATALOGUE", "Entry", "Evidence", "Finding", "find"]


def find(evidence: Evidence) -> list[Finding]:
    """All that applies, the gravest first."""
    found = [finding for entry in CATALOGUE for finding in [entry.applied(evidence)] if finding is not None]
    return sorted(found, key=lambda one: (one.severity.rank, one.confidence.rank))
