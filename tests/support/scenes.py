"""Incidents as the analysis sees them after an ingest, for tests: the real reports, and scenes made by hand."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Any

from oomforensics.analysis.scene import Scene
from oomforensics.analysis.task_table import TaskTable
from oomforensics.history import scenes
from oomforensics.history.store import open_read
from oomforensics.ingest import ingest
from oomforensics.parsers import meminfo
from oomforensics.parsers.facts import MemInfo
from tests.support.samples import FIXTURES, corpus_logs

_NEEDED: dict[str, Any] = {
    "incident_id": "made", "scope": "global", "verdict": "highest_badness", "complete": True, "missing": (), "outcomes": (),
    "call_trace": (), "source": "made.log", "line_start": 1, "line_end": 99, "page_size": 4096,
    "kernel_release": "6.1.0-50-cloud-amd64", "era": "5.9-6.1",
}  # fmt: skip


def made(**values: Any) -> Scene:
    """A scene that says only this."""
    empty = {field.name: None for field in fields(Scene) if field.name in _SCALARS}
    tasks = TaskTable.of(values.pop("processes", ()))
    return Scene(**(empty | _NEEDED | values), processes=tasks)


_SCALARS = {field.name for field in fields(Scene)} - {
    "meminfo", "memcg_stats", "processes", "kills", "facts", "neighbours", "told",
}  # fmt: skip


def printed(text: str) -> MemInfo:
    """Mem-Info as the parser reads it."""
    info = MemInfo(line=1)
    for number, line in enumerate(filter(None, text.splitlines()), 2):
        assert meminfo.take(info, line, number), line
    return info


def ingested(paths: Sequence[Path]) -> list[Scene]:
    """The incidents of these logs, from a history of their own."""
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "h.duckdb"
        ingest([str(path) for path in paths], db=db, timezone=UTC)
        with open_read(db) as con:
            ids = [
                name
                for (name,) in con.execute("SELECT incident_id FROM incidents ORDER BY source, line_start").fetchall()
            ]
            found = {scene.incident_id: scene for scene in scenes.load(con, ids)}
            return [found[name] for name in ids]


@cache
def of_kernels() -> dict[str, list[Scene]]:
    """What real kernels printed, by `kernel/scenario`."""
    by_run: dict[str, list[Scene]] = {}
    for scene in ingested(sorted(FIXTURES.glob("kernels/*/*/dmesg.log"))):
        folder = Path(scene.source).parent
        by_run.setdefault(f"{folder.parent.name}/{folder.name}", []).append(scene)
    return by_run


@cache
def of_corpus() -> list[Scene]:
    """Field reports, where they are at hand."""
    logs = corpus_logs()
    return ingested(logs) if logs else []
