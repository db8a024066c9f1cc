"""Options that every command has, and values that several read alike."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Annotated

import typer

from oomforensics.errors import UsageError

_SIZE = re.compile(r"(\d{1,15})([KMGTkmgt]?)(?:i?B)?")


def _debug(wanted: bool) -> None:
    if wanted:
        logging.basicConfig(level=logging.DEBUG, format="oomforensics: %(message)s")


def debugging() -> bool:
    return logging.getLogger("oomforensics").isEnabledFor(logging.DEBUG)


Database = Annotated[
    Path | None,
    typer.Option(
        "--db",
        envvar="OOMFORENSICS_DB",
        show_envvar=True,
        metavar="FILE",
        help="The history; by default in the user's data folder.",
    ),
]
Debug = Annotated[bool, typer.Option("--debug", callback=_debug, is_eager=True, help="Show where an error comes from.")]
Json = Annotated[bool, typer.Option("--json", help="The same as JSON.")]


def database(chosen: Path | None) -> Path:
    from oomforensics.history.store import default_path

    return chosen or default_path()


def size_bytes(text: str) -> int:
    """`512M`, `2GiB`, `1073741824`. Raises UsageError."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is not a size: 512M, 2G, 1073741824")
    unit: int = 1024 ** " KMGT".index(found[2].upper() or " ")
    return int(found[1]) * unit
