"""A balance in words: who had the memory, what is left over, and why the processes' RSS does not add up to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oomforensics.amounts import percent, size
from oomforensics.analysis.balance.cgroup import UNLISTED
from oomforensics.analysis.balance.tree import Node
from oomforensics.analysis.scene import Scene

_SHARE = 0.05  # of the whole, from which on a part is named
_MOST_NAMED = 5
_MAPPABLE = ("anon", "shmem", "file", "unevictable")
_PHRASES = {
    "anon": "anonymous memory of processes",
    "shmem": "shared memory and tmpfs",
    "file": "page cache of files",
    "unevictable": "locked memory",
    "kernel": "the kernel",
    "hugetlb": "huge page pools",
    "free": "free",
    "reserved": "never given out",
    "balloon": "the balloon",
    "room": "not used",
    "swapcache": "swap cache",
    "unmapped": "memory of processes that are ending",
    "sock": "sockets",
}


def text(scene: Scene, nodes: Sequence[Node], page_size: int) -> str:
    return " ".join(_sentences(scene, nodes, page_size))


def _sentences(scene: Scene, nodes: Sequence[Node], page_size: int) -> Iterator[str]:
    whole = nodes[0]
    children = [node for node in nodes if node.parent == whole.node]
    named = sorted((node for node in children if node.node != "unaccounted"), key=lambda node: -node.bytes)
    named = [node for node in named if node.bytes >= whole.bytes * _SHARE][:_MOST_NAMED]
    what = {"ram": "RAM", "limit": "the limit"}.get(whole.node, "what the control group used")
    has_statistics = any(stats.values.keys() & {"anon", "rss"} for stats in scene.memcg_stats)
    if whole.node != "ram" and not has_statistics and not any(node.node in _MAPPABLE for node in children):
        yield f"Of {size(whole.bytes)}, {what}, little is known: the report lacks the statistics of the control group."
        return
    if named:
        shares = [
            f"{_PHRASES.get(one.node, one.label)} {size(one.bytes)} ({percent(one.bytes, whole.bytes)})"
            for one in named
        ]
        yield f"Of {size(whole.bytes)}, {what}: {', '.join(shares)}."
    unlisted = next((node for node in nodes if node.node == UNLISTED and node.bytes >= whole.bytes * _SHARE), None)
    if unlisted is not None:
        yield (
            f"{size(unlisted.bytes)} of the kernel's ({percent(unlisted.bytes, whole.bytes)}) are in none of its statistics:"
            " pages that were charged one by one, as for pipes and ring buffers."
        )
    rest = next((node for node in children if node.node == "unaccounted"), None)
    if rest is not None:
        yield _left_over(rest, whole)
    yield from _resident(scene, whole, nodes, page_size)


def _left_over(rest: Node, whole: Node) -> str:
    counters = "statistic" if whole.node != "ram" else "counter"
    bounds = f"between {size(rest.min_bytes)} and {size(rest.max_bytes)}"
    if rest.bytes == 0:
        return f"The {counters}s leave nothing over (at most {size(rest.max_bytes)})."
    return f"{size(rest.bytes)} ({percent(rest.bytes, whole.bytes)}; {bounds}) is in no {counters}."


def _resident(scene: Scene, whole: Node, nodes: Sequence[Node], page_size: int) -> Iterator[str]:
    """RSS counts a page in each process that maps it, whoever is charged for it."""
    resident_pages = scene.processes.total("rss_pages")
    if resident_pages is None:
        return
    total, rows_known = resident_pages * page_size, scene.processes.known("rss_pages")
    mappable = sum(node.bytes for node in nodes if node.node in _MAPPABLE and node.parent == whole.node)
    if not mappable:
        return
    rows = (
        f"The RSS of the {rows_known} processes in the table"
        if rows_known > 1
        else "The RSS of the one process in the table"
    )
    if abs(total - mappable) < mappable * _SHARE:
        yield f"{rows} comes to {size(total)}, about what processes can map here, {size(mappable)}."
    elif total > mappable:
        yield (
            f"{rows} comes to {size(total)}, which is more than the {size(mappable)} that processes can map here: a page that"
            f" several share is counted in each of them{_charged_elsewhere(whole)}."
        )
    else:
        yield (
            f"{rows} comes to {size(total)}, of {size(mappable)} that processes can map: the rest is cache and shared memory that"
            f" none of them maps, or belongs to processes that are not in the table{_charged_elsewhere(whole)}."
        )
    victim = scene.victim
    if whole.node == "limit" and victim is not None and (victim.rss_pages or 0) * page_size > whole.bytes:
        yield (
            f"The victim's RSS, {size((victim.rss_pages or 0) * page_size)}, is above the limit: it maps pages that are charged"
            " to other control groups, of files and shared memory that those used first, or that it had before it was moved here."
        )


def _charged_elsewhere(whole: Node) -> str:
    if whole.node == "ram":
        return ""
    return (
        ", and a page is charged to the control group that used it first, which may be another one than its processes'"
    )
