"""Writes the files of a spool in a thread of its own, and brings them to the disk in another.

A disk that is slow, or memory that is short, must not keep the recorder from looking: in a guest of Linux 7.2 that swapped,
a write of some hundred bytes took up to 412 ms, on a disk that was not busy.
"""

from __future__ import annotations

import _thread
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SUFFIX = ".oomspool"
_MOST = 2 << 20  # bytes that wait to be written; what comes then is lost
_STACK = 128 << 10  # bytes, of each thread; all of it is locked in memory


def segment_name(number: int) -> str:
    return f"{number:08d}{SUFFIX}"


class _Syncer:
    """Brings a file to the disk while others are written."""

    __slots__ = ("_done", "_fd", "_idle", "_wake", "failed")

    def __init__(self, done: Callable[[], None]) -> None:
        self.failed = 0
        self._done = done
        self._fd = -1
        self._idle = _thread.allocate_lock()  # held while a file is being synced
        self._wake = _thread.allocate_lock()
        self._wake.acquire()
        _thread.start_new_thread(self._run, ())

    @property
    def busy(self) -> bool:
        return self._idle.locked()

    def begin(self, fd: int) -> None:
        """To be called where it is not busy."""
        self._idle.acquire()
        self._fd = fd
        self._wake.release()

    def close(self) -> None:
        self.wait()
        self.begin(-1)

    def wait(self) -> None:
        """Nothing is under way when this returns."""
        self._idle.acquire()
        self._idle.release()

    def _run(self) -> None:
        while True:
            self._wake.acquire()
            if self._fd < 0:
                return
            try:
                os.fdatasync(self._fd)
            except OSError:
                self.failed += 1
            self._idle.release()
            self._done()


class Writer:
    """Segments are written one after the other. Raises OSError from `__init__` only."""

    __slots__ = (
        "_epoch", "_failed", "_fd", "_folder_fd", "_frames", "_idle", "_known_epoch", "_lock", "_queue", "_size", "_sync",
        "_syncer", "_torn", "_waiting", "_wake", "_working", "lost_frames", "refused",
    )  # fmt: skip

    def __init__(self, directory: str, number: int) -> None:
        self._folder_fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        self.lost_frames = 0
        self.refused = 0  # removals of files that failed
        # Segment, epoch and frame; no frame: that segment begins; the number of a segment below zero: it goes.
        self._queue: list[tuple[int, int, bytes | None]] = []
        self._waiting = 0  # bytes of the queue and of what was taken from it
        self._failed: tuple[int, int, int] | None = None  # that nobody has taken yet
        self._torn = 0  # the segment where the last failure was
        self._epoch = self._known_epoch = 0  # failures; those that were taken
        self._sync = False
        self._working = False
        self._size = self._frames = 0  # of the segment that is open
        self._fd = self._opened(number)
        self._lock = _thread.allocate_lock()
        self._idle = _thread.allocate_lock()  # held while there is something to do
        self._wake = _thread.allocate_lock()
        self._wake.acquire()
        _thread.stack_size(_STACK)
        self._syncer = _Syncer(self._sync_again)
        _thread.start_new_thread(self._run, ())

    @property
    def failed_syncs(self) -> int:
        return self._syncer.failed

    def put(self, number: int, raw: bytes) -> bool:
        """A frame of a segment; False where too much is waiting already."""
        with self._lock:
            if self._waiting + len(raw) > _MOST:
                return False
            self._waiting += len(raw)
            self._add(number, raw)
        return True

    def begin(self, number: int) -> None:
        """What is put from now on goes into a new segment."""
        with self._lock:
            self._add(number, None)

    def drop(self, number: int) -> None:
        with self._lock:
            self._add(-number, None)

    def sync(self) -> None:
        """Bring all that was put until now to the disk, when it is written and the last time is over."""
        with self._lock:
            self._sync = True
            self._start()

    def take_failure(self) -> tuple[int, int, int] | None:
        """Where a frame could not be written: the segment, how many frames and bytes it has.

        All that was put into that segment since, until this is called, is lost.
        """
        if self._failed is None:
            return None
        with self._lock:
            failed, self._failed, self._known_epoch = self._failed, None, self._epoch
        return failed

    def flush(self) -> None:
        """All that was put is written, as far as it can be, when this returns."""
        self._idle.acquire()
        self._idle.release()

    def close(self) -> None:
        """And on the disk; the threads end."""
        with self._lock:
            self._sync = False  # the last one is ours
        self.flush()
        self._finish()
        self._syncer.close()
        os.close(self._folder_fd)
        self._folder_fd = -1
        if self._wake.locked():
            self._wake.release()

    # Below this the lock is held.

    def _add(self, number: int, raw: bytes | None) -> None:
        self._queue.append((number, self._known_epoch, raw))
        self._start()

    def _start(self) -> None:
        if not self._working:
            self._working = True
            self._idle.acquire()
        if self._wake.locked():
            self._wake.release()

    # Below this we are in one of the threads.

    def _sync_again(self) -> None:
        """One sync is over; another may have been asked for meanwhile."""
        with self._lock:
            if self._sync:
                self._start()

    def _run(self) -> None:
        while True:
            self._wake.acquire()
            if self._folder_fd < 0:
                return
            while self._work():
                pass

    def _work(self) -> bool:
        """False: nothing is left to do."""
        with self._lock:
            items, self._queue = self._queue, []
            due = self._sync and not self._syncer.busy
            if not items and not due:
                if self._working:  # else woken for something that was done already
                    self._working = False
                    self._idle.release()
                return False
            self._sync = self._sync and not due
        for number, epoch, raw in items:
            if raw is not None:
                self._write(number, epoch, raw)
                with self._lock:
                    self._waiting -= len(raw)
            elif number < 0:
                self._remove(segment_name(-number))
            else:
                self._finish()
                self._reopen(number)
        if due and self._fd >= 0:
            self._syncer.begin(self._fd)
        return True

    def _remove(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._folder_fd)
        except FileNotFoundError:
            pass
        except OSError:
            self.refused += 1

    def _write(self, number: int, epoch: int, raw: bytes) -> None:
        if number == self._torn and epoch != self._epoch:
            self.lost_frames += 1  # it counts on the frame that is missing
            return
        if self._fd < 0:
            self._reopen(number)
        try:
            done = os.write(self._fd, raw) if self._fd >= 0 else 0
            if 0 < done != len(raw):
                os.ftruncate(self._fd, self._size)
        except OSError:
            done = 0
        if done == len(raw):
            self._size += done
            self._frames += 1
            return
        self.lost_frames += 1
        with self._lock:
            self._epoch += 1
            self._torn, self._failed = number, (number, self._frames, self._size)

    def _reopen(self, number: int) -> None:
        """Where it cannot be opened, the frames that are for it fail, and each tries again."""
        self._size = self._frames = 0
        try:
            self._fd = self._opened(number)
        except OSError:
            self._fd = -1

    def _opened(self, number: int) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        fd = os.open(segment_name(number), flags, 0o640, dir_fd=self._folder_fd)
        try:
            os.fsync(self._folder_fd)
        except OSError:
            os.close(fd)
            self._remove(segment_name(number))
            raise
        return fd

    def _finish(self) -> None:
        """The present segment is on the disk, and closed."""
        if self._fd < 0:
            return
        self._syncer.wait()
        try:
            os.fdatasync(self._fd)
        except OSError:
            self._syncer.failed += 1
        os.close(self._fd)
        self._fd = -1
