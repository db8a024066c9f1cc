"""zip: by its directory, or, where that was cut off, member after member as they stand."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import BinaryIO

from oomforensics.parsers.compressed import TEXT
from oomforensics.parsers.containers.member import Exactly, Member, Reader, is_zone_link
from oomforensics.parsers.containers.meter import Meter
from oomforensics.parsers.records import Problem

NAME = "zip"
_LOCAL = b"PK\x03\x04"
_EMPTY = b"PK\x05\x06"
_LOCAL_HEADER = struct.Struct("<4s2xHHHHIIIHH")  # APPNOTE.TXT 4.3.7
_SIZE_FOLLOWS = 0x08  # of the flags: sizes stand behind the data
_ENCRYPTED = 0x01
_STORED, _DEFLATED = 0, 8
_PIECE = 64 * 1024


def recognise(head: bytes) -> bool:
    return head.startswith((_LOCAL, _EMPTY))


def members(file: BinaryIO, problems: list[Problem], source: str, meter: Meter) -> Iterator[Member]:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, OverflowError) as error:
        problems.append(Problem(source, None, f"cut off or damaged, read without its directory: {error}", "data_loss"))
        yield from _without_directory(file, problems, source, meter)
        return
    links = 0
    with archive:
        for info in sorted(archive.infolist(), key=lambda each: each.header_offset):
            meter.member()
            mode = info.external_attr >> 16
            if stat.S_ISLNK(mode) and not is_zone_link(info.filename):  # its content is its target
                links += 1
            elif not info.filename.endswith("/"):  # is_dir() fails on an empty name
                try:
                    content = archive.open(info)
                except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError) as error:
                    # RuntimeError: a password is needed. NotImplementedError: packed in a way that Python does not know.
                    problems.append(Problem(f"{source}!{info.filename}", None, f"cannot be read: {error}", "data_loss"))
                    continue
                with content:
                    yield Member(info.filename, _mtime(info.date_time), Reader(content.read, TEXT), info.compress_size)
    if links:
        problems.append(Problem(source, None, f"holds {links} links: not followed", "info"))


def _mtime(when: tuple[int, ...]) -> datetime | None:
    try:
        year, month, day, hour, minute, second = when
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC) if year > 1980 else None
    except ValueError:
        return None


def _without_directory(file: BinaryIO, problems: list[Problem], source: str, meter: Meter) -> Iterator[Member]:
    file.seek(0)
    while (at := _next_header(file)) is not None:
        file.seek(at)
        header = file.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size:
            return
        _, flags, method, _, _, _, packed, _, name_size, extra_size = _LOCAL_HEADER.unpack(header)
        name = file.read(name_size).decode("utf-8", "backslashreplace")
        file.seek(extra_size, 1)
        start = file.tell()
        if name.endswith("/"):
            continue
        meter.member()
        if flags & _ENCRYPTED or (method not in (_STORED, _DEFLATED)) or (method == _STORED and flags & _SIZE_FOLLOWS):
            problems.append(Problem(f"{source}!{name}", None, "cannot be read without the directory", "data_loss"))
            continue
        if method == _STORED:
            yield Member(name, None, Reader(Exactly(file, packed).read))
            file.seek(start + packed)
        else:
            inflating = _Inflate(file)
            yield Member(name, None, Reader(inflating.read, TEXT), packed or None)
            file.seek(inflating.end())


def _next_header(file: BinaryIO) -> int | None:
    """Where the next member begins, from here on."""
    at = file.tell()
    before = b""
    while piece := file.read(_PIECE):
        found = (before + piece).find(_LOCAL)
        if found >= 0:
            return at + found - len(before)
        at += len(piece)
        before = piece[-3:]
    return None


class _Inflate:
    """A deflated member, which itself knows where it ends."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._zlib = zlib.decompressobj(wbits=-15)

    def read(self, size: int) -> bytes:
        while not self._zlib.eof:
            packed = self._zlib.unconsumed_tail or self._file.read(_PIECE)
            if not packed:
                raise OSError("cut off")
            if data := self._zlib.decompress(packed, size):
                return data
        return b""

    def end(self) -> int:
        """Where the member ends in the file, once what nobody read is passed over."""
        with suppress(zlib.error, OSError):
            while self.read(_PIECE):
                pass
        return self._file.tell() - len(self._zlib.unused_data)
