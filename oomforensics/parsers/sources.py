"""Files, folders and standard input, as sources of records.

    for source in iter_sources(["/var/log", "-"], sys.stdin.buffer):
        if isinstance(source, Source):
            yield from read_source(source, timezone=UTC, problems=problems)

Nothing here raises because of what lies on the disk: what cannot be read is a Problem, in the order it was met. Devices,
pipes and links that lead out of a folder are never opened: evidence may have been put together by an enemy.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from oomforensics.parsers import scan
from oomforensics.parsers.compressed import Peeked, Readable, unpack
from oomforensics.parsers.framings import Reader, journal_export
from oomforensics.parsers.framings.base import Context
from oomforensics.parsers.lines import lines
from oomforensics.parsers.records import Problem, Record, SourceInfo
from oomforensics.parsers.unheard import heard

HEAD = 64 * 1024  # looked at to tell what a source is
FULL_HASH = 64 * 1024 * 1024  # a larger source is hashed by samples
SAMPLE = 4 * 1024  # bytes of each SAMPLE_EVERY
SAMPLE_EVERY = 1024 * 1024

_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_CONTROL = bytes(set(range(1, 32)) - set(b"\t\n\r\b\f\x1b\x1e"))  # found in no log
_EARLIEST = datetime(1991, 8, 25, tzinfo=UTC)  # a file older than Linux has a wrong date


class Stream(Readable, Protocol):
    """An open source."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Source:
    """A named stream of bytes that can be opened, possibly packed."""

    name: str
    mtime: datetime | None
    opener: Callable[[], Stream]

    def open(self) -> Stream:
        return self.opener()


def iter_sources(paths: Sequence[str], stdin: BinaryIO | None = None) -> Iterator[Source | Problem]:
    """What the paths name, folders in the order of their names."""
    for path in paths:
        if path == "-":
            yield _standard_input(stdin)
        else:
            yield from _named(Path(path))


def _standard_input(stdin: BinaryIO | None) -> Source | Problem:
    if stdin is None:
        return Problem("-", None, "there is no standard input")
    raw = cast(Stream, getattr(stdin, "raw", stdin))  # unbuffered where there is a choice
    return Source("-", None, lambda: raw)


def _named(path: Path) -> Iterator[Source | Problem]:
    try:
        info = path.stat()
    except (OSError, ValueError) as error:
        yield Problem(str(path), None, f"cannot be read: {_reason(error)}")
        return
    if stat.S_ISDIR(info.st_mode):
        yield from _folder(path, path.resolve())
    elif stat.S_ISFIFO(info.st_mode) and path.parent in (Path("/dev/fd"), Path("/proc/self/fd")):
        yield Source(str(path), None, lambda: path.open("rb", buffering=0))  # the shell's <(command)
    else:
        yield _file(path, info)


def _folder(folder: Path, root: Path) -> Iterator[Source | Problem]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        yield Problem(str(folder), None, f"folder cannot be read: {_reason(error)}")
        return
    for entry in entries:
        path = Path(entry.path)
        try:
            if entry.is_symlink():
                yield from _link(path, root)
            elif entry.is_dir(follow_symlinks=False):
                yield from _folder(path, root)
            else:
                yield _file(path, entry.stat(follow_symlinks=False))
        except OSError as error:
            yield Problem(str(path), None, f"cannot be read: {_reason(error)}")


def _link(path: Path, root: Path) -> Iterator[Problem]:
    """A link to something in the same folder is met there under its own name; any other is not followed."""
    try:
        if not path.resolve(strict=True).is_relative_to(root):
            yield Problem(str(path), None, "symbolic link that leads out of the folder: not followed", "info")
    except (OSError, RuntimeError):
        yield Problem(str(path), None, "symbolic link that leads nowhere: not followed", "info")


def _file(path: Path, info: os.stat_result) -> Source | Problem:
    if not stat.S_ISREG(info.st_mode):
        return Problem(str(path), None, f"{_kind(info.st_mode)}: not opened", "info")
    return Source(str(path), datetime.fromtimestamp(info.st_mtime, UTC), lambda: _open_regular(path))


def _open_regular(path: Path) -> Stream:
    # It may have become a pipe since it was looked at; O_NONBLOCK keeps the open from waiting for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"is no longer a file: {path}")
    return os.fdopen(descriptor, "rb", buffering=0)


def _kind(mode: int) -> str:
    kinds = (
        (stat.S_ISFIFO, "named pipe"),
        (stat.S_ISSOCK, "socket"),
        (stat.S_ISCHR, "character device"),
        (stat.S_ISBLK, "block device"),
    )
    return next((name for test, name in kinds if test(mode)), "not a file")


def _reason(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def read_source(
    source: Source,
    *,
    timezone: tzinfo,
    host: str | None = None,
    problems: list[Problem],
    info: SourceInfo | None = None,
) -> Iterator[Record]:
    """The records of a source. `info` is filled while they are read, and is complete after the last one."""
    info = SourceInfo(source.name) if info is None else info
    try:
        stream = source.open()
    except (OSError, ValueError) as error:
        problems.append(Problem(source.name, None, f"cannot be opened: {_reason(error)}"))
        return
    try:
        yield from _read(stream, source, timezone, host, problems, info)
    except OSError as error:
        problems.append(Problem(source.name, None, f"reading stopped: {_reason(error)}", "data_loss"))
    finally:
        if source.name != "-":
            stream.close()


def _read(
    stream: Readable,
    source: Source,
    timezone: tzinfo,
    host: str | None,
    problems: list[Problem],
    info: SourceInfo,
) -> Iterator[Record]:
    try:
        tee = _Tee(Peeked(unpack(Peeked(stream, 16), problems, source.name), HEAD), info)
    except LookupError as error:
        problems.append(Problem(source.name, None, str(error)))
        return
    refusal = _refusal(tee.head)
    if refusal is not None:
        problems.append(Problem(source.name, None, *refusal))
        return
    now = datetime.now(UTC)
    mtime = source.mtime
    not_after = now if mtime is None or mtime < _EARLIEST else mtime
    context = Context(source.name, timezone, not_after, host)
    windows = scan.windows(tee, problems, source.name)
    if journal_export.recognise(tee.head):
        info.framing = journal_export.NAME
        found = journal_export.records(windows, context, problems)
        reader = None
    else:
        reader = Reader(context, problems)
        found = reader.records(_lines(windows, problems, source.name))
    for record in found:
        info.records += 1
        yield record
    if reader is not None and reader.seen:
        info.framing = reader.seen.most_common(1)[0][0]
    info.sha256 = tee.digest()


def _lines(windows: Iterable[scan.Window], problems: list[Problem], source: str) -> Iterator[tuple[int, bytes]]:
    for window in windows:
        data = window.data
        if window.offset == 0:
            bom = next((each for each in _BOMS if data.startswith(each)), b"")
            data = data[len(bom) :]
        for number, part in heard(data, window.line) if window.excerpt else [(window.line, data)]:
            yield from lines([part], problems, source, number)


def _refusal(head: bytes) -> tuple[str, str] | None:
    """Why a source that begins like this is not read, and how bad that is."""
    if not head:
        return "is empty", "info"
    if head.startswith(b"LPKSHHRH"):
        return "is a binary journal: export it with `journalctl --file … -o export`", "error"
    text = head.replace(b"\0", b"")  # logs that were preallocated begin with NUL bytes; UTF-16 has one a letter
    controls = len(text) - len(text.translate(None, _CONTROL))
    if controls * 20 > len(text):
        return "is not a log: its first bytes are no text", "info"
    if not text and len(head) < HEAD:
        return "holds nothing but NUL bytes", "info"
    return None


class _Tee:
    """Counts and hashes what is read through it."""

    def __init__(self, stream: Peeked, info: SourceInfo) -> None:
        self._stream = stream
        self._info = info
        self._full = hashlib.sha256()
        self._samples = hashlib.sha256()
        self.head = stream.head

    def readinto(self, buffer: memoryview, /) -> int | None:
        count = self._stream.readinto(buffer)
        if count:
            at = self._info.size_bytes
            if at < FULL_HASH:
                self._full.update(buffer[:count])
            for start in range(at - at % SAMPLE_EVERY, at + count, SAMPLE_EVERY):
                self._samples.update(buffer[max(start - at, 0) : max(min(start + SAMPLE - at, count), 0)])
            self._info.size_bytes += count
        return count

    def digest(self) -> str | None:
        """SHA-256 of all that was read, or of samples of it, which then says so."""
        size = self._info.size_bytes
        if size <= FULL_HASH:
            return self._full.hexdigest()
        self._samples.update(b"%d" % size)
        return f"sampled:{self._samples.hexdigest()}"
