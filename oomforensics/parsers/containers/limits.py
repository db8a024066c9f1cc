"""What a packed file may cost: evidence may have been put together by an enemy.

Each limit has an option of `oomforensics ingest`, which the message names. What was read before a limit is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one file that was named, with all that is in it."""

    nesting: int = 8  # packed streams and archives inside one another
    members: int = 1_000_000  # of all archives in it
    unpacked_bytes: int = 1024 * GIB  # that come out of all of them
    ratio: int = 1_500  # unpacked to packed, of one stream: gzip cannot exceed 1,032, logs have 5 to 100
    # Copied to a temporary file: what can only be read at any place, inside something else.
    spooled_bytes: int = 16 * GIB


class LimitReached(OSError):
    """Raised in the midst of reading; the message is for people."""
