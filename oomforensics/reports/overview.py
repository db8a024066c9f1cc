"""What a whole history says: kills over time, who is killed and who was largest, and what happens again and again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from oomforensics.reports import headline, units
from oomforensics.reports.load import IncidentPage, load_brief

SCHEMA_VERSION = 1
_TOP = 15
_GROUPS = 100
_KINDS = 8  # of hosts, or of mechanisms, that have a colour of their own; the others are one
OTHERS = "all others"
SHOWN = 300  # incidents that can be opened in the page
_DAY_S = 86400
# From so many seconds between the first and the last kill on, bars are as wide as this.
_BUCKETS = ((1000 * _DAY_S, "month"), (120 * _DAY_S, "week"), (2 * _DAY_S, "day"), (0, "hour"))


@dataclass(frozen=True, slots=True)
class Series:
    """Kills in each stretch of time: RFC 3339 begins and numbers."""

    name: str
    begins: tuple[str, ...]
    kills: tuple[int, ...]

    def at(self, begin: str) -> int:
        return self.kills[self.begins.index(begin)] if begin in self.begins else 0


def begins(series: tuple[Series, ...]) -> list[str]:
    """The stretches of time in which somebody was killed, the newest first."""
    return sorted({begin for one in series for begin in one.begins}, reverse=True)


@dataclass(frozen=True, slots=True)
class Count:
    name: str
    number: int
    share_of: int


@dataclass(frozen=True, slots=True)
class Player:
    """A name among those killed, and among those that were largest when the kernel looked for a victim."""

    name: str
    killed: int  # times
    largest: int  # reports in which nobody had more memory and swap
    spared: int  # of these, those in which another was killed
    grew: int  # incidents before which half of all growth or more was its own, where that is known


@dataclass(frozen=True, slots=True)
class Group:
    """The same thing again: one place, one limit, one victim's name."""

    host: str  # or, where no log names it, the one log: hosts without a name are not known to be one
    place: str  # unit, container, pod or control group; or the machine
    victim: str | None
    limit_kb: int | None
    incidents: int
    first_ts_us: int | None
    last_ts_us: int | None
    mean_between_s: float | None
    latest_id: str


@dataclass(frozen=True, slots=True)
class Brief:
    """An incident in the list."""

    incident_id: str
    sentence: str
    verdict: str
    verdict_text: str
    proof: tuple[str, ...]
    margin: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    incidents: int
    kills: int
    hosts: int  # that are named
    unnamed: int  # incidents of hosts that no log names
    first_ts_us: int | None
    last_ts_us: int | None
    untimed: int  # kills without a time on the wall
    bucket: str
    by_host: tuple[Series, ...]
    by_unit: tuple[Series, ...]
    by_mechanism: tuple[Series, ...]
    players: tuple[Player, ...]
    victims: tuple[Count, ...]
    largest: tuple[Count, ...]  # the process with most memory and swap in each report: often another than the victim
    other_than_victim: int  # reports in which it was another
    verdicts: tuple[Count, ...]
    kernels: tuple[Count, ...]
    findings: tuple[Count, ...]  # incidents in which each was made
    groups: tuple[Group, ...]
    shown: tuple[Brief, ...]  # the newest

    @property
    def sentence(self) -> str:
        if not self.incidents:
            return "No incident in this history"
        return f"{units.count(self.incidents, 'OOM incident')}, {units.count(self.kills, 'kill')}"

    @property
    def span(self) -> str:
        hosts = f"on {units.count(self.hosts, 'host')}" + (" at least" if self.unnamed else "")
        if self.first_ts_us is None:
            return f"{hosts}, at times that no log tells"
        return f"{hosts}, from {units.utc(self.first_ts_us)} to {units.utc(self.last_ts_us)}"

    def charts(self) -> tuple[tuple[str, str, tuple[Series, ...]], ...]:
        """What is counted over time: its key, its title, the counts."""
        return (
            ("hosts", "Kills over time, by host", self.by_host),
            ("units", "Kills over time, by unit or container", self.by_unit),
            ("mechanisms", "Kills over time, by who killed", self.by_mechanism),
        )

    def plain(self) -> dict[str, Any]:
        return {"schema_version": SCHEMA_VERSION, "sentence": self.sentence, **asdict(self)}


def overview(con: duckdb.DuckDBPyConnection) -> Overview:
    ((incidents, hosts, unnamed, first_us, last_us),) = con.execute(
        "SELECT count(*), count(DISTINCT host), count(*) FILTER (host IS NULL), epoch_us(min(ts)), epoch_us(max(ts))"
        " FROM incidents"
    ).fetchall()
    ((deaths, untimed, span_s),) = con.execute(
        "SELECT count(*), count(*) FILTER (ts IS NULL), epoch(max(ts)) - epoch(min(ts)) FROM deaths"
    ).fetchall()
    bucket = next(name for least, name in _BUCKETS if (span_s or 0) >= least)
    ((other,),) = con.execute(f"SELECT count(*) FILTER (NOT is_victim) FROM ({_LARGEST})").fetchall()
    ids = con.execute(
        "SELECT incident_id FROM incidents ORDER BY ts DESC NULLS LAST, uptime_s DESC NULLS LAST, incident_id LIMIT ?",
        [SHOWN],
    ).fetchall()
    return Overview(
        incidents, deaths, hosts, unnamed, first_us, last_us, untimed, bucket,
        _series(con, "coalesce(host, 'not named')", bucket), _series(con, _UNIT, bucket),
        _series(con, "coalesce(mechanism, 'not known')", bucket),
        _players(con), _counts(con, "SELECT comm AS name FROM deaths"),
        _counts(con, f"SELECT comm AS name FROM ({_LARGEST})"), other,
        _counts(con, "SELECT verdict AS name FROM incidents"),
        _counts(con, "SELECT coalesce(kernel_release, 'not known') AS name FROM incidents"),
        _counts(con, "SELECT finding AS name FROM findings"),
        _groups(con), tuple(_brief(page) for page in load_brief(con, [incident_id for (incident_id,) in ids])),
    )  # fmt: skip


_LARGEST = """
    SELECT comm, is_victim FROM candidates
    QUALIFY row_number() OVER (
        PARTITION BY incident_id ORDER BY coalesce(rss_pages, 0) + coalesce(swapents_pages, 0) DESC, is_victim DESC, pid
    ) = 1
"""
# What people call the place of a death: a pod's container, a unit, else the control group or the machine.
_UNIT = r"""
    regexp_replace(
        coalesce(name, unit, nullif(cgroup, '/'), 'the machine'), 'pod[0-9a-f][0-9a-f_-]{30,35}|[0-9a-f]{12,64}', '*', 'g'
    )
"""


def _series(con: duckdb.DuckDBPyConnection, what: str, bucket: str) -> tuple[Series, ...]:
    rows = con.execute(
        f"""
        SELECT {what} AS name, strftime(date_trunc(?, ts), '%Y-%m-%dT%H:%M:%SZ') AS began, count(*) AS kills
        FROM deaths WHERE ts IS NOT NULL GROUP BY ALL ORDER BY began, name
        """,
        [bucket],
    ).fetchall()
    totals: dict[str, int] = {}
    for name, _, kills in rows:
        totals[name] = totals.get(name, 0) + kills
    kept = sorted(totals, key=lambda name: (-totals[name], name))[: _KINDS if len(totals) <= _KINDS else _KINDS - 1]
    sums: dict[str, dict[str, int]] = {name: {} for name in kept}
    for name, began, kills in rows:
        into = sums.setdefault(name if name in kept else OTHERS, {})
        into[began] = into.get(began, 0) + kills
    return tuple(Series(name, tuple(found), tuple(found.values())) for name, found in sums.items())


def _counts(con: duckdb.DuckDBPyConnection, query: str) -> tuple[Count, ...]:
    rows = con.execute(
        f"SELECT coalesce(name, '?'), count(*) AS number, sum(number) OVER () FROM ({query})"
        f" GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_TOP}"
    ).fetchall()
    return tuple(Count(name, number, int(total)) for name, number, total in rows)


def _players(con: duckdb.DuckDBPyConnection) -> tuple[Player, ...]:
    rows = con.execute(
        rf"""
        SELECT name, coalesce(killed, 0) AS killed, coalesce(largest, 0) AS largest, coalesce(spared, 0) AS spared,
               coalesce(grew, 0) AS grew
        FROM (SELECT coalesce(comm, '?') AS name, count(*) AS killed FROM deaths GROUP BY ALL)
        FULL JOIN (
            SELECT coalesce(comm, '?') AS name, count(*) AS largest, count(*) FILTER (NOT is_victim) AS spared
            FROM ({_LARGEST}) GROUP BY ALL
        ) USING (name)
        FULL JOIN (
            SELECT regexp_replace(culprit, ' \(pid \d+\)$', '') AS name, count(*) AS grew
            FROM growth_verdicts WHERE culprit_kind IN ('process', 'command') GROUP BY ALL
        ) USING (name)
        ORDER BY greatest(killed, largest, grew) DESC, killed + largest + grew DESC, name LIMIT {_TOP}
        """
    ).fetchall()
    return tuple(Player(*row) for row in rows)


def _groups(con: duckdb.DuckDBPyConnection) -> tuple[Group, ...]:
    rows = con.execute(
        """
        SELECT coalesce(host, 'in ' || source), coalesce(place, 'the machine'), victim_comm, memory_limit_kb, incidents,
               epoch_us(first_ts), epoch_us(last_ts), mean_between_s, latest_id
        FROM recurrences ORDER BY incidents DESC, place NULLS FIRST, host, source, victim_comm, memory_limit_kb LIMIT ?
        """,
        [_GROUPS],
    ).fetchall()
    return tuple(Group(*row) for row in rows)


def _brief(page: IncidentPage) -> Brief:
    return Brief(
        page.incident_id,
        headline.sentence(page),
        page.verdict,
        page.verdict_text,
        tuple(page.proof),
        headline.margin(page),
    )
