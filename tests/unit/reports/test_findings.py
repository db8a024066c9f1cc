"""Findings as every report shows them."""

from __future__ import annotations

import json

import duckdb
import pytest
from markdown_it import MarkdownIt

from oomforensics.reports import findings, html, jsonreport, markdown, text
from oomforensics.reports.findings import Fact
from tests.unit.reports import report_samples as samples


@pytest.mark.parametrize(
    ("fact", "told"),
    [
        (Fact("", 1536, "KiB", None, None), "1.5 MiB"),
        (Fact("", 2048, "bytes", None, None), "2 KiB"),
        (Fact("", 12345, "pages", None, None), "12,345 pages"),
        (Fact("", 12345, "count", None, None), "12,345"),
        (Fact("", 1.0349, "s", None, None), "1.035 s"),
        (Fact("", -1000, None, None, None), "-1000"),
        (Fact("", "head, table", None, None, None), "head, table"),
        (Fact("", None, "KiB", None, None), "?"),
        (Fact("", 0, "KiB", None, None), "0 B"),
    ],
)
def test_amounts_have_their_unit(fact: Fact, told: str) -> None:
    assert findings.amount(fact) == told


def test_the_gravest_and_surest_stand_first(con: duckdb.DuckDBPyConnection) -> None:
    incident = samples.add_global(con)
    rows = [
        ("a", "info", "certain"),
        ("b", "warning", "possible"),
        ("c", "critical", "likely"),
        ("d", "warning", "certain"),
        ("e", "odd", "odd"),
    ]
    for name, severity, confidence in rows:
        samples.add_finding(con, incident, name, severity, confidence=confidence)
    shown = findings.load(con, incident)
    assert [row.finding for row in shown] == ["c", "d", "b", "a", "e"]
    assert [row.finding for row in findings.first(shown)] == ["c", "d"]
    assert [row.finding for row in findings.others(shown)] == ["b", "a", "e"]


def test_hostile_findings_stay_text(con: duckdb.DuckDBPyConnection) -> None:
    incident = samples.add_global(con)
    samples.add_finding(con, incident, "leak", "critical", text=samples.HOSTILE, line=7)
    assert "<img" not in html.render(con, [incident])
    assert "<img" not in MarkdownIt("commonmark", {"html": True}).render(markdown.render(con, [incident]))


def test_every_form_tells_what_to_do_and_why(con: duckdb.DuckDBPyConnection) -> None:
    incident = samples.add_global(con)
    samples.add_finding(con, incident, "culprit_shielded", "critical", line=9)
    ((said, advice),) = con.execute("SELECT text, advice FROM findings").fetchall()
    page, ticket = html.render(con, [incident]), markdown.render(con, [incident])
    document = json.loads(jsonreport.render(con, [incident]))["incidents"][0]
    plain = " ".join(text.explain(con, incident, 500).split())
    (found,) = document["findings"]
    assert (found["text"], found["advice"], found["severity"]) == (said, advice, "critical")
    assert all(one in whole for one in (said, advice) for whole in (plain, page))
    assert all("what culprit_shielded saw: 1.5 MiB" in whole for whole in (plain, ticket))
    assert page.index(said) < page.index("Why this process") and ticket.index(advice[:20]) < ticket.index(
        "## The arithmetic"
    )
    assert '<a href="#i1-L9">line 9</a>' in page
