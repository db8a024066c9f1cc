"""Streams that gzip, xz, bzip2, zstd or lz4 packed, known by their first bytes and never by their name.

    stream = unpack(stream, problems, source)

What can be unpacked of a torn file is unpacked. Several packed streams in a row are one, as for the tools themselves.
"""

from __future__ import annotations

import bz2
import importlib
import lzma
import zlib
from collections.abc import Callable
from typing import Any, Protocol

from oomforensics.parsers.records import Problem

PIECE = 64 * 1024  # of the packed stream, read at a time
# Unpacked at a time; where a stream is damaged, as much is lost at most. From 128 KiB on malloc asks the kernel for
# every piece, and the whole takes up to twice as long.
TEXT = 64 * 1024


class Readable(Protocol):
    """A file or pipe, opened unbuffered."""

    def readinto(self, buffer: memoryview, /) -> int | None: ...


class Peeked:
    """A stream whose first bytes can be looked at."""

    def __init__(self, stream: Readable, size: int) -> None:
        self._stream = stream
        self.head = b""
        piece = bytearray(size)
        while len(self.head) < size:
            count = stream.readinto(memoryview(piece)[: size - len(self.head)])
            if not count:
                break
            self.head += piece[:count]
        self._rest = self.head

    def readinto(self, buffer: memoryview, /) -> int | None:
        if self._rest:
            count = min(len(buffer), len(self._rest))
            buffer[:count] = self._rest[:count]
            self._rest = self._rest[count:]
            return count
        return self._stream.readinto(buffer)


class Gunzip:
    """zlib's decompressor, with the interface of the others. isal's takes a third of its time."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


def _gzip() -> Any:
    try:
        from isal import igzip_lib
    except ImportError:
        return Gunzip()
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)


def _zstd() -> Any:
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name).ZstdDecompressor()
        except ImportError:
            continue
    raise LookupError("packed with zstd, which needs Python 3.14 or the package backports.zstd")


def _lz4() -> Any:
    try:
        return importlib.import_module("lz4.frame").LZ4FrameDecompressor()
    except ImportError:
        raise LookupError("packed with lz4, which needs the package lz4") from None


# First bytes, and what unpacks such a stream.
PACKINGS: tuple[tuple[bytes, Callable[[], Any]], ...] = (
    (b"\x1f\x8b\x08", _gzip),
    (b"\xfd7zXZ\x00", lzma.LZMADecompressor),
    (b"BZh", bz2.BZ2Decompressor),
    (b"\x28\xb5\x2f\xfd", _zstd),
    (b"\x04\x22\x4d\x18", _lz4),
)
MAGIC_SIZE = max(len(magic) for magic, _ in PACKINGS)


def unpack(stream: Peeked, problems: list[Problem], source: str) -> Peeked | Unpacked:
    """The stream as it was before it was packed. Raises LookupError where nothing here can unpack it."""
    for magic, make in PACKINGS:
        if stream.head.startswith(magic):
            return Unpacked(stream, magic, make, problems, source)
    return stream


class Unpacked:
    """The bytes inside a packed stream, as far as they can be had."""

    def __init__(
        self, stream: Peeked, magic: bytes, make: Callable[[], Any], problems: list[Problem], source: str
    ) -> None:
        self._stream, self._magic, self._make = stream, magic, make
        self._problems, self._source = problems, source
        self._packed = bytearray(PIECE)
        self._unpacker = make()
        self._input = b""
        self._ended = False
        self._size = 0

    def readinto(self, buffer: memoryview, /) -> int:
        while not self._ended:
            try:
                piece = self._next(min(len(buffer), TEXT))
            except Exception as error:  # each of the libraries has one of its own
                self._stop(f"damaged after {self._size} bytes of text: {error}")
                return 0
            if piece:
                self._size += len(piece)
                buffer[: len(piece)] = piece
                return len(piece)
        return 0

    def _next(self, size: int) -> bytes:
        """At most `size` bytes; none does not mean the end."""
        unpacker = self._unpacker
        if unpacker.eof:
            self._input = unpacker.unused_data or b""
            while len(self._input) < 2 and (more := self._read()):
                self._input += more
            if not self._input.startswith(self._magic[:2]):
                self._ended = True  # padding, or nothing more
                return b""
            self._unpacker = unpacker = self._make()
        elif unpacker.needs_input and not self._input:
            self._input = self._read()
            if not self._input:
                self._stop(f"cut off: its packed stream has no end; {self._size} bytes of text were read")
                return b""
        data, self._input = self._input, b""
        return bytes(unpacker.decompress(data, size))

    def _read(self) -> bytes:
        count = self._stream.readinto(memoryview(self._packed))
        return bytes(self._packed[: count or 0])

    def _stop(self, reason: str) -> None:
        self._ended = True
        self._problems.append(Problem(self._source, None, reason, "data_loss"))
