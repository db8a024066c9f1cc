"""Incidents as the analysis wants them: what is stored is what the log said, and older histories get what they lack."""

from __future__ import annotations

import re
from datetime import UTC
from pathlib import Path

import duckdb
import pytest

from oomforensics.history import scenes
from oomforensics.history.schema import migrations
from oomforensics.history.store import open_read
from oomforensics.ingest import ingest
from tests.support.printer import KERNELS, Report, Task, stamped
from tests.support.samples import FIXTURES
from tests.support.scenes import of_kernels

LACKING_BEFORE_6 = ("nodemask", "cpuset", "mems_allowed", "trigger_cpu", "kmem_usage_kb", "kmem_limit_kb")


def test_what_the_report_says_of_nodes_and_cpus() -> None:
    scene = of_kernels()["6.1.0-50-cloud-amd64/mempolicy"][0]
    assert (scene.nodemask, scene.cpuset, scene.mems_allowed) == ("1", "/", "0-1")
    text = (FIXTURES / "kernels" / "6.1.0-50-cloud-amd64" / "mempolicy" / "dmesg.log").read_text()
    found = re.search(r"CPU: (\d+) PID", text)
    assert found is not None
    assert scene.trigger_cpu == int(found[1])
    v1 = of_kernels()["5.10.0-32-cloud-amd64/memcg-v1-memsw"][0]
    assert (v1.kmem_usage_kb, v1.kmem_limit_kb) == (168, 9007199254740988)


def test_mem_info_comes_back_as_it_was_parsed() -> None:
    info = of_kernels()["7.2.13+deb14-cloud-amd64/huge-pages"][0].meminfo
    assert info is not None
    dma = info.zones[0]
    assert dma.buddy is not None
    assert dma.buddy_types is not None
    assert (dma.buddy[512], dma.buddy_types[512]) == (1, "U")
    assert info.nodes_kb[0]["active_anon"] == 95_948


@pytest.fixture
def history(tmp_path: Path) -> Path:
    first, second = Task(200, "big", rss_anon=9_000), Task(201, "big", rss_anon=8_000)
    lines = [
        *Report(KERNELS["4.14"], [first], first).lines(),
        *Report(KERNELS["6.12"], [second], second).lines(),
    ]
    (tmp_path / "kern.log").write_text("\n".join(stamped(lines)) + "\n")
    run = FIXTURES / "kernels" / "5.10.0-32-cloud-amd64"
    db = tmp_path / "h.duckdb"
    ingest([str(tmp_path / "kern.log"), str(run / "memcg-v1-memsw"), str(run / "cpuset")], db=db, timezone=UTC)
    return db


def test_an_older_history_gets_them_from_its_raw_lines(history: Path) -> None:
    """What migration 6 fills in is what an ingest would have stored."""
    query = f"SELECT incident_id, {', '.join(LACKING_BEFORE_6)} FROM t_incidents ORDER BY incident_id"
    with open_read(history) as con:
        stored = con.execute(query).fetchall()
    assert len(stored) >= 3
    with duckdb.connect() as con:
        for migration in migrations():
            if migration.version < 6:
                con.execute(migration.sql)
        con.execute(f"ATTACH '{history}' AS newer (READ_ONLY)")
        for table in ("t_incidents", "t_report_lines"):
            con.execute(f"INSERT INTO {table} BY NAME SELECT {_shared(con, table)} FROM newer.{table}")
        con.execute(next(migration.sql for migration in migrations() if migration.version == 6))
        assert con.execute(query).fetchall() == stored


def _shared(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """Columns that the older and the newer table have."""
    sql = "SELECT column_name FROM duckdb_columns() WHERE table_name = ? AND database_name = ?"
    newer, older = ({name for (name,) in con.execute(sql, [table, of]).fetchall()} for of in ("newer", "memory"))
    return ", ".join(sorted(newer & older))


def test_batches_hold_each_incident_once(history: Path) -> None:
    with open_read(history) as con:
        ids = [name for (name,) in con.execute("SELECT incident_id FROM t_incidents").fetchall()]
        assert sorted(scene.incident_id for scene in scenes.load(con, ids)) == sorted(ids)
        assert scenes.load(con, []) == []
        assert scenes.load(con, ["nothing"]) == []


def test_batches_are_bounded_by_the_rows_of_their_tables(history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "_BATCH_ROWS", 2)
    with open_read(history) as con:
        ids = [name for (name,) in con.execute("SELECT incident_id FROM t_incidents").fetchall()]
        whole = {scene.incident_id: list(scene.processes) for scene in scenes.load(con, ids)}
        batches = list(scenes.batches(con, ids))
        rows = dict(con.execute("SELECT incident_id, count(*) FROM t_candidates GROUP BY ALL").fetchall())
    assert {scene.incident_id: len(scene.processes) for batch in batches for scene in batch} == rows
    assert {scene.incident_id: list(scene.processes) for batch in batches for scene in batch} == whole
    assert all(len(batch) == 1 or sum(rows[scene.incident_id] for scene in batch) <= 2 for batch in batches)


def test_page_tables_that_no_machine_can_have_are_not_known(tmp_path: Path) -> None:
    one = Task(200, "big", rss_anon=9_000, nr_ptes=2**60)
    (tmp_path / "kern.log").write_text("\n".join(stamped(Report(KERNELS["4.14"], [one], one).lines())) + "\n")
    ingest([str(tmp_path / "kern.log")], db=tmp_path / "h.duckdb", timezone=UTC)
    with open_read(tmp_path / "h.duckdb") as con:
        (scene,) = scenes.load(con, [row[0] for row in con.execute("SELECT incident_id FROM t_incidents").fetchall()])
    assert [row.pgtables_bytes for row in scene.processes] == [None]
