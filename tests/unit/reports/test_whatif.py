"""The what-if section as it stands in the file, before any script runs."""

from __future__ import annotations

import json
import re
from typing import Any

import duckdb
import pytest

from oomforensics.history.selection import LACKING
from oomforensics.reports import html
from oomforensics.reports.load import load
from oomforensics.reports.whatif import WhatIf, what_if
from tests.unit.reports import report_samples as samples


def section(con: duckdb.DuckDBPyConnection, incident_id: str) -> WhatIf | str:
    return what_if(con, load(con, incident_id))


def written(con: duckdb.DuckDBPyConnection, incident_id: str) -> str:
    """The section without its data."""
    found = re.search(
        r'<section [^>]*>\s*<h2 [^>]*"i1-whatif">.*?</section>', html.render(con, [incident_id]), re.DOTALL
    )
    assert found is not None
    return re.sub(r"<script.*?</script>", "", found[0], flags=re.DOTALL)


def test_static_order_and_what_would_have_saved_the_victim(con: duckdb.DuckDBPyConnection) -> None:
    text = written(con, samples.add_global(con))
    assert "The kernel&#39;s first choice is scand (pid 517)." in text
    assert "scand (pid 517) would have been spared with oom_score_adj -518 or less" in text
    assert "the first choice would then have been backup worker (pid 2210)." in text
    assert re.findall(r'class="comm">([^<]+)<', text)[:3] == ["scand", "backup worker", "filterd"]
    assert "530,496" in text and "after a kill the memory of the others changes too" in text


def test_caveats_are_shown(con: duckdb.DuckDBPyConnection) -> None:
    incident_id = samples.add_global(con)
    con.execute("UPDATE t_incidents SET totalpages_exact = false, era_certain = false")
    text = written(con, incident_id)
    assert "totalpages is not certain (RAM, reserved pages and swap as the report prints them)" in text
    assert "Which kernels&#39; rules apply is not certain" in text


@pytest.mark.parametrize(
    ("add", "reason"),
    [
        (samples.add_bare_kill, "the report does not hold enough to recompute the selection"),
        (samples.add_permille, "the report does not hold enough to recompute the selection"),
        (samples.add_no_victim, "the report lacks what an exact selection needs"),
    ],
)
def test_refused_with_the_reason(con: duckdb.DuckDBPyConnection, add: samples.Builder, reason: str) -> None:
    text = written(con, add(con))
    assert reason in text
    assert "data-whatif=" not in text


def test_an_era_of_another_version_refuses(con: duckdb.DuckDBPyConnection) -> None:
    incident_id = samples.add_global(con)
    con.execute("UPDATE t_incidents SET era = '5.9-<b>'")
    assert "this version knows no era &#39;5.9-&lt;b&gt;&#39;" in written(con, incident_id)


def _becomes_init(con: duckdb.DuckDBPyConnection, pid: int, adj: int) -> None:
    con.execute(
        "UPDATE t_candidates SET pid = 1, oom_score_adj = ?, badness_pages = NULL, ineligible_reason = 'global_init'"
        " WHERE pid = ?",
        [adj, pid],
    )


def test_an_impossible_oom_score_adj_refuses(con: duckdb.DuckDBPyConnection) -> None:
    incident_id = samples.add_global(con)
    _becomes_init(con, 497, 0)
    assert isinstance(section(con, incident_id), WhatIf)
    _becomes_init(con, 1, 4711)
    assert section(con, incident_id) == LACKING


def test_a_pid_that_stands_twice_refuses(con: duckdb.DuckDBPyConnection) -> None:
    incident_id = samples.add_global(con)
    _becomes_init(con, 497, 0)
    _becomes_init(con, 489, 0)
    assert section(con, incident_id) == "two rows of the task table have the same pid"


def test_a_candidate_whose_pages_are_not_known_refuses(con: duckdb.DuckDBPyConnection) -> None:
    incident_id = samples.add_global(con)
    con.execute("UPDATE t_candidates SET swapents_pages = NULL WHERE pid = 255")  # not eligible as it was
    assert section(con, incident_id) == LACKING


def _model(con: duckdb.DuckDBPyConnection, incident_id: str) -> dict[str, Any]:
    document = html.render(con, [incident_id])
    found = re.search(r'<script type="application/json" id="i1-whatif-model">(.*?)</script>', document, re.DOTALL)
    assert found is not None
    assert not re.search(r"[<>&\u2028\u2029\u202e\x1b\x9b]", found[1])
    parsed: dict[str, Any] = json.loads(found[1])
    return parsed


def test_data_for_the_script_is_escaped(con: duckdb.DuckDBPyConnection) -> None:
    model = _model(con, samples.add_hostile(con))
    assert model["comm"][0] == samples.HOSTILE
    assert model["comm"][2] == r"a\u202eb\u200bc"
    assert "<img" not in written(con, "oom-bad000000001")


def test_numbers_beyond_a_browsers_are_text(con: duckdb.DuckDBPyConnection) -> None:
    incident_id = samples.add_global(con)
    pages = 2**53 + 1
    con.execute(
        "UPDATE t_candidates SET rss_pages = ?, badness_pages = ? WHERE pid = 517", [pages, pages + 107099 + 1073]
    )
    model = _model(con, incident_id)
    assert model["charge"][model["pid"].index("517")] == str(pages + 107099 + 1073)
    assert model["totalpages"] == str(samples.GLOBAL_TOTAL)


def test_what_nobody_may_change_is_named(con: duckdb.DuckDBPyConnection) -> None:
    incident_id = samples.add_global(con)
    con.execute("UPDATE t_candidates SET badness_pages = NULL, ineligible_reason = 'vfork_child' WHERE pid = 573")
    answer = section(con, incident_id)
    assert isinstance(answer, WhatIf)
    barred = dict(zip(answer.model["pid"], answer.model["barred"], strict=True))
    assert barred["573"] == "vfork_child"
    assert barred["255"] is None, "-1000 is a value that the reader may change"
