"""Who grew before an incident, as every report shows it: what is known in sentences, and the series behind them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import duckdb

from oomforensics.reports import units

_PROCESSES, _COMMANDS = 5, 3  # shown at most
HEADINGS = ("whose", "from", "to", "grew by", "a second", "how", "of all growth")


@dataclass(frozen=True, slots=True)
class Series:
    """Field = column of the view `growth`."""

    kind: str
    who: str | None
    pid: int | None
    processes: int | None
    start_bytes: int
    end_bytes: int
    grown_bytes: int
    slope_bytes_per_s: float | None
    slope_low_bytes_per_s: float | None
    slope_high_bytes_per_s: float | None
    shape: str
    share: float | None
    samples: int
    from_s: float
    until_s: float
    onset_s: float
    source: str | None
    change_points_s: list[float]


@dataclass(frozen=True, slots=True)
class Grown:
    """Field = column of the view `growth_verdicts`, but for the last."""

    text: str
    not_known: list[str]  # each a word, a colon and why
    culprit: str | None
    culprit_kind: str | None
    culprit_pid: int | None
    shape: str | None
    share: float | None
    grown_bytes: int | None
    left_bytes: int | None
    inevitable_from_s: float | None
    inevitable_low_s: float | None
    inevitable_high_s: float | None
    from_s: float | None
    until_s: float | None
    seen_in: str | None
    series: tuple[Series, ...] = ()  # those that grew most first, of each kind

    @property
    def reasons(self) -> list[str]:
        """Why something is not known, without the words for queries."""
        return [reason.partition(": ")[2] for reason in self.not_known]

    @property
    def shown(self) -> tuple[Series, ...]:
        """The processes that grew most, the commands of several, the culprit where it is another group, and the scope."""
        processes = [one for one in self.series if one.kind == "process"][:_PROCESSES]
        commands = [one for one in self.series if one.kind == "command" and (one.processes or 0) > 1][:_COMMANDS]
        shown = [*processes, *commands]
        for one in self.series:
            if one not in shown and (one.kind == "scope" or (one.kind, one.who) == (self.culprit_kind, self.culprit)):
                shown.append(one)
        return tuple(shown)


def load(con: duckdb.DuckDBPyConnection, incident_id: str) -> Grown:
    known = [field.name for field in fields(Grown)][:-1]
    query = f"SELECT {', '.join(known)} FROM growth_verdicts WHERE incident_id = ?"
    (row,) = con.execute(query, [incident_id]).fetchall()
    names = [field.name for field in fields(Series)]
    listed = con.execute(
        f"""
        SELECT {", ".join(names)} FROM growth WHERE incident_id = ?
        ORDER BY list_position(['process', 'command', 'unit', 'cgroup', 'user', 'scope'], kind), grown_bytes DESC, who
        """,
        [incident_id],
    ).fetchall()
    series = [Series(**dict(zip(names, values, strict=True))) for values in listed]
    return replace(Grown(*row), series=tuple(series))


def cells(one: Series) -> tuple[str, ...]:
    """A row of the table, under HEADINGS."""
    return (
        _whose(one), units.size(one.start_bytes), units.size(one.end_bytes), _signed(one.grown_bytes), _rate(one), one.shape,
        units.UNKNOWN if one.share is None else f"{one.share * 100:.0f} %",
    )  # fmt: skip


def _whose(one: Series) -> str:
    if one.kind == "process":
        return one.who or units.UNKNOWN
    if one.kind == "scope":
        return f"{one.who or 'the machine'}, all that is charged"
    return f"{one.who} ({units.count(one.processes or 0, 'process', 'processes')})"


def _signed(value: int) -> str:
    return f"+{units.size(value)}" if value > 0 else units.size(value)


def _rate(one: Series) -> str:
    if one.slope_bytes_per_s is None:
        return units.UNKNOWN
    shown, *ends = (
        units.size(None if value is None else round(value))
        for value in (one.slope_bytes_per_s, one.slope_low_bytes_per_s, one.slope_high_bytes_per_s)
    )
    return shown if set(ends) <= {shown, units.UNKNOWN} else f"{shown} ({ends[0]} to {ends[1]})"
