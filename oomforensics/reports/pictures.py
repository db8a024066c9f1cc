"""The figures as PNG files, drawn by the same plotly.js and in the same colours as the page's, without a network.

Kaleido drives a Chrome or Chromium that is installed here; neither is needed for anything else.
"""

from __future__ import annotations

import asyncio
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import Any

from oomforensics.errors import OomforensicsError, UsageError
from oomforensics.reports import dashboard, figures, headline, memoryfigure, timefigure
from oomforensics.reports.escape import visible
from oomforensics.reports.html import PLOTLY, asset
from oomforensics.reports.load import Connection, IncidentPage, load
from oomforensics.reports.overview import overview

_WIDTH_PX = 1000
_SCALE = 2  # dots for each pixel
_TITLE_COLUMNS = 110
_TITLE_LINE_PX = 20
_ROOM_PX = 18
_LEGEND_PX = 40
_DRAW_WITHIN_S = 60
_COLOUR = re.compile(r"^ {2}--([a-z0-9-]+): (#[0-9a-f]{6});$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Picture:
    """`name`: without suffix, made of our words and an incident's id. `figure`: Plotly's JSON without colours."""

    name: str
    title: str
    figure: dict[str, Any]


def figures_of(page: IncidentPage) -> dict[str, dict[str, Any]]:
    """Figure JSON of what there is to draw of an incident, by name."""
    found = {}
    if page.candidates:
        found["ranking"] = figures.ranking(page)
    if page.balance:
        found["balance"] = memoryfigure.icicle(page.balance)
    if page.timeline is not None and (page.recorded is not None or page.timeline.tells_more):
        found["timeline"] = timefigure.figure(page.timeline, page.recorded)
    return found


def of_incidents(con: Connection, ids: Sequence[str]) -> Iterator[Picture]:
    for page in (load(con, incident_id) for incident_id in ids):
        for name, figure in figures_of(page).items():
            yield Picture(f"{page.incident_id}-{name}", headline.sentence(page), figure)


def of_history(con: Connection) -> Iterator[Picture]:
    seen = overview(con)
    titles = {key: title for key, title, _ in seen.charts()} | {"players": "Who was killed, and who was largest"}
    for key, figure in dashboard.charts(seen).items():
        yield Picture(f"history-{key}", f"{titles[key]}. {seen.sentence}, {seen.span}.", figure)


def png(pictures: Sequence[Picture]) -> list[bytes]:
    """Each as PNG. Raises UsageError where Kaleido or a browser is missing."""
    try:
        import kaleido
        from choreographer.errors import BrowserFailedError, ChromeNotFoundError
    except ImportError as error:
        raise UsageError("PNG needs Kaleido: pip install 'oomforensics[figures]', and Chrome or Chromium") from error

    async def drawn() -> list[bytes]:
        with as_file(files("oomforensics.reports") / "assets" / PLOTLY) as script:
            # MathJax would come from the network.
            async with kaleido.Kaleido(n=1, timeout=_DRAW_WITHIN_S, plotlyjs=script, mathjax=False) as drawer:
                return [await drawer.calc_fig(figure, opts=_size(figure)) for figure in map(_dressed, pictures)]

    try:
        return asyncio.run(drawn())
    except ChromeNotFoundError as error:
        raise UsageError("PNG needs Chrome or Chromium, and none was found; BROWSER_PATH names one") from error
    except (TimeoutError, BrowserFailedError) as error:
        raise OomforensicsError(f"the browser drew nothing: {error}") from error


def _size(figure: dict[str, Any]) -> dict[str, Any]:
    return {"format": "png", "width": _WIDTH_PX, "height": figure["layout"]["height"], "scale": _SCALE}


@cache
def _colours() -> dict[str, str]:
    """Those of the light theme, from the page's style sheet."""
    return dict(_COLOUR.findall(asset("report.css")))


def _ink_on(colour: str) -> str:
    """As the page's script has it: black or white, whichever has the greater contrast (WCAG 2.2, relative luminance)."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else "#ffffff"


def _dressed(picture: Picture) -> dict[str, Any]:
    """With the colours that the page's script would give it, and a title."""
    colours = _colours()
    ink, rule = colours["ink"], colours["rule"]
    for trace in picture.figure["data"]:
        if "parts" in trace["meta"]:
            shades = [colours[f"part-{part}"] for part in trace["meta"]["parts"]]
            trace["marker"] = {"colors": shades, "line": {"color": colours["paper"], "width": 1}}
            trace["textfont"] = {**trace["textfont"], "color": [_ink_on(shade) for shade in shades]}
            continue
        part = trace["meta"]["part"]
        colour = ink if part == "badness" else colours[f"part-{part}"]
        if trace.get("mode") == "lines":
            trace["line"]["color"] = colour
        else:
            trace["marker"]["color"] = colour
            if trace.get("mode") == "markers":
                trace["marker"].setdefault("line", {})["color"] = colour
    lines = [figures.markup(line) for line in textwrap.wrap(visible(picture.title), _TITLE_COLUMNS)[:4]]
    above = _TITLE_LINE_PX * len(lines) + _ROOM_PX
    layout = picture.figure["layout"]
    below = 0 if layout["showlegend"] or "xaxis" not in layout else _LEGEND_PX  # the page has a legend of its own there
    height = layout["height"] + above + below
    for name in [name for name in layout if re.match(r"[xy]axis", name)]:
        layout[name] = {**layout[name], "gridcolor": rule, "tickfont": {"color": colours["muted"], "size": 12}}
    for line in layout.get("shapes", ()):
        line["line"]["color"] = colours["killed"]
    for label in layout.get("annotations", ()):
        label["bgcolor"] = colours["paper"]
    margin = layout["margin"]
    return {
        "data": picture.figure["data"],
        "layout": {
            **layout,
            "height": height,
            "margin": {**margin, "t": margin["t"] + above, "b": margin["b"] + below, "l": 16, "r": 16},
            "showlegend": "xaxis" in layout,
            "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"},
            "title": {
                "text": "<br>".join(lines), "x": _ROOM_PX / _WIDTH_PX, "xanchor": "left", "yref": "container",
                "y": 1 - 1.4 * _ROOM_PX / height, "yanchor": "top", "font": {"size": 15},
            },
            "font": {"size": 13, "color": ink, "family": "system-ui, sans-serif"},
            "paper_bgcolor": colours["paper"], "plot_bgcolor": colours["paper"],
        },
    }  # fmt: skip
