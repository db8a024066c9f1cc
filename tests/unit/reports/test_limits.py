from __future__ import annotations

from dataclasses import replace

import duckdb

from oomforensics.reports import jsonreport, limits, markdown, text
from oomforensics.reports.load import load
from tests.unit.reports import report_samples as samples


def test_each_limit_only_where_it_holds(con: duckdb.DuckDBPyConnection) -> None:
    page = load(con, samples.add_memcg_group(con))
    told = " ".join(limits.of(page))
    assert (
        "processes of this control group alone" in told and "one moment" in told and "share counts in the rss" in told
    )
    wide = " ".join(limits.of(replace(page, scope="global", ts_us=None, missing=["head"], candidates=())))
    assert "control group alone" not in wide and "share counts" not in wide
    assert "No clock on the wall" in wide and "Parts of the report are lost" in wide


def test_a_wrong_clock_is_a_limit(con: duckdb.DuckDBPyConnection) -> None:
    page = load(con, samples.add_global(con))
    assert "wrong by 120 s" in " ".join(limits.of(replace(page, ts_uncertainty_s=120.0)))
    assert "wrong by" not in " ".join(limits.of(page))


def test_every_form_tells_them(con: duckdb.DuckDBPyConnection) -> None:
    incident = samples.add_global(con)
    first = limits.of(load(con, incident))[0]
    assert first in markdown.render(con, [incident]) and first in jsonreport.render(con, [incident])
    assert first in " ".join(text.explain(con, incident, 400).split())
