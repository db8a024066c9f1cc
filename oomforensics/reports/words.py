"""The contract's words in plain language: verdicts, scopes, time sources, what a report lost."""

from __future__ import annotations

from typing import NamedTuple


class Gloss(NamedTuple):
    short: str  # beside the badge
    meaning: str  # one sentence for a person who never read mm/oom_kill.c
    tone: str  # proven | policy | open: how far the answer can be relied on


VERDICTS: dict[str, Gloss] = {
    "highest_badness": Gloss(
        "It scored highest",
        "It had the highest badness of all that could be chosen. The kernel followed its ordinary rule.",
        "proven",
    ),
    "tie": Gloss(
        "Equal scores",
        "Several processes had the same highest badness. The order in which this kernel walks its tasks decided.",
        "proven",
    ),
    "child_sacrificed": Gloss(
        "Killed in place of its parent",
        "Kernels of this age select the highest badness, "
        "then kill a child of it if they can. The victim is that child. Kernels from 5.1 on kill the process that they chose.",
        "proven",
    ),
    "allocating_task": Gloss(
        "The asker was killed",
        "vm.oom_kill_allocating_task was set, or a memory policy's nodes were full: "
        "the kernel then kills the task whose allocation failed, whatever it uses.",
        "policy",
    ),
    "oom_group": Gloss(
        "The whole cgroup went",
        "memory.oom.group was set: when one process of the cgroup is chosen, all of them are killed.",
        "policy",
    ),
    "oom_origin": Gloss(
        "Marked to go first",
        "The process was in swapoff or a KSM unmerge, and the kernel kills such a process before any other.",
        "policy",
    ),
    "none_killable": Gloss(
        "Nobody was killed",
        "No process could be chosen, or the kernel panicked or waited instead. No kill freed memory.",
        "open",
    ),
    "within_noise": Gloss(
        "Too close to call",
        "Another process leads by less than the known error of this kernel's counters. "
        "The figures fit the choice, but do not prove it.",
        "open",
    ),
    "insufficient_data": Gloss(
        "Not enough data",
        "The report lacks what the arithmetic needs: the log lost it, or this kernel never prints it. "
        "Nothing was guessed.",
        "open",
    ),
    "not_explained": Gloss(
        "Our arithmetic disagrees",
        "All the data is there, and the kernel's rules as we know them choose another process. "
        "Treat the reason as open.",
        "open",
    ),
}
_UNKNOWN_VERDICT = Gloss("Unknown verdict", "This version of the report does not know this word.", "open")


def verdict(word: str) -> Gloss:
    return VERDICTS.get(word, _UNKNOWN_VERDICT)


TS_SOURCES: dict[str, str] = {
    "journald": "journald's own clock, UTC",
    "syslog": "syslog with date and zone",
    "syslog-year-inferred": "syslog without year and zone; both are assumed",
    "dmesg-wallclock": "dmesg -T: uptime added to boot time, which drifts when the machine was suspended",
    "pair-derived": "time since boot, set by another log of the same boot that has a clock as well",
    "boot-time-derived": "time since boot added to a known boot time",
    "none": "the log has no wall-clock time",
}

MISSING: dict[str, str] = {
    "report": "the whole report: only the kill itself is in the log",
    "head": "the first line (“… invoked oom-killer”)",
    "head_cut": "the end of the first line",
    "stack_header": "the line that names the running kernel",
    "memory_info": "the memory figures (Mem-Info or the cgroup's usage)",
    "memory_totals": "the totals at the end of Mem-Info (RAM, reserved, swap)",
    "task_table": "the task table",
    "task_table_header": "the header of the task table; its columns were inferred",
    "task_rows": "some rows of the task table, damaged beyond reading",
    "oom_kill_line": "the line “oom-kill:constraint=…”",
    "oom_kill_line_cut": "the end of the line “oom-kill:constraint=…”",
    "kill_line": "the line “Killed process …”",
}


def missing(part: str) -> str:
    return MISSING.get(part, part.replace("_", " "))


OUTCOMES: dict[str, str] = {
    "already_exiting": "the chosen process was already exiting",
    "none_killable": "there was no process that could be killed",
    "panic_on_oom": "the kernel panicked, because vm.panic_on_oom is set",
    "panic_deadlock": "the kernel panicked: out of memory and no killable process",
    "would_have_killed": "the kernel only named the process that it would have killed",
}


def outcome(kind: str) -> str:
    return OUTCOMES.get(kind, kind.replace("_", " "))


INELIGIBLE: dict[str, str] = {
    "oom_score_adj_min": "protected by adj",
    "global_init": "init",
    "already_killed": "killed before",
    "vfork_child": "vfork child",
}


def ineligible(reason: str | None) -> str:
    if reason is None:
        return "not eligible"
    return f"not eligible: {INELIGIBLE.get(reason, reason.replace('_', ' '))}"


KILL_REASONS: dict[str, str] = {
    "victim": "the chosen process",
    "oom_group": "went with its cgroup",
    "shared_mm": "shared the victim's memory",
}


def kill_reason(reason: str) -> str:
    return KILL_REASONS.get(reason, reason.replace("_", " "))
