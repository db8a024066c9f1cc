"""`oomforensics sql`"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oomforensics.cli import terminal
from oomforensics.cli.options import Database, Debug, database
from oomforensics.errors import OomforensicsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from oomforensics.cli.values import Result
    from oomforensics.history.schema import Connection
    from oomforensics.history.shipped import Shipped

NAME = "sql"
_LISTING = """
    SELECT view_name AS name, comment FROM duckdb_views() WHERE NOT internal AND comment IS NOT NULL
    UNION ALL
    SELECT function_name || '(' || list_aggregate(parameters, 'string_agg', ', ') || ')', comment
    FROM duckdb_functions() WHERE NOT internal AND comment IS NOT NULL
    ORDER BY name
"""


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
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="Text for $NAME. May be repeated.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the shipped queries.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    db: Database = None,
    debug: Debug = False,
) -> None:
    """Ask the history in SQL (DuckDB's). It is opened for reading, and SQL can reach no other file.

    Beside the tables there are macros that score and select as the kernels do: oom_badness, oom_score, oom_rank.

    \b
    Example:
      oomforensics sql "SELECT host, count(*) FROM incidents GROUP BY host"
      oomforensics sql --run top-victims --format csv -o victims.csv
      oomforensics sql --run saved-by-adj --param comm=sshd --param adj=-500
      oomforensics sql --list
    """
    from oomforensics.history.shipped import shipped as all_shipped
    from oomforensics.history.store import open_read

    if listed:
        queries = all_shipped().values()
        width = max(len(one.name) for one in queries)
        for one in queries:
            takes = "".join(f"  ${name}={it.default}" for name, it in one.parameters.items())
            terminal.out(f"{one.name:<{width}}  {one.title}{takes}\n")
        return
    if query is not None and shipped is not None:
        raise UsageError("give a query or --run NAME, not both")
    if output is not None and output.exists() and not force:
        raise UsageError(f"{output} exists; --force replaces it")
    form = Format.JSON if as_json else form
    if form is Format.PARQUET and output is None:
        raise UsageError("Parquet goes to a file: name it with -o FILE")
    given = _given(param or [])
    if shipped is not None:
        known = _known(all_shipped(), shipped)
        query, given = known.sql, known.values(given)
    elif query is None and given:
        raise UsageError("--param is for a query or --run NAME")
    with open_read(database(db), locked=True) as con:
        if query is None:
            _Prompt(con, form).run()
        else:
            _answer(con, query, form, output, given)


def _given(texts: Sequence[str]) -> dict[str, str]:
    given = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name.isidentifier() or not equals:
            raise UsageError(f"--param {text!r} is not NAME=VALUE")
        given[name] = value
    return given


def _known(queries: Mapping[str, Shipped], name: str) -> Shipped:
    if name not in queries:
        raise UsageError(f"no shipped query {name!r}; there are {', '.join(queries)}")
    return queries[name]


def _answer(
    con: Connection, sql: str, form: Format, output: Path | None, given: Mapping[str, str] | None = None
) -> None:
    import duckdb

    from oomforensics.cli import values

    try:
        result = values.query(con, sql, given or {})
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
            self._run(_LISTING)
        else:
            sys.stderr.write(self.HELP)
        return True

    def _run(self, statement: str) -> None:
        try:
            _answer(self._con, statement, self._form, None)
        except UsageError as error:
            terminal.say(str(error))
            self._failed = True
