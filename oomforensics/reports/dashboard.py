"""The whole history as one HTML document, as Markdown, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from oomforensics import __version__
from oomforensics.reports import units
from oomforensics.reports.escape import script_json, visible
from oomforensics.reports.html import asset, body_scripts, environment, head_script, script_hashes
from oomforensics.reports.load import Connection, note
from oomforensics.reports.markdown import code, text
from oomforensics.reports.overview import Overview, Series, overview


def html(con: Connection) -> str:
    seen = overview(con)
    return (
        environment()
        .get_template("history.html.j2")
        .render(
            seen=seen,
            figures={key: Markup(script_json(figure)) for key, figure in charts(seen).items()},
            style=Markup(asset("report.css")),
            head_script=head_script(),
            body_scripts=body_scripts(what_if=False),
            script_hashes=script_hashes(what_if=False),
            version=__version__,
            note=note(con),
        )
    )


def charts(seen: Overview) -> dict[str, dict[str, Any]]:
    """Figure JSON of what there is to draw, by key."""
    return {"hosts": _bars(seen.by_host, seen.bucket), "mechanisms": _bars(seen.by_mechanism, seen.bucket)}


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
    for title, counts in (("Killed", seen.victims), ("Largest in the reports", seen.largest), ("Verdicts", seen.verdicts)):
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

    from oomforensics.reports.figures import markup

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
    built: dict[str, Any] = figure.to_plotly_json()
    built["layout"].pop("template", None)
    return built
