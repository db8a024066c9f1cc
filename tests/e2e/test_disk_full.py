"""No room for the history: said in one line, nothing lost of what was stored, and the same again gives all of it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.printer import KERNELS, Report, Task, stamped

_VIEWS = ("incidents", "candidates", "kills", "report_lines", "incident_sources")


def log(path: Path, count: int, first: int = 0) -> Path:
    with path.open("w") as out:
        for number in range(first, first + count):
            tasks = [Task(100 * number + n, f"t{n}", rss_anon=(n * 7919 + number) % 9000) for n in range(1, 40)]
            victim = max(tasks, key=lambda task: task.rss)
            out.write(
                "\n".join(stamped(list(Report(KERNELS["6.12"], tasks, victim).lines()), start_s=60.0 * number)) + "\n"
            )
    return path


def ingest(path: Path, db: Path, before: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "oomforensics", "ingest", str(path), "--db", str(db)]
    return subprocess.run(command, capture_output=True, text=True, preexec_fn=before)


def contents(db: Path) -> dict[str, list[tuple[Any, ...]]]:
    with duckdb.connect(str(db), read_only=True) as con:
        return {view: con.execute(f"SELECT * FROM {view} ORDER BY ALL").fetchall() for view in _VIEWS}


def no_file_larger_than(size_bytes: int) -> Callable[[], None]:
    """For the child: writing beyond that fails, as on a full disk, with EFBIG."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))


def check(
    first: Path, second: Path, db: Path, whole: Path, full: Callable[[], None] | None, room: Callable[[], None]
) -> None:
    assert ingest(first, db).returncode == 0
    stored = contents(db)
    failed = ingest(second, db, full)
    assert failed.returncode == 3, (failed.returncode, failed.stderr)
    assert "Traceback" not in failed.stderr and 0 < len(failed.stderr.splitlines()) <= 2, failed.stderr
    room()
    now = contents(db)
    for view, rows in stored.items():
        if view in ("kills", "incident_sources", "incidents"):
            assert set(map(repr, rows)) <= set(map(repr, now[view])), view
    assert ingest(second, db).returncode == 0
    assert ingest(first, whole).returncode == 0
    assert ingest(second, whole).returncode == 0
    assert contents(db) == contents(whole)


def test_a_file_that_cannot_grow(tmp_path: Path) -> None:
    first, second, db = log(tmp_path / "a", 5), log(tmp_path / "b", 600, 1000), tmp_path / "h.duckdb"
    ingest(first, tmp_path / "size.duckdb")
    size_bytes = (tmp_path / "size.duckdb").stat().st_size
    check(first, second, db, tmp_path / "whole.duckdb", no_file_larger_than(size_bytes + (1 << 20)), lambda: None)


def test_no_room_from_the_start(tmp_path: Path) -> None:
    path, db = log(tmp_path / "a", 5), tmp_path / "h.duckdb"
    failed = ingest(path, db, no_file_larger_than(64 * 1024))
    assert failed.returncode == 3, failed.stderr
    assert "Traceback" not in failed.stderr and len(failed.stderr.splitlines()) <= 2
    assert ingest(path, db).returncode == 0
    assert len(contents(db)["incidents"]) == 5


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    at = tmp_path / "disk"
    at.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(at)]).returncode != 0:
        pytest.skip("only root can mount a small disk; a limit on the size of files stands in for it above")
    yield at
    subprocess.run(["umount", str(at)], check=True)


def test_a_full_disk(small_disk: Path, tmp_path: Path) -> None:
    first, second, db = log(tmp_path / "a", 5), log(tmp_path / "b", 1200, 1000), small_disk / "h.duckdb"

    def room() -> None:
        subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)

    check(first, second, db, tmp_path / "whole.duckdb", None, room)
