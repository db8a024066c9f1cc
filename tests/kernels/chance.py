"""Scenarios drawn by chance: any kind of process under any constraint. A seed is a scenario."""

from __future__ import annotations

import random
from dataclasses import replace

from tests.kernels.scenario import Actor, Cgroup, Group, Kind, Scenario, Scope, Verdict

_ADJUSTMENTS = (-1000, -999, -998, -500, -250, -100, -17, 0, 0, 0, 0, 0, 0, 1, 50, 100, 200, 300, 500, 900, 999, 1000)
_UIDS = (0, 0, 33, 1000, 65534, 100000, 2147483648, 4000000000)
_MEMBERS = "box"


def _population(draw: random.Random, count: int, total_mib: float) -> list[Actor]:
    weights = [draw.paretovariate(draw.choice((0.9, 1.1, 2))) for _ in range(count)]
    scale = total_mib / sum(weights)
    return [
        Actor(
            f"drawn-{index:02d}",
            anon=max(0.1, round(weight * scale * 0.8, 2)),
            file=round(weight * scale * 0.1, 2),
            shmem=round(weight * scale * 0.1, 2),
            adj=draw.choice(_ADJUSTMENTS),
            uid=draw.choice(_UIDS),
            threads=draw.choice((1, 1, 1, 2, 5)),
            kind=draw.choice((*(Kind.PLAIN,) * 18, Kind.VFORK, Kind.LEADERLESS)),
            tables=draw.choice((0,) * 9 + (2,)),
            locked=draw.random() < 0.05,
        )
        for index, weight in enumerate(weights)
    ]


def drawn(seed: int, *, cgroup_v1: bool = False) -> Scenario:
    """The scenario of this seed, for kernels that have cgroup v1's memory controller or for all."""
    draw = random.Random(seed)
    scope = draw.choice((Scope.GLOBAL, Scope.GLOBAL, Scope.MEMCG, Scope.MEMCG, Scope.MEMPOLICY, Scope.CPUSET))
    swap = draw.choice((0, 0, 32, 64)) if scope in (Scope.GLOBAL, Scope.MEMCG) else 0
    count = draw.randint(12, 60)
    base = Scenario(
        f"drawn-{seed}", "A population and a shortage drawn from a seed.", scope, Verdict.HIGHEST_BADNESS, (),
        go=(count,), deaths=draw.randint(1, 4), swap_disk=swap, patience=45_000 if swap else 20_000,
        or_else=("tie", "within_noise"), seed=seed,
    )  # fmt: skip
    pusher = Actor("pusher", push=600, adj=-1000)
    if scope is Scope.MEMCG:
        limit = draw.choice((48, 64, 80))
        extra = draw.choice((0, 16)) if swap else 0
        group = Group(_MEMBERS, limit=limit, swap=extra)
        version = Cgroup.V1 if cgroup_v1 and draw.random() < 0.3 else Cgroup.V2
        actors = [replace(actor, group=_MEMBERS) for actor in _population(draw, count, limit * 0.7)]
        return replace(
            base, actors=(*actors, replace(pusher, group=_MEMBERS)), groups=(group,), victim_group=_MEMBERS,
            cgroup=version, cmdline="swapaccount=1" if version is Cgroup.V1 else "",
        )  # fmt: skip
    actors = _population(draw, count, draw.uniform(60, 100))
    if scope is Scope.GLOBAL:
        return replace(base, actors=(*actors, pusher))
    if scope is Scope.MEMPOLICY:
        actors = [replace(actor, node=draw.choice((0, 1, 1, None))) for actor in actors]
        return replace(base, actors=(*actors, replace(pusher, node=1)), numa=True, memory=384)
    actors = [replace(actor, group=draw.choice(("", _MEMBERS, _MEMBERS))) for actor in actors]
    return replace(
        base, actors=(*actors, replace(pusher, group=_MEMBERS)), groups=(Group(_MEMBERS, mems="1"),),
        victim_group=_MEMBERS, cgroup=Cgroup.V2, numa=True, memory=384,
    )  # fmt: skip
