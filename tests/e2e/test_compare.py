"""Two incidents side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oomforensics.cli.main import app
from tests.support.printer import KERNELS, Report, Task, stamped

runner = CliRunner()


def report(limit_kb: int, leak_kb: int, pid: int, cgroup: str = "/box", start_s: float = 100.0) -> str:
    tasks = [Task(10, "init2", rss_anon=500), Task(pid, "leaky", rss_anon=leak_kb // 4), Task(12, "db", rss_anon=3000)]
    made = Report(KERNELS["6.12"], tasks, tasks[1], memcg=cgroup, memcg_limit_kb=limit_kb)
    return "\n".join(stamped(list(made.lines()), start_s=start_s)) + "\n"


def ingested(tmp_path: Path, *texts: str) -> tuple[Path, list[str]]:
    db = tmp_path / "h.duckdb"
    ids = []
    for number, text in enumerate(texts):
        log = tmp_path / f"{number}.log"
        log.write_text(text)
        assert runner.invoke(app, ["ingest", str(log), "--db", str(db), "--host", "h1"]).exit_code == 0
    listed = json.loads(runner.invoke(app, ["incidents", "--db", str(db), "--json"]).stdout)
    for number in range(len(texts)):
        ids += [one["incident_id"] for one in listed if one["victim_pid"] == 100 + number]
    return db, ids


def test_the_same_thing_again_with_another_limit(tmp_path: Path) -> None:
    db, ids = ingested(tmp_path, report(100_000, 80_000, 100), report(200_000, 180_000, 101, start_s=5000))
    found = json.loads(runner.invoke(app, ["compare", *ids, "--db", str(db), "--json"]).stdout)
    assert found["sentence"].startswith("The same thing again: /box at its limit, and leaky killed")
    assert "Memory limit: 97.7 MiB, then 195 MiB." in found["sentence"]
    lines = {line["label"]: line for line in found["lines"]}
    assert (lines["scope"]["same"], lines["memory limit"]["same"], lines["host"]["same"]) == (True, False, True)
    assert lines["victim"]["same"] is True  # the name; its pid is another
    assert lines["when"]["same"] is None  # no log says it
    assert found["groups"][0]["comm"] == "leaky" and found["groups"][0]["change_kb"] == 100_000
    assert {group["comm"]: group["change_kb"] for group in found["groups"]}["db"] == 0


def test_two_different_things(tmp_path: Path) -> None:
    db, ids = ingested(tmp_path, report(100_000, 80_000, 100), report(100_000, 80_000, 101, "/other", 5000))
    shown = runner.invoke(app, ["compare", *ids, "--db", str(db)])
    assert shown.exit_code == 0
    assert shown.stdout.startswith("Two different things: another cgroup.")
    assert "/other" in shown.stdout and "leaky (pid 101)" in shown.stdout


@pytest.mark.parametrize("evil", ["\x1b[31mred", "a\nb"])
def test_names_are_made_harmless(tmp_path: Path, evil: str) -> None:
    db, ids = ingested(tmp_path, report(100_000, 80_000, 100), report(100_000, 90_000, 101, f"/{evil}", 5000))
    shown = runner.invoke(app, ["compare", *(ids if len(ids) == 2 else ["latest", "latest"]), "--db", str(db)])
    assert shown.exit_code == 0 and "\x1b" not in shown.stdout


def test_an_unknown_id_is_wrong_usage(tmp_path: Path) -> None:
    db, ids = ingested(tmp_path, report(100_000, 80_000, 100))
    shown = runner.invoke(app, ["compare", ids[0], "nosuch", "--db", str(db)])
    assert shown.exit_code == 2
