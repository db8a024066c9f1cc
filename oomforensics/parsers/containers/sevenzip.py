"""7z, by py7zr (an extra). It pushes what it unpacks, so it runs in a thread of its own that is never far ahead."""

from __future__ import annotations

import importlib
import io
import queue
import threading
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from oomforensics.parsers.containers.member import Member, Reader
from oomforensics.parsers.containers.meter import Meter
from oomforensics.parsers.records import Problem

NAME = "7z"
_MAGIC = b"7z\xbc\xaf\x27\x1c"
_AHEAD = 16  # pieces unpacked and not yet read
_PIECE = 1 << 20


def recognise(head: bytes) -> bool:
    return head.startswith(_MAGIC)


def members(file: BinaryIO, problems: list[Problem], source: str, meter: Meter) -> Iterator[Member]:
    try:
        py7zr = importlib.import_module("py7zr")
    except ImportError:
        reason = "is packed with 7z, which needs the package py7zr: pip install 'oomforensics[7z]'"
        problems.append(Problem(source, None, reason))
        return
    try:
        archive = py7zr.SevenZipFile(file)
    except Exception as error:  # of py7zr, lzma, struct: all mean that it is no whole archive
        problems.append(Problem(source, None, f"cut off or damaged: {_short(error)}", "data_loss"))
        return
    with archive:
        if archive.needs_password():
            problems.append(Problem(source, None, "is encrypted", "data_loss"))
            return
        wanted, refused = [], 0
        try:
            listed = archive.list()
        except Exception as error:  # of py7zr: dates out of range, attributes that contradict each other
            problems.append(Problem(source, None, f"cut off or damaged: {_short(error)}", "data_loss"))
            return
        for info in listed:
            meter.member()
            if info.is_file and not info.is_symlink and _is_inside(info.filename):
                wanted.append(info)
            elif not info.is_directory:
                refused += 1
        if refused:
            problems.append(Problem(source, None, f"holds {refused} links or names that lead out: not read", "info"))
        mtimes = {info.filename: info.creationtime for info in wanted}
        packed = file.seek(0, io.SEEK_END)
        unpacker = _Unpacker(archive, list(mtimes))
        try:
            for name in unpacker.names():
                yield Member(name, mtimes.get(name), Reader(unpacker.read), packed)
        finally:
            unpacker.stop()
        if unpacker.error is not None:
            problems.append(Problem(source, None, f"cut off or damaged: {_short(unpacker.error)}", "data_loss"))


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


class _Stopped(Exception):
    """Nobody reads any more."""


class _Unpacker:
    """Runs py7zr and hands its output on: a name, then pieces, then None."""

    def __init__(self, archive: Any, names: list[str]) -> None:
        self.error: BaseException | None = None
        self._pieces: queue.Queue[str | bytes | None] = queue.Queue(_AHEAD)
        self._stopping = threading.Event()
        self._rest = b""
        self._in_member = False
        self._next: str | None = None
        self._thread = threading.Thread(target=self._run, args=(archive, names), daemon=True)
        self._thread.start()

    def names(self) -> Iterator[str]:
        while True:
            while self._in_member:  # what the reader left unread
                self.read(_PIECE)
            name, self._next = self._next, None
            piece = name if name is not None else self._pieces.get()
            if piece is None:
                return
            if isinstance(piece, str):
                self._in_member = True
                yield piece

    def read(self, size: int) -> bytes:
        while not self._rest and self._in_member:
            piece = self._pieces.get()
            if isinstance(piece, bytes):
                self._rest = piece
            else:
                self._in_member = False
                self._next = piece
                if piece is None:
                    self._pieces.put(None)
                    if self.error is not None:
                        raise OSError(f"cut off or damaged: {_short(self.error)}")
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def stop(self) -> None:
        self._stopping.set()
        while self._thread.is_alive():
            try:
                self._pieces.get(timeout=0.05)
            except queue.Empty:
                continue
        self._thread.join()

    def _run(self, archive: Any, names: list[str]) -> None:
        try:
            archive.extract(targets=names, factory=_factory(self._put))
        except _Stopped:
            pass
        except BaseException as error:
            self.error = error
        finally:
            if not self._stopping.is_set():
                self._pieces.put(None)

    def _put(self, piece: str | bytes) -> None:
        while not self._stopping.is_set():
            try:
                self._pieces.put(piece, timeout=0.2)
                return
            except queue.Full:
                continue
        raise _Stopped


def _factory(put: Any) -> Any:
    """A py7zr WriterFactory whose writers pass everything on; made here because py7zr is an extra."""
    bases = importlib.import_module("py7zr.io")

    class Writer(bases.Py7zIO):  # type: ignore[misc, name-defined]
        def __init__(self, name: str) -> None:
            self._name: str | None = name
            self._size = 0

        def write(self, data: bytes | bytearray) -> int:
            if self._name is not None:
                put(self._name)
                self._name = None
            self._size += len(data)
            put(bytes(data))
            return len(data)

        def read(self, size: int | None = None) -> bytes:
            return b""

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

        def flush(self) -> None:
            return

        def size(self) -> int:
            return self._size

    class Factory(bases.WriterFactory):  # type: ignore[misc, name-defined]
        def create(self, filename: str) -> Any:
            return Writer(filename)

    return Factory()
