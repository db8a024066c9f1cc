"""The time line as a Plotly figure: the recorded curves, the pressure, and who said or did what when, over one axis.

Every trace names its part in `meta`; the colours of light, dark and print come from the page's style sheet.
"""

from __future__ import annotations

from typing import Any

from oomforensics.reports.escape import visible
from oomforensics.reports.figures import markup, plain
from oomforensics.reports.recorded import AFTER_S, Recorded
from oomforensics.reports.timeline import OTHERS, SAYS, Moment, Timeline, moment_at

_LANE_PX = 30
_CURVES_PX = 260
_PRESSURE_PX = 60
_GAP_PX = 14
_AXIS_PX = 40
_LABEL_PX = 24
_LEGEND_PX = 70
_COLOURS_OF_LARGE = 5
_SYMBOLS = {"kill": "x", "claim": "circle-open", "warning": "triangle-up", "pressure": "diamond"}


def figure(line: Timeline, seen: Recorded | None) -> dict[str, Any]:
    """Figure JSON. The report is at zero; what lies outside of the recorded minutes is left to the list."""
    import plotly.graph_objects as go

    made = go.Figure()
    begin, end = _window(line, seen)
    lanes = line.lanes
    heights = [len(lanes) * _LANE_PX]
    if seen is not None and seen.pressure:
        heights.append(_PRESSURE_PX)
    if seen is not None:
        heights.append(_CURVES_PX)
    domains = _domains(heights)
    axes: dict[str, Any] = {"yaxis": _lane_axis(lanes, domains[0])}
    _add_moments(made, line, (begin, end))
    if seen is not None:
        unit = _add_curves(made, seen, f"y{len(heights)}")
        axes[f"yaxis{len(heights)}"] = _amount_axis(unit, domains[-1])
        if seen.pressure:
            _add_pressure(made, seen, "y2")
            axes["yaxis2"] = {**_amount_axis(" %", domains[1]), "nticks": 2}
    total = sum(heights) + _GAP_PX * (len(heights) - 1)
    legend = _LEGEND_PX if seen is not None else _LEGEND_PX // 2
    made.update_layout(
        {
            "height": _LABEL_PX + total + _AXIS_PX + legend, "margin": {"l": 8, "r": 8, "t": _LABEL_PX, "b": _AXIS_PX + legend},
            "dragmode": False, "hovermode": "closest", "showlegend": True,
            "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"}, "font": {"size": 13},
            "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
            "shapes": [{"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1, "line": {"width": 2}}],
            "annotations": [
                {"x": 0, "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False, "text": "report"}
            ],
            "xaxis": {
                "ticksuffix": " s", "range": [begin, end], "fixedrange": True, "zeroline": False, "nticks": 8,
                "anchor": "y",
            },
            **axes,
        }
    )  # fmt: skip
    return plain(made)


def _window(line: Timeline, seen: Recorded | None) -> tuple[float, float]:
    """From the first recorded value on, or where nothing was recorded from the first moment; with some room."""
    starts = [curve.points[0][0] for curve in seen.curves if curve.points] if seen is not None else []
    moments = [moment.at_s or 0.0 for moment in line.timed]
    first = min(starts) if starts else min([*moments, -1.0])
    near = [at_s for at_s in moments if at_s <= AFTER_S] if starts else moments
    last = max([*near, 2.0] if starts else [*near, 1.0])
    room = 0.04 * (last - first)
    return (first if starts else first - room), last + room


def _domains(heights: list[int]) -> list[list[float]]:
    """The share of the height that each part takes, from below."""
    total = sum(heights) + _GAP_PX * (len(heights) - 1)
    found, at = [], 0.0
    for height in heights:
        found.append([round(at / total, 4), round(min((at + height) / total, 1.0), 4)])
        at += height + _GAP_PX
    return found


def _lane_axis(lanes: tuple[str, ...], domain: list[float]) -> dict[str, Any]:
    return {
        "domain": domain, "range": [len(lanes) - 0.5, -0.5], "tickmode": "array", "tickvals": list(range(len(lanes))),
        "ticktext": [markup(lane) for lane in lanes], "fixedrange": True, "zeroline": False, "automargin": True,
    }  # fmt: skip


def _amount_axis(unit: str, domain: list[float]) -> dict[str, Any]:
    return {
        "domain": domain, "ticksuffix": unit, "rangemode": "tozero", "fixedrange": True, "automargin": True, "nticks": 6,
        "zeroline": False,
    }  # fmt: skip


def _add_curves(made: Any, seen: Recorded, axis: str) -> str:
    """The unit in which they are drawn."""
    largest_kb = max((value for curve in seen.curves for _, value in curve.points), default=0)
    scale_kb, unit = (1 << 20, " GiB") if largest_kb >= 1 << 20 else (1 << 10, " MiB")
    for place, curve in enumerate(seen.curves):
        role = f"large{place % _COLOURS_OF_LARGE}" if curve.role == "large" else curve.role
        made.add_scatter(
            x=[at_s for at_s, _ in curve.points],
            y=[round(value / scale_kb, 4) for _, value in curve.points],
            yaxis=axis,
            mode="lines",
            line={
                "shape": "hv",
                "width": 3 if curve.role == "killed" else 1.5,
                "dash": "dot" if curve.pid is None else "solid",
            },
            name=markup(curve.label),
            meta={"part": role},
            hovertemplate=f"{markup(curve.label)}: %{{y}}{unit}<br>%{{x}} s<extra></extra>",
        )
    return unit


def _add_pressure(made: Any, seen: Recorded, axis: str) -> None:
    made.add_scatter(
        x=[at_s for at_s, _ in seen.pressure],
        y=[percent for _, percent in seen.pressure],
        yaxis=axis,
        mode="lines",
        line={"shape": "hv", "width": 1.5},
        name="memory pressure (some)",
        meta={"part": "pressure"},
        hovertemplate="some task waited for memory in %{y} % of 10 s<br>%{x} s<extra></extra>",
    )


def _add_moments(made: Any, line: Timeline, window: tuple[float, float]) -> None:
    lanes = line.lanes
    inside = [
        moment for moment in line.timed if moment.says != "report" and window[0] <= (moment.at_s or 0.0) <= window[1]
    ]
    for kind, symbol in _SYMBOLS.items():
        of_kind = [moment for moment in inside if moment.says == kind]
        if of_kind:
            made.add_scatter(
                x=[round(moment.at_s or 0.0, 3) for moment in of_kind],
                y=[lanes.index(moment.who if moment.who in lanes else OTHERS) for moment in of_kind],
                mode="markers",
                marker={"symbol": symbol, "size": 11, "line": {"width": 2}},
                name=SAYS[kind],
                meta={"part": f"says-{kind}"},
                customdata=[_hover(moment) for moment in of_kind],
                hovertemplate="%{customdata}<extra></extra>",
            )


def _hover(moment: Moment, width: int = 60, most: int = 5) -> str:
    """A log's line cut into lines, with nothing in it that Plotly reads as markup."""
    shown = visible(moment.text)
    pieces = [markup(shown[at : at + width]) for at in range(0, min(len(shown), width * most), width)]
    cut = "…" if len(shown) > width * most else ""
    return f"{moment_at(moment)} · {markup(moment.who)}<br>{'<br>'.join(pieces)}{cut}"
