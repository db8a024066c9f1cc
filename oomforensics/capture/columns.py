"""Whole numbers in columns that pack well: 4 or 8 bytes each, bytes of like weight side by side. Pure functions.

A column is one byte of width (0: all are zero), then for each of that many weights, lowest first, one byte a value.
"""

from __future__ import annotations

import sys
from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

assert array("i").itemsize == 4  # on every Linux that Python runs on


def pack(values: Iterable[int]) -> bytes:
    try:
        column = array("i", values)
    except OverflowError:
        column = array("q", values)
    return _planes(column)


def _planes(column: array[int]) -> bytes:
    if not any(column):
        return b"\x00"
    if sys.byteorder != "little":
        column.byteswap()
    raw, width = column.tobytes(), column.itemsize
    return bytes((width,)) + b"".join([raw[weight::width] for weight in range(width)])


def unpack(raw: bytes, at: int, count: int) -> tuple[list[int], int]:
    """`count` values of the column at `at`, and where the next begins. Raises ValueError."""
    if at >= len(raw):
        raise ValueError("a column is missing")
    width = raw[at]
    at += 1
    if width == 0:
        return [0] * count, at
    end = at + count * width
    if width not in (4, 8) or end > len(raw):
        raise ValueError("a column is cut off")
    mixed = bytearray(count * width)
    for weight in range(width):
        mixed[weight::width] = raw[at + weight * count : at + (weight + 1) * count]
    column = array("i" if width == 4 else "q", bytes(mixed))
    if sys.byteorder != "little":
        column.byteswap()
    return column.tolist(), end
