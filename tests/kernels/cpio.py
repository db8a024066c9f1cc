"""The initial file system of a guest: a cpio archive in the "newc" form."""

from __future__ import annotations

from dataclasses import dataclass, field

_MAGIC = b"070701"
_FOLDER, _FILE, _CHAR_DEVICE = 0o040755, 0o100755, 0o020600


def _padded(raw: bytes) -> bytes:
    return raw + b"\0" * (-len(raw) % 4)


@dataclass
class Archive:
    """Collects entries; `bytes(archive)` is what the kernel unpacks."""

    _body: bytearray = field(default_factory=bytearray)
    _inode: int = 0

    def _entry(self, path: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> None:
        self._inode += 1
        name = path.lstrip("/").encode() + b"\0"
        numbers = (self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0)
        head = _MAGIC + b"".join(b"%08X" % number for number in numbers)
        self._body += _padded(head + name) + _padded(data)

    def folder(self, path: str) -> None:
        self._entry(path, _FOLDER)

    def file(self, path: str, data: bytes) -> None:
        self._entry(path, _FILE, data)

    def char_device(self, path: str, major: int, minor: int) -> None:
        self._entry(path, _CHAR_DEVICE, device=(major, minor))

    def __bytes__(self) -> bytes:
        end = Archive()
        end._entry("TRAILER!!!", 0)
        return bytes(self._body + end._body)
