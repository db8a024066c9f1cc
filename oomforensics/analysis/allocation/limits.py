"""A control group refused the charge: which of its limits, at which level of the tree, and what became of swap."""

from __future__ import annotations

from collections.abc import Iterator

from oomforensics.amounts import size
from oomforensics.analysis.allocation.model import Cause
from oomforensics.analysis.scene import Scene
from oomforensics.analysis.sizes import UNLIMITED_KB


def refused(scene: Scene, request_kb: int) -> tuple[Cause, str]:
    """The limit that the charge would have gone beyond, and the sentence's end that says so."""
    usage, limit = scene.memory_usage_kb, scene.memory_limit_kb
    memsw, kmem = (scene.memsw_usage_kb, scene.memsw_limit_kb), (scene.kmem_usage_kb, scene.kmem_limit_kb)
    if _is_hit(usage, limit, request_kb):
        return Cause.MEMCG_LIMIT, _used(usage, limit)
    if _is_hit(*memsw, request_kb):
        return Cause.MEMSW_LIMIT, _used(*memsw)
    if _is_hit(*kmem, request_kb):
        return Cause.KMEM_LIMIT, _used(*kmem)
    if usage is None or limit is None:
        return Cause.MEMCG_LIMIT, "how much was used is not in the report"
    if limit >= UNLIMITED_KB:
        return Cause.UNKNOWN, f"{size(usage * 1024)} were used, and it has no limit: something else asked for the kill"
    return (
        Cause.MEMCG_LIMIT,
        f"{size((limit - usage) * 1024)} of {size(limit * 1024)} were free again when it was printed",
    )


def _used(usage_kb: int | None, limit_kb: int | None) -> str:
    return f"{size((usage_kb or 0) * 1024)} of {size((limit_kb or 0) * 1024)} were used"


def _is_hit(usage: int | None, limit: int | None, request_kb: int) -> bool:
    return usage is not None and limit is not None and limit < UNLIMITED_KB and usage + request_kb > limit


def level(scene: Scene) -> str:
    """Where in the tree the limit is, seen from the victim."""
    limit, own = scene.oom_memcg, scene.task_memcg
    if limit is None:
        return "of a control group"
    if own is None or own == limit:
        return f"of {limit}" + (" (the victim's own control group)" if own else "")
    below = own.removeprefix(limit.rstrip("/") + "/")
    if below == own:
        return f"of {limit}"
    levels = below.count("/") + 1
    return f"of {limit} ({levels} level{'s' if levels > 1 else ''} above {own}, the victim's)"


def swap(scene: Scene) -> Iterator[tuple[Cause, str]]:
    """What kept the group from swapping out. Nothing where it could, or where it is not printed."""
    usage, limit = scene.swap_usage_kb, scene.swap_limit_kb
    if limit == 0:
        yield Cause.SWAP_FORBIDDEN, "it may not swap (its swap limit is 0)"
    elif usage is not None and limit is not None and usage >= limit:
        yield Cause.SWAP_FULL, f"all of the {size(limit * 1024)} of swap that it may use were used"
    elif scene.memsw_limit_kb is not None and scene.memsw_limit_kb == scene.memory_limit_kb:
        yield Cause.SWAP_FORBIDDEN, "swapping out would not help (its limit of memory and swap together is no higher)"
