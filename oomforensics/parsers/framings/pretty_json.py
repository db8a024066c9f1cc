"""JSON that is written over several lines, put on one line for each entry: `journalctl -o json-pretty`, exports of log stores.

[
  {
    "textPayload": "[   12.345678] Mem-Info:\\r\\n",
    "resource": {"type": "gce_instance"},
    "timestamp": "2026-05-01T10:00:00Z"
  },

An entry begins with a brace alone on its line, is closed by its own, and holds no other that begins so: what is around it
(`{"events": [`) is no entry. Lines that are none of an entry's pass as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from oomforensics.parsers.records import PAUSED_LINE

# What entries of logs have, and documents of other kinds (`kubectl get -o json`, `docker inspect`) have not.
_OF_LOGS = re.compile(
    rb'\s*"(?:MESSAGE|__REALTIME_TIMESTAMP|textPayload|jsonPayload|ingestionTime|@timestamp|_source|_raw)"\s*:'
)
_OPENS, _CLOSES = (b"{", b"["), (b"}", b"]")
_MOST_BYTES = 256 * 1024  # of an entry; the journal's have some 2 KiB


def looks_like_it(head: Sequence[bytes]) -> bool:
    """The first lines of a source: a brace alone, and then a member that tells of a log."""
    at = next((number for number, line in enumerate(head) if line.strip() == b"{"), len(head))
    return any(_OF_LOGS.match(line) for line in head[at:])


def on_one_line(lines: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """Each entry as one line, with the number of its first; what is not bytes passes, as does a pause."""
    held: list[tuple[int, bytes]] = []
    depth = size = 0
    for numbered in lines:
        line = numbered[1]
        is_text = numbered is not PAUSED_LINE and isinstance(line, bytes)
        bare = line.strip() if is_text else b""
        if not is_text or bare == b"{" or size > _MOST_BYTES:
            yield from held  # around an entry, or never closed
            held, depth, size = [], 0, 0
        if not is_text or (not held and bare != b"{"):
            yield numbered
            continue
        held.append(numbered)
        size += len(line) + 1
        depth += bare.endswith(_OPENS) - bare.startswith(_CLOSES)
        if depth <= 0:
            yield held[0][0], b" ".join(part.strip() for _, part in held)
            held, size = [], 0
    yield from held
