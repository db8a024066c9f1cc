"""Whom the kernel took, and who had the memory."""

from __future__ import annotations

from oomforensics.analysis.findings import words
from oomforensics.analysis.findings.entry import Confidence, Entry, Fact, Found, Severity, entry
from oomforensics.analysis.findings.evidence import Evidence, Group
from oomforensics.analysis.model import Scope, VerdictWord
from oomforensics.analysis.task_table import Process

# A victim of half the size of the one that was spared: no rounding, and no noise of the counters, turns that around.
_BIGGER = 1.5  # with a shield to explain it, this is no chance
_MUCH_BIGGER = 2.0
# A twentieth of the memory: less than that, set free, would not have let anybody grow much longer.
_PART_OF_CAUSE = 0.05
# Many small ones together must hold a fifth of it to count as its users.
_POOL_OF_WHOLE = 0.20
# Below a fiftieth of all that processes use, a victim's death changes nothing.
_SMALL_VICTIM = 0.02
_MOST_OF_IT = 0.5  # whoever has as much as all others together
# Many: more than a desktop has of one program by chance. Together they must be the greatest part of what processes use,
# and none of them most of it.
_MANY = 8
_MOST_OF_USE = 0.40
_ONE_OF_MANY = 0.25
_NEARLY_ALL = 0.75
# More of a victim's RSS shared than private: its death frees less than half of what its row shows.
_MOSTLY_SHARED = 0.50
_KINDS = {"unit": 0, "cgroup": 1, "user": 2}  # the narrowest that people know first
_MIN_SHARED_KB = 16 << 10  # less shared memory is no reason for anything


def _outweighs(seen: Evidence, one: Process, victim: Process, times: float = _MUCH_BIGGER) -> bool:
    """It has so many times as much, and enough of what ran out to be part of the cause."""
    more = one.used_pages >= victim.used_pages * times and one.pid != victim.pid
    return more and seen.matters(one.used_pages, _PART_OF_CAUSE)


@entry(
    Severity.CRITICAL,
    condition=(
        f"the process with most memory has {_BIGGER:g} times the victim's, at least {_PART_OF_CAUSE:.0%} of memory, and "
        "an oom_score_adj below 0"
    ),
    advice=(
        "Take the shield off what may grow: OOMScoreAdjust= of its unit (0 is the default; children inherit it, so look at the "
        "parent too). If it must be protected, bound it instead: MemoryMax= on its unit, so that it runs into its own limit "
        "and not into the machine's. Then it is the one that is killed. Kubernetes gives the containers of a Guaranteed pod "
        "-997 or -998, which shields them from the machine's shortage and says nothing within the pod's own limit."
    ),
)
def culprit_shielded(seen: Evidence) -> Found | None:
    victim, biggest = seen.scene.victim, seen.biggest
    if victim is None or biggest is None or biggest.pid == 1 or not _outweighs(seen, biggest, victim, _BIGGER):
        return None
    shield, exposed = biggest.oom_score_adj or 0, victim.oom_score_adj or 0
    held = f"{words.who(biggest)} held {words.size(biggest.used_pages * seen.page_kb)}"
    died = f"{words.who(victim)} died with {words.size(victim.used_pages * seen.page_kb)}"
    if shield < min(exposed, 0):
        text = f"{held}, and its oom_score_adj {shield} kept it alive; {died}."
    elif shield == exposed < 0 and seen.scene.verdict == VerdictWord.TIE:
        text = (
            f"{held}, but both have oom_score_adj {shield}, with which this kernel gives all the same lowest score: {died} "
            "for its place in the list."
        )
    else:
        return None
    return Found(text, (words.row(seen, biggest), words.adj(seen, biggest), words.row(seen, victim)))


@entry(
    Severity.WARNING,
    condition=f"the victim has oom_score_adj > 0, and an eligible process with less has {_MUCH_BIGGER:.0f} times its memory",
    advice=(
        "Ask who set it. Kubernetes does by QoS class (a BestEffort pod has 1000, a Burstable one 2 to 999 by its request): "
        "raise the request or make it Guaranteed. Browsers and desktop sessions set it for their own. If the process is "
        "meant to go first, all is as it should be, but its death frees little: the bigger one is where the memory is."
    ),
)
def bystander_doomed(seen: Evidence) -> Found | None:
    victim = seen.scene.victim
    if victim is None or (victim.oom_score_adj or 0) <= 0:
        return None
    tasks = seen.scene.processes
    rivals = tasks.where(tasks.filled("eligible") & (tasks.filled("oom_score_adj") < (victim.oom_score_adj or 0)))
    bigger = rivals.largest(rivals.used_pages)
    if bigger is None or not _outweighs(seen, bigger, victim):
        return None
    text = (
        f"The oom_score_adj {victim.oom_score_adj} of {words.who(victim)} decided: it died with "
        f"{words.size(victim.used_pages * seen.page_kb)}, while {words.who(bigger)} held "
        f"{words.size(bigger.used_pages * seen.page_kb)}."
    )
    return Found(text, (words.row(seen, victim), words.adj(seen, victim), words.row(seen, bigger)))


@entry(
    Severity.CRITICAL,
    condition="nobody could be killed, and every process of the table but init has oom_score_adj -1000",
    advice=(
        "Keep -1000 for what the machine cannot do without (sshd, the watchdog, the cluster's agent). A shell with -1000 hands "
        "it to everything started from it: reset it there (choom -n 0 -- COMMAND). On the machine as a whole the kernel panics "
        "in this state; in a cgroup the writer gets ENOMEM or hangs."
    ),
)
def everything_shielded(seen: Evidence) -> Found | None:
    scene = seen.scene
    if "none_killable" not in scene.outcomes and "panic_deadlock" not in scene.outcomes:
        return None
    shielded = [one for one in scene.processes if one.ineligible_reason == "oom_score_adj_min"]
    if not shielded or any(one.eligible for one in scene.processes):
        return None
    held = sum(one.used_pages for one in shielded) * seen.page_kb
    largest = max(shielded, key=lambda one: one.used_pages)
    text = (
        f"All {len(shielded)} processes that could have been chosen have oom_score_adj -1000; they hold {words.size(held)}. "
        f"The largest is {words.who(largest)}."
    )
    return Found(
        text, (words.kb(seen, "held by processes at -1000", held), words.row(seen, largest), words.adj(seen, largest))
    )


@entry(
    Severity.WARNING,
    condition=(
        f"at least {_MANY} processes of one name (numbers at its end aside) have {_MOST_OF_USE:.0%} of what all processes use, "
        f"none of them {_ONE_OF_MANY:.0%} of it; together more than any single process and {_POOL_OF_WHOLE:.0%} of memory. "
        f"*critical*, if they have {_MOST_OF_IT:.0%} of memory and {_NEARLY_ALL:.0%} of the use"
    ),
    advice=(
        "The kernel weighs processes one by one and takes one worker at a time. Bound the number: the pool's own setting "
        "(pm.max_children, MaxRequestWorkers, --workers, max_connections), or TasksMax= and MemoryMax= on the unit. "
        "memory.oom.group=1 on their cgroup (OOMPolicy=kill of a unit) lets them die together where one missing worker breaks "
        "the rest. A fork bomb shows as hundreds of equal small rows: pids.max stops it."
    ),
)
def many_small_processes(seen: Evidence) -> Found | None:
    if len(seen.scene.processes) < _MANY or seen.scene.scope == Scope.SYSRQ:
        return None
    group = seen.largest_group
    if group is None or not _is_pool(group, seen) or not seen.matters(_charged_pages(group, seen), _POOL_OF_WHOLE):
        return None
    largest = group.members[int(group.members.used_pages.argmax())]
    named = f"named as {words.who(largest)}" + (", but for a number," if group.numbered else "")
    held = group.used_pages * seen.page_kb
    shared = " (pages that they share count for each)" if largest.rss_anon_pages is None else ""
    users = set(group.members.listed("uid"))
    text = (
        f"{len(group.members)} processes {named} use {words.size(held)} together{shared}, "
        f"{words.share(group.used_pages / seen.used_pages)} of what all processes of the table use; the largest of them "
        f"{words.size(group.largest_pages * seen.page_kb)}."
    )
    if len(users) == 1 and None not in users:
        text += " All are of one user."
    facts = (
        Fact(f"processes {named}", len(group.members), "count", None, seen.scene.source),
        words.kb(seen, "resident and swapped, sum", held),
        words.row(seen, largest),
    )
    most = (
        seen.memory is not None
        and seen.matters(_charged_pages(group, seen), _MOST_OF_IT)
        and group.used_pages >= seen.used_pages * _NEARLY_ALL  # however much of it they share
    )
    return Found(text, facts, Confidence.LIKELY, Severity.CRITICAL if most else None)


@entry(
    Severity.WARNING,
    condition=(
        f"a recording shows a unit, cgroup or user (not root) with at least {_MANY} processes and {_POOL_OF_WHOLE:.0%} of memory "
        f"at the end, no process of the table {_ONE_OF_MANY:.0%} of that, and the names do not show it already"
    ),
    advice=(
        "No single process is to blame, and the kernel takes one at a time. Give the unit a limit of its own (MemoryMax=, with "
        "OOMPolicy=kill where one missing process breaks the rest) and bound what multiplies in it (TasksMax=, its number of "
        "workers or jobs). For a user: MemoryMax= in a drop-in of user-UID.slice, which then hits whatever is theirs."
    ),
)
def many_of_one_unit(seen: Evidence) -> Found | None:
    grown = seen.scene.grown
    if (
        grown is None
        or grown.seen_in != "recording"
        or seen.memory is None
        or many_small_processes.look(seen) is not None
    ):
        return None
    largest = seen.most_own_pages * seen.page_kb
    for one in sorted(grown.together, key=lambda one: _KINDS.get(one.kind, len(_KINDS))):
        kb = one.end_bytes // 1024
        if one.kind not in _KINDS or one.who in ("uid 0", seen.scene.oom_memcg) or one.processes < _MANY:
            continue
        if kb >= seen.memory.whole.kb * _POOL_OF_WHOLE and largest < kb * _ONE_OF_MANY:
            whose = "one user" if one.kind == "user" else f"the {one.kind} {one.who}"
            text = (
                f"{one.processes} processes of {whose} had {words.size(kb)} together when last seen (pages that "
                f"they share count for each); no process of the table has more than {words.size(largest)}."
            )
            facts = (
                Fact(f"processes of {whose}", one.processes, "count", None, grown.source),
                Fact("what they had together", kb, "KiB", None, grown.source),
                words.part(seen, seen.memory.what, seen.memory.whole),
            )
            return Found(text, facts, Confidence.LIKELY)
    return None


def _charged_pages(group: Group, seen: Evidence) -> int:
    """What of it may count against what ran out: a cgroup is not charged with a program's pages that another one read."""
    memory = seen.memory
    if seen.scene.scope != Scope.MEMCG or memory is None or "anon" not in memory.parts:
        return group.used_pages
    return min(group.used_pages, memory.parts["anon"].kb // seen.page_kb)


def _is_pool(group: Group, seen: Evidence) -> bool:
    return (
        len(group.members) >= _MANY
        and group.used_pages >= seen.used_pages * _MOST_OF_USE
        and group.largest_pages < seen.used_pages * _ONE_OF_MANY
        and group.used_pages > seen.most_own_pages
    )


@entry(
    Severity.WARNING,
    condition=f"the victims had less than {_SMALL_VICTIM:.0%} of the memory that ran out, by their kill lines",
    advice=(
        "Do not look for the cause in the victim. See where the memory is: the findings on its kinds and on oom_score_adj, and "
        "the largest rows of the table."
    ),
)
def victim_held_little(seen: Evidence) -> Found | None:
    memory, kills = seen.memory, seen.scene.kills
    if memory is None or not kills:
        return None
    sizes = [(one.anon_rss_kb, one.shmem_rss_kb or 0) for one in kills]
    if any(anon is None for anon, _ in sizes):
        return None
    freed = sum((anon or 0) + shmem for anon, shmem in sizes)
    swapped = seen.scene.victim.swapents_pages if seen.scene.victim is not None else None
    freed += (swapped or 0) * seen.page_kb
    if freed >= memory.whole.kb * _SMALL_VICTIM:
        return None
    text = (
        f"The victim had {words.size(freed)}, {words.share(freed / memory.whole.kb)} of {memory.what} "
        f"({words.size(memory.whole.kb)}): its death could not help much."
    )
    facts = (
        words.kb(seen, "anon-rss, shmem-rss and swapped of the victims", freed, kills[0].line),
        words.part(seen, memory.what, memory.whole),
    )
    return Found(text, facts)


@entry(
    Severity.WARNING,
    condition=f"the victim's own anonymous memory and swap are at least {_MOST_OF_IT:.0%} of the memory that ran out",
    advice=(
        "The cause is in the victim. One report cannot tell whether it always needs so much or grew: compare with its usual "
        "size (MemoryPeak= of the unit, the container's metrics), or record until the next time (oomforensics capture). If it "
        "is usual, raise the limit, or bound the program below it (-Xmx, work_mem, fewer processes) so that it fails in its own "
        "words; if it grew, it leaks, and a higher limit buys time only."
    ),
)
def victim_held_most(seen: Evidence) -> Found | None:
    memory, kills = seen.memory, seen.scene.kills
    if memory is None or not kills or kills[0].anon_rss_kb is None:
        return None
    row = seen.scene.processes.with_pid(kills[0].pid)
    swapped = (row.swapents_pages or 0) * seen.page_kb if row is not None else 0
    own = kills[0].anon_rss_kb + swapped
    if own < memory.whole.kb * _MOST_OF_IT:
        return None
    whole = f"{memory.what} ({words.size(memory.whole.kb)})"
    part = f"{words.share(own / memory.whole.kb)} of {whole}"
    if own > memory.whole.kb:
        part = f"more than {whole}, for what is swapped or charged to another group is not under it"
    text = f"{words.name(kills[0].comm, kills[0].pid)} itself held {words.size(own)}, {part}."
    facts = (
        words.kb(seen, "anon-rss and swapped of the victim", own, kills[0].line),
        words.part(seen, memory.what, memory.whole),
    )
    return Found(text, facts)


@entry(
    Severity.INFO,
    condition=f"more than {_MOSTLY_SHARED:.0%} of the victim's resident memory was shared memory, by its kill line",
    advice=(
        "Its row looked large for memory that it shares: the kernel counts a shared page in full for each process that maps "
        "it. Look at the segment, not at the process; to protect one of its users give that one a negative oom_score_adj."
    ),
)
def victim_memory_was_shared(seen: Evidence) -> Found | None:
    if not seen.scene.kills:
        return None
    kill = seen.scene.kills[0]
    shmem, private = kill.shmem_rss_kb or 0, (kill.anon_rss_kb or 0) + (kill.file_rss_kb or 0)
    if shmem < _MIN_SHARED_KB or shmem <= (shmem + private) * _MOSTLY_SHARED:
        return None
    text = (
        f"{words.size(shmem)} of the {words.size(shmem + private)} that {words.name(kill.comm, kill.pid)} had resident was "
        "shared memory, which its death frees only if nobody else has it."
    )
    facts = (words.kb(seen, "shmem-rss", shmem, kill.line), words.kb(seen, "anon-rss and file-rss", private, kill.line))
    return Found(text, facts)


@entry(
    Severity.WARNING,
    condition="memory.oom.group killed others besides the process that was chosen",
    advice=(
        "This is memory.oom.group=1 on the cgroup (OOMPolicy=kill of a unit; Kubernetes sets it on containers from 1.28 on, "
        "cgroup v2). It suits processes that cannot live without each other. To keep the others, set it to 0 "
        "(OOMPolicy=continue or stop; the kubelet's singleProcessOOMKill) and be sure that a half-dead service is noticed."
    ),
)
def group_killed_together(seen: Evidence) -> Found | None:
    scene = seen.scene
    if scene.oom_group_path is None:
        return None
    others = {one.pid: one for one in scene.kills if one.pid != scene.selected_pid}
    if not others:
        return None
    chosen = next((one for one in scene.kills if one.pid == scene.selected_pid), None)
    rss = sum((one.anon_rss_kb or 0) + (one.shmem_rss_kb or 0) for one in others.values())
    names = ", ".join(words.name(one.comm, one.pid) for one in list(others.values())[:3])
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    first = words.name(chosen.comm, chosen.pid) if chosen is not None else "the process chosen"
    text = f"memory.oom.group on {scene.oom_group_path}: besides {first} died {names}{more}, with {words.size(rss)} of their own."
    facts = tuple(
        words.kb(seen, f"{words.name(one.comm, one.pid)}: anon-rss", one.anon_rss_kb or 0, one.line)
        for one in list(others.values())[:3]
    )
    return Found(text, facts)


@entry(
    Severity.INFO,
    condition="the limit that was hit is that of a cgroup above the victim's own",
    advice=(
        "The victim's own limit, if it has one, was not reached: its siblings share this one. Add up what they may have "
        "together, and look at the whole group for who used it (systemd-cgtop, memory.current of each child). A pod's or "
        "slice's limit must be above the sum of what its members need, or their own limits must add up to less than it."
    ),
)
def limit_of_ancestor(seen: Evidence) -> Found | None:
    scene = seen.scene
    above, own = scene.oom_memcg, scene.task_memcg
    if scene.scope != Scope.MEMCG or above is None or own is None or not own.startswith(above.rstrip("/") + "/"):
        return None
    text = f"The limit that was hit is that of {above}, which the victim's cgroup {own} shares with others."
    facts = (
        Fact("limit hit", above, None, scene.line_start, scene.source),
        Fact("the victim's cgroup", own, None, scene.line_end, scene.source),
    )
    return Found(text, facts)


ENTRIES: tuple[Entry, ...] = (
    culprit_shielded, bystander_doomed, everything_shielded, many_small_processes, many_of_one_unit, victim_held_most,
    victim_held_little,
    limit_of_ancestor, victim_memory_was_shared, group_killed_together,
)  # fmt: skip
