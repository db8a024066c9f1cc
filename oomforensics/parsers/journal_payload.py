"""What a DATA object of a journal file holds, unpacked: zstd (systemd 246 and later), lz4 (from 229), xz (before that).

Never more than is asked for comes out, whatever the packed bytes claim to be.
"""

from __future__ import annotations

import importlib
import lzma
from collections.abc import Callable
from functools import cache
from typing import Any

XZ, LZ4, ZSTD = 1, 2, 4  # flags of a DATA object; at most one is set
MAX_PACKED = 64 * 1024 * 1024  # bytes of a packed payload, and of an lz4 payload unpacked, which goes in one piece
_XZ_MEMORY = 128 * 1024 * 1024  # what `xz -9` needs is 65 MiB
_SIZE = 8  # before an lz4 block stands how long it is unpacked


class Unreadable(Exception):
    """Why a payload cannot be had."""


class Missing(Unreadable):
    """The library that unpacks it is not installed."""


def unpack(flags: int, packed: bytes, most: int) -> bytes:
    """The first `most` bytes, fewer where it is shorter. Raises Unreadable."""
    unpacker = _UNPACKERS.get(flags)
    if unpacker is None:
        raise Unreadable(f"packed in an unknown way (flags {flags})")
    try:
        return unpacker(packed, most)
    except Unreadable:
        raise
    except Exception as error:  # each of the libraries has one of its own
        raise Unreadable(f"its packed value is damaged: {error}") from error


def _stream(unpacker: Any, packed: bytes, most: int) -> bytes:
    # A decompressor may stop at the end of a block before it has given `most` bytes.
    found = bytes(unpacker.decompress(packed, most))
    while len(found) < most and not unpacker.eof:
        more = bytes(unpacker.decompress(b"", most - len(found)))
        if not more:
            raise Unreadable("its packed value is damaged: it has no end")
        found += more
    return found


def _xz(packed: bytes, most: int) -> bytes:
    return _stream(lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY), packed, most)


def _zstd(packed: bytes, most: int) -> bytes:
    return _stream(_zstd_library().ZstdDecompressor(), packed, most)


def _lz4(packed: bytes, most: int) -> bytes:
    size = int.from_bytes(packed[:_SIZE], "little")
    literals = _literals(packed, most)
    if len(literals) >= min(most, size):
        return literals[:size]
    if size > MAX_PACKED:
        raise Unreadable(f"its packed value says that it is {size} bytes long: more than {MAX_PACKED} are not unpacked")
    found: bytes = _lz4_library().decompress(packed[_SIZE:], uncompressed_size=size)
    if len(found) != size:
        raise Unreadable(f"its packed value is damaged: {len(found)} bytes instead of {size}")
    return found[:most]


def _literals(packed: bytes, most: int) -> bytes:
    """Up to `most` of the bytes that an lz4 block begins with as they are: enough to tell a field's name.

    github.com/lz4/lz4, doc/lz4_Block_format.md: their count is the high half of the first byte, and if that is 15, also
    all bytes after it up to the first that is not 255.
    """
    at = _SIZE + 1
    count = packed[_SIZE] >> 4 if len(packed) > _SIZE else 0
    more = 255 if count == 15 else 0
    while more == 255 and at < len(packed):
        more = packed[at]
        count += more
        at += 1
    return packed[at : at + min(count, most)] if more != 255 else b""


@cache
def _zstd_library() -> Any:
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise Missing("holds values packed with zstd, which needs Python 3.14 or the package backports.zstd")


@cache
def _lz4_library() -> Any:
    try:
        return importlib.import_module("lz4.block")
    except ImportError:
        raise Missing("holds values packed with lz4, which needs the package lz4") from None


_UNPACKERS: dict[int, Callable[[bytes, int], bytes]] = {XZ: _xz, LZ4: _lz4, ZSTD: _zstd}
