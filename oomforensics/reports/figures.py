"""The ranking as a Plotly figure: what each process used, what oom_score_adj added or took, and the badness that made.

Every trace names its part in `meta`; colours come from the page's style sheet, so that light, dark and print differ there.
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


@dataclass(frozen=True)
class Part:
    """One segment of a bar; `pages` is in pages, negative where it lowers badness."""

    key: str
    label: str
    pages: Callable[[CandidateRow], float | None]


def shown(page: IncidentPage) -> list[CandidateRow]:
    """The rows of the chart, in the kernel's order."""
    ranked = page.ranked
    wanted = {row.pid for row in ranked[:_TOP]}
    wanted |= {row.pid for row in ranked if row.is_victim or row.pid == page.runner_up_pid}
    rest = sorted((row for row in ranked if row.pid not in wanted), key=_memory, reverse=True)
    threshold = min((_memory(row) for row in ranked[:_TOP]), default=0)
    wanted |= {row.pid for row in rest[:_LARGE_EXTRAS] if _memory(row) > threshold}
    return [row for row in ranked if row.pid in wanted]


def _memory(row: CandidateRow) -> int:
    return (row.rss_pages or 0) + (row.swapents_pages or 0)


def parts(page: IncidentPage) -> list[Part]:
    """The segments that this kernel printed, and those that its arithmetic added; none for what nobody has."""
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
        Part("adj", "oom_score_adj", lambda row: row.adj_pages),
        Part("root", "root bonus", lambda row: -row.root_bonus_pages if row.root_bonus_pages else None),
    ]
    rows = shown(page)
    return [part for part in every if any(part.pages(row) for row in rows)]


def _pgtable_pages(row: CandidateRow, page_size: int | None) -> float | None:
    bytes_ = row.pgtables(page_size)
    return None if bytes_ is None or page_size is None else bytes_ / page_size


def ranking(page: IncidentPage) -> dict[str, Any]:
    """Figure JSON. Bars are stacked from zero, so a negative oom_score_adj reaches to the left of it."""
    # Here and not above: a terminal report must not pay for importing Plotly.
    import plotly.graph_objects as go

    rows = shown(page)
    scale, unit = _scale(page, rows)
    positions = list(range(len(rows)))
    figure = go.Figure()
    for part in parts(page):
        values = [part.pages(row) for row in rows]
        figure.add_bar(
            x=[None if value is None else value * scale for value in values],
            y=positions,
            orientation="h",
            width=0.34,
            name=part.label,
            meta={"part": part.key},
            marker={"opacity": [0.4 if row.eligible is False else 1 for row in rows], "line": {"width": 0}},
            customdata=[_hover(page, row, part.label, value) for row, value in zip(rows, values, strict=True)],
            hovertemplate="%{customdata}<extra></extra>",
        )
    scored = [index for index, row in enumerate(rows) if row.badness_pages is not None]
    if scored:
        figure.add_scatter(
            x=[(rows[index].badness_pages or 0) * scale for index in scored],
            y=scored,
            mode="markers",
            name="badness",
            meta={"part": "badness"},
            marker={"symbol": "line-ns-open", "size": 17, "line": {"width": 2}},
            customdata=[_hover(page, rows[index], "badness", rows[index].badness_pages) for index in scored],
            hovertemplate="%{customdata}<extra></extra>",
        )
    figure.update_layout(_layout(page, rows, unit))
    built: dict[str, Any] = figure.to_plotly_json()
    built["layout"].pop("template", None)
    return built


def _scale(page: IncidentPage, rows: list[CandidateRow]) -> tuple[float, str]:
    if page.page_size is None:
        return 1.0, "pages"
    extent = max((abs(value or 0) for row in rows for value in (row.badness_pages, row.adj_pages, _memory(row))), default=0)
    if extent * page.page_size >= 4096 * _MIB:
        return page.page_size / _MIB / 1024, "GiB"
    return page.page_size / _MIB, "MiB"


def _layout(page: IncidentPage, rows: list[CandidateRow], unit: str) -> dict[str, Any]:
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
            "yshift": 7,
            "showarrow": False,
            "text": text,
            "align": anchor,
        }
        for index, (text, (x, anchor)) in enumerate(zip(labels, sides, strict=True))
    ]
    return {
        "barmode": "relative",
        "height": _FRAME_PX + _ROW_PX * len(rows),
        "margin": {"l": 4, "r": 4, "t": 4, "b": 40, "pad": 0},
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "font": {"size": 13},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "annotations": annotations,
        "xaxis": {
            "ticksuffix": f" {unit}",
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
    name = f"{_markup(row.comm or units.UNKNOWN)} {row.pid}"
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
        notes.append(_markup(words.ineligible(row.ineligible_reason)))
    return f" · {', '.join(notes)}" if notes else ""


def _value(row: CandidateRow) -> str:
    if row.points is not None:
        return units.share(row.points)
    return "" if row.badness_pages is None else f"{row.badness_pages:,}"


def _hover(page: IncidentPage, row: CandidateRow, label: str, pages: float | None) -> str:
    count = None if pages is None else round(pages)
    amount = units.pages(count, page.page_size)
    exact = "" if count is None or page.page_size is None else f" ({count:,} pages)"
    adj = f", oom_score_adj {row.oom_score_adj}" if row.oom_score_adj is not None else ""
    return f"{_markup(row.comm or units.UNKNOWN)} ({row.pid}){adj}<br>{label}: {amount}{exact}"


def _markup(text: str) -> str:
    """Plotly reads some tags in its texts; a name of a process must stay a name."""
    return escape(visible(text))
