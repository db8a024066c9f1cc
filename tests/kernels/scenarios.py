"""The table of scenarios. One entry each; the population is named in the order it is created."""

from __future__ import annotations

import random
from dataclasses import replace

from tests.kernels.scenario import Actor, Cgroup, Group, Home, Kind, Push, Scenario, Scope, Verdict

_BOTH = frozenset({Home.HOST, Home.GUEST})
_HOST = frozenset({Home.HOST})
_V1_GONE = (6, 12)
_SEED = 20240611

# A process that allocates until somebody dies, and that the kernel may not take.
_PUSHER = Actor("pusher", push=600, adj=-1000)


def _pusher(group: str) -> Actor:
    return replace(_PUSHER, group=group)


def _crowd(seed: int, count: int, total_mib: float) -> tuple[Actor, ...]:
    """A population drawn from `seed`: sizes, uids, threads, and adjustments from the whole range."""
    draw = random.Random(seed)
    weights = [draw.paretovariate(1.1) for _ in range(count)]
    scale = total_mib / sum(weights)
    adjustments = (-1000, -999, -998, -500, -250, -17, 0, 0, 0, 0, 0, 1, 100, 200, 300, 500, 900)
    return tuple(
        Actor(
            f"crowd-{index:02d}",
            anon=max(0.1, round(weight * scale * 0.8, 2)),
            file=round(weight * scale * 0.1, 2),
            shmem=round(weight * scale * 0.1, 2),
            adj=draw.choice(adjustments),
            uid=draw.choice((0, 0, 33, 1000, 65534, 100000, 2147483648, 4000000000)),
            threads=draw.choice((1, 1, 1, 2, 5)),
        )
        for index, weight in enumerate(weights)
    )


_GLOBAL = (
    Scenario(
        "shielded-export",
        "A nightly export, shielded by its oom_score_adj, eats the memory; the database is killed for it.",
        Scope.GLOBAL,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("systemd-journal", anon=2, file=1, adj=-250),
            Actor("sshd", anon=1, file=1, adj=-1000),
            Actor("postgres", anon=38, shmem=16, uid=113),
            Actor("redis-server", anon=24, uid=112),
            Actor("gunicorn: 1", anon=9, uid=1000, threads=3),
            Actor("gunicorn: 2", anon=8, uid=1000, threads=3),
            Actor("node_exporter", anon=5, uid=998, threads=4),
            Actor("report-export", push=600, adj=-600, uid=1000),
        ),
        go=(7,),
        swap_disk=32,
        patience=45_000,
    ),
    Scenario(
        "global-no-swap",
        "One process takes all of the memory; it is the biggest by far.",
        Scope.GLOBAL,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("big", anon=40, file=2),
            Actor("middle", anon=20, uid=1000),
            Actor("small", anon=5),
            Actor("hog", push=600),
        ),
        go=(3,),
    ),
    Scenario(
        "global-bystander",
        "The process that allocates may not be killed: the biggest other one dies.",
        Scope.GLOBAL,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("biggest", anon=50),
            Actor("second", anon=45, shmem=2),
            Actor("small", anon=5, threads=4),
            _PUSHER,
        ),
        go=(3,),
    ),
    Scenario(
        "global-swap",
        "Swap on a disk; swapped-out pages count like resident ones.",
        Scope.GLOBAL,
        Verdict.HIGHEST_BADNESS,
        (Actor("early", anon=60), Actor("late", anon=30), Actor("adjusted", anon=10, adj=100), _PUSHER),
        go=(3,),
        swap_disk=64,
        patience=45_000,
    ),
    Scenario(
        "global-swap-zram",
        "Swap in compressed memory.",
        Scope.GLOBAL,
        Verdict.HIGHEST_BADNESS,
        (Actor("early", anon=60), Actor("late", anon=30), Actor("adjusted", anon=10, adj=100), _PUSHER),
        go=(3,),
        zram=64,
        extra_modules=("lzo", "lzo_rle", "zram"),
        patience=45_000,
    ),
    Scenario(
        "tie",
        "Two processes forked alike touch the same pages; the kernel keeps the last it meets.",
        Scope.GLOBAL,
        Verdict.TIE,
        (Actor("twin-first", anon=40), Actor("twin-second", anon=40), Actor("small", anon=5), _PUSHER),
        go=(3,),
        cpus=1,
    ),
    *(
        Scenario(
            f"adj{adj}-saves-biggest",
            f"oom_score_adj {adj} saves the biggest process.",
            Scope.GLOBAL,
            Verdict.HIGHEST_BADNESS,
            (
                Actor("saved", anon=70, adj=adj),
                Actor("taken", anon=30),
                Actor("small", anon=5, uid=33),
                _PUSHER,
            ),
            go=(3,),
        )
        for adj in (-500, -999, -1000)
    ),
    Scenario(
        "adj500-dooms-smallest",
        "oom_score_adj +500 dooms the smallest process.",
        Scope.GLOBAL,
        Verdict.HIGHEST_BADNESS,
        (Actor("big", anon=60), Actor("middle", anon=30), Actor("doomed", anon=1, adj=500), _PUSHER),
        go=(3,),
        patience=8_000,
    ),
    Scenario(
        "allocating-task",
        "vm.oom_kill_allocating_task: who asks, dies, though a bigger one exists.",
        Scope.GLOBAL,
        Verdict.ALLOCATING_TASK,
        (Actor("bigger", anon=110), Actor("small", anon=5), Actor("asking", push=600)),
        go=(2,),
        sysctls=(("vm/oom_kill_allocating_task", "1"),),
    ),
    Scenario(
        "sysrq-f",
        "The killer called by hand, with memory to spare.",
        Scope.SYSRQ,
        Verdict.HIGHEST_BADNESS,
        (Actor("biggest", anon=40), Actor("small", anon=5), Actor("adjusted", anon=20, adj=10)),
        trigger=("/proc/sysrq-trigger", "f"),
    ),
    Scenario(
        "panic-on-oom",
        "vm.panic_on_oom: a report and a panic, nobody is chosen.",
        Scope.GLOBAL,
        None,
        (Actor("big", anon=40), Actor("hog", push=600)),
        go=(1,),
        sysctls=(("vm/panic_on_oom", "1"),),
        panics=True,
    ),
    Scenario(
        "no-table",
        "vm.oom_dump_tasks=0: the report has no table of processes.",
        Scope.GLOBAL,
        Verdict.HIGHEST_BADNESS,
        (Actor("biggest", anon=50), Actor("small", anon=5), _PUSHER),
        go=(2,),
        sysctls=(("vm/oom_dump_tasks", "0"),),
    ),
    Scenario(
        "swapoff-origin",
        "A process in swapoff is taken first, whatever its size.",
        Scope.GLOBAL,
        Verdict.OOM_ORIGIN,
        (*(Actor(f"holder-{n}", anon=48) for n in range(6)), Actor("swapoff", kind=Kind.SWAPOFF)),
        go=(6,),
        swap_disk=160,
        patience=60_000,
    ),
    Scenario(
        "vfork-parent",
        "The biggest waits in vfork; its child shares the memory, is never a candidate, and dies with it.",
        Scope.GLOBAL,
        Verdict.HIGHEST_BADNESS,
        (Actor("small", anon=5), Actor("parent", anon=60, kind=Kind.VFORK), _PUSHER),
        go=(2,),
    ),
    Scenario(
        "vfork-adjusted-child-memory",
        "As vfork-parent, with a middle process between and adjustments.",
        Scope.GLOBAL,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("parent", anon=40, adj=200, kind=Kind.VFORK),
            Actor("middle", anon=60),
            Actor("small", anon=5, adj=-100),
            _PUSHER,
        ),
        go=(3,),
    ),
    Scenario(
        "leader-exited",
        "The biggest process's first thread has ended; another lives on and holds the memory.",
        Scope.GLOBAL,
        Verdict.HIGHEST_BADNESS,
        (Actor("small", anon=5), Actor("leader", anon=60, kind=Kind.LEADERLESS), _PUSHER),
        go=(2,),
    ),
    Scenario(
        "cascade",
        "Three kills in a row: the biggest, then the next, then the next.",
        Scope.GLOBAL,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("first", anon=45),
            Actor("second", anon=36),
            Actor("third", anon=27),
            Actor("fourth", anon=9),
            _PUSHER,
        ),
        go=(4,),
        deaths=3,
    ),
    Scenario(
        "random-40",
        "Forty processes drawn from a seed: sizes, adjustments, uids, threads.",
        Scope.GLOBAL,
        Verdict.HIGHEST_BADNESS,
        (*_crowd(_SEED, 40, 90), _PUSHER),
        go=(40,),
        seed=_SEED,
    ),
    Scenario(
        "random-40-swap",
        "Forty other processes drawn from a seed, with swap.",
        Scope.GLOBAL,
        Verdict.HIGHEST_BADNESS,
        (*_crowd(_SEED + 1, 40, 110), _PUSHER),
        go=(40,),
        seed=_SEED + 1,
        swap_disk=96,
        patience=45_000,
    ),
    Scenario(
        "mempolicy",
        "The allocating process is bound to the second of two nodes.",
        Scope.MEMPOLICY,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("free", anon=40),
            Actor("bound", anon=30, node=1),
            Actor("elsewhere", anon=45, node=0),
            Actor("asking", push=600, node=1, adj=-1000),
        ),
        go=(3,),
        numa=True,
        memory=384,
    ),
    Scenario(
        "cpuset",
        "The allocating process sits in a cpuset of the second of two nodes.",
        Scope.CPUSET,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("outside", anon=40),
            Actor("inside", anon=30, group="pen"),
            Actor("asking", push=600, group="pen", adj=-1000),
        ),
        go=(2,),
        groups=(Group("pen", mems="1"),),
        victim_group="pen",
        cgroup=Cgroup.V2,
        numa=True,
        memory=384,
    ),
)

_WEIRD_NAMES = (
    b"two words",
    b"a) b",
    b"[   42]     0",
    b"x] 0 [y",
    b"invoked oom-k",
    b"line\nbreak",
    b"\x1b[31mred\x1b[0m",
    b"",
    b"12345",
    b"task=x,pid=1",
    b"back\\slash",
    b"caf\xc3\xa9 \xff",
    b" lead trail ",
    b"tab\there",
)

_MEMCG = (
    Scenario(
        "memcg-hog",
        "One process grows beyond the limit of its cgroup.",
        Scope.MEMCG,
        Verdict.HIGHEST_BADNESS,
        (Actor("quiet", anon=4, group="box"), Actor("hog", push=200, group="box")),
        go=(1,),
        groups=(Group("box", limit=48, swap=0),),
        victim_group="box",
        homes=_BOTH,
    ),
    Scenario(
        "memcg-adj-favours-smaller",
        "A small process with a raised oom_score_adj dies instead of the bigger one.",
        Scope.MEMCG,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("small", anon=3, adj=900, uid=1000, group="box"),
            Actor("middle", anon=12, adj=100, group="box"),
            Actor("bigger", anon=16, push=200, group="box"),
        ),
        go=(2,),
        groups=(Group("box", limit=48, swap=0),),
        victim_group="box",
        homes=_BOTH,
    ),
    Scenario(
        "memcg-tie",
        "Two processes forked alike have touched the same pages; a smaller one pushes.",
        Scope.MEMCG,
        Verdict.TIE,
        (
            Actor("twin-first", anon=16, group="box"),
            Actor("twin-second", anon=16, group="box"),
            Actor("pusher", push=200, group="box"),
        ),
        go=(2,),
        groups=(Group("box", limit=40, swap=0),),
        victim_group="box",
        homes=_BOTH,
        cpus=1,
    ),
    Scenario(
        "memcg-weird-names",
        "Names that a parser of logs trips over.",
        Scope.MEMCG,
        Verdict.HIGHEST_BADNESS,
        (
            *(
                Actor(name, anon=1 + index / 4, uid=1000 + index, group="box")
                for index, name in enumerate(_WEIRD_NAMES)
            ),
            Actor(b"a) \n[ 1] 0 b", push=200, group="box"),
        ),
        go=(14,),
        groups=(Group("box", limit=64, swap=0),),
        victim_group="box",
        homes=_BOTH,
    ),
    *(
        Scenario(
            f"memcg-weird-victims-{part}",
            "Each of these names on a victim of its own.",
            Scope.MEMCG,
            Verdict.HIGHEST_BADNESS,
            tuple(
                Actor(name, anon=0.5, push=32, uid=4_000_000_000 + n, group=f"weird/{n}")
                for n, name in enumerate(names)
            ),
            go=tuple(range(7)),
            groups=(
                Group("weird", limit=64, swap=0),
                *(Group(f"weird/{n}", limit=3, swap=0, watched=False) for n in range(7)),
            ),
            victim_group="weird",
            homes=_BOTH,
            deaths=7,
            gap=100,
        )
        for part, names in ((1, _WEIRD_NAMES[:7]), (2, _WEIRD_NAMES[7:]))
    ),
    Scenario(
        "memcg-nested",
        "The parent's limit is hit by the sum of two children below theirs.",
        Scope.MEMCG,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("left-big", anon=12, group="outer/left"),
            Actor("left-small", anon=3, group="outer/left"),
            Actor("right", anon=8, push=200, group="outer/right,with=odd task_memcg=name"),
        ),
        go=(2,),
        groups=(
            Group("outer", limit=40, swap=0),
            Group("outer/left", limit=64, swap=0),
            Group("outer/right,with=odd task_memcg=name", limit=64, swap=0),
        ),
        victim_group="outer",
        homes=_BOTH,
    ),
    Scenario(
        "memcg-storm",
        "Thirty kills, one group each, faster than the kernel is willing to report.",
        Scope.MEMCG,
        Verdict.HIGHEST_BADNESS,
        tuple(Actor(f"storm-{n:02d}", anon=1, push=32, group=f"storm/{n:02d}") for n in range(30)),
        go=tuple(range(30)),
        groups=(
            Group("storm", limit=64, swap=0),
            *(Group(f"storm/{n:02d}", limit=2, swap=0, watched=False) for n in range(30)),
        ),
        victim_group="storm",
        homes=_BOTH,
        deaths=30,
    ),
    Scenario(
        "memcg-vfork-parent",
        "The biggest waits in vfork; its child shares the memory and is never a candidate.",
        Scope.MEMCG,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("small", anon=3, group="box"),
            Actor("parent", anon=24, kind=Kind.VFORK, group="box"),
            Actor("pusher", push=200, group="box"),
        ),
        go=(2,),
        groups=(Group("box", limit=40, swap=0),),
        victim_group="box",
        homes=_BOTH,
    ),
    Scenario(
        "memcg-shared",
        "Shared memory mapped by the process that fills it.",
        Scope.MEMCG,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("quiet", anon=4, shmem=2, group="box"),
            Actor("sharer", push=200, how=Push.SHMEM, group="box"),
        ),
        go=(1,),
        groups=(Group("box", limit=48, swap=0),),
        victim_group="box",
        homes=_BOTH,
    ),
    Scenario(
        "memcg-tmpfs",
        "A file in memory grows that is in nobody's RSS; bystanders die from the biggest down.",
        Scope.MEMCG,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("bystander-big", anon=12, group="box"),
            Actor("bystander-small", anon=4, group="box"),
            Actor("filler", push=200, how=Push.TMPFS, group="box"),
        ),
        go=(2,),
        groups=(Group("box", limit=48, swap=0),),
        victim_group="box",
        homes=_BOTH,
        deaths=3,
    ),
    Scenario(
        "memcg-leader-exited",
        "The biggest process's first thread has ended; another lives on.",
        Scope.MEMCG,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("small", anon=3, group="box"),
            Actor("leader", anon=20, kind=Kind.LEADERLESS, group="box"),
            Actor("pusher", push=200, group="box"),
        ),
        go=(2,),
        groups=(Group("box", limit=40, swap=0),),
        victim_group="box",
        homes=_BOTH,
    ),
)

_GUEST_MEMCG = (
    Scenario(
        "memcg-v2-swap-adj",
        "A limit with swap beyond it, and adjustments that decide.",
        Scope.MEMCG,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("small", anon=6, adj=600, group="box"),
            Actor("bigger", anon=14, group="box"),
            Actor("hog", push=200, group="box", adj=-200),
        ),
        go=(2,),
        groups=(Group("box", limit=40, swap=16),),
        victim_group="box",
        cgroup=Cgroup.V2,
        swap_disk=96,
    ),
    Scenario(
        "memcg-v2-swap-unlimited",
        "A limit, swap without one: all of the machine's swap counts.",
        Scope.MEMCG,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("small", anon=6, adj=800, group="box"),
            Actor("bigger", anon=14, group="box"),
            Actor("hog", push=300, group="box", adj=-100),
        ),
        go=(2,),
        groups=(Group("box", limit=40),),
        victim_group="box",
        cgroup=Cgroup.V2,
        swap_disk=48,
        patience=45_000,
    ),
    Scenario(
        "memcg-v2-swappiness-0",
        "vm.swappiness=0: the kernel leaves swap out of the sum it weighs adjustments with.",
        Scope.MEMCG,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("adjusted", anon=4, adj=300, group="box"),
            Actor("bigger", anon=20, group="box"),
            _pusher("box"),
        ),
        go=(2,),
        groups=(Group("box", limit=40),),
        victim_group="box",
        cgroup=Cgroup.V2,
        swap_disk=96,
        sysctls=(("vm/swappiness", "0"),),
    ),
    Scenario(
        "memcg-v2-oom-group",
        "memory.oom.group: all members die, but for the one at -1000.",
        Scope.MEMCG,
        Verdict.OOM_GROUP,
        (
            Actor("member-one", anon=4, group="box"),
            Actor("member-two", anon=8, uid=1000, group="box"),
            Actor("spared", anon=6, adj=-1000, group="box"),
            Actor("hog", push=200, group="box"),
        ),
        go=(3,),
        groups=(Group("box", limit=48, swap=0, kills_together=True),),
        victim_group="box",
        cgroup=Cgroup.V2,
        deaths=3,
    ),
    Scenario(
        "memcg-v2-none-killable",
        "Everybody is at -1000: reports, but nobody to kill.",
        Scope.MEMCG,
        Verdict.NONE_KILLABLE,
        (Actor("holder", anon=10, adj=-1000, group="box"), _pusher("box")),
        go=(1,),
        groups=(Group("box", limit=32, swap=0),),
        victim_group="box",
        cgroup=Cgroup.V2,
        until="no killable processes",
        stop_with_kill=True,
        deaths=0,
    ),
    Scenario(
        "memcg-v2-panic",
        "vm.panic_on_oom=2 turns a cgroup's shortage into a panic.",
        Scope.MEMCG,
        None,
        (Actor("quiet", anon=4, group="box"), Actor("hog", push=200, group="box")),
        go=(1,),
        groups=(Group("box", limit=48, swap=0),),
        victim_group="box",
        cgroup=Cgroup.V2,
        sysctls=(("vm/panic_on_oom", "2"),),
        panics=True,
    ),
    Scenario(
        "memcg-v1-memsw",
        "cgroup v1 with memory.memsw above the limit, and adjustments that decide.",
        Scope.MEMCG,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("small", anon=6, adj=600, group="box"),
            Actor("bigger", anon=14, group="box"),
            Actor("hog", push=200, group="box", adj=-200),
        ),
        go=(2,),
        groups=(Group("box", limit=40, swap=16),),
        victim_group="box",
        cgroup=Cgroup.V1,
        before=_V1_GONE,
        swap_disk=96,
        cmdline="swapaccount=1",
    ),
    Scenario(
        "memcg-v1-swappiness-0",
        "cgroup v1 with memory.swappiness 0 and swap on the machine.",
        Scope.MEMCG,
        Verdict.HIGHEST_BADNESS,
        (
            Actor("adjusted", anon=4, adj=300, group="box"),
            Actor("bigger", anon=20, group="box"),
            _pusher("box"),
        ),
        go=(2,),
        groups=(Group("box", limit=40, swap=40, swappiness=0),),
        victim_group="box",
        cgroup=Cgroup.V1,
        before=_V1_GONE,
        swap_disk=96,
        cmdline="swapaccount=1",
    ),
)


def _as_guest(scenario: Scenario) -> Scenario:
    """The v2 twin of a scenario that on a host is played below cgroup v1."""
    return replace(
        scenario,
        name=scenario.name.replace("memcg-", "memcg-v2-", 1),
        cgroup=Cgroup.V2,
        homes=frozenset({Home.GUEST}),
    )


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        *_GLOBAL,
        *(_as_guest(scenario) for scenario in _MEMCG if Home.GUEST in scenario.homes),
        *_GUEST_MEMCG,
        *(replace(scenario, cgroup=Cgroup.V1, homes=_HOST) for scenario in _MEMCG if Home.HOST in scenario.homes),
    )
}


def for_guest(version: tuple[int, int]) -> list[Scenario]:
    return [s for s in SCENARIOS.values() if Home.GUEST in s.homes and s.fits(version)]


def for_host() -> list[Scenario]:
    return [s for s in SCENARIOS.values() if Home.HOST in s.homes]
