"""`oomforensics demo`"""

from __future__ import annotations

from datetime import UTC
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from oomforensics.cli import report, terminal
from oomforensics.cli.options import Debug
from oomforensics.errors import OomforensicsError

NAME = "demo"


def command(
    output: Annotated[
        Path, typer.Option("--output", metavar="DIR", help="Folder for the history and the report.")
    ] = Path("oomforensics-demo"),
    debug: Debug = False,
) -> None:
    """Show what it does on a real log that comes with it: read it, explain the kill, write the report.

    \b
    Example:
      oomforensics demo --output /tmp/demo
    """
    from oomforensics.history.lookup import LATEST, resolve
    from oomforensics.history.store import open_read
    from oomforensics.ingest import ingest
    from oomforensics.reports import html, text

    history, page = output / "history.duckdb", output / "report.html"
    with resources.as_file(resources.files("oomforensics").joinpath("data", "demo.log")) as log:
        if not log.is_file():
            raise OomforensicsError("this copy of oomforensics comes without the demo's log")
        ingest([str(log)], db=history, timezone=UTC)
    with open_read(history) as con:
        incident_id = resolve(con, LATEST)
        terminal.out(text.explain(con, incident_id, terminal.prose_width(), colour=terminal.colour()))
        report.write(page, html.render(con, [incident_id]))
    terminal.out(f"\nHistory: {terminal.show_path(history)}\nReport:  {terminal.show_path(page)}\n")
