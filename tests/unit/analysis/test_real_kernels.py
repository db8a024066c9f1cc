"""Reports that real kernels printed, against what was seen of the same run from outside the log.

fixtures/kernels/<kernel>/<scenario>/ holds kmsg, dmesg.log and truth.json, recorded by tests/kernels.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from oomforensics.analysis.model import Judged, VerdictWord
from oomforensics.kernel.badness import Counters, badness, page_table_pages, proc_oom_score
from oomforensics.kernel.eras import RssPrecision
from oomforensics.kernel.identify import identify
from oomforensics.kernel.selection import counter_error_pages
from oomforensics.kernel.totalpages import system
from tests.support.logs import judged
from tests.support.samples import FIXTURES

RUNS = sorted(path.parent for path in FIXTURES.glob("kernels/*/*/truth.json"))
FORMS = ("kmsg", "dmesg.log")
run_ids = [f"{run.parent.name}/{run.name}" for run in RUNS]
decided = [run for run in RUNS if json.loads((run / "truth.json").read_text(errors="replace"))["decided_by_rules"]]
watched = [run for run in RUNS if json.loads((run / "truth.json").read_text(errors="replace"))["oracle"]]
surveyed = [  # a guest that panics may take its own survey with it
    run for run in RUNS if json.loads((run / "truth.json").read_text(errors="replace"))["page_size"]
]
every_run = pytest.mark.parametrize("run", RUNS, ids=run_ids)
every_form = pytest.mark.parametrize("form", FORMS)


@cache
def truth(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / "truth.json").read_text(encoding="utf-8", errors="surrogateescape")))


@cache
def results(run: Path, form: str) -> list[Judged]:
    return judged((run / form).read_bytes().split(b"\n"))


def processes_killed(result: Judged) -> set[int]:
    """Pids of processes: where a leader had exited, the kill line names its thread and the table its process."""
    tgid = {candidate.row.pid: candidate.row.tgid for candidate in result.candidates}
    return {tgid.get(kill.pid, kill.pid) for kill in result.incident.kills}


def expected_words(run: Path, result: Judged) -> set[str]:
    """The kernel's reason; a log that lost the table (vm.oom_dump_tasks=0) or ends in a panic says less."""
    word = truth(run)["expected_verdict"]
    if word is None or truth(run)["panics"]:
        return {"none_killable", "insufficient_data"}
    return {word} if result.incident.table is not None or word == "allocating_task" else {"insufficient_data"}


def test_there_are_runs_of_real_kernels() -> None:
    assert len(RUNS) >= 8


@every_form
@every_run
def test_the_killed_are_those_who_died(run: Path, form: str) -> None:
    in_log = set().union(*(processes_killed(result) for result in results(run, form)))
    died = {victim["pid"] for victim in truth(run)["killed"]}
    # From 4.4 a process that shares its memory with the victim is killed without a line.
    silent = {process["pid"] for process in truth(run)["processes"] if process["vfork"]}
    if truth(run)["panics"]:
        assert died <= in_log
    else:
        assert in_log | silent == died | silent


@every_form
@pytest.mark.parametrize("run", decided, ids=lambda run: f"{run.parent.name}/{run.name}")
def test_the_verdict_where_the_rules_decide(run: Path, form: str) -> None:
    if b"invoked oom-killer" not in (run / form).read_bytes():
        assert truth(run)["panics"], "a panic can stop the reader of /dev/kmsg before it has read the report"
        assert results(run, form) == []
        return
    first = results(run, form)[0]
    assert first.verdict.word.value in expected_words(run, first), first.verdict.text
    assert first.scope.value == truth(run)["scope"] or (truth(run)["panics"] and first.scope.value == "unknown")
    for result in results(run, form):
        assert result.verdict.word is not VerdictWord.NOT_EXPLAINED, result.verdict.text


@pytest.mark.parametrize("run", watched, ids=lambda run: f"{run.parent.name}/{run.name}")
def test_badness_and_total_equal_the_kernels_own(run: Path) -> None:
    """What oom_badness() returned in the kernel, row by row, where a kretprobe could watch it."""
    oracle = truth(run)["oracle"]
    first = results(run, "kmsg")[0]
    totals = {answer["totalpages"] for answer in oracle}
    if first.totalpages.exact:
        assert first.totalpages.pages in totals
    else:
        low, high = first.totalpages.min_pages, first.totalpages.max_pages
        assert any((low or 0) <= total <= (high or total) for total in totals)
    points: dict[int, set[int]] = {}
    for answer in oracle:
        points.setdefault(answer["pid"], set()).add(answer["points"])
    scored = [row for row in first.candidates if row.badness_pages is not None and row.row.pid in points]
    assert scored or first.incident.table is None or first.verdict.word is VerdictWord.NONE_KILLABLE
    for row in scored:
        if not first.totalpages.exact and row.row.oom_score_adj:
            continue  # depends on the machine's swap, which a cgroup's report does not print
        assert row.badness_pages in points[row.row.pid], f"{row.row.comm}: {row.arithmetic}"


@pytest.mark.parametrize("run", surveyed, ids=lambda run: f"{run.parent.name}/{run.name}")
def test_oom_score_of_every_process(run: Path) -> None:
    """/proc/PID/oom_score from /proc/PID/status of the same moment, within what this kernel's counters leave open."""
    told = truth(run)
    era = identify(frozenset(), told["kernel_release"]).era
    assert era is not None
    page_kb = told["page_size"] // 1024
    meminfo = {line.split(":")[0]: int(line.split()[1]) for line in told["meminfo"].splitlines() if ":" in line}
    total = system(meminfo["MemTotal"] // page_kb, meminfo["SwapTotal"] // page_kb)
    checked = 0
    for process in told["processes"]:
        if process["oom_score"] is None or process["rss_anon_kb"] is None:
            continue
        adj = process["oom_score_adj"]
        if adj == -1000 or process["vfork"] or process["pid"] == 1:
            assert process["oom_score"] == 0, process["comm"]
            checked += 1
            continue
        rss = sum(process[name] for name in ("rss_anon_kb", "rss_file_kb", "rss_shmem_kb")) // page_kb
        tables = page_table_pages(era, told["page_size"], None, None, process["vm_pte_kb"] * 1024)
        assert tables is not None
        charge = Counters(rss, process["vm_swap_kb"] // page_kb, tables)
        value = badness(era, charge, adj, total).value
        slack = counter_error_pages(era, threads=process["threads"], cpus=told.get("cpus") or 2) or 0
        if era.rss is RssPrecision.EXACT:
            slack = 0
        low, high = (proc_oom_score(era, value + error, total) for error in (-slack, slack))
        assert low is not None
        assert high is not None
        assert low <= process["oom_score"] <= high, f"{process['comm']}: {low}..{high}"
        checked += 1
    assert checked
