"""--redact, as `report` and `export` have it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oomforensics.cli import terminal
from oomforensics.errors import UsageError

Redact = Annotated[
    bool,
    typer.Option("--redact", help="Replace names of hosts, users, processes, files and containers by pseudonyms."),
]
RedactKey = Annotated[
    Path | None,
    typer.Option(
        "--redact-key", metavar="FILE", help="Key of the pseudonyms; by default one that lies beside the history."
    ),
]


def key_for(history: Path, redact: bool, file: Path | None) -> bytes | None:
    """The key to redact with; None: not asked for."""
    from oomforensics.history.redact import key_beside, key_of, read_key

    if not redact:
        if file is not None:
            raise UsageError("--redact-key is for --redact")
        return None
    if file is not None:
        return read_key(file)
    key, kept = key_of(history)
    if not kept:
        terminal.say(f"no key can be kept at {key_beside(history)}: the pseudonyms are of this output alone")
    return key
