"""A history that cannot be used is refused in one line and left byte for byte as it was."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from oomforensics.errors import HistoryError
from oomforensics.history.store import default_path, open_read, open_write


def _garbage(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 64)


def _torn(path: Path) -> None:
    with open_write(path):
        pass
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\0" * 8192)


def _of_others(path: Path) -> None:
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE invoices (id INTEGER)")


def _sqlite(path: Path) -> None:
    with sqlite3.connect(path) as con:
        con.execute("CREATE TABLE t (a)")
    con.close()


def _newer(path: Path) -> None:
    with open_write(path) as con:
        con.execute("INSERT INTO t_migrations VALUES (9999, '9999_x.sql', '99.0', now())")


@pytest.mark.parametrize("spoil", [_garbage, _torn, _of_others, _sqlite, _newer])
@pytest.mark.parametrize("opened", [open_read, open_write])
def test_of_no_use(tmp_path: Path, spoil: Callable[[Path], None], opened: Callable[..., object]) -> None:
    path = tmp_path / "history.duckdb"
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(HistoryError) as told, opened(path):  # type: ignore[attr-defined]
        pass
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)
    assert told.value.exit_code == 3
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["history.duckdb"]


def test_in_use_by_another_process(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    with open_write(path):
        pass
    script = f"""
import sys
from pathlib import Path
from oomforensics.history.store import open_write
with open_write(Path({str(path)!r})):
    print("open", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        for opened in (open_read, open_write):
            with pytest.raises(HistoryError, match=f"in use by process {holder.pid}"), opened(path):
                pass
        holder.communicate()
    with open_read(path) as con:
        assert con.execute("SELECT count(*) FROM incidents").fetchone() == (0,)


def test_none_yet(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="ingest"), open_read(tmp_path / "none.duckdb"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_made_on_write_with_its_folders_and_in_a_format_that_duckdb_1_4_reads(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b'c" / "history.duckdb"
    with open_write(path):
        pass
    with open_read(path) as con:
        tags = con.execute("SELECT tags FROM duckdb_databases() WHERE NOT internal").fetchone()
    assert "v1.4" in str(tags)


def test_an_empty_file_becomes_a_history(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    path.touch()
    with open_write(path) as con:
        assert con.execute("SELECT count(*) FROM incidents").fetchone() == (0,)


@pytest.mark.parametrize("opened", [open_read, open_write])
def test_a_pipe_or_device_is_refused_and_stays(tmp_path: Path, opened: Callable[..., object]) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(HistoryError, match="is not a file"), opened(path):  # type: ignore[attr-defined]
        pass
    assert path.is_fifo()


def test_where_it_is_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OOMFORENSICS_DB", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_path() == tmp_path / "oomforensics" / "history.duckdb"
    monkeypatch.setenv("OOMFORENSICS_DB", "elsewhere.duckdb")
    assert default_path() == Path("elsewhere.duckdb")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT getenv('HOME')",
        "SELECT * FROM secret",
        "COPY (SELECT 1) TO 'out.csv'",
        "EXPORT DATABASE 'out'",
        "ATTACH 'other.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "CREATE TABLE t (a INTEGER)",
        "DELETE FROM t_incidents",
    ],
)
def test_sql_of_others_reaches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    import pandas as pd

    secret = pd.DataFrame({"a": [1]})
    assert len(secret) == 1
    path = tmp_path / "history.duckdb"
    with open_write(path):
        pass
    monkeypatch.chdir(tmp_path)
    before = path.read_bytes()
    with open_read(path, locked=True) as con, pytest.raises(duckdb.Error):
        con.execute(sql).fetchall()
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["history.duckdb"]
