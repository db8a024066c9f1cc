"""What is worth knowing of an incident beyond its verdict: the findings, the gravest first, with what each rests on."""

from __future__ import annotations

import json
from dataclasses import dataclass

import duckdb

from oomforensics.reports import units

_SEVERITIES = ("critical", "warning", "info")
_CONFIDENCES = ("certain", "likely", "possible")
_OPEN = 2  # of critical ones and warnings, that a page shows with their advice at once


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure that a finding rests on. `line`: in `source`; None: a sum over many lines."""

    what: str
    value: int | float | str | None
    unit: str | None
    line: int | None
    source: str | None


@dataclass(frozen=True, slots=True)
class FindingRow:
    finding: str
    severity: str  # critical | warning | info
    confidence: str  # certain | likely | possible
    text: str
    advice: str
    evidence: tuple[Fact, ...]


def load(con: duckdb.DuckDBPyConnection, incident_id: str) -> tuple[FindingRow, ...]:
    query = "SELECT finding, severity, confidence, text, advice, evidence FROM findings WHERE incident_id = ? ORDER BY finding"
    rows = [
        FindingRow(finding, severity, confidence, text, advice, tuple(Fact(**fact) for fact in json.loads(evidence)))
        for finding, severity, confidence, text, advice, evidence in con.execute(query, [incident_id]).fetchall()
    ]
    return tuple(sorted(rows, key=_weight))


def _weight(row: FindingRow) -> tuple[int, int]:
    return _place(row.severity, _SEVERITIES), _place(row.confidence, _CONFIDENCES)


def _place(word: str, words: tuple[str, ...]) -> int:
    return words.index(word) if word in words else len(words)


def first(rows: tuple[FindingRow, ...]) -> tuple[FindingRow, ...]:
    """Those that must be seen at once: part of the cause or worse."""
    return tuple(row for row in rows if row.severity != "info")[:_OPEN]


def others(rows: tuple[FindingRow, ...]) -> tuple[FindingRow, ...]:
    shown = first(rows)
    return tuple(row for row in rows if row not in shown)


def amount(fact: Fact) -> str:
    """`4.3 MiB`, `900`, `head, stack_header`."""
    value = fact.value
    if value is None or isinstance(value, str):
        return units.UNKNOWN if value is None else value
    scale = {"bytes": 1, "KiB": 1024, "kB": 1024}.get(fact.unit or "")
    if scale is not None and isinstance(value, int):
        return units.size(value * scale)
    if fact.unit is None:
        return f"{value}"
    number = units.number(value) if isinstance(value, int) else f"{value:,.3f}"
    return number if fact.unit == "count" else f"{number} {fact.unit}"
