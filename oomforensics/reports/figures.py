"""The ranking as a Plotly figure: what each process used, what oom_score_adj added or took, and the badness.

Every trace names its part in `meta`; the colours of light, dark and print come from the page's style sheet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

from oomforensics.reports import units, words
from oomforensics.reports.escape import visible
from oomforensics.reports.load import CandidateRow, IncidentPage

_TOP = 10
_LARGE_EXTRAS = 3  # big processes that rank lower or were not eligible: why not they, is what readers ask next
_ROW_PX = 44
_FRAME_PX = 52
_MIB = 1024 * 1024
_GIB = 1024 * _MIB


@dataclass(frozen=True)
class Part:
    """A segment of a bar, negative where it lowers badness: memory in pages, others in badness's unit."""

    key: str
    label: str
    amount: Callable[[CandidateRow], float | None]
    memory: bool = True


_BADNESS = Part("badness", "badness", lambda row: row.badness_pages, memory=False)


def shown(page: IncidentPage) -> list[CandidateRow]:
    """The rows of the chart, in the kernel's order."""
    ranked = page.ranked
    wanted = {row.pid for row in ranked[:_TOP]}
    wanted |= {row.pid for row in ranked if row.is_victim or row.pid == page.runner_up_pid}
    largest = sorted(ranked, key=_memory, reverse=True)[:_TOP]
    wanted |= set([row.pid for row in largest if row.pid not in wanted][:_LARGE_EXTRAS])
    return [row for row in ranked if row.pid in wanted]


def _memory(row: CandidateRow) -> int:
    return (row.rss_pages or 0) + (row.swapents_pages or 0)


def parts(page: IncidentPage) -> list[Part]:
    """The segments that this kernel printed, and those that its arithmetic added; none that nobody has."""
    split = any(row.rss_anon_pages is not None for row in page.candidates)
    if split:
        resident = [
            Part("anon", "anonymous", lambda row: row.rss_anon_pages),
            Part("file", "file", lambda row: row.rss_file_pages),
            Part("shmem", "shared", lambda row: row.rss_shmem_pages),
        ]
    else:
        resident = [Part("rss", "resident (rss)", lambda row: row.rss_pages)]
    every = [
        *resident,
        Part("swap", "swap", lambda row: row.swapents_pages),
        Part("pgtables", "page tables", lambda row: _pgtable_pages(row, page.page_size)),
        Part("adj", "oom_score_adj", lambda row: row.adj_pages, memory=False),
        Part(
            "root",
            "root bonus",
            lambda row: -row.root_bonus_pages if row.root_bonus_pages else None,
            memory=False,
        ),
    ]
    rows = shown(page)
    return [part for part in every if any(part.amount(row) for row in rows)]


def _pgtable_pages(row: CandidateRow, page_size: int | None) -> float | None:
    bytes_ = row.pgtables(page_size)
    return None if bytes_ is None or page_size is None else bytes_ / page_size


def ranking(page: IncidentPage) -> dict[str, Any]:
    """Figure JSON. Bars are stacked from zero, so a negative oom_score_adj reaches to the left of it."""
    # Here and not above: a terminal report must not pay for importing Plotly.
    import plotly.graph_objects as go

    rows = shown(page)
    axis = _axis(page, rows)
    positions = list(range(len(rows)))
    figure = go.Figure()
    for part in parts(page):
        amounts = [part.amount(row) for row in rows]
        scale = axis.memory if part.memory else axis.badness
        figure.add_bar(
            x=[None if amount is None else round(amount * scale, 6) for amount in amounts],
            y=positions,
            orientation="h",
            width=0.34,
            name=part.label,
            meta={"part": part.key},
            marker={"opacity": [0.4 if row.eligible is False else 1 for row in rows], "line": {"width": 0}},
            customdata=[_hover(page, row, part, amount) for row, amount in zip(rows, amounts, strict=True)],
            hovertemplate="%{customdata}<extra></extra>",
        )
    scored = [index for index, row in enumerate(rows) if row.badness_pages is not None]
    if scored:
        figure.add_scatter(
            x=[round((rows[index].badness_pages or 0) * axis.badness, 6) for index in scored],
            y=scored,
            mode="markers",
            name="badness",
            meta={"part": "badness"},
            marker={"symbol": "line-ns-open", "size": 15, "line": {"width": 2}},
            customdata=[_hover(page, rows[index], _BADNESS, rows[index].badness_pages) for index in scored],
            hovertemplate="%{customdata}<extra></extra>",
        )
    figure.update_layout(_layout(page, rows, axis.unit, _reach(figure)))
    return plain(figure)


def plain(figure: Any) -> dict[str, Any]:
    """A figure of Plotly as its JSON, without the template: colours come from the page."""
    built: dict[str, Any] = figure.to_plotly_json()
    built["layout"].pop("template", None)
    return built


@dataclass(frozen=True)
class _Axis:
    """How pages and badness become lengths on one axis."""

    memory: float
    badness: float
    unit: str


def _axis(page: IncidentPage, rows: list[CandidateRow]) -> _Axis:
    if page.badness_unit == "permille" and page.totalpages:
        return _Axis(1000 / page.totalpages, 1.0, "‰")
    if page.page_size is None:
        return _Axis(1.0, 1.0, " pages")
    extent = max(
        (abs(value or 0) for row in rows for value in (row.badness_pages, row.adj_pages, _memory(row))),
        default=0,
    )
    size, unit = (_GIB, " GiB") if extent * page.page_size >= _GIB else (_MIB, " MiB")
    return _Axis(page.page_size / size, page.page_size / size, unit)


def _reach(figure: Any) -> tuple[float, float]:
    """How far the stacked bars go to the left and to the right of zero, with room for the last stroke."""
    bars = [[value or 0.0 for value in trace.x] for trace in figure.data if trace.type == "bar"]
    stacks = list(zip(*bars, strict=True))
    left = min((sum(value for value in stack if value < 0) for stack in stacks), default=0.0)
    right = max((sum(value for value in stack if value > 0) for stack in stacks), default=0.0)
    room = 0.015 * (right - left) or 1.0
    return (left - room if left < 0 else -0.2 * room), right + room


def _layout(page: IncidentPage, rows: list[CandidateRow], unit: str, reach: tuple[float, float]) -> dict[str, Any]:
    labels = [_label(page, row) for row in rows] + [_value(row) for row in rows]
    sides: list[tuple[int, str]] = [(0, "left")] * len(rows) + [(1, "right")] * len(rows)
    annotations = [
        {
            "xref": "paper",
            "x": x,
            "xanchor": anchor,
            "y": index % len(rows),
            "yref": "y",
            "yanchor": "bottom",
            "yshift": 9,
            "xshift": -5 if anchor == "left" else 4,
            "showarrow": False,
            "text": text,
            "align": anchor,
        }
        for index, (text, (x, anchor)) in enumerate(zip(labels, sides, strict=True))
    ]
    return {
        "barmode": "relative",
        "height": _FRAME_PX + _ROW_PX * len(rows),
        "margin": {"l": 2, "r": 2, "t": 4, "b": 32, "pad": 0},
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "font": {"size": 13},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "annotations": annotations,
        "xaxis": {
            "range": list(reach),
            "ticksuffix": unit,
            "separatethousands": True,
            "zeroline": True,
            "fixedrange": True,
            "nticks": 6,
            "tickangle": 0,
        },
        "yaxis": {
            "range": [len(rows) - 0.55, -0.9],
            "showticklabels": False,
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
        },
    }


def _label(page: IncidentPage, row: CandidateRow) -> str:
    name = f"{markup(row.comm or units.UNKNOWN)} {row.pid}"
    name = f"<b>{name}</b>" if row.is_victim else name
    rank = f"{row.rank}. " if row.rank is not None else ""
    return f"{rank}{name}{_note(page, row)}"


def _note(page: IncidentPage, row: CandidateRow) -> str:
    notes = []
    if row.is_victim:
        notes.append("killed")
    if row.pid == page.runner_up_pid:
        notes.append("runner-up")
    if row.eligible is False:
        notes.append(markup(words.ineligible(row.ineligible_reason)))
    return f" · {', '.join(notes)}" if notes else ""


def _value(row: CandidateRow) -> str:
    if row.points is not None:
        return units.share(row.points)
    return "" if row.badness_pages is None else f"{row.badness_pages:,}"


def _hover(page: IncidentPage, row: CandidateRow, part: Part, amount: float | None) -> str:
    count = None if amount is None else round(amount)
    if not part.memory and page.badness_unit == "permille":
        value = f"{units.number(count)} permille"
    else:
        exact = "" if count is None or page.page_size is None else f" ({count:,} pages)"
        value = units.pages(count, page.page_size) + exact
    adj = f", oom_score_adj {row.oom_score_adj}" if row.oom_score_adj is not None else ""
    return f"{markup(row.comm or units.UNKNOWN)} ({row.pid}){adj}<br>{part.label}: {value}"


def markup(text: str) -> str:
    """Plotly reads some tags in its texts; a name of a process must stay a name."""
    return escape(visible(text))
