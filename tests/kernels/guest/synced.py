"""Runs the recorder in a guest, and tells on a serial line what it has brought to the disk, when that is done.

    python3 -I -S synced.py /dev/ttyS1 …/capture/__main__.py ARGUMENTS

One line for each fsync that came back: name of the file, bytes that it had when the call began, their CRC-32. What is
told there must be found after the machine has lost its power. The recorder runs as it is; only the call is watched.
"""

from __future__ import annotations

import os
import runpy
import sys
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_line = os.open(sys.argv[1], os.O_WRONLY | os.O_NOCTTY)
_seen: dict[str, tuple[int, int]] = {}  # file -> bytes whose checksum is known, and it


def _checksum(path: str, size: int) -> int:
    known, crc = _seen.get(path, (0, 0))
    fd = os.open(path, os.O_RDONLY)
    try:
        crc = zlib.crc32(os.pread(fd, size - known, known), crc)
    finally:
        os.close(fd)
    _seen[path] = size, crc
    return crc


def _watched(bring: Callable[[Any], None]) -> Callable[[Any], None]:
    def call(fd: int) -> None:
        path, size = os.readlink(f"/proc/self/fd/{fd}"), os.fstat(fd).st_size
        bring(fd)
        if path.endswith(".oomspool"):
            os.write(_line, b"%s %d %08x\n" % (os.path.basename(path).encode(), size, _checksum(path, size)))

    return call


for _name in ("fdatasync", "fsync"):
    setattr(os, _name, _watched(getattr(os, _name)))
sys.argv[:] = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
