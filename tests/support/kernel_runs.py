"""A run of a real kernel held against its own log: everything in which the analysis disagrees, as sentences.

A run is a fixture of tests/kernels, recorded earlier or made just now.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from oomforensics.analysis.model import Judged, VerdictWord
from oomforensics.kernel.badness import Counters, badness, page_table_pages, proc_oom_score
from oomforensics.kernel.eras import RssPrecision
from oomforensics.kernel.identify import identify
from oomforensics.kernel.selection import counter_error_pages
from oomforensics.kernel.totalpages import system
from tests.support.logs import judged

# The table is printed after the choice, and reclaim goes on: a page may count as neither resident nor swapped for a while,
# and shared memory that is swapped out leaves the RSS for good.
_SWAPPED_MEANWHILE_PAGES = 256


@dataclass(frozen=True)
class Run:
    """What the kernel logged, as records and as text, and what was seen of the same run from outside the log."""

    kmsg: bytes
    dmesg: bytes
    truth: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Run:
        truth = json.loads((folder / "truth.json").read_text(encoding="utf-8", errors="surrogateescape"))
        return cls((folder / "kmsg").read_bytes(), (folder / "dmesg.log").read_bytes(), truth)

    @cached_property
    def from_kmsg(self) -> list[Judged]:
        return judged(self.kmsg.split(b"\n"))

    @cached_property
    def from_dmesg(self) -> list[Judged]:
        return judged(self.dmesg.split(b"\n"))

    @property
    def forms(self) -> tuple[tuple[bytes, list[Judged]], ...]:
        return (self.kmsg, self.from_kmsg), (self.dmesg, self.from_dmesg)


def disagreements(run: Run) -> list[str]:
    return [sentence for check in CHECKS for sentence in check(run)]


def _processes_killed(run: Run, result: Judged) -> set[int]:
    """Pids of processes: where a leader had exited, the kill line names its thread and the table its process.

    A kill line without a report leaves only the thread.
    """
    tgid = {candidate.row.pid: candidate.row.tgid for candidate in result.candidates}
    if result.incident.table is None:
        tgid = {tid: process["pid"] for process in run.truth["processes"] for tid in process.get("tids", ())}
    return {tgid.get(kill.pid, kill.pid) for kill in result.incident.kills}


def killed(run: Run) -> Iterator[str]:
    """The log's kills are the processes that died."""
    died = {victim["pid"] for victim in run.truth["killed"]}
    # From 4.4 a process that shares its memory with the victim is killed without a line.
    silent = {process["pid"] for process in run.truth["processes"] if process["vfork"]}
    for _, results in run.forms:
        in_log = set().union(*(_processes_killed(run, result) for result in results))
        if run.truth["panics"]:
            if not died <= in_log:
                yield f"{sorted(died - in_log)} died, not in the log"
        elif in_log | silent != died | silent:
            yield f"killed by the log: {sorted(in_log)}; died: {sorted(died)}"


def _expected_words(run: Run, result: Judged) -> set[str]:
    """The kernel's reason; a log that lost the table (vm.oom_dump_tasks=0) or ends in a panic says less."""
    word = run.truth["expected_verdict"]
    if word is None or run.truth["panics"]:
        return {"none_killable", "insufficient_data"}
    if result.incident.table is None and word != "allocating_task":
        return {"insufficient_data"}
    return {word, *run.truth.get("or_else", ())}


def verdict(run: Run) -> Iterator[str]:
    """Where the kernel's rules decide, the first verdict is the expected one and none is missing."""
    if not run.truth["decided_by_rules"]:
        return
    for raw, results in run.forms:
        if b"invoked oom-killer" not in raw:
            # A panic can stop the reader of /dev/kmsg before it has read the report.
            if results or not (run.truth["panics"] or run.truth.get("silent")):
                yield "no report in the log"
            continue
        first = results[0]
        if first.verdict.word.value not in _expected_words(run, first):
            yield f"{first.verdict.word}, expected {_expected_words(run, first)}: {first.verdict.text}"
        if first.scope.value != run.truth["scope"] and not (run.truth["panics"] and first.scope.value == "unknown"):
            yield f"scope {first.scope}, was {run.truth['scope']}"
        for result in results:
            if result.verdict.word is VerdictWord.NOT_EXPLAINED:
                yield f"not explained: {result.verdict.text}"


def own_badness(run: Run) -> Iterator[str]:
    """What oom_badness() returned in the kernel, row by row, where a kretprobe could watch it; and its totalpages."""
    oracle = run.truth["oracle"]
    if not oracle or not run.from_kmsg:
        return
    first = run.from_kmsg[0]
    total = first.totalpages
    totals = {answer["totalpages"] for answer in oracle}
    low, high = (total.pages, total.pages) if total.exact else (total.min_pages, total.max_pages)
    if not any((low or 0) <= one <= (one if high is None else high) for one in totals):
        yield f"totalpages {total.pages} ({low}..{high}), the kernel's {sorted(totals)}"
    points: dict[int, set[int]] = {}
    for answer in oracle:
        points.setdefault(answer["pid"], set()).add(answer["points"])
    scored = [row for row in first.candidates if row.badness_pages is not None and row.row.pid in points]
    if not scored and first.incident.table is not None and first.verdict.word is not VerdictWord.NONE_KILLABLE:
        yield "no candidate could be compared"
    moved = _SWAPPED_MEANWHILE_PAGES if "partition" in run.truth["swaps"] else 0
    for row in scored:
        if not total.exact and row.row.oom_score_adj:
            continue  # depends on the machine's swap, which a cgroup's report does not print
        if min(abs((row.badness_pages or 0) - one) for one in points[row.row.pid]) > moved:
            yield f"{row.row.comm!r}: {row.arithmetic}, the kernel's {sorted(points[row.row.pid])}"


def oom_score(run: Run) -> Iterator[str]:
    """/proc/PID/oom_score from /proc/PID/status of the same moment, within what this kernel's counters leave open."""
    told = run.truth
    if not told["page_size"]:
        return  # a guest that panics may take its own survey with it
    era = identify(frozenset(), told["kernel_release"]).era
    if era is None:
        yield f"no era for {told['kernel_release']}"
        return
    page_kb = told["page_size"] // 1024
    meminfo = {line.split(":")[0]: int(line.split()[1]) for line in told["meminfo"].splitlines() if ":" in line}
    # sysinfo's totalram and MemTotal are one number; a huge page pool stays in it.
    total = system(meminfo["MemTotal"] // page_kb, meminfo["SwapTotal"] // page_kb)
    checked = 0
    for process in told["processes"]:
        score, adj = process["oom_score"], process["oom_score_adj"]
        if score is None or process["rss_anon_kb"] is None:
            continue
        checked += 1
        if adj == -1000 or process["vfork"] or process["pid"] == 1:
            if score != 0:
                yield f"oom_score of {process['comm']!r}: 0, was {score}"
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
        if low is None or high is None or not low <= score <= high:
            yield f"oom_score of {process['comm']!r}: {low}..{high}, was {score}"
    if not checked:
        yield "no process could be compared"


CHECKS = (killed, verdict, own_badness, oom_score)
