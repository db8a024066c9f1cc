"""The fields that a journal's entries consist of, found by the offsets of their DATA objects.

Once a file has turned out to be damaged, a value is taken only if it still has the hash that the journal keeps of it. To look
at each hash would take three times as long as all the rest.
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings.journal_entry import FIELDS
from oomforensics.parsers.framings.journal_export import MAX_VALUE
from oomforensics.parsers.journal_objects import Damage, Found, Journal
from oomforensics.parsers.journal_payload import MAX_PACKED, Missing, Unreadable, unpack
from oomforensics.parsers.text import visible

# Without those that the entry has itself.
_NAMES = {name.encode(): name for name in FIELDS if not name.startswith("__") and name != "_BOOT_ID"}
_NAME_SIZE = 65  # bytes: no name is longer than 64, and the `=`
_NAME = re.compile(rb"[A-Z0-9_]+\Z")
_SHORT = 512  # bytes that are read at first; most values are shorter
_MAX_HASHED = 64 * 1024  # bytes of a value whose hash is looked at: takes 30 ms
_MAX_CACHED = 20_000  # values
_CACHED_SIZE = 256  # characters of a value that is worth it


class Values:
    """`cache` is looked at first by who asks: most of an entry's values are those of entries before it."""

    def __init__(self, journal: Journal, damage: Damage) -> None:
        self._journal, self._damage = journal, damage
        self.cache: dict[int, tuple[str, str] | None] = {}

    def get(self, at: int, before: int) -> tuple[str, str] | None:
        """Name and value of the DATA object at `at`, if it is one of FIELDS; it ends `before` its entry. Raises Unreadable."""
        found = self._read(at, before)
        if found is None or (len(found[1]) <= _CACHED_SIZE and found[0] != "MESSAGE"):
            if len(self.cache) >= _MAX_CACHED:
                self.cache.clear()
            self.cache[at] = found
        return found

    def _read(self, at: int, before: int) -> tuple[str, str] | None:
        value = self._journal.value(at, before, _SHORT)
        if value is None:
            raise Unreadable("an entry has a value here, but there is none")
        packed = self._rest(at, value.size, value.payload, MAX_PACKED) if value.flags else b""
        payload = unpack(value.flags, packed, _NAME_SIZE) if value.flags else value.payload
        name, equals, _ = payload[:_NAME_SIZE].partition(b"=")
        if not equals or not _NAME.match(name):
            raise Unreadable("a value without a name")
        known = _NAMES.get(name)
        if known is None:
            return None
        most = len(name) + 1 + MAX_VALUE
        payload = unpack(value.flags, packed, most) if value.flags else self._rest(at, value.size, payload, most)
        if self._damage.count and len(payload) <= _MAX_HASHED and self._journal.hashed(payload) != value.hash:
            raise Unreadable(f"a value of {known} that was changed")
        return known, visible(payload[len(name) + 1 :])

    def packed(self, found: Found) -> bytes:
        """What a DATA object that the walk has met holds, packed as it is. Raises Unreadable."""
        start, end = found.start + self._journal.data_header, found.start + found.size
        return self._rest(found.at, end - start, found.data[start:end], MAX_PACKED)

    def _rest(self, at: int, size: int, payload: bytes, most: int) -> bytes:
        if len(payload) >= min(size, most):
            return payload[:most]
        if size > most == MAX_PACKED:
            raise Unreadable(f"a packed value of {size} bytes: more than {MAX_PACKED} are not unpacked")
        return self._journal.read(at + self._journal.data_header, min(size, most))

    def tell(self, at: int, error: Unreadable) -> None:
        self._damage.tell(None if isinstance(error, Missing) else at, str(error))
