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
# Unpacked at a time; where a stream is damaged, as much is lost at most: a library then gives nothing of what it was asked
# for. From 128 KiB on malloc asks the kernel for every piece, and the whole takes up to twice as long.
TEXT = 4 * 1024


class Readable(Protocol):
    """A file or pipe, opened unbuffered."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """None: nothing has come for a while. Only a stream that was told to tell of pauses answers it."""
        ...


class Peeked:
    """A stream whose first bytes can be looked at. An error behind some of them is raised when they have been read.

    Fewer than `size` bytes are looked at where the stream pauses behind some of them.
    """

    def __init__(self, stream: Readable, size: int) -> None:
        self._stream = stream
        self.head = b""
        self._error: OSError | None = None
        self._paused = False  # behind the head, which is still to be told
        piece = bytearray(size)
        while len(self.head) < size:
            try:
                count = stream.readinto(memoryview(piece)[: size - len(self.head)])
            except OSError as error:
                if not self.head:
                    raise
                self._error = error
                break
            self._paused = count is None and bool(self.head)
            if count == 0 or self._paused:
                break
            self.head += piece[: count or 0]
        self._rest = self.head

    def readinto(self, buffer: memoryview, /) -> int | None:
        if self._rest:
            count = min(len(buffer), len(self._rest))
            buffer[:count] = self._rest[:count]
            self._rest = self._rest[count:]
            return count
        if self._error is not None:
            raise self._error
        if self._paused:
            self._paused = False
            return None
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
        self._unread: OSError | None = None  # what the packed stream itself raised: it is not damaged

    def readinto(self, buffer: memoryview, /) -> int:
        filled = 0
        while filled < len(buffer) and not self._ended:
            try:
                piece = self._next(min(len(buffer) - filled, TEXT))
            except Exception as error:  # each of the libraries has one of its own
                if error is self._unread:
                    if not filled:
                        raise
                    break  # it is raised by the next call
                self._stop(f"damaged after {self._size} bytes of text: {error}")
                break
            self._size += len(piece)
            buffer[filled : filled + len(piece)] = piece
            filled += len(piece)
        return filled

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
                held_back = bytes(unpacker.decompress(b"", size))  # up to a whole block of the format
                if not held_back:
                    self._stop(f"cut off: its packed stream has no end; {self._size} bytes of text were read")
                return held_back
        data, self._input = self._input, b""
        return bytes(unpacker.decompress(data, size))

    def _read(self) -> bytes:
        if self._unread is not None:
            raise self._unread
        try:
            count = self._stream.readinto(memoryview(self._packed))
        except OSError as error:
            self._unread = error
            raise
        return bytes(self._packed[: count or 0])

    def _stop(self, reason: str) -> None:
        self._ended = True
        self._problems.append(Problem(self._source, None, reason, "data_loss"))
