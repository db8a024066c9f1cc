"""Real recordings in which it is known who grew, and how: from the spool to the history and every report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from oomforensics.history import growth as kept
from oomforensics.ingest import ingest
from tests.e2e.test_cli_commands import run
from tests.kernels.grown import SCENES
from tests.support.recordings import SCENARIOS
from tests.support.samples import FIXTURES

MIB = 1 << 20
RECORDINGS = FIXTURES / "recordings"


def read(db: Path, sql: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(db), read_only=True) as con:
        found = con.execute(sql)
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {}
    for name in SCENARIOS:
        made[name] = tmp_path_factory.mktemp("grew") / f"{name}.duckdb"
        ingest([str(RECORDINGS / f"grew-{name}")], db=made[name])
    return made


def verdict(db: Path) -> dict[str, Any]:
    (found,) = read(db, "SELECT growth_verdicts.*, victim_comm FROM growth_verdicts JOIN incidents USING (incident_id)")
    return found


def series(db: Path) -> dict[str, dict[str, Any]]:
    return {row["who"]: row for row in read(db, "FROM growth WHERE kind = 'command'")}


def test_a_leak_is_the_culprit_though_a_bystander_was_killed(histories: dict[str, Path]) -> None:
    found = verdict(histories["leak"])
    assert found["victim_comm"] == "postgres" and found["culprit"].startswith("indexer (pid ")
    assert (found["culprit_kind"], found["shape"]) == ("process", "leak")
    assert found["not_known"] == [] and "It grew steadily" in found["text"]
    # What was left when it began, at the rate at which it and the others took it, lasted until the kill.
    assert found["inevitable_low_s"] < found["inevitable_from_s"] < found["inevitable_high_s"]
    assert found["inevitable_from_s"] == pytest.approx(-37, abs=4)


def test_a_burst_is_told_from_a_leak_beside_it(histories: dict[str, Path]) -> None:
    found = verdict(histories["burst"])
    assert found["victim_comm"] == "report" and found["culprit"].startswith("report (pid ")
    assert found["shape"] == "burst" and found["share"] > 0.5
    assert -4 < found["inevitable_low_s"] < found["inevitable_from_s"] < found["inevitable_high_s"] < -1
    (seen,) = read(histories["burst"], f"FROM growth WHERE who = '{found['culprit']}'")
    assert seen["slope_low_bytes_per_s"] is not None, "by the looks that the recorder took while it lasted"


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("leak", {"indexer": "leak", "postgres": "plateau", "java": "noise"}),
        ("burst", {"report": "burst", "indexer": "leak", "postgres": "plateau", "java": "noise"}),
    ],
)
def test_each_process_grew_as_its_program_says(histories: dict[str, Path], name: str, shapes: dict[str, str]) -> None:
    found = series(histories[name])
    assert {who: row["shape"] for who, row in found.items()} == shapes
    for one in SCENARIOS[name].processes:
        if shapes[one.name] == "leak":
            rate = found[one.name]["slope_bytes_per_s"] / MIB
            assert 0.9 / one.pause_s < rate <= 1.02 / one.pause_s, "a sleep may be late, never early"


@pytest.mark.parametrize("name", ["burst", "leak"])
def test_the_last_values_are_those_of_the_kernels_table(histories: dict[str, Path], name: str) -> None:
    """The kernel's own report of the same moment is the independent source."""
    rows = read(
        histories[name],
        """
        SELECT growth.end_bytes, (rss_anon_pages + swapents_pages) * page_size AS printed_bytes
        FROM growth JOIN candidates USING (incident_id, pid) JOIN incidents USING (incident_id) WHERE growth.kind = 'process'
        """,
    )
    assert len(rows) == len(SCENARIOS[name].processes)
    for row in rows:
        assert row["end_bytes"] == pytest.approx(row["printed_bytes"], abs=5 * MIB)  # of a look up to 50 ms before


@pytest.mark.parametrize("name", ["burst", "leak"])
def test_the_processes_make_up_what_was_charged(histories: dict[str, Path], name: str) -> None:
    (scope,) = read(histories[name], "FROM growth WHERE kind = 'scope'")
    processes = read(histories[name], "SELECT sum(grown_bytes)::BIGINT AS grown FROM growth WHERE kind = 'process'")
    assert processes[0]["grown"] == pytest.approx(scope["grown_bytes"], rel=0.06)


@pytest.mark.parametrize("name", SCENES)
def test_whole_machines_and_cgroup_v2(name: str, tmp_path: Path) -> None:
    """Recordings of guests of Linux 7.2: the truth is the script of their processes."""
    scene, db = SCENES[name], tmp_path / "h.duckdb"
    ingest([str(RECORDINGS / f"grown-{name}")], db=db)
    found = verdict(db)
    assert found["victim_comm"] == scene.victim and found["culprit"].startswith(f"{scene.culprit} (pid ")
    assert (found["culprit_kind"], found["shape"], found["seen_in"]) == ("process", "leak", "recording")
    assert read(db, "SELECT scope, verdict FROM incidents") == [
        {"scope": "memcg" if scene.limit_mib else "global", "verdict": "highest_badness"}
    ]
    grown = series(db)
    for one in scene.processes:
        assert grown[one.name]["shape"] == ("leak" if one.mib_s else "plateau")
        if one.mib_s:
            rate = grown[one.name]["slope_bytes_per_s"] / MIB
            assert 0.8 * one.mib_s < rate <= 1.02 * one.mib_s, "a sleep may be late, never early"
    names = ", ".join(f"'{one.name}'" for one in scene.processes)
    printed = read(
        db,
        f"""
        SELECT end_bytes, (rss_anon_pages + swapents_pages) * page_size AS printed_bytes
        FROM growth JOIN candidates USING (incident_id, pid) JOIN incidents USING (incident_id)
        WHERE growth.kind = 'process' AND comm IN ({names})
        """,
    )
    assert len(printed) == len(scene.processes)
    for row in printed:
        assert row["end_bytes"] == pytest.approx(row["printed_bytes"], abs=2 * MIB)
    out = tmp_path / "r.md"
    run("report", "--db", db, "--format", "md", "-o", out)
    assert scene.culprit in out.read_text().partition("## Who grew")[2].partition("\n## ")[0]


def test_the_same_recording_again_changes_nothing(histories: dict[str, Path], tmp_path: Path) -> None:
    db = tmp_path / "h.duckdb"
    ingest([str(RECORDINGS / "grew-leak")], db=db)
    before = read(db, "FROM t_growth"), read(db, "FROM t_growth_verdicts")
    ingest([str(RECORDINGS / "grew-leak")], db=db)
    assert (read(db, "FROM t_growth"), read(db, "FROM t_growth_verdicts")) == before


def test_what_a_killed_ingest_did_not_make_the_next_one_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = tmp_path / "h.duckdb"
    with monkeypatch.context() as broken:
        broken.setattr(kept, "derive", lambda con, stopped: None)
        ingest([str(RECORDINGS / "grew-leak")], db=db)
    assert verdict(db)["culprit"] is None and verdict(db)["not_known"]
    log = tmp_path / "other.log"
    log.write_text("[    1.0] nothing\n")
    ingest([str(log)], db=db)
    assert verdict(db)["culprit"].startswith("indexer (pid ")


def test_a_report_that_came_before_its_recording(tmp_path: Path) -> None:
    """The kernel's log alone first: then the recording of it comes, and its answer with it."""
    whole, db = tmp_path / "whole.duckdb", tmp_path / "h.duckdb"
    ingest([str(RECORDINGS / "grew-burst")], db=whole)
    lines = read(whole, "SELECT text FROM report_lines ORDER BY seq")
    ((uptime_s,),) = [tuple(row.values()) for row in read(whole, "SELECT uptime_s FROM incidents")]
    log = tmp_path / "dmesg"
    log.write_text("".join(f"[{uptime_s:12.6f}] {row['text']}\n" for row in lines))
    ingest([str(log)], db=db)
    assert verdict(db)["not_known"][0].startswith("no_recording: ")
    ingest([str(RECORDINGS / "grew-burst")], db=db)
    assert verdict(db)["shape"] == "burst"


def test_every_report_says_who_grew(histories: dict[str, Path], tmp_path: Path) -> None:
    db = histories["leak"]
    told = " ".join(run("explain", "--db", db).stdout.split())
    assert "Who grew" in told and "a second, leak, " in told
    texts = {}
    for kind in ("html", "md", "json"):
        out = tmp_path / f"r.{kind}"
        run("report", "--db", db, "--format", kind, "-o", out)
        texts[kind] = out.read_text()
    assert "Who grew</h" in texts["html"] and "## Who grew" in texts["md"]
    assert "It grew steadily" in texts["html"] and "It grew steadily" in texts["md"]
    told_json = json.loads(texts["json"])["incidents"][0]["growth"]
    assert told_json["shape"] == "leak" and told_json["culprit"].startswith("indexer (pid ")
    assert {one["kind"] for one in told_json["series"]} == {"process", "command", "cgroup", "user", "scope"}


def test_names_are_hidden_and_sentences_stay(histories: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "r.md"
    run("report", "--db", histories["burst"], "--redact", "--format", "md", "-o", out)
    text = out.read_text()
    section = text[text.index("## Who grew") : text.index("## The arithmetic")]
    for secret in ("report (", "indexer", "postgres", "java", "grew-burst"):
        assert secret not in section
    assert "It grew in a burst from 1.9 s before the kill on, by 56.82 MiB/s (55.59 to 57.60)." in section
    assert " grew by 139.6 MiB in the 39.1 s that were recorded before the kill, from 0.0 MiB to 139.6 MiB" in section
