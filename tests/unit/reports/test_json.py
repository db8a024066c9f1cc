from __future__ import annotations

import json

import duckdb

from oomforensics.reports import jsonreport
from tests.unit.reports import report_samples as samples


def test_document(con: duckdb.DuckDBPyConnection) -> None:
    ids = [samples.add_global(con), samples.add_bare_kill(con)]
    document = json.loads(jsonreport.render(con, ids))
    assert document["schema_version"] == 2
    full, bare = document["incidents"]
    assert full["incident_id"] == ids[0]
    assert full["ts"] == "2026-12-20T03:17:52.000000+00:00"
    assert full["verdict"] == "highest_badness"
    assert full["badness_unit"] == "pages"
    first = full["candidates"][0]
    assert (first["pid"], first["rank"], first["badness_pages"], first["points"]) == (517, 1, 530496, 830)
    assert full["kills"][0]["anon_rss_kb"] == 1689296
    assert full["report_lines"][0]["line"] == 2
    assert [source["source"] for source in full["sources"]] == ["/var/log/kern.log", "journal-mail-02.json"]
    assert bare["ts"] is None and bare["host"] is None and bare["totalpages"] is None
    assert bare["candidates"] == []


def test_every_column_of_the_views_is_there(con: duckdb.DuckDBPyConnection) -> None:
    document = json.loads(jsonreport.render(con, [samples.add_global(con)]))
    incident = document["incidents"][0]
    for view, shown in (("incidents", incident), ("candidates", incident["candidates"][0])):
        columns = {name for name, *_ in con.execute(f"DESCRIBE {view}").fetchall()}
        assert columns - {"incident_id"} <= set(shown), view


def test_text_is_kept_and_harmless(con: duckdb.DuckDBPyConnection) -> None:
    shown = jsonreport.render(con, [samples.add_hostile(con)])
    assert shown.isascii() and shown.replace("\n", "").isprintable()
    names = {row["comm"] for row in json.loads(shown)["incidents"][0]["candidates"]}
    assert {samples.HOSTILE, "\x1b[2J\x9b31mred", "\u2028line\nnext"} <= names


def test_permille(con: duckdb.DuckDBPyConnection) -> None:
    incident = json.loads(jsonreport.render(con, [samples.add_permille(con)]))["incidents"][0]
    assert incident["badness_unit"] == "permille"
