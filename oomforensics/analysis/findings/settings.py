"""Settings of the machine that decided, or that let it come to this."""

from __future__ import annotations

from oomforensics.analysis.findings import words
from oomforensics.analysis.findings.entry import Confidence, Entry, Fact, Found, Severity, entry
from oomforensics.analysis.findings.evidence import Evidence
from oomforensics.analysis.model import Scope

_NEVER = 2  # vm.overcommit_memory: strict accounting
_ALWAYS = 1
_UNDER_OOM, _DISABLED = " memory.oom_control under_oom", " memory.oom_control oom_kill_disable"


@entry(
    Severity.CRITICAL,
    condition="the kernel panicked because of vm.panic_on_oom",
    advice=(
        "1 panics when the machine runs out, 2 for a cgroup or cpuset too. With kernel.panic=N the machine reboots after N "
        "seconds; with 0 it stays down. It suits cluster nodes that are better fenced than half alive. Else set "
        "vm.panic_on_oom=0 and let the kernel kill. With 2 any container that hits its limit takes the node down, "
        "which is hardly ever meant."
    ),
)
def panicked_on_oom(seen: Evidence) -> Found | None:
    scene = seen.scene
    if "panic_on_oom" not in scene.outcomes:
        return None
    what = "a cgroup" if scene.scope == Scope.MEMCG else "the machine"
    text = f"The kernel panicked instead of killing: it held {what} to be out of memory, and vm.panic_on_oom is set."
    return Found(text, (Fact("panic_on_oom", "Kernel panic", None, scene.line_end, scene.source),))


@entry(
    Severity.WARNING,
    condition="the message says oom_kill_allocating_task: who asked for memory was taken",
    advice=(
        "vm.oom_kill_allocating_task=1 kills whoever asks next, however small. It saves the walk over all processes on "
        "very large machines and makes the victim chance everywhere else: set it to 0, and the biggest process is taken."
    ),
)
def allocating_task_killed(seen: Evidence) -> Found | None:
    scene = seen.scene
    if scene.verdict != "allocating_task" or scene.scope != Scope.GLOBAL or not scene.kills:
        return None
    victim, biggest = scene.victim, seen.biggest
    asked = "it" if scene.selected_pid in (None, scene.victim_pid) else f"pid {scene.selected_pid}"
    text = f"vm.oom_kill_allocating_task is set: {words.name(scene.victim_comm, scene.victim_pid)} died because {asked} asked."
    facts: tuple[Fact, ...] = (Fact("pid killed", scene.victim_pid or 0, None, scene.kills[0].line, scene.source),)
    if victim is not None and biggest is not None and biggest.used_pages > victim.used_pages:
        text += f" {words.who(biggest)} held more, {words.size(biggest.used_pages * seen.page_kb)}."
        facts += (words.row(seen, biggest),)
    return Found(text, facts)


@entry(
    Severity.INFO,
    condition=(
        "the machine ran out; by the bundle vm.overcommit_memory is 1, or Committed_AS was above CommitLimit (mode 0), or the "
        "kill came although mode 2 is set"
    ),
    advice=(
        "Promised memory is not used memory: Go, Java and databases reserve far more than they touch, and Committed_AS above "
        "CommitLimit is common on healthy machines. Mode 2 (vm.overcommit_memory=2 with a chosen vm.overcommit_ratio) makes "
        "malloc and fork fail instead of a kill; many programs do not bear that, so try it on a test machine first. Redis and "
        "its like ask for mode 1 for their fork: then bound them by MemoryMax=."
    ),
)
def overcommitted(seen: Evidence) -> Found | None:
    scene = seen.scene
    mode, limit, promised = (
        scene.number(kind, name)
        for kind, name in (
            ("sysctl", "vm.overcommit_memory"),
            ("meminfo", "CommitLimit_kb"),
            ("meminfo", "Committed_AS_kb"),
        )
    )
    if scene.scope != Scope.GLOBAL:
        return None
    facts: tuple[Fact, ...] = ()
    if mode is not None:
        facts += (words.setting("vm.overcommit_memory", scene.facts["sysctl", "vm.overcommit_memory"]),)
    if limit is not None and promised is not None:
        meminfo = scene.facts["meminfo", "Committed_AS_kb"]
        facts += (
            Fact("Committed_AS when the bundle was collected", promised, "KiB", meminfo.line, meminfo.source),
            Fact("CommitLimit", limit, "KiB", scene.facts["meminfo", "CommitLimit_kb"].line, meminfo.source),
        )
    if mode == _ALWAYS:
        text = "vm.overcommit_memory is 1: no request for memory is refused, so the OOM killer is the only brake."
        return Found(text, facts, Confidence.LIKELY)
    if mode == _NEVER:
        text = (
            "vm.overcommit_memory is 2, and the machine ran out all the same: CommitLimit allows more than there is, or the "
            "memory went to what is not counted (page cache that cannot be dropped, slab, page tables)."
        )
        return Found(text, facts, Confidence.LIKELY)
    if not limit or promised is None or promised <= limit:
        return None
    text = f"Processes had been promised {words.size(promised)}, {promised / limit:.1f} times CommitLimit ({words.size(limit)})."
    return Found(text, facts, Confidence.POSSIBLE)


@entry(
    Severity.CRITICAL,
    condition="the bundle shows a cgroup (v1) of this host that has its OOM killer disabled and is out of memory",
    advice=(
        "Its processes sleep until somebody frees memory or raises the limit; nothing is logged. Write 0 to its "
        "memory.oom_control, or drop what sets it (docker run --oom-kill-disable without anything that watches it). At once: "
        "raise memory.limit_in_bytes, or kill one of its processes."
    ),
)
def cgroup_hangs_unkilled(seen: Evidence) -> Found | None:
    disabled = [
        (name.removesuffix(_UNDER_OOM), fact)
        for (kind, name), fact in seen.scene.facts.items()
        if kind == "counter"
        and name.endswith(_UNDER_OOM)
        and seen.scene.number(kind, name.removesuffix(_UNDER_OOM) + _DISABLED)
    ]
    if not disabled:
        return None
    path, fact = disabled[0]
    more = f" (and {len(disabled) - 1} more)" if len(disabled) > 1 else ""
    text = f"The cgroup {path}{more} is out of memory and has its OOM killer disabled: whoever asks for memory there sleeps."
    return Found(
        text,
        (
            words.setting(f"{path}: under_oom", fact),
            words.setting(f"{path}: oom_kill_disable", seen.scene.facts["counter", path + _DISABLED]),
        ),
        Confidence.LIKELY,
    )


ENTRIES: tuple[Entry, ...] = (panicked_on_oom, allocating_task_killed, overcommitted, cgroup_hangs_unkilled)
