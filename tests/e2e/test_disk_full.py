"""No room for the history: said in one line, nothing lost of what was stored, and the same again gives all of it."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.printer import KERNELS, Report, Task, stamped

_ROOT = Path(__file__).resolve().parents[2]
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
    refused(ingest(second, db, full), db)
    room()
    now = contents(db)
    for view, rows in stored.items():
        assert set(map(repr, rows)) <= set(map(repr, now[view])), view
    assert ingest(second, db).returncode == 0
    assert ingest(first, whole).returncode == 0
    assert ingest(second, whole).returncode == 0
    assert contents(db) == contents(whole)


def refused(done: subprocess.CompletedProcess[str], db: Path) -> None:
    assert done.returncode == 3, (done.returncode, done.stderr)
    (line,) = done.stderr.splitlines()
    assert str(db) in line and "Traceback" not in line


def test_a_file_that_cannot_grow(tmp_path: Path) -> None:
    first, second, db = log(tmp_path / "a", 5), log(tmp_path / "b", 300, 1000), tmp_path / "h.duckdb"
    ingest(first, tmp_path / "size.duckdb")
    size_bytes = (tmp_path / "size.duckdb").stat().st_size
    check(first, second, db, tmp_path / "whole.duckdb", no_file_larger_than(size_bytes + (1 << 19)), lambda: None)


def test_no_room_from_the_start(tmp_path: Path) -> None:
    path, db = log(tmp_path / "a", 5), tmp_path / "h.duckdb"
    refused(ingest(path, db, no_file_larger_than(64 * 1024)), db)
    assert ingest(path, db).returncode == 0
    assert len(contents(db)["incidents"]) == 5


# A user who is not root may mount in a namespace of its own: the test runs again there, as root of it.
_UNSHARE = ["unshare", "--user", "--map-root-user", "--mount"]


@contextmanager
def small_disk(at: Path) -> Iterator[Path]:
    at.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(at)], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True)


def in_a_namespace(test: str, tmp_path: Path) -> None:
    if shutil.which(_UNSHARE[0]) is None or subprocess.run([*_UNSHARE, "true"]).returncode != 0:
        pytest.skip("no disk can be mounted here; a limit on the size of files stands in for it above")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"{__file__}::{test}"]
    done = subprocess.run(
        [*_UNSHARE, *command, f"--basetemp={tmp_path / 'inside'}"], capture_output=True, text=True, cwd=_ROOT
    )
    assert done.returncode == 0, done.stdout


def test_a_full_disk(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        in_a_namespace("test_a_full_disk", tmp_path)
        return
    with small_disk(tmp_path / "disk") as disk:
        first, second, db = log(tmp_path / "a", 5), log(tmp_path / "b", 400, 1000), disk / "h.duckdb"

        def room() -> None:
            subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)

        check(first, second, db, tmp_path / "whole.duckdb", None, room)


def test_a_disk_that_was_full_before(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        in_a_namespace("test_a_disk_that_was_full_before", tmp_path)
        return
    with small_disk(tmp_path / "disk") as disk:
        (disk / "other").write_bytes(bytes(4 * 1024 * 1024 - 64 * 1024))
        path, db = log(tmp_path / "a", 5), disk / "h.duckdb"
        refused(ingest(path, db), db)
        (disk / "other").unlink()
        assert ingest(path, db).returncode == 0
        assert len(contents(db)["incidents"]) == 5
