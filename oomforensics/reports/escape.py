"""Makes text from a log safe to show: names of processes and cgroups are chosen by whoever runs them."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

# C0, DEL, C1: obeyed by terminals. Bidi controls and zero-width characters: change what a reader sees.
_OBEYED = re.compile(
    "[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_JSON_IN_HTML = str.maketrans(
    {
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
        "\u007f": "\\u007f",
    }
)


def visible(text: str) -> str:
    """`text` with every character that would be obeyed, not shown, written as `\\x1b` or `\\u202e`."""
    return _OBEYED.sub(_named, text)


def _named(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def cells(text: str) -> int:
    """Columns that `text` (already visible) takes on a terminal."""
    return sum(map(_cell, text))


def _cell(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def clip(text: str, width: int) -> str:
    """`text` in at most `width` columns, its end replaced by `…` where it does not fit."""
    if cells(text) <= width:
        return text
    kept, used = [], 1
    for character in text:
        used += _cell(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept) + "…"


def pad(text: str, width: int, *, right: bool = False) -> str:
    """`text` filled with spaces to `width` columns; `right` aligns it to the right."""
    gap = " " * max(0, width - cells(text))
    return gap + text if right else text + gap


def script_json(value: Any) -> str:
    """JSON that can stand inside `<script type="application/json">`: no text in it can end the element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_JSON_IN_HTML)
