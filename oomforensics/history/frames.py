"""Rows -> typed arrays of numpy -> one INSERT. A None stays NULL and never turns a column of integers into floats.

A statement costs the more, the more columns have to be looked at, and hardly more for 10,000 rows than for one: a column
without a value is left out and one with some has a second that marks them, for which any DuckDB since 1.4 needs no pandas.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any

import numpy as np

from oomforensics.history.schema import Connection
from oomforensics.parsers.task_rows import Column, listed
from oomforensics.parsers.text import clean

Row = Sequence[Any]
Values = Row | Column | None  # of a column; None: no row has one

_INT64 = range(-(2**63), 2**63)
_MOMENTS = range(0, 253_402_300_800_000_000)  # microseconds; to the year 9999
_encode = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps makes an encoder each time
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


# From the array to the table's column.
_SQL = {
    Kind.SMALL: "TRY_CAST({} AS INTEGER)",
    Kind.MOMENT: "make_timestamp({}) AT TIME ZONE 'UTC'",
    Kind.TEXTS: "from_json({}, '[\"VARCHAR\"]')",
    Kind.INTS: "from_json({}, '[\"BIGINT\"]')",
    Kind.FLOATS: "from_json({}, '[\"DOUBLE\"]')",
    Kind.JSON: "CAST({} AS JSON)",
}

_ABSENT = {
    Kind.FLOAT: "CAST(NULL AS DOUBLE)",
    Kind.BOOL: "CAST(NULL AS BOOLEAN)",
    **dict.fromkeys((Kind.INT, Kind.SMALL, Kind.MOMENT), "CAST(NULL AS BIGINT)"),
    **dict.fromkeys((Kind.TEXT, Kind.TEXTS, Kind.INTS, Kind.JSON), "CAST(NULL AS VARCHAR)"),
}

Columns = dict[str, Kind]


def columns(**names: str) -> Columns:
    """A table's columns, in order: `columns(text="host boot_id", int="line")` within each kind."""
    return {name: Kind(kind) for kind, listed in names.items() for name in listed.split()}


def insert(con: Connection, table: str, spec: Columns, rows: Iterable[Row]) -> None:
    """Append `rows`, whose values stand in the order of `spec`."""
    insert_columns(con, table, spec, list(zip(*rows, strict=True)))


def insert_columns(con: Connection, table: str, spec: Columns, by_column: Sequence[Values]) -> None:
    """The same of rows that are given as columns, in the order of `spec`. The first one's values are a sequence."""
    names = ", ".join(f'"{name}"' for name in spec)
    _run(con, spec, by_column, f"INSERT INTO {table} ({names}) FROM {NEW}")


def run(con: Connection, spec: Columns, rows: Iterable[Row], sql: str) -> list[tuple[Any, ...]]:
    """Run `sql`, which finds `rows` under the name NEW; not at all when there are none."""
    return _run(con, spec, list(zip(*rows, strict=True)), sql)


def _run(con: Connection, spec: Columns, by_column: Sequence[Values], sql: str) -> list[tuple[Any, ...]]:
    if not by_column or not by_column[0]:
        return []
    arrays: dict[str, Any] = {}
    select = []
    for (name, kind), values in zip(spec.items(), by_column, strict=True):
        made = _given(values) if values is None or isinstance(values, Column) else _MAKERS[kind](values)
        column = f'"{name}"' if made is not None else _ABSENT[kind]
        if made is not None:
            arrays[name] = made.values
            if made.absent is not None:
                arrays[f"no {name}"] = made.absent
                column = f'CASE WHEN "no {name}" THEN NULL ELSE "{name}" END'
        select.append(f'{_SQL.get(kind, "{}").format(column)} AS "{name}"')
    con.register(_FRAME, arrays)
    found = con.execute(f"WITH {NEW} AS NOT MATERIALIZED (SELECT {', '.join(select)} FROM {_FRAME}) {sql}").fetchall()
    con.unregister(_FRAME)  # not after a failure: then nothing but ROLLBACK is allowed
    return found


# None: no row has a value. Of text, what is absent is None in the array itself.


def _given(column: Column | None) -> Column | None:
    if column is None or (column.absent is not None and column.absent.all()):
        return None
    if column.values.dtype == object:  # some are large
        return _int(listed(column, np.arange(len(column.values))))
    return column


def _int(values: Row) -> Column | None:
    try:
        return _array(values, np.int64)
    except OverflowError:
        return _array([value if value is not None and value in _INT64 else None for value in values], np.int64)


def _moment(values: Row) -> Column | None:
    return _int([value if value is not None and value in _MOMENTS else None for value in values])


def _float(values: Row) -> Column | None:
    return _array(values, np.float64)


def _bool(values: Row) -> Column | None:
    return _array(values, np.bool_)


def _array(values: Row, dtype: type[np.generic]) -> Column | None:
    absent = values.count(None)
    if absent == 0:
        return Column(np.array(values, dtype))
    if absent == len(values):
        return None
    mask = [value is None for value in values]
    return Column(np.array([0 if value is None else value for value in values], dtype), np.array(mask, np.bool_))


def _text(values: Row) -> Column | None:
    if values.count(None) == len(values):
        return None
    if not _is_storable("".join(filter(None, values))):
        values = [clean(value) if value is not None else None for value in values]
    return Column(np.array(values, np.object_))


def _json(values: Row) -> Column | None:
    return _text([None if value is None else "[]" if value == [] else _dumped(value) for value in values])


def _dumped(value: Any) -> str:
    text = _encode(value)
    return text if _is_storable(text) and _JSON_NUL not in text else _encode(_cleaned(value))


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


_MAKERS: dict[Kind, Callable[[Row], Column | None]] = {
    Kind.INT: _int, Kind.SMALL: _int, Kind.FLOAT: _float, Kind.BOOL: _bool, Kind.TEXT: _text,
    Kind.MOMENT: _moment, Kind.TEXTS: _json, Kind.INTS: _json, Kind.FLOATS: _json, Kind.JSON: _json,
}  # fmt: skip
