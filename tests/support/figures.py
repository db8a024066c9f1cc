"""Candidates of different scorings, which are never equal themselves, as values that are when all is the same."""

from __future__ import annotations

from collections.abc import Iterable

from oomforensics.analysis.candidates import Candidate


def figures(candidates: Iterable[Candidate]) -> list[tuple[object, ...]]:
    return [(one.row, one.badness_pages, one.adj_pages, one.root_bonus_pages) for one in candidates]
