"""What is stored of a log that runs from its newest line to its oldest is what is stored of the same log forwards."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from oomforensics.history.redact import open_redacted
from oomforensics.history.store import open_read
from oomforensics.ingest import ingest
from tests.support.variants import FIXTURES, FRAMINGS, lines, written

_KERNEL = FIXTURES / "kernels" / "6.12.107+deb13-cloud-amd64"
_VIEWS = (
    "incidents",
    "kills",
    "candidates",
    "memory_balance",
    "allocation_zones",
    "findings",
    "memory_events",
    "report_lines",
)
_PLACES = (
    "source",
    "line",
    "line_start",
    "line_end",
    "event_id",
    "evidence",
    "evidence_lines",
    "meminfo",
    "memcg_stats",
)  # where it stands in its file


def stored(folder: Path, name: str, data: bytes) -> tuple[dict[str, list[Any]], list[str]]:
    (folder / name).mkdir()
    (folder / name / "x.log").write_bytes(data)
    db = folder / f"{name}.duckdb"
    ingest([str(folder / name)], db=db, timezone=UTC)
    with open_read(db) as con:
        said = {view: sorted(con.execute(f"SELECT COLUMNS(lambda c: c NOT IN {_PLACES}) FROM {view}").fetchall(), key=repr)
                for view in _VIEWS}  # fmt: skip
        problems = [reason for (reason,) in con.execute("SELECT unnest(problems).reason FROM sources").fetchall()]
    return said, problems


@pytest.mark.parametrize("form", ["dmesg", "syslog", "syslog without uptime", "journal json"])
@pytest.mark.parametrize("scenario", ["cascade", "memcg-v2-storm", "memcg-v2-oom-group", "global-no-swap"])
def test_the_same_is_stored(form: str, scenario: str, tmp_path: Path) -> None:
    data = written(lines(_KERNEL / scenario), FRAMINGS[form])
    forwards, _ = stored(tmp_path, "forwards", data)
    found, problems = stored(tmp_path, "backwards", b"".join(reversed(data.splitlines(keepends=True))))
    for view in _VIEWS:
        assert found[view] == forwards[view], view
    assert ["read from its end" in problem for problem in problems] == [True]


def test_a_redacted_copy_says_so_too(tmp_path: Path) -> None:
    data = written(lines(_KERNEL / "global-no-swap"), FRAMINGS["syslog"])
    said, problems = stored(tmp_path, "backwards", b"".join(reversed(data.splitlines(keepends=True))))
    with open_redacted(tmp_path / "backwards.duckdb", b"k" * 32, [said["incidents"][0][0]]) as (con, _):
        assert con.execute("SELECT unnest(problems).reason FROM sources").fetchall() == [(problems[0],)]
