"""The last minutes before an incident, where a recorder saw them: who used how much, when, and with which command line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeVar

import duckdb

from oomforensics.reports import units

BEFORE_S, AFTER_S = 300.0, 10.0
_GROWTH_S = 10.0  # before the report, over which growth is told
_LARGEST = 5
_MOST_POINTS = 400  # of one curve
Value = TypeVar("Value", int, float)


@dataclass(frozen=True, slots=True)
class Curve:
    """What one process, control group or the machine had. `points`: seconds from the report's first line, and KiB."""

    role: str  # killed, trigger, large; usage and limit of the control group; available of the machine
    label: str
    pid: int | None
    points: tuple[tuple[float, int], ...]
    cmdline: str | None = None
    seen_s: float | None = None  # when it was last looked at before the report
    used_kb: int | None = None  # then: resident and swapped out
    grown_kb: int | None = None
    grown_over_s: float | None = None
    oom_score: int | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """`curves`: those killed first, then the trigger, then the largest others."""

    curves: tuple[Curve, ...]
    pressure: tuple[tuple[float, float], ...]  # seconds, and per cent of 10 s in which some task waited for memory
    mono_s: float  # when the report began, by the recorder's clock
    spread_s: float | None  # how well that is known

    @property
    def processes(self) -> tuple[Curve, ...]:
        return tuple(curve for curve in self.curves if curve.pid is not None)


def load(
    con: duckdb.DuckDBPyConnection, incident_id: str, killed: set[int], trigger: int | None, memcg: str | None
) -> Recorded | None:
    """None where nothing was recorded then."""
    # The file in which it happened first; the files before it hold the minutes before.
    sql = "SELECT segment_id, mono_s FROM incident_recordings WHERE incident_id = ? ORDER BY into_s < 0, left_s < 0, abs(left_s)"
    found = con.execute(sql, [incident_id]).fetchall()
    if not found:
        return None
    spread = con.execute("SELECT kmsg_spread_s FROM recordings WHERE segment_id = ?", [found[0][0]]).fetchall()
    curves = _processes(con, incident_id, killed, trigger)
    curves += _cgroup(con, incident_id, memcg) if memcg is not None else _system(con, incident_id)
    return Recorded(tuple(curves), _pressure(con, incident_id), found[0][1], spread[0][0])


_ROWS = """
    SELECT rows.*, rows.mono_s - shown.mono_s AS at_s
    FROM {view} AS rows JOIN incident_recordings AS shown USING (segment_id)
    WHERE shown.incident_id = ? AND at_s <= {after}
"""


def _processes(con: Any, incident_id: str, killed: set[int], trigger: int | None) -> list[Curve]:
    used = "coalesce(rss_anon_kb, 0) + coalesce(rss_file_kb, 0) + coalesce(rss_shmem_kb, 0) + coalesce(swap_kb, 0)"
    last = con.execute(
        f"""
        WITH rows AS ({_ROWS.format(view="snapshots_processes", after=0)})
        SELECT pid, starttime, comm, cmdline, at_s, {used} AS used_kb, oom_score, gone
        FROM rows QUALIFY row_number() OVER (PARTITION BY pid, starttime ORDER BY at_s DESC) = 1
        ORDER BY used_kb DESC, pid
        """,
        [incident_id],
    ).fetchall()
    # A look tells what has changed; who is not in it has the values that it had.
    looks = con.execute(
        f"SELECT max(at_s) FROM ({_ROWS.format(view='snapshots', after=0)}) AS rows", [incident_id]
    ).fetchall()
    looked_s = looks[0][0] if looks[0][0] is not None else -math.inf
    alive = [row for row in last if not row[7]]
    wanted = [("killed", row) for row in alive if row[0] in killed]
    wanted += [("trigger", row) for row in alive if row[0] == trigger and row[0] not in killed]
    others = [row for row in alive if row[0] not in killed and row[0] != trigger]
    wanted += [("large", row) for row in others[:_LARGEST]]
    curves = []
    for role, (pid, starttime, comm, cmdline, changed_s, used_kb, oom_score, _) in wanted:
        seen_s = max([looked_s, changed_s])
        rows = con.execute(
            f"""
            SELECT at_s, CASE WHEN gone THEN 0 ELSE {used} END
            FROM ({_ROWS.format(view="snapshots_processes", after=AFTER_S)}) AS rows
            WHERE pid = ? AND starttime = ? ORDER BY at_s
            """,
            [incident_id, pid, starttime],
        ).fetchall()
        grown_kb, over_s = _growth(rows, seen_s)
        label = f"{comm or units.UNKNOWN} {pid}"
        curves.append(
            Curve(role, label, pid, _points(rows), cmdline, seen_s, used_kb, grown_kb, over_s, oom_score),
        )
    return curves


def _cgroup(con: Any, incident_id: str, memcg: str) -> list[Curve]:
    rows = con.execute(
        f"""
        SELECT at_s, usage_bytes // 1024, limit_bytes // 1024
        FROM ({_ROWS.format(view="snapshots_cgroups", after=AFTER_S)}) AS rows
        WHERE cgroup = ? AND NOT gone ORDER BY at_s
        """,
        [incident_id, memcg],
    ).fetchall()
    found = []
    for role, place in (("usage", 1), ("limit", 2)):
        points = [(row[0], row[place]) for row in rows if row[place] is not None]
        if points:
            found.append(Curve(role, f"{role} of {memcg}", None, _points(points)))
    return found


def _pressure(con: Any, incident_id: str) -> tuple[tuple[float, float], ...]:
    """Empty where the kernel does not count it, or nothing ever waited."""
    rows = con.execute(
        f"""
        SELECT at_s, some_avg10_percent
        FROM ({_ROWS.format(view="snapshots_system", after=AFTER_S)}) AS rows
        WHERE some_avg10_percent IS NOT NULL ORDER BY at_s
        """,
        [incident_id],
    ).fetchall()
    return _points(rows) if any(percent for _, percent in rows) else ()


def _system(con: Any, incident_id: str) -> list[Curve]:
    rows = con.execute(
        f"""
        SELECT at_s, coalesce(mem_available_kb, mem_free_kb) + coalesce(swap_free_kb, 0)
        FROM ({_ROWS.format(view="snapshots_system", after=AFTER_S)}) AS rows
        WHERE coalesce(mem_available_kb, mem_free_kb) IS NOT NULL ORDER BY at_s
        """,
        [incident_id],
    ).fetchall()
    return [Curve("available", "MemAvailable and free swap", None, _points(rows))] if rows else []


def _growth(rows: list[tuple[float, int]], seen_s: float) -> tuple[int | None, float | None]:
    """From the values that counted _GROWTH_S before it was last looked at, or from its first, until then."""
    before = [row for row in rows if row[0] <= 0]
    earlier = [row for row in before if row[0] <= seen_s - _GROWTH_S]
    first_s, first_kb = (seen_s - _GROWTH_S, earlier[-1][1]) if earlier else before[0]
    return (before[-1][1] - first_kb, seen_s - first_s) if seen_s > first_s else (None, None)


def _points(rows: list[tuple[float, Value]]) -> tuple[tuple[float, Value], ...]:
    """Those of the window, from the values that count at its begin; not more than can be seen."""
    inside = [(round(at_s, 3), value) for at_s, value in rows if at_s > -BEFORE_S]
    before = [value for at_s, value in rows if at_s <= -BEFORE_S]
    if before:
        inside.insert(0, (-BEFORE_S, before[-1]))
    step = -(-len(inside) // _MOST_POINTS) or 1
    return tuple(point for place, point in enumerate(inside) if (len(inside) - 1 - place) % step == 0)


def sentence(curve: Curve) -> str:
    """What is known of a process just before the report."""
    words = {"killed": "killed", "trigger": "asked for the memory", "large": "among the largest"}[curve.role]
    seen = "" if curve.seen_s is None else f", last read {-curve.seen_s:.3f} s before the report"
    grown = ""
    if curve.grown_kb is not None and curve.grown_over_s is not None:
        size = units.size(abs(curve.grown_kb) * 1024)
        grown = f", {'+' if curve.grown_kb >= 0 else '-'}{size} in the {curve.grown_over_s:.1f} s before"
    used = units.size(None if curve.used_kb is None else curve.used_kb * 1024)
    return f"{curve.label} ({words}): {used} resident and in swap{seen}{grown}"
