"""An export holds what the views hold, and no name from a log leads anywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomforensics.history.export import By, export, host_key
from oomforensics.history.redact import COLUMNS
from oomforensics.history.save import save
from oomforensics.history.store import open_read, open_write
from tests.unit.history.events import DAY_US, NOON_US, judged, report, seen

KEY = b"k" * 32
HOSTS = (
    "web-1",
    "WEB-1",
    "../../evil",
    "a/b",
    "..",
    ".",
    "x" * 300,
    "a=b",
    "é%2F",
    "un known",
    "unknown",
    "nul\\x00",
    "123",
    "con\\..",
)


def make(path: Path, hosts: Sequence[str | None]) -> Path:
    with open_write(path) as con:
        for place, host in enumerate(hosts):
            one = report(700 + place)
            when = None if host is None else NOON_US + 40 * place * DAY_US
            save(con, judged(seen(one, f"{place}.log", host=host, wall_us=when)), [])
    return path


def views(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The rows as the files hold them, without what only paths say."""
    found = {}
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        for view in folder.iterdir():
            if view.is_dir():
                files = sorted(map(str, view.rglob("*.parquet")))
                rows = con.execute("FROM read_parquet(?, hive_partitioning = false)", [files]).fetchall()
                found[view.name] = sorted(rows, key=repr)
    return found


@pytest.mark.parametrize("by", list(By))
def test_what_the_views_hold_is_what_the_files_hold(tmp_path: Path, by: By) -> None:
    history = make(tmp_path / "h.duckdb", ["web-1", "web-2", None])
    out = tmp_path / "it's [out] *?"
    out.mkdir()
    rows = export(history, out, by, None)
    with open_read(history) as con:
        stored = {view: sorted(con.execute(f"FROM {view}").fetchall(), key=repr) for view in COLUMNS}
    assert views(out) == stored
    assert rows == {view: len(stored[view]) for view in COLUMNS}


def test_folders_are_months_and_hosts_of_the_incident(tmp_path: Path) -> None:
    history = make(tmp_path / "h.duckdb", ["web-1", "web-2", None])
    (tmp_path / "out").mkdir()
    export(history, tmp_path / "out", By.HOST_MONTH, None)
    for view in ("incidents", "candidates", "kills", "report_lines", "incident_sources"):
        folders = {
            str(file.parent.relative_to(tmp_path / "out" / view))
            for file in (tmp_path / "out" / view).rglob("*.parquet")
        }
        assert folders == {
            "host_key=web-1/month=2026-05",
            "host_key=web-2/month=2026-07",
            "host_key=unknown/month=unknown",
        }
    with duckdb.connect() as con:
        sql = (
            "SELECT month, count(*) FROM read_parquet(?, hive_partitioning = true) WHERE host_key = 'web-1' GROUP BY 1"
        )
        assert con.execute(sql, [str(tmp_path / "out/candidates/**/*.parquet")]).fetchall() == [("2026-05", 3)]
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert (manifest["redacted"], manifest["partitioned_by"]) == (False, ["host_key", "month"])
    assert manifest["views"]["incidents"]["columns"]["page_size"] == {"type": "INTEGER", "meaning": "Bytes in a page"}
    assert list(manifest["views"]) == list(COLUMNS)


def test_an_empty_history_has_every_table(tmp_path: Path) -> None:
    history = make(tmp_path / "h.duckdb", [])
    (tmp_path / "out").mkdir()
    export(history, tmp_path / "out", By.MONTH, None)
    assert views(tmp_path / "out") == {view: [] for view in COLUMNS}


@pytest.mark.parametrize("key", [None, KEY])
def test_a_host_is_never_a_path(tmp_path: Path, key: bytes | None) -> None:
    history = make(tmp_path / "h.duckdb", HOSTS)
    out = tmp_path / "a" / "b" / "out"
    out.mkdir(parents=True)
    export(history, out, By.HOST, key)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a", "h.duckdb"]
    assert [item.name for item in out.parent.iterdir()] == ["out"]
    folders = [item.name for item in (out / "incidents").iterdir()]
    assert len(folders) == len(HOSTS) - (key is not None), "only WEB-1 and web-1 are one pseudonym"
    assert all(name.isascii() and name.startswith("host_key=") and len(name) < 120 for name in folders)
    held = {row[1] for row in views(out)["incidents"]}
    assert (held == set(HOSTS)) == (key is None)
    assert not key or not any(host in name for name in folders for host in HOSTS if len(host) > 2 and host != "123")


@given(st.text(), st.text())
def test_two_hosts_have_two_folders(one: str, other: str) -> None:
    assert (host_key(one) == host_key(other)) == (one == other)
    assert "/" not in host_key(one)
    assert 0 < len(host_key(one)) < 100
    assert host_key(one) not in ("", ".", "..")


def test_a_history_cannot_make_the_export_read_other_files(tmp_path: Path) -> None:
    history = make(tmp_path / "h.duckdb", ["web-1"])
    (tmp_path / "secret.txt").write_text("of the machine")
    with duckdb.connect(str(history)) as con:
        con.execute(
            f"CREATE OR REPLACE VIEW findings AS SELECT content AS finding FROM read_text('{tmp_path / 'secret.txt'}')"
        )
    (tmp_path / "out").mkdir()
    for key in (None, KEY):
        with pytest.raises(duckdb.Error, match="disabled by configuration"):
            export(history, tmp_path / "out", By.NONE, key)
        for item in sorted((tmp_path / "out").rglob("*"), reverse=True):
            item.rmdir() if item.is_dir() else item.unlink()
