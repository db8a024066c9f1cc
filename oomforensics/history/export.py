"""The history as Parquet: a folder for each view, in it a folder for each month or host.

    incidents/month=2026-07/data_0.parquet
    report_lines/month=2026-07/data_0.parquet
    sources/data_0.parquet
    manifest.json       what is in it: views, columns, their types and meanings

`month` and `host_key` are of the incident that a row belongs to, so that what belongs together lies together. They are in
the paths alone: the files hold the views' own columns. Host names come from logs, and none is ever a path: `host_key` is
made of letters, digits, dots and dashes, and what it left out or cut off is in its last ten digits.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any

import duckdb

from oomforensics import __version__
from oomforensics.errors import OomforensicsError
from oomforensics.history.redact import ATTACHED, COLUMNS, Redaction, attached, class_of, literal, quoted
from oomforensics.history.schema import Connection, newest_version

MANIFEST = "manifest.json"
FORMAT = 1
_UNKNOWN = "unknown"
_UNSAFE = re.compile(r"[^a-z0-9.-]+")
_MOST_KEY = 80  # characters of a folder's name; every file system takes three times as many
_KEYS = "_keys"  # incident_id, month, host_key


class By(StrEnum):
    """What decides in which folder a row lies."""

    MONTH = "month"
    HOST = "host"
    HOST_MONTH = "host-month"
    NONE = "none"

    @property
    def columns(self) -> list[str]:
        named = {By.MONTH: ["month"], By.HOST: ["host_key"], By.HOST_MONTH: ["host_key", "month"]}
        return named.get(self, [])


def export(history: Path, folder: Path, by: By, key: bytes | None) -> dict[str, int]:
    """Write the history into the empty `folder`, redacted if there is a key. The rows of each view."""
    with attached(history) as con:
        # The folder is all that SQL reaches from here on: the views are the file's, and that comes from anywhere.
        con.execute(f"SET allowed_directories = [{literal(str(folder.resolve()))}]")
        con.execute("SET enable_external_access = false")
        redaction = Redaction(con, key) if key is not None else None
        con.create_function("_host_key", host_key, ["VARCHAR"], "VARCHAR")
        _make_keys(con, redaction is not None)
        views = redaction.views() if redaction else _views(con)
        try:
            described = {view: _write(con, view, folder / view, by, redaction) for view in views}
        except duckdb.IOException as error:
            raise OomforensicsError(f"{folder} cannot be written: {str(error).splitlines()[0]}") from error
    manifest = {
        "format": FORMAT,
        "oomforensics": __version__,
        "schema": newest_version(),
        "redacted": key is not None,
        "partitioned_by": by.columns,
        "views": {view: described[view] for view in COLUMNS if view in described},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return {view: one["rows"] for view, one in described.items()}


def host_key(host: str) -> str:
    """`host` as the name of a folder: the same on every file system, and no other host's."""
    safe = _UNSAFE.sub("_", host.lower()).strip(".")
    if safe == host and 0 < len(safe) <= _MOST_KEY and safe != _UNKNOWN:
        return safe
    digits = hashlib.sha256(host.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{safe[:_MOST_KEY].rstrip('.')}-{digits}"


def _views(con: Connection) -> list[str]:
    sql = "SELECT DISTINCT table_name FROM duckdb_columns() WHERE database_name = ?"
    there = {name for (name,) in con.execute(sql, [ATTACHED]).fetchall()}
    return [view for view in COLUMNS if view in there]


def _make_keys(con: Connection, redacted: bool) -> None:
    con.execute(
        f"CREATE TEMP TABLE {_KEYS} AS SELECT incident_id, coalesce({_month('ts', redacted)}, '{_UNKNOWN}') AS month, "
        f"coalesce({_host('host', redacted)}, '{_UNKNOWN}') AS host_key FROM {ATTACHED}.incidents"
    )


def _write(con: Connection, view: str, folder: Path, by: By, redaction: Redaction | None) -> dict[str, Any]:
    columns = _columns(con, view)
    if redaction:
        columns = {name: columns[name] for name in columns if class_of(view, name) is not None}
    rows = con.execute(f"SELECT count(*) FROM {ATTACHED}.{quoted(view)}").fetchone()
    count = int(rows[0]) if rows else 0
    select = redaction.select(view) if redaction else "shown.*"
    keys = _partition(columns, by, redaction is not None) if count else {}
    added = "".join(f", {expression} AS {name}" for name, expression in keys.items())
    join = f" LEFT JOIN {_KEYS} AS keys USING (incident_id)" if "incident_id" in columns else ""
    folder.mkdir()
    # With names of the view alone inside, so that none of them is taken for one of the keys'.
    source = f"(SELECT shown.*{added} FROM {ATTACHED}.{quoted(view)} AS shown{join})"
    names = "".join(f", {name}" for name in keys)
    sql = f"SELECT {select}{names} FROM {source}" if redaction else f"FROM {source}"
    target, options = folder / "data_0.parquet", "FORMAT parquet, COMPRESSION zstd"
    if keys:
        target, options = folder, f"{options}, PARTITION_BY ({', '.join(keys)})"
    con.execute(f"COPY ({sql}) TO {literal(str(target))} ({options})")
    return {"rows": count, "partitioned_by": list(keys), "columns": columns}


def _partition(columns: Iterable[str], by: By, redacted: bool) -> dict[str, str]:
    """Name -> SQL: the incident's, else the row's own; no such folders where there is neither."""
    keys = {}
    for name, needs, make in (("month", "ts", _month), ("host_key", "host", _host)):
        found = [f"keys.{name}"] if "incident_id" in columns else []
        found += [make(f"shown.{needs}", redacted)] if needs in columns else []
        if found and name in by.columns:
            keys[name] = f"coalesce({', '.join(found)}, '{_UNKNOWN}')"
    return {name: keys[name] for name in by.columns if name in keys}


def _month(moment: str, redacted: bool) -> str:
    return f"strftime({moment}, '%Y-%m')"


def _host(host: str, redacted: bool) -> str:
    return f"_host_key(_hide_host({host}))" if redacted else f"_host_key({host})"


def _columns(con: Connection, view: str) -> dict[str, dict[str, str]]:
    sql = (
        "SELECT column_name, data_type, comment FROM duckdb_columns() WHERE database_name = ? AND table_name = ? "
        "ORDER BY column_index"
    )
    found = con.execute(sql, [ATTACHED, view]).fetchall()
    return {name: {"type": kind, "meaning": comment or ""} for name, kind, comment in found}
