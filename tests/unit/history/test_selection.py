"""Stored incidents of real kernels: repeating the selection without a change gives the process that died."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path

import pytest

from oomforensics.errors import UsageError
from oomforensics.history.lookup import all_ids
from oomforensics.history.selection import selection_of
from oomforensics.history.store import open_read
from oomforensics.ingest import ingest
from tests.support.figures import figures
from tests.support.samples import FIXTURES


def killed_by(source: str) -> set[int]:
    """Pids that the laboratory saw die, from outside the log."""
    truth = json.loads((Path(source).parent / "truth.json").read_text(encoding="utf-8", errors="surrogateescape"))
    return {one["pid"] for one in truth["killed"]}


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "h.duckdb"
    ingest([str(FIXTURES / "kernels")], db=path, timezone=UTC)
    return path


def test_repeating_the_selection_of_real_kernels(db: Path) -> None:
    repeated, refused = 0, set()
    with open_read(db) as con:
        for incident_id in all_ids(con):
            try:
                stored = selection_of(con, incident_id)
            except UsageError as error:
                refused.add(str(error).split(":")[0])
                continue
            repeated += 1
            chosen = stored.selection.chosen()
            row = con.execute("SELECT source FROM incidents WHERE incident_id = ?", [incident_id]).fetchone()
            assert row is not None
            died = killed_by(row[0])
            if chosen is None:
                assert stored.verdict == "none_killable"
            else:
                # A row is a thread of the process where the leader had exited.
                tgid = next(one.tgid for one in stored.selection.table.rows if one.pid == chosen)
                assert tgid in died, (incident_id, row[0])
                saved = stored.selection.saving_adj(chosen)
                assert saved is not None
                assert stored.selection.with_adj({chosen: saved}).chosen() != chosen
            era = stored.selection.hypothesis.era
            total, _ = stored.sizes.total(era)
            assert total == stored.totalpages
            again = stored.selection.on(era, total, is_memcg=stored.sizes.is_memcg)
            assert figures(stored.selection.order()) in [figures(one.order()) for one in again]
            for bound in stored.shortage.bounds():
                assert bound.at_least_bytes > 0
    assert repeated > 300
    assert refused <= {
        "nothing to repeat (insufficient_data)", "nothing to repeat (oom_origin)",
        "nothing to repeat (allocating_task)", "the report lacks what an exact selection needs",
    }  # fmt: skip
