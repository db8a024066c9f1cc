"""What happened around an incident, on one time line: its kills, those of its neighbours, other killers, claims, pressure.

A moment is placed by the kernel's own stamp where both are of one boot, else by the clock on the wall. A log that names no
boot is of one where both clocks agree to within a minute: syslog stamps a flood of lines late. What belongs to the
incident but has neither is told without a time; what is near by its time alone must be of the same host or boot.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from oomforensics.reports import units

BEFORE_S, AFTER_S = 600.0, 300.0
_MOST = 200  # moments, the nearest
_MOST_LANES = 8
_RECORDER = "oomforensics"
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Moment:
    at_s: float | None  # from the report's first line; None: no clock has both
    who: str  # kernel, recorder, or the program that wrote the line
    says: str  # report | kill | claim | warning | pressure
    text: str
    own: bool  # of this incident; else only near it
    source: str
    line: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """`moments` in order of time, the untimed last; `left_out` others were farther from the report."""

    moments: tuple[Moment, ...]
    left_out: int

    @property
    def timed(self) -> tuple[Moment, ...]:
        return tuple(moment for moment in self.moments if moment.at_s is not None)

    @property
    def tells_more(self) -> bool:
        """There is something on it that the report itself does not say."""
        return any(not moment.own or moment.who != "kernel" for moment in self.moments)

    @property
    def lanes(self) -> tuple[str, ...]:
        """Who has a line of its own in the picture: the kernel first, the others by how much they say."""
        said: dict[str, int] = {}
        for moment in self.timed:
            said[moment.who] = said.get(moment.who, 0) + 1
        order = sorted(said, key=lambda who: (who != "kernel", -said[who], who))
        return tuple(order) if len(order) <= _MOST_LANES else (*order[: _MOST_LANES - 1], OTHERS)


# One clock for both: the recorder's, the kernel's of one boot, the wall's; of one log without hosts and times its stamps.
_QUERY = """
    WITH here AS (
        SELECT incident_id, boot_id, host, lower(split_part(host, '.', 1)) AS label, ts, uptime_s, source,
               CAST($mono_s AS DOUBLE) AS mono_s
        FROM incidents WHERE incident_id = $incident
    ),
    told AS (
        SELECT incident_id, boot_id, host, ts, uptime_s, source, line, says,
               coalesce(program, CASE says WHEN 'kill' THEN mechanism WHEN 'claim' THEN split_part(kind, '_', 1) END, 'kernel')
                   AS who,
               kind, text, NULL AS pid, NULL AS comm
        FROM memory_events
        UNION ALL
        SELECT incident_id, boot_id, host, kills.ts, kills.uptime_s, kills.source, line, 'kill', 'kernel', 'kill', NULL, pid, comm
        FROM kills JOIN incidents USING (incident_id)
    ),
    placed AS (
        SELECT told.*, coalesce(told.incident_id = here.incident_id, false) AS own, told.boot_id = here.boot_id AS same_boot,
               lower(split_part(told.host, '.', 1)) = here.label AS same_host,
               told.source = here.source AND told.boot_id IS NOT DISTINCT FROM here.boot_id
                   AND told.host IS NOT DISTINCT FROM here.host AS same_log,
               CASE WHEN who = $recorder THEN CASE WHEN same_boot THEN told.uptime_s - mono_s END
                    WHEN same_boot AND told.uptime_s IS NOT NULL AND here.uptime_s IS NOT NULL THEN told.uptime_s - here.uptime_s
                    WHEN same_log AND abs(epoch(told.ts) - epoch(here.ts) - (told.uptime_s - here.uptime_s)) <= 60
                         THEN told.uptime_s - here.uptime_s
                    WHEN told.ts IS NOT NULL AND here.ts IS NOT NULL THEN epoch(told.ts) - epoch(here.ts)
                    WHEN own OR same_log THEN told.uptime_s - here.uptime_s END AS at_s
        FROM told CROSS JOIN here
    )
    SELECT at_s, who, says, kind, text, own, source, line, pid, comm, incident_id, count(*) OVER () AS found
    FROM placed
    WHERE own OR ((coalesce(same_boot, false) OR coalesce(same_host, false) OR coalesce(same_log, false))
                  AND at_s BETWEEN -$before AND $after)
    ORDER BY own DESC, abs(at_s) NULLS LAST, source, line LIMIT $most
"""


def load(con: duckdb.DuckDBPyConnection, incident_id: str, source: str, line: int, mono_s: float | None) -> Timeline:
    """`source`, `line`: where the report begins. `mono_s`: when, by the recorder's clock, if there was a recorder."""
    rows = con.execute(
        _QUERY,
        {
            "incident": incident_id, "mono_s": mono_s, "recorder": _RECORDER, "before": BEFORE_S, "after": AFTER_S, "most": _MOST,
        },
    ).fetchall()  # fmt: skip
    moments = [Moment(0.0, "kernel", "report", "the report begins", True, source, line)]
    for at_s, who, says, kind, text, own, where, number, pid, comm, other, _ in rows:
        told = text if text is not None else _killed(pid, comm, None if own else other)
        by = "recorder" if who == _RECORDER else who
        at_s = None if at_s is None else round(at_s, 6)
        moments.append(Moment(at_s, by, "pressure" if kind == "pressure_event" else says, told, own, where, number))
    moments.sort(key=lambda moment: (moment.at_s is None, moment.at_s or 0.0, moment.says != "report"))
    return Timeline(tuple(moments), rows[0][-1] - len(rows) if rows else 0)


def _killed(pid: int | None, comm: str | None, other: str | None) -> str:
    name = comm or "a process"
    number = f" (pid {pid})" if pid is not None else ""
    return f"{name}{number} was killed{f', incident {other}' if other else ''}"


def moment_at(moment: Moment) -> str:
    """`+0.013 s`, `-4 min 10 s`; a moment that no clock places is `?`."""
    if moment.at_s is None:
        return units.UNKNOWN
    seconds = abs(moment.at_s)
    sign = "-" if moment.at_s < 0 else "+"
    if seconds < 60:
        return f"{sign}{seconds:.3f} s"
    return f"{sign}{int(seconds // 60)} min {int(seconds % 60)} s"


SAYS = {
    "report": "the report",
    "kill": "kill",
    "claim": "says that it was killed",
    "warning": "warning",
    "pressure": "pressure",
}


def says(moment: Moment) -> str:
    return SAYS.get(moment.says, moment.says)


def sentence(moment: Moment) -> str:
    """A moment as one line of a list: `+0.013 s, kernel, kill: postgres (pid 12) was killed`."""
    return f"{moment_at(moment)}, {moment.who}, {says(moment)}: {moment.text}"
