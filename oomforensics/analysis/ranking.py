"""Where the selected process stands among the scored candidates, and why another one above it may not count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from operator import attrgetter

from oomforensics.analysis.model import Candidate
from oomforensics.analysis.scoring import Hypothesis, Table, score
from oomforensics.kernel.cint import div
from oomforensics.kernel.eras import Era, Score


class Standing(Enum):
    TOP = "alone at the top"
    TIE = "among several at the top, and the one that the order of scanning gives"
    TIE_UNORDERED = "among several at the top; the order of scanning is not in the report"
    TIE_OTHER = "among several at the top, but the order of scanning gives another"
    BEHIND = "another candidate leads"
    OPEN = "the columns that this kernel does not print could put another ahead"
    INELIGIBLE = "not eligible by the rules"


@dataclass(frozen=True, slots=True)
class Ranking:
    """`target` is the selected process; `leader` the kernel's first choice by our figures, `runner_up` the next best."""

    standing: Standing
    candidates: list[Candidate]
    target: Candidate
    leader: Candidate | None
    runner_up: Candidate | None
    tied: list[Candidate]
    hypothesis: Hypothesis
    inferred_vfork: tuple[Candidate, ...] = ()

    @property
    def explains(self) -> bool:
        return self.standing in (Standing.TOP, Standing.TIE, Standing.TIE_UNORDERED)


def rank(table: Table, target: int, hypothesis: Hypothesis, printed_score: int | None = None) -> Ranking:
    """The standing of the row at `target` under `hypothesis`."""
    candidates = score(table, hypothesis)
    chosen = candidates[target]
    eligible = [candidate for candidate in candidates if candidate.eligible and candidate.badness_min is not None]
    if not chosen.eligible or chosen.badness_min is None:
        leader = _first(eligible)
        return Ranking(Standing.INELIGIBLE, candidates, chosen, leader, None, [], hypothesis)
    values = [candidate.badness_pages for candidate in eligible]
    if None in values:
        return _rank_intervals(candidates, eligible, chosen, hypothesis, printed_score)
    best = _value(max(eligible, key=_value))
    tied = [candidate for candidate, value in zip(eligible, values, strict=True) if value == best]
    runner_up = _runner_up(eligible, chosen)
    leader = _first(eligible)
    if _value(chosen) < best:
        standing = Standing.BEHIND
    elif len(tied) == 1:
        standing = Standing.TOP
    elif not table.in_scan_order:
        standing = Standing.TIE_UNORDERED
    else:
        standing = Standing.TIE if leader is chosen else Standing.TIE_OTHER
    return Ranking(standing, candidates, chosen, leader, runner_up, tied, hypothesis)


def without_vfork_children(table: Table, ranking: Ranking) -> Ranking:
    """The ranking again without rows above the target that may be vfork children, which kernels from 4.8 never choose.

    A child between vfork and exec shares its parent's memory, so its row repeats the parent's four figures.
    """
    if not ranking.hypothesis.era.vfork_spared or ranking.standing not in (Standing.BEHIND, Standing.TIE_OTHER):
        return ranking
    above = [
        candidate
        for candidate in ranking.candidates
        if candidate.eligible and candidate is not ranking.target and _precedes(candidate, ranking)
    ]
    twins = [candidate for candidate in above if _has_twin(candidate, ranking.candidates)]
    if not above or len(twins) != len(above):
        return ranking
    excluded = table.excluded | {candidate.order for candidate in twins}
    again = rank(replace(table, excluded=excluded), ranking.target.order, ranking.hypothesis)
    if not again.explains:
        return ranking
    return replace(again, inferred_vfork=tuple(twins))


def _precedes(candidate: Candidate, ranking: Ranking) -> bool:
    return candidate.rank is not None and ranking.target.rank is not None and candidate.rank < ranking.target.rank


def _has_twin(candidate: Candidate, candidates: list[Candidate]) -> bool:
    mine = _memory(candidate)
    return mine[1] > 0 and any(other is not candidate and _memory(other) == mine for other in candidates)


def _memory(candidate: Candidate) -> tuple[int, int, int | None, int | None]:
    row = candidate.row
    return row.total_vm_pages, row.rss_pages, row.pgtables_bytes, row.swapents_pages


def _rank_intervals(
    candidates: list[Candidate], eligible: list[Candidate], chosen: Candidate, hypothesis: Hypothesis,
    printed_score: int | None,
) -> Ranking:  # fmt: skip
    """The standing where this kernel's table lacks inputs, so that every badness is an interval."""
    low = chosen.badness_min or 0
    if printed_score is not None and hypothesis.era.score in (Score.PERMILLE, Score.PERMILLE_INT):
        low = max(low, printed_score)
    others = [candidate for candidate in eligible if candidate is not chosen]
    leader = max(others, key=lambda other: other.badness_min or 0, default=None)
    highest = max((_most(other) for other in others), default=0)
    if highest < low or not others:
        standing = Standing.TOP
    elif leader is not None and (leader.badness_min or 0) > _most(chosen):
        standing = Standing.BEHIND
    else:
        standing = Standing.OPEN
    return Ranking(standing, candidates, chosen, leader, leader, [], hypothesis)


def _most(candidate: Candidate) -> int:
    return candidate.badness_max if candidate.badness_max is not None else 2**62


_value: Callable[[Candidate], int] = attrgetter("badness_pages")  # of one that has it


def _first(eligible: list[Candidate]) -> Candidate | None:
    return next((candidate for candidate in eligible if candidate.rank == 1), None)


def _runner_up(eligible: list[Candidate], chosen: Candidate) -> Candidate | None:
    others = [candidate for candidate in eligible if candidate is not chosen]
    return max(others, key=_value, default=None)


def deciding_units(table: Table, target: int, hypothesis: Hypothesis, low: int, high: int | None) -> list[int]:
    """Values of totalpages / 1000 between which the order of target and others can change, within [low, high].

    badness is pages + oom_score_adj * unit, so two candidates change places at most once as the unit grows. Trying the
    ends and both sides of every crossing decides for all values in between.
    """
    base = score(table, replace(hypothesis, totalpages=0))
    mine = base[target]
    units = {low, high if high is not None else max(low, 2**32)}
    for other in base:
        if not other.eligible or mine.badness_pages is None or other.badness_pages is None:
            continue
        slope = (mine.row.oom_score_adj or 0) - (other.row.oom_score_adj or 0)
        if slope == 0:
            continue
        crossing = div(_charge(other) - _charge(mine), slope)
        units.update(unit for unit in (crossing - 1, crossing, crossing + 1) if unit >= low)
    return sorted(unit for unit in units if high is None or unit <= high)


def _charge(candidate: Candidate) -> int:
    """What the task is charged with, before the clamp and without its oom_score_adj share, which is 0 at total 0."""
    row = candidate.row
    return (candidate.badness_pages or 0) if (row.oom_score_adj or 0) >= 0 else (candidate.badness_max or 0)


def scans_in_table_order(era: Era, is_memcg: bool) -> bool:
    return not is_memcg or era.memcg_dump_is_scan_order
