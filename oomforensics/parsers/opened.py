"""What a file holds, however it is packed: itself, or the members of the archive that it is, at any depth.

    for opened in expand(source, Limits()):
        for record in read(opened, timezone=UTC): ...

Everything is streamed: an `Opened` can be read until the next one is asked for. A member is called `bundle.tar.xz!var/log/
messages-2026.gz`. What is read by seeking (zip, 7z, a journal) and lies inside something else is copied to a temporary
file, which has no name. What goes wrong is in `opened.info.problems`.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, cast

from oomforensics.parsers.compressed import Peeked, Readable, unpack
from oomforensics.parsers.containers import sevenzip, tar, zip
from oomforensics.parsers.containers.limits import LimitReached, Limits
from oomforensics.parsers.containers.member import Member, Names
from oomforensics.parsers.containers.meter import Counted, Meter, Metered
from oomforensics.parsers.records import Problem, SourceInfo
from oomforensics.parsers.sources import Pausing, Source, reason

HEAD = 64 * 1024  # looked at to tell what a source is
_MAGIC = 16  # bytes that tell how a stream is packed
_BUFFER = 256 * 1024  # bytes at a time, into a temporary file; of a file that is read by seeking
_IN_MEMORY = 8 << 20  # a temporary file up to this size is none


Seekable = Callable[[], AbstractContextManager[tuple[BinaryIO, int]]]  # the whole stream as a file, with its size


@contextmanager
def _nothing() -> Iterator[tuple[BinaryIO, int]]:
    yield io.BytesIO(), 0


@dataclass(slots=True)
class Opened:
    """One stream of bytes that is no archive. `stream` is None where there is nothing to read: `info` says why."""

    info: SourceInfo
    mtime: datetime | None = None
    stream: Peeked | None = None
    inside: bool = False  # an archive
    seekable: Seekable = field(default=_nothing, repr=False)
    at_least: int = 0  # bytes that it has, as far as a file's size tells before all is read


@dataclass(frozen=True, slots=True)
class Archive:
    """A kind of archive. One that is read by seeking gets a file, any other a stream."""

    name: str
    recognise: Callable[[bytes], bool]
    streamed: Callable[[Peeked, list[Problem], str, Meter], Iterator[Member]] | None = None
    seeked: Callable[[BinaryIO, list[Problem], str, Meter], Iterator[Member]] | None = None


ARCHIVES: tuple[Archive, ...] = (
    Archive(zip.NAME, zip.recognise, seeked=zip.members),
    Archive(sevenzip.NAME, sevenzip.recognise, seeked=sevenzip.members),
    Archive(tar.NAME, tar.recognise, streamed=tar.members),
)


def expand(source: Source, limits: Limits) -> Iterator[Opened]:
    """Every log in the source, in its order. Does not raise on what lies in it or on the disk."""
    info = SourceInfo(source.name)
    try:
        stream = source.open()
    except (OSError, ValueError) as error:
        info.problems.append(Problem(source.name, None, f"cannot be opened: {reason(error)}"))
        yield Opened(info)
        return
    try:
        yield from _Expander(limits).expand(stream, info, source.mtime, 0, stream if _can_seek(stream) else None)
    finally:
        if source.name != "-":
            stream.close()


def _can_seek(stream: Readable) -> bool:
    seekable = getattr(stream, "seekable", None)
    return bool(seekable and seekable())


class _Expander:
    """`depth` counts the packings and archives around a stream."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._meter = Meter(limits)

    def expand(
        self, stream: Readable, info: SourceInfo, mtime: datetime | None, depth: int, file: Readable | None
    ) -> Iterator[Opened]:
        """`file`: the stream itself, where it is a file that can be read at any place."""
        inside = depth > 0
        try:
            packed, layers = Peeked(stream, _MAGIC), 0
            while (unpacked := self._unpack(packed, info)) is not None:
                layers += 1
                self._meter.nested(depth + layers)
                packed = Peeked(unpacked, _MAGIC)
            live = stream if layers == 0 and isinstance(stream, Pausing) and _is_text(packed.head) else None
            if live is not None:
                live.tells_pauses = True
            head = Peeked(packed, HEAD)
            archive = next((kind for kind in ARCHIVES if kind.recognise(head.head)), None)
            if live is not None and archive is not None:
                live.tells_pauses = False
            if archive is not None:
                self._meter.nested(depth + layers + 1)
        except (LookupError, OSError) as error:
            info.problems.append(Problem(info.name, None, _text(error), "data_loss"))
            yield Opened(info, mtime, inside=inside)
            return
        if layers:
            file = None
        seekable = self._seekable(head, file)
        if archive is None:
            yield Opened(info, mtime, head, inside, seekable, 0 if file is None else _left(file))
        else:
            yield from self._archive(archive, head, info, depth + layers + 1, seekable)
            info.framing = archive.name
            yield Opened(info, mtime, inside=inside)

    def _unpack(self, stream: Peeked, info: SourceInfo) -> Readable | None:
        counted = Counted(stream)
        unpacked = unpack(counted, info.problems, info.name)
        return None if unpacked is counted else Metered(unpacked, counted, self._meter)

    def _archive(
        self, kind: Archive, stream: Peeked, info: SourceInfo, depth: int, seekable: Seekable
    ) -> Iterator[Opened]:
        names = Names()
        try:
            for member in self._members(kind, stream, info, seekable):
                inner = SourceInfo(f"{info.name}!{names.unique(member.name)}")
                content = (
                    Metered(member.stream, member.packed_bytes, self._meter) if member.packed_bytes else member.stream
                )
                yield from self.expand(content, inner, member.mtime, depth, None)
        except OSError as error:
            info.problems.append(Problem(info.name, None, f"reading stopped: {_text(error)}", "data_loss"))

    def _members(self, kind: Archive, stream: Peeked, info: SourceInfo, seekable: Seekable) -> Iterator[Member]:
        if kind.streamed is not None:
            yield from kind.streamed(stream, info.problems, info.name, self._meter)
        if kind.seeked is not None:
            with seekable() as (file, info.size_bytes):
                yield from kind.seeked(file, info.problems, info.name, self._meter)

    def _seekable(self, stream: Peeked, file: Readable | None) -> Seekable:
        @contextmanager
        def opened() -> Iterator[tuple[BinaryIO, int]]:
            if file is not None:
                whole = io.BufferedReader(cast(io.RawIOBase, file), _BUFFER)
                size = whole.seek(0, io.SEEK_END)
                whole.seek(0)
                try:
                    yield cast(BinaryIO, whole), size
                finally:
                    whole.detach()
            else:
                with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
                    yield cast(BinaryIO, copy), self._copy(stream, cast(BinaryIO, copy))

        return opened

    def _copy(self, stream: Peeked, copy: BinaryIO) -> int:
        piece = memoryview(bytearray(_BUFFER))
        size = 0
        while count := stream.readinto(piece):
            size += count
            if size > self._limits.spooled_bytes:
                limit = self._limits.spooled_bytes
                raise LimitReached(f"needs more than {limit} bytes of temporary space: not read (--max-spooled)")
            copy.write(piece[:count])
        copy.seek(0)
        return size


def _left(file: Readable) -> int:
    """Bytes that are still to be read of it; 0 where it does not tell, as those of /proc."""
    raw = cast(io.RawIOBase, file)
    at = raw.tell()
    try:
        end = raw.seek(0, io.SEEK_END)
    except OSError:
        return 0
    raw.seek(at)
    return end - at


def _is_text(head: bytes) -> bool:
    """Not what an archive begins with, whose parts do not take a pause."""
    return bool(head) and all(byte >= 32 or byte in b"\t\r\n\x1b" for byte in head)


def _text(error: Exception) -> str:
    return reason(error) if isinstance(error, OSError) else str(error)
