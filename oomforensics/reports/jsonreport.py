"""The JSON report, for scripts.

    {"schema_version": 1, "oomforensics": "0.1.0", "redacted": false, "incidents": [ {...}, ... ]}

An incident holds every column of the history's view `incidents` under the same name, except that

* `ts` is RFC 3339 text in UTC with microseconds, or null;
* `headline` is the sentence that the other reports start with;
* `verdict_meaning` is the plain-language gloss of `verdict`;
* `badness_unit` is the unit of `badness_*`, `adj_pages`, `root_bonus_pages` and `margin_pages`: "pages", or
  "permille" on kernels before 3.5.

and with its children as lists: `candidates` (in the kernel's order of preference), `kills`, `report_lines`
and `sources`, whose fields are the columns of the views of those names. `recorded` has what a recorder saw of the last
minutes, or null: `curves` with `points` of [seconds from the report, KiB], and `marks`. `growth` has the columns of the view
`growth_verdicts`, and as `series` those of `growth`. `balance` has the rows of the view
memory_balance, parents before their children, which add up to them; `allocation` the row of the view allocations, its `zones`
those of allocation_zones; null in a history that no ingest has brought up to date. Units are in the names. null = not
printed, lost or not known; 0 = the kernel said zero. Text is as the log has it; everything outside printable
ASCII is a JSON escape, so that showing the file on a terminal is harmless. Fields may be added under the same
version.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from oomforensics import __version__
from oomforensics.reports import headline, words
from oomforensics.reports.load import Connection, IncidentPage, load, note

SCHEMA_VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def render(con: Connection, ids: Sequence[str]) -> str:
    """The incidents as one JSON document."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "oomforensics": __version__,
        "redacted": note(con) is not None,
        "incidents": [_incident(load(con, incident_id)) for incident_id in ids],
    }
    # DEL is the one control character that ensure_ascii lets through.
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False).replace("\x7f", "\\u007f") + "\n"


def _incident(page: IncidentPage) -> dict[str, Any]:
    values = asdict(page)
    ts_us, lines = values.pop("ts_us"), values.pop("lines")
    children = {"candidates": [asdict(row) for row in page.ranked], "kills": values.pop("kills")}
    del values["candidates"]
    sources = values.pop("sources")
    return {
        "incident_id": values.pop("incident_id"),
        "headline": headline.sentence(page),
        "ts": None if ts_us is None else (_EPOCH + timedelta(microseconds=ts_us)).isoformat(timespec="microseconds"),
        **values,
        "verdict_meaning": words.verdict(page.verdict).meaning,
        "badness_unit": page.badness_unit,
        **children,
        "report_lines": lines,
        "sources": sources,
    }
