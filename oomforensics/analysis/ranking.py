"""Where the selected process stands among the scored candidates, and why another one above it may not count."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from itertools import takewhile

from oomforensics.analysis.candidates import Candidate, Candidates
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
    candidates: Candidates
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
    leader = candidates.first
    if candidates.badness_min is None or chosen.badness_min is None:
        return Ranking(Standing.INELIGIBLE, candidates, chosen, leader, None, [], hypothesis)
    places = candidates.badness_min.present.nonzero()[0]
    if leader is None:
        eligible = [candidate for candidate in candidates if candidate.badness_min is not None]
        return _rank_intervals(candidates, eligible, chosen, hypothesis, printed_score)
    values = candidates.badness_min.values[places]
    best = values.max()
    tied = [candidates[place] for place in places[values == best].tolist()]
    is_other = places != target
    others = places[is_other]
    runner_up = candidates[int(others[values[is_other].argmax()])] if len(others) else None
    if chosen.badness_min < best:
        standing = Standing.BEHIND
    elif len(tied) == 1:
        standing = Standing.TOP
    elif not table.in_scan_order:
        standing = Standing.TIE_UNORDERED
    else:
        standing = Standing.TIE if leader == chosen else Standing.TIE_OTHER
    return Ranking(standing, candidates, chosen, leader, runner_up, tied, hypothesis)


def without_vfork_children(table: Table, ranking: Ranking) -> Ranking:
    """The ranking again without rows above the target that may be vfork children, which kernels from 4.8 never choose.

    A child between vfork and exec shares its parent's memory, so its row repeats the parent's four figures.
    """
    if not ranking.hypothesis.era.vfork_spared or ranking.standing not in (Standing.BEHIND, Standing.TIE_OTHER):
        return ranking
    candidates, target = ranking.candidates, ranking.target
    above = [candidates[place] for place in takewhile(lambda place: place != target.order, candidates.order)]
    twins = [candidate for candidate in above if _has_twin(candidate, ranking.candidates)]
    if not above or len(twins) != len(above):
        return ranking
    excluded = table.excluded | {candidate.order for candidate in twins}
    again = rank(replace(table, excluded=excluded), ranking.target.order, ranking.hypothesis)
    if not again.explains:
        return ranking
    return replace(again, inferred_vfork=tuple(twins))


def _has_twin(candidate: Candidate, candidates: Candidates) -> bool:
    mine = _memory(candidate)
    return mine[1] > 0 and any(other != candidate and _memory(other) == mine for other in candidates)


def _memory(candidate: Candidate) -> tuple[int, int, int | None, int | None]:
    row = candidate.row
    return row.total_vm_pages, row.rss_pages, row.pgtables_bytes, row.swapents_pages


def _rank_intervals(
    candidates: Candidates, eligible: list[Candidate], chosen: Candidate, hypothesis: Hypothesis,
    printed_score: int | None,
) -> Ranking:  # fmt: skip
    """The standing where this kernel's table lacks inputs, so that every badness is an interval."""
    low = chosen.badness_min or 0
    if printed_score is not None and hypothesis.era.score in (Score.PERMILLE, Score.PERMILLE_INT):
        low = max(low, printed_score)
    others = [candidate for candidate in eligible if candidate != chosen]
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
