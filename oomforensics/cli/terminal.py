"""stdout and stderr: data to the one, messages to the other, and nothing that a log says is obeyed by a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from oomforensics.reports.escape import visible

_PIPE_WIDTH = 100  # of prose that goes to a file or another program


def safe(text: str) -> str:
    """`text` on one line, with every character that a terminal would obey, or a reader not see, written out."""
    return visible(text)


def out(text: str) -> None:
    """Data. The caller has made it safe."""
    sys.stdout.write(text)


def say(text: str) -> None:
    """A message: one line on stderr."""
    sys.stderr.write(f"oomforensics: {safe(text)}\n")


def table_width() -> int | None:
    """Columns that a table may take; None where its reader is a program."""
    return _columns() if sys.stdout.isatty() or "COLUMNS" in os.environ else None


def prose_width() -> int:
    return table_width() or _PIPE_WIDTH


def colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def prepare() -> None:
    """A terminal of another encoding gets escapes, not a failure."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def abandon_stdout() -> None:
    """Its reader has gone: what is still in the buffer must not fail at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show_path(path: Path) -> str:
    return safe(str(path))


def _columns() -> int:
    return shutil.get_terminal_size().columns


def safe_lines(text: str) -> str:
    """As `safe`, but line ends stay."""
    return "".join(safe(line) + "\n" for line in text.split("\n")) if text else ""
