"""Incident -> Judged: everything the history stores of one run of the OOM killer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from oomforensics.analysis.candidates import Candidates
from oomforensics.analysis.identity import incident_id, kill_keys
from oomforensics.analysis.model import EraChoice, Judged, TotalPages, Verdict
from oomforensics.analysis.pagesize import find_page_size
from oomforensics.analysis.ranking import Ranking
from oomforensics.analysis.readings import Case, Finding, recomputed_score
from oomforensics.analysis.scope import find_scope
from oomforensics.analysis.scoring import add_figures, arithmetic, unscored
from oomforensics.analysis.total import find_totalpages, system_totalpages
from oomforensics.analysis.verdict import decide
from oomforensics.kernel.identify import Identified, identify
from oomforensics.parsers.facts import Incident
from oomforensics.parsers.task_rows import TaskRows

# What must be there for a verdict to rest on the whole report. Others in `missing` cost context, not the proof.
_ESSENTIAL = {
    "report", "head", "memory_info", "memory_totals", "task_table", "task_table_header", "task_rows", "kill_line",
}  # fmt: skip

_NOT_OF_THIS_REPORT = "the release is that of the boot's banner or of another report of the same boot"
_TOTALS = re.compile("pages RAM|pages reserved|Total swap")


def judge(incidents: Iterable[Incident]) -> list[Judged]:
    """Judge each incident. Order is kept."""
    return [judge_one(incident) for incident in incidents]


def judge_one(incident: Incident) -> Judged:
    own_release = incident.stack.release if incident.stack else None
    release = own_release or incident.boot_release
    identified = identify(frozenset(incident.features), release)
    if release is not None and own_release is None:
        identified = replace(identified, evidence=(*identified.evidence, _NOT_OF_THIS_REPORT))
    page_size, page_size_source = find_page_size(incident, release)
    found = find_scope(incident)
    total = find_totalpages(incident, found, identified.era, release, page_size)
    selected_pid, selected_comm = _selected(incident)
    case = Case(incident, found, identified, page_size, total, selected_pid, selected_comm)
    finding = decide(case)
    ranking = finding.ranking
    total = finding.totalpages or total
    candidates = _candidates(incident, ranking)
    _mark_victims(candidates, incident)
    if ranking is not None and total.pages is not None:
        add_figures(candidates, ranking.hypothesis, system_totalpages(incident, found, total))
    victim = incident.kills[0] if incident.kills else None
    keys = kill_keys(incident)
    printed = incident.selected.score if incident.selected else None
    checkable = total.exact or (printed is not None and total.pages is not None)
    recomputed = recomputed_score(ranking) if ranking is not None and checkable else None
    return Judged(
        incident=incident,
        incident_id=incident_id(keys),
        scope=found.scope,
        scope_inferred=found.inferred,
        constraint_raw=found.constraint_raw,
        kernel_release=release,
        era=_era_choice(identified, ranking),
        page_size=page_size,
        page_size_source=page_size_source,
        totalpages=total,
        oom_memcg=found.oom_memcg,
        task_memcg=found.task_memcg,
        selected_pid=selected_pid,
        selected_comm=selected_comm,
        victim_pid=victim.pid if victim else None,
        victim_comm=victim.comm if victim else None,
        victim_uid=_victim_uid(incident, candidates),
        printed_score=printed,
        recomputed_score=recomputed,
        score_note=_score_note(printed, recomputed, ranking, finding),
        candidates=candidates,
        verdict=_verdict(case, finding, total),
        complete=not _ESSENTIAL & set(incident.missing) and bool(incident.kills or incident.outcomes),
        kill_keys=keys,
    )


def _selected(incident: Incident) -> tuple[int | None, str | None]:
    """The process that the kernel chose: named by the selection line, the `oom-kill:` line, or its kill line."""
    if incident.selected is not None:
        return incident.selected.pid, incident.selected.comm
    if incident.summary is not None and incident.summary.pid is not None:
        return incident.summary.pid, incident.summary.comm
    if incident.kills:
        return incident.kills[0].pid, incident.kills[0].comm
    return None, None


def _candidates(incident: Incident, ranking: Ranking | None) -> Candidates:
    if ranking is not None:
        return ranking.candidates
    return unscored(incident.table.rows if incident.table else TaskRows())


def _mark_victims(candidates: Candidates, incident: Incident) -> None:
    pid = candidates.rows.column("pid")
    if pid is not None:
        for kill in incident.kills:
            candidates.is_victim |= pid.values == kill.pid


def _victim_uid(incident: Incident, candidates: Candidates) -> int | None:
    if not incident.kills:
        return None
    kill = incident.kills[0]
    if kill.uid is not None:
        return kill.uid
    named = incident.summary  # kernels from 5.0 to 5.3 name the user here alone
    if named is not None and named.pid == kill.pid and named.uid is not None:
        return named.uid
    return next((row.uid for row in candidates.rows if row.pid == kill.pid), None)


def _era_choice(identified: Identified, ranking: Ranking | None) -> EraChoice:
    era = ranking.hypothesis.era if ranking is not None else None
    if era is None and (identified.certain or len(identified.alternatives) == 0 or not identified.by_text_alone):
        era = identified.era
    return EraChoice(
        name=era.name if era else None,
        evidence=list(identified.evidence),
        alternatives=[
            fit.name for fit in (identified.era, *identified.alternatives) if fit is not None and fit is not era
        ],
        certain=identified.certain,
    )


def _score_note(printed: int | None, recomputed: int | None, ranking: Ranking | None, finding: Finding) -> str:
    if printed is None:
        return "this kernel prints no score" if recomputed is not None else ""
    if finding.totalpages is not None and recomputed == printed:
        return f"printed {printed}; used to find the total, so it is no independent check"
    if recomputed is not None:
        return f"printed {printed}, recomputed {recomputed}: {'equal' if printed == recomputed else 'different'}"
    if ranking is not None and ranking.target.badness_min is not None:
        high = ranking.target.badness_max
        return (
            f"printed {printed}; this kernel's table leaves the value between {ranking.target.badness_min} and {high}"
        )
    return f"printed {printed}; not recomputed: {finding.text}"


def _verdict(case: Case, finding: Finding, total: TotalPages) -> Verdict:
    ranking = finding.ranking
    verdict = Verdict(finding.word, finding.text, caveats=finding.caveats, era_agreement=finding.era_agreement)
    verdict.proof = _proof(ranking, total)
    verdict.evidence_lines = _evidence(case, ranking)
    if ranking is not None and ranking.runner_up is not None:
        verdict.runner_up_pid = ranking.runner_up.row.pid
        mine, theirs = ranking.target.badness_pages, ranking.runner_up.badness_pages
        if mine is not None and theirs is not None:
            verdict.margin_pages = mine - theirs
    return verdict


def _proof(ranking: Ranking | None, total: TotalPages) -> list[str]:
    lines = [f"totalpages: {total.arithmetic}"] if total.arithmetic else []
    if ranking is None:
        return lines
    shown = [("victim", ranking.target)]
    if ranking.leader is not None and ranking.leader != ranking.target:
        shown.append(("leader", ranking.leader))
    if ranking.runner_up is not None and all(ranking.runner_up != known for _, known in shown):
        shown.append(("runner-up", ranking.runner_up))
    for role, candidate in shown:
        if candidate.badness_pages is not None and ranking.hypothesis.totalpages:
            text = candidate.arithmetic or arithmetic(candidate, ranking.hypothesis)
            lines.append(f"{role} {candidate.row.pid} ({candidate.row.comm}): {text}")
    if len(ranking.tied) > 1:
        lines.append(
            f"tied: {', '.join(str(one.row.pid) for one in ranking.tied)}; {ranking.hypothesis.era.tie.value} wins"
        )
    return lines


def _evidence(case: Case, ranking: Ranking | None) -> list[int]:
    """Lines that the verdict rests on: who asked, the totals, the rows compared, who was selected and killed."""
    incident = case.incident
    lines = [part.line for part in (incident.invoked, incident.selected, incident.summary) if part is not None]
    lines += [kill.line for kill in incident.kills] + [outcome.line for outcome in incident.outcomes]
    if ranking is not None:
        compared = (ranking.target, ranking.leader, ranking.runner_up)
        lines += [candidate.row.line for candidate in compared if candidate is not None]
    if incident.memcg.memory is not None:
        lines.append(incident.memcg.memory.line)
    lines += [kept.line for kept in incident.lines if kept.kind == "meminfo" and _TOTALS.search(kept.text)]
    return sorted(set(lines))
