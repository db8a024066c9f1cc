"""Where the memory was: every page that a report accounts for, in one tree that sums to RAM or to the limit.

tree      nodes, and how parts are made to add up
machine   from Mem-Info
cgroup    from the usage and the statistics of the control group whose limit was hit
swap      a tree of its own
words     the sentences
"""

from __future__ import annotations

from oomforensics.analysis.balance import cgroup, machine, swap, words
from oomforensics.analysis.balance.tree import Balance, Node, Part, nodes
from oomforensics.analysis.model import Scope
from oomforensics.analysis.scene import Scene
from oomforensics.kernel.accounting import accounting_of

__all__ = ["Balance", "Node", "balance"]

_ASSUMED_PAGE_SIZE = 4096
_MOST_BYTES = 1 << 60  # a log can say anything


def balance(scene: Scene) -> Balance | None:
    """None where the report prints neither Mem-Info nor the usage of the cgroup whose limit was hit."""
    page_size = scene.page_size or _ASSUMED_PAGE_SIZE
    whole = _whole(scene, page_size)
    if whole is None or not 0 < whole.bytes < _MOST_BYTES:
        return None
    trees = [whole, swap.whole(scene, page_size)]
    found = tuple([node for tree in trees if tree is not None for node in nodes(tree)])
    text = words.text(scene, found, page_size)
    if scene.page_size is None:
        text += f" The page size is not in the report: {page_size} bytes are assumed."
    return Balance(found, text)


def _whole(scene: Scene, page_size: int) -> Part | None:
    accounting = accounting_of(scene.version)
    if scene.scope == Scope.MEMCG and scene.memory_usage_kb is not None:
        return cgroup.whole(scene, page_size, accounting)
    return None if scene.meminfo is None else machine.whole(scene, scene.meminfo, page_size, scene.rules, accounting)
