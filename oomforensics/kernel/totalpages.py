"""totalpages, the whole that badness is a share of, under each constraint. Pure functions of pages."""

from __future__ import annotations

from oomforensics.kernel.eras import MemcgTotal


def system(totalram_pages: int, total_swap_pages: int) -> int:
    """CONSTRAINT_NONE: all memory that the kernel manages, and all swap."""
    return totalram_pages + total_swap_pages


def nodes(node_pages: int, total_swap_pages: int) -> int:
    """CONSTRAINT_CPUSET and CONSTRAINT_MEMORY_POLICY: the allowed nodes' pages, and all swap."""
    return node_pages + total_swap_pages


def memcg(
    rule: MemcgTotal,
    limit_pages: int,
    total_swap_pages: int,
    *,
    memsw_limit_pages: int | None,
    swap_limit_pages: int | None,
    page_size: int,
) -> int:
    """CONSTRAINT_MEMCG, with swappiness above 0. A limit that is None does not exist on that kernel or hierarchy."""
    match rule:
        case MemcgTotal.UNIT_BUG:
            total_bytes = limit_pages * page_size + total_swap_pages
            if memsw_limit_pages is not None:
                total_bytes = min(total_bytes, memsw_limit_pages * page_size)
            total = total_bytes // page_size
        case MemcgTotal.LIMIT_AND_SWAP | MemcgTotal.SWAPPINESS:
            total = limit_pages + total_swap_pages
            if memsw_limit_pages is not None:
                total = min(total, memsw_limit_pages)
        case MemcgTotal.SWAP_MAX:
            swap = total_swap_pages if swap_limit_pages is None else min(swap_limit_pages, total_swap_pages)
            total = limit_pages + swap
            if memsw_limit_pages is not None:
                total = min(total, memsw_limit_pages)
    return max(total, 1)
