"""Ctrl-C: what was read until then is stored."""

from __future__ import annotations

import fcntl
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import duckdb
import pytest

from tests.support.printer import KERNELS, Report, Task, stamped

_TASKS = [Task(100 + n, f"t{n}", rss_anon=1000 * n) for n in range(1, 5)]


def reports(count: int, first: int = 0) -> bytes:
    text = []
    for number in range(first, first + count):
        tasks = [Task(task.pid + 10 * number, task.comm, rss_anon=task.rss) for task in _TASKS]
        text += stamped(list(Report(KERNELS["6.12"], tasks, tasks[-1]).lines()), start_s=60.0 * number)
    return ("\n".join(text) + "\n").encode()


def ingest(db: Path, *paths: Path | str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "oomforensics", "ingest", *map(str, paths), "--db", str(db)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def stored(db: Path) -> int:
    with duckdb.connect(str(db), read_only=True) as con:
        (row,) = con.execute("SELECT count(*) FROM incidents").fetchall()
        return int(row[0])


def wait_until_read(process: subprocess.Popen[bytes]) -> None:
    """Until the pipe is empty: its reader then waits for more."""
    assert process.stdin is not None
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        sleeps = Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].startswith("S")
        if sleeps and unread(process.stdin.fileno()) == 0:
            return
        time.sleep(0.05)
    raise AssertionError("the pipe is not read")


def unread(descriptor: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4))[0])


def test_what_a_pipe_gave_is_stored(tmp_path: Path) -> None:
    db = tmp_path / "h.duckdb"
    process = ingest(db, "-")
    assert process.stdin is not None
    process.stdin.write(reports(3))
    process.stdin.flush()
    wait_until_read(process)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert b"3 new incidents" in out
    assert stored(db) == 3


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_files_that_were_not_read_are_named_in_number(jobs: str, tmp_path: Path) -> None:
    """The first of them never ends: a pipe of the shell's <(command)."""
    for number in range(3):
        (tmp_path / f"log{number}").write_bytes(reports(2, 10 * number))
    db = tmp_path / "h.duckdb"
    process = ingest(db, tmp_path / "log0", "-", tmp_path / "log1", tmp_path / "log2", "--jobs", jobs)
    assert process.stdin is not None
    process.stdin.write(reports(1, 50))
    process.stdin.flush()
    wait_until_read(process)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    if jobs == "1":
        assert b"stopped by Ctrl-C: 2 sources not read" in err
        assert (process.returncode, stored(db)) == (1, 3)
    else:  # the others were read meanwhile
        assert (process.returncode, stored(db)) == (0, 7)
