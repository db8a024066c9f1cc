"""Keeps what recordings hold. A recording only grows: of one read again, only what is new is added."""

from __future__ import annotations

from typing import Any, NamedTuple

from oomforensics.history.frames import NEW, Columns, Kind, Row, columns, insert, run
from oomforensics.history.schema import Connection, transaction
from oomforensics.parsers.snapshots import (
    CgroupRow,
    IdentityRow,
    ProcessRow,
    Recorded,
    Segment,
    Snapshot,
    SystemRow,
)

_SEGMENTS: Columns = columns(
    text="segment_id source host boot_id kernel_release target",
    small="page_size",
    int="interval_us began_us ended_us wall_offset_us kmsg_offset_us kmsg_spread_us torn_bytes damaged_bytes missing_frames"
    " undecodable_frames",
    texts="watched missing notes",
)
_TEXTS = frozenset({"reason", "comm", "cmdline", "cgroup"})
_BOOLS = frozenset({"complete", "gone", "under_oom"})
_FLOATS = frozenset({"some_avg10_percent", "full_avg10_percent"})


def _columns(row: Any) -> Columns:
    """Of a table that holds such rows, each with the segment's id."""
    kinds = ((_TEXTS, Kind.TEXT), (_BOOLS, Kind.BOOL), (_FLOATS, Kind.FLOAT))
    of = {name: next((kind for names, kind in kinds if name in names), Kind.INT) for name in row._fields}
    return {"segment_id": Kind.TEXT, **of}


class _Table(NamedTuple):
    name: str
    rows: str  # field of Recorded
    spec: Columns


_TABLES = (
    _Table("t_snapshots", "snapshots", _columns(Snapshot)),
    _Table("t_process_samples", "processes", _columns(ProcessRow)),
    _Table("t_process_identities", "identities", _columns(IdentityRow)),
    _Table("t_cgroup_samples", "cgroups", _columns(CgroupRow)),
    _Table("t_system_samples", "system", _columns(SystemRow)),
)


def save(con: Connection, batch: Recorded) -> None:
    """All of it or nothing. What is stored of a moment is stored wholly: no batch ends inside of one."""
    with transaction(con):
        _save_segment(con, batch.segment)
        for table in _TABLES:
            rows = getattr(batch, table.rows)
            known = _known(con, table.name, batch.segment.segment_id, rows)
            insert(
                con, table.name, table.spec, [(batch.segment.segment_id, *row) for row in rows if row[0] not in known]
            )


def _known(con: Connection, table: str, segment_id: str, rows: list[Row]) -> set[int]:
    """Moments of these rows that are stored."""
    if not rows:
        return set()
    first, last = min(row[0] for row in rows), max(row[0] for row in rows)
    sql = f"SELECT DISTINCT mono_us FROM {table} WHERE segment_id = ? AND mono_us BETWEEN ? AND ?"
    return {moment for (moment,) in con.execute(sql, [segment_id, first, last]).fetchall()}


def _save_segment(con: Connection, one: Segment) -> None:
    """As it is in the longest copy that was read."""
    sql = "SELECT ended_us FROM t_segments WHERE segment_id = ?"
    if any(ended_us > one.ended_us for (ended_us,) in con.execute(sql, [one.segment_id]).fetchall()):
        return
    run(
        con, columns(text="segment_id"), [(one.segment_id,)], f"DELETE FROM t_segments WHERE segment_id IN (FROM {NEW})"
    )
    insert(con, "t_segments", _SEGMENTS, [[_value(one, name) for name in _SEGMENTS]])


def _value(one: Segment, name: str) -> Any:
    value = getattr(one, name)
    return list(value) if isinstance(value, tuple) else value
