"""Small files of /proc and cgroupfs, read in one go. None: it is not there, or may not be read."""

from __future__ import annotations

import os

WHOLE = 64 << 10  # bytes: more than any file that is read whole here has on common machines

_NEARLY_A_PAGE = 3072  # bytes: no record of the files that are read again is as long as what is left of a page


def read(path: str, size: int = WHOLE) -> bytes | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, size)
    except OSError:
        return None
    finally:
        os.close(fd)


def read_all(path: str, most: int = 1 << 20) -> bytes | None:
    """A file that seq_file hands out in pieces, up to `most` bytes."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    pieces, left = [], most
    try:
        while left > 0 and (piece := os.read(fd, min(WHOLE, left))):
            pieces.append(piece)
            left -= len(piece)
    except OSError:
        return None
    finally:
        os.close(fd)
    return b"".join(pieces)


def read_again(fd: int) -> bytes:
    """A file of /proc that is kept open. Raises OSError."""
    raw = os.pread(fd, WHOLE, 0)
    at = len(raw)
    while at and at % 4096 > _NEARLY_A_PAGE:  # seq_file stops at the record that would not fit in its page
        piece = os.pread(fd, WHOLE, at)
        if not piece:
            break
        raw += piece
        at += len(piece)
    return raw


def number_after(raw: bytes, name: bytes) -> int | None:
    """The number of the line `name 123` or `name: 123 kB`; `name` begins the file or a line."""
    at = 0 if raw.startswith(name) else raw.find(b"\n" + name) + 1
    if at == 0 and not raw.startswith(name):
        return None
    at += len(name)
    end = raw.find(b"\n", at)
    words = raw[at : end if end >= 0 else len(raw)].lstrip(b":").split()
    return int(words[0]) if words and words[0].isdigit() else None


def whole_number(raw: bytes | None) -> int | None:
    """The number that is all of a file; None for `max` too."""
    stripped = raw.strip() if raw is not None else b""
    return int(stripped) if stripped.isdigit() else None
