"""An ingest killed at any moment leaves a history that opens; run again, it gives what an undisturbed run gives."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.printer import KERNELS, Report, Task, stamped

_INCIDENTS = 450  # more than two batches
_KILLS = 10  # of each history; five histories make fifty
_VIEWS = ("incidents", "candidates", "kills", "report_lines", "incident_sources", "source_problems", "growth",
          "growth_verdicts")  # fmt: skip


def command(log: Path, db: Path) -> list[str]:
    return [sys.executable, "-m", "oomforensics", "ingest", str(log), "--db", str(db), "--timezone", "UTC"]


def contents(db: Path) -> dict[str, list[tuple[Any, ...]]]:
    with duckdb.connect(str(db), read_only=True) as con:
        told = {view: con.execute(f"SELECT * FROM {view} ORDER BY ALL").fetchall() for view in _VIEWS}
        told["sources"] = con.execute("SELECT * EXCLUDE ingested_at FROM sources ORDER BY ALL").fetchall()
        return told


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "messages"
    draw = random.Random(4)
    with path.open("w") as out:
        for number in range(_INCIDENTS):
            tasks = [Task(1000 * number + n, f"t{n}", rss_anon=draw.randrange(9000)) for n in range(1, 8)]
            victim = max(tasks, key=lambda task: task.rss)
            out.write(
                "\n".join(stamped(list(Report(KERNELS["6.12"], tasks, victim).lines()), start_s=60.0 * number)) + "\n"
            )
    return path


@pytest.fixture(scope="module")
def undisturbed(log: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[tuple[Any, ...]]], float]:
    db = tmp_path_factory.mktemp("whole") / "h.duckdb"
    began = time.monotonic()
    subprocess.run(command(log, db), check=True, capture_output=True)
    took = time.monotonic() - began
    whole = contents(db)
    assert len(whole["incidents"]) == _INCIDENTS
    return whole, took


@pytest.mark.parametrize("seed", range(5))
def test_a_killed_ingest_loses_nothing(
    seed: int, log: Path, undisturbed: tuple[dict[str, list[tuple[Any, ...]]], float], tmp_path: Path
) -> None:
    whole, took = undisturbed
    draw = random.Random(seed)
    db = tmp_path / "h.duckdb"
    stored = killed = tries = 0
    while killed < _KILLS:
        tries += 1
        assert tries < 5 * _KILLS, "hardly ever killed before it was done"
        running = subprocess.Popen(command(log, db), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            running.wait(draw.uniform(0.2, took))
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
        killed += running.returncode == -signal.SIGKILL
        if db.exists():
            subprocess.run(
                [sys.executable, "-m", "oomforensics", "incidents", "--db", str(db), "--json"],
                check=True, capture_output=True,
            )  # fmt: skip
            with duckdb.connect(str(db)) as con:
                (count,) = con.execute("SELECT count(*) FROM incidents").fetchall()[0]
            assert count >= stored, "an incident that was stored is gone"
            stored = count
    subprocess.run(command(log, db), check=True, capture_output=True)
    assert contents(db) == whole
