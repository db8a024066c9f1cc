"""Who was killed, and by which mechanism: what `incidents --mechanism` lists. All values are bound parameters."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from oomforensics.history.lookup import Filter
from oomforensics.history.schema import Connection

_ORDER = "ts DESC NULLS LAST, uptime_s DESC NULLS LAST, source, line"


@dataclass(frozen=True, slots=True)
class Death:
    """A line of the list. Fields are columns of `deaths`, but for the first."""

    ts_us: int | None
    uptime_s: float | None
    host: str | None
    pid: int | None
    comm: str | None
    cgroup: str | None
    unit: str | None
    container_id: str | None
    pod_uid: str | None
    job_id: str | None
    name: str | None
    mechanism: str | None
    evidence: str
    witnesses: list[str]
    incident_id: str | None


def deaths(con: Connection, wanted: Filter) -> list[Death]:
    """The deaths that fit, newest first."""
    sql, values = statement(
        wanted, ", ".join("epoch_us(ts)" if it.name == "ts_us" else it.name for it in fields(Death))
    )
    return [Death(*row) for row in con.execute(sql, values).fetchall()]


def statement(wanted: Filter, select: str = "*") -> tuple[str, list[Any]]:
    """The query behind the list, and its values."""
    terms: list[tuple[str, list[Any]]] = [("true", [])]
    if wanted.host is not None:
        terms.append(("(lower(host) = lower(?) OR starts_with(lower(host), lower(?) || '.'))", [wanted.host] * 2))
    if wanted.since_us is not None:
        terms.append(("epoch_us(ts) >= ?", [wanted.since_us]))
    if wanted.until_us is not None:
        terms.append(("epoch_us(ts) < ?", [wanted.until_us]))
    if wanted.victim is not None:
        terms.append(("(pid::VARCHAR = ? OR contains(lower(comm), lower(?)))", [wanted.victim] * 2))
    if wanted.cgroup is not None:
        whom = ("cgroup", "unit", "container_id", "pod_uid", "job_id")
        terms.append((f"({' OR '.join(f'contains({column}, ?)' for column in whom)})", [wanted.cgroup] * len(whom)))
    if wanted.scope is not None:
        terms.append(("incident_id IN (SELECT incident_id FROM incidents WHERE scope = ?)", [wanted.scope]))
    where = " AND ".join(term for term, _ in terms)
    return f"SELECT {select} FROM deaths WHERE {where} ORDER BY {_ORDER}", [it for _, values in terms for it in values]
