"""The records of an opened log, whatever its framing.

    for record in read(opened, timezone=UTC): ...

Rows of a task table may come many at a time, as one `Rows` (see runs.py). Does not raise because of what the log holds: that
is in `opened.info.problems`.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any, BinaryIO, cast

from oomforensics.parsers import journal_file, newest_first, runs, scan
from oomforensics.parsers.compressed import Peeked
from oomforensics.parsers.framings import Reader, journal_export
from oomforensics.parsers.framings.base import Context
from oomforensics.parsers.opened import HEAD, Opened
from oomforensics.parsers.records import PAUSE, PAUSED_LINE, Problem, Record, SourceInfo
from oomforensics.parsers.runs import Rows, Run
from oomforensics.parsers.sources import reason
from oomforensics.parsers.unheard import heard

FULL_HASH = 64 * 1024 * 1024  # a larger source is hashed by samples
SAMPLE = 4 * 1024  # bytes of each SAMPLE_EVERY
SAMPLE_EVERY = 1024 * 1024

_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_CONTROL = bytes(set(range(1, 32)) - set(b"\t\n\r\b\f\x1b\x1e"))  # found in no log
_EARLIEST = datetime(1991, 8, 25, tzinfo=UTC)  # a file older than Linux has a wrong date


def read(opened: Opened, *, timezone: tzinfo, host: str | None = None) -> Iterator[Record | Rows]:
    """The records of a log. `opened.info` is filled while they are read, and is complete after the last one."""
    if opened.stream is None:
        return
    info, problems = opened.info, opened.info.problems
    if opened.stream.head.startswith(journal_file.MAGIC):
        yield from _journal(opened, timezone, host)
        return
    refusal = _refusal(opened.stream.head)
    if refusal is not None:
        problems.append(Problem(info.name, None, *refusal))
        return
    try:
        yield from _read(_Tee(opened.stream, info, opened.at_least), opened.mtime, info, timezone, host)
    except OSError as error:
        problems.append(Problem(info.name, None, f"reading stopped: {reason(error)}", "data_loss"))


def _journal(opened: Opened, timezone: tzinfo, host: str | None) -> Iterator[Record]:
    """A binary journal, which is read by seeking. Its hash is of samples: what is not a kernel's is hardly read."""
    info = opened.info
    info.framing = journal_file.NAME
    try:
        with opened.seekable() as (file, size):
            info.size_bytes = size
            context = Context(info.name, timezone, datetime.now(UTC), host)
            for record in journal_file.records(file, size, context, info.problems):
                info.records += 1
                yield record
            info.sha256 = hash_of(file, size)
    except OSError as error:
        info.problems.append(Problem(info.name, None, f"reading stopped: {reason(error)}", "data_loss"))


def hash_of(file: BinaryIO, size: int) -> str:
    """As of any source of that size (see _Tee)."""
    file.seek(0)
    if size <= FULL_HASH:
        return hashlib.file_digest(cast(io.BufferedIOBase, file), "sha256").hexdigest()
    samples = hashlib.sha256()
    for at in range(0, size, SAMPLE_EVERY):
        file.seek(at)
        samples.update(file.read(SAMPLE))
    return _sampled(samples, size)


def _read(
    tee: _Tee, mtime: datetime | None, info: SourceInfo, timezone: tzinfo, host: str | None
) -> Iterator[Record | Rows]:
    not_after = datetime.now(UTC) if mtime is None or mtime < _EARLIEST else mtime
    context = Context(info.name, timezone, not_after, host)
    windows = scan.windows(tee, info.problems, info.name)
    reader = None
    if journal_export.recognise(tee.head):
        info.framing = journal_export.NAME
        found: Iterator[Record | Rows] = journal_export.records(windows, context, info.problems)
    else:
        reader = Reader(context, info.problems)
        found = reader.records(_lines(windows, info))
    for record in newest_first.oldest_first(found, info):
        info.records += record.run.count if isinstance(record, Rows) else record is not PAUSE
        yield record
    if reader is not None and reader.seen:
        info.framing = reader.seen.most_common(1)[0][0]
    info.sha256 = tee.digest()


def _lines(windows: Iterable[scan.Window], info: SourceInfo) -> Iterator[tuple[int, bytes | Run]]:
    for window in windows:
        if window is scan.PAUSE:
            yield PAUSED_LINE
            continue
        data = window.data
        if window.offset and not window.adjoins:
            info.jumps.append(window.line)
        if window.offset == 0:
            bom = next((each for each in _BOMS if data.startswith(each)), b"")
            data = data[len(bom) :]
        for number, part in heard(data, window.line) if window.excerpt else [(window.line, data)]:
            yield from runs.lines(part, info.problems, info.name, number)


def _refusal(head: bytes) -> tuple[str, str] | None:
    """Why a source that begins like this is not read, and how bad that is."""
    if not head:
        return "is empty", "info"
    text = head.replace(b"\0", b"")  # logs that were preallocated begin with NUL bytes; UTF-16 has one a letter
    controls = len(text) - len(text.translate(None, _CONTROL))
    if controls * 20 > len(text):
        return "is not a log: its first bytes are no text", "info"
    if not text and len(head) < HEAD:
        return "holds nothing but NUL bytes", "info"
    return None


class _Tee:
    """Counts and hashes what is read through it. Where `at_least` so many bytes are known to come, samples may do."""

    def __init__(self, stream: Peeked, info: SourceInfo, at_least: int) -> None:
        self._stream = stream
        self._info = info
        self._full = hashlib.sha256() if at_least <= FULL_HASH else None
        self._samples = hashlib.sha256()
        self.head = stream.head

    def readinto(self, buffer: memoryview, /) -> int | None:
        count = self._stream.readinto(buffer)
        if count:
            at = self._info.size_bytes
            if self._full is not None and at < FULL_HASH:
                self._full.update(buffer[:count])
            for start in range(at - at % SAMPLE_EVERY, at + count, SAMPLE_EVERY):
                self._samples.update(buffer[max(start - at, 0) : max(min(start + SAMPLE - at, count), 0)])
            self._info.size_bytes += count
        return count

    def digest(self) -> str | None:
        """SHA-256 of all that was read, or of samples of it, which then says so. None: a large file became a small one."""
        size = self._info.size_bytes
        if size > FULL_HASH:
            return _sampled(self._samples, size)
        return None if self._full is None else self._full.hexdigest()


def _sampled(samples: Any, size: int) -> str:
    samples.update(b"%d" % size)
    return f"sampled:{samples.hexdigest()}"
