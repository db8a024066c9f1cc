"""The JSON report, for scripts.

    {"schema_version": 2, "oomforensics": "0.1.0", "redacted": false, "incidents": [ {...}, ... ]}

docs/json-reports.md and schemas/report-2.json say what each field is; both are made from the classes that are written here.
An incident holds every column of the history's view `incidents` under the same name, with its children as lists. Text is as
the log has it; everything outside printable ASCII is a JSON escape, so that showing the file on a terminal is harmless. Fields
may be added under the same version.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from oomforensics import __version__
from oomforensics.reports import headline, limits, words
from oomforensics.reports.load import Connection, IncidentPage, load, note

SCHEMA_VERSION = 2
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
        "limits": limits.of(page),
        **children,
        "report_lines": lines,
        "sources": sources,
    }
