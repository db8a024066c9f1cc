"""The tables and views of a history, and how an older one becomes a newer one.

    migrations/NNNN_*.sql   applied once each, in order, never edited after a release
    views.sql               the contract; made anew with each migration

A change to either needs a new migration, which is also how a reader sees that a history is too old or too new for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import resources
from typing import NamedTuple

import duckdb

from oomforensics import __version__

Connection = duckdb.DuckDBPyConnection

_PACKAGE = resources.files("oomforensics.history")
_LEDGER = """
    CREATE TABLE IF NOT EXISTS t_migrations (
        version INTEGER NOT NULL, name VARCHAR NOT NULL, oomforensics VARCHAR NOT NULL, applied_at TIMESTAMPTZ NOT NULL
    )
"""


class Migration(NamedTuple):
    version: int
    name: str
    sql: str


@cache
def migrations() -> tuple[Migration, ...]:
    found = [item for item in _PACKAGE.joinpath("migrations").iterdir() if item.name.endswith(".sql")]
    parts = sorted((item.name.split("_", 1)[0], item) for item in found)
    return tuple(Migration(int(number), item.name, item.read_text("utf-8")) for number, item in parts)


def newest_version() -> int:
    return migrations()[-1].version


def stored_version(con: Connection) -> int | None:
    """The schema of the open database: 0 when it holds nothing at all, None when what it holds is not ours."""
    tables = [name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
    if "t_migrations" in tables:
        row = con.execute("SELECT max(version) FROM t_migrations").fetchone()
        return row[0] if row and row[0] is not None else None
    return None if tables else 0


def migrate(con: Connection) -> None:
    """Bring the open database to the newest schema, wholly or not at all."""
    from oomforensics.history import cgroups  # which needs this module

    version = stored_version(con)
    if version is None or version >= newest_version():
        return
    with transaction(con):
        con.execute(_LEDGER)
        for migration in migrations():
            if migration.version > version:
                con.execute(migration.sql)
                con.execute(
                    "INSERT INTO t_migrations VALUES (?, ?, ?, now())",
                    [migration.version, migration.name, __version__],
                )
        cgroups.fill(con)
        _make_views(con)


def _make_views(con: Connection) -> None:
    """Hundreds of statements, nearly all of them comments: looking for a better plan took a fifth of their time."""
    con.execute("PRAGMA disable_optimizer")
    con.execute(_PACKAGE.joinpath("views.sql").read_text("utf-8"))
    con.execute("PRAGMA enable_optimizer")


@contextmanager
def transaction(con: Connection) -> Iterator[None]:
    """What happens within it happens wholly or not at all."""
    con.execute("BEGIN TRANSACTION")
    try:
        yield
        con.execute("COMMIT")
    except BaseException:
        with suppress(duckdb.Error):  # after a failed COMMIT there is nothing to roll back
            con.execute("ROLLBACK")
        raise
