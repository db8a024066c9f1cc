"""The balance of swap: of the machine, or what of it a control group may use (cgroup v2)."""

from __future__ import annotations

from oomforensics.analysis.balance.tree import Part
from oomforensics.analysis.scene import Scene
from oomforensics.analysis.sizes import UNLIMITED_KB


def whole(scene: Scene, page_size: int) -> Part | None:
    """None where it is not printed, or there is none."""
    by_tasks = (scene.processes.total("swapents_pages") or 0) * page_size
    if scene.meminfo is not None and scene.total_swap_kb:
        if scene.free_swap_kb is None:
            return None
        used = max(0, scene.total_swap_kb - scene.free_swap_kb) * 1024
        return _tree(scene.total_swap_kb * 1024, used, by_tasks, "Swap", f"Total swap = {scene.total_swap_kb}kB",
                     f"Free swap = {scene.free_swap_kb}kB")  # fmt: skip
    usage, limit = scene.swap_usage_kb, scene.swap_limit_kb
    if usage is None or limit is None or not (usage or 0 < limit < UNLIMITED_KB):
        return None
    room = max(limit, usage) if limit < UNLIMITED_KB else usage
    label = (
        "Swap that the control group may use"
        if limit < UNLIMITED_KB
        else "Swap that the control group uses, without a limit"
    )
    return _tree(room * 1024, usage * 1024, by_tasks, label, f"swap: usage {usage}kB, limit {limit}kB", "limit - usage")


def _tree(total: int, used: int, by_tasks: int, label: str, origin: str, free_origin: str) -> Part:
    """An entry that several processes share since a fork is counted in each of them, so that theirs may come to more."""
    tasks = min(by_tasks, used)
    parts = [
        Part("swap_free", "Free", total - used, free_origin),
        Part(
            "swap_tasks",
            "Anonymous memory of the processes in the table",
            tasks,
            f"swapents of all rows: {by_tasks} bytes",
        ),
        Part(
            "swap_other",
            "Shared memory, the swap cache, processes that are not in the table",
            used - tasks,
            "used - swapents",
        ),
    ]
    return Part("swap", label, total, origin, parts=tuple(part for part in parts if part.bytes))
