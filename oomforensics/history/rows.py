"""What the analysis says of an incident as rows of the history's tables: a list of columns and a function for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import chain, repeat
from typing import Any

import numpy as np

from oomforensics.analysis.candidates import Candidates
from oomforensics.analysis.model import Judged
from oomforensics.history import events
from oomforensics.history.frames import Columns, columns
from oomforensics.history.merge import Cluster, Sighting
from oomforensics.parsers.facts import MemcgUsage
from oomforensics.parsers.records import Problem, SourceInfo
from oomforensics.parsers.task_rows import Column, TaskRow, joined
from oomforensics.parsers.witness import Event

INCIDENTS: Columns = columns(
    text="incident_id host boot_id ts_source kernel_release era page_size_source scope constraint_raw oom_memcg task_memcg"
    " trigger_comm gfp_mask totalpages_source totalpages_arithmetic selected_comm victim_comm score_note verdict verdict_text"
    " era_agreement oom_group_path hardware source nodemask cpuset mems_allowed",
    moment="ts",
    float="uptime_s ts_uncertainty_s",
    bool="era_certain scope_inferred totalpages_exact complete report_suppressed newest_first",
    small="page_size alloc_order trigger_cpu",
    int="trigger_pid totalpages totalpages_min totalpages_max selected_pid victim_pid victim_uid printed_score"
    " recomputed_score runner_up_pid margin_pages memory_usage_kb memory_limit_kb memory_failcnt memsw_usage_kb"
    " memsw_limit_kb swap_usage_kb swap_limit_kb total_swap_kb free_swap_kb ram_pages reserved_pages callbacks_suppressed"
    " kmem_usage_kb kmem_limit_kb line_start line_end",
    texts="era_evidence era_alternatives proof caveats missing outcomes call_trace",
    ints="evidence_lines",
    json="meminfo memcg_stats",
)
CANDIDATES: Columns = columns(
    text="incident_id comm ineligible_reason arithmetic",
    small="table_order oom_adj oom_score_adj rank",
    int="pid tgid uid total_vm_pages rss_pages rss_anon_pages rss_file_pages rss_shmem_pages nr_ptes nr_pmds pgtables_bytes"
    " swapents_pages badness_pages badness_min badness_max adj_pages root_bonus_pages points proc_oom_score line",
    bool="eligible is_victim",
)
KILLS: Columns = columns(
    text="incident_id comm reason message source kill_key",
    small="oom_score_adj seq",
    int="pid uid total_vm_kb anon_rss_kb file_rss_kb shmem_rss_kb pgtables_kb line",
    bool="reaped",
    moment="ts",
    float="uptime_s",
)
REPORT_LINES: Columns = columns(text="incident_id kind text", small="seq", int="line")
INCIDENT_SOURCES: Columns = columns(
    text="incident_id source host boot_id ts_source content",
    int="line_start line_end candidates kills occurrence",
    small="boot_index",
    moment="ts kill_ts",
    float="uptime_s kill_uptime_s",
    bool="complete newest_first",
    texts="kill_keys",
)
KILL_KEYS: Columns = columns(text="kill_key incident_id")
MEMORY_EVENTS: Columns = columns(
    text="event_id event_key kind says mechanism program host boot_id ts_source comm cgroup unit container_id pod_uid job_id"
    " text source",
    bool="named",
    moment="ts",
    int="uptime_us pid uid line",
    json="detail",
)
SOURCES: Columns = columns(text="source sha256 framing", int="size_bytes records", moment="ingested_at")
SOURCE_PROBLEMS: Columns = columns(text="source sha256 severity reason", int="line")


def incident(one: Judged, cluster: Cluster, incident_id: str) -> tuple[Any, ...]:
    facts, verdict, total = one.incident, one.verdict, one.totalpages
    who = cluster.identity()
    invoked, stack, memcg, info, summary = facts.invoked, facts.stack, facts.memcg, facts.meminfo, facts.summary
    return (
        incident_id, who.host, who.boot_id, who.ts_source, one.kernel_release, one.era.name, one.page_size_source, one.scope,
        one.constraint_raw, one.oom_memcg, one.task_memcg,
        (invoked.comm if invoked else None) or (stack.comm if stack else None), invoked.gfp_mask if invoked else None,
        total.source, total.arithmetic, one.selected_comm, one.victim_comm, one.score_note, verdict.word, verdict.text,
        verdict.era_agreement, facts.oom_group_path, stack.hardware if stack else None, facts.source,
        (summary.nodemask if summary else None) or (invoked.nodemask if invoked else None),
        (summary.cpuset if summary else None) or facts.cpuset,
        (summary.mems_allowed if summary else None) or facts.mems_allowed,
        who.ts_us,
        who.uptime_s, seconds(facts.wall_uncertainty_us),
        one.era.certain, one.scope_inferred, total.exact, one.complete, facts.report_suppressed, facts.newest_first,
        one.page_size, invoked.order if invoked else None, stack.cpu if stack else None,
        stack.pid if stack else None, total.pages, total.min_pages, total.max_pages, one.selected_pid, one.victim_pid,
        one.victim_uid, one.printed_score, one.recomputed_score, verdict.runner_up_pid, verdict.margin_pages,
        *_usage(memcg.memory), memcg.memory.failcnt if memcg.memory else None, *_usage(memcg.memsw), *_usage(memcg.swap),
        info and info.total_swap_kb, info and info.free_swap_kb, info and info.ram_pages, info and info.reserved_pages,
        facts.callbacks_suppressed, *_usage(memcg.kmem), facts.line_start, facts.line_end,
        one.era.evidence, one.era.alternatives, verdict.proof, verdict.caveats, facts.missing,
        [outcome.kind for outcome in facts.outcomes], facts.call_trace,
        verdict.evidence_lines,
        None if info is None else _plain(info), _plain(memcg.stats) if memcg.stats else None,
    )  # fmt: skip


def candidates(written: Iterable[tuple[str, Judged]]) -> list[Sequence[Any] | Column | None]:
    """By column: they are most of what is stored. The pairs are ids and incidents."""
    found = [(incident_id, one.candidates) for incident_id, one in written if len(one.candidates)]
    if not found:
        return []
    every = [them for _, them in found]
    texts: dict[str, Iterable[str | None]] = {
        "incident_id": chain.from_iterable(repeat(incident_id, len(them)) for incident_id, them in found),
        "comm": chain.from_iterable(them.rows.names() for them in every),
        "ineligible_reason": chain.from_iterable(them.ineligible_reason for them in every),
        "arithmetic": chain.from_iterable(them.arithmetic for them in every),
    }
    lengths = [len(them) for them in every]
    return [
        list(texts[name]) if name in texts else joined([_numbers(them, name) for them in every], lengths)
        for name in CANDIDATES
    ]


def _numbers(them: Candidates, name: str) -> Column | None:
    if name in TaskRow._fields:
        return them.rows.column(name)
    return Column(np.arange(len(them))) if name == "table_order" else them.column(name)


def kills(one: Judged) -> list[tuple[Any, ...]]:
    """The incident's id, which is known only after merging, is left empty."""
    return [
        (
            "", kill.comm, kill.reason, kill.message, one.incident.source, key,
            kill.oom_score_adj, seq,
            kill.pid, kill.uid, kill.total_vm_kb, kill.anon_rss_kb, kill.file_rss_kb, kill.shmem_rss_kb, kill.pgtables_kb,
            kill.line,
            kill.reaped,
            kill.wall_us,
            seconds(kill.uptime_us),
        )
        for seq, (kill, key) in enumerate(zip(one.incident.kills, one.kill_keys, strict=False))
    ]  # fmt: skip


def report_lines(written: Iterable[tuple[str, Judged]]) -> list[Sequence[Any]]:
    """By column, as the candidates."""
    found = [(incident_id, one.incident.lines) for incident_id, one in written]
    every = [line for _, them in found for line in them]
    if not every:
        return []
    line, kind, text = zip(*every, strict=True)
    seq = [place for _, them in found for place in range(len(them))]
    return [[incident_id for incident_id, them in found for _ in them], kind, text, seq, line]


def incident_source(it: Sighting, incident_id: str) -> tuple[Any, ...]:
    return (
        incident_id, it.source, it.host, it.boot_id, it.ts_source, it.content,
        it.line_start, it.line_end, it.candidates, it.kills, it.occurrence,
        it.boot_index,
        it.ts_us, it.kill_ts_us,
        it.uptime_s, it.kill_uptime_s,
        it.complete, it.newest_first,
        list(it.kill_keys),
    )  # fmt: skip


def memory_event(it: Event, seen: events.Sighting, event_id: str) -> tuple[Any, ...]:
    return (
        event_id, seen.key, it.kind, it.says, it.mechanism, it.program, it.host, it.boot_id, it.wall_source, it.comm, it.cgroup,
        it.unit, it.container_id, it.pod_uid, it.job_id, it.text, it.source,
        seen.named,
        it.wall_us,
        it.uptime_us, it.pid, it.uid, it.line,
        it.detail,
    )  # fmt: skip


def source(info: SourceInfo, ingested_us: int) -> tuple[Any, ...]:
    return info.name, info.sha256, info.framing, info.size_bytes, info.records, ingested_us


def source_problem(info: SourceInfo, problem: Problem) -> tuple[Any, ...]:
    return info.name, info.sha256, problem.severity, problem.reason, problem.line


def seconds(micros: int | None) -> float | None:
    return None if micros is None else micros / 1e6


def _usage(usage: MemcgUsage | None) -> tuple[int | None, int | None]:
    return (usage.usage_kb, usage.limit_kb) if usage else (None, None)


def _plain(value: Any) -> Any:
    """Dataclasses as plain values for JSON (dataclasses.asdict copies every leaf and takes 20 times as long)."""
    kind = type(value)
    if kind is list:
        return [_plain(item) for item in value]
    if not is_dataclass(kind):
        return value
    return {name: _plain(getattr(value, name)) for name in _names(kind)}


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
