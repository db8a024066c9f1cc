"""The kernel's selection of a stored incident, rebuilt so that it can be repeated with other inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from oomforensics.analysis.headroom import Shortage, ZoneState
from oomforensics.analysis.model import Scope, VerdictWord
from oomforensics.analysis.scoring import charged_pages, ineligible_reason
from oomforensics.analysis.sizes import Sizes, pages
from oomforensics.analysis.whatif import Selection, rebuild
from oomforensics.errors import UsageError
from oomforensics.history.schema import Connection
from oomforensics.kernel.eras import Version
from oomforensics.kernel.identify import version_of
from oomforensics.parsers.task_rows import TaskRow

# Verdicts under which repeating the selection by badness would prove nothing.
REFUSED = {
    VerdictWord.ALLOCATING_TASK: "the kernel killed whoever asked for memory, whatever the badness of others",
    VerdictWord.OOM_ORIGIN: "a task in swapoff is chosen whatever the badness of others",
    VerdictWord.WITHIN_NOISE: "the first candidates are closer than the kernel's counters are exact",
    VerdictWord.INSUFFICIENT_DATA: "the report does not hold enough to recompute the selection",
    VerdictWord.NOT_EXPLAINED: "the kernel's choice could not be recomputed in the first place",
}
LACKING = "the report lacks what an exact selection needs: its total, columns of its task table, undamaged rows"
_SHORTAGE = (
    "gfp_mask", "alloc_order", "memory_usage_kb", "memory_limit_kb", "memsw_usage_kb", "memsw_limit_kb", "swap_usage_kb",
    "swap_limit_kb", "total_swap_kb", "free_swap_kb",
)  # fmt: skip
_STORED = [name for name in TaskRow._fields if name != "cpu"]


@dataclass(frozen=True, slots=True)
class Stored:
    """`selection` as the incident's verdict rests on it, and what a reader must know of it."""

    incident_id: str
    verdict: VerdictWord
    era: str
    totalpages: int
    selection: Selection
    killed: frozenset[int]  # pids of candidates
    caveats: tuple[str, ...]
    sizes: Sizes
    shortage: Shortage


def selection_of(con: Connection, incident_id: str) -> Stored:
    """Raises UsageError, with the reason, where the selection cannot be rebuilt exactly."""
    columns = (
        "verdict, era, era_certain, totalpages, totalpages_exact, totalpages_source, page_size, scope, kernel_release"
    )
    head: tuple[Any, ...] | None = con.execute(
        f"SELECT {columns}, {', '.join(_SHORTAGE)}, meminfo FROM t_incidents WHERE incident_id = ?", [incident_id]
    ).fetchone()
    assert head is not None
    (
        word,
        era,
        era_certain,
        totalpages,
        totalpages_exact,
        totalpages_source,
        page_size,
        scope,
        release,
        *others,
        meminfo,
    ) = head
    printed = dict(zip(_SHORTAGE, others, strict=True))
    verdict = VerdictWord(word)
    if verdict in REFUSED:
        raise UsageError(f"nothing to repeat ({verdict}): {REFUSED[verdict]}")
    found = con.execute(
        f"SELECT badness_pages, ineligible_reason, is_victim, {', '.join(_STORED)} FROM t_candidates "
        "WHERE incident_id = ? ORDER BY table_order",
        [incident_id],
    ).fetchall()
    rows = [TaskRow(**dict(zip(_STORED, values, strict=True))) for _, _, _, *values in found]
    selection = None
    if rows and era is not None and totalpages is not None and page_size is not None:
        try:
            selection = rebuild(
                rows, [one[0] for one in found], [one[1] for one in found], era, totalpages, page_size,
                is_memcg=scope == Scope.MEMCG,
            )  # fmt: skip
        except KeyError:
            raise UsageError(f"this version knows no era {era!r}: ingest the log again") from None
    if selection is None:
        raise UsageError(LACKING)
    caveats = ["All else is as the report prints it; after a kill the memory of the others changes too."]
    if not totalpages_exact:
        caveats.append(
            f"totalpages is not certain ({totalpages_source}), and every oom_score_adj below is a share of it."
        )
    if not era_certain:
        caveats.append("Which kernels' rules apply is not certain: `oomforensics eras ID` says why.")
    if not selection.table.in_scan_order:
        caveats.append("Which of equals this kernel takes is not in the report: a boundary may be off by one.")
    if selection.kills_children:
        caveats.append("This kernel kills a child of its first choice where it has one to kill.")
    killed = frozenset(row.pid for row, one in zip(rows, found, strict=True) if one[2])
    sizes = Sizes(
        Scope(scope), page_size, totalpages,
        limit=pages(printed["memory_limit_kb"], page_size),
        memsw_limit=pages(printed["memsw_limit_kb"], page_size),
        swap_limit=pages(printed["swap_limit_kb"], page_size),
        total_swap=pages(printed["total_swap_kb"], page_size),
    )  # fmt: skip
    return Stored(
        incident_id,
        verdict,
        era,
        totalpages,
        selection,
        killed,
        tuple(caveats),
        sizes,
        _shortage(sizes, printed, meminfo, version_of(release, era)),
    )


def _shortage(sizes: Sizes, printed: Mapping[str, Any], meminfo: str | None, version: Version | None) -> Shortage:
    info = json.loads(meminfo) if meminfo else {}
    zones = []
    for zone in info.get("zones", []):
        free, least = (zone.get("values", {}).get(name) for name in ("free", "min"))
        if isinstance(free, int) and isinstance(least, int):
            reserve = zone.get("lowmem_reserve_pages") or []
            cma = zone["values"].get("free_cma")
            cma_kb = cma if isinstance(cma, int) else 0
            zones.append(ZoneState(zone.get("node"), zone["name"], free, least, reserve, cma_kb))
    return Shortage(
        sizes, printed["gfp_mask"], printed["alloc_order"], printed["memory_usage_kb"], printed["memory_limit_kb"],
        printed["memsw_usage_kb"], printed["memsw_limit_kb"], printed["swap_usage_kb"], printed["swap_limit_kb"],
        printed["free_swap_kb"], tuple(zones), version, bool(info.get("highmem_pages")),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Inputs:
    """A selection as plain values, for repeating it outside of Python. One entry a candidate, in the order of scanning."""

    score: str  # with `root` and `tie`: names of members of the enums in kernel/eras.py
    root: str | None
    tie: str
    totalpages: int
    pids: list[int]
    comms: list[str]
    adjs: list[int]
    charges: list[int]  # pages
    uid_0: list[bool]
    barred: list[str | None]  # why it cannot be chosen with any oom_score_adj
    order: list[int]  # indices, the first choice first
    saving_adj: int | None  # the highest oom_score_adj with which the first choice is not chosen


def inputs_of(selection: Selection) -> Inputs:
    """Raises UsageError where two candidates have one pid."""
    table, hypothesis = selection.table, selection.hypothesis
    era, page_size = hypothesis.era, hypothesis.page_size
    if len({row.pid for row in table.rows}) < len(table.rows):
        raise UsageError("two rows of the task table have the same pid")
    anybody = replace(table, rows=[row._replace(oom_score_adj=0) for row in table.rows])
    order = [candidate.order for candidate in selection.order()]
    return Inputs(
        score=era.score.name,
        root=None if hypothesis.root is None else hypothesis.root.name,
        tie=era.tie.name,
        totalpages=hypothesis.totalpages,
        pids=[row.pid for row in table.rows],
        comms=[row.comm or "" for row in table.rows],
        adjs=[row.oom_score_adj or 0 for row in table.rows],
        charges=[charged_pages(row, era, page_size, table.swap_in_use_pages)[0] for row in table.rows],
        uid_0=[row.uid == 0 for row in table.rows],
        barred=[ineligible_reason(anybody, position, era) for position in range(len(table.rows))],
        order=order,
        saving_adj=_saving_adj(selection, order),
    )


def _saving_adj(selection: Selection, order: list[int]) -> int | None:
    if not order:
        return None
    # Of the others only the next one decides, and two rows are tried sooner than 20,000.
    pids = [selection.table.rows[position].pid for position in order[:2]]
    return selection.without({row.pid for row in selection.table.rows} - set(pids)).saving_adj(pids[0])
