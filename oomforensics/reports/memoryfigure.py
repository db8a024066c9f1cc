"""Where the memory was, as a Plotly icicle: one for each whole (RAM or the limit, swap), as high as it is large.

Every sector names its part in `meta`; the colours of light, dark and print come from the page's style sheet.
"""

from __future__ import annotations

from typing import Any

from oomforensics.amounts import percent
from oomforensics.reports import units
from oomforensics.reports.figures import markup, plain
from oomforensics.reports.load import BalanceRow

_LEAST_PX, _ROW_PX, _MOST_PX = 130, 42, 420  # of the height; a row for each part that can be read
_READABLE = 0.02  # of its whole
_LEAST_OF_HEIGHT = 0.14  # that a small whole has beside a large one
_GAP = 0.03
_LEVELS = 3
# Parts just below a whole that have a colour of their own; all below them share it.
COLOURED = (
    "anon",
    "file",
    "shmem",
    "free",
    "room",
    "kernel",
    "reserved",
    "unevictable",
    "hugetlb",
    "swapcache",
    "unaccounted",
)
_OTHER = "other"


def icicle(rows: tuple[BalanceRow, ...]) -> dict[str, Any]:
    """Figure JSON. `rows`: parents before their children, which add up to them."""
    import plotly.graph_objects as go

    wholes = _wholes(rows)
    figure = go.Figure()
    for parts, (low, high) in zip(wholes, _shares([parts[0].bytes for parts in wholes]), strict=True):
        whole = parts[0].bytes
        figure.add_icicle(
            ids=[row.node for row in parts],
            labels=[markup(row.label) for row in parts],
            parents=[row.parent or "" for row in parts],
            values=[row.bytes for row in parts],
            branchvalues="total",
            maxdepth=_LEVELS,
            sort=False,
            tiling={"orientation": "h", "pad": 1},
            pathbar={"visible": False},
            domain={"y": [low, high]},
            meta={"part": "memory", "parts": _colours(parts)},
            customdata=[[units.size(row.bytes), percent(row.bytes, whole), markup(row.origin)] for row in parts],
            texttemplate="%{label}<br>%{customdata[0]} (%{customdata[1]})",
            hovertemplate="%{label}: %{customdata[0]} (%{customdata[1]})<br>%{customdata[2]}<extra></extra>",
            textfont={"size": 13},
            leaf={"opacity": 1},
        )
    figure.update_layout(
        {
            "height": _height(wholes), "margin": {"l": 2, "r": 2, "t": 2, "b": 2}, "font": {"size": 13}, "showlegend": False,
            "paper_bgcolor": "rgba(0,0,0,0)", "uniformtext": {"minsize": 11, "mode": "hide"},
        }
    )  # fmt: skip
    return plain(figure)


def _wholes(rows: tuple[BalanceRow, ...]) -> list[list[BalanceRow]]:
    """Each whole with its parts."""
    found: list[list[BalanceRow]] = []
    where: dict[str, list[BalanceRow]] = {}
    for row in rows:
        if row.parent is None:
            where[row.node] = []
            found.append(where[row.node])
        else:
            where[row.node] = where[row.parent]
        where[row.node].append(row)
    return [parts for parts in found if parts[0].bytes > 0]


def _height(wholes: list[list[BalanceRow]]) -> int:
    rows = 0
    for parts in wholes:
        above = {row.parent for row in parts}
        rows += sum(row.node not in above and row.bytes >= _READABLE * parts[0].bytes for row in parts)
    return min(_LEAST_PX + _ROW_PX * rows, _MOST_PX)


def _shares(sizes: list[int]) -> list[tuple[float, float]]:
    """The share of the height of each, from above; a small one is made large enough to be read."""
    total = sum(sizes) or 1
    wanted = [max(size / total, _LEAST_OF_HEIGHT) for size in sizes]
    scale = (1 - _GAP * (len(sizes) - 1)) / (sum(wanted) or 1)
    found, top = [], 1.0
    for share in wanted:
        found.append((round(max(top - share * scale, 0.0), 4), round(top, 4)))
        top -= share * scale + _GAP
    return found


def _colours(parts: list[BalanceRow]) -> list[str]:
    """The part of the style sheet for each: that of its ancestor just below the whole."""
    above: dict[str, str] = {}
    for row in parts:
        if row.parent is None:
            above[row.node] = "memory-whole"
        elif row.parent == parts[0].node:
            above[row.node] = f"memory-{row.node if row.node in COLOURED else _OTHER}"
        else:
            above[row.node] = above[row.parent]
    return [above[row.node] for row in parts]
