"""Ctrl-C as the end of what is being read: what was read until then is kept. A second Ctrl-C ends at once."""

from __future__ import annotations

import io
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, cast

from oomforensics.parsers.sources import Stream


class Stopped(OSError):
    """Raised by a stream of which no more will be read."""


class _Woken(Exception):
    """Raised out of a read that waits, by the signal's handler."""


class Stop:
    """Whether to stop. One for a process."""

    def __init__(self) -> None:
        self.requested = False
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
        try:
            self._waiting = True
            if not self.requested:
                return stream.readinto(buffer)
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
    """A pipe: Ctrl-C is how people end `journalctl -kf | oomforensics ingest -`."""

    def __init__(self, stream: Stream, stop: Stop) -> None:
        self._stream, self._stop = stream, stop

    def readinto(self, buffer: memoryview, /) -> int | None:
        try:
            return self._stop.readinto(self._stream, buffer)
        except Stopped:
            return 0

    def close(self) -> None:
        self._stream.close()
