"""A storm of kills of which the kernel's rate limiter left half without a report, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.test_cli_commands import run
from tests.support.printer import KERNELS, Report, Task, stamped

KILLED = "Memory cgroup out of memory: Killed process {0} (app) total-vm:9000kB, anon-rss:{0}kB, file-rss:4kB, shmem-rss:0kB,"
HIDDEN = 12


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("storm")
    lines: list[str] = []
    for pid in range(100, 103):
        victim = Task(pid, "leaker", rss_anon=90_000)
        lines += Report(KERNELS["6.12"], [victim, Task(50, "cron", rss_anon=900)], victim, memcg="/a").lines()
    lines += [f"{KILLED.format(pid)} UID:0 pgtables:48kB oom_score_adj:0" for pid in range(1000, 1000 + HIDDEN)]
    late = Task(200, "late", rss_anon=90_000)
    later = [
        f"oom_kill_process: {HIDDEN} callbacks suppressed",
        *Report(KERNELS["6.12"], [late], late, memcg="/a").lines(),
    ]
    (folder / "dmesg").write_text("\n".join([*stamped(lines, 100.0), *stamped(later, 4000.0)]) + "\n")
    path = folder / "history.duckdb"
    done = run("ingest", folder / "dmesg", db=path)
    assert done.returncode == 0, done.stderr
    assert f"16 incidents, 16 kills ({HIDDEN} without a report)" in done.stdout
    return path


def test_the_list_says_that_the_count_closes(db: Path) -> None:
    done = run("incidents", db=db)
    assert f"16 kills: 4 in reports, {HIDDEN} without one" in done.stderr
    assert "evidence was lost near 13 of 16 incidents" in done.stderr  # those hidden, and the report behind the notice


def test_the_closing_count(db: Path) -> None:
    done = run("sql", "--run", "closing-count", "--json", db=db)
    (row,) = json.loads(done.stdout)
    assert (row["kills"], row["kills_in_reports"], row["kills_without_report"]) == (16, 4, HIDDEN)
    assert (row["reports"], row["reports_suppressed"], row["counted"]) == (4, HIDDEN, None)


def test_every_report_of_the_storm_carries_the_loss(db: Path, tmp_path: Path) -> None:
    (first,) = json.loads(run("incidents", "--victim", "1003", "--json", db=db).stdout)
    told = " ".join(run("explain", first["incident_id"], db=db).stdout.split())
    assert f"Evidence was lost near this report: oom_kill_process: {HIDDEN} callbacks suppressed" in told
    for name in ("report.html", "report.md", "report.json"):
        done = run("report", first["incident_id"], "-o", tmp_path / name, db=db)
        assert done.returncode == 0, done.stderr
        assert "Evidence was lost near this report" in (tmp_path / name).read_text()
    (whole,) = json.loads(run("incidents", "--victim", "101", "--json", db=db).stdout)
    assert "Evidence was lost" not in run("explain", whole["incident_id"], db=db).stdout
