"""What follows from an incident is made anew when more is known of it, and stands once."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

from oomforensics.history.derived import TABLES
from oomforensics.history.store import open_read, open_write
from oomforensics.ingest import ingest
from tests.support.printer import KERNELS, Report, Task, stamped


def log(path: Path, pid: int, start_s: float, host: str = "web1") -> str:
    victim = Task(pid, "worker", rss_anon=90_000, total_vm=100_000)
    lines = stamped(list(Report(KERNELS["6.12"], [Task(2, "small", rss_anon=9), victim], victim).lines()), start_s)
    path.write_text("".join(f"Jan  5 15:19:27 {host} kernel: {line}\n" for line in lines))
    return str(path)


def rows(db: Path) -> dict[str, list[tuple[Any, ...]]]:
    with open_read(db) as con:
        return {table: sorted(con.execute(f"FROM {table}").fetchall(), key=repr) for table in TABLES}


def test_logs_one_after_the_other_give_what_all_at_once_give(tmp_path: Path) -> None:
    """Each log of the host that comes in is a neighbour of those before it, so that these are derived again."""
    logs = [log(tmp_path / f"{pid}.log", pid, 100.0 + pid) for pid in (10, 20, 30)]
    ingest(logs, db=tmp_path / "once.duckdb", timezone=UTC)
    for path in logs:
        ingest([path], db=tmp_path / "step.duckdb", timezone=UTC)
    stepwise, at_once = rows(tmp_path / "step.duckdb"), rows(tmp_path / "once.duckdb")
    assert len(at_once["t_derived"]) == 3
    assert at_once["t_findings"]
    assert stepwise == at_once


def test_what_is_up_to_date_is_left_alone(tmp_path: Path) -> None:
    ingest([log(tmp_path / "a.log", 10, 100.0)], db=tmp_path / "h.duckdb", timezone=UTC)
    with open_write(tmp_path / "h.duckdb") as con:
        con.execute("UPDATE t_findings SET text = 'kept'")
    ingest([log(tmp_path / "b.log", 20, 200.0, "other2")], db=tmp_path / "h.duckdb", timezone=UTC)
    with open_read(tmp_path / "h.duckdb") as con:
        texts = con.execute("SELECT DISTINCT host, text = 'kept' FROM t_findings JOIN t_incidents USING (incident_id)")
        assert sorted(texts.fetchall()) == [("other2", False), ("web1", True)]
