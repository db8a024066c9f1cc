"""Writes docs/tables.md from the comments on views and macros: `python -m tests.support.table_docs`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oomforensics.history.schema import Connection
from oomforensics.history.store import open_read, open_write

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tables.md"
_INTRO = """# Tables

Made from the comments in `oomforensics/history/` (views.sql, macros.sql) by `python -m tests.support.table_docs`; do not
edit by hand.

`oomforensics sql` reads these views. NULL means not printed, lost or not known; 0 means that the kernel said zero.
"""
_MACROS = """
# Macros

The kernels' model in SQL: what [the kernels of each era](kernel-eras.md) compute, to be asked with other inputs. `eras`,
`selections` and the macros are not part of the history: `oomforensics sql` makes them when it opens one of any age.

    -- who would have been next, and who goes first with other values
    FROM oom_rank('5e9f0c1a2b3d4e5f');
    FROM oom_rank('5e9f0c1a2b3d4e5f', name := 'sshd', adj := -500);
    FROM oom_rank('5e9f0c1a2b3d4e5f', pattern := 'postgres*', adj := -900);

    -- the first choice of every incident, had every java had oom_score_adj 500
    SELECT incident_id, victim_comm, now.comm
    FROM incidents, oom_rank(incident_id, name := 'java', adj := 500) AS now
    WHERE now.rank = 1;

    -- how far a candidate was from oom_score_adj 0
    SELECT pid, badness_pages,
           oom_badness(era, oom_charged_pages(era, page_size, rss_pages, swapents_pages, nr_ptes, nr_pmds, pgtables_bytes),
                       0, totalpages, has_root := uid = 0, root_bonus := root_bonus) AS badness_at_0
    FROM candidates JOIN incidents USING (incident_id) JOIN selections USING (incident_id)
    WHERE refused IS NULL;

In how many incidents -500 would have saved sshd, and who would have been chosen instead:
`oomforensics sql --run saved-by-adj --param comm=sshd --param adj=-500`.

Only a selection that can be repeated exactly is repeated; `selections.refused` says why another is not. All else stays as
the report prints it.
"""
_CONTRACT = ("incidents", "candidates", "kills", "memory_events", "findings", "sources")


def page() -> str:
    with _empty_history() as con:
        views = dict(
            con.execute(
                "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal AND comment IS NOT NULL ORDER BY view_name"
            ).fetchall()
        )
        columns = con.execute(
            "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal "
            "ORDER BY table_name, column_index"
        ).fetchall()
        macros = con.execute(
            "SELECT function_name, parameters, comment FROM duckdb_functions() "
            "WHERE NOT internal AND comment IS NOT NULL ORDER BY function_name"
        ).fetchall()
    text = _INTRO
    for view in sorted(
        views, key=lambda name: (name not in _CONTRACT, _CONTRACT.index(name) if name in _CONTRACT else 0, name)
    ):
        text += f"\n## {view}\n{views[view]}.\n\n| column | type | meaning |\n|---|---|---|\n"
        text += "".join(
            f"| `{name}` | {kind} | {comment} |\n" for table, name, kind, comment in columns if table == view
        )
    text += _MACROS
    for name, parameters, comment in macros:
        text += f"\n## {name}({', '.join(parameters)})\n{comment}.\n"
    return text


@contextmanager
def _empty_history() -> Iterator[Connection]:
    """As `oomforensics sql` opens it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.duckdb"
        with open_write(path):
            pass
        with open_read(path, locked=True) as con:
            yield con


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
