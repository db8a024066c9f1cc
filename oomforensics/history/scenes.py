"""Incidents as the analysis wants them, from the history: each with its table, its bundle's facts and its neighbours."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from oomforensics.analysis.scene import (
    Grown,
    HostFact,
    Killed,
    Scene,
    Together,
    Told,
)
from oomforensics.analysis.task_table import TaskTable, summable
from oomforensics.history import neighbours
from oomforensics.history.schema import Connection
from oomforensics.parsers.facts import MemcgStats, MemInfo, Zone

_MOST_TOLD = 200

_CHILDREN = frozenset({"meminfo", "memcg_stats", "processes", "kills", "facts", "neighbours", "told", "grown"})
_COLUMNS = tuple(field.name for field in fields(Scene) if field.name not in _CHILDREN)
_TUPLES = frozenset({"missing", "outcomes", "call_trace"})
_SPECIAL = {"ts_us": "epoch_us(ts)"}
_ROUND = 1000  # incidents whose surroundings are asked for at once
_BATCH_ROWS = 60_000  # rows of their tables that are in memory at once, but for those of a single one

_INCIDENT_SQL = f"""
    SELECT {", ".join(_SPECIAL.get(name, name) for name in _COLUMNS)}, meminfo, memcg_stats
    FROM t_incidents LEFT JOIN t_cgroups ON path = coalesce(task_memcg, oom_memcg)
    WHERE incident_id IN (SELECT unnest(?)) ORDER BY incident_id
"""

_PROCESS_SQL = """
    SELECT wanted.place, pid, uid, comm, rss_pages, rss_anon_pages, rss_shmem_pages,
           coalesce(pgtables_bytes, try((nr_ptes + coalesce(nr_pmds, 0)) * page_size)) AS pgtables_bytes, swapents_pages,
           c.oom_score_adj::BIGINT AS oom_score_adj, eligible, ineligible_reason, is_victim, line
    FROM (SELECT unnest(?) AS incident_id, unnest(range(len($1))) AS place) AS wanted
    JOIN (SELECT incident_id, page_size FROM t_incidents) USING (incident_id)
    JOIN t_candidates AS c USING (incident_id)
    ORDER BY wanted.place, table_order
"""
_ROWS_SQL = (
    "SELECT incident_id, count(*) FROM t_candidates WHERE incident_id IN (SELECT unnest(?)) GROUP BY incident_id"
)
_KILL_SQL = """
    SELECT incident_id, pid, comm, anon_rss_kb, file_rss_kb, shmem_rss_kb, pgtables_kb, oom_score_adj, reason, reaped, uptime_s,
           epoch_us(ts), line
    FROM t_kills WHERE incident_id IN (SELECT unnest(?)) ORDER BY seq, line
"""
# What is said of the boot; else of the host, which keeps its settings over boots; else by the bundle that the log lies in.
_FACT_SQL = """
    SELECT incident_id, kind, name, value, facts.source, facts.line
    FROM t_incidents AS i JOIN t_bundle_facts AS facts
      ON (facts.boot_id = i.boot_id AND facts.boot_id IS NOT NULL)
      OR ((facts.boot_id IS NULL OR i.boot_id IS NULL)
          AND lower(split_part(facts.host, '.', 1)) = lower(split_part(i.host, '.', 1)))
      OR (facts.bundle <> '' AND starts_with(i.source, facts.bundle) AND (facts.host IS NULL OR i.host IS NULL))
    WHERE incident_id IN (SELECT unnest(?)) AND (
        kind IN ('meminfo', 'sysctl', 'swap')
        OR (kind = 'counter' AND (ends_with(name, ' under_oom') OR ends_with(name, ' oom_kill_disable')))
    )
    QUALIFY row_number() OVER (
        PARTITION BY incident_id, kind, name
        ORDER BY facts.boot_id IS NOT DISTINCT FROM i.boot_id DESC, length(facts.bundle) DESC, facts.source, facts.line
    ) = 1
"""
_TOLD_SQL = f"""
    SELECT incident_id, kind, pid, comm, cgroup, text, source, line FROM memory_events
    WHERE incident_id IN (SELECT unnest(?))
    QUALIFY row_number() OVER (PARTITION BY incident_id ORDER BY source, line) <= {_MOST_TOLD}
    ORDER BY source, line
"""


_GROWN_SQL = """
    SELECT incident_id, culprit, culprit_kind, culprit_pid, shape, share, total_bytes, from_s, until_s, text, not_known, seen_in,
           (SELECT min(source) FROM t_growth AS rows WHERE rows.incident_id = verdicts.incident_id)
    FROM t_growth_verdicts AS verdicts WHERE seen_in IS NOT NULL AND incident_id IN (SELECT unnest(?))
"""
_TOGETHER_SQL = """
    SELECT incident_id, kind, who, processes, end_bytes FROM t_growth
    WHERE seen_in = 'recording' AND kind IN ('command', 'unit', 'cgroup', 'user') AND who IS NOT NULL AND processes > 1
      AND incident_id IN (SELECT unnest(?))
    ORDER BY incident_id, end_bytes DESC, kind, who
"""


def load(con: Connection, ids: Sequence[str]) -> list[Scene]:
    """The incidents that the history has of these."""
    return [scene for batch in batches(con, ids) for scene in batch]


def batches(con: Connection, ids: Sequence[str]) -> Iterator[list[Scene]]:
    """The same a few at a time, for their tables may be long.

    What lies around incidents is asked for less often: the views behind it look at the whole history each time.
    """
    for start in range(0, len(ids), _ROUND):
        wanted = list(ids[start : start + _ROUND])
        around = _Around(con, wanted)
        for batch in _batches(con, wanted):
            yield _scenes(con, batch, around)


def _batches(con: Connection, ids: list[str]) -> Iterator[list[str]]:
    rows_of = dict(con.execute(_ROWS_SQL, [ids]).fetchall())
    batch: list[str] = []
    rows = 0
    for incident_id in ids:
        rows += rows_of.get(incident_id, 0)
        if batch and rows > _BATCH_ROWS:
            yield batch
            batch, rows = [], rows_of.get(incident_id, 0)
        batch.append(incident_id)
    if batch:
        yield batch


class _Around:
    """Facts, neighbours and witnesses of incidents, by the incident's id."""

    def __init__(self, con: Connection, ids: list[str]) -> None:
        self.neighbours = neighbours.load(con, ids)
        told = con.execute(_TOLD_SQL, [ids]).fetchall() if _has_any(con, "t_memory_events") else []
        self.told = _grouped(told, Told)
        together = _grouped(con.execute(_TOGETHER_SQL, [ids]).fetchall(), Together)
        self.grown = {
            incident_id: Grown._make(
                [*values, tuple(not_known or ()), seen_in, source or "", tuple(together[incident_id])]
            )
            for incident_id, *values, not_known, seen_in, source in con.execute(_GROWN_SQL, [ids]).fetchall()
        }
        self.facts: defaultdict[str, dict[tuple[str, str], HostFact]] = defaultdict(dict)
        if _has_any(con, "t_bundle_facts"):
            for incident_id, kind, name, *fact in con.execute(_FACT_SQL, [ids]).fetchall():
                self.facts[incident_id][kind, name] = HostFact(*fact)


def _has_any(con: Connection, table: str) -> bool:
    return con.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None


def _scenes(con: Connection, ids: list[str], around: _Around) -> list[Scene]:
    found = con.execute(_INCIDENT_SQL, [ids]).fetchall()
    tables = _task_tables(con, ids)
    kills = _grouped(con.execute(_KILL_SQL, [ids]).fetchall(), Killed)
    scenes = []
    for *row, meminfo, memcg_stats in found:
        values: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
        for name in _TUPLES:
            values[name] = tuple(values[name] or ())
        incident_id = values["incident_id"]
        scenes.append(
            Scene(
                **values,
                meminfo=_meminfo(meminfo),
                memcg_stats=_memcg_stats(memcg_stats),
                processes=tables[incident_id],
                kills=tuple(kills[incident_id]),
                facts=around.facts[incident_id],
                neighbours=tuple(around.neighbours[incident_id]),
                told=tuple(around.told[incident_id]),
                grown=around.grown.get(incident_id),
            )
        )
    return scenes


def _task_tables(con: Connection, ids: list[str]) -> dict[str, TaskTable]:
    """Each a stretch of the same arrays."""
    fetched: dict[str, Any] = con.execute(_PROCESS_SQL, [ids]).fetchnumpy()
    ends = np.searchsorted(fetched.pop("place"), np.arange(len(ids)), side="right").tolist()
    absent = {name: column.mask for name, column in fetched.items() if np.ma.is_masked(column)}
    for name, mask in absent.items():
        fetched[name].data[mask] = None if fetched[name].dtype == np.object_ else 0
    values = {name: summable(np.ma.getdata(column)) for name, column in fetched.items()}
    return {
        incident_id: TaskTable(values, absent, slice(start, end))
        for incident_id, start, end in zip(ids, [0, *ends], ends, strict=False)
    }


def _grouped(rows: Iterable[tuple[Any, ...]], of: type[Any]) -> defaultdict[str, list[Any]]:
    """Rows by their first column, the incident's id; what follows are the fields of `of`, a named tuple."""
    grouped: defaultdict[str, list[Any]] = defaultdict(list)
    make = of._make
    for row in rows:
        grouped[row[0]].append(make(row[1:]))
    return grouped


def _meminfo(stored: str | None) -> MemInfo | None:
    """As the parser made it: JSON has turned whole numbers that were keys into text."""
    if stored is None:
        return None
    values = json.loads(stored)
    values["zones"] = [
        Zone(**{**zone, "buddy": _whole_keys(zone["buddy"]), "buddy_types": _whole_keys(zone.get("buddy_types"))})
        for zone in values["zones"]
    ]
    values["nodes_kb"] = _whole_keys(values["nodes_kb"])
    return MemInfo(**values)


def _whole_keys(values: dict[str, Any] | None) -> dict[int, Any] | None:
    return None if values is None else {int(key): value for key, value in values.items()}


def _memcg_stats(stored: str | None) -> tuple[MemcgStats, ...]:
    return () if stored is None else tuple(MemcgStats(**one) for one in json.loads(stored))
