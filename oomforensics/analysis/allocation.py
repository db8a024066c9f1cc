"""Why the allocation failed that made the kernel kill: the request against what was there for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from oomforensics.analysis.scene import Scene


class Cause(StrEnum):
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ZoneCheck:
    """A zone as the allocator saw it, KiB. `needed_kb`: what had to be free for the request, reserves included."""

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


@dataclass(frozen=True, slots=True)
class Allocation:
    cause: Cause
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


def allocation(scene: Scene) -> Allocation:
    return Allocation(Cause.UNKNOWN, "", None, scene.alloc_order, None, None, None, None, None, (), ())
