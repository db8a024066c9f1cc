"""A result of SQL as CSV, JSON or Parquet, without losing a digit."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from oomforensics.history.schema import Connection

_CHUNK = 10_000  # rows held at once


@dataclass
class Result:
    """What a query gave: its columns, and its rows once."""

    names: list[str]
    types: list[str]  # as SQL
    chunks: Iterator[list[tuple[Any, ...]]]


def query(con: Connection, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Result:
    found = con.execute(sql, parameters) if parameters else con.execute(sql)
    description = found.description or []
    chunks = iter(lambda: found.fetchmany(_CHUNK), []) if description else iter(())
    return Result(_distinct([column[0] for column in description]), [str(column[1]) for column in description], chunks)


def csv_lines(result: Result) -> Iterator[str]:
    yield _csv([result.names])
    for rows in result.chunks:
        yield _csv([[_csv_value(value) for value in row] for row in rows])


def json_lines(result: Result) -> Iterator[str]:
    """An array of objects, a line each. Only printable ASCII: harmless on a terminal."""
    before = "["
    documents = {at for at, kind in enumerate(result.types) if kind == "JSON"}
    for rows in result.chunks:
        for row in rows:
            values = {
                name: json.loads(value) if at in documents and value is not None else plain(value)
                for at, (name, value) in enumerate(zip(result.names, row, strict=True))
            }
            # DEL is the one control character that ensure_ascii lets through.
            yield f"{before}\n{json.dumps(values)}".replace("\x7f", "\\u007f")
            before = ","
    yield "\n]\n" if before == "," else "[]\n"


def write_parquet(result: Result, target: Path) -> None:
    """Through a database of its own: the connection that ran the query may touch no file."""
    import duckdb
    import pandas as pd

    columns = ", ".join(f"{_quoted(name)} {kind}" for name, kind in zip(result.names, result.types, strict=True))
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(f"SET pandas_analyze_sample = {_CHUNK}")
        con.execute(f"CREATE TABLE result ({columns})")
        for rows in result.chunks:
            by_column = zip(*rows, strict=True)
            frame = pd.DataFrame({at: pd.Series(column, dtype=object) for at, column in enumerate(by_column)})
            con.register("chunk", frame)
            con.execute("INSERT INTO result SELECT * FROM chunk")
            con.unregister("chunk")
        con.execute("COPY result TO ? (FORMAT parquet, COMPRESSION zstd)", [str(target)])


def plain(value: Any) -> Any:
    """`value` as JSON has it: moments in ISO 8601, decimals exact, no NaN."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return float(value) if Decimal(repr(float(value))) == value else str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return value.hex()
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return str(value)


def text(value: Any) -> Any:
    """`value` for one cell: numbers and text as they are, lists and structures as JSON."""
    if value is None or isinstance(value, (bool, int, float, str, Decimal)):
        return value
    value = plain(value)
    return value if isinstance(value, (str, int, float)) else json.dumps(value, ensure_ascii=False)


def _csv_value(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return text(value)


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def _distinct(names: Sequence[str]) -> list[str]:
    """Two columns of one name would be one in JSON."""
    seen: list[str] = []
    for name in names:
        number, unique = 1, name
        while unique in seen:
            number += 1
            unique = f"{name}_{number}"
        seen.append(unique)
    return seen


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
