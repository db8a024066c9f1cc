"""Logs that went through Markdown: what converters of pages and editors put a backslash before.

\\[ 5.168012\\] oom invoked oom-killer: gfp\\_mask=0x140dca(GFP\\_HIGHUSER\\_MOVABLE\\|\\_\\_GFP\\_COMP), order=0
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_STAMP = re.compile(rb"[\s>|*-]{0,8}(\\?)\[ {0,6}\d{1,7}\.\d{6}\\?\] |[\s>|*-]{0,8}{")
_LEAST_LINES = 2
_ESCAPED = re.compile(rb"\\([!-/:-@\[-`{-~])")  # CommonMark, 2.4: any punctuation of ASCII


def looks_like_it(head: Sequence[bytes]) -> bool:
    """Every stamp has its backslashes; and they are no text inside of something else."""
    stamps = [found[1] for found in map(_STAMP.match, head) if found]
    return len(stamps) >= _LEAST_LINES and all(stamps)


def bare(line: bytes) -> bytes:
    return _ESCAPED.sub(rb"\1", line) if b"\\" in line else line
