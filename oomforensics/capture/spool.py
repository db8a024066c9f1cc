"""The spool: a folder of append-only segments `NNNNNNNN.oomspool`, each beginning with a header that describes it.

A ring: where a maximum size is given, the oldest segments go first, but never those next to an OOM. When nothing is
left that may go, `full` says so: samples stop, events go on up to twice the size.
"""

from __future__ import annotations

import fcntl
import os

from oomforensics.capture import frame
from oomforensics.capture.writer import SUFFIX, Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LOCK = "lock"
_SEGMENT = 16 << 20  # bytes after which a new segment begins
_SMALLEST_SEGMENT = 64 << 10
_SEGMENTS = 32  # in a ring
_BUILDING = (frame.PROCESSES, frame.CGROUPS)  # kinds that count on what was written before, beyond a chain
_CHAIN = 60  # frames of a kind after which one is stored on its own: what a damaged frame can take with it


class Busy(Exception):
    """Another recorder writes to this spool."""


def segment_number(name: str) -> int | None:
    stem = name[: -len(SUFFIX)]
    return int(stem) if name.endswith(SUFFIX) and len(stem) == 8 and stem.isdigit() and stem.isascii() else None


def segments(directory: str) -> list[str]:
    """Names, oldest first."""
    return sorted(name for name in os.listdir(directory) if segment_number(name) is not None)


def recorder_pid(directory: str) -> int | None:
    """Who holds the lock; None where nobody records. Raises OSError."""
    try:
        fd = os.open(os.path.join(directory, LOCK), os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        written = os.pread(fd, 32, 0).strip()
        return int(written) if written.isdigit() else 0
    finally:
        os.close(fd)
    return None


class Spool:
    """What the recorder writes to. Raises OSError and Busy only from `__init__`."""

    __slots__ = (
        "_again",
        "_bases",
        "_chained",
        "_directory",
        "_header",
        "_limit",
        "_lock",
        "_max_size",
        "_number",
        "_oom",
        "_refused",
        "_sequence",
        "_size",
        "_sizes",
        "_unsynced",
        "_writer",
        "full",
        "total",
    )

    def __init__(self, directory: str, header: Callable[[], bytes], mono_ns: int, max_size: int | None = None) -> None:
        os.makedirs(directory, mode=0o750, exist_ok=True)
        self._directory = directory
        self._header = header
        self._max_size = max_size
        self._limit = _SEGMENT
        if max_size is not None:
            self._limit = min(_SEGMENT, max(_SMALLEST_SEGMENT, max_size // _SEGMENTS))
        self._lock = _locked(directory)
        self._sizes: dict[int, int] = {}
        self._oom: set[int] = set()  # segments in which an OOM happened
        for name in segments(directory):
            number = int(name[:8])
            path = os.path.join(directory, name)
            self._sizes[number] = os.stat(path).st_size
            if _holds_oom(path):
                self._oom.add(number)
        self.full = False
        self._refused = 0  # frames that the writer had no room for
        self.total = sum(self._sizes.values())  # bytes of all segments
        self._unsynced = False
        self._size = 0
        self._sequence = 0
        self._bases: dict[int, bytes] = {}
        self._chained: dict[int, int] = {}
        self._again: set[int] = set()  # kinds whose next frame must not count on those before
        self._number = max(self._sizes, default=0) + 1
        self._writer = Writer(directory, self._number)
        self._restart(0, 0)
        self.write(frame.HEADER, header(), mono_ns)
        self.flush()

    def turn(self, mono_ns: int) -> bool:
        """Begin a new segment where the present one has had its share. True: values must be written in full again."""
        self._make_room()
        if self.full or self._size < self._limit:
            return False
        self._number += 1
        self._writer.begin(self._number)
        self._restart(0, 0)
        self._again.clear()
        self.write(frame.HEADER, self._header(), mono_ns)
        return True

    def write(self, kind: int, payload: bytes, mono_ns: int, flags: int = 0, chain: bool = False) -> bool:
        """Append a frame; False where it could not be. `chain`: mostly the same as the one of its kind before.

        A frame that the disk refuses is known only later: then the next of each kind that builds on it is not taken either,
        so that its writer begins anew.
        """
        self._heed_failure(mono_ns)
        if kind in self._again:
            self._again.discard(kind)
            return False
        if self.full and (kind in (frame.PROCESSES, frame.CGROUPS, frame.SYSTEM) or self._beyond()):
            self._forget(kind)
            return False
        base = None
        if chain and self._chained.get(kind, 0) < _CHAIN:
            base = self._bases.get(kind)
        stored, how = frame.pack(payload, base)
        if len(stored) > frame.MAX_STORED or len(payload) > frame.MAX_PAYLOAD:
            self._forget(kind)
            return False
        head = frame.head(kind, flags | how, self._sequence, mono_ns, stored)
        if not self._append(head + stored):
            self._forget(kind)
            return False
        if chain:
            self._bases[kind] = payload
            self._chained[kind] = self._chained.get(kind, 0) + 1 if how & frame.CHAINED else 0
        else:
            self._forget(kind)  # a reader chains to the frame before, whoever wrote it
        if flags & frame.OOM:
            self._oom.add(self._number)
        return True

    def sync(self) -> None:
        """Begin to bring what was written to the disk; where the last time still takes, as soon as it is over."""
        if self._unsynced:
            self._writer.sync()
            self._unsynced = False

    def flush(self) -> None:
        """What was written is in its file when this returns, though perhaps not on the disk."""
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()
        os.close(self._lock)

    @property
    def lost_frames(self) -> int:
        """That could not be written: no space, an error of the disk, or it was too slow for too long."""
        return self._refused + self._writer.lost_frames

    @property
    def failures(self) -> int:
        """Of fsync, and of removing the oldest segments."""
        return self._writer.failed_syncs + self._writer.refused

    @property
    def directory(self) -> str:
        return self._directory

    @property
    def number(self) -> int:
        """Of the segment that is being written."""
        return self._number

    def _restart(self, frames: int, size: int) -> None:
        """The present segment has so many frames and bytes; what follows counts on none of them."""
        self.total += size - self._sizes.get(self._number, 0)
        self._sizes[self._number] = self._size = size
        self._sequence = frames
        self._bases = {}
        self._chained = {}

    def _heed_failure(self, mono_ns: int) -> None:
        failed = self._writer.take_failure()
        if failed is None or failed[0] != self._number:
            return
        _, frames, size = failed
        self._restart(frames, size)
        self._again = set(_BUILDING)
        if not frames:
            self.write(frame.HEADER, self._header(), mono_ns)

    def _append(self, raw: bytes) -> bool:
        if not self._writer.put(self._number, raw):
            self._refused += 1
            return False
        self._size += len(raw)
        self._sizes[self._number] = self._size
        self.total += len(raw)
        self._sequence += 1
        self._unsynced = True
        return True

    def _forget(self, kind: int) -> None:
        self._bases.pop(kind, None)

    def _beyond(self) -> bool:
        return self._max_size is not None and self.total > 2 * self._max_size

    def _make_room(self) -> None:
        if self._max_size is None:
            return
        while self.total + self._limit > self._max_size:
            number = self._oldest_droppable()
            if number is None:
                break
            self._writer.drop(number)
            self.total -= self._sizes.pop(number)
        self.full = self.total > self._max_size

    def _oldest_droppable(self) -> int | None:
        """Neither the present segment, nor one next to an OOM, nor the one before it, where an OOM may come yet."""
        for number in self._sizes:  # in the order in which they began
            if number >= self._number - 1:
                return None
            if not self._oom & {number - 1, number, number + 1}:
                return number
        return None


def _locked(directory: str) -> int:
    fd = os.open(os.path.join(directory, LOCK), os.O_RDWR | os.O_CREAT, 0o640)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        written = os.pread(fd, 32, 0).strip()
        os.close(fd)
        raise Busy(written.decode("ascii", "replace")) from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, b"%d\n" % os.getpid(), 0)
    return fd


def _holds_oom(path: str) -> bool:
    """From the heads alone: a spool of an earlier run keeps what it had to keep."""
    fd = os.open(path, os.O_RDONLY)
    try:
        at = 0
        while (parts := frame.split_head(os.pread(fd, frame.HEAD.size, at))) is not None:
            if parts[1] & frame.OOM:
                return True
            at += frame.HEAD.size + parts[3]
    finally:
        os.close(fd)
    return False
