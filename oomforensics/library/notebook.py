"""What a notebook shows: fragments of HTML. Names come from logs, so every text is escaped here, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from oomforensics.reports import headline, units
from oomforensics.reports.escape import visible

if TYPE_CHECKING:
    import pandas as pd

    from oomforensics.history.lookup import IncidentLine
    from oomforensics.library.incident import Process
    from oomforensics.reports.load import IncidentPage

_ROWS = 10


def history(path: str, count: int, newest: Sequence[IncidentLine]) -> str:
    rows = [
        [
            one.incident_id[:8], units.utc(one.ts_us), one.host, one.scope,
            headline.process(one.victim_comm, one.victim_pid), one.verdict,
        ]
        for one in newest
    ]  # fmt: skip
    said = paragraph(
        f"{path}: {units.count(count, 'incident')}" + (f", the newest {len(rows)}:" if count > len(rows) else "")
    )
    return said + (_table(("incident", "time", "host", "ran out", "victim", "verdict"), rows) if rows else "")


def incident(page: IncidentPage) -> str:
    rows = [
        [row.rank, row.pid, row.comm, row.oom_score_adj, headline.badness(row), "killed" if row.is_victim else ""]
        for row in page.ranked[:_ROWS]
    ]
    said = _strong(headline.sentence(page)) + paragraph(f"{page.verdict}: {page.verdict_text}")
    steps = "".join(f"<li>{_safe(step)}</li>" for step in page.proof)
    said += f"<ol>{steps}</ol>" if steps else ""
    if rows:
        said += _table(("rank", "pid", "name", "oom_score_adj", "badness", ""), rows)
    more = len(page.candidates) - len(rows)
    return said + (paragraph(f"and {units.count(more, 'other process', 'other processes')}") if more > 0 else "")


def what_if(before: Process | None, now: Process | None, order: pd.DataFrame, caveats: Iterable[str]) -> str:
    said = _strong(f"First choice: {name(now)}") + paragraph(f"As it was: {name(before)}.")
    shown = order.head(_ROWS)
    said += _table(tuple(order.columns), shown.astype(object).where(shown.notna(), None).to_numpy().tolist())
    return said + "".join(paragraph(caveat) for caveat in caveats)


def name(process: Process | None) -> str:
    return "nobody" if process is None else visible(headline.process(process.comm, process.pid))


def paragraph(text: str) -> str:
    return f"<p>{_safe(text)}</p>"


def _strong(text: str) -> str:
    return f"<p><strong>{_safe(text)}</strong></p>"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    cells = "".join(f"<th>{_safe(one)}</th>" for one in head)
    body = "".join("<tr>" + "".join(f"<td>{_safe(value)}</td>" for value in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def _safe(value: object) -> str:
    return "" if value is None else escape(visible(str(value)))
