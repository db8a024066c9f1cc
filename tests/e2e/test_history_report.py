"""`report --history`: what a whole history says."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from oomforensics.cli.main import app
from oomforensics.errors import HistoryError
from oomforensics.ingest import ingest
from oomforensics.reports import dashboard
from oomforensics.reports.overview import overview
from tests.support.printer import KERNELS, Report, Task, stamped
from tests.support.samples import FIXTURES
from tests.unit.reports import report_samples as samples

runner = CliRunner()


def run(*args: str | Path, code: int = 0) -> str:
    result = runner.invoke(app, [str(arg) for arg in args])
    assert result.exit_code == code, result.output
    return result.stdout


def report(pid: int, comm: str, memcg: str | None, host: str | None, minute: int) -> str:
    tasks = [Task(pid, comm, rss_anon=8000, oom_score_adj=500), Task(7, "bigdb", rss_anon=20_000)]
    made = Report(KERNELS["6.12"], tasks, tasks[0], memcg=memcg, memcg_limit_kb=200_000)
    stamp = f"2026-05-{1 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}:00+00:00"
    return "".join(f"{stamp} {host} kernel: {line}\n" for line in stamped(list(made.lines()), start_s=60.0 * minute))


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """web restarts and dies every ten minutes in pods of ever new names; db1 dies once."""
    folder = tmp_path_factory.mktemp("history")
    pod = "/kubepods.slice/kubepods-pod{:08x}_0000_4000_8000_000000000000.slice/cri-containerd-{:064x}.scope"
    text = "".join(report(100 + n, "web", pod.format(n, n), "node1", 10 * n) for n in range(4))
    text += report(200, "paymentd", None, "db1", 5000)
    (folder / "syslog").write_text(text)
    run("ingest", folder / "syslog", "--db", folder / "h.duckdb")
    return folder / "h.duckdb"


def test_as_json_it_counts(history: Path) -> None:
    seen = json.loads(run("report", "--history", "--db", history, "-o", "-", "--format", "json"))
    assert (seen["schema_version"], seen["incidents"], seen["kills"], seen["hosts"], seen["unnamed"]) == (1, 5, 5, 2, 0)
    assert seen["bucket"] == "day"
    assert {one["name"]: sum(one["kills"]) for one in seen["by_host"]} == {"node1": 4, "db1": 1}
    assert {one["name"]: sum(one["kills"]) for one in seen["by_mechanism"]} == {"kernel": 5}
    assert seen["victims"][0] == {"name": "web", "number": 4, "share_of": 5}
    assert seen["largest"] == [{"name": "bigdb", "number": 5, "share_of": 5}] and seen["other_than_victim"] == 5


def test_what_happens_again_is_one_group_whatever_the_pod_is_called(history: Path) -> None:
    seen = json.loads(run("report", "--history", "--db", history, "-o", "-", "--format", "json"))
    (group,) = seen["groups"]
    assert (group["host"], group["victim"], group["incidents"], group["limit_kb"]) == ("node1", "web", 4, 200_000)
    assert group["mean_between_s"] == pytest.approx(600)
    newest = next(one for one in seen["shown"] if "web (pid 103)" in one["sentence"])
    assert group["latest_id"] == newest["incident_id"]


def test_the_newest_stand_first_with_their_proof(history: Path) -> None:
    seen = json.loads(run("report", "--history", "--db", history, "-o", "-", "--format", "json"))
    first = seen["shown"][0]
    assert first["sentence"].startswith("paymentd (pid 200) was killed")
    assert first["verdict"] == "highest_badness" and first["proof"]


def test_as_markdown(history: Path) -> None:
    text = run("report", "--history", "--db", history, "-o", "-", "--format", "md")
    assert text.startswith("# 5 OOM incidents, 5 kills") and "## Again and again" in text


def test_names_are_hidden_when_redacted(history: Path, tmp_path: Path) -> None:
    out = tmp_path / "shared.html"
    run("report", "--history", "--redact", "--db", history, "-o", out)
    text = out.read_text()
    assert "Again and again" in text
    for secret in ("node1", "bigdb", "paymentd"):
        assert secret not in text


def test_it_is_not_for_single_incidents(history: Path) -> None:
    run("report", "latest", "--history", "--db", history, "-o", "-", code=2)


def test_an_empty_history_has_none(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("nothing\n")
    run("ingest", tmp_path / "log", "--db", tmp_path / "h.duckdb")
    run("report", "--history", "--db", tmp_path / "h.duckdb", "-o", "-", code=2)


def test_units_and_those_who_pay_for_others(history: Path) -> None:
    """bigdb is the largest in all five reports, and dies in none of them."""
    seen = json.loads(run("report", "--history", "--db", history, "-o", "-", "--format", "json"))
    assert {one["name"]: sum(one["kills"]) for one in seen["by_unit"]} == {
        "cri-containerd-*.scope": 4,
        "the machine": 1,
    }
    assert seen["players"] == [
        {"name": "bigdb", "killed": 0, "largest": 5, "spared": 5, "grew": 0},
        {"name": "web", "killed": 4, "largest": 0, "spared": 0, "grew": 0},
        {"name": "paymentd", "killed": 1, "largest": 0, "spared": 0, "grew": 0},
    ]
    text = run("report", "--history", "--db", history, "-o", "-", "--format", "md")
    assert "| `bigdb` | 0 | 5 | 5 | 0 |" in text


def test_a_folder_gets_the_dashboard_and_the_pages_that_it_links_to(history: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "all"
    run("report", "--history", "--db", history, "-o", f"{out}/")
    index = (out / "index.html").read_text()
    pages = sorted(path.name for path in (out / "incidents").iterdir())
    assert len(pages) == 5 and all(f'href="incidents/{page}"' in index for page in pages)
    assert all('href="../index.html"' in (out / "incidents" / page).read_text() for page in pages)
    assert sorted(path.name for path in out.iterdir()) == ["incidents", "index.html"]
    assert "The whole report" in index and "the latest" in index
    run("report", "--history", "--db", history, "-o", out, code=2)
    run("report", "--history", "--db", history, "-o", out, "--force")
    run("report", "--history", "--db", history, "-o", out, "--force", "--format", "json", code=2)


def test_a_redacted_folder_names_its_pages_by_pseudonyms(history: Path, tmp_path: Path) -> None:
    run("report", "--history", "--redact", "--db", history, "-o", f"{tmp_path / 'shared'}/")
    with duckdb.connect(str(history), read_only=True) as con:
        ids = {found for (found,) in con.execute("SELECT incident_id FROM incidents").fetchall()}
    pages = {path.stem for path in (tmp_path / "shared" / "incidents").iterdir()}
    assert len(pages) == 5 and not pages & ids
    for path in (tmp_path / "shared").rglob("*.html"):
        assert not any(secret in path.read_text() for secret in ("node1", "bigdb", "paymentd", *ids))


def test_an_id_that_is_no_hash_names_no_file(tmp_path: Path) -> None:
    con = samples.history()
    samples.add(con, {"incident_id": "../../outside"})
    with pytest.raises(HistoryError, match="no incident id"):
        list(dashboard.folder(con))


def test_a_folder_that_cannot_be_made_is_said(history: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run("report", "--history", "--db", history, "-o", f"{tmp_path / 'file'}/", code=1)


def test_who_grew_before_the_kill_counts_by_its_name(tmp_path: Path) -> None:
    """indexer leaks in the recording, and postgres dies for it."""
    ingest([str(FIXTURES / "recordings" / "grew-leak")], db=tmp_path / "h.duckdb", timezone=UTC)
    with duckdb.connect(str(tmp_path / "h.duckdb"), read_only=True) as con:
        players = {one.name: one for one in overview(con).players}
    assert (players["indexer"].grew, players["indexer"].killed, players["indexer"].spared) == (1, 0, 1)
    assert (players["postgres"].grew, players["postgres"].killed) == (0, 1)
