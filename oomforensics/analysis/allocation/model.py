"""What is said of a failed allocation."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Cause(StrEnum):
    MEMCG_LIMIT = "memcg_limit"  # the memory limit of a control group
    MEMSW_LIMIT = "memsw_limit"  # its limit of memory and swap together (cgroup v1)
    KMEM_LIMIT = "kmem_limit"  # its limit of kernel memory (cgroup v1)
    NOT_ENOUGH_MEMORY = "not_enough_memory"  # every zone that it may use was below its watermark
    WRONG_ZONE = "wrong_zone"  # there was memory, in zones or areas that it may not use
    NODE_EXHAUSTED = "node_exhausted"  # there was memory, on nodes that it may not use
    FRAGMENTATION = "fragmentation"  # there was memory, in blocks that are too small
    RECLAIM_GAVE_UP = "reclaim_gave_up"  # there is enough in the report: it came too late, or is kept by something else
    SYSRQ = "sysrq"  # nothing failed: somebody asked
    UNKNOWN = "unknown"
    # Never the first cause, but what kept the kernel from helping itself:
    SWAP_FULL = "swap_full"
    NO_SWAP = "no_swap"
    SWAP_FORBIDDEN = "swap_forbidden"  # by a limit, or swappiness 0
    HIGHATOMIC_RESERVE = "highatomic_reserve"  # free pages that are kept for atomic requests
    CMA_RESERVE = "cma_reserve"  # free pages that only movable ones may use
    LOWMEM_RESERVE = "lowmem_reserve"  # free pages that a lower zone keeps from requests that reach higher


class ZoneCheck(NamedTuple):
    """A zone as the allocator saw it, KiB. `needed_kb`: what had to be free for the request, with all that is kept from it."""

    node: int | None
    zone: str
    usable: bool | None  # the request might be served from it
    reason: str  # why it was not, or what it had left
    managed_kb: int | None
    free_kb: int | None
    free_cma_kb: int | None
    boost_kb: int | None
    min_kb: int | None
    low_kb: int | None
    high_kb: int | None
    reserve_kb: int | None  # lowmem_reserve against requests like this one
    needed_kb: int | None
    largest_free_kb: int | None  # largest block that the buddy list shows
    line: int | None


class Allocation(NamedTuple):
    cause: Cause
    also: tuple[Cause, ...]  # what else kept memory from it
    text: str  # one plain sentence
    gfp_flags: tuple[str, ...] | None  # as that kernel names them
    order_asked: int | None
    request_bytes: int | None
    migratetype: str | None
    highest_zone: str | None  # that the request may be served from
    nodes: str | None  # list of nodes that it may be served from
    limit_memcg: str | None
    zones: tuple[ZoneCheck, ...]
    notes: tuple[str, ...]  # what was assumed or could not be known
