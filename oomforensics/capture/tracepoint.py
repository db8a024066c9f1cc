"""The kernel's oom:mark_victim tracepoint: who was chosen, and when by CLOCK_MONOTONIC, before the victim's memory goes.

Read through perf events, one for each CPU: nothing of the machine's own tracing changes, and nothing is left behind by a
recorder that is killed. tracefs is needed only for the tracepoint's number and the form of its record.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import select
import struct
import time

from oomforensics.capture import files, hierarchy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT = "events/oom/mark_victim"
# perf_event_open has no wrapper in libc: its number, on little-endian machines and where a process has 64 bits.
_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241, "riscv64": 241, "loongarch64": 241, "ppc64le": 319}
_ATTR = struct.Struct("=IIQQQQQIIQQQQIi")  # struct perf_event_attr up to clockid; 0 behind it
_ATTR_BYTES = 112
_TYPE_TRACEPOINT = 2
_SAMPLE_TIME, _SAMPLE_RAW = 1 << 2, 1 << 10
_USE_CLOCKID = 1 << 25
_CLOEXEC = 8
_RECORD = struct.Struct("=IHH")  # type, misc, size
_SAMPLE = struct.Struct("=QI")  # time, bytes of the raw record
_TYPE_SAMPLE = 9
_HEAD_AT, _TAIL_AT = 1024, 1032  # in the first page of the mapping
_U64 = struct.Struct("=Q")
_PAGE = mmap.PAGESIZE


class _Ring:
    __slots__ = ("fd", "pages", "tail")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.pages = mmap.mmap(fd, 2 * _PAGE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self.tail = 0

    def close(self) -> None:
        self.pages.close()
        os.close(self.fd)


class MarkVictim:
    """Raises OSError where there is no tracefs, or the kernel does not let us listen."""

    def __init__(self, proc: str = "/proc") -> None:
        folder = hierarchy.mounted("tracefs", proc)
        if folder is None:
            raise OSError(0, "tracefs is not mounted")
        number = files.whole_number(files.read(f"{folder}/{EVENT}/id"))
        self.format = files.read(f"{folder}/{EVENT}/format") or b""
        pid_at = _offset(self.format, b" pid;")
        if number is None or pid_at is None:
            raise OSError(0, f"{EVENT} of tracefs cannot be read")
        self._pid_at = pid_at
        call = _PERF_EVENT_OPEN.get(os.uname().machine)
        if call is None or struct.calcsize("P") != 8:
            raise OSError(0, "perf events are not known on this machine")
        self._rings: dict[int, _Ring] = {}
        try:
            for cpu in _online():
                ring = _Ring(_opened(call, number, cpu))
                self._rings[ring.fd] = ring
        except OSError:
            self.close()
            raise

    @property
    def fds(self) -> list[int]:
        return list(self._rings)

    def read(self, fd: int) -> list[tuple[int, int, bytes]]:
        """When it was by CLOCK_MONOTONIC, the pid, the record as the kernel wrote it."""
        ring = self._rings[fd]
        return [
            (when_ns, int.from_bytes(raw[self._pid_at : self._pid_at + 4], "little"), raw)
            for when_ns, raw in _samples(ring)
        ]

    def drop_ended(self, fd: int) -> bool:
        """Has its CPU gone? Then nobody need wait for it any more."""
        poll = select.poll()
        poll.register(fd, 0)
        if not any(ready & (select.POLLHUP | select.POLLERR) for _, ready in poll.poll(0)):
            return False
        self._rings.pop(fd).close()
        return True

    def close(self) -> None:
        for ring in self._rings.values():
            ring.close()
        self._rings.clear()


def _samples(ring: _Ring) -> Iterator[tuple[int, bytes]]:
    """What the kernel has put there since; its place is given back."""
    head = _U64.unpack_from(ring.pages, _HEAD_AT)[0]
    while ring.tail < head:
        kind, _, size = _RECORD.unpack(_bytes(ring, ring.tail, _RECORD.size))
        if size < _RECORD.size:
            ring.tail = head  # nothing that the kernel writes
            break
        if kind == _TYPE_SAMPLE:
            body = _bytes(ring, ring.tail + _RECORD.size, size - _RECORD.size)
            when_ns, length = _SAMPLE.unpack_from(body)
            yield when_ns, body[_SAMPLE.size : _SAMPLE.size + length]
        ring.tail += size
    _U64.pack_into(ring.pages, _TAIL_AT, ring.tail)


def _bytes(ring: _Ring, at: int, size: int) -> bytes:
    """Of the data page, round its end."""
    begin = at % _PAGE
    first = ring.pages[_PAGE + begin : _PAGE + min(begin + size, _PAGE)]
    return first + ring.pages[_PAGE : _PAGE + size - len(first)]


def _opened(call: int, number: int, cpu: int) -> int:
    attr = _ATTR.pack(
        _TYPE_TRACEPOINT, _ATTR_BYTES, number, 1, _SAMPLE_TIME | _SAMPLE_RAW, 0, _USE_CLOCKID,
        1, 0, 0, 0, 0, 0, 0, time.CLOCK_MONOTONIC,
    ).ljust(_ATTR_BYTES, b"\0")  # fmt: skip
    libc = ctypes.CDLL(None, use_errno=True)
    fd: int = libc.syscall(ctypes.c_long(call), attr, -1, cpu, -1, ctypes.c_ulong(_CLOEXEC))
    if fd < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"perf events: {os.strerror(error)}")
    return fd


def _online() -> list[int]:
    """Numbers of the CPUs: `0-3,8`. One that comes later is not listened to."""
    found: list[int] = []
    for part in (files.read("/sys/devices/system/cpu/online") or b"0").strip().split(b","):
        first, _, last = part.partition(b"-")
        found += range(int(first), int(last or first) + 1)
    return found


def _offset(form: bytes, field: bytes) -> int | None:
    """Where a field of 4 bytes is in the record, from a line `field:int pid;\toffset:8;\tsize:4;\tsigned:1;`."""
    for line in form.split(b"\n"):
        if field in line and b"offset:" in line and b"common_" not in line:
            at = line.partition(b"offset:")[2].partition(b";")[0]
            return int(at) if at.isdigit() else None
    return None
