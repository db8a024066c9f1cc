"""A result of SQL as a DataFrame in which unknown stays unknown and no digit is lost: whole numbers stay whole beside a NULL."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from oomforensics.errors import UsageError
from oomforensics.history.schema import Connection

# DuckDB's type -> pandas' nullable one. Anything else becomes Python's objects.
_DTYPES = {
    "TINYINT": "Int8", "SMALLINT": "Int16", "INTEGER": "Int32", "BIGINT": "Int64", "UTINYINT": "UInt8", "USMALLINT": "UInt16",
    "UINTEGER": "UInt32", "UBIGINT": "UInt64", "BOOLEAN": "boolean", "FLOAT": "Float32", "DOUBLE": "Float64",
    "VARCHAR": "string", "TIMESTAMP WITH TIME ZONE": "datetime64[us, UTC]", "TIMESTAMP": "datetime64[us]",
}  # fmt: skip
_JSON = "JSON"


def frame(con: Connection, sql: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> pd.DataFrame:
    """The answer to `sql`. Raises UsageError, in one line, where it cannot be given."""
    try:
        found = con.execute(sql, parameters) if parameters else con.execute(sql)
        described = found.description or []
        kinds = [str(column[1]) for column in described]
        if all(kind in _DTYPES or kind == _JSON for kind in kinds):
            arrays = found.fetchnumpy() if kinds else {}
            columns = [_series(_known(array), kind) for array, kind in zip(arrays.values(), kinds, strict=True)]
        else:  # numpy would make floats of wide numbers, and masked arrays within lists
            rows = found.fetchall()
            columns = [_series([row[at] for row in rows], kind) for at, kind in enumerate(kinds)]
    except duckdb.Error as error:
        raise UsageError(" ".join(str(error).split("\n\n")[0].split())) from error
    return pd.DataFrame(dict(zip(_distinct([column[0] for column in described]), columns, strict=True)))


def _known(array: Any) -> Any:
    """`array` of numpy, masked where something is NULL, with None there."""
    missing = getattr(array, "mask", None)
    if array.dtype.kind == "M":
        return pd.Series(array if missing is None else array.filled(np.datetime64("NaT")))
    plain = array.astype(object) if missing is None else array.data.astype(object)
    if missing is not None:
        plain[missing] = None
    return plain


def _series(values: Any, kind: str) -> pd.Series[Any]:
    if kind == _JSON:
        values = [None if value is None else json.loads(value) for value in values]
    if isinstance(values, pd.Series):
        return values.dt.tz_localize("UTC") if "ZONE" in kind else values
    return pd.Series(values, dtype=_DTYPES.get(kind, "object"))


def _distinct(names: Iterable[str]) -> list[str]:
    """Two columns of one name would be one."""
    seen: dict[str, None] = {}
    for name in names:
        number, unique = 1, name
        while unique in seen:
            number += 1
            unique = f"{name}_{number}"
        seen[unique] = None
    return list(seen)
