"""The spool: a folder of append-only segments `NNNNNNNN.oomspool`, each beginning with a header that describes it.

A ring: where a maximum size is given, the oldest segments go first, but never those next to an OOM. When nothing is
left that may go, `full` says so: samples stop, events go on up to twice the size.
"""

from __future__ import annotations

import _thread
import fcntl
import os

from oomforensics.capture import frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SUFFIX = ".oomspool"
LOCK = "lock"
_SEGMENT = 16 << 20  # bytes after which a new segment begins
_SMALLEST_SEGMENT = 64 << 10
_SEGMENTS = 32  # in a ring
_STACK = 128 << 10  # bytes of the thread that syncs; all of it is locked in memory
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


class _Syncer:
    """Brings a file to the disk in a thread of its own: a slow disk must not keep the recorder from looking."""

    __slots__ = ("_fd", "_idle", "_wake", "failed")

    def __init__(self) -> None:
        self.failed = 0
        self._fd = -1
        self._idle = _thread.allocate_lock()  # held while a file is being synced
        self._wake = _thread.allocate_lock()
        self._wake.acquire()
        _thread.stack_size(_STACK)
        _thread.start_new_thread(self._run, ())

    def begin(self, fd: int) -> bool:
        """False: the last one is still under way."""
        if not self._idle.acquire(blocking=False):
            return False
        self._fd = fd
        self._wake.release()
        return True

    def wait(self) -> None:
        """Nothing is under way when this returns."""
        self._idle.acquire()
        self._idle.release()

    def _run(self) -> None:
        while True:
            self._wake.acquire()
            try:
                os.fdatasync(self._fd)
            except OSError:
                self.failed += 1
            self._idle.release()


class Spool:
    """What the recorder writes to. Raises OSError and Busy only from `__init__`."""

    __slots__ = (
        "_bases",
        "_chained",
        "_directory",
        "_fd",
        "_folder_fd",
        "_header",
        "_limit",
        "_lock",
        "_max_size",
        "_number",
        "_oom",
        "_sequence",
        "_size",
        "_sizes",
        "_syncer",
        "_unsynced",
        "full",
        "lost_frames",
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
        self._folder_fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        self._sizes: dict[int, int] = {}
        self._oom: set[int] = set()  # segments in which an OOM happened
        for name in segments(directory):
            number = int(name[:8])
            path = os.path.join(directory, name)
            self._sizes[number] = os.stat(path).st_size
            if _holds_oom(path):
                self._oom.add(number)
        self.full = False
        self.lost_frames = 0  # that could not be written: no space, an error of the disk
        self.total = sum(self._sizes.values())  # bytes of all segments
        self._fd = -1
        self._syncer = _Syncer()
        self._unsynced = False
        self._size = 0
        self._sequence = 0
        self._bases: dict[int, bytes] = {}
        self._chained: dict[int, int] = {}
        self._number = max(self._sizes, default=0)
        self._begin(mono_ns)

    def turn(self, mono_ns: int) -> bool:
        """Begin a new segment where the present one has had its share. True: values must be written in full again."""
        self._make_room()
        if self.full or self._size < self._limit:
            return False
        self._begin(mono_ns)
        return True

    def write(self, kind: int, payload: bytes, mono_ns: int, flags: int = 0, chain: bool = False) -> bool:
        """Append a frame; False where it could not be written. `chain`: mostly the same as the one of its kind before."""
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
            self._forget(kind)
        if flags & frame.OOM:
            self._oom.add(self._number)
        return True

    def sync(self) -> bool:
        """Begin to bring what was written to the disk; False where the last time still takes, and it must be asked again."""
        if self._unsynced and self._syncer.begin(self._fd):
            self._unsynced = False
        return not self._unsynced

    def close(self) -> None:
        self._finish()
        for fd in (self._folder_fd, self._lock):
            os.close(fd)

    @property
    def failed_syncs(self) -> int:
        return self._syncer.failed

    @property
    def directory(self) -> str:
        return self._directory

    @property
    def number(self) -> int:
        """Of the segment that is being written."""
        return self._number

    def _begin(self, mono_ns: int) -> None:
        if self._fd >= 0:
            self._finish()
        self._number += 1
        path = os.path.join(self._directory, f"{self._number:08d}{SUFFIX}")
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
        self._size = 0
        self._sizes[self._number] = 0
        self._sequence = 0
        self._bases = {}
        self._chained = {}
        self._unsynced = False
        os.fsync(self._folder_fd)
        self.write(frame.HEADER, self._header(), mono_ns)

    def _finish(self) -> None:
        """The present segment is on the disk, and closed."""
        self._syncer.wait()
        try:
            os.fdatasync(self._fd)
        except OSError:
            self._syncer.failed += 1
        os.close(self._fd)

    def _append(self, raw: bytes) -> bool:
        try:
            done = os.write(self._fd, raw)
        except OSError:
            done = 0
        if done != len(raw):
            self.lost_frames += 1
            if done:
                os.ftruncate(self._fd, self._size)
            return False
        self._size += done
        self._sizes[self._number] = self._size
        self.total += done
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
            try:
                os.unlink(f"{number:08d}{SUFFIX}", dir_fd=self._folder_fd)
            except FileNotFoundError:
                pass
            except OSError:
                break
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
