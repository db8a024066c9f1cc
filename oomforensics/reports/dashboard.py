"""The whole history as one HTML document, as Markdown, or as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from oomforensics import __version__
from oomforensics.errors import HistoryError
from oomforensics.reports import units
from oomforensics.reports.escape import script_json, visible
from oomforensics.reports.figures import markup, plain
from oomforensics.reports.html import asset, body_scripts, environment, head_script, script_hashes
from oomforensics.reports.html import render as incident_html
from oomforensics.reports.load import Connection, note
from oomforensics.reports.markdown import code, text
from oomforensics.reports.overview import Overview, Player, Series, begins, overview

_ROWS = 60  # of a table over time in Markdown, the newest
_ID = re.compile(r"[0-9a-z-]{1,64}")


def html(con: Connection, linked: Mapping[str, str] | None = None) -> str:
    """`linked`: of incidents that have a page of their own, where it lies seen from this one."""
    seen = overview(con)
    return (
        environment()
        .get_template("history.html.j2")
        .render(
            seen=seen,
            begins=begins,
            linked=linked or {},
            figures={key: Markup(script_json(figure)) for key, figure in charts(seen).items()},
            style=Markup(asset("report.css")),
            dark_style=Markup(asset("dark.css")),
            head_script=head_script(),
            body_scripts=body_scripts(what_if=False),
            script_hashes=script_hashes(what_if=False),
            version=__version__,
            note=note(con),
        )
    )


def charts(seen: Overview) -> dict[str, dict[str, Any]]:
    """Figure JSON of what there is to draw, by key."""
    over_time = {key: _bars(series, seen.bucket) for key, _, series in seen.charts() if series}
    return {**over_time, "players": _players(seen.players)}


def folder(con: Connection) -> Iterator[tuple[str, str]]:
    """The dashboard and a page for each incident that it lists: path within the folder, and text.

    No path holds anything that a log says: an incident's id is a hash.
    """
    shown = [one.incident_id for one in overview(con).shown]
    odd = [incident_id for incident_id in shown if not _ID.fullmatch(incident_id)]
    if odd:
        raise HistoryError(f"{odd[0]!r} is no incident id")
    pages = {incident_id: f"incidents/{incident_id}.html" for incident_id in shown}
    for incident_id, path in pages.items():
        yield path, incident_html(con, [incident_id], back="../index.html")
    yield "index.html", html(con, pages)


def as_json(con: Connection) -> str:
    plain = {"oomforensics": __version__, "redacted": note(con) is not None, **overview(con).plain()}
    return json.dumps(plain, indent=2, ensure_ascii=True, allow_nan=False).replace("\x7f", "\\u007f") + "\n"


def markdown(con: Connection) -> str:
    return "\n".join(_markdown(overview(con), note(con))) + "\n"


def _markdown(seen: Overview, told: str | None) -> Sequence[str]:
    lines = [f"# {text(seen.sentence)}", "", text(seen.span), ""]
    if told:
        lines += [text(told), ""]
    if seen.groups:
        lines += ["## Again and again", "", "| incidents | where | host | victim | limit | mean time between | last |"]
        lines.append("|---:|---|---|---|---:|---:|---|")
        lines += [f"| {' | '.join(_cells(group))} |" for group in seen.groups]
    lines += ["", "## Who was killed, and who was largest", ""]
    lines += ["| name | killed | largest | largest, and another was killed | grew most |", "|---|---:|---:|---:|---:|"]
    lines += [
        f"| {_name(one.name)} | {one.killed:,} | {one.largest:,} | {one.spared:,} | {one.grew:,} |"
        for one in seen.players
    ]
    for title, series in [(title, series) for _, title, series in seen.charts() if series]:
        lines += ["", f"## {title}", "", f"| {seen.bucket} from | {' | '.join(_name(one.name) for one in series)} |"]
        lines.append(f"|---|{'---:|' * len(series)}")
        lines += [
            f"| {begin} | {' | '.join(str(one.at(begin)) for one in series)} |" for begin in begins(series)[:_ROWS]
        ]
    for title, counts in (("Findings", seen.findings), ("Verdicts", seen.verdicts), ("Kernels", seen.kernels)):
        lines += ["", f"## {title}", ""]
        lines += [f"- {units.number(one.number)} {_name(one.name)}" for one in counts]
    return lines


def _name(name: str) -> str:
    return code(name).replace("|", "\\|")


def _cells(group: Any) -> list[str]:
    return [
        str(group.incidents), _name(group.place), _name(group.host), _name(group.victim or units.UNKNOWN),
        units.limit_kb(group.limit_kb) if group.limit_kb is not None else "-",
        "-" if group.mean_between_s is None else units.since_boot(group.mean_between_s), units.utc(group.last_ts_us),
    ]  # fmt: skip


def _bars(series: Sequence[Series], bucket: str) -> dict[str, Any]:
    """Figure JSON: kills in each stretch of time, one colour a name."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for place, one in enumerate(series):
        figure.add_bar(
            x=one.begins, y=one.kills, name=markup(one.name), meta={"part": f"kind{place}"}, marker={"line": {"width": 0}},
            hovertemplate=f"{markup(visible(one.name))}: %{{y}} in the {bucket} from %{{x}}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        {
            "barmode": "stack", "height": 300, "margin": {"l": 8, "r": 8, "t": 8, "b": 30}, "dragmode": False,
            "hovermode": "closest", "showlegend": True, "legend": {"orientation": "h", "y": -0.16}, "font": {"size": 13},
            "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": {"type": "date", "fixedrange": True},
            "yaxis": {"rangemode": "tozero", "fixedrange": True, "automargin": True, "nticks": 5, "tickformat": ",d"},
        }
    )  # fmt: skip
    return plain(figure)


def _players(players: Sequence[Player]) -> dict[str, Any]:
    """Figure JSON: bars for each name, how often it was killed, was the largest, and grew most."""
    import plotly.graph_objects as go

    figure = go.Figure()
    names = [markup(one.name or "(no name)") for one in players]
    for part, label, numbers in (
        ("killed", "killed", [one.killed for one in players]),
        ("large0", "largest", [one.largest for one in players]),
        ("large1", "grew most", [one.grew for one in players]),
    ):
        figure.add_bar(
            x=numbers, y=list(range(len(names))), orientation="h", name=label, meta={"part": part}, marker={"line": {"width": 0}},
            customdata=names, hovertemplate=f"%{{customdata}}: {label} %{{x}} times<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        {
            "barmode": "group", "height": 90 + 40 * len(names), "margin": {"l": 8, "r": 8, "t": 8, "b": 60}, "dragmode": False,
            "hovermode": "closest", "showlegend": True,
            "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"},
            "font": {"size": 13}, "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": {"rangemode": "tozero", "fixedrange": True, "nticks": 5, "tickformat": ",d"},
            "yaxis": {
                "tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names, "range": [len(names) - 0.5, -0.5],
                "fixedrange": True, "automargin": True, "showgrid": False, "zeroline": False,
            },
        }
    )  # fmt: skip
    return plain(figure)
