"""The figures as PNG: drawn by a real Chromium that asks nobody for anything."""

from __future__ import annotations

import shutil
import struct
import sys
from pathlib import Path

import duckdb
import pytest
from choreographer.browsers.chromium import Chromium

from oomforensics.errors import UsageError
from oomforensics.history.lookup import all_ids
from oomforensics.reports import pictures
from tests.browser.conftest import absent
from tests.e2e.test_cli_commands import run
from tests.unit.reports import report_samples as samples

pytestmark = pytest.mark.browser


def size(png: bytes) -> tuple[int, int]:
    """Of a PNG file, by its first chunk (RFC 2083, 3.2 and 4.1.1)."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and png[12:16] == b"IHDR"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_each_main_figure_becomes_a_file(recorded_history: Path, tmp_path: Path) -> None:
    if shutil.which("chromium") is None:
        absent("chromium")
    with duckdb.connect(str(recorded_history), read_only=True) as con:
        (incident,) = all_ids(con)
    folder = tmp_path / "new" / "pictures"
    done = run("report", "latest", "-o", "-", "--format", "md", "--figures", folder, db=recorded_history)
    assert done.returncode == 0, done.stderr
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == [f"{incident}-{name}.png" for name in ("balance", "ranking", "timeline")]
    for file in files:
        width, height = size(file.read_bytes())
        assert width == 2000 and height > 400 and file.stat().st_size > 20_000
    again = run("report", "latest", "-o", "-", "--format", "md", "--figures", folder, db=recorded_history)
    assert again.returncode == 2 and "exists; --force replaces it" in again.stderr


def test_every_part_has_its_colour(con: duckdb.DuckDBPyConnection) -> None:
    for picture in [
        *pictures.of_incidents(con, [samples.add_hostile(con), samples.add_global(con)]),
        *pictures.of_history(con),
    ]:
        for trace in pictures._dressed(picture)["data"]:
            if trace["type"] == "icicle":
                assert len(trace["marker"]["colors"]) == len(trace["ids"])
                continue
            colour = (trace["line"] if trace.get("mode") == "lines" else trace["marker"])["color"]
            assert colour.startswith("#") and len(colour) == 7
        assert "<img" not in pictures._dressed(picture)["layout"]["title"]["text"]


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(UsageError, match=r"pip install 'oomforensics\[figures\]'"):
        pictures.png([])


def test_no_browser_is_said(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Chromium, "find_browser", classmethod(lambda *_, **__: None))
    with pytest.raises(UsageError, match="PNG needs Chrome or Chromium, and none was found"):
        pictures.png(list(pictures.of_incidents(con, [samples.add_global(con)])))
