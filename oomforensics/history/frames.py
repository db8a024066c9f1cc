"""Rows -> a typed pandas frame -> one INSERT. A None stays NULL and never turns a column of integers into floats.

Measured for 100 candidates of 30 columns: 0.5 ms by such a frame, 2 ms by DuckDB's Appender, 60 ms by executemany.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from oomforensics.history.schema import Connection
from oomforensics.parsers.text import clean

Row = Sequence[Any]

_INT64 = range(-(2**63), 2**63)
_MOMENTS = range(0, 253_402_300_800_000_000)  # microseconds; to the year 9999
_JSON_NUL = "\\u0000"
_FRAME = "new_frame"
NEW = "new_rows"


class Kind(StrEnum):
    """How a column comes from Python; how it is stored is said by the table."""

    INT = "int"  # out of 64 bits (a log can say anything): NULL
    SMALL = "small"  # out of 32 bits: NULL
    FLOAT = "float"
    BOOL = "bool"
    TEXT = "text"
    MOMENT = "moment"  # UTC microseconds since 1970
    TEXTS = "texts"
    INTS = "ints"
    FLOATS = "floats"
    JSON = "json"


# From the frame's column to the table's.
_SQL = {
    Kind.SMALL: "TRY_CAST({} AS INTEGER)",
    Kind.MOMENT: "make_timestamp({}) AT TIME ZONE 'UTC'",
    Kind.TEXTS: "from_json({}, '[\"VARCHAR\"]')",
    Kind.INTS: "from_json({}, '[\"BIGINT\"]')",
    Kind.FLOATS: "from_json({}, '[\"DOUBLE\"]')",
    Kind.JSON: "CAST({} AS JSON)",
}

Columns = dict[str, Kind]


def columns(**names: str) -> Columns:
    """A table's columns, in order: `columns(text="host boot_id", int="line")` within each kind."""
    return {name: Kind(kind) for kind, listed in names.items() for name in listed.split()}


def insert(con: Connection, table: str, spec: Columns, rows: Iterable[Row]) -> None:
    """Append `rows`, whose values stand in the order of `spec`."""
    names = ", ".join(f'"{name}"' for name in spec)
    run(con, spec, rows, f"INSERT INTO {table} ({names}) FROM {NEW}")


def run(con: Connection, spec: Columns, rows: Iterable[Row], sql: str) -> list[tuple[Any, ...]]:
    """Run `sql`, which finds `rows` under the name NEW; not at all when there are none."""
    by_column = list(zip(*rows, strict=True))
    if not by_column:
        return []
    data = {name: _ARRAYS[kind](values) for (name, kind), values in zip(spec.items(), by_column, strict=True)}
    select = ", ".join(f'{_SQL.get(kind, "{}")} AS "{name}"'.format(f'"{name}"') for name, kind in spec.items())
    con.register(_FRAME, pd.DataFrame(data, copy=False))
    found = con.execute(f"WITH {NEW} AS NOT MATERIALIZED (SELECT {select} FROM {_FRAME}) {sql}").fetchall()
    con.unregister(_FRAME)  # not after a failure: then nothing but ROLLBACK is allowed
    return found


def _int(values: Row) -> Any:
    try:
        return _masked(values, np.int64, pd.arrays.IntegerArray)
    except OverflowError:
        kept = [value if value is not None and value in _INT64 else None for value in values]
        return _masked(kept, np.int64, pd.arrays.IntegerArray)


def _moment(values: Row) -> Any:
    return _int([value if value is not None and value in _MOMENTS else None for value in values])


def _float(values: Row) -> Any:
    return _masked(values, np.float64, pd.arrays.FloatingArray)


def _bool(values: Row) -> Any:
    return _masked(values, np.bool_, pd.arrays.BooleanArray)


def _masked(values: Row, dtype: type[np.generic], array: Callable[[Any, Any], Any]) -> Any:
    absent = values.count(None)
    if absent == 0:
        return np.array(values, dtype)
    if absent == len(values):
        return array(np.zeros(absent, dtype), np.ones(absent, np.bool_))
    mask = np.array([value is None for value in values], np.bool_)
    return array(np.array([0 if value is None else value for value in values], dtype), mask)


def _text(values: Row) -> Any:
    if not _is_storable("".join(filter(None, values))):
        values = [clean(value) if value is not None else None for value in values]
    return pd.Series(values, dtype=pd.StringDtype("python"))


def _json(values: Row) -> Any:
    return _text([None if value is None else _dumped(value) for value in values])


def _dumped(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if _is_storable(text) and _JSON_NUL not in text else json.dumps(_cleaned(value), ensure_ascii=False)


def _is_storable(text: str) -> bool:
    """No NUL and no half of a surrogate pair, which come from file names and from JSON strings."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    return value


_ARRAYS: dict[Kind, Callable[[Row], Any]] = {
    Kind.INT: _int, Kind.SMALL: _int, Kind.FLOAT: _float, Kind.BOOL: _bool, Kind.TEXT: _text,
    Kind.MOMENT: _moment, Kind.TEXTS: _json, Kind.INTS: _json, Kind.FLOATS: _json, Kind.JSON: _json,
}  # fmt: skip
