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
    """`read(size)` as `readinto`. Whatever a library raises becomes an OSError: damage is no reason to stop."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read

    def readinto(self, buffer: memoryview, /) -> int:
        try:
            data = self._read(len(buffer))
        except OSError:
            raise
        except Exception as error:  # each of the libraries has its own
            raise OSError(f"damaged: {error}") from error
        buffer[: len(data)] = data
        return len(data)


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
