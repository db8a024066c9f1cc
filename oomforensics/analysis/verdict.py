"""Why the victim was chosen: the kernel's rules tried in the order in which they can hold, each with its proof."""

from __future__ import annotations

from collections.abc import Sequence

from oomforensics.analysis import wording
from oomforensics.analysis.candidates import Candidate
from oomforensics.analysis.model import Scope, VerdictWord
from oomforensics.analysis.ranking import Ranking, Standing
from oomforensics.analysis.readings import ASSUMED_PAGE_SIZE, Case, Finding, readings, table_of
from oomforensics.analysis.scoring import Table
from oomforensics.kernel.eras import ChildRule, Era, PageTables, RootBonus, Score
from oomforensics.kernel.identify import neighbours
from oomforensics.kernel.selection import counter_error_pages
from oomforensics.parsers import shapes
from oomforensics.parsers.task_rows import TaskRow

# While the table is printed all processes run on; beyond this share of the leader's pages that is no explanation.
_RUNNING_ON_SHARE = 0.01
_PARTS_THAT_COUNT = {"task_rows", "task_table_header", "memory_totals", "memory_info"}
_SWAPOFF_FRAMES = {"try_to_unuse", "unuse_mm", "unuse_pte_range", "shmem_unuse", "unmerge_and_remove_all_rmap_items"}


def decide(case: Case) -> Finding:
    """The verdict on one incident."""
    special = _without_victim(case) or _by_message(case)
    ranked = _try_ranking(case)
    if special is not None:
        special.ranking = ranked.ranking if isinstance(ranked, Finding) else None
        return special
    if isinstance(ranked, str):
        return Finding(VerdictWord.INSUFFICIENT_DATA, ranked)
    return _grouped(case, ranked)


# -- rules that the text alone decides ---------------------------------------------------------------------------------


def _without_victim(case: Case) -> Finding | None:
    if case.selected_pid is not None:
        return None
    for outcome in case.incident.outcomes:
        return Finding(VerdictWord.NONE_KILLABLE, wording.OUTCOMES[outcome.kind])
    lost = ", ".join(case.incident.missing) or "everything after the report"
    return Finding(VerdictWord.INSUFFICIENT_DATA, f"No kill line and no outcome survived (missing: {lost}).")


def _by_message(case: Case) -> Finding | None:
    incident = case.incident
    messages = [kill.message for kill in incident.kills] + [incident.selected.message if incident.selected else None]
    if shapes.ALLOCATING_TASK in messages:
        return Finding(VerdictWord.ALLOCATING_TASK, wording.allocating_task(case))
    if shapes.MPOL_BIND in messages:
        return Finding(VerdictWord.ALLOCATING_TASK, wording.mpol_bind(case))
    return None


def _grouped(case: Case, finding: Finding) -> Finding:
    incident = case.incident
    if incident.oom_group_path is None:
        return finding
    members = len({kill.pid for kill in incident.kills})
    finding.text = f"{wording.oom_group(incident.oom_group_path, members)} First choice: {finding.text}"
    finding.word = VerdictWord.OOM_GROUP
    return finding


# -- rules that need the table -----------------------------------------------------------------------------------------


def _try_ranking(case: Case) -> Finding | str:
    """The verdict by badness, or the sentence that says why there is none."""
    incident = case.incident
    if incident.table is None or not incident.table.rows:
        if incident.oom_group_path is not None:
            return Finding(VerdictWord.OOM_GROUP, "the task table is not in the log.")
        return "The task table is not in the log, so nothing can be compared with the victim."
    above = incident.invoked is not None or incident.memcg.seen or incident.meminfo is not None
    if incident.table.header_line is None and not above:
        return "The log begins within the task table: others' rows are lost, so nothing can be proved."
    in_memcg = case.found.scope is Scope.MEMCG  # where one process is common
    if len(incident.table.rows) == 1 and not (above if in_memcg else incident.meminfo):
        return (
            "The log has one row of the task table, and not what stands above it: others' rows may be lost, "
            "so nothing can be compared."
        )
    if case.identified.unmodelled:
        return f"This kernel has another OOM killer that is not modelled: {case.identified.unmodelled}."
    era = case.identified.era
    if era is None:
        return f"The kernel's era could not be told: {'; '.join(case.identified.evidence)}."
    target = _target_position(case)
    if target is None:
        return f"The selected process {case.selected_pid} has no row in the task table." if case.selected_pid else ""
    if era.score is Score.LEGACY:
        return _legacy(case, target)
    return _search(case, era, target)


def _target_position(case: Case) -> int | None:
    """The row of the process that the kernel selected: by pid, by thread group, or that of the process killed."""
    table = case.incident.table
    assert table is not None
    for pid in (case.selected_pid, case.killed_pid):
        for name in ("pid", "tgid"):
            place = None if pid is None else table.rows.last_with(name, pid)
            if place is not None:
                return place
    return None


def _legacy(case: Case, target: int) -> Finding | str:
    rows = case.incident.table.rows if case.incident.table else []
    killable = [index for index, row in enumerate(rows) if row.oom_adj != -17 and row.pid != 1]
    if killable == [target]:
        return Finding(VerdictWord.HIGHEST_BADNESS, "It was the only candidate that could be killed.")
    return (
        "Kernels before 2.6.36 weigh virtual size with CPU time, run time and children, which no report prints: "
        "the choice cannot be recomputed."
    )


def _search(case: Case, era: Era, target: int) -> Finding:
    """Try the likely reading of the report first, then every other that the report leaves open."""
    table = table_of(case, era)
    first: Ranking | None = None
    for finding in readings(case, era, table, target):
        if first is None:
            first = finding.ranking
        if finding.ranking is not None and finding.ranking.explains:
            return _explained(case, finding)
    assert first is not None
    return _unexplained(case, table, target, first)


# -- what the standing means -------------------------------------------------------------------------------------------


def _explained(case: Case, finding: Finding) -> Finding:
    ranking = finding.ranking
    assert ranking is not None
    victim_is_selected = not _child_was_killed(case, ranking)
    if not victim_is_selected:
        finding.word = VerdictWord.CHILD_SACRIFICED
        finding.text = wording.child_sacrificed(case, ranking)
    elif ranking.standing is Standing.TOP:
        finding.text = wording.highest(ranking)
    else:
        finding.word = VerdictWord.TIE
        finding.text = wording.tie(ranking)
    if ranking.inferred_vfork:
        finding.caveats.append(wording.vfork(ranking.inferred_vfork))
    finding.caveats.extend(_assumptions(case, ranking))
    finding.era_agreement = _era_agreement(case, ranking)
    return finding


def _child_was_killed(case: Case, ranking: Ranking) -> bool:
    """Up to 5.0 the process killed may be a child of the one selected; a thread of it has the row's tgid."""
    killed = case.killed_pid
    if ranking.hypothesis.era.child is ChildRule.NONE or killed is None or case.incident.selected is None:
        return False
    if killed in (ranking.target.row.pid, ranking.target.row.tgid):
        return False
    return killed != case.incident.selected.pid


def _assumptions(case: Case, ranking: Ranking) -> list[str]:
    notes: list[str] = []
    hypothesis = ranking.hypothesis
    if hypothesis.era.root is not RootBonus.NONE and any(row.uid == 0 for row in _rows(case)):
        notes.append(f"Not in the report, assumed: {hypothesis.label}.")
    if case.page_size is None:
        notes.append(f"Nothing in the report tells the page size; {ASSUMED_PAGE_SIZE} bytes assumed.")
    table = case.incident.table
    if table is not None and table.header_line is None:
        notes.append(
            f"The task table's header is lost, and others' rows may be; its columns were told by the rows ({table.layout})."
        )
    if table is not None and table.damaged_rows:
        notes.append(f"{table.damaged_rows} row(s) of the task table could not be read.")
    unverified = case.identified.unverified
    if unverified is not None:
        notes.append(f"{unverified[0].upper()}{unverified[1:]}.")
    return notes


def _rows(case: Case) -> Sequence[TaskRow]:
    return case.incident.table.rows if case.incident.table else []


def _unexplained(case: Case, table: Table, target: int, first: Ranking) -> Finding:
    """No reading puts the victim on top: known special rules, then other eras, then the counters' error."""
    for rule in (_swapoff, _another_era, _open_inputs, _noise, _damaged):
        finding = rule(case, table, target, first)
        if finding is not None:
            finding.caveats.extend(_assumptions(case, finding.ranking or first))
            return finding
    finding = Finding(VerdictWord.NOT_EXPLAINED, wording.not_explained(first), first)
    finding.caveats.extend(_assumptions(case, first))
    finding.era_agreement = _era_agreement(case, first)
    return finding


def _swapoff(case: Case, table: Table, target: int, first: Ranking) -> Finding | None:
    """A task in swapoff goes first. No line says so: its name, its call trace or the swap that is going away does."""
    incident = case.incident
    trigger_is_victim = incident.stack is not None and incident.stack.pid in (case.selected_pid, case.killed_pid)
    if case.selected_comm == "swapoff":
        return Finding(VerdictWord.OOM_ORIGIN, wording.swapoff("its name is the evidence"), first)
    if trigger_is_victim and _SWAPOFF_FRAMES & set(incident.call_trace):
        return Finding(VerdictWord.OOM_ORIGIN, wording.swapoff("its call trace shows it there"), first)
    swapped_out = max((row.swapents_pages or 0 for row in table.rows), default=0)
    total_kb = incident.meminfo.total_swap_kb if incident.meminfo else None
    if total_kb is not None and swapped_out > total_kb * 1024 // (case.page_size or ASSUMED_PAGE_SIZE):
        evidence = f"swap is being removed, for a task has {swapped_out} pages there and Total swap is {total_kb} kB"
        return Finding(VerdictWord.OOM_ORIGIN, wording.swapoff(evidence), first)
    return None


def _another_era(case: Case, table: Table, target: int, first: Ranking) -> Finding | None:
    if case.identified.certain:
        return None
    for era in case.identified.alternatives:
        if era.score is Score.LEGACY:
            continue
        other_table = table_of(case, era)
        for finding in readings(case, era, other_table, target):
            if finding.ranking is not None and finding.ranking.explains:
                explained = _explained(case, finding)
                explained.caveats.append(wording.other_era(first.hypothesis.era, era))
                return explained
    return None


def _open_inputs(case: Case, table: Table, target: int, first: Ranking) -> Finding | None:
    if first.standing is not Standing.OPEN:
        return None
    lacks = ["swapents"] if table.rows[target].swapents_pages is None else []
    era = first.hypothesis.era
    if era.page_tables is not PageTables.NONE and table.rows[target].nr_ptes is None:
        lacks.append("nr_ptes")
    return Finding(VerdictWord.INSUFFICIENT_DATA, wording.open_inputs(first, lacks), first)


def _noise(case: Case, table: Table, target: int, first: Ranking) -> Finding | None:
    """Another leads by less than the counters may be off, or may have moved while the report was printed."""
    leader, chosen = first.leader, first.target
    if first.standing not in (Standing.BEHIND, Standing.TIE_OTHER) or leader is None:
        return None
    if leader.badness_pages is None or chosen.badness_pages is None:
        return None
    gap = leader.badness_pages - chosen.badness_pages
    cpus = (case.incident.stack.cpu or 0) + 2 if case.incident.stack else 2
    error = 2 * (counter_error_pages(first.hypothesis.era, cpus=cpus) or 0)
    drift = _drift_pages(case, chosen)
    running_on = int(_RUNNING_ON_SHARE * max(leader.row.rss_pages, chosen.row.rss_pages))
    if gap > error + drift + running_on:
        return None
    return Finding(VerdictWord.WITHIN_NOISE, wording.within_noise(first, gap, error, drift, running_on), first)


def _drift_pages(case: Case, chosen: Candidate) -> int:
    """How far the victim's own RSS moved between its row and its kill line: seen, not assumed."""
    size = case.page_size or ASSUMED_PAGE_SIZE
    for kill in case.incident.kills:
        if kill.pid == chosen.row.pid and kill.anon_rss_kb is not None and kill.file_rss_kb is not None:
            rss_kb = kill.anon_rss_kb + kill.file_rss_kb + (kill.shmem_rss_kb or 0)
            return abs(rss_kb * 1024 // size - chosen.row.rss_pages)
    return 0


def _damaged(case: Case, table: Table, target: int, first: Ranking) -> Finding | None:
    """The report lost something that could explain it: then it is not the kernel that is unexplained."""
    incident = case.incident
    lost = [part for part in incident.missing if part in _PARTS_THAT_COUNT]
    selection_lost = incident.selected is None and first.hypothesis.era.child is not ChildRule.NONE
    if selection_lost and "summary" not in incident.features:
        lost.append("kill_process_line")
    if not lost:
        return None
    return Finding(VerdictWord.INSUFFICIENT_DATA, wording.lost_parts(first, lost), first)


def _era_agreement(case: Case, ranking: Ranking) -> str:
    """Whether the victim would be the same under the other eras that may apply."""
    if case.identified.certain:
        return ""
    era = ranking.hypothesis.era
    target = ranking.target.order
    same: list[str] = [era.name]
    other: list[str] = []
    for tried in dict.fromkeys((*case.identified.alternatives, *neighbours(era))):
        if tried.score is Score.LEGACY or tried is era:
            continue
        findings = readings(case, tried, table_of(case, tried), target)
        agrees = any(finding.ranking is not None and finding.ranking.explains for finding in findings)
        (same if agrees else other).append(tried.name)
    return wording.era_agreement(same, other, ranking.explains)
