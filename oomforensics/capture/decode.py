"""From frames to typed facts. A frame that makes no sense is counted and passed over; nothing raises on content."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from oomforensics.capture import blobs, columns, frame, kmsg
from oomforensics.capture.frame import Frame
from oomforensics.capture.pace import REASONS
from oomforensics.capture.processes import HEAD, UNKNOWN, VALUES, parse_stat
from oomforensics.capture.read import Located, Losses
from oomforensics.capture.samples import (
    CgroupSample,
    Event,
    Header,
    KernelRecords,
    Note,
    ProcessIdentity,
    ProcessSample,
    ProcessSnapshot,
    Sample,
    SystemSample,
)

_MOST_PROCESSES = 1 << 22  # pid_max's own limit
_MOST_CGROUPS = 1 << 16
_INT64 = 1 << 63


def samples(frames: Iterable[Located], losses: Losses | None = None) -> Iterator[Sample]:
    """What the frames of a spool say, in their order."""
    decoder = _Decoder()
    for located in frames:
        try:
            yield from decoder.decode(located)
        except (ValueError, OverflowError):
            decoder.forget()
            if losses is not None:
                losses.undecodable_frames += 1


class _Decoder:
    def __init__(self) -> None:
        self._segment: str | None = None
        self._starttimes: dict[int, int] = {}
        self._rows: dict[int, tuple[int, ...]] = {}
        self._based = False  # the rows are those that differences are to
        self._folders: dict[int, tuple[int, str]] = {}
        self._by_kind: dict[int, Callable[[Frame], Iterator[Sample]]] = {
            frame.HEADER: _header,
            frame.IDENTITY: _identities,
            frame.PROCESSES: self._processes,
            frame.CGROUPS: self._cgroups,
            frame.SYSTEM: _system,
            frame.EVENT: _event,
            frame.KMSG: _kernel_records,
            frame.NOTE: _note,
        }

    def decode(self, located: Located) -> Iterator[Sample]:
        if located.gap or located.segment != self._segment:
            self._segment = located.segment
            self.forget()
        decode = self._by_kind.get(located.frame.kind)
        if decode is not None:
            yield from decode(located.frame)

    def forget(self) -> None:
        """Something is missing: differences mean nothing until values come in full."""
        self._based = False

    def _processes(self, one: Frame) -> Iterator[Sample]:
        if len(one.payload) < HEAD.size:
            raise ValueError("no head")
        took_us, planned_us, known, unread, new, gone, rows, reason = HEAD.unpack_from(one.payload)
        key = bool(one.flags & frame.KEY)
        if not key and not self._based:
            raise ValueError("differences to values that are lost")
        if max(new, gone, rows) > _MOST_PROCESSES:
            raise ValueError("more processes than there can be")
        at = HEAD.size
        gone_pids, at = _ascending(one.payload, at, gone)
        new_pids, at = _ascending(one.payload, at, new)
        starttimes, at = _ascending(one.payload, at, new)
        pids, at = _ascending(one.payload, at, rows)
        found = []
        for _ in VALUES if rows else ():
            column, at = columns.unpack(one.payload, at, rows)
            found.append(column)
        self._based = False  # until all of it is applied
        gone_tasks = self._leave(gone_pids, set(new_pids) if key else None)
        self._starttimes.update(zip(new_pids, starttimes, strict=True))
        if len(self._starttimes) > _MOST_PROCESSES:
            raise ValueError("more processes than there can be")
        nothing = (0,) * len(VALUES)
        for pid in new_pids:
            self._rows[pid] = nothing
        changed = []
        for pid, values in zip(pids, zip(*found, strict=True), strict=True):
            row = (
                tuple(now + before for now, before in zip(values, self._rows[pid], strict=True))
                if pid in self._rows
                else None
            )
            if row is None or not all(-_INT64 <= value < _INT64 for value in row):
                raise ValueError("values of a process that is not there, or too big")
            self._rows[pid] = row
            changed.append(ProcessSample(one.mono_ns, pid, self._starttimes[pid], *map(_known, row)))
        self._based = True
        yield ProcessSnapshot(
            one.mono_ns,
            took_us,
            planned_us,
            REASONS[reason] if reason < len(REASONS) else str(reason),
            known,
            unread,
            key,
            tuple(changed),
            tuple(zip(new_pids, starttimes, strict=True)),
            tuple(gone_tasks),
        )

    def _leave(self, pids: list[int], stay: set[int] | None) -> list[tuple[int, int]]:
        """Take away `pids`, or where everything is told anew all but `stay`."""
        if stay is not None:
            pids = [pid for pid in self._starttimes if pid not in stay]
        left = []
        for pid in pids:
            if pid in self._starttimes:
                left.append((pid, self._starttimes.pop(pid)))
                del self._rows[pid]
        return left

    def _cgroups(self, one: Frame) -> Iterator[Sample]:
        files: dict[int, dict[str, bytes]] = {}
        gone = set()
        for number, name, raw in blobs.unpack(one.payload):
            if name == "folder":
                self._folders[number] = _folder(raw)
                if len(self._folders) > _MOST_CGROUPS:
                    self._folders.pop(next(iter(self._folders)))
            elif name == "gone":
                gone.add(number)
            else:
                files.setdefault(number, {})[name] = raw
        for number in sorted({*files, *gone}):
            if number in self._folders:
                version, folder = self._folders[number]
                yield CgroupSample(one.mono_ns, folder, version, files.get(number, {}), number in gone)
        for number in gone:
            self._folders.pop(number, None)


def _header(one: Frame) -> Iterator[Sample]:
    facts: dict[str, str] = {}
    lists: dict[str, list[str]] = {"source": [], "missing": []}
    for line in one.payload.decode("utf-8", "replace").split("\n"):
        key, equals, value = line.partition("=")
        value = value.replace("\\n", "\n").replace("\\\\", "\\")
        if key in lists:
            lists[key].append(value)
        elif equals:
            facts[key] = value
    yield Header(
        one.mono_ns,
        _int(facts.get("wall_ns")),
        facts.get("host", ""),
        facts.get("boot_id", ""),
        facts.get("kernel_release", ""),
        _int(facts.get("page_size")),
        _int(facts.get("clock_ticks")),
        facts.get("target", ""),
        _int(facts.get("interval_us")),
        _int(facts.get("recorder_pid")),
        tuple(lists["source"]),
        tuple(lists["missing"]),
        facts,
    )


def _identities(one: Frame) -> Iterator[Sample]:
    at = 0
    while at < len(one.payload):
        end = one.payload.find(b"\n", at, at + 128)
        words = one.payload[at:end].split(b" ") if end >= 0 else []
        if len(words) != 6 or not all(word.lstrip(b"-").isdigit() and len(word) <= 20 for word in words):
            raise ValueError("no head of an identity")
        pid, starttime, uid, *lengths = map(int, words)
        parts = []
        at = end + 1
        for length in lengths:
            if length < 0 or at + length > len(one.payload):
                raise ValueError("an identity is cut off")
            parts.append(one.payload[at : at + length])
            at += length
        stat, cmdline, cgroup = parts
        known = parse_stat(stat)
        behind = stat[stat.rfind(b")") + 1 :].split()
        ppid = int(behind[1]) if known is not None and behind[1].isdigit() else None
        yield ProcessIdentity(
            one.mono_ns,
            pid,
            starttime,
            uid if uid >= 0 else None,
            ppid,
            known[0] if known is not None else b"",
            cmdline,
            cgroup,
            stat,
        )


def _system(one: Frame) -> Iterator[Sample]:
    files = {name: raw for _, name, raw in blobs.unpack(one.payload)}
    clocks = files.pop("clock", b"").split()
    yield SystemSample(one.mono_ns, _int(clocks[1].decode("ascii", "replace")) if len(clocks) > 1 else None, files)


def _event(one: Frame) -> Iterator[Sample]:
    files = {name: raw for _, name, raw in blobs.unpack(one.payload)}
    what, cause = files.pop("what", b"?"), files.pop("cause", b"?")
    folder = files.pop("folder", None)
    yield Event(
        one.mono_ns,
        what.decode("ascii", "replace"),
        cause.decode("ascii", "replace"),
        _folder(folder)[1] if folder is not None else None,
        bool(one.flags & frame.OOM),
        files,
    )


def _kernel_records(one: Frame) -> Iterator[Sample]:
    yield KernelRecords(one.mono_ns, tuple(kmsg.unpack(one.payload)), bool(one.flags & frame.OOM))


def _note(one: Frame) -> Iterator[Sample]:
    yield Note(one.mono_ns, one.payload.decode("utf-8", "replace"))


def _ascending(payload: bytes, at: int, count: int) -> tuple[list[int], int]:
    differences, at = columns.unpack(payload, at, count)
    numbers, last = [], 0
    for difference in differences:
        last += difference
        numbers.append(last)
    return numbers, at


def _folder(raw: bytes) -> tuple[int, str]:
    version, _, path = raw.partition(b" ")
    return (2 if version == b"2" else 1), os.fsdecode(path)


def _known(value: int) -> int | None:
    return None if value == UNKNOWN else value


def _int(text: str | None) -> int | None:
    return int(text) if text is not None and len(text) <= 20 and text.isascii() and text.isdigit() else None
