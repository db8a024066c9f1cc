"""What commands ask of the history: the list of incidents, and which one an id means. All values are bound parameters."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from oomforensics.errors import UsageError
from oomforensics.history.schema import Connection

LATEST = "latest"
_NEWEST_FIRST = "ts DESC NULLS LAST, uptime_s DESC NULLS LAST, incident_id"
_SHOWN_MATCHES = 5


@dataclass(frozen=True, slots=True)
class Filter:
    """Which incidents. None = any."""

    host: str | None = None  # the name, or its first label
    since_us: int | None = None  # UTC microseconds since 1970
    until_us: int | None = None
    victim: str | None = None  # pid, or part of the name, of any process killed
    cgroup: str | None = None  # part of either control group's path
    scope: str | None = None

    @property
    def by_time(self) -> bool:
        return self.since_us is not None or self.until_us is not None


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """An incident in a list. Fields are columns of `incidents`, but for the last two."""

    incident_id: str
    ts_us: int | None
    uptime_s: float | None
    host: str | None
    scope: str
    oom_memcg: str | None
    victim_pid: int | None
    victim_comm: str | None
    verdict: str
    complete: bool
    kills: int
    reported: bool  # more than the kill line is there


def incidents(con: Connection, wanted: Filter) -> list[IncidentLine]:
    """The incidents that fit, newest first; those without a time come last, and fit no limit of time."""
    where, values = _where(wanted)
    special = {
        "ts_us": "epoch_us(ts)",
        "kills": "(SELECT count(*) FROM kills WHERE kills.incident_id = i.incident_id)",
        "reported": "NOT list_contains(missing, 'report')",
    }
    select = ", ".join(special.get(field.name, field.name) for field in fields(IncidentLine))
    found = con.execute(f"SELECT {select} FROM incidents AS i WHERE {where} ORDER BY {_NEWEST_FIRST}", values)
    return [IncidentLine(*row) for row in found.fetchall()]


def near_losses(con: Connection, found: list[IncidentLine]) -> int:
    """Near how many of these a log lost lines."""
    ids = [one.incident_id for one in found]
    row = con.execute(
        "SELECT count(DISTINCT incident_id) FROM incident_losses WHERE list_contains(?, incident_id)", [ids]
    )
    return int((row.fetchone() or (0,))[0])


def untimed(con: Connection) -> int:
    """How many incidents have no wall-clock time."""
    row = con.execute("SELECT count(*) FROM incidents WHERE ts IS NULL").fetchone()
    return int(row[0]) if row else 0


def all_ids(con: Connection) -> list[str]:
    return [key for (key,) in con.execute(f"SELECT incident_id FROM incidents ORDER BY {_NEWEST_FIRST}").fetchall()]


def era_of(con: Connection, incident_id: str) -> tuple[str | None, bool, list[str], list[str]]:
    """The era that an incident was judged by, whether it is certain, the evidence, and what else it may be."""
    sql = "SELECT era, era_certain, era_evidence, era_alternatives FROM incidents WHERE incident_id = ?"
    found: tuple[Any, ...] | None = con.execute(sql, [incident_id]).fetchone()
    assert found is not None
    era, certain, evidence, alternatives = found
    return era, bool(certain), evidence or [], alternatives or []


def resolve(con: Connection, name: str) -> str:
    """The incident that `name` means: `latest`, an id, the beginning of one, or an id that the event once had."""
    if name == LATEST:
        newest = con.execute(f"SELECT incident_id FROM incidents ORDER BY {_NEWEST_FIRST} LIMIT 1").fetchone()
        if newest is None:
            raise UsageError("the history holds no incident yet")
        return str(newest[0])
    found: list[Any] = con.execute("SELECT incident_id FROM incidents WHERE incident_id = ?", [name]).fetchall()
    for query in (
        "SELECT incident_id FROM incidents WHERE starts_with(incident_id, ?) ORDER BY 1",
        "SELECT DISTINCT incident_id FROM t_kill_keys WHERE starts_with(kill_key, ?) ORDER BY 1",
    ):
        found = found or (con.execute(query, [name]).fetchall() if name else [])
    if len(found) == 1:
        return str(found[0][0])
    if not found:
        raise UsageError(f"no incident {name!r} in this history; `oomforensics incidents` lists them")
    shown = ", ".join(key for (key,) in found[:_SHOWN_MATCHES]) + (", …" if len(found) > _SHOWN_MATCHES else "")
    raise UsageError(f"{name!r} may mean {len(found)} incidents: {shown}")


def _where(wanted: Filter) -> tuple[str, list[Any]]:
    terms: list[tuple[str, list[Any]]] = [("true", [])]
    if wanted.host is not None:
        terms.append(("(lower(host) = lower(?) OR starts_with(lower(host), lower(?) || '.'))", [wanted.host] * 2))
    if wanted.since_us is not None:
        terms.append(("epoch_us(ts) >= ?", [wanted.since_us]))
    if wanted.until_us is not None:
        terms.append(("epoch_us(ts) < ?", [wanted.until_us]))
    if wanted.victim is not None:
        killed = (
            "kills.incident_id = i.incident_id AND (kills.pid::VARCHAR = ? OR contains(lower(kills.comm), lower(?)))"
        )
        terms.append((f"EXISTS (FROM kills WHERE {killed})", [wanted.victim] * 2))
    if wanted.cgroup is not None:
        terms.append(("(contains(oom_memcg, ?) OR contains(task_memcg, ?))", [wanted.cgroup] * 2))
    if wanted.scope is not None:
        terms.append(("scope = ?", [wanted.scope]))
    return " AND ".join(term for term, _ in terms), [value for _, values in terms for value in values]
