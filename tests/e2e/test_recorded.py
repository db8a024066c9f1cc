"""From a recording to the history and the report: whose memory grew, when, and with which command line."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from oomforensics.capture import frame
from oomforensics.cli.main import app
from tests.support.samples import FIXTURES

SPOOL = FIXTURES / "recordings" / "memcg-v1-6.18"
SEGMENT = SPOOL / "00000001.oomspool"
TABLES = (
    "recordings",
    "snapshots",
    "snapshots_processes",
    "snapshots_cgroups",
    "snapshots_system",
    "incidents",
    "memory_events",
)
runner = CliRunner()


def run(*args: str | Path, code: int = 0) -> str:
    result = runner.invoke(app, [str(arg) for arg in args])
    assert result.exit_code == code, result.output
    return result.stdout


def rows(db: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(db), read_only=True) as con:
        return con.execute(sql).fetchall()


def counts(db: Path) -> dict[str, object]:
    return {table: rows(db, f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    db = tmp_path_factory.mktemp("recorded") / "h.duckdb"
    told = run("ingest", SPOOL, "--db", db)
    assert "1 incident, 1 kill" in told
    return db


def test_the_kernels_log_of_a_recording_is_an_incident(history: Path) -> None:
    (found,) = rows(
        history,
        "SELECT verdict, victim_comm, host, boot_id, ts_source, ts IS NOT NULL, totalpages_exact FROM incidents",
    )
    assert found[:3] == ("highest_badness", "worker", "vm")
    assert len(str(found[3])) == 32
    assert found[4:] == ("boot-time-derived", True, True)  # total swap is known from the recorded meminfo


def test_the_victims_last_sample_is_less_than_an_interval_old(history: Path) -> None:
    ((age_s, used_kb, printed_kb),) = rows(
        history,
        """
        SELECT shown.mono_s - max(seen.mono_s), max_by(seen.rss_anon_kb, seen.mono_s), any_value(kills.anon_rss_kb)
        FROM incident_recordings AS shown JOIN kills USING (incident_id)
        JOIN snapshots_processes AS seen ON seen.segment_id = shown.segment_id AND seen.pid = kills.pid
        WHERE seen.mono_s < shown.mono_s AND NOT seen.gone
        GROUP BY shown.mono_s
        """,
    )
    assert isinstance(age_s, float) and 0 < age_s < 0.5
    assert isinstance(used_kb, int) and isinstance(printed_kb, int) and 0.9 < used_kb / printed_kb <= 1.05


def test_who_the_processes_are(history: Path) -> None:
    found = rows(
        history, "SELECT DISTINCT comm, regexp_extract(cmdline, '\\S+$') FROM snapshots_processes ORDER BY ALL"
    )
    assert found == [("cache", "--lru"), ("postgres", "main"), ("worker", "--queue=mail"), ("worker", "--queue=web")]


def test_the_control_groups_usage_reaches_its_limit(history: Path) -> None:
    ((limit, most, kills),) = rows(
        history,
        "SELECT max(limit_bytes), max(usage_bytes), max(oom_kill) FROM snapshots_cgroups WHERE cgroup = '/shop'",
    )
    assert limit == 160 << 20 and isinstance(most, int) and 0.98 * (160 << 20) < most <= 160 << 20
    assert kills == 1


def test_events_of_the_recorder_are_memory_events(history: Path) -> None:
    found = rows(history, "SELECT DISTINCT kind, cgroup FROM memory_events WHERE program = 'oomforensics' ORDER BY ALL")
    assert ("cgroup_oom_event", "/shop") in found and ("pressure_event", "/shop") in found


def test_a_recording_read_again_is_the_same(history: Path, tmp_path: Path) -> None:
    db = tmp_path / "h.duckdb"
    shutil.copy(history, db)
    before = counts(db)
    assert "1 already known" in run("ingest", SPOOL, "--db", db)
    assert counts(db) == before


def test_a_recording_that_grows_is_added_to(history: Path, tmp_path: Path) -> None:
    """As `ingest` while the recorder writes; an older copy takes nothing away."""
    whole = SEGMENT.read_bytes()
    spool, db = tmp_path / "spool", tmp_path / "h.duckdb"
    spool.mkdir()
    for size in (len(whole) // 3, 2 * len(whole) // 3, len(whole), len(whole) // 2):
        (spool / SEGMENT.name).write_bytes(whole[:size])
        run("ingest", spool, "--db", db)
    assert counts(db) == counts(history) | {"memory_events": counts(db)["memory_events"]}
    ((ended, longest),) = rows(db, "SELECT max(r.ended_s), max(s.mono_s) FROM recordings AS r, snapshots AS s")
    assert isinstance(ended, float) and isinstance(longest, float) and ended >= longest


def test_a_report_that_spans_two_files_is_one(tmp_path: Path) -> None:
    data = SEGMENT.read_bytes()
    starts = [at for at in range(len(data)) if data.startswith(frame.MAGIC + bytes([frame.VERSION, frame.KMSG]), at)]
    assert starts
    spool, db = tmp_path / "spool", tmp_path / "h.duckdb"
    spool.mkdir()
    (spool / "00000001.oomspool").write_bytes(data[: starts[0]])
    (spool / "00000002.oomspool").write_bytes(data[starts[0] :])
    run("ingest", spool, "--db", db)
    assert counts(db)["incidents"] == 1 and counts(db)["recordings"] == 1


def test_in_an_archive_a_damaged_recording_tells_what_it_holds(tmp_path: Path) -> None:
    data = bytearray(SEGMENT.read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / SEGMENT.name).write_bytes(data)
    packed, db = tmp_path / "bundle.tar.xz", tmp_path / "h.duckdb"
    with tarfile.open(packed, "w:xz") as tar:
        tar.add(tmp_path / SEGMENT.name, f"spool/{SEGMENT.name}")
    run("ingest", packed, "--db", db, code=1)
    ((damaged, source),) = rows(db, "SELECT damaged_bytes + missing_frames, source FROM recordings")
    assert isinstance(damaged, int) and damaged > 0
    assert source == f"{packed}!spool/{SEGMENT.name}"
    assert counts(db)["incidents"] == 1


def test_what_is_no_frame_is_no_crash(tmp_path: Path) -> None:
    spool, db = tmp_path / "00000001.oomspool", tmp_path / "h.duckdb"
    spool.write_bytes(frame.MAGIC + bytes([frame.VERSION]) + b"\xff" * 5000)
    assert "no OOM kill found" in run("ingest", spool, "--db", db)


@pytest.mark.parametrize("shown", ["explain", "md"])
def test_reports_name_the_command_lines(history: Path, tmp_path: Path, shown: str) -> None:
    out = tmp_path / "report"
    if shown == "explain":
        text = run("explain", "--db", history)
    else:
        run("report", "--db", history, "--format", shown, "-o", out)
        text = out.read_text()
    assert "as recorded" in text
    assert "--queue=mail" in text and "--lru" in text
    order = [text.index(f"{name} {pid} (") for name, pid in (("worker", 2320), ("cache", 2302))]
    assert order == sorted(order)


def test_json_has_the_curves(history: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    run("report", "--db", history, "--format", "json", "-o", out)
    recorded = json.loads(out.read_text())["incidents"][0]["recorded"]
    roles = [curve["role"] for curve in recorded["curves"]]
    assert roles == ["killed", "large", "large", "large", "large", "usage", "limit"]
    victim = recorded["curves"][0]
    values = [value for at_s, value in victim["points"] if at_s < 0]
    assert values == sorted(values) and victim["grown_kb"] > 50_000
    assert victim["used_kb"] == values[-1]


def test_names_are_hidden_in_a_redacted_report(history: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    run("report", "--db", history, "--redact", "-o", out)
    text = out.read_text()
    assert "Just before, as recorded" in text
    for secret in ("--queue", "postgres", "/shop", "worker"):
        assert secret not in text
