"""C integer arithmetic, where Python's differs: division truncates toward zero and types have a width."""

from __future__ import annotations

from collections.abc import Iterable

LONG_MIN = -(2**63)


def div(dividend: int, divisor: int) -> int:
    """`dividend / divisor` as C computes it."""
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


def div_each(dividends: Iterable[int], divisor: int) -> list[int]:
    """`div` of each by one divisor above 0."""
    return [value // divisor if value >= 0 else -(-value // divisor) for value in dividends]


def int32(value: int) -> int:
    """The value after conversion to a 32-bit `int` (two's complement, as gcc wraps it)."""
    return (value + 2**31) % 2**32 - 2**31


def ulong64(value: int) -> int:
    """The value after conversion to a 64-bit `unsigned long`."""
    return value % 2**64
