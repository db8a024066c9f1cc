"""Writes judged incidents into the history: merged with what is there, in one transaction, by frames."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from oomforensics.analysis.model import Judged
from oomforensics.history import bundles, cgroups, derived, events, rows
from oomforensics.history.frames import NEW, Columns, columns, insert, insert_columns, run
from oomforensics.history.merge import Cluster, Place, Sighting, merge, name
from oomforensics.history.rows import seconds
from oomforensics.history.schema import Connection, transaction
from oomforensics.parsers.records import SourceInfo
from oomforensics.parsers.witness import Event

_ANALYSIS = ("t_incidents", "t_candidates", "t_report_lines", *derived.TABLES)  # made from the richest sighting
_MERGED = ("t_kills", "t_incident_sources", "t_kill_keys")  # made from all sightings

_VALUE: Columns = columns(text="value")
_IDENTITY: Columns = columns(text="incident_id host boot_id ts_source", float="uptime_s", moment="ts")
_SIGHTING_SQL = """
    SELECT incident_id, source, line_start, line_end, kill_keys, host, boot_id, epoch_us(ts), ts_source, uptime_s,
           epoch_us(kill_ts), kill_uptime_s, complete, candidates, kills, content, occurrence, boot_index,
           newest_first
    FROM t_incident_sources WHERE incident_id IN (FROM new_rows)
"""
_KILL_SQL = "SELECT {} FROM t_kills WHERE incident_id IN (FROM new_rows)".format(
    ", ".join(f"epoch_us({column})" if column == "ts" else column for column in rows.KILLS)
)
_KILL_AT = {column: at for at, column in enumerate(rows.KILLS)}
_EVENT_SQL = """
    SELECT event_id, event_key, source, line, host, boot_id, epoch_us(ts), ts_source, uptime_us, named
    FROM t_memory_events WHERE event_key IN (FROM new_rows)
"""
KillRow = tuple[Any, ...]  # in the order of rows.KILLS


class Saved(NamedTuple):
    incidents: dict[str, set[str]]  # those of this batch: id -> ids under which parts of it were stored before
    kills: int  # kills that the history did not know
    events: int = 0  # memory events that it did not know


class _Stored(NamedTuple):
    """The part of the history that a batch touches."""

    clusters: list[Cluster]
    analysed: dict[Place, str]  # a stored sighting -> the incident that it is kept under
    kills: dict[str, list[KillRow]]  # incident -> rows in the order of rows.KILLS


def save(con: Connection, judged: Sequence[Judged], sources: Sequence[SourceInfo]) -> Saved:
    """Store one batch, wholly or not at all. The same batch again changes nothing. The sources' events are then let go."""
    witnessed = [event for one in sources for event in one.events]
    with transaction(con):
        saved = _save_incidents(con, judged) if judged else Saved({}, 0)
        if witnessed:
            saved = saved._replace(events=_save_events(con, witnessed))
        cgroups.keep(con, _paths(judged, witnessed))
        bundles.keep(con, sources)
        _save_sources(con, sources)
    for one in sources:
        one.events.clear()
    return saved


def _save_incidents(con: Connection, judged: Sequence[Judged]) -> Saved:
    fresh = {sighting.place: (sighting, one) for one in judged for sighting in [_sighting(one)]}
    stored = _stored(con, {key for sighting, _ in fresh.values() for key in sighting.kill_keys})
    old_ids = {old for cluster in stored.clusters for old in cluster.stored}
    named = name(merge(stored.clusters, [sighting for sighting, _ in fresh.values()]))

    written: list[tuple[str, Cluster, Judged]] = []
    kept: dict[str, tuple[str, Cluster]] = {}  # old id -> new id, of incidents whose analysis stays
    kills: list[KillRow] = []
    new_kills = 0
    for incident_id, cluster in named.items():
        best = cluster.richest.place
        if best in fresh:
            written.append((incident_id, cluster, fresh[best][1]))
        else:
            kept[stored.analysed[best]] = incident_id, cluster
        before = [row for old in cluster.stored for row in stored.kills[old]]
        now = [row for place in cluster.sightings if place in fresh for row in rows.kills(fresh[place][1])]
        merged = _merge_kills(before, now, cluster.richest)
        kills += [(incident_id, *row[1:]) for row in merged]
        new_kills += len(merged) - len({row[_KILL_AT["kill_key"]] for row in before})

    _delete(con, _MERGED, old_ids)
    _delete(con, _ANALYSIS, old_ids - kept.keys())
    _rename(con, {old: incident_id for incident_id, cluster in named.items() for old in cluster.stored})
    _refresh(con, kept.values())
    _insert_analyses(con, written)
    insert(con, "t_kills", rows.KILLS, kills)
    insert(
        con, "t_incident_sources", rows.INCIDENT_SOURCES,
        (rows.incident_source(one, key) for key, cluster in named.items() for one in cluster.sightings.values()),
    )  # fmt: skip
    insert(
        con, "t_kill_keys", rows.KILL_KEYS,
        ((kill_key, key) for key, cluster in named.items() for kill_key in sorted(_raw_keys(cluster))),
    )  # fmt: skip
    return Saved({incident_id: cluster.stored for incident_id, cluster in named.items()}, new_kills)


def _sighting(one: Judged) -> Sighting:
    facts = one.incident
    first = facts.kills[0] if facts.kills else None
    kill_uptime_us = first.uptime_us if first else facts.uptime_us
    kill_ts_us = first.wall_us if first else facts.wall_us
    text = "\n".join([line.text for line in facts.lines])  # a generator takes twice as long
    return Sighting(
        source=facts.source,
        line_start=facts.line_start,
        line_end=facts.line_end,
        kill_keys=tuple(one.kill_keys),
        host=facts.host,
        boot_id=facts.boot_id,
        ts_us=facts.wall_us,
        ts_source=facts.wall_source,
        uptime_s=seconds(facts.uptime_us),
        kill_ts_us=kill_ts_us,
        kill_uptime_s=seconds(kill_uptime_us),
        complete=one.complete,
        candidates=len(one.candidates),
        kills=len(facts.kills),
        boot_index=facts.boot_index,
        newest_first=facts.newest_first,
        content=hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16],
    )


def _stored(con: Connection, kill_keys: set[str]) -> _Stored:
    """What the history has of these kills, and of the kills that came with them."""
    ids: set[str] = set()
    keys = kill_keys
    while True:
        sql = f"SELECT DISTINCT incident_id FROM t_kill_keys WHERE kill_key IN (FROM {NEW})"
        found = {key for (key,) in run(con, _VALUE, zip(keys, strict=True), sql)} - ids
        if not found:
            break
        ids |= found
        sql = f"SELECT DISTINCT kill_key FROM t_kill_keys WHERE incident_id IN (FROM {NEW})"
        keys = {key for (key,) in run(con, _VALUE, zip(found, strict=True), sql)}
    clusters: dict[str, Cluster] = {incident_id: Cluster({incident_id}) for incident_id in ids}
    analysed: dict[Place, str] = {}
    for incident_id, source, start, end, kill_keys_, *others in run(con, _VALUE, zip(ids, strict=True), _SIGHTING_SQL):
        one = Sighting(source, start, end, tuple(kill_keys_), *others)
        clusters[incident_id].sightings[one.place] = one
        analysed[one.place] = incident_id
    kills = defaultdict(list)
    for row in run(con, _VALUE, zip(ids, strict=True), _KILL_SQL):
        kills[row[0]].append(row)
    return _Stored(list(clusters.values()), analysed, kills)


def _merge_kills(before: Iterable[KillRow], now: Iterable[KillRow], best: Sighting) -> list[KillRow]:
    """The richest sighting's kills, and from the others those that it lost."""
    source, seq, line, key = (_KILL_AT[name] for name in ("source", "seq", "line", "kill_key"))
    rows_at = {(row[source], row[line], row[key]): row for row in [*before, *now]}

    def foreign(row: KillRow) -> bool:
        return not (row[source] == best.source and best.line_start <= row[line] <= best.line_end)

    merged: dict[str, KillRow] = {}
    for row in sorted(rows_at.values(), key=lambda row: (foreign(row), row[source], row[seq] or 0, row[line])):
        merged.setdefault(row[key], row)
    return [(*row[:seq], number, *row[seq + 1 :]) for number, row in enumerate(merged.values())]


def _raw_keys(cluster: Cluster) -> set[str]:
    return {key for one in cluster.sightings.values() for key in one.kill_keys}


def _delete(con: Connection, tables: Iterable[str], ids: set[str]) -> None:
    for table in tables:
        run(con, _VALUE, zip(ids, strict=True), f"DELETE FROM {table} WHERE incident_id IN (FROM {NEW})")


def _rename(con: Connection, new_ids: Mapping[str, str]) -> None:
    moved = [(old, new) for old, new in new_ids.items() if old != new]
    for table in _ANALYSIS:
        sql = f"UPDATE {table} SET incident_id = {NEW}.new_id FROM {NEW} WHERE incident_id = {NEW}.old_id"
        run(con, columns(text="old_id new_id"), moved, sql)


def _refresh(con: Connection, kept: Iterable[tuple[str, Cluster]]) -> None:
    """Fill in who and when of incidents whose analysis stays, from what the new sightings know."""
    changed = []
    for incident_id, cluster in kept:
        who = cluster.identity()
        changed.append((incident_id, who.host, who.boot_id, who.ts_source, who.uptime_s, who.ts_us))
    sets = ", ".join(f"{column} = {NEW}.{column}" for column in _IDENTITY if column != "incident_id")
    sql = f"UPDATE t_incidents SET {sets} FROM {NEW} WHERE t_incidents.incident_id = {NEW}.incident_id"
    run(con, _IDENTITY, changed, sql)


def _insert_analyses(con: Connection, written: Sequence[tuple[str, Cluster, Judged]]) -> None:
    insert(con, "t_incidents", rows.INCIDENTS, (rows.incident(one, cluster, key) for key, cluster, one in written))
    judged = [(key, one) for key, _, one in written]
    insert_columns(con, "t_candidates", rows.CANDIDATES, rows.candidates(judged))
    insert_columns(con, "t_report_lines", rows.REPORT_LINES, rows.report_lines(judged))


def _save_events(con: Connection, witnessed: Sequence[Event]) -> int:
    """Every sighting that is not known; which event it belongs to follows from those that are. Answers how many are new."""
    fresh = {(seen.source, seen.line, seen.key): (seen, it) for it in witnessed for seen in [events.sighting(it)]}
    keys = {key for _, _, key in fresh}
    stored = [
        (event_id, events.Sighting(*others))
        for event_id, *others in run(con, _VALUE, zip(keys, strict=True), _EVENT_SQL)
    ]
    known = {(one.source, one.line, one.key) for _, one in stored}
    new = [pair for place, pair in fresh.items() if place not in known]
    ids = events.name(stored, [seen for seen, _ in new])
    insert(
        con, "t_memory_events", rows.MEMORY_EVENTS,
        (rows.memory_event(it, seen, event_id) for event_id, (seen, it) in zip(ids, new, strict=True)),
    )  # fmt: skip
    return len(set(ids) - {event_id for event_id, _ in stored})


def _paths(judged: Iterable[Judged], witnessed: Iterable[Event]) -> set[str]:
    found = {path for one in judged for path in (one.oom_memcg, one.task_memcg) if path is not None}
    return found | {it.cgroup for it in witnessed if it.cgroup is not None}


def _save_sources(con: Connection, sources: Sequence[SourceInfo]) -> None:
    """One row for each version of a source; read again, it has today's date and today's problems."""
    spec = columns(text="source sha256")
    versions = [(one.name, one.sha256) for one in sources]
    for table in ("t_sources", "t_source_problems"):
        same = f"{table}.source = {NEW}.source AND {table}.sha256 IS NOT DISTINCT FROM {NEW}.sha256"
        run(con, spec, versions, f"DELETE FROM {table} USING {NEW} WHERE {same}")
    now_us = time.time_ns() // 1000
    insert(con, "t_sources", rows.SOURCES, (rows.source(one, now_us) for one in sources))
    insert(
        con, "t_source_problems", rows.SOURCE_PROBLEMS,
        (rows.source_problem(one, problem) for one in sources for problem in one.problems),
    )  # fmt: skip
