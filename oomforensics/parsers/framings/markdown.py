"""Logs that went through Markdown: what converters of pages and editors put a backslash before.

\\[ 5.168012\\] oom invoked oom-killer: gfp\\_mask=0x140dca(GFP\\_HIGHUSER\\_MOVABLE\\|\\_\\_GFP\\_COMP), order=0
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_SIGN = re.compile(rb"\\\[ {0,6}\d{1,7}\.\d{6}\\\] |gfp\\_mask=|oom\\_score\\_adj")
_ESCAPED = re.compile(rb"\\([!-/:-@\[-`{-~])")  # CommonMark, 2.4: any punctuation of ASCII


def looks_like_it(head: Sequence[bytes]) -> bool:
    return any(_SIGN.search(line) for line in head)


def bare(line: bytes) -> bytes:
    return _ESCAPED.sub(rb"\1", line) if b"\\" in line else line
