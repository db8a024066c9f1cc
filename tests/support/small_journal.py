"""The smallest journals that a reader takes (systemd.io/JOURNAL_FILE_FORMAT): each byte of them says something."""

from __future__ import annotations

import lzma
import struct
from collections.abc import Callable, Sequence

import lz4.block

from oomforensics.parsers.journal_hash import lookup3
from tests.support.packing import zstd

_HEADER = 208
_COMPACT = 1 << 4
_BOOT_ID = bytes.fromhex("2c5eb3a8a5f04f5c8b6c7e6e0f7a4d11")
_REALTIME_US = 1_777_622_400_000_000
# The flag of a DATA object, and how it is packed.
PACKINGS: dict[int, Callable[[bytes], bytes]] = {
    0: lambda data: data,
    1: lambda data: lzma.compress(data, lzma.FORMAT_XZ, lzma.CHECK_NONE),
    2: lambda data: len(data).to_bytes(8, "little") + lz4.block.compress(data, store_size=False),
    4: lambda data: bytes(zstd.compress(data)),
}


def journal(entries: Sequence[dict[str, bytes]], *, compact: bool = False, packing: int = 0) -> bytes:
    """A closed journal with these fields in its entries. Values are packed if they are longer than 30 bytes."""
    body = bytearray()
    data_at: dict[bytes, int] = {}
    entry_at = []

    def add(kind: int, content: bytes, flags: int = 0) -> int:
        at = _HEADER + len(body)
        body.extend(struct.pack("<BB6xQ", kind, flags, 16 + len(content)) + content)
        body.extend(bytes(-len(body) % 8))
        return at

    for number, entry in enumerate(entries):
        items = []
        for name, value in entry.items():
            payload = name.encode() + b"=" + value
            if payload not in data_at:
                flags = packing if len(payload) > 30 else 0
                head = struct.pack("<6Q", lookup3(payload), 0, 0, 0, 0, 1) + bytes(8 if compact else 0)
                data_at[payload] = add(1, head + PACKINGS[flags](payload), flags)
            items.append((data_at[payload], lookup3(payload)))
        head = struct.pack("<QQQ16sQ", number + 1, _REALTIME_US + number, 60_000_000 + number, _BOOT_ID, 0)
        packed = b"".join(struct.pack("<I", at) if compact else struct.pack("<QQ", at, key) for at, key in items)
        entry_at.append(add(3, head + packed))
    index = add(6, bytes(8) + struct.pack(f"<{len(entry_at)}{'I' if compact else 'Q'}", *entry_at))
    count = len(entry_at)
    header = struct.pack(
        "<8sIIB7x16s16s16s16s15Q",
        b"LPKSHHRH", 0, packing | (_COMPACT if compact else 0), 0, bytes(16), bytes(16), _BOOT_ID, bytes(16),
        _HEADER, len(body), 0, 0, 0, 0, index, len(data_at) + count + 1, count, count, 1, index,
        _REALTIME_US, _REALTIME_US + count, 60_000_000 + count,
    )  # fmt: skip
    return header + bytes(body)
