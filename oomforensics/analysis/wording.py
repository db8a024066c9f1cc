"""The sentences of a verdict. Names from the log are quoted as they are; whoever shows them makes them harmless."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oomforensics.kernel.eras import ChildRule, Era, Score, TieRule

if TYPE_CHECKING:
    from oomforensics.analysis.candidates import Candidate
    from oomforensics.analysis.ranking import Ranking
    from oomforensics.analysis.readings import Case

OUTCOMES: dict[str, str] = {
    "already_exiting": "The process selected was already exiting, so the kernel killed nothing and let it finish.",
    "none_killable": "No process could be killed: every candidate was exempt, or there was none.",
    "panic_on_oom": "The kernel panicked instead of killing: vm.panic_on_oom is set.",
    "panic_deadlock": "No process could be killed and the kernel panicked.",
    "would_have_killed": "vm.would_have_oomkilled is set: the kernel only reported whom it would have killed.",
}


def who(candidate: Candidate) -> str:
    return f"{candidate.row.comm or '(no name)'} (pid {candidate.row.pid})"


def unit(era: Era) -> str:
    return "permille" if era.score in (Score.PERMILLE, Score.PERMILLE_INT) else "pages"


def value(candidate: Candidate, era: Era) -> str:
    if candidate.badness_pages is not None:
        return f"{candidate.badness_pages} {unit(era)}"
    if candidate.badness_min is None:
        return f"an unknown number of {unit(era)}, for the total is lost that oom_score_adj is a share of"
    most = candidate.badness_max if candidate.badness_max is not None else "?"
    return f"{candidate.badness_min}..{most} {unit(era)}"


def highest(ranking: Ranking) -> str:
    era, target, runner_up = ranking.hypothesis.era, ranking.target, ranking.runner_up
    if runner_up is None:
        return f"{who(target)} was the only candidate that could be killed."
    text = f"{who(target)} had the highest badness of all eligible candidates, {value(target, era)}; "
    text += f"next was {who(runner_up)} with {value(runner_up, era)}"
    if target.badness_pages is not None and runner_up.badness_pages is not None:
        text += f", {target.badness_pages - runner_up.badness_pages} less"
    return text + "." + _adj_note(ranking)


def _adj_note(ranking: Ranking) -> str:
    """Says so when oom_score_adj, not memory, put the victim first."""
    target, rows = ranking.target, ranking.candidates.rows
    rss, swapents = rows.column("rss_pages"), rows.column("swapents_pages")
    assert rss is not None
    sizes_pages = rss.values if swapents is None else rss.values + swapents.values
    bigger = ranking.candidates[int(sizes_pages.argmax())]
    if bigger == target or _memory(bigger) <= _memory(target):
        return ""
    sizes = f"{_memory(bigger)} pages resident and swapped against {_memory(target)}"
    if bigger.row.oom_score_adj == target.row.oom_score_adj:
        return ""
    if target.row.oom_score_adj and not bigger.row.oom_score_adj:
        return f" {who(bigger)} is bigger ({sizes}): the victim's oom_score_adj {target.row.oom_score_adj} decided."
    return f" {who(bigger)} is bigger ({sizes}): its oom_score_adj {bigger.row.oom_score_adj} put it behind."


def _memory(candidate: Candidate) -> int:
    return candidate.row.rss_pages + (candidate.row.swapents_pages or 0)


def tie(ranking: Ranking) -> str:
    era, target = ranking.hypothesis.era, ranking.target
    text = f"{len(ranking.tied)} candidates had the highest badness, {value(target, era)}; this kernel takes "
    text += era.tie.value
    if ranking.standing.name == "TIE_UNORDERED":
        return f"{text}, in an order that a cgroup's report does not show on this kernel: {who(target)} was killed."
    where = "last" if era.tie is TieRule.LAST else "first"
    return f"{text}: {who(target)} stands {where} among them in the task list."


def child_sacrificed(case: Case, ranking: Ranking) -> str:
    parent, kill = ranking.target, case.incident.kills[0]
    return (
        f"{who(parent)} had the highest badness, {value(parent, ranking.hypothesis.era)}, but kernels up to 5.0 kill a "
        f"child in its parent's place: {kill.comm} (pid {kill.pid}) died for it, whatever its own badness. "
        "The parent lives on, with its memory."
    )


def allocating_task(case: Case) -> str:
    return (
        f"vm.oom_kill_allocating_task is set: the kernel took the task whose allocation failed, "
        f"{case.selected_comm or 'not named'}, without comparing anyone.{_in_its_place(case)}"
    )


def mpol_bind(case: Case) -> str:
    return (
        "The memory policy's nodes were full, and this kernel then takes the task that asked, "
        f"{case.selected_comm or 'not named'}, without comparing anyone.{_in_its_place(case)}"
    )


def _in_its_place(case: Case) -> str:
    """Up to 5.0 the kill step may take a child of the task; and a thread's kill line names its process."""
    kill = next(iter(case.incident.kills), None)
    if kill is None or kill.pid == case.selected_pid:
        return ""
    era = case.identified.era
    child = "" if era is not None and era.child is ChildRule.NONE else "a child in its parent's place, or "
    return f" Killed was {kill.comm} (pid {kill.pid}): {child}the process to which that thread belongs."


def oom_group(path: str, members: int) -> str:
    return f"memory.oom.group is set on {path}: all its processes were killed together ({members} kill lines)."


def swapoff(evidence: str) -> str:
    return (
        f"It was in swapoff (or KSM unmerge), and the kernel kills such a task first, whatever its badness: {evidence}."
    )


def vfork(children: tuple[Candidate, ...]) -> str:
    names = ", ".join(who(child) for child in children)
    return (
        f"Inferred: {names} repeats another row's memory figures, as a child between vfork and exec does; kernels from "
        "4.8 never choose such a child."
    )


def other_era(assumed: Era, era: Era) -> str:
    return (
        f"Explained by the rules of {era.name}, not by those of {assumed.name}; the text does not tell which of them "
        "this kernel follows."
    )


def open_inputs(ranking: Ranking, lacks: list[str]) -> str:
    era, target, other = ranking.hypothesis.era, ranking.target, ranking.leader
    text = f"This kernel's table lacks {' and '.join(lacks)}, which its score counts: {who(target)} lies within "
    text += value(target, era)
    if other is not None:
        text += f", {who(other)} within {value(other, era)}"
    return text + ". The choice is consistent with the rules but cannot be proved."


def within_noise(ranking: Ranking, gap: int, error: int, drift: int, running_on: int) -> str:
    era, leader, target = ranking.hypothesis.era, ranking.leader, ranking.target
    assert leader is not None
    if gap == 0:
        lead = f"{who(leader)} has the same badness and would win the tie over {who(target)}"
    else:
        lead = f"{who(leader)} leads {who(target)} by {gap} {unit(era)}"
    return (
        f"{lead}, which is within the error of the figures: counters of this kernel may be off by {error} pages between "
        f"two tasks, the victim's own moved by {drift} while the report was printed, and up to {running_on} more may "
        "have moved since the choice."
    )


def lost_parts(ranking: Ranking, lost: list[str]) -> str:
    text = f"Parts of the report that could explain the choice are lost: {', '.join(lost)}."
    return f"{text} {_leader(ranking)}"


def not_explained(ranking: Ranking) -> str:
    if not ranking.target.eligible:
        return (
            f"{who(ranking.target)} was killed although the rules exempt it "
            f"({ranking.target.ineligible_reason}). {_leader(ranking)}"
        )
    return f"All the data is there, and this kernel's rules give somebody else. {_leader(ranking)}"


def _leader(ranking: Ranking) -> str:
    era, leader, target = ranking.hypothesis.era, ranking.leader, ranking.target
    if leader is None:
        return "No candidate is eligible by the rules."
    return f"By the figures {who(leader)} leads with {value(leader, era)}; {who(target)} has {value(target, era)}."


def depends_on_total(needed: str) -> str:
    return (
        "The machine's total swap is not in the report, and the victim depends on it: the process killed leads "
        f"{needed}. It was chosen, so the total was such."
    )


def era_agreement(same: list[str], other: list[str], explains: bool) -> str:
    if not explains:
        tried = ", ".join(same + other)
        return f"Not explained under any era tried: {tried}."
    if not other:
        return f"The same victim under every era tried: {', '.join(same)}."
    return f"The same victim under {', '.join(same)}; another under {', '.join(other)}."
