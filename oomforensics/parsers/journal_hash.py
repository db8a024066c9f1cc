"""The two hashes that journals keep of each value: SipHash-2-4, keyed with the file's id, and before systemd 246 lookup3.

Authors' descriptions: Aumasson and Bernstein, "SipHash: a fast short-input PRF"; burtleburtle.net/bob/c/lookup3.c, where
systemd takes hashlittle2() with the first result as the upper half. Some 4 us for 8 bytes.
"""

from __future__ import annotations

import struct

_M64, _M32 = (1 << 64) - 1, (1 << 32) - 1


def siphash24(data: bytes, key: bytes) -> int:
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v0, v1, v2, v3 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    words = struct.unpack(f"<{len(padded) // 8}Q", padded)
    for word, rounds in [*((word, 2) for word in words), (0, 4)]:
        if rounds == 2:
            v3 ^= word
        else:
            v2 ^= 0xFF
        for _ in range(rounds):
            v0 = (v0 + v1) & _M64
            v1 = ((v1 << 13 | v1 >> 51) & _M64) ^ v0
            v0 = (v0 << 32 | v0 >> 32) & _M64
            v2 = (v2 + v3) & _M64
            v3 = ((v3 << 16 | v3 >> 48) & _M64) ^ v2
            v0 = (v0 + v3) & _M64
            v3 = ((v3 << 21 | v3 >> 43) & _M64) ^ v0
            v2 = (v2 + v1) & _M64
            v1 = ((v1 << 17 | v1 >> 47) & _M64) ^ v2
            v2 = (v2 << 32 | v2 >> 32) & _M64
        if rounds == 2:
            v0 ^= word
    return v0 ^ v1 ^ v2 ^ v3


def lookup3(data: bytes) -> int:
    a = b = c = (0xDEADBEEF + len(data)) & _M32
    words = struct.unpack(f"<{(len(data) + 11) // 12 * 3}I", data + bytes(-len(data) % 12))
    for at in range(0, len(words) - 3, 3):
        a, b, c = (a + words[at]) & _M32, (b + words[at + 1]) & _M32, (c + words[at + 2]) & _M32
        a = ((a - c) & _M32) ^ _turn(c, 4)
        c = (c + b) & _M32
        b = ((b - a) & _M32) ^ _turn(a, 6)
        a = (a + c) & _M32
        c = ((c - b) & _M32) ^ _turn(b, 8)
        b = (b + a) & _M32
        a = ((a - c) & _M32) ^ _turn(c, 16)
        c = (c + b) & _M32
        b = ((b - a) & _M32) ^ _turn(a, 19)
        a = (a + c) & _M32
        c = ((c - b) & _M32) ^ _turn(b, 4)
        b = (b + a) & _M32
    if words:
        a, b, c = (a + words[-3]) & _M32, (b + words[-2]) & _M32, (c + words[-1]) & _M32
        c = ((c ^ b) - _turn(b, 14)) & _M32
        a = ((a ^ c) - _turn(c, 11)) & _M32
        b = ((b ^ a) - _turn(a, 25)) & _M32
        c = ((c ^ b) - _turn(b, 16)) & _M32
        a = ((a ^ c) - _turn(c, 4)) & _M32
        b = ((b ^ a) - _turn(a, 14)) & _M32
        c = ((c ^ b) - _turn(b, 24)) & _M32
    return c << 32 | b


def _turn(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & _M32
