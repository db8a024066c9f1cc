"""`oomforensics incidents`"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from oomforensics.cli import terminal
from oomforensics.cli.options import Database, Debug, Json, database
from oomforensics.errors import UsageError

if TYPE_CHECKING:
    from oomforensics.history.deaths import Death
    from oomforensics.history.lookup import Filter, IncidentLine
    from oomforensics.history.schema import Connection

NAME = "incidents"
_AGO = re.compile(r"(\d{1,6})([mhdw])")
_AGO_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_HEADER = ("incident", "time (UTC)", "host", "scope", "killed", "pid", "verdict")
_DEATHS_HEADER = ("time (UTC)", "host", "killed", "pid", "by", "evidence", "incident", "witnesses")
_BY = {"kernel": "kernel OOM killer", None: "not proven"}
_EVIDENCE = {"report": "kernel report", "kill line": "kernel line, no report", "own line": "its own line"}


def command(
    host: Annotated[str | None, typer.Option(metavar="NAME", help="Of this host.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="From then on: 2026-05-01, 2026-05-01T10:30+02:00, 12h, 7d.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Before then.")] = None,
    victim: Annotated[str | None, typer.Option(metavar="NAME|PID", help="Where such a process was killed.")] = None,
    cgroup: Annotated[str | None, typer.Option(metavar="PATH", help="With this in a control group's path.")] = None,
    scope: Annotated[str | None, typer.Option(help="global, memcg, cpuset, mempolicy, sysrq or unknown.")] = None,
    mechanism: Annotated[
        bool, typer.Option("--mechanism", help="Each process killed, by the kernel or another, and what proves it.")
    ] = False,
    db: Database = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List incidents, newest first. Times are UTC.

    \b
    Example:
      oomforensics incidents --since 7d --victim java
      oomforensics incidents --host web-1 --json
      oomforensics incidents --mechanism --since 7d
    """
    from oomforensics.analysis.model import Scope
    from oomforensics.cli import tables, values
    from oomforensics.history.lookup import Filter, incidents, near_losses, untimed
    from oomforensics.history.store import open_read

    if scope is not None and scope not in set(Scope):
        raise UsageError(f"no scope {scope!r}; there are {', '.join(Scope)}")
    now = datetime.now(UTC)
    wanted = Filter(host, _moment(since, now), _moment(until, now), victim, cgroup, scope)
    with open_read(database(db)) as con:
        if mechanism:
            _mechanisms(con, wanted, as_json)
            return
        found = incidents(con, wanted)
        if as_json:
            sql = "SELECT * FROM incidents WHERE list_contains(?, incident_id) ORDER BY list_position(?, incident_id)"
            ids = [one.incident_id for one in found]
            for line in values.json_lines(values.query(con, sql, [ids, ids])):
                terminal.out(line)
        elif found:
            for line in tables.render(_HEADER, [_row(one) for one in found], terminal.table_width()):
                terminal.out(line)
            _close_count(found, near_losses(con, found))
        else:
            terminal.say("no such incident" if wanted != Filter() else "the history holds no incident yet")
        if wanted.by_time and (without := untimed(con)):
            terminal.say(f"{without} of all incidents have no wall-clock time and are left out by --since and --until")


def _close_count(found: list[IncidentLine], near_losses: int) -> None:
    """kills = those in reports + those without one, where they differ; and what else may be missing."""
    kills = sum(one.kills for one in found)
    reported = sum(one.kills for one in found if one.reported)
    if kills > reported:
        terminal.say(
            f"{kills} kills: {reported} in reports, {kills - reported} without one; see sql --run closing-count"
        )
    if near_losses:
        terminal.say(f"evidence was lost near {near_losses} of {len(found)} incidents; see incident_losses")


def _mechanisms(con: Connection, wanted: Filter, as_json: bool) -> None:
    from oomforensics.cli import tables, values
    from oomforensics.history.deaths import deaths, statement

    if as_json:
        for line in values.json_lines(values.query(con, *statement(wanted))):
            terminal.out(line)
        return
    found = deaths(con, wanted)
    if not found:
        terminal.say("the history holds nothing of the kind")
    for line in tables.render(_DEATHS_HEADER, [_death(one) for one in found], terminal.table_width()) if found else ():
        terminal.out(line)


def _death(one: Death) -> tuple[object, ...]:
    """Names first; ids where there is none."""
    container = one.container_id and f"container {one.container_id[:12]}"
    whom = one.name or container or one.unit or one.cgroup or (one.job_id and f"job {one.job_id}")
    killed = one.comm if one.comm and not whom else f"{one.comm} ({whom})" if one.comm else whom
    by = _BY.get(one.mechanism, one.mechanism)
    evidence = _EVIDENCE.get(one.evidence) or one.evidence.replace("claim", "only claimed", 1)
    return _when(one), one.host, killed, one.pid, by, evidence, one.incident_id, ", ".join(one.witnesses)


def _row(one: IncidentLine) -> tuple[object, ...]:
    more = f" (+{one.kills - 1})" if one.kills > 1 else ""
    where = one.scope if one.oom_memcg is None else f"{one.scope} {one.oom_memcg}"
    killed = f"{one.victim_comm}{more}" if one.victim_comm is not None else None
    verdict = one.verdict if one.complete else f"{one.verdict} (incomplete)"
    return one.incident_id, _when(one), one.host, where, killed, one.victim_pid, verdict


def _when(one: IncidentLine | Death) -> str | None:
    if one.ts_us is not None:
        return (datetime(1970, 1, 1) + timedelta(microseconds=one.ts_us)).strftime("%Y-%m-%d %H:%M:%S")
    return None if one.uptime_s is None else f"{one.uptime_s:.0f} s after boot"


def _moment(text: str | None, now: datetime) -> int | None:
    """UTC microseconds since 1970 of a date, a time, or so long ago."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            moment = now - timedelta(**{_AGO_UNITS[ago[2]]: int(ago[1])})
        else:
            moment = datetime.fromisoformat(text)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"no time {text!r}; try 2026-05-01, 2026-05-01T10:30+02:00, 12h or 7d") from error
