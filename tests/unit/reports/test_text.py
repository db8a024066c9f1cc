"""`explain`, with expectations written by hand from the samples' figures."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from oomforensics.errors import UsageError
from oomforensics.history.store import open_read
from oomforensics.ingest import ingest
from oomforensics.reports import html
from oomforensics.reports.escape import cells
from oomforensics.reports.text import explain
from tests.support.printer import KERNELS, Report, Task, stamped
from tests.unit.reports import report_samples as samples

SAMPLES = (
    samples.add_global,
    samples.add_memcg_group,
    samples.add_bare_kill,
    samples.add_no_victim,
    samples.add_permille,
    samples.add_hostile,
)


def test_headline_comes_first(con: duckdb.DuckDBPyConnection) -> None:
    shown = explain(con, samples.add_global(con), 200)
    assert shown.splitlines()[0] == (
        "scand (pid 517) was killed on 2026-12-20 03:17:52 UTC on mail-02: the machine was out of memory (global)."
    )


def test_order_of_answers(con: duckdb.DuckDBPyConnection) -> None:
    shown = explain(con, samples.add_global(con), 90)
    titles = [
        "was killed",
        "Verdict:",
        "Ranking:",
        "The arithmetic",
        "How sure is this",
        "Evidence",
        "Seen in",
    ]
    places = [shown.index(title) for title in titles]
    assert places == sorted(places)


def test_ranking_rows(con: duckdb.DuckDBPyConnection) -> None:
    rows = explain(con, samples.add_global(con), 100).splitlines()
    victim = next(row for row in rows if row.startswith(">"))
    # 422324 + 107099 + 4395008 / 4096 = 530496 pages; 530496 * 1000 / 638689 = 830.
    assert re.split(r"\s{2,}", victim) == [
        ">",
        "1",
        "517",
        "scand",
        "1.61 GiB",
        "418 MiB",
        "4.19 MiB",
        "0",
        "530,496",
        "83.0 %",
    ]
    trigger = next(row for row in rows if row.startswith("*"))
    assert trigger.split()[:4] == ["*", "6", "754", "guard/f.postfix"]
    assert "Runner-up: backup worker (pid 2210), 329,932 pages (1.26 GiB) behind" in "\n".join(rows)


def test_arithmetic_and_evidence_with_line_numbers(con: duckdb.DuckDBPyConnection) -> None:
    shown = explain(con, samples.add_global(con), 200)
    assert "totalpages = 524156 pages RAM - 16538 reserved + 131071 swap = 638689" in shown
    assert shown.count("524156 pages RAM - 16538 reserved") == 1, "the sum is not repeated"
    assert "  82  Out of memory: Killed process 517 (scand)" in shown


@pytest.mark.parametrize("add", SAMPLES)
@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
def test_fits_the_width(con: duckdb.DuckDBPyConnection, add: samples.Builder, width: int) -> None:
    shown = explain(con, add(con), width)
    assert max(map(cells, shown.splitlines())) <= width


@pytest.mark.parametrize("add", SAMPLES)
def test_no_control_character_is_obeyed(con: duckdb.DuckDBPyConnection, add: samples.Builder) -> None:
    shown = explain(con, add(con), 80)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e]", shown)


def test_colour_only_when_asked(con: duckdb.DuckDBPyConnection) -> None:
    incident_id = samples.add_global(con)
    plain, coloured = explain(con, incident_id, 80), explain(con, incident_id, 80, colour=True)
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def test_whole_cgroup(con: duckdb.DuckDBPyConnection) -> None:
    shown = explain(con, samples.add_memcg_group(con), 200)
    assert shown.startswith(
        "fuzz-worker (pid 4102) and 2 other processes were killed on 2026-05-26 06:17:40 UTC on ci-runner-9: "
        "cgroup /ci/job-7 was at its limit (memcg; memory limit 512 MiB)."
    )
    assert "Also killed (2)" in shown
    assert "sh (pid 4101): went with its cgroup, anon ?" in shown
    assert "memory 512 MiB of 512 MiB; swap 0 B of 0 B" in shown


def test_bare_kill_line_invents_nothing(con: duckdb.DuckDBPyConnection) -> None:
    shown = explain(con, samples.add_bare_kill(con), 200)
    assert shown.startswith(
        "worker (pid 4107) was killed at a time that the log does not tell: "
        "a cgroup that the log does not name was at its limit (memcg, inferred)."
    )
    assert "1970" not in shown
    assert "the whole report: only the kill itself is in the log [report]" in shown
    assert "23 reports of this storm, dropped by the kernel's rate limiter" in shown
    assert "totalpages: not known" in shown
    assert "Ranking" not in shown


def test_nobody_killed(con: duckdb.DuckDBPyConnection) -> None:
    shown = explain(con, samples.add_no_victim(con), 200)
    assert shown.startswith(
        "The OOM killer killed nobody (the kernel panicked: out of memory and no killable process) "
        "at 1 day 02:03:04 after boot on db-1: the machine was out of memory (global)."
    )


def test_nobody_chosen_is_no_failed_arithmetic(tmp_path: Path) -> None:
    task = Task(10, "app")
    lines = [line for line in Report(KERNELS["5.10"], [task], task).lines() if "ill" not in line]
    lines[0] = "app invoked oom-killer: gfp_mask=0x0(), order=0, oom_score_adj=0"
    lines.append("Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled")
    (tmp_path / "log").write_text("\n".join(stamped(lines)) + "\n")
    ingest([str(tmp_path / "log")], db=tmp_path / "h.duckdb")
    with open_read(tmp_path / "h.duckdb", locked=True) as con:
        ((incident,),) = con.execute("SELECT incident_id FROM incidents").fetchall()
        shown = explain(con, incident, 200)
        page = html.render(con, [incident])
    assert "badness is not told where the kernel chose nobody" in shown
    assert "Badness is not told where the kernel chose nobody" in page
    assert "could not be computed" not in shown + page
    assert "a page fault told the kernel that the machine was out of memory" in shown.splitlines()[0]


def test_badness_within_bounds(con: duckdb.DuckDBPyConnection) -> None:
    shown = explain(con, samples.add_permille(con), 100)
    assert "612..655" in shown
    assert "badness in permille" in shown
    assert "the kernel printed 631; it could not be recomputed" in shown
    assert "sshd (pid 1544): not eligible: protected by adj." in shown


def test_unknown_incident(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(UsageError, match="no incident oom-404"):
        explain(con, "oom-404", 80)
