"""Kills that belong together: in time, in place, or because one did not help."""

from __future__ import annotations

from itertools import takewhile

from oomforensics.analysis.findings import words
from oomforensics.analysis.findings.entry import Confidence, Entry, Fact, Found, Severity, entry
from oomforensics.analysis.findings.evidence import Evidence
from oomforensics.analysis.scene import MOST_NEIGHBOURS, Neighbour
from oomforensics.analysis.task_table import Process

# The kernel reports at most ten kills in five seconds (mm/oom_kill.c: oom_rs); more than that is a storm in its own eyes.
_STORM = 10
_STORM_S = 60.0
# Three deaths of the same service within an hour: once is chance, twice may be, restarts that do not help are neither.
_LOOP = 3
_LOOP_S = 3600.0  # no more than scene.NEIGHBOURS_S
# What no CPU can fault in and clear: memory that is in use again so fast was never given back.
_FASTEST_FILL_KB_S = 8 << 20
_STILL_THERE_KB = 1024  # of an earlier victim's RSS: below, it is all but gone


@entry(
    Severity.CRITICAL,
    condition=f"{_STORM} or more OOM kills on this host within {_STORM_S:.0f} s",
    advice=(
        "Read the first kills of the storm, not this one: later victims are what was left. The kernel prints at most ten reports "
        "in five seconds, so some kills have no report. If they come from one parent cgroup, give its children limits that "
        "add up to less than the parent's; if from a supervisor that restarts at once, let it back off (RestartSec=)."
    ),
)
def storm(seen: Evidence) -> Found | None:
    near = list(takewhile(lambda one: one.earlier_s <= _STORM_S, seen.scene.neighbours))
    count = len(near) + 1
    if count < _STORM:
        return None
    first = max(near, key=lambda one: one.earlier_s)
    groups = {one.oom_memcg for one in near if one.oom_memcg} | ({seen.scene.oom_memcg} - {None})
    number = "number" if len(seen.scene.neighbours) < MOST_NEIGHBOURS else "at least number"
    text = f"This is {number} {count} of the OOM kills that began {first.earlier_s:.1f} s before"
    text += f"; {len(groups)} cgroups hit their limit." if len(groups) > 1 else "."
    return Found(text, (Fact("kills in that time", count, "count", None, seen.scene.source), _neighbour(first)))


def _neighbour(one: Neighbour) -> Fact:
    return Fact(
        f"earlier victim {words.name(one.victim_comm, one.victim_pid)}, before this one",
        round(one.earlier_s, 3),
        "s",
        one.line,
        one.source,
    )


def _service(one: Neighbour) -> str | None:
    """The unit, container's pod or cgroup that is restarted as the same."""
    return one.systemd_unit or one.pod_uid or one.task_memcg or one.oom_memcg


@entry(
    Severity.CRITICAL,
    condition=f"at least {_LOOP} victims of one name in one unit, pod or cgroup in {_LOOP_S / 60:.0f} minutes, each a new pid",
    advice=(
        "It is restarted and dies again: no restart makes it fit. Raise the limit only if its steady need is known to be above "
        "it; else find what it does at start (loading a cache, replaying a queue). Until then stop the loop: "
        "StartLimitBurst= and RestartSec= of the unit, or scale the workload down."
    ),
)
def kill_loop(seen: Evidence) -> Found | None:
    scene = seen.scene
    place = scene.systemd_unit or scene.pod_uid or scene.task_memcg or scene.oom_memcg
    if scene.victim_comm is None or place in (None, "/"):
        return None
    same = [
        one
        for one in scene.neighbours
        if one.earlier_s <= _LOOP_S
        and one.victim_comm == scene.victim_comm
        and one.victim_pid != scene.victim_pid
        and _service(one) == place
    ]
    count = len({one.victim_pid for one in same}) + 1
    if count < _LOOP:
        return None
    first = max(same, key=lambda one: one.earlier_s)
    text = (
        f"{words.name(scene.victim_comm, scene.victim_pid)} in {place} is victim number {count} of that name there within "
        f"{_span(first.earlier_s)}, each a new process."
    )
    return Found(
        text, (Fact("kills of it", count, "count", None, scene.source), _neighbour(first), _neighbour(same[0]))
    )


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.1f} s"


def _still_there(seen: Evidence, one: Neighbour) -> Process | None:
    """The earlier victim's row in this report's table, where it still has memory."""
    row = seen.scene.processes.with_pid(one.victim_pid)
    if row is None or row.comm != one.victim_comm or row.is_victim or one.earlier_s >= _LOOP_S:
        return None
    return row if row.used_pages * seen.page_kb >= _STILL_THERE_KB else None


def _coming_back_kb(seen: Evidence, one: Neighbour, row: Process) -> int:
    """Of the memory that an earlier victim still has, what its end gives back for certain: pages of tmpfs stay, those of
    files could be dropped before. Rows of kernels before 6.8 tell no kinds apart: it shares no more than when it was killed."""
    if row.rss_anon_pages is not None:
        return (row.rss_anon_pages + (row.swapents_pages or 0)) * seen.page_kb
    return row.used_pages * seen.page_kb - one.victim_shared_kb


@entry(
    Severity.WARNING,
    condition=(
        "an earlier victim is still in this report's table with memory of its own, or the limit was full again faster than any "
        f"CPU can fill it ({_FASTEST_FILL_KB_S >> 20} GiB/s)"
    ),
    advice=(
        "The second victim died for nothing but time: the first one's memory was on its way back. It is common from 6.1 on, "
        "a few milliseconds apart. What delays a victim: uninterruptible sleep (slow storage, NFS), mlocked memory, a "
        "very large address space. Nothing to tune in the kernel; count both as one incident."
    ),
)
def killed_before_memory_came_back(seen: Evidence) -> Found | None:
    scene = seen.scene
    for one in scene.neighbours:
        if not one.same_boot or one.scope != scene.scope or one.oom_memcg != scene.oom_memcg:
            continue
        if one.reaper_failed:
            continue  # it was not on its way back
        row = _still_there(seen, one)
        own_kb = _coming_back_kb(seen, one, row) if row is not None else 0
        if row is not None and own_kb >= _STILL_THERE_KB:
            text = (
                f"{words.who(row)}, killed {one.earlier_s:.3f} s earlier, still had "
                f"{words.size(own_kb)} of its own when {words.name(scene.victim_comm, scene.victim_pid)} was chosen."
            )
            return Found(text, (_neighbour(one), words.row(seen, row)))
        freed = one.victim_anon_kb
        if freed and freed >= _STILL_THERE_KB and freed > one.earlier_s * _FASTEST_FILL_KB_S:
            text = (
                f"{words.name(one.victim_comm, one.victim_pid)} was killed only {one.earlier_s * 1000:.1f} ms before, with "
                f"{words.size(freed)}: its memory cannot have been freed and used up again by then."
            )
            facts = (_neighbour(one), Fact("its anon-rss", freed, "KiB", one.line, one.source))
            return Found(text, facts, Confidence.LIKELY)
    return None


@entry(
    Severity.WARNING,
    condition="the kernel printed that it could not reap the victim, or an earlier victim that still has memory in this table",
    advice=(
        "The victim's memory map was locked for a second, as a rule because it sat in uninterruptible sleep: look for slow or "
        "dead storage (NFS, a failing disk, a frozen file system) and hung-task messages at that time. From 5.7 on the "
        "victim's stack stands behind that line and shows what it waited for. Until it leaves that sleep its memory stays, "
        "the kernel passes it over, and others die."
    ),
)
def reaper_failed(seen: Evidence) -> Found | None:
    scene = seen.scene
    failed = next((one for one in scene.kills if one.reaped is False), None)
    if failed is not None:
        gave_up = tuple(
            Fact("unable to reap pid", one.pid, None, one.line, one.source)
            for one in scene.told
            if one.kind == "oom_reaper_failure" and one.pid is not None and one.pid == failed.pid
        )
        text = f"The reaper could not take the memory of {words.name(failed.comm, failed.pid)}: unable to reap."
        return Found(text, (words.kb(seen, "anon-rss at the kill", failed.anon_rss_kb or 0, failed.line), *gave_up))
    for one in scene.neighbours:
        row = _still_there(seen, one) if one.reaper_failed and one.same_boot else None
        if row is not None:
            text = (
                f"The reaper could not take the memory of {words.who(row)}, killed {one.earlier_s:.3f} s earlier: it still had "
                f"{words.size(row.used_pages * seen.page_kb)} when {words.name(scene.victim_comm, scene.victim_pid)} was chosen."
            )
            return Found(text, (_neighbour(one), words.row(seen, row)))
    return None


ENTRIES: tuple[Entry, ...] = (storm, kill_loop, killed_before_memory_came_back, reaper_failed)
