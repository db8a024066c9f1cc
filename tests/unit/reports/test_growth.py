"""Who grew, as reports show it: what is known and what is not, and names that want to be more than names."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from oomforensics.reports import growth, html, markdown, text
from oomforensics.reports.load import load
from tests.unit.reports import report_samples as samples

MIB = 1 << 20
ESCAPE = "\x1b[2Jx"


def add_series(
    con: duckdb.DuckDBPyConnection, incident_id: str, kind: str, who: str | None, grown: int, **known: Any
) -> None:
    values: dict[str, Any] = {
        "pid": None, "processes": 1, "start_bytes": MIB, "end_bytes": MIB + grown, "from_s": -60.0, "until_s": -1.0,
        "onset_s": -60.0, "slope": 3.0 * MIB, "slope_low": 2.5 * MIB, "slope_high": 3.5 * MIB, "shape": "leak",
        "change_points_s": [], "share": 0.25, "samples": 60, "seen_in": "recording", "source": "a.oomspool",
    }  # fmt: skip
    samples.insert(con, "growth", incident_id=incident_id, kind=kind, who=who, **{**values, **known})


def add_verdict(con: duckdb.DuckDBPyConnection, incident_id: str, culprit: str | None, **known: Any) -> None:
    values = {
        "made_of": "x", "seen_in": "recording", "culprit_kind": "process", "shape": "leak", "share": 0.75,
        "total_bytes": 9 * MIB, "from_s": -60.0, "until_s": -1.0, "text": f"{culprit} grew.",
        "not_known": ["short_window: Too short, they say."],
    }  # fmt: skip
    samples.insert(con, "growth_verdicts", incident_id=incident_id, culprit=culprit, **{**values, **known})


def test_where_nothing_shows_it_that_is_said(con: duckdb.DuckDBPyConnection) -> None:
    page = load(con, samples.add_global(con))
    assert page.growth is not None and page.growth.series == () and page.growth.culprit is None
    assert page.growth.reasons == [
        "No recording shows the time before this kill.",
        "No earlier report of this boot lists the same processes.",
    ]
    told = " ".join(text.explain(con, page.incident_id, 80).split())
    assert "Who grew Who grew before this kill is not known. No recording shows" in told


def test_processes_first_then_commands_of_several_the_culprit_and_the_scope(con: duckdb.DuckDBPyConnection) -> None:
    incident_id = samples.add_global(con)
    add_verdict(con, incident_id, "x.service", culprit_kind="unit")
    for number in range(7):
        add_series(con, incident_id, "process", f"p (pid {number})", number * MIB, pid=number)
    add_series(con, incident_id, "command", "alone", 50 * MIB)
    add_series(con, incident_id, "command", "many", 40 * MIB, processes=9)
    add_series(con, incident_id, "unit", "x.service", 60 * MIB, processes=12)
    add_series(con, incident_id, "unit", "y.service", 70 * MIB, processes=3)
    add_series(con, incident_id, "scope", None, 80 * MIB, processes=20)
    shown = growth.load(con, incident_id).shown
    assert [growth.cells(one)[0] for one in shown] == [
        *(f"p (pid {number})" for number in (6, 5, 4, 3, 2)), "many (9 processes)", "x.service (12 processes)",
        "the machine, all that is charged",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, ("1 MiB", "5 MiB", "+4 MiB", "3 MiB (2.5 MiB to 3.5 MiB)", "leak", "25 %")),
        ({"slope_low": None, "slope_high": None}, ("1 MiB", "5 MiB", "+4 MiB", "3 MiB", "leak", "25 %")),
        ({"slope": None, "share": None}, ("1 MiB", "5 MiB", "+4 MiB", "?", "leak", "?")),
        (
            {"end_bytes": 0, "slope": -MIB, "slope_low": -MIB, "slope_high": -MIB, "shape": "shrinking", "share": -0.1},
            ("1 MiB", "0 B", "-1 MiB", "-1 MiB", "shrinking", "-10 %"),
        ),
    ],
)
def test_the_figures_of_a_row(con: duckdb.DuckDBPyConnection, known: dict[str, Any], expected: tuple[str, ...]) -> None:
    incident_id = samples.add_global(con)
    add_verdict(con, incident_id, "java (pid 7)")
    add_series(con, incident_id, "process", "java (pid 7)", 4 * MIB, **known)
    (one,) = growth.load(con, incident_id).series
    assert growth.cells(one) == ("java (pid 7)", *expected)


@pytest.mark.parametrize("name", [samples.HOSTILE, ESCAPE, "a|b`c*d", "@everyone\n# no heading"])
def test_names_stay_names(con: duckdb.DuckDBPyConnection, name: str) -> None:
    incident_id = samples.add_global(con)
    add_verdict(con, incident_id, f"{name} (pid 7)")
    add_series(con, incident_id, "process", f"{name} (pid 7)", 4 * MIB, pid=7)
    add_series(con, incident_id, "cgroup", name, 4 * MIB, processes=2)
    page = html.render(con, [incident_id])
    assert "<img src=x" not in page and "\x1b" not in page
    told = text.explain(con, incident_id, 80)
    assert "\x1b" not in told
    document = markdown.render(con, [incident_id])
    section = document[document.index("## Who grew") :].split("\n\n## ")[0].splitlines()
    assert not any(line.startswith("# ") for line in section)
    (row,) = [line for line in section if line.startswith("| `") and "(pid 7)" in line]
    assert len([cell for cell in row.replace("\\|", "").split("|") if cell.strip()]) == len(growth.HEADINGS)
