"""`oomforensics sql`"""

from __future__ import annotations

import sys
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oomforensics.cli import terminal
from oomforensics.cli.options import Database, Debug, database
from oomforensics.errors import OomforensicsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oomforensics.cli.values import Result
    from oomforensics.history.schema import Connection

NAME = "sql"


class Format(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def command(
    query: Annotated[str | None, typer.Argument(metavar="[QUERY]", help="Without it, a prompt.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How to write the result.")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to.")] = None,
    shipped: Annotated[str | None, typer.Option("--run", metavar="NAME", help="Run a shipped query.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the shipped queries.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    db: Database = None,
    debug: Debug = False,
) -> None:
    """Ask the history in SQL (DuckDB's). It is opened for reading, and SQL can reach no other file.

    \b
    Example:
      oomforensics sql "SELECT host, count(*) FROM incidents GROUP BY host"
      oomforensics sql --run top-victims --format csv -o victims.csv
      oomforensics sql --list
    """
    from oomforensics.history.store import open_read

    if listed:
        for name, text in _shipped().items():
            terminal.out(f"{name:<16} {_title(text)}\n")
        return
    if query is not None and shipped is not None:
        raise UsageError("give a query or --run NAME, not both")
    if output is not None and output.exists() and not force:
        raise UsageError(f"{output} exists; --force replaces it")
    form = Format.JSON if as_json else form
    if form is Format.PARQUET and output is None:
        raise UsageError("Parquet goes to a file: name it with -o FILE")
    asked = _shipped_query(shipped) if shipped is not None else query
    with open_read(database(db), locked=True) as con:
        if asked is None:
            _Prompt(con, form).run()
        else:
            _answer(con, asked, form, output)


def _shipped() -> dict[str, str]:
    folder = resources.files("oomforensics.history").joinpath("queries")
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {file.name.removesuffix(".sql"): file.read_text("utf-8") for file in files if file.name.endswith(".sql")}


def _title(sql: str) -> str:
    return sql.splitlines()[0].removeprefix("-- ")


def _shipped_query(name: str) -> str:
    known = _shipped()
    if name not in known:
        raise UsageError(f"no shipped query {name!r}; there are {', '.join(known)}")
    return known[name]


def _answer(con: Connection, sql: str, form: Format, output: Path | None) -> None:
    import duckdb

    from oomforensics.cli import values

    try:
        result = values.query(con, sql)
        if output is None:
            for text in _text(result, form):
                terminal.out(text)
        else:
            _write(result, form, output)
    except duckdb.Error as error:
        raise UsageError(_one_line(str(error))) from error


def _one_line(message: str) -> str:
    """DuckDB's message up to its drawing of where in the query."""
    head = message.split("\n\n")[0]
    return " ".join(line.strip() for line in head.splitlines())


def _write(result: Result, form: Format, output: Path) -> None:
    from oomforensics.cli import values

    try:
        if form is Format.PARQUET:
            values.write_parquet(result, output)
            return
        with output.open("w", encoding="utf-8", newline="", errors="backslashreplace") as file:
            file.writelines(_text(result, form))
    except OSError as error:
        raise OomforensicsError(f"{output} cannot be written: {error.strerror}") from error


def _text(result: Result, form: Format) -> Iterator[str]:
    from oomforensics.cli import tables, values

    if form is Format.JSON:
        return values.json_lines(result)
    if form is Format.CSV:
        lines = values.csv_lines(result)
        # A file gets the exact values; a terminal must not obey them.
        return map(terminal.safe_lines, (line.removesuffix("\n") for line in lines)) if sys.stdout.isatty() else lines
    rows = [[values.text(value) for value in row] for chunk in result.chunks for row in chunk]
    return tables.render(result.names, rows, terminal.table_width()) if result.names else iter(())


class _Prompt:
    """Reads statements until the end of input; also from a pipe, where it says nothing of its own."""

    HELP = "Statements end with ;   .tables lists what can be asked   .quit leaves\n"

    def __init__(self, con: Connection, form: Format) -> None:
        self._con = con
        self._form = form
        self._interactive = sys.stdin.isatty()
        self._failed = False

    def run(self) -> None:
        if self._interactive:
            import readline  # noqa: F401  (input() gets editing and history from it)

            sys.stderr.write(self.HELP)
        pending = ""
        while (line := self._line(bool(pending))) is not None:
            if not pending and line.strip().startswith("."):
                if not self._dot(line.strip()):
                    break
                continue
            pending = f"{pending}\n{line}" if pending else line
            if pending.rstrip().endswith(";"):
                self._run(pending)
                pending = ""
            elif not pending.strip():
                pending = ""
        if pending.strip():
            self._run(pending)
        if self._failed and not self._interactive:
            raise typer.Exit(UsageError.exit_code)

    def _line(self, continued: bool) -> str | None:
        if not self._interactive:
            line = sys.stdin.readline()
            return line.rstrip("\n") if line else None
        try:
            return input("  ... " if continued else "oom> ")
        except EOFError:
            sys.stderr.write("\n")
            return None

    def _dot(self, command: str) -> bool:
        """Whether to go on."""
        if command in (".quit", ".exit"):
            return False
        if command == ".tables":
            self._run("SELECT view_name AS name, comment FROM duckdb_views() WHERE NOT internal ORDER BY name")
        else:
            sys.stderr.write(self.HELP)
        return True

    def _run(self, statement: str) -> None:
        try:
            _answer(self._con, statement, self._form, None)
        except UsageError as error:
            terminal.say(str(error))
            self._failed = True
