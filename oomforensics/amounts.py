"""Amounts of memory in words, for whatever layer makes sentences."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=1024)  # one report says the same amount again and again
def size(bytes_: int) -> str:
    """Bytes in the largest binary unit that keeps three digits: `418 MiB`, `1.61 GiB`."""
    sign, value = ("-" if bytes_ < 0 else ""), float(abs(bytes_))
    if value < 1024:
        return f"{sign}{int(value)} B"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= 1024
        if value < 999.5 or unit == "TiB":
            digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
            return f"{sign}{_trim(f'{value:.{digits}f}')} {unit}"
    raise AssertionError


def percent(part: int, whole: int) -> str:
    """`4 %`, and below one `0.3 %`; a part that is there is never shown as nothing."""
    share = 100 * part / whole if whole else 0.0
    if 0 < share < 0.05:
        return "under 0.1 %"
    return f"{share:.1f} %" if 0 < share < 0.95 else f"{share:.0f} %"


def _trim(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number
