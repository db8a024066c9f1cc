"""The kernel's log from now on. What the ring dropped before it was read is told by the gap in its numbers."""

from __future__ import annotations

import os
import struct

COUNT = struct.Struct("<I")
_RECORD = 16 << 10  # bytes: longer than any record with its dictionary
_AT_ONCE = 512  # records in one frame
_KILLS = (b"Killed process ", b"Out of memory: ", b"Memory cgroup out of memory: ", b"invoked oom-killer: ")


class Kmsg:
    """Raises OSError where the log may not be read."""

    def __init__(self, path: str = "/dev/kmsg") -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.lseek(self.fd, 0, os.SEEK_END)
        self._expected: int | None = None
        self.lost = 0

    def read(self) -> tuple[list[bytes], int, bool]:
        """Records, as many as fit in a frame, how many were lost before them, whether they tell of an OOM."""
        records: list[bytes] = []
        lost, oom = 0, False
        while len(records) < _AT_ONCE:
            try:
                record = os.read(self.fd, _RECORD)
            except BrokenPipeError:  # overrun: the next read gives the oldest that is left
                continue
            except OSError:
                break
            if not record:
                break
            number = sequence(record)
            if number is not None:
                if self._expected is not None and number > self._expected:
                    lost += number - self._expected
                self._expected = number + 1
            records.append(record)
            oom = oom or any(text in record for text in _KILLS)
        self.lost += lost
        return records, lost, oom

    def close(self) -> None:
        os.close(self.fd)


def sequence(record: bytes) -> int | None:
    words = record[:64].split(b",", 2)
    return int(words[1]) if len(words) == 3 and words[1].isdigit() else None


def pack(records: list[bytes]) -> bytes:
    lengths = [COUNT.pack(len(record)) for record in records]
    return b"".join([COUNT.pack(len(records)), *lengths, *records])


def unpack(payload: bytes) -> list[bytes]:
    """Raises ValueError."""
    if len(payload) < COUNT.size:
        raise ValueError("no count")
    count = COUNT.unpack_from(payload)[0]
    at = COUNT.size * (count + 1)
    if at > len(payload):
        raise ValueError("fewer lengths than records")
    records = []
    for place in range(1, count + 1):
        end = at + COUNT.unpack_from(payload, place * COUNT.size)[0]
        if end > len(payload):
            raise ValueError("a record is cut off")
        records.append(payload[at:end])
        at = end
    return records
