"""Bytes of unknown making as text that is always valid Unicode: what is not UTF-8 shows as `\\xNN`, and is not lost."""

from __future__ import annotations

import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def visible(raw: bytes) -> str:
    """`raw` as text; a byte that is no UTF-8, and NUL, become `\\xNN`."""
    text = raw.decode("utf-8", "backslashreplace")
    return text.replace("\x00", "\\x00") if "\x00" in text else text


def clean(text: str) -> str:
    """Text from JSON, where half of a surrogate pair or a NUL can stand: databases take neither."""
    return _UNSTORABLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
