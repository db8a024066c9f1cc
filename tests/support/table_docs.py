"""Writes docs/tables.md from the comments on the views: `python -m tests.support.table_docs`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from oomforensics.history.store import open_write

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tables.md"
_INTRO = """# Tables

Made from the comments in `oomforensics/history/views.sql` by `python -m tests.support.table_docs`; do not edit by hand.

`oomforensics sql` reads these views. NULL means not printed, lost or not known; 0 means that the kernel said zero.
"""
_CONTRACT = ("incidents", "candidates", "kills", "memory_events", "findings", "sources")


def page() -> str:
    with tempfile.TemporaryDirectory() as folder, open_write(Path(folder) / "empty.duckdb") as con:
        views = dict(
            con.execute(
                "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal ORDER BY view_name"
            ).fetchall()
        )
        columns = con.execute(
            "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal "
            "ORDER BY table_name, column_index"
        ).fetchall()
    text = _INTRO
    for view in sorted(
        views, key=lambda name: (name not in _CONTRACT, _CONTRACT.index(name) if name in _CONTRACT else 0, name)
    ):
        text += f"\n## {view}\n{views[view]}.\n\n| column | type | meaning |\n|---|---|---|\n"
        text += "".join(
            f"| `{name}` | {kind} | {comment} |\n" for table, name, kind, comment in columns if table == view
        )
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
