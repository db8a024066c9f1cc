"""Mail as it travels (RFC 2045, 6.7): lines broken by a `=` at their end, and `=3D` for what is one.

[49689.294138] ip invoked oom-killer: gfp_mask=3D0xc2cc0(GFP_KERNEL|__GFP_N=
OWARN|__GFP_COMP), order=3D3, oom_score_adj=3D0
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from oomforensics.parsers.records import PAUSED_LINE

_SIGN = re.compile(rb"=3D")
_LEAST = 2  # lines with the one, and one with the other: no log has both by chance
_MAX_LINE = 64 * 1024


def looks_like_it(head: Sequence[bytes]) -> bool:
    """The first lines of a source."""
    signs = sum(_SIGN.search(line) is not None for line in head)
    return signs >= _LEAST and any(line.endswith(b"=") for line in head)


def decoded(lines: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """Whole lines, each with the number of its first part; what is not bytes passes, as does a pause."""
    first, parts = 0, b""
    for numbered in lines:
        number, line = numbered
        if numbered is PAUSED_LINE or not isinstance(line, bytes):
            if parts:
                yield first, quopri.decodestring(parts)
                parts = b""
            yield numbered
            continue
        if not parts:
            first = number
        if line.endswith(b"=") and len(parts) < _MAX_LINE:
            parts += line[:-1]
            continue
        yield first, quopri.decodestring(parts + line)
        parts = b""
    if parts:
        yield first, quopri.decodestring(parts)
