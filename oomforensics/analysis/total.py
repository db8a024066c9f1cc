"""totalpages of an incident: which printed figures make it up, and what had to be assumed."""

from __future__ import annotations

from oomforensics.analysis.model import Scope, TotalPages
from oomforensics.analysis.nodes import parse_list
from oomforensics.analysis.scope import ScopeFound
from oomforensics.kernel import totalpages
from oomforensics.kernel.accounting import accounting_of
from oomforensics.kernel.eras import Era, MemcgTotal, NodePages, TotalRam
from oomforensics.kernel.gfp import decode
from oomforensics.kernel.identify import parse_release
from oomforensics.parsers.facts import Incident, MemcgUsage, MemInfo

_UNLIMITED_KB = 2**52  # every "no limit" that a kernel prints is above
_ASSUMED_PAGE_SIZE = 4096


def find_totalpages(
    incident: Incident, found: ScopeFound, era: Era | None, release: str | None, page_size: int | None
) -> TotalPages:
    if found.scope is Scope.MEMCG:
        return _memcg(incident, era, page_size)
    info = incident.meminfo
    if info is None or (info.ram_pages is None and not info.zones):
        return TotalPages(None, "the report's Mem-Info is lost", exact=False)
    if found.scope in (Scope.CPUSET, Scope.MEMPOLICY):
        return _nodes(incident, info, found.scope, era, release, page_size)
    return _system(info, era, page_size)


def system_totalpages(incident: Incident, found: ScopeFound, total: TotalPages) -> int | None:
    """RAM plus swap of the machine, to which /proc/PID/oom_score refers; None unless known exactly."""
    if found.scope in (Scope.GLOBAL, Scope.SYSRQ):
        return total.pages if total.exact else None
    return None


def _system(info: MemInfo, era: Era | None, page_size: int | None) -> TotalPages:
    ram = totalram(info, era, page_size)
    if ram is None:
        return TotalPages(None, "the report lost `pages RAM` or `pages reserved`", exact=False)
    ram_pages, ram_text, exact = ram
    swap = _swap_pages(info, page_size)
    if swap is None:
        return TotalPages(None, "the report lost `Total swap`", exact=False, min_pages=ram_pages)
    pages = totalpages.system(ram_pages, swap)
    note = "" if exact else ", approximate on this kernel"
    return TotalPages(
        pages,
        f"RAM and swap of the machine as the report prints them{note}",
        exact=exact,
        min_pages=pages,
        max_pages=pages,
        arithmetic=f"{ram_text} + {swap} pages of swap = {pages}",
    )


def totalram(info: MemInfo, era: Era | None, page_size: int | None) -> tuple[int, str, bool] | None:
    """RAM that the allocator manages, in pages, the sum behind it, and whether it is exact; None: not printed."""
    rule = era.total_ram if era else TotalRam.RESERVED
    if rule in (TotalRam.MANAGED, TotalRam.MANAGED_RESERVED_BROKEN):
        managed = _zone_sum_pages(info, "managed", page_size, None)
        if managed is not None:
            return managed, f"{managed} pages managed in all zones", True
        if rule is TotalRam.MANAGED_RESERVED_BROKEN:
            return None
    if info.ram_pages is None or info.reserved_pages is None:
        return None
    pages = info.ram_pages - info.reserved_pages
    text = f"{info.ram_pages} pages RAM - {info.reserved_pages} reserved"
    if rule is TotalRam.RESERVED_AND_CMA and info.cma_reserved_pages:
        pages -= info.cma_reserved_pages
        text += f" - {info.cma_reserved_pages} reserved for CMA"
    return pages, text, rule in (TotalRam.RESERVED, TotalRam.RESERVED_AND_CMA)


def _swap_pages(info: MemInfo, page_size: int | None) -> int | None:
    """Total swap; 0 where the kernel was built without swap and so prints no line for it."""
    if info.total_swap_kb is None:
        return 0 if info.pagecache_pages is not None and info.ram_pages is not None else None
    return info.total_swap_kb * 1024 // (page_size or _ASSUMED_PAGE_SIZE)


def _zone_sum_pages(info: MemInfo, name: str, page_size: int | None, nodes: set[int] | None) -> int | None:
    values = [zone.values.get(name) for zone in info.zones if nodes is None or (zone.node or 0) in nodes]
    if not values or not all(isinstance(value, int) for value in values):
        return None
    return sum(int(value) for value in values if value is not None) * 1024 // (page_size or _ASSUMED_PAGE_SIZE)


def _nodes(
    incident: Incident, info: MemInfo, scope: Scope, era: Era | None, release: str | None, page_size: int | None
) -> TotalPages:
    listed = None
    if incident.summary is not None:
        listed = incident.summary.mems_allowed if scope is Scope.CPUSET else incident.summary.nodemask
    nodes = parse_list(listed)
    present = _zone_sum_pages(info, "present", page_size, nodes) if nodes else None
    swap = _swap_pages(info, page_size)
    if present is None or swap is None:
        return TotalPages(None, "the allowed nodes' zones or `Total swap` are lost", exact=False)
    pages = totalpages.nodes(present, swap)
    counts_present = era is not None and era.node_pages is NodePages.PRESENT
    hides = _leaves_zones_out(incident, release)
    what = "present pages of the allowed nodes and all swap"
    if not counts_present:
        what += "; this kernel counts spanned pages, which include holes and are not printed: a lower bound"
    elif hides:
        what += "; zones above the one asked for are not printed: a lower bound"
    exact = counts_present and not hides
    return TotalPages(
        pages,
        what,
        exact=exact,
        min_pages=pages,
        max_pages=pages if exact else None,
        arithmetic=f"{present} pages present in node {listed} + {swap} pages of swap = {pages}",
    )


def _leaves_zones_out(incident: Incident, release: str | None) -> bool:
    """Whether zones with pages may be missing in Mem-Info, because the request could not be served from them."""
    version = parse_release(release) if release else None
    asked = decode(incident.invoked.gfp_mask, version) if incident.invoked and incident.invoked.gfp_mask else None
    return accounting_of(version).leaves_zones_out and (asked is None or asked.highest_zone != "Movable")


def _memcg(incident: Incident, era: Era | None, page_size: int | None) -> TotalPages:
    size = page_size or _ASSUMED_PAGE_SIZE
    memory, memsw, swap = incident.memcg.memory, incident.memcg.memsw, incident.memcg.swap
    limit = _limit_pages(memory, size)
    if limit is None or (memory is not None and memory.limit_kb >= _UNLIMITED_KB):
        return TotalPages(None, "the cgroup's limit is lost", exact=False)
    memsw_limit, swap_limit = _limit_pages(memsw, size), _limit_pages(swap, size)
    rule = era.memcg_total if era and era.memcg_total else MemcgTotal.SWAP_MAX

    def total(system_swap: int) -> int:
        return totalpages.memcg(
            rule, limit, system_swap, memsw_limit_pages=memsw_limit, swap_limit_pages=swap_limit, page_size=size
        )

    assumed = "" if page_size else f"; page size assumed to be {size} bytes"
    known, teller = _machine_swap(incident, size)
    floor, ceiling = total(0), total(2**50)
    if floor == ceiling:
        why = "no swap allowed beyond it" if rule is not MemcgTotal.UNIT_BUG else "swap counts in bytes"
        return TotalPages(floor, f"the cgroup's limit; {why}{assumed}", exact=page_size is not None, min_pages=floor,
                          max_pages=floor, arithmetic=f"limit {limit} pages = {floor}")  # fmt: skip
    if known is not None:
        pages = total(known)
        source = f"the cgroup's limit and the machine's swap, {teller}"
        return TotalPages(pages, source + assumed + " (were swappiness 0, swap would not count)",
                          exact=page_size is not None, min_pages=pages, max_pages=pages,
                          arithmetic=f"limit {limit} pages, {known} pages of swap on the machine: {pages}")  # fmt: skip
    used = _swap_in_use_pages(incident, size)
    pages = total(used)
    if swap is not None and swap_limit and swap.usage_kb >= swap.limit_kb:
        pages = ceiling
        source = f"the cgroup's limit and its swap limit, which is used up: the machine has that much swap{assumed}"
        return TotalPages(pages, source + " (were swappiness 0, swap would not count)", exact=page_size is not None,
                          min_pages=pages, max_pages=pages,
                          arithmetic=f"limit {limit} pages + {pages - limit} of swap = {pages}")  # fmt: skip
    what = "no swap assumed" if not used else f"at least the {used} pages of swap in use"
    return TotalPages(
        pages,
        f"the cgroup's limit; the machine's total swap is not in a cgroup's report: {what}{assumed}",
        exact=False,
        min_pages=floor,
        max_pages=ceiling if ceiling < 2**49 else None,
        arithmetic=f"limit {limit} pages + {pages - limit} of swap = {pages}",
    )


def _limit_pages(usage: MemcgUsage | None, page_size: int) -> int | None:
    return usage.limit_kb * 1024 // page_size if usage else None


def _machine_swap(incident: Incident, page_size: int) -> tuple[int | None, str]:
    """Total swap in pages, and who says so: Mem-Info (up to 3.8), the boot's other reports if they agree, its bundle."""
    by_report = "printed by a report of the same boot"
    if incident.meminfo is not None and incident.meminfo.total_swap_kb is not None:
        return incident.meminfo.total_swap_kb * 1024 // page_size, by_report
    if len(incident.boot_total_swap_kb) == 1:
        return next(iter(incident.boot_total_swap_kb)) * 1024 // page_size, by_report
    if incident.bundle_total_swap_kb is not None and not incident.boot_total_swap_kb:
        total = incident.bundle_total_swap_kb * 1024 // page_size
        return total, "as the bundle's /proc/meminfo had it later in the same boot"
    return None, ""


def _swap_in_use_pages(incident: Incident, page_size: int) -> int:
    swapents = incident.table.rows.column("swapents_pages") if incident.table else None
    by_tasks = int(swapents.values.sum()) if swapents is not None else 0
    swap = incident.memcg.swap
    return max(by_tasks, swap.usage_kb * 1024 // page_size if swap else 0)
