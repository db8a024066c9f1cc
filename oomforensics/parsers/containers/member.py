"""One member of an archive, and the name that it gets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from oomforensics.parsers.compressed import Readable

MAX_NAME = 1024  # characters kept of a member's name


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file inside an archive. `stream` can be read until the next member is asked for."""

    name: str  # as the archive says it: never a path to be opened
    mtime: datetime | None
    stream: Readable
    packed_bytes: int | None = None  # what it takes in the archive, at most; None: as much as its size


def is_zone_link(name: str) -> bool:
    """A link whose target says something, though it is never followed: to the description of the host's time zone."""
    return f"/{name}".endswith("/etc/localtime")


class Reader:
    """`read(size)` as `readinto`. Whatever a library raises becomes an OSError: damage is no reason to stop.

    `step`: bytes asked for at a time, of a library that gives nothing of what it was asked for when it meets damage.
    """

    def __init__(self, read: Callable[[int], bytes], step: int | None = None) -> None:
        self._read, self._step = read, step
        self._error: OSError | None = None  # met behind what was given last

    def readinto(self, buffer: memoryview, /) -> int:
        filled = 0
        while self._error is None and filled < len(buffer):
            try:
                data = self._read(min(len(buffer) - filled, self._step or len(buffer)))
            except OSError as error:
                self._error = error
            except Exception as error:  # each of the libraries has its own
                self._error = OSError(f"damaged: {error}")
            else:
                buffer[filled : filled + len(data)] = data
                filled += len(data)
                if not data or self._step is None:
                    break
        if self._error is not None and not filled:
            raise self._error
        return filled


class Exactly:
    """The next `size` bytes of a file, which says when they were cut off."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int) -> bytes:
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        if self._left and size and not data:
            raise OSError(f"cut off: {self._left} bytes are missing")
        return data


class Names:
    """Names of one archive's members, made unique: archives may hold a name twice."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}

    def unique(self, name: str) -> str:
        name = name.removeprefix("./") or "."
        if len(name) > MAX_NAME:
            name = f"{name[:MAX_NAME]}…{hashlib.sha256(name.encode('utf-8', 'backslashreplace')).hexdigest()[:8]}"
        times = self._seen[hash(name)] = self._seen.get(hash(name), 0) + 1
        return name if times == 1 else f"{name}#{times}"
