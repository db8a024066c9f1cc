"""C integer arithmetic, where Python's differs: division truncates toward zero and types have a width.

Of whole numbers of Python, or element by element of arrays of them, where a parameter is a Number.
"""

from __future__ import annotations

from typing import Any

Number = (
    Any  # int, or an array of numpy that holds ints: of 64 bits, where all that comes out of it fits there, or Python's
)


def div(dividend: Number, divisor: int) -> Number:
    """`dividend / divisor` as C computes it."""
    quotient = dividend // divisor
    return quotient + ((quotient < 0) & (quotient * divisor != dividend))


def at_least(value: Number, least: int) -> Number:
    return value + (value < least) * (least - value)


def at_most(value: Number, most: int) -> Number:
    return value - (value > most) * (value - most)


def int32(value: Number) -> Number:
    """The value after conversion to a 32-bit `int` (two's complement, as gcc wraps it)."""
    return (value + 2**31) % 2**32 - 2**31


def ulong64(value: Number) -> Number:
    """The value after conversion to a 64-bit `unsigned long`."""
    return value % 2**64
