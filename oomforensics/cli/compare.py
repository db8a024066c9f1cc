"""`oomforensics compare`"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from oomforensics.cli import tables, terminal
from oomforensics.cli.options import Database, Debug, Json, database

if TYPE_CHECKING:
    from oomforensics.reports.compare import Comparison

NAME = "compare"


def command(
    first: Annotated[str, typer.Argument(metavar="ID", help="An incident's id or its beginning, or latest.")],
    second: Annotated[str, typer.Argument(metavar="ID", help="The other.")],
    db: Database = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show two incidents side by side: what is the same, what differs, and whose memory changed.

    \b
    Example:
      oomforensics compare 5e9f0c1a latest
    """
    from oomforensics.history.lookup import resolve
    from oomforensics.history.store import open_read
    from oomforensics.reports.compare import compare

    with open_read(database(db)) as con:
        found = compare(con, resolve(con, first), resolve(con, second))
    terminal.out(json.dumps(found.plain(), indent=2) + "\n" if as_json else _shown(found))


def _shown(found: Comparison) -> str:
    from oomforensics.reports import units
    from oomforensics.reports.compare import largest

    marks = {True: "=", False: "≠", None: "?"}
    lines = [[line.label, marks[line.same], line.first, line.second] for line in found.lines]
    text = terminal.safe(found.sentence) + "\n\n"
    text += "".join(tables.render(["", "", found.first_id, found.second_id], lines, terminal.table_width()))
    changed = largest(found)
    if changed:
        rows = [
            [
                group.comm,
                group.first_count,
                units.kb(group.first_kb),
                group.second_count,
                units.kb(group.second_kb),
                "?" if group.change_kb is None else f"{'+' if group.change_kb > 0 else ''}{units.kb(group.change_kb)}",
            ]
            for group in changed
        ]
        text += "\nMemory and swap by name, the largest change first\n\n"
        header = ["name", "first", "used", "second", "used", "change"]
        text += "".join(tables.render(header, rows, terminal.table_width()))
    return text
