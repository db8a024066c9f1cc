"""Finds the parts of a log of any size that are worth parsing: a few literal anchors, searched at memory speed.

    for window in windows(stream, problems, source): parse(window.data)

Little of a log is about memory running out. A window reaches from 16 KiB before an anchor (2 KiB where a report begins)
to 16 KiB behind it (4 KiB behind a kill, 64 KiB where a report begins and no kill ends it), in whole lines; windows that
meet are one. A task
table can be far longer than that and holds no anchor, so a window also goes on, both ways, while what is at its edge looks
like part of a report. A source that fits in WHOLE bytes is one window, or none.

The four ways to search give the same windows: ahocorasick_rs looks for all anchors in one pass; without it one pass an
anchor by stringzilla, else by the C library's memmem, else by bytes.find.
"""

from __future__ import annotations

import mmap
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from oomforensics.parsers import literals
from oomforensics.parsers.records import Problem

KIB = 1024
WHOLE = 4 * KIB * KIB  # a source up to this size is one window, if anything in it is worth one
SMALL = 32 * KIB  # a source up to this size always is
CHUNK = 256 * KIB  # read and searched at a time: stays in the CPU's cache
HISTORY = 256 * KIB  # bytes that can still be looked back at
BUFFER = 1024 * KIB
STEP = 64 * KIB  # by which a window grows while it looks like a report
EDGE = 8 * KIB  # of a window, that is looked at to tell
MAX_GROWTH = 8 * KIB * KIB  # without an anchor, after the last one
MAX_WINDOW = 256 * KIB  # bytes handed on at once; a longer window comes in parts that adjoin
LINE_SLACK = 64 * KIB  # how far a line border is looked for

_REPORT = 64 * KIB  # from a report's first line to what shows that it goes on, among lines of others
_KILL = 4 * KIB  # behind a kill: what follows at once; the reaper, which may be seconds behind, is an anchor itself


@dataclass(frozen=True, slots=True)
class Anchor:
    """A text that stands in nearly every report, and in little else."""

    needle: bytes
    why: str
    before: int = 16 * KIB
    after: int = 16 * KIB
    ends: bool = False  # a report: if it is the only one, nothing more of it is waited for


# One for every kind of event and no more: the table's header and the stack trace always stand near one of these. None
# begins with letters that are frequent in logs (`oom` is in every `room`): candidates are found by their first three. The
# order is the fastest of those measured (66 to 210 ms a GiB): the search has eight buckets, and it depends on the order
# which of them share one.
ANCHORS: tuple[Anchor, ...] = (
    Anchor(b"m-killer", "`invoked oom-killer`: the report's first line", before=2 * KIB, after=_REPORT),
    Anchor(b"m-kill:", "`oom-kill:constraint=`", after=_KILL),
    Anchor(b"m-kill'", "`Failed with result 'oom-kill'` (systemd)"),
    Anchor(b"m-kill e", "`Detected 1 oom-kill event` (slurm)"),
    Anchor(
        b"candidates were:", "`Considered 60 cgroups for killing, top candidates were:` (systemd-oomd)", after=_REPORT
    ),
    Anchor(b"Marked /", "`Marked /system.slice/a for killing` (systemd-oomd from 259 on)"),
    Anchor(b"md kill", "`systemd-oomd killed some process(es)` (systemd), `oomd kill:` (Meta's)"),
    Anchor(b"ut of memory", "`Out of memory: Killed`, `Memory cgroup out of memory`, the panics", after=_KILL),
    Anchor(b"m_reaper:", "`oom_reaper: reaped process`: seconds after the kill", 0, 0),
    Anchor(b"Killed process", "all that the kill line says up to 5.0", after=_KILL, ends=True),
    Anchor(b"Killed /", "`Killed /user.slice` (systemd-oomd)"),
    Anchor(b"OOM", "`killed by the OOM killer` (systemd), `System OOM` (kubelet), `TaskOOM` (containerd)"),
    Anchor(b"ending SIG", "`sending SIGTERM to process`: kills by earlyoom and nohang"),
    Anchor(b"lowmemorykiller", "kills by Android's kernel driver and by lmkd"),
    Anchor(
        b"mem_cgroup_oom_sync", "a process that hangs in a control group whose OOM killer is disabled (3.12 and later)"
    ),
    Anchor(b"page allocation ", "an allocation that failed, or stalls, and killed nobody"),
    Anchor(b"Missed ", "`Missed N kernel messages` (journald)", 0, 0),
    Anchor(b"ntk messages dropped", "`** N printk messages dropped **`: a console that was too slow", 0, 0),
    Anchor(b"e-limiting", "`imjournal: N messages lost due to rate-limiting` (rsyslog)", 0, 0),
    Anchor(b"Linux version ", "the boot banner: which kernel, and that a boot began", 0, 0),
)
_INVOKED = b"invoked oom-killer"
_SKIP = 4 * KIB  # after a hit the same anchor is looked for again from here on; its window reaches farther anyway
_ALIGN = 64  # bytes of a cache line: reads and searches that begin on one are twice as fast

# Rows of the task table, and what a Mem-Info block of a big machine is made of. Only ever searched at a window's edge:
# first the literal, which is fast and most edges have not, then what stands around it.
_EVIDENCE: tuple[tuple[bytes, re.Pattern[bytes]], ...] = (
    (b"Node ", re.compile(rb"Node \d+ (?:DMA|Normal|HighMem|Movable|active_anon|hugepages)")),
    (b": hi:", re.compile(rb": hi:")),
    (b"per-cpu:", re.compile(rb"per-cpu:")),
    (b"kB ", re.compile(rb"kB [a-z_]+:\d+kB")),
    (b"] ", re.compile(rb"\] +\d+ +\d+ +\d+ +\d+ ")),
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
    excerpt: bool = False  # of a source that is not read whole


PAUSE = Window(0, 0, b"")  # no window: the stream has had nothing to give for a while


class Engine(Protocol):
    """A way to search."""

    def hits(self, buffer: mmap.mmap, start: int, end: int) -> Iterable[tuple[int, int]]:
        """Where anchors begin in buffer[start:end], each with its place in ANCHORS; those _SKIP apart are enough."""
        ...

    def find(self, buffer: mmap.mmap, needle: bytes, start: int, end: int) -> int:
        """Where the needle stands first; -1: nowhere."""
        ...

    def newlines(self, buffer: mmap.mmap, start: int, end: int) -> int: ...


class BytesEngine:
    """Python alone."""

    def find(self, buffer: mmap.mmap, needle: bytes, start: int, end: int) -> int:
        return buffer.find(needle, start, end)

    def hits(self, buffer: mmap.mmap, start: int, end: int) -> Iterable[tuple[int, int]]:
        find = self.find
        for index, anchor in enumerate(ANCHORS):
            at = find(buffer, anchor.needle, start, end)
            while at >= 0:
                yield at, index
                at += _step(anchor)
                at = find(buffer, anchor.needle, at, end) if at < end else -1

    def newlines(self, buffer: mmap.mmap, start: int, end: int) -> int:
        return memoryview(buffer)[start:end].tobytes().count(b"\n")


class MemmemEngine(BytesEngine):
    """The C library's memmem(3), two to three times as fast as bytes.find."""

    def __init__(self) -> None:
        import ctypes

        self._byte = ctypes.c_char
        self._address = ctypes.addressof
        self._memmem = ctypes.CDLL(None).memmem
        self._memmem.restype = ctypes.c_void_p
        self._memmem.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)

    def find(self, buffer: mmap.mmap, needle: bytes, start: int, end: int) -> int:
        if start >= end:
            return -1
        first = self._address(self._byte.from_buffer(buffer))
        found = self._memmem(first + start, end - start, needle, len(needle))
        return -1 if found is None else int(found) - first


class StringZillaEngine(BytesEngine):
    """SIMD, at the speed of the CPU's cache: one pass an anchor."""

    def __init__(self) -> None:
        import stringzilla

        self._search = stringzilla.find
        self._count = stringzilla.count

    def find(self, buffer: mmap.mmap, needle: bytes, start: int, end: int) -> int:
        return int(self._search(memoryview(buffer), needle, start, end)) if start < end else -1

    def newlines(self, buffer: mmap.mmap, start: int, end: int) -> int:
        return int(self._count(memoryview(buffer), b"\n", start, end)) if start < end else 0


class OnePassEngine(StringZillaEngine):
    """All anchors at once, at the cost of one or two passes of stringzilla, which still counts the lines."""

    def __init__(self) -> None:
        super().__init__()
        self._matches = literals.simd([anchor.needle for anchor in ANCHORS])

    def hits(self, buffer: mmap.mmap, start: int, end: int) -> Iterable[tuple[int, int]]:
        matches = self._matches(memoryview(buffer)[start:end])
        if not matches:
            return ()
        wanted = [0] * len(ANCHORS)
        found = []
        for index, at, _ in matches:
            if at >= wanted[index]:
                wanted[index] = at + _step(ANCHORS[index])
                found.append((at + start, index))
        return found


ENGINES: tuple[Callable[[], Engine], ...] = (OnePassEngine, StringZillaEngine, MemmemEngine, BytesEngine)


def _step(anchor: Anchor) -> int:
    return _SKIP if anchor.after else len(anchor.needle)


@cache  # the automaton of all anchors takes 0.6 ms to build, more than a small log takes to read; no search leaves a trace in it
def fastest() -> Engine:
    """The first of ENGINES that this machine has."""
    for make in ENGINES[:-1]:
        try:
            return make()
        except (ImportError, OSError, AttributeError):
            continue
    return BytesEngine()


def windows(
    stream: Stream,
    problems: list[Problem],
    source: str = "",
    engine: Engine | None = None,
    whole: int = WHOLE,
) -> Iterator[Window]:
    """The windows of a stream, in order and apart. Memory stays at a few MiB, whatever the stream's size."""
    yield from _Scanner(stream, problems, source, engine or fastest(), whole).run()


def _buffer(size: int) -> mmap.mmap:
    """Anonymous memory, which begins on a page: in a bytearray, which does not, a search takes 1.5 times as long."""
    return mmap.mmap(-1, size)


class _Scanner:
    """`buffer[0]` is byte `base` of the stream; all other positions are counted from the stream's start."""

    def __init__(self, stream: Stream, problems: list[Problem], source: str, engine: Engine, whole: int) -> None:
        self.stream, self.problems, self.source = stream, problems, source
        self.engine, self.count = engine, engine.newlines
        self.buffer = _buffer(whole + CHUNK)
        self.view = memoryview(self.buffer)
        self.whole = whole
        self.base = 0
        self.filled = 0  # end of what was read
        self.searched = 0  # end of what was searched for anchors
        self.marks = deque([(0, 1)])  # positions, one a chunk, each with the number of the line that holds it
        self.done = 0  # end of what was handed on
        self.opened: int | None = None  # start of the part of the open window not yet handed on
        self.began = 0  # where the open window began
        self.grown = False  # an anchor has said how far back the open window reaches
        self.anchored = 0  # end of the last anchor
        self.keep_until = 0  # the open window reaches here at least
        self.grow_until = 0  # and here at most, if it looks like a report
        self.ended = self.paused = False

    def run(self) -> Iterator[Window]:
        self._fill(self.whole + _ALIGN)
        if self.ended and self.filled <= self.whole:
            if 0 < self.filled <= SMALL or self._is_worth_it():
                yield Window(1, 0, bytes(self.view[: self.filled]))
            return
        while True:
            yield from self._search()
            if self.paused:
                yield from self._pause()
            if self.ended:
                break
            self._make_room()
            self._fill(CHUNK)
        if self.opened is not None:
            yield from self._hand_on(self.filled)

    def _is_worth_it(self) -> bool:
        return any(True for _ in self.engine.hits(self.buffer, 0, self.filled)) or self._is_report(0, self.filled)

    def _fill(self, size: int) -> None:
        """Reads `size` bytes, or up to the end or a pause."""
        goal = min(self.filled + size, self.base + len(self.buffer))
        while self.filled < goal:
            try:
                count = self.stream.readinto(self.view[self.filled - self.base : goal - self.base])
            except (OSError, EOFError) as error:
                reason = f"reading stopped after {self.filled} bytes: {error}"
                self.problems.append(Problem(self.source, None, reason, "data_loss"))
                count = 0
            if not count:
                self.paused, self.ended = count is None, count is not None
                return
            self.filled += count

    def _make_room(self) -> None:
        """Moves the bytes that may still be needed to the front, when the buffer is full."""
        if self.filled - self.base + CHUNK <= len(self.buffer):
            return
        keep = min(self.opened if self.opened is not None else self.filled, self.filled - HISTORY)
        while len(self.marks) > 1 and self.marks[1][0] <= keep:
            self.marks.popleft()
        keep = max(self.marks[0][0], self.base)  # from a mark on lines can be counted; a chunk begins on a cache line
        kept = self.view[keep - self.base : self.filled - self.base]
        if len(self.buffer) != BUFFER:  # the one that held the head
            self.buffer = _buffer(BUFFER)
            self.view = memoryview(self.buffer)
        self.view[: len(kept)] = kept
        self.base = keep

    def _search(self) -> Iterator[Window]:
        while self.searched < self.filled:
            start = self.searched
            end = min(start + CHUNK, self.filled)
            hits = self._hits(start, end)
            self.searched = end
            # Counted here, while the bytes are in the cache. A mark before `base` could not be counted on from.
            self.marks.append((end, self.marks[-1][1] + self.count(self.buffer, start - self.base, end - self.base)))
            for position, anchor in hits:
                yield from self._close_before(position - anchor.before)
                self._open(position, anchor)
            yield from self._close_before(end)

    def _pause(self) -> Iterator[Window]:
        """Hands on what came of the open window; more of it may follow."""
        if self.opened is not None:
            yield from self._hand_on(self._line_start(self.filled))
        yield PAUSE
        self.paused = False

    def _hits(self, start: int, end: int) -> list[tuple[int, Anchor]]:
        """Anchors that end in this chunk. Those that begin in the chunk before it are why the search begins there."""
        base = self.base
        first = max(0, start - base - _ALIGN)
        found = []
        for at, index in self.engine.hits(self.buffer, first, end - base):
            anchor = ANCHORS[index]
            if at + len(anchor.needle) > start - base:
                found.append((at + base, anchor))
        found.sort(key=lambda hit: hit[0])
        return found

    def _open(self, position: int, anchor: Anchor) -> None:
        """Opens a window around an anchor, or widens the one that is open."""
        before = anchor.before
        if self.opened is None:
            self.opened = self._line_start(self._grown_back(position, before))
            self.began = self.opened
            self.grown = before > 0
            self.keep_until = 0
        elif before and not self.grown:
            self.opened = min(self.opened, self._line_start(self._grown_back(position, before)))
            self.began = min(self.began, self.opened)
            self.grown = True
        self.anchored = position + len(anchor.needle)
        until = self.anchored + anchor.after
        if until > self.keep_until or (anchor.ends and self._holds_one_report(position)):
            self.keep_until = until
            self.grow_until = until + (MAX_GROWTH if anchor.after else 0)

    def _holds_one_report(self, position: int) -> bool:
        """Whether the open window holds one report up to here, so that none is mixed with another that still goes on."""
        if self.opened is None or self.opened != self.began:  # part of it was handed on
            return False
        find, end = self.engine.find, position - self.base
        first = find(self.buffer, _INVOKED, self.opened - self.base, end)
        return first >= 0 and find(self.buffer, _INVOKED, first + 1, end) < 0

    def _grown_back(self, position: int, before: int) -> int:
        """Where a window around an anchor begins: farther back while its edge looks like a report."""
        low = max(self.done, self.base)
        start = max(low, position - before)
        while before and start > low and self._is_report(start, min(start + EDGE, position)):
            start = max(low, start - EDGE)
        return start

    def _close_before(self, position: int) -> Iterator[Window]:
        """Hands on the open window, if it ends before `position`; else the part that is large enough to hand on."""
        while self.opened is not None:
            if self.keep_until >= self.filled or self.keep_until >= position:
                break
            edge = max(self.keep_until - EDGE, self.anchored)
            if self.keep_until < self.grow_until and self._is_report(edge, self.keep_until):
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
        high = max(low, min(end, self.filled) - self.base)
        return any(
            self.engine.find(self.buffer, literal, low, high) >= 0 and pattern.search(self.buffer, low, high)
            for literal, pattern in _EVIDENCE
        )

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
        adjoins = 0 < start == self.done
        self.done = self.opened = end
        yield Window(self._line_at(start), start, bytes(self.view[start - self.base : end - self.base]), adjoins, True)

    def _line_at(self, position: int) -> int:
        """Number of the line that holds this byte."""
        mark, line = next(each for each in reversed(self.marks) if each[0] <= position)
        return line + self.count(self.buffer, mark - self.base, position - self.base)
