"""The last minutes before an incident, where a recorder saw them: who used how much, when, and with which command line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import duckdb

from oomforensics.reports import units

BEFORE_S, AFTER_S = 300.0, 10.0
_GROWTH_S = 10.0  # before the report, over which growth is told
_LARGEST = 5
_MOST_POINTS = 400  # of one curve
_MOST_MARKS = 12


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
class Mark:
    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """`curves`: those killed first, then the trigger, then the largest others."""

    curves: tuple[Curve, ...]
    marks: tuple[Mark, ...]
    spread_s: float | None  # how well the report's time is known by the recorder's clock

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
    return Recorded(tuple(curves), tuple(_marks(con, incident_id, found[0][1])), spread[0][0])


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
    looks = con.execute(f"SELECT max(at_s) FROM ({_ROWS.format(view='snapshots', after=0)}) AS rows", [incident_id]).fetchall()
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


def _points(rows: list[tuple[float, int]]) -> tuple[tuple[float, int], ...]:
    """Those of the window, from the values that count at its begin; not more than can be seen."""
    inside = [(round(at_s, 3), value) for at_s, value in rows if at_s > -BEFORE_S]
    before = [value for at_s, value in rows if at_s <= -BEFORE_S]
    if before:
        inside.insert(0, (-BEFORE_S, before[-1]))
    step = -(-len(inside) // _MOST_POINTS) or 1
    return tuple(point for place, point in enumerate(inside) if (len(inside) - 1 - place) % step == 0)


def _marks(con: Any, incident_id: str, mono_s: float) -> list[Mark]:
    """What the recorder was told, the nearest to the report."""
    rows = con.execute(
        """
        SELECT uptime_s - ? AS at_s, text
        FROM memory_events WHERE program = 'oomforensics' AND at_s BETWEEN ? AND ?
         AND boot_id = (SELECT boot_id FROM incidents WHERE incident_id = ?)
        ORDER BY abs(at_s) LIMIT ?
        """,
        [mono_s, -BEFORE_S, AFTER_S, incident_id, _MOST_MARKS],
    ).fetchall()
    return [Mark(at_s, text) for at_s, text in sorted(rows)]


def figure(recorded: Recorded) -> dict[str, Any]:
    """Figure JSON: a curve each, the report at zero. Colours come from the page's style sheet."""
    import plotly.graph_objects as go

    from oomforensics.reports.figures import markup

    largest_kb = max((value for curve in recorded.curves for _, value in curve.points), default=0)
    scale_kb, unit = (1 << 20, " GiB") if largest_kb >= 1 << 20 else (1 << 10, " MiB")
    made = go.Figure()
    for place, curve in enumerate(recorded.curves):
        role = f"large{place % _LARGEST}" if curve.role == "large" else curve.role
        made.add_scatter(
            x=[at_s for at_s, _ in curve.points],
            y=[round(value / scale_kb, 4) for _, value in curve.points],
            mode="lines",
            line={"shape": "hv", "width": 3 if curve.role == "killed" else 1.5, "dash": "dot" if curve.pid is None else "solid"},
            name=markup(curve.label),
            meta={"part": role},
            hovertemplate=f"{markup(curve.label)}: %{{y}}{unit}<br>%{{x}} s<extra></extra>",
        )
    first = min((curve.points[0][0] for curve in recorded.curves if curve.points), default=-1.0)
    made.update_layout(
        {
            "height": 320, "margin": {"l": 8, "r": 8, "t": 8, "b": 36}, "dragmode": False, "hovermode": "closest",
            "showlegend": True, "legend": {"orientation": "h", "y": -0.16}, "font": {"size": 13},
            "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
            "shapes": [{"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1, "line": {"width": 2}}],
            "annotations": [
                {"x": 0, "yref": "paper", "y": 1, "yanchor": "top", "xanchor": "left", "xshift": 3, "showarrow": False, "text": "report"}
            ],
            "xaxis": {"ticksuffix": " s", "range": [first, AFTER_S / 5], "fixedrange": True, "zeroline": False, "nticks": 8},
            "yaxis": {"ticksuffix": unit, "rangemode": "tozero", "fixedrange": True, "automargin": True, "nticks": 6},
        }
    )  # fmt: skip
    built: dict[str, Any] = made.to_plotly_json()
    built["layout"].pop("template", None)
    return built


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
