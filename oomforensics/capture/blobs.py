"""Copies of files in one payload: `owner name length\\n`, then the bytes. Pure functions.

`owner` is the number of a cgroup, 0 the system's.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_HEAD = 128


def pack(owner: int, name: bytes, raw: bytes) -> bytes:
    return b"%d %s %d\n%s" % (owner, name, len(raw), raw)


def unpack(payload: bytes) -> Iterator[tuple[int, str, bytes]]:
    """Owner, name, bytes. Ends where the payload makes no sense any more."""
    at = 0
    while at < len(payload):
        end = payload.find(b"\n", at, at + _LONGEST_HEAD)
        words = payload[at:end].split(b" ") if end >= 0 else []
        if len(words) != 3 or not words[0].isdigit() or not words[2].isdigit() or len(words[0]) > 18:
            return
        at = end + 1 + int(words[2])
        if at > len(payload):
            return
        yield int(words[0]), words[1].decode("ascii", "replace"), payload[end + 1 : at]
