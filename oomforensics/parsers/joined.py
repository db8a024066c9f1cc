"""Files that are one: the segments of a recording, of which the oldest may vanish while they are read."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Joined(io.RawIOBase):
    """The bytes of the files one after another, as they are when it is opened."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._parts: list[tuple[int, int, io.FileIO]] = []  # from, to, file
        end = 0
        for path in paths:
            try:
                file = io.FileIO(path)
            except FileNotFoundError:
                continue
            size = file.seek(0, io.SEEK_END)
            self._parts.append((end, end + size, file))
            end += size
        self._size = end
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        for start, end, file in self._parts:
            if start <= self._at < end:
                file.seek(self._at - start)
                count = file.readinto(memoryview(buffer)[: end - self._at]) or 0
                self._at += count
                return count
        return 0

    def close(self) -> None:
        for _, _, file in self._parts:
            file.close()
        super().close()
