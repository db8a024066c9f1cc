"""inotify, which Python's library does not have: cgroups that come and go, and memory.events that change."""

from __future__ import annotations

import ctypes
import os
import struct

IN_MODIFY, IN_CREATE, IN_DELETE, IN_IGNORED, IN_Q_OVERFLOW = 0x2, 0x100, 0x200, 0x8000, 0x4000
_IN_ONLYDIR = 0x01000000
_HEAD = struct.Struct("<iIII" if struct.pack("=H", 1) == b"\x01\x00" else ">iIII")
_BUFFER = 64 << 10


class Inotify:
    """Raises OSError where the kernel has no inotify, or no more of it for us."""

    __slots__ = ("_libc", "fd")

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def watch_folder(self, path: str) -> int | None:
        """What is made and removed in it."""
        return self._watch(path, IN_CREATE | IN_DELETE | _IN_ONLYDIR)

    def watch_file(self, path: str) -> int | None:
        return self._watch(path, IN_MODIFY)

    def forget(self, watch: int) -> None:
        self._libc.inotify_rm_watch(self.fd, watch)

    def read(self) -> list[tuple[int, int, str]]:
        """Watch, mask and name of what has happened, at most one buffer full."""
        try:
            raw = os.read(self.fd, _BUFFER)
        except OSError:
            return []
        found, at = [], 0
        while at + _HEAD.size <= len(raw):
            watch, mask, _, length = _HEAD.unpack_from(raw, at)
            at += _HEAD.size
            found.append((watch, mask, os.fsdecode(raw[at : at + length].rstrip(b"\0"))))
            at += length
        return found

    def close(self) -> None:
        os.close(self.fd)

    def _watch(self, path: str, mask: int) -> int | None:
        watch: int = self._libc.inotify_add_watch(self.fd, os.fsencode(path), ctypes.c_uint32(mask))
        return watch if watch >= 0 else None
