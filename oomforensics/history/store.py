"""Opens a history. Whatever cannot be used is refused in one line and left byte for byte as it was."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from oomforensics.errors import HistoryError
from oomforensics.history import macros
from oomforensics.history.schema import Connection, migrate, newest_version, stored_version

ENVIRONMENT = "OOMFORENSICS_DB"

_MAGIC = b"DUCK"
_MAGIC_AT = 8
_LOCK = "could not set lock"
_PID = re.compile(r"\(PID (\d+)\)")

# A history comes from anywhere and is opened by whoever investigates: nothing in it may reach out of it.
_Config = dict[str, str | bool | int | float | list[str]]
_NO_EXTENSIONS: _Config = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
# DuckDB 2 by default makes files that 1.x cannot open; all that is needed here is in 1.4's format.
_WRITER: _Config = {**_NO_EXTENSIONS, "storage_compatibility_version": "v1.4.0"}
_LOCKED: _Config = {
    **_NO_EXTENSIONS,
    "enable_external_access": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
}


def default_path() -> Path:
    """`OOMFORENSICS_DB`, or a file in the user's data folder."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME")
    folder = Path(data) if data else Path.home() / ".local" / "share"
    return folder / "oomforensics" / "history.duckdb"


@contextmanager
def open_write(path: Path) -> Iterator[Connection]:
    """The history for writing; made when there is none, brought to the newest schema when it is older."""
    if not path.exists() or _is_empty_file(path):
        _prepare(path)
    else:
        _check(path)
    with _writing(path), _connected(path, read_only=False) as con:
        # Batches pass through the log of writes anyway; folding it into the file after each costs a quarter more.
        con.execute("SET wal_autocheckpoint = '128MB'")
        # Its statements are many and small: handing them to more threads costs a tenth of the CPU time and saves nothing.
        con.execute("SET threads = 1")
        # Arrays of objects hold text alone (see frames.py): that need not be found out from a thousand of them each time.
        con.execute("SET pandas_analyze_sample = 0")
        migrate(con)
        yield con


@contextmanager
def open_read(path: Path, *, locked: bool = False) -> Iterator[Connection]:
    """The history for reading. `locked`: for SQL from others, which must not reach any file or setting, and finds the
    macros.
    """
    if not path.exists():
        raise HistoryError(f"no history at {path}: `oomforensics ingest PATH` makes one")
    if _check(path) < newest_version():
        with open_write(path):
            pass
    with _connected(path, read_only=True, locked=locked) as con:
        if locked:
            macros.make(con)
        yield con


def _is_empty_file(path: Path) -> bool:
    """As mktemp makes one. A device has no size either, and must not be taken away."""
    info = path.stat()
    return stat.S_ISREG(info.st_mode) and info.st_size == 0


def _prepare(path: Path) -> None:
    """A folder for the history to be made in, and nothing in its place."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # DuckDB wants no file, rather than an empty one
    except OSError as error:
        raise HistoryError(f"{path} cannot be made: {error.strerror}") from error


def _check(path: Path) -> int:
    """The schema version of the file, without changing a byte of it. Raises HistoryError when it is of no use."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would wait for a writer
            raise HistoryError(f"{path} is not a file")
        with path.open("rb") as file:
            head = file.read(_MAGIC_AT + len(_MAGIC))
    except OSError as error:
        raise HistoryError(f"{path} cannot be read: {error.strerror}") from error
    if not head[_MAGIC_AT:] == _MAGIC:
        raise HistoryError(f"{path} is not a history of oomforensics (no DuckDB file)")
    with _connected(path, read_only=True) as con:
        version = stored_version(con)
    if version is None:
        raise HistoryError(f"{path} is not a history of oomforensics (a DuckDB file with other tables)")
    if version > newest_version():
        raise HistoryError(
            f"{path} was made by a newer oomforensics (schema {version}, this one knows {newest_version()})"
        )
    return version


@contextmanager
def _connected(path: Path, *, read_only: bool, locked: bool = False) -> Iterator[Connection]:
    config = _LOCKED if locked else _NO_EXTENSIONS if read_only else _WRITER
    with _failing(path):
        con = duckdb.connect(str(path), read_only=read_only, config=config)
    try:
        con.execute("SET TimeZone = 'UTC'")  # moments are shown in UTC, wherever the history is read
        if locked:
            con.execute("SET lock_configuration = true")
        yield con
    finally:
        con.close()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """No room, or a disk that fails: what is in the history already stays as it is."""
    try:
        yield
    except (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException) as error:
        first = (str(error).splitlines() or [""])[0]
        raise HistoryError(f"{path} cannot be written; what it held before stays: {first}") from error


@contextmanager
def _failing(path: Path) -> Iterator[None]:
    """DuckDB's many-line messages about a file as one line that names it."""
    try:
        yield
    except duckdb.Error as error:
        text = str(error)
        if _LOCK in text.lower():
            holder = _PID.search(text)
            by = f"process {holder[1]}" if holder else "another process"
            raise HistoryError(f"{path} is in use by {by}; try again when it has ended") from error
        first = text.splitlines()[0] if text else type(error).__name__
        raise HistoryError(f"{path} cannot be used: {first}") from error
