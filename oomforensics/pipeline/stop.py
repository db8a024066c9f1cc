"""Ctrl-C as the end of what is being read: what was read until then is kept. A second Ctrl-C ends at once."""

from __future__ import annotations

import io
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar, cast

from oomforensics.parsers.sources import Stream

T = TypeVar("T")
PAUSE_S = 0.5  # without a byte; a report's lines follow each other faster
AT_LEAST_EVERY_S = 2.0


class Stopped(OSError):
    """Raised by a stream of which no more will be read."""


class _Woken(Exception):
    """Raised out of a read that waits, by the signal's handler."""


class Stop:
    """Whether to stop. One for a process. `idle` is called when a pipe has had nothing to give for some time."""

    def __init__(self) -> None:
        self.requested = False
        self.idle: Callable[[], None] = lambda: None
        self._waiting = False

    @contextmanager
    def on_interrupt(self) -> Iterator[Stop]:
        """Python lets only the main thread handle signals: in any other, nothing is stopped."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before = signal.signal(signal.SIGINT, self.handle)
        try:
            yield self
        finally:
            signal.signal(signal.SIGINT, before)

    def handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        if self._waiting:
            raise _Woken

    def readinto(self, stream: Stream, buffer: memoryview) -> int | None:
        """What the stream gives. Raises Stopped once a stop is requested."""
        return self._unless_stopped(lambda: stream.readinto(buffer))

    def waits_for(self, stream: Stream, timeout_s: float) -> bool:
        """Whether the stream gives something, or ends, within the time. Raises Stopped once a stop is requested."""
        try:
            descriptor = cast(io.RawIOBase, stream).fileno()
        except (AttributeError, OSError):
            return True  # nothing that can be waited for
        return self._unless_stopped(lambda: bool(select.select([descriptor], [], [], timeout_s)[0]))

    def _unless_stopped(self, wait: Callable[[], T]) -> T:
        try:
            self._waiting = True
            if not self.requested:
                return wait()
        except _Woken:
            pass
        finally:
            self._waiting = False
        raise Stopped("stopped by Ctrl-C")


class Stoppable(io.RawIOBase):
    """A file that is no longer read once a stop is requested."""

    def __init__(self, stream: Stream, stop: Stop) -> None:
        self._stream, self._stop = stream, stop

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        return self._stop.readinto(self._stream, memoryview(buffer))

    def seekable(self) -> bool:
        return isinstance(self._stream, io.RawIOBase) and self._stream.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return cast(io.RawIOBase, self._stream).seek(offset, whence)

    def close(self) -> None:
        self._stream.close()
        super().close()


class EndsWhenStopped:
    """A pipe: Ctrl-C is how people end `journalctl -kf | oomforensics ingest -`. What has come is not held for what may come."""

    def __init__(self, stream: Stream, stop: Stop) -> None:
        self._stream, self._stop = stream, stop
        self.tells_pauses = False
        self._gave = False  # since the last pause
        self._paused_at = time.monotonic()

    def readinto(self, buffer: memoryview, /) -> int | None:
        try:
            while self.tells_pauses and self._pauses():
                self._stop.idle()
                if self._gave:
                    self._gave = False
                    return None
            self._gave = True
            return self._stop.readinto(self._stream, buffer)
        except Stopped:
            return 0

    def _pauses(self) -> bool:
        """Waits for the next bytes, unless all is read that came in a while: some pipes are never at rest."""
        enough = self._gave and time.monotonic() - self._paused_at > AT_LEAST_EVERY_S
        pauses = not self._stop.waits_for(self._stream, 0 if enough else PAUSE_S)
        if pauses:
            self._paused_at = time.monotonic()
        return pauses

    def close(self) -> None:
        self._stream.close()
