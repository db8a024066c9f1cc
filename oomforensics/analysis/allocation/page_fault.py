"""A page fault could not be served, and its handler called the killer: for the whole machine, whoever had refused.

Up to 5.15 pagefault_out_of_memory() does so with flags and order of 0. The page allocator kills by itself before it gives
up, so what failed there is as a rule a charge: of a task that was just killed at its control group's limit and charges once
more, or against a limit of kernel memory (cgroup v1). do_swap_page() fails so, too, on an entry of no
swap. 60e2793d440a (5.16, 5.10.80) took it away.
"""

from __future__ import annotations

from collections.abc import Sequence

from oomforensics.amounts import size
from oomforensics.analysis.allocation.model import ZoneCheck
from oomforensics.analysis.model import Scope
from oomforensics.analysis.scene import Neighbour, Scene

_TOLD = "The kernel was told of it by a page fault (gfp_mask=0x0), whose own allocation is not in the report."
_JUST_S = 10.0  # a victim is gone by then, unless it cannot be


def told(scene: Scene, zones: Sequence[ZoneCheck]) -> str:
    best = roomiest(zones)
    if best is None:
        return _TOLD
    where = best.zone if best.node is None else f"{best.zone} of node {best.node}"
    text = (
        f"{_TOLD} The machine was not short of memory: zone {where} had {size(spare_kb(best) * 1024)} more than its watermark"
        " `high` and all that it keeps."
    )
    killed = _killed_before(scene)
    if killed is None:
        return f"{text} What refused was as a rule the limit of its control group; a broken swap entry does it, too."
    return (
        f"{text} What refused was the limit of its control group: the same task had been killed {killed.earlier_s:.3f} s before"
        f" at the limit of {killed.oom_memcg}."
    )


def roomiest(zones: Sequence[ZoneCheck]) -> ZoneCheck | None:
    """The zone that had most above its watermark `high` and what it keeps; None where none had."""
    best = max(zones, key=spare_kb, default=None)
    return best if best is not None and spare_kb(best) > 0 else None


def spare_kb(zone: ZoneCheck) -> int:
    if not zone.usable or zone.free_kb is None or zone.high_kb is None:
        return 0
    return zone.free_kb - (zone.free_cma_kb or 0) - (zone.reserve_kb or 0) - zone.high_kb


def _killed_before(scene: Scene) -> Neighbour | None:
    return next(
        (
            one
            for one in scene.neighbours
            if one.same_boot
            and one.scope == Scope.MEMCG
            and one.earlier_s <= _JUST_S
            and one.victim_pid is not None
            and one.victim_pid == scene.trigger_pid
        ),
        None,
    )
