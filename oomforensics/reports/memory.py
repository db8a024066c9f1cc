"""Where the memory was and why the allocation failed, as rows for every form of report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from oomforensics.amounts import percent
from oomforensics.reports import units
from oomforensics.reports.load import AllocationRow, BalanceRow, IncidentPage, ZoneRow

_LEAST_SHARE = 0.005  # of its whole, for a part to be shown where room is short
_DEEPEST = 2
_ALWAYS = "unaccounted"
_REST = ("_other", "_groups")  # what named parts leave of the one above
CAUSES = {
    "memcg_limit": "the memory limit of a control group",
    "memsw_limit": "a control group's limit of memory and swap together",
    "kmem_limit": "a control group's limit of kernel memory",
    "not_enough_memory": "not enough memory",
    "wrong_zone": "memory that the request may not use",
    "node_exhausted": "memory on nodes that the request may not use",
    "fragmentation": "memory in pieces that are too small",
    "reclaim_gave_up": "enough memory when the report was printed",
    "sysrq": "asked for by hand",
    "unknown": "not known",
    "swap_full": "swap was full",
    "no_swap": "no swap",
    "swap_forbidden": "swapping out was not allowed",
    "highatomic_reserve": "free pages kept for atomic requests",
    "cma_reserve": "free pages for movable memory only (CMA)",
    "lowmem_reserve": "free pages that lower zones keep",
}
ZONE_COLUMNS = ("zone", "free", "needed", "min", "reserve", "largest block", "")


@dataclass(frozen=True, slots=True)
class Part:
    depth: int
    label: str
    size: str
    share: str  # of its whole
    error: str  # how far it may be off; empty: not at all
    row: BalanceRow


def parts(page: IncidentPage, every: bool = False) -> list[Part]:
    """The balance in its order; without the small and the deep parts unless `every`."""
    depth: dict[str, int] = {}
    shown = []
    whole: BalanceRow | None = None
    for row in page.balance:
        depth[row.node] = 0 if row.parent is None else depth[row.parent] + 1
        whole = row if row.parent is None or whole is None else whole
        is_rest = depth[row.node] > 1 and row.node.endswith(_REST)
        much = row.bytes >= whole.bytes * _LEAST_SHARE and depth[row.node] <= _DEEPEST and not is_rest
        if every or much or row.node == _ALWAYS:
            shown.append(
                Part(
                    depth[row.node],
                    row.memcg or row.label,
                    units.size(row.bytes),
                    percent(row.bytes, whole.bytes),
                    _error(row),
                    row,
                )
            )
    return shown


def _error(row: BalanceRow) -> str:
    if row.min_bytes == row.max_bytes == row.bytes:
        return ""
    return f"{units.size(row.min_bytes)} to {units.size(row.max_bytes)}"


def told(page: IncidentPage) -> AllocationRow | None:
    """The failed allocation, if the report says anything of it."""
    it = page.allocation
    return None if it is None or (it.cause == "unknown" and not it.zones and it.gfp_flags is None) else it


def request(it: AllocationRow) -> Iterator[tuple[str, str]]:
    """What was asked for, as labels and values."""
    if it.request_bytes is not None:
        yield "Asked for", f"{units.size(it.request_bytes)} (order {it.order_asked})"
    if it.gfp_flags is not None:
        yield "Flags", " | ".join(it.gfp_flags) or "none (0x0)"
    if it.migratetype is not None:
        yield "Kind", f"{it.migratetype} pages"
    if it.highest_zone is not None:
        yield "Highest zone", it.highest_zone
    if it.nodes is not None:
        yield "Nodes", it.nodes
    if it.also:
        yield "Also", "; ".join(CAUSES.get(word, word) for word in it.also)


def zone_cells(row: ZoneRow) -> tuple[str, ...]:
    """A zone under ZONE_COLUMNS."""
    name = row.zone if row.node is None else f"{row.zone}, node {row.node}"
    figures = (row.free_kb, row.needed_kb, row.min_kb, row.reserve_kb, row.largest_free_kb)
    return (name, *(units.kb(value) if value is not None else "-" for value in figures), row.reason)
