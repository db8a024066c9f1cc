"""`oomforensics report`"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oomforensics.cli import terminal
from oomforensics.cli.options import Database, Debug, database
from oomforensics.cli.redaction import Redact, RedactKey, key_for
from oomforensics.errors import OomforensicsError, UsageError

if TYPE_CHECKING:
    from oomforensics.history.schema import Connection

    Renderer = Callable[[Connection, Sequence[str]], str]

NAME = "report"
STDOUT = "-"
INDEX = "index.html"


class Format(StrEnum):
    HTML = "html"
    MD = "md"
    JSON = "json"


_BY_SUFFIX = {".html": Format.HTML, ".htm": Format.HTML, ".md": Format.MD, ".json": Format.JSON}


def command(
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where to; - is standard output. With --history a folder, too."
        ),
    ],
    incidents: Annotated[
        list[str] | None, typer.Argument(metavar="[ID…]", help="Incidents by id or its beginning; by default latest.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every incident in the history.")] = False,
    history: Annotated[
        bool, typer.Option("--history", help="What the whole history says, instead of incidents.")
    ] = False,
    form: Annotated[
        Format | None, typer.Option("--format", help="By default what the file's name says, else html.")
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option("--figures", metavar="FOLDER", help="Also the main figures as PNG; needs Chrome or Chromium."),
    ] = None,
    redact: Redact = False,
    redact_key: RedactKey = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    db: Database = None,
    debug: Debug = False,
) -> None:
    """Write an incident report: one HTML file that needs no network, Markdown, or JSON.

    With --history a folder, which exists or ends in /, gets the dashboard as index.html and a page for each incident in it.

    \b
    Example:
      oomforensics report latest -o incident.html
      oomforensics report --all --format md -o -
      oomforensics report --history -o oom-history.html
      oomforensics report --history -o oom-history/
      oomforensics report latest -o incident.md --figures pictures/
      oomforensics report latest --redact -o for-strangers.html
    """
    from oomforensics.history.lookup import LATEST, all_ids, resolve
    from oomforensics.history.store import open_read

    if every + history + bool(incidents) > 1:
        raise UsageError("name incidents, or say --all, or --history")
    target = None if output == STDOUT else Path(output)
    whole_folder = history and target is not None and (output.endswith("/") or target.is_dir())
    if whole_folder and form not in (None, Format.HTML):
        raise UsageError("a folder of pages is HTML")
    taken = target / INDEX if whole_folder and target is not None else target
    if taken is not None and taken.exists() and not force:
        raise UsageError(f"{taken} exists; --force replaces it")
    chosen = form or (_BY_SUFFIX.get(target.suffix.lower(), Format.HTML) if target else Format.HTML)
    path = database(db)
    with open_read(path) as con:
        ids = all_ids(con) if every or history else [resolve(con, one) for one in incidents or [LATEST]]
        if not ids:
            raise UsageError("the history holds no incident yet")
        ids = list(dict.fromkeys(ids))
        key = key_for(path, redact, redact_key)
        render = _overview(chosen) if history else _renderer(chosen)
        with _shown(path, con, key, ids) as (shown, names):
            if figures is not None:
                terminal.say(
                    f"wrote {_write_pictures(shown, None if history else names, figures, force)} pictures into {figures}"
                )
            if whole_folder and target is not None:
                terminal.say(f"wrote {target / INDEX} and {_write_folder(shown, target)} pages beside it")
                return
            text = render(shown, names)
    if target is None:
        terminal.out(text)
    else:
        write(target, text)
        terminal.say(f"wrote {target}")


@contextmanager
def _shown(
    path: Path, con: Connection, key: bytes | None, ids: Sequence[str]
) -> Iterator[tuple[Connection, Sequence[str]]]:
    """The history as it may be shown, and what the incidents are called in it."""
    if key is None:
        yield con, ids
        return
    from oomforensics.history.redact import open_redacted

    with open_redacted(path, key, ids) as redacted:
        yield redacted


def _write_folder(con: Connection, target: Path) -> int:
    """The dashboard last, so that it never links to a page that is not there. How many pages lie beside it."""
    from oomforensics.reports import dashboard

    written = 0
    for path, text in dashboard.folder(con):
        _make((target / path).parent)
        write(target / path, text)
        written += 1
    return written - 1


def _write_pictures(con: Connection, ids: Sequence[str] | None, folder: Path, force: bool) -> int:
    """Of these incidents, or of the whole history. How many."""
    from oomforensics.reports import pictures

    chosen = list(pictures.of_history(con) if ids is None else pictures.of_incidents(con, ids))
    places = [folder / f"{picture.name}.png" for picture in chosen]
    taken = next((place for place in places if place.exists()), None)
    if taken is not None and not force:
        raise UsageError(f"{taken} exists; --force replaces it")
    drawn = pictures.png(chosen)
    _make(folder)
    for place, picture in zip(places, drawn, strict=True):
        write(place, picture)
    return len(chosen)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OomforensicsError(f"{folder} cannot be made: {error.strerror}") from error


def write(target: Path, content: str | bytes) -> None:
    """The whole file or none: a report that was cut off must not pass for one. A pipe or device is written to."""
    in_place = target.exists() and not target.is_file()
    part = target if in_place else target.with_name(f".{target.name}.{os.getpid()}")
    try:
        part.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", errors="backslashreplace"))
        if not in_place:
            part.replace(target)
    except OSError as error:
        if not in_place:
            part.unlink(missing_ok=True)
        raise OomforensicsError(f"{target} cannot be written: {error.strerror}") from error


def _overview(form: Format) -> Renderer:
    from oomforensics.reports import dashboard

    whole = {Format.HTML: dashboard.html, Format.MD: dashboard.markdown, Format.JSON: dashboard.as_json}[form]
    return lambda con, _: whole(con)


def _renderer(form: Format) -> Renderer:
    if form is Format.HTML:
        from oomforensics.reports import html

        return html.render
    if form is Format.MD:
        from oomforensics.reports import markdown

        return markdown.render
    from oomforensics.reports import jsonreport

    return jsonreport.render
