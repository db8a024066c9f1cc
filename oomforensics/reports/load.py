"""One incident as every report shows it, from the history's views. Field = column; `None` = not known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, TypeVar

import duckdb

from oomforensics.errors import UsageError
from oomforensics.history.redact import is_redacted
from oomforensics.reports import cgrouptree, findings, growth, recorded, timeline

Connection = duckdb.DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class CandidateRow:
    table_order: int
    pid: int
    tgid: int | None
    uid: int | None
    comm: str | None
    total_vm_pages: int | None
    rss_pages: int | None
    rss_anon_pages: int | None
    rss_file_pages: int | None
    rss_shmem_pages: int | None
    nr_ptes: int | None
    nr_pmds: int | None
    pgtables_bytes: int | None
    swapents_pages: int | None
    oom_adj: int | None
    oom_score_adj: int | None
    eligible: bool | None
    ineligible_reason: str | None
    badness_pages: int | None
    badness_min: int | None
    badness_max: int | None
    adj_pages: int | None
    root_bonus_pages: int | None
    points: int | None
    proc_oom_score: int | None
    rank: int | None
    is_victim: bool
    arithmetic: str | None
    line: int | None

    def pgtables(self, page_size: int | None) -> int | None:
        """Bytes of page tables; kernels up to 4.14 print pages of them."""
        if self.pgtables_bytes is not None:
            return self.pgtables_bytes
        printed = [pages for pages in (self.nr_ptes, self.nr_pmds) if pages is not None]
        return sum(printed) * page_size if printed and page_size else None


@dataclass(frozen=True, slots=True)
class KillRow:
    pid: int | None  # None: the line is torn before it
    comm: str | None
    uid: int | None
    total_vm_kb: int | None
    anon_rss_kb: int | None
    file_rss_kb: int | None
    shmem_rss_kb: int | None
    pgtables_kb: int | None
    oom_score_adj: int | None
    reason: str
    reaped: bool | None
    message: str | None
    source: str  # another than the incident's when only that one shows this kill
    line: int


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """A part of the whole: parents stand before their children, which add up to them."""

    node: str
    parent: str | None  # None: a whole (RAM, the limit, swap)
    label: str
    bytes: int
    min_bytes: int
    max_bytes: int
    origin: str
    line: int | None
    memcg: str | None  # control group whose share of its parent it is


@dataclass(frozen=True, slots=True)
class ZoneRow:
    """A zone of memory against the failed request, KiB."""

    node: int | None
    zone: str
    usable: bool | None
    reason: str
    managed_kb: int | None
    free_kb: int | None
    free_cma_kb: int | None
    boost_kb: int | None
    min_kb: int | None
    low_kb: int | None
    high_kb: int | None
    reserve_kb: int | None
    needed_kb: int | None
    largest_free_kb: int | None
    line: int | None


@dataclass(frozen=True, slots=True)
class AllocationRow:
    cause: str
    also: list[str]  # what else kept memory from it, as such words
    text: str
    gfp_flags: list[str] | None
    order_asked: int | None
    request_bytes: int | None
    migratetype: str | None
    highest_zone: str | None
    nodes: str | None
    limit_memcg: str | None
    balance_text: str | None
    notes: list[str]
    zones: tuple[ZoneRow, ...] = ()


@dataclass(frozen=True, slots=True)
class RawLine:
    line: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class SourceProblem:
    line: int | None
    severity: str
    reason: str


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source that shows the incident; size and framing are None when the history lost the file."""

    source: str
    line_start: int
    line_end: int
    framing: str | None
    size_bytes: int | None
    sha256: str | None
    problems: tuple[SourceProblem, ...]


@dataclass(frozen=True)
class IncidentPage:
    incident_id: str
    host: str | None
    boot_id: str | None
    ts_us: int | None  # UTC microseconds since 1970
    ts_source: str
    uptime_s: float | None
    kernel_release: str | None
    era: str | None
    era_certain: bool | None
    era_evidence: list[str]
    era_alternatives: list[str]
    era_agreement: str | None
    page_size: int | None
    page_size_source: str | None
    scope: str
    scope_inferred: bool
    constraint_raw: str | None
    oom_memcg: str | None
    task_memcg: str | None
    trigger_pid: int | None
    trigger_comm: str | None
    gfp_mask: str | None
    alloc_order: int | None
    totalpages: int | None
    totalpages_exact: bool | None
    totalpages_min: int | None
    totalpages_max: int | None
    totalpages_source: str | None
    totalpages_arithmetic: str | None
    selected_pid: int | None
    selected_comm: str | None
    victim_pid: int | None
    victim_comm: str | None
    victim_uid: int | None
    printed_score: int | None
    recomputed_score: int | None
    score_note: str | None
    verdict: str
    verdict_text: str
    proof: list[str]
    evidence_lines: list[int]
    caveats: list[str]
    runner_up_pid: int | None
    margin_pages: int | None
    complete: bool
    missing: list[str]
    outcomes: list[str]
    oom_group_path: str | None
    report_suppressed: bool | None
    memory_usage_kb: int | None
    memory_limit_kb: int | None
    memory_failcnt: int | None
    memsw_usage_kb: int | None
    memsw_limit_kb: int | None
    swap_usage_kb: int | None
    swap_limit_kb: int | None
    total_swap_kb: int | None
    free_swap_kb: int | None
    ram_pages: int | None
    reserved_pages: int | None
    meminfo: dict[str, Any] | None
    memcg_stats: Any
    call_trace: list[str]
    hardware: str | None
    callbacks_suppressed: int | None
    source: str
    line_start: int
    line_end: int
    container_runtime: str | None = None  # this and what follows: of the control group
    container_id: str | None = None
    pod_uid: str | None = None
    pod_qos: str | None = None
    systemd_slice: str | None = None
    systemd_unit: str | None = None
    systemd_user_unit: str | None = None
    login_uid: int | None = None
    job_scheduler: str | None = None
    job_id: str | None = None
    job_step: str | None = None
    container_name: str | None = None
    container_image: str | None = None
    pod: str | None = None
    pod_namespace: str | None = None
    ts_uncertainty_s: float | None = None
    place: str | None = None
    nodemask: str | None = None
    cpuset: str | None = None
    mems_allowed: str | None = None
    trigger_cpu: int | None = None
    kmem_usage_kb: int | None = None
    kmem_limit_kb: int | None = None
    candidates: tuple[CandidateRow, ...] = ()  # in the order of the printed table
    kills: tuple[KillRow, ...] = ()
    lines: tuple[RawLine, ...] = ()
    sources: tuple[SourceRow, ...] = ()
    recorded: recorded.Recorded | None = None
    timeline: timeline.Timeline | None = None
    cgroups: cgrouptree.Group | None = None  # the root of the tree
    balance: tuple[BalanceRow, ...] = ()  # where the memory was
    allocation: AllocationRow | None = None  # why the allocation failed; None: an older history
    growth: growth.Grown | None = None  # None: not asked for
    findings: tuple[findings.FindingRow, ...] = ()  # the gravest first

    @cached_property
    def ranked(self) -> tuple[CandidateRow, ...]:
        """The kernel's order of preference, without ranks by what is known; the ineligible come last."""
        return tuple(sorted(self.candidates, key=_preference))

    @cached_property
    def by_pid(self) -> dict[int, CandidateRow]:
        return {row.pid: row for row in self.candidates}

    @property
    def victim(self) -> CandidateRow | None:
        return next((row for row in self.candidates if row.is_victim), None)

    @cached_property
    def also_killed(self) -> tuple[KillRow, ...]:
        """Those who died with the victim, each once although a log may name it twice."""
        others: dict[int | None, KillRow] = {}
        for kill in self.kills:
            if kill.pid != self.victim_pid:
                others.setdefault(kill.pid, kill)
        return tuple(others.values())

    @property
    def runner_up(self) -> CandidateRow | None:
        return self.by_pid.get(self.runner_up_pid) if self.runner_up_pid is not None else None

    @property
    def scored(self) -> bool:
        return any(row.badness_pages is not None for row in self.candidates)

    @property
    def bounded(self) -> bool:
        """Some badness is known only as an interval, because the report lacks inputs of it."""
        return any(row.badness_pages is None and row.badness_min is not None for row in self.candidates)

    @cached_property
    def badness_unit(self) -> str:
        """Kernels before 3.5 compare thousandths of totalpages: there badness is the share itself."""
        scored = [row for row in self.candidates if row.badness_pages is not None]
        if scored:
            return "permille" if all(row.badness_pages == row.points for row in scored) else "pages"
        bounds = [row.badness_max for row in self.candidates if row.badness_min is not None]
        return "permille" if bounds and all(bound is not None and bound <= 1000 for bound in bounds) else "pages"

    @cached_property
    def evidence(self) -> tuple[RawLine, ...]:
        wanted = set(self.evidence_lines)
        return tuple(line for line in self.lines if line.line in wanted)

    def is_trigger(self, row: CandidateRow) -> bool:
        return self.trigger_pid is not None and self.trigger_pid in (row.pid, row.tgid)


def _preference(row: CandidateRow) -> tuple[bool, bool, int, int, int, int]:
    used = (row.rss_pages or 0) + (row.swapents_pages or 0)
    least = row.badness_min if row.badness_min is not None else used
    return (row.eligible is False, row.rank is None, row.rank or 0, -least, -used, row.table_order)


REDACTED = (
    "Redacted: names are pseudonyms, the same wherever the same name stands. "
    "Figures, times and the verdict are as they were."
)


def note(con: Connection) -> str | None:
    """What a reader must know of this history before reading a report from it."""
    return REDACTED if is_redacted(con) else None


_MAX_LOSSES = 5  # notices that are shown
_CHILDREN = (
    "candidates",
    "kills",
    "lines",
    "sources",
    "recorded",
    "timeline",
    "cgroups",
    "balance",
    "allocation",
    "growth",
    "findings",
)
_LISTS = (
    "era_evidence",
    "era_alternatives",
    "proof",
    "evidence_lines",
    "caveats",
    "missing",
    "outcomes",
    "call_trace",
)
_JSON = ("meminfo", "memcg_stats")
Row = TypeVar("Row", CandidateRow, KillRow, BalanceRow, ZoneRow)


def load(con: Connection, incident_id: str) -> IncidentPage:
    """The incident with its children. Raises UsageError when the history has no such incident."""
    (page,) = load_brief(con, [incident_id])
    killed = {kill.pid for kill in page.kills if kill.pid is not None}
    seen = recorded.load(con, incident_id, killed, page.trigger_pid, page.oom_memcg)
    return replace(
        page,
        caveats=page.caveats + _losses(con, incident_id),
        recorded=seen,
        timeline=timeline.load(con, incident_id, page.source, page.line_start, seen.mono_s if seen else None),
        cgroups=cgrouptree.load(con, page),
        balance=tuple(_rows(con, BalanceRow, "memory_balance", "seq", [incident_id]).get(incident_id, ())),
        allocation=_allocation(con, incident_id),
        growth=growth.load(con, incident_id),
        findings=findings.load(con, incident_id),
        lines=_lines(con, incident_id),
        sources=_sources(con, incident_id),
    )


def load_brief(con: Connection, ids: Sequence[str]) -> list[IncidentPage]:
    """Incidents in this order with their candidates and kills, and without all that `load` adds.

    Raises UsageError when the history lacks one of them.
    """
    columns = [field.name for field in fields(IncidentPage) if field.name not in _CHILDREN]
    select = ", ".join("epoch_us(ts)" if name == "ts_us" else name for name in columns)
    found = con.execute(f"SELECT {select} FROM incidents WHERE list_contains(?, incident_id)", [list(ids)]).fetchall()
    by_id = {row[columns.index("incident_id")]: row for row in found}
    candidates = _rows(con, CandidateRow, "candidates", "table_order", ids)
    kills = _rows(con, KillRow, "kills", "seq, line", ids)
    pages = []
    for incident_id in ids:
        if incident_id not in by_id:
            raise UsageError(f"no incident {incident_id} in this history")
        values: dict[str, Any] = dict(zip(columns, by_id[incident_id], strict=True))
        for name in _LISTS:
            values[name] = list(values[name] or ())
        for name in _JSON:
            values[name] = json.loads(values[name]) if values[name] is not None else None
        pages.append(
            IncidentPage(
                **values, candidates=tuple(candidates.get(incident_id, ())), kills=tuple(kills.get(incident_id, ()))
            )
        )
    return pages


def _losses(con: Connection, incident_id: str) -> list[str]:
    """What was lost near it, the nearest first, as one caveat."""
    query = """
        SELECT text, source, line, count(*) OVER () FROM incident_losses
        WHERE incident_id = ? ORDER BY distance_s NULLS LAST, source, line LIMIT ?
    """
    found = con.execute(query, [incident_id, _MAX_LOSSES]).fetchall()
    if not found:
        return []
    told = "; ".join(f"{text} ({source}, line {line})" for text, source, line, _ in found)
    more = found[0][3] - len(found)
    return [f"Evidence was lost near this report: {told}{f'; and {more} more' if more else ''}."]


def _rows(con: Connection, row_type: type[Row], view: str, order: str, ids: Sequence[str]) -> dict[str, list[Row]]:
    columns = ", ".join(field.name for field in fields(row_type))
    sql = f"SELECT incident_id, {columns} FROM {view} WHERE list_contains(?, incident_id) ORDER BY {order}"
    rows: dict[str, list[Row]] = {}
    for incident_id, *values in con.execute(sql, [list(ids)]).fetchall():
        rows.setdefault(incident_id, []).append(row_type(*values))
    return rows


def _allocation(con: Connection, incident_id: str) -> AllocationRow | None:
    names = [field.name for field in fields(AllocationRow) if field.name != "zones"]
    found = con.execute(f"SELECT {', '.join(names)} FROM allocations WHERE incident_id = ?", [incident_id]).fetchone()
    if found is None:
        return None
    order = "node NULLS FIRST, line, zone"
    zones = _rows(con, ZoneRow, "allocation_zones", order, [incident_id]).get(incident_id, ())
    return AllocationRow(**dict(zip(names, found, strict=True)), zones=tuple(zones))


def _lines(con: Connection, incident_id: str) -> tuple[RawLine, ...]:
    query = "SELECT line, kind, text FROM report_lines WHERE incident_id = ? ORDER BY seq"
    return tuple(RawLine(*values) for values in con.execute(query, [incident_id]).fetchall())


def _sources(con: Connection, incident_id: str) -> tuple[SourceRow, ...]:
    # The same name may have been read in several versions; the one read last is the one that is there now.
    query = """
        SELECT shown.source, shown.line_start, shown.line_end, read.framing, read.size_bytes, read.sha256,
               read.problems
        FROM incident_sources AS shown
        LEFT JOIN (
            SELECT * FROM sources
            QUALIFY row_number() OVER (PARTITION BY source ORDER BY ingested_at DESC) = 1
        ) AS read USING (source)
        WHERE shown.incident_id = ?
        ORDER BY shown.source, shown.line_start
    """
    found = con.execute(query, [incident_id]).fetchall()
    return tuple(
        SourceRow(source, first, last, framing, size, sha256, tuple(SourceProblem(**one) for one in problems or ()))
        for source, first, last, framing, size, sha256, problems in found
    )
