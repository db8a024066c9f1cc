"""What leaves the machine: `export`, and --redact, as a user meets them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.e2e.test_cli_commands import log, run

SECRETS = ("zqhost", "zqleaker", "zqpod", "zqcase")


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zqcase")
    text = "".join(
        f"Jul 10 12:00:00 zqhost kernel: {line}\n" for line in log(800, "zqleaker", memcg="/zqpod").splitlines()
    )
    (folder / "a.log").write_text(text)
    assert run("ingest", folder / "a.log", db=folder / "history.duckdb").returncode == 0
    return folder / "history.duckdb"


def shown(folder: Path) -> str:
    names = [str(file.relative_to(folder)) for file in folder.rglob("*")]
    with duckdb.connect() as con:
        rows = [con.execute("FROM read_parquet(?)", [str(file)]).fetchall() for file in folder.rglob("*.parquet")]
    return repr((names, rows)) + (folder / "manifest.json").read_text()


def test_export_writes_whole_or_not_at_all(db: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    done = run("export", out, db=db)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith(f"oomforensics: wrote {out}: 1 incidents in ")
    assert all(secret in shown(out) for secret in SECRETS)
    assert [item.name for item in out.parent.iterdir()] == ["out"]
    assert (out.stat().st_mode & 0o777) == (tmp_path / "new").stat().st_mode & 0o777
    before = shown(out)
    refused = run("export", out, db=db)
    assert (refused.returncode, shown(out)) == (2, before)
    assert run("export", out, "--redact", "--force", db=db).returncode == 0
    assert shown(out) != before
    (out / "mine.txt").write_text("mine")
    refused = run("export", out, "--force", db=db)
    assert (refused.returncode, (out / "mine.txt").read_text()) == (2, "mine")
    assert [item.name for item in out.parent.iterdir()] == ["out"]
    (tmp_path / "empty").mkdir()
    assert run("export", tmp_path / "empty", db=db).returncode == 0


def test_force_takes_nothing_away_that_is_no_export(db: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "incidents").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").touch()
    for target in ("home", "link", "file"):
        done = run("export", tmp_path / target, "--force", db=db)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert (home / "incidents").is_dir()
    assert not (tmp_path / "elsewhere").exists()


def test_redacted_outputs_name_nobody_and_agree(db: Path, tmp_path: Path) -> None:
    texts = {}
    for form in ("html", "md", "json"):
        done = run("report", "--all", "--redact", "--format", form, "-o", "-", db=db)
        assert (done.returncode, done.stderr) == (0, "")
        texts[form] = done.stdout
    assert run("export", tmp_path / "out", "--redact", "--by", "host", db=db).returncode == 0
    texts["parquet"] = shown(tmp_path / "out")
    for form, text in texts.items():
        assert not [secret for secret in SECRETS if secret in text], form
    names = {form: set(re.findall(r"proc-[0-9a-f]{10}", text)) for form, text in texts.items()}
    assert all(found == names["json"] for found in names.values())
    incident = json.loads(texts["json"])
    assert incident["redacted"] is True
    assert "pseudonyms" in texts["html"]
    assert texts["md"].startswith("*Redacted")
    plain = json.loads(run("report", "--all", "--format", "json", "-o", "-", db=db).stdout)
    assert plain["redacted"] is False
    for name in ("verdict", "totalpages", "victim_pid", "ts", "kernel_release"):
        assert incident["incidents"][0][name] == plain["incidents"][0][name]


def test_keys(db: Path, tmp_path: Path) -> None:
    def victim(*options: str | Path) -> str:
        done = run("report", "--redact", *options, "--format", "json", "-o", "-", db=db)
        assert done.returncode == 0, done.stderr
        return str(json.loads(done.stdout)["incidents"][0]["victim_comm"])

    (tmp_path / "key").write_text("of nobody's business\n")
    assert victim() == victim()
    assert victim("--redact-key", tmp_path / "key") == victim("--redact-key", tmp_path / "key") != victim()
    wrong: list[list[str | Path]] = [
        ["--redact-key", tmp_path / "key"],
        ["--redact", "--redact-key", tmp_path / "none"],
    ]
    for options in wrong:
        done = run("report", *options, "-o", "-", db=db)
        assert (done.returncode, done.stdout) == (2, "")


def test_wrong_usage_and_help(db: Path, tmp_path: Path) -> None:
    assert run("export", db=db).returncode == 2
    assert run("export", tmp_path / "x", "--by", "nonsense", db=db).returncode == 2
    assert run("export", tmp_path / "x", "--db", tmp_path / "none").returncode == 3
    assert not (tmp_path / "x").exists()
    assert "Example" in run("export", "--help").stdout


def test_a_folder_that_cannot_be_written(db: Path) -> None:
    done = run("export", "/proc/none/out", db=db)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def test_interrupted_it_leaves_nothing(db: Path, tmp_path: Path) -> None:
    """A failure halfway, made by a folder that takes no more."""
    script = (
        "import oomforensics.history.export as e\nfrom oomforensics.cli.main import run\nwrite = e._write\n"
        "def fail(con, view, *rest):\n"
        "    if view == 'incidents': raise KeyboardInterrupt\n"
        "    return write(con, view, *rest)\n"
        "e._write = fail\nimport sys\nsys.argv = ['oomforensics', 'export', sys.argv[1], '--db', sys.argv[2]]\nrun()\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "out", db], capture_output=True, text=True)
    assert done.returncode == 130
    assert list(tmp_path.iterdir()) == []
