"""`oomforensics export`"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from oomforensics.cli import terminal
from oomforensics.cli.options import Database, Debug, database
from oomforensics.cli.redaction import Redact, RedactKey, key_for
from oomforensics.errors import OomforensicsError, UsageError

NAME = "export"
_BY = ("month", "host", "host-month", "none")


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    by: Annotated[str, typer.Option("--by", metavar="KEYS", help=f"A folder for each: {', '.join(_BY)}.")] = _BY[0],
    redact: Redact = False,
    redact_key: RedactKey = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export in DIR.")] = False,
    db: Database = None,
    debug: Debug = False,
) -> None:
    """Write the history as Parquet: a folder for each table, divided by month.

    \b
    Example:
      oomforensics export oom-history
      oomforensics export for-the-vendor --redact
      duckdb -c "FROM read_parquet('oom-history/incidents/**/*.parquet', hive_partitioning = true)"
    """
    from oomforensics.history.export import By, export
    from oomforensics.history.store import open_read

    if by not in _BY:
        raise UsageError(f"--by {by}: it is one of {', '.join(_BY)}")
    _check(folder, force)
    path = database(db)
    with open_read(path):  # which says what is wrong with it, and brings an old one up to date
        pass
    key = key_for(path, redact, redact_key)
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name[:40]}.", dir=folder.absolute().parent))
    except OSError as error:
        raise OomforensicsError(f"{folder} cannot be made: {error.strerror}") from error
    try:
        rows = export(path, part, By(by), key)
        _put(part, folder)
    except OSError as error:
        raise OomforensicsError(f"{folder} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    terminal.say(f"wrote {folder}: {rows.get('incidents', 0)} incidents in {len(rows)} tables")


def _check(folder: Path, force: bool) -> None:
    """A folder that is not empty is replaced only if it is an export and nothing else."""
    try:
        if not os.path.lexists(folder):
            return
        if folder.is_symlink() or not folder.is_dir():
            raise UsageError(f"{folder} is not a folder")
        held = {item.name for item in folder.iterdir()}
        if not held:
            return
        if not force:
            raise UsageError(f"{folder} is not empty; --force replaces an earlier export in it")
        if not held <= _made_by_us(folder):
            raise UsageError(f"{folder} holds other things than an export: --force does not take them away")
    except OSError as error:
        raise OomforensicsError(f"{folder} cannot be read: {error.strerror}") from error


def _made_by_us(folder: Path) -> set[str]:
    """What an export would have put there: its manifest, and a folder for each table that the manifest names."""
    from oomforensics.history.export import MANIFEST
    from oomforensics.history.redact import COLUMNS

    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        return {MANIFEST, *(set(manifest["views"]) & set(COLUMNS))}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _put(part: Path, folder: Path) -> None:
    """The finished folder in its place, in one step; an earlier export goes only when this one stands."""
    mask = os.umask(0)
    os.umask(mask)
    part.chmod(0o777 & ~mask)
    if not folder.exists() or not any(folder.iterdir()):
        part.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name[:40]}.", dir=folder.absolute().parent)) / "old"
    folder.rename(old)
    try:
        part.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    finally:
        shutil.rmtree(old.parent, ignore_errors=True)
