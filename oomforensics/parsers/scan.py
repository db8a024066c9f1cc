"""Finds the parts of a log of any size that are worth parsing: a few literal anchors, searched at memory speed.

    for window in windows(stream, problems, source): parse(window.data)

Little of a log is about memory running out. A window reaches from 16 KiB before an anchor to 64 KiB behind it, in whole
lines; windows that meet are one. A task table can be far longer than that and holds no anchor, so a window also goes on,
both ways, while what is at its edge looks like part of a report. A source that fits in WHOLE bytes is one window.

The three ways to search give the same windows: stringzilla when it is installed, else the C library's memmem, else
bytes.find.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from oomforensics.parsers.records import Problem

KIB = 1024
WHOLE = 4 * KIB * KIB  # a source up to this size is not searched
CHUNK = 256 * KIB  # read and searched at a time: stays in the CPU's cache
HISTORY = 1024 * KIB  # bytes that can still be looked back at
BUFFER = 4 * HISTORY
STEP = 64 * KIB  # by which a window grows while it looks like a report
MAX_GROWTH = 8 * KIB * KIB  # without an anchor, after the last one
MAX_WINDOW = 1024 * KIB  # bytes handed on at once; a longer window comes in parts that adjoin
LINE_SLACK = 64 * KIB  # how far a line border is looked for


@dataclass(frozen=True, slots=True)
class Anchor:
    """A text that stands in nearly every report, and in little else."""

    needle: bytes
    why: str
    before: int = 16 * KIB
    after: int = 64 * KIB


ANCHORS: tuple[Anchor, ...] = (
    Anchor(b"oom-kill", "`invoked oom-killer`, `oom-kill:constraint=`, systemd's result 'oom-kill'"),
    Anchor(b"ut of memory", "`Out of memory: Killed`, `Memory cgroup out of memory`, the panics"),
    Anchor(b"Killed process", "the whole kill line up to 5.0 and of 2.6.x, where it says nothing else"),
    Anchor(b"_adj name", "the header of the task table, when the head of the report was lost"),
    Anchor(b"oom_reaper", "the end of a report, seconds later"),
    Anchor(b"OOM", "`killed by the OOM killer` (systemd), `System OOM`, `OOMKilled`, `TaskOOM` (kubelet, containerd)"),
    Anchor(b"systemd-oomd", "kills in user space"),
    Anchor(b"earlyoom", "kills in user space"),
    Anchor(b"nohang", "kills in user space"),
    Anchor(b"lowmemorykiller", "Android's killers, in the kernel and lmkd"),
    Anchor(b"page allocation failure", "an allocation that failed and killed nobody"),
    Anchor(b"Linux version ", "the boot banner: which kernel, and that a boot began", 0, 0),
)
_SKIP = 4 * KIB  # after a hit the same anchor is looked for again from here on; its window reaches farther anyway
_OVERLAP = max(len(anchor.needle) for anchor in ANCHORS) - 1

# Rows of the task table, and what a Mem-Info block of a big machine is made of. Only ever searched at a window's edge.
_EVIDENCE = re.compile(
    rb"\[ *\d+\] +\d+ +\d+ +\d+ +\d+ |Node \d+ (?:DMA|Normal|HighMem|Movable|active_anon|hugepages)|CPU +\d+: hi:"
    rb"|per-cpu:|\d+kB [a-z_]+:\d+kB"
)


class Stream(Protocol):
    """What is read from: a file opened unbuffered, or a decompressor."""

    def readinto(self, buffer: memoryview, /) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Window:
    """Whole lines of a source. `adjoins`: no byte lies between it and the window before."""

    line: int  # number of its first line, 1-based
    offset: int
    data: bytes
    adjoins: bool = False


Find = Callable[[bytearray, bytes, int, int], int]


def _find_bytes(buffer: bytearray, needle: bytes, start: int, end: int) -> int:
    return buffer.find(needle, start, end)


def _make_memmem() -> Find | None:
    name = ctypes.util.find_library("c")
    try:
        memmem = ctypes.CDLL(name, use_errno=False).memmem
    except (OSError, AttributeError):
        return None
    memmem.restype = ctypes.c_void_p
    memmem.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)

    def find(buffer: bytearray, needle: bytes, start: int, end: int) -> int:
        base = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
        found = memmem(base + start, end - start, needle, len(needle))
        return -1 if found is None else int(found) - base

    return find


def _make_stringzilla() -> Find | None:
    try:
        from stringzilla import find as search
    except ImportError:
        return None

    def find(buffer: bytearray, needle: bytes, start: int, end: int) -> int:
        found = int(search(memoryview(buffer)[start:end], needle))
        return -1 if found < 0 else found + start

    return find


ENGINES: dict[str, Callable[[], Find | None]] = {
    "stringzilla": _make_stringzilla,
    "memmem": _make_memmem,
    "bytes": lambda: _find_bytes,
}


def engine(name: str | None = None) -> Find:
    """The named way to search, or the fastest there is."""
    for make in [ENGINES[name]] if name else ENGINES.values():
        found = make()
        if found is not None:
            return found
    raise LookupError(f"search engine {name!r} is not available")


def windows(
    stream: Stream, problems: list[Problem], source: str = "", find: Find | None = None, whole: int = WHOLE
) -> Iterator[Window]:
    """The windows of a stream, in order and apart. Memory stays at a few MiB, whatever the stream's size."""
    yield from _Scanner(stream, problems, source, find or engine(), whole).run()


class _Scanner:
    """`buffer[0]` is byte `base` of the stream; all other positions are counted from the stream's start."""

    def __init__(
        self, stream: Stream, problems: list[Problem], source: str, find: Find, whole: int
    ) -> None:
        self.stream, self.problems, self.source, self.find = stream, problems, source, find
        self.buffer = bytearray(max(BUFFER, whole + CHUNK))
        self.view = memoryview(self.buffer)
        self.whole = whole
        self.base = 0
        self.filled = 0  # end of what was read
        self.searched = 0  # end of what was searched for anchors
        self.line = 1  # number of the line that begins at, or holds, `counted`
        self.counted = 0
        self.done = 0  # end of what was handed on
        self.opened: int | None = None  # start of the part of the open window not yet handed on
        self.keep_until = 0  # the open window reaches here at least
        self.grow_until = 0  # and here at most, if it looks like a report
        self.ended = False

    def run(self) -> Iterator[Window]:
        self._fill(self.whole + 1)
        if self.ended and self.filled <= self.whole:
            if self.filled:
                yield Window(1, 0, bytes(self.view[: self.filled]))
            return
        while True:
            yield from self._search()
            if self.ended:
                break
            self._make_room()
            self._fill(CHUNK)
        if self.opened is not None:
            yield from self._hand_on(self.filled)

    def _fill(self, size: int) -> None:
        """Reads `size` bytes, or up to the end."""
        goal = min(self.filled + size, self.base + len(self.buffer))
        while self.filled < goal:
            try:
                count = self.stream.readinto(self.view[self.filled - self.base : goal - self.base])
            except (OSError, EOFError) as error:
                reason = f"reading stopped after {self.filled} bytes: {error}"
                self.problems.append(Problem(self.source, None, reason, "data_loss"))
                count = 0
            if not count:
                self.ended = True
                return
            self.filled += count

    def _make_room(self) -> None:
        """Moves the bytes that may still be needed to the front, when the buffer is full."""
        if self.filled - self.base + CHUNK <= len(self.buffer):
            return
        keep = min(self.opened if self.opened is not None else self.filled, self.filled - HISTORY)
        self._count_to(max(self.counted, keep))
        length = self.filled - keep
        self.buffer[:length] = self.buffer[keep - self.base : self.filled - self.base]
        self.base = keep

    def _search(self) -> Iterator[Window]:
        while self.searched < self.filled:
            start = self.searched
            end = min(start + CHUNK, self.filled)
            hits = self._hits(max(self.base, start - _OVERLAP), end)
            self.searched = end
            for position, anchor in hits:
                yield from self._close_before(position - anchor.before)
                self._open(position, anchor)
            yield from self._close_before(end)

    def _hits(self, start: int, end: int) -> list[tuple[int, Anchor]]:
        hits = []
        base, find, buffer = self.base, self.find, self.buffer
        last = end - base
        for anchor in ANCHORS:
            at = find(buffer, anchor.needle, start - base, last)
            while at >= 0:
                hits.append((at + base, anchor))
                at += _SKIP if anchor.after else len(anchor.needle)
                at = find(buffer, anchor.needle, at, last) if at < last else -1
        hits.sort(key=lambda hit: hit[0])
        return hits

    def _open(self, position: int, anchor: Anchor) -> None:
        """Opens a window around an anchor, or widens the one that is open."""
        if self.opened is None:
            start = max(self.done, self.base, position - anchor.before)
            while anchor.before and start > max(self.done, self.base) and self._is_report(start, start + STEP // 4):
                start = max(self.done, self.base, start - STEP // 4)
            self.opened = self._line_start(start)
            self.keep_until = 0
        until = position + len(anchor.needle) + anchor.after
        if until > self.keep_until:
            self.keep_until = until
            self.grow_until = until + (MAX_GROWTH if anchor.after else 0)

    def _close_before(self, position: int) -> Iterator[Window]:
        """Hands on the open window, if it ends before `position`; else the part that is large enough to hand on."""
        while self.opened is not None:
            if self.keep_until >= self.filled or self.keep_until >= position:
                break
            if self.keep_until < self.grow_until and self._is_report(self.keep_until - STEP // 4, self.keep_until):
                self.keep_until = min(self.keep_until + STEP, self.grow_until)
                continue
            end = self._line_end(self.keep_until)
            if end is None:
                break
            yield from self._hand_on(end)
            self.opened = None
        if self.opened is not None and min(self.filled, self.keep_until) - self.opened > MAX_WINDOW:
            yield from self._hand_on(self._line_start(min(self.filled, self.keep_until)))

    def _is_report(self, start: int, end: int) -> bool:
        low = max(start, self.base) - self.base
        return _EVIDENCE.search(self.buffer, low, max(low, min(end, self.filled) - self.base)) is not None

    def _line_start(self, position: int) -> int:
        """Start of the line that holds `position`; of a line longer than LINE_SLACK, some point of it."""
        low = max(self.done, self.base, position - LINE_SLACK) - self.base
        newline = self.buffer.rfind(b"\n", low, position - self.base)
        return (newline + 1 if newline >= 0 else low) + self.base

    def _line_end(self, position: int) -> int | None:
        """End of the line that holds the byte before `position`; None: not read yet."""
        high = min(self.filled, position + LINE_SLACK)
        newline = self.buffer.find(b"\n", position - 1 - self.base, high - self.base)
        if newline >= 0:
            return newline + 1 + self.base
        return None if high == self.filled and not self.ended else high

    def _hand_on(self, end: int) -> Iterator[Window]:
        start = self.opened
        if start is None or end <= start:
            return
        self._count_to(start)
        line, adjoins = self.line, start == self.done
        self._count_to(end)
        self.done = self.opened = end
        yield Window(line, start, bytes(self.view[start - self.base : end - self.base]), adjoins)

    def _count_to(self, position: int) -> None:
        self.line += self.buffer.count(b"\n", self.counted - self.base, position - self.base)
        self.counted = position
