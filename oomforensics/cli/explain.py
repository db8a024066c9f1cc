"""`oomforensics explain`"""

from __future__ import annotations

from typing import Annotated

import typer

from oomforensics.cli import terminal
from oomforensics.cli.options import Database, Debug, Json, database

NAME = "explain"


def command(
    incident: Annotated[
        str, typer.Argument(metavar="[ID]", help="An incident's id or its beginning, or latest.")
    ] = "latest",
    db: Database = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Say why that process was killed: the verdict, its arithmetic, and the lines it rests on.

    \b
    Example:
      oomforensics explain latest
      oomforensics explain 5e9f0c1a
    """
    from oomforensics.history.lookup import resolve
    from oomforensics.history.store import open_read
    from oomforensics.reports import jsonreport, text

    with open_read(database(db)) as con:
        incident_id = resolve(con, incident)
        if as_json:
            terminal.out(jsonreport.render(con, [incident_id]))
        else:
            terminal.out(text.explain(con, incident_id, terminal.prose_width(), colour=terminal.colour()))
