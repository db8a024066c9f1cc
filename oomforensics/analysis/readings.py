"""The ways to read a report: who had CAP_SYS_ADMIN, and what the total was where it is not printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from oomforensics.analysis import wording
from oomforensics.analysis.model import Scope, TotalPages, VerdictWord
from oomforensics.analysis.ranking import (
    Ranking,
    Standing,
    deciding_units,
    rank,
    scans_in_table_order,
    without_vfork_children,
)
from oomforensics.analysis.scope import ScopeFound
from oomforensics.analysis.scoring import Hypothesis, Table, root_hypotheses
from oomforensics.kernel.badness import points
from oomforensics.kernel.eras import Era, Score
from oomforensics.kernel.identify import Identified
from oomforensics.parsers.facts import Incident

ASSUMED_PAGE_SIZE = 4096


@dataclass(frozen=True, slots=True)
class Case:
    """All that the rules look at."""

    incident: Incident
    found: ScopeFound
    identified: Identified
    page_size: int | None
    total: TotalPages
    selected_pid: int | None
    selected_comm: str | None

    @property
    def killed_pid(self) -> int | None:
        return self.incident.kills[0].pid if self.incident.kills else None


@dataclass(slots=True)
class Finding:
    """A verdict before it is written out. `ranking` holds the figures it rests on, where there are any."""

    word: VerdictWord
    text: str
    ranking: Ranking | None = None
    caveats: list[str] = field(default_factory=list)
    era_agreement: str = ""
    totalpages: TotalPages | None = None  # when the search narrowed it


def table_of(case: Case, era: Era) -> Table:
    incident = case.incident
    assert incident.table is not None
    swap_in_use = None
    info = incident.meminfo
    if info is not None and info.total_swap_kb is not None and info.free_swap_kb is not None:
        swap_in_use = (info.total_swap_kb - info.free_swap_kb) * 1024 // (case.page_size or ASSUMED_PAGE_SIZE)
    return Table(
        rows=incident.table.rows,
        earlier_victims=frozenset(incident.earlier_victims) | incident.spent_pids,
        swap_in_use_pages=swap_in_use,
        in_scan_order=scans_in_table_order(era, case.found.scope is Scope.MEMCG),
        target_pid=case.selected_pid,
    )


def readings(case: Case, era: Era, table: Table, target: int) -> list[Finding]:
    """The target's standing under every hypothesis about CAP_SYS_ADMIN and the total, likeliest first."""
    size = case.page_size or ASSUMED_PAGE_SIZE
    printed = case.incident.selected.score if case.incident.selected else None
    findings: list[Finding] = []
    for hypothesis in root_hypotheses(era, case.total.pages or 0, size):
        findings.extend(_of_total(case, table, target, hypothesis, printed))
    for finding in findings:
        known = finding.totalpages or case.total
        if known.pages is None and finding.ranking is not None and not _in_permille(era):
            _forget_adjusted(finding.ranking)
    if printed is not None:
        findings.sort(key=lambda finding: not _score_fits(finding, printed))
    return findings


def _of_total(case: Case, table: Table, target: int, hypothesis: Hypothesis, printed: int | None) -> list[Finding]:
    total = case.total
    in_permille = _in_permille(hypothesis.era)
    narrowed = None if total.exact or in_permille else _total_from_score(table, target, hypothesis, total, printed)
    if narrowed is not None:
        settled = replace(hypothesis, totalpages=narrowed.pages or 0)
        finding = _standing(rank(table, target, settled, printed), table)
        finding.totalpages = narrowed
        return [finding]
    if total.exact or in_permille or not _depends_on_total(table):
        return [_standing(rank(table, target, hypothesis, printed), table)]
    return [_over_all_totals(case, table, target, hypothesis)]


def _in_permille(era: Era) -> bool:
    return era.score in (Score.PERMILLE, Score.PERMILLE_INT)


def _forget_adjusted(ranking: Ranking) -> None:
    """Their badness under a total that was only tried: what oom_score_adj made of it is not known."""
    adj = ranking.candidates.rows.column("oom_score_adj")
    if adj is not None:
        ranking.candidates.forget(adj.values != 0)


def _over_all_totals(case: Case, table: Table, target: int, hypothesis: Hypothesis) -> Finding:
    """The total is known only within bounds: find out whether the verdict depends on it, and say so."""
    total = case.total
    low = (total.min_pages or 0) // 1000
    high = total.max_pages // 1000 if total.max_pages is not None else None
    assumed = rank(table, target, hypothesis) if total.pages is not None else None
    fits: list[Ranking] = []
    fails: list[Ranking] = []
    for unit in deciding_units(table, target, hypothesis, low, high):
        ranking = rank(table, target, replace(hypothesis, totalpages=unit * 1000))
        (fits if ranking.explains else fails).append(ranking)
    if not fails and (assumed is None or assumed.explains):
        finding = Finding(VerdictWord.HIGHEST_BADNESS, "", assumed or fits[0])
        finding.caveats.append("The machine's total swap is not in the report; the victim is the same for every value.")
        return finding
    if assumed is not None and assumed.explains:
        finding = Finding(VerdictWord.HIGHEST_BADNESS, "", assumed)
        finding.caveats.append(wording.depends_on_total(_needed([*fits, assumed], fails)))
        return finding
    if not fits:
        return _standing(assumed or fails[0], table)
    clearest = next((ranking for ranking in fits if ranking.standing is Standing.TOP), fits[0])
    finding = Finding(VerdictWord.HIGHEST_BADNESS, "", clearest)
    needed = _needed(fits, fails)
    finding.totalpages = replace(total, pages=None, source=f"{total.source}; the victim leads {needed}", exact=False)
    finding.caveats.append(wording.depends_on_total(needed))
    return finding


def _needed(fits: list[Ranking], fails: list[Ranking]) -> str:
    """The totals for which the victim leads, as a range bounded where the values tried bound it."""
    leads = [ranking.hypothesis.totalpages for ranking in fits]
    lags = [ranking.hypothesis.totalpages for ranking in fails]
    bounds = []
    if any(value < min(leads) for value in lags):
        bounds.append(f"from {min(leads)} pages")
    if any(value > max(leads) for value in lags):
        bounds.append(f"up to {max(leads) + 999} pages")
    return f"for a total {' '.join(bounds)}"


def _total_from_score(
    table: Table, target: int, hypothesis: Hypothesis, total: TotalPages, printed: int | None
) -> TotalPages | None:
    """The totals under which the selected process gets the score that was printed (up to 5.0).

    (pages + adj * (T / 1000)) * 1000 / T falls as T grows while pages > 0, so the fitting totals form one interval.
    """
    if printed is None or total.min_pages is None:
        return None

    def value(pages: int) -> int:
        candidate = rank(table, target, replace(hypothesis, totalpages=pages)).target
        share: int = points(hypothesis.era, candidate.badness_pages or 0, pages)
        return share

    least, most = total.min_pages, total.max_pages if total.max_pages is not None else 2**44
    low = _first_total(least, most, lambda pages: value(pages) <= printed)
    high = _first_total(least, most, lambda pages: value(pages) < printed) - 1
    if low > high or value(low) != printed:
        return None
    pages = total.pages if total.pages is not None and low <= total.pages <= high else low
    return TotalPages(
        pages,
        f"the printed score {printed} needs a total between {low} and {high} pages",
        exact=low == high,
        min_pages=low,
        max_pages=high,
        arithmetic=f"{low} <= totalpages <= {high}, from score {printed}",
    )


def _first_total(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The least total in [low, high] for which `holds`, or high + 1. `holds` must stay true once it is."""
    high += 1
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _depends_on_total(table: Table) -> bool:
    return len({row.oom_score_adj for row in table.rows}) > 1


def _standing(ranking: Ranking, table: Table) -> Finding:
    return Finding(VerdictWord.HIGHEST_BADNESS, "", without_vfork_children(table, ranking))


def _score_fits(finding: Finding, printed: int) -> bool:
    """Whether this reading gives the printed score: it tells who had CAP_SYS_ADMIN."""
    ranking = finding.ranking
    return ranking is not None and ranking.explains and recomputed_score(ranking) == printed


def recomputed_score(ranking: Ranking) -> int | None:
    """What this era's `score` is for the selected process; None when lost inputs leave more than one value."""
    hypothesis = ranking.hypothesis
    low, high = ranking.target.badness_min, ranking.target.badness_max
    if low is None or high is None or not hypothesis.totalpages:
        return None
    least, most = (points(hypothesis.era, value, hypothesis.totalpages) for value in (low, high))
    return least if least == most else None
