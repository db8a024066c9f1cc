"""Lists of NUMA nodes, as the kernel prints them (`%*pbl`)."""

from __future__ import annotations

import re

_NODE = re.compile(r"[0-9]{1,4}")
_LONGEST = 1024  # characters; a kernel has at most 1,024 nodes, and prints them as ranges


def parse_list(text: str | None) -> set[int]:
    """`0-1,3` -> {0, 1, 3}; empty for what is no list of nodes."""
    nodes: set[int] = set()
    if text is not None and len(text) > _LONGEST:
        return nodes
    for part in (text or "").split(","):
        first, _, last = part.partition("-")
        if not _NODE.fullmatch(first) or not _NODE.fullmatch(last or first) or int(last or first) > 4096:
            return set()
        nodes.update(range(int(first), int(last or first) + 1))
    return nodes
