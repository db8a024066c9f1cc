"""Patterns of lines with numbers in them."""

from __future__ import annotations

import re


def compiled(pattern: str, flags: int = 0) -> re.Pattern[str]:
    r"""The pattern, in which `\d+` means at most the 20 digits that a number of 64 bits has.

    No kernel prints a longer one. int() raises for one of 4301 digits, and arithmetic with a slightly shorter one does.
    """
    return re.compile(pattern.replace(r"\d+", r"\d{1,20}"), flags)
