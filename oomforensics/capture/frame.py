"""One frame of a spool: a head of fixed size, then a payload. Pure functions.

    magic 2 | format version 1 | kind 1 | flags 2 | sequence 4 | length 4 | CRC-32 4 | monotonic nanoseconds 8

Little-endian. The checksum covers the head before and after itself, and the payload as stored. `sequence` counts the
frames of a segment, so that a reader knows when one is missing.
"""

from __future__ import annotations

import struct
import zlib

MAGIC = b"\xf0O"
VERSION = 1
HEAD = struct.Struct("<2sBBHIIIQ")
_BEFORE_CRC = struct.Struct("<2sBBHII")
_TIME = struct.Struct("<Q")
MAX_STORED = 8 << 20  # bytes of one payload in the spool
MAX_PAYLOAD = 32 << 20  # bytes of one payload when unpacked

# Kinds. A new one gets the next number; readers pass over those that they do not know.
HEADER, IDENTITY, PROCESSES, CGROUPS, SYSTEM, EVENT, KMSG, NOTE = range(1, 9)

# Flags.
PACKED = 1  # the payload is a zlib stream
CHAINED = 2  # its dictionary is the payload of the frame of this kind before it
KEY = 4  # PROCESSES: values in full, not differences
OOM = 8  # an OOM happened here: the ring keeps this segment and its neighbours

_WINDOW = 32 << 10  # zlib's: more of a dictionary is of no use
_SMALL = 64  # bytes that are not worth packing
_LEVEL = 6


class Frame:
    """A frame with its payload unpacked."""

    __slots__ = ("flags", "kind", "mono_ns", "payload", "sequence")

    def __init__(self, kind: int, flags: int, sequence: int, mono_ns: int, payload: bytes) -> None:
        self.kind = kind
        self.flags = flags
        self.sequence = sequence
        self.mono_ns = mono_ns
        self.payload = payload


def pack(payload: bytes, base: bytes | None = None) -> tuple[bytes, int]:
    """The payload as stored, and its flags. `base`: the payload of the frame of this kind before it."""
    if len(payload) < _SMALL:
        return payload, 0
    if base:
        packer = zlib.compressobj(_LEVEL, zdict=window(base))
        return packer.compress(payload) + packer.flush(), PACKED | CHAINED
    return zlib.compress(payload, _LEVEL), PACKED


def unpack(stored: bytes, flags: int, base: bytes | None) -> bytes | None:
    """None: damaged, too big, or what it is chained to is missing."""
    if not flags & PACKED:
        return stored
    if flags & CHAINED:
        if not base:
            return None
        unpacker = zlib.decompressobj(zdict=window(base))
    else:
        unpacker = zlib.decompressobj()
    try:
        payload = unpacker.decompress(stored, MAX_PAYLOAD)
    except zlib.error:
        return None
    return payload if unpacker.eof else None


def window(payload: bytes) -> bytes:
    """What of a payload the next one can be chained to."""
    return payload[-_WINDOW:]


def head(kind: int, flags: int, sequence: int, mono_ns: int, stored: bytes) -> bytes:
    before = _BEFORE_CRC.pack(MAGIC, VERSION, kind, flags, sequence & 0xFFFFFFFF, len(stored))
    time = _TIME.pack(mono_ns)
    return before + crc(before, time, stored).to_bytes(4, "little") + time


def crc(before: bytes, time: bytes, stored: bytes) -> int:
    return zlib.crc32(stored, zlib.crc32(time, zlib.crc32(before)))


def split_head(raw: bytes) -> tuple[int, int, int, int, int, int] | None:
    """kind, flags, sequence, length, CRC, monotonic ns; None where this is no head that we understand."""
    if len(raw) < HEAD.size:
        return None
    magic, version, kind, flags, sequence, length, checksum, mono_ns = HEAD.unpack(raw[: HEAD.size])
    if magic != MAGIC or version != VERSION or length > MAX_STORED:
        return None
    return kind, flags, sequence, length, checksum, mono_ns


def whole(raw_head: bytes, stored: bytes) -> bool:
    """Does the checksum of a head agree with it and with its payload?"""
    at = _BEFORE_CRC.size
    checksum = int.from_bytes(raw_head[at : at + 4], "little")
    return crc(raw_head[:at], raw_head[at + 4 : HEAD.size], stored) == checksum
