"""Counts what reading a packed file costs, and ends it at a limit."""

from __future__ import annotations

from oomforensics.parsers.compressed import Peeked, Readable
from oomforensics.parsers.containers.limits import LimitReached, Limits

RATIO_FREE_BYTES = 64 << 20  # a small file of equal lines may shrink to next to nothing


class Meter:
    """What one named file has cost so far."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._members = 0
        self._unpacked = 0

    def member(self) -> None:
        self._members += 1
        if self._members > self.limits.members:
            raise LimitReached(f"more than {self.limits.members} members: the rest was not read (--max-members)")

    def unpacked(self, size: int) -> None:
        self._unpacked += size
        if self._unpacked > self.limits.unpacked_bytes:
            limit = self.limits.unpacked_bytes
            raise LimitReached(f"more than {limit} bytes unpacked: the rest was not read (--max-unpacked)")

    def nested(self, depth: int) -> None:
        if depth > self.limits.nesting:
            raise LimitReached(f"packed more than {self.limits.nesting} times over: not opened (--max-nesting)")

    def ratio(self, unpacked: int, packed: int) -> None:
        if unpacked > RATIO_FREE_BYTES and unpacked > self.limits.ratio * max(packed, 1):
            raise LimitReached(
                f"unpacks to more than {self.limits.ratio} times its size, as archive bombs do:"
                " the rest was not read (--max-ratio)"
            )


class Counted(Peeked):
    """A stream that knows how many bytes were read from it."""

    def __init__(self, stream: Peeked) -> None:
        super().__init__(stream, 0)
        self.head = stream.head
        self.size = 0

    def readinto(self, buffer: memoryview, /) -> int | None:
        count = super().readinto(buffer)
        self.size += count or 0
        return count


class Metered:
    """What comes out of a packed stream, within the limits."""

    def __init__(self, stream: Readable, packed: Counted | int, meter: Meter) -> None:
        self._stream, self._packed, self._meter = stream, packed, meter
        self._size = 0

    def readinto(self, buffer: memoryview, /) -> int | None:
        count = self._stream.readinto(buffer)
        if count:
            self._size += count
            self._meter.unpacked(count)
            self._meter.ratio(self._size, self._packed if isinstance(self._packed, int) else self._packed.size)
        return count
