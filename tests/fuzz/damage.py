"""Accidents that happen to bytes, and those that an enemy would arrange."""

from __future__ import annotations

import random
import re
import struct
import zlib
from collections.abc import Sequence

# What formats are made of: lengths, ends, escapes, names of things.
_TOKENS = (
    b"\0", b"\xff", b"\xff" * 8, b"\n", b"\r\n", b"\n\n", b"\x1b[31m", b"\x1e", b" ", b"\t", b"[", b"]", b"(", b") (", b":", b"=",
    b",", b"{", b"}", b"[[[[[[[[", b'"', b"\\", b"null", b"nan", b"1e999", b"%s", b"../", b"/", b"kB", b"kernel: ",
    b"Out of memory: Killed process ", b"Killed process 1 (", b"invoked oom-killer: ", b"oom-kill:constraint=", b", order=",
    b"[ pid ]   uid  tgid total_vm      rss ", b"[   12.345678] ", b"<6>", b"4,1,1,-;", b"Linux version 6.1.0", b"UID:",
    b"Memory cgroup stats for ", b"Tasks state (memory values in pages):", b"oom_reaper: reaped process ", b'{"MESSAGE":',
    b"2026-02-30T25:61:61", b"Feb 29 00:00:00 ", b"_BOOT_ID=x\n", b"MESSAGE\n", b"\xed\xa0\x80",
    "\u202e".encode(), "\u00e9".encode(), "\u0662".encode(), "\U0001f480".encode(),
    b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"ustar", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd",
    b"LPKSHHRH",
)  # fmt: skip
_POWERS = tuple(near + (1 << bits) for bits in (16, 31, 32, 63, 64) for near in (-1, 0))
_NUMBERS = (
    *(b"%d" % number for number in (0, -1, 1, 1000, -1000, *_POWERS, 10**26)),
    b"", b"-", b"0x7f", b"1.5", b"007", b"9" * 300, b"9" * 5000,
)  # fmt: skip
_LENGTHS = (0, 1, 2, 7, 8, 15, 16, 255, 4096, *_POWERS, (1 << 64) - 8)
_NUMBER = re.compile(rb"-?\d+")
_LARGEST = 64 * 1024  # bytes: splices make inputs grow


def damaged(draw: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """The input after one to eight accidents."""
    found = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 3, 8))):
        _accident(draw, found, others)
    return bytes(found[:_LARGEST])


def _accident(draw: random.Random, found: bytearray, others: Sequence[bytes]) -> None:
    at = draw.randrange(len(found) + 1)
    match draw.randrange(14):
        case 0 if at < len(found):
            found[at] ^= 1 << draw.randrange(8)
        case 1:
            del found[at : at + draw.choice((1, 4, 60, 1000))]
        case 2:
            found[at:at] = draw.choice(_TOKENS)
        case 3:
            del found[at:]
        case 4:
            del found[:at]
        case 5:
            other = draw.choice(others)
            cut = draw.randrange(len(other) + 1)
            found[at : at + draw.choice((0, 500))] = other[cut : cut + draw.choice((40, 500, 5000))]
        case 6:
            found[at:at] = found[at : at + draw.choice((1, 10, 200))] * draw.choice((1, 3, 100))
        case 7:
            found[at : at + 4] = draw.randbytes(4)
        case 8 | 9 if (number := _NUMBER.search(found, at)) is not None:
            found[number.start() : number.end()] = draw.choice(_NUMBERS)
        case 10 | 11:  # lengths and offsets of binary formats are mostly aligned
            width, little = draw.choice((1, 2, 4, 8)), draw.randrange(2)
            length = draw.choice((*_LENGTHS, len(found), len(found) - at, at))
            start = at - at % width
            found[start : start + width] = (length % (1 << 8 * width)).to_bytes(width, "little" if little else "big")
        case 12:
            start, end_ = _line(found, at)
            found[start:end_] = found[start:end_] * draw.choice((0, 2))
        case _:
            start, end_ = _line(found, at)
            line = found[start:end_]
            del found[start:end_]
            to = _line(found, draw.randrange(len(found) + 1))[0]
            found[to:to] = line


def _line(data: bytearray, at: int) -> tuple[int, int]:
    end = data.find(b"\n", at) + 1
    return data.rfind(b"\n", 0, at) + 1, end or len(data)


# -- checksums: without the right one, a damaged field would never be looked at -------------------------------------------


def tar_sums(data: bytes) -> bytes:
    found = bytearray(data)
    for at in range(0, len(found) - 511, 512):
        if found[at + 257 : at + 262] == b"ustar":
            found[at + 148 : at + 156] = b" " * 8
            found[at + 148 : at + 156] = b"%06o\0 " % sum(found[at : at + 512])
    return bytes(found)


def sevenzip_sums(data: bytes) -> bytes:
    """Of the header at the end and of the one at the start, which holds it (7zFormat.txt)."""
    if len(data) < 32:
        return data
    found = bytearray(data)
    offset, size = struct.unpack_from("<QQ", found, 12)
    struct.pack_into("<I", found, 28, zlib.crc32(found[32 + offset : 32 + offset + size]))
    struct.pack_into("<I", found, 8, zlib.crc32(found[12:32]))
    return bytes(found)


def archive_sums(data: bytes) -> bytes:
    return sevenzip_sums(data) if data.startswith(b"7z") else tar_sums(data)
