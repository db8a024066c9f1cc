"""The objects of a systemd journal file in the order in which they lie there (systemd.io/JOURNAL_FILE_FORMAT).

    journal = Journal(file, size, damage)
    for found in journal.objects(): ...

All are walked over from the first to the last, each beginning where the one before it ends. The file's own index of its
entries (a chain of ENTRY_ARRAY objects) is read along: it tells where an object claims to be longer than it can be. Behind
a broken object the walk goes on at the next place that this index or the table of hashes names, and never at bytes that
just look like an object: a message can hold such bytes. Any number in the file may be wrong; the walk only ever goes
forward, so it ends.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from operator import lt
from typing import BinaryIO, NamedTuple

from oomforensics.parsers.journal_hash import lookup3, siphash24
from oomforensics.parsers.records import Problem

MAGIC = b"LPKSHHRH"
DATA, FIELD, ENTRY, DATA_HASH_TABLE, FIELD_HASH_TABLE, ENTRY_ARRAY, TAG = range(1, 8)
ENTRY_HEADER = 64  # bytes of an ENTRY before its items
MAX_ITEMS = 4096  # fields of an entry; systemd takes up to 1024 from a client

_PIECE = 1024 * 1024  # bytes read at a time
# Bytes of the table of hashes that are looked at: half a million places, anywhere in the file.
_MAX_TABLE = 8 * 1024 * 1024
_MAX_PROBLEMS = 100
_MAX_DOUBTS = 1000
_ARRAY_HEADER = 24
_COMPACT = 1 << 4  # HEADER_INCOMPATIBLE_COMPACT
_KEYED = 1 << 2  # HEADER_INCOMPATIBLE_KEYED_HASH
_KNOWN_FLAGS = 0x1F  # xz, lz4, keyed hash, zstd, compact
_NOWHERE = 1 << 64  # beyond all offsets

_HEAD = struct.Struct("<BB6xQ")
_HEADER = struct.Struct("<12xI8x16s48x9Q16xQ24x")
_HEADER_MIN = _HEADER.size  # 208: what every version of the format has
_HEADER_MAX = 4096


class Found(NamedTuple):
    """A DATA or ENTRY object. It begins at `data[start]`, which is byte `at` of the file.

    Of a DATA object larger than a piece `data` holds the beginning only.
    """

    at: int
    kind: int
    flags: int
    size: int
    data: bytes
    start: int


class Value(NamedTuple):
    """A DATA object, seen from an entry. `payload` may be the beginning of it only."""

    flags: int
    size: int  # of the payload
    payload: bytes
    hash: bytes


class Damage:
    """Tells what is wrong with a file, up to a limit."""

    def __init__(self, problems: list[Problem], source: str) -> None:
        self._problems, self._source = problems, source
        self._once: set[str] = set()
        self.count = 0

    def tell(self, at: int | None, reason: str, severity: str = "data_loss") -> None:
        """`at`: the byte that it is about; without it the same is told once."""
        if at is None:
            if reason in self._once:
                return
            self._once.add(reason)
        self.count += 1
        if self.count <= _MAX_PROBLEMS:
            where = "" if at is None else f"journal, byte {at}: "
            self._problems.append(Problem(self._source, None, where + reason, severity))

    def finish(self) -> None:
        if self.count > _MAX_PROBLEMS:
            reason = f"{self.count - _MAX_PROBLEMS} more places of the journal are damaged"
            self._problems.append(Problem(self._source, None, reason, "data_loss"))


@dataclass(frozen=True, slots=True)
class _Header:
    compact: bool
    key: bytes | None  # of the hashes, if they are keyed
    size: int
    data_table: tuple[int, int]  # where its items are, and how many bytes
    field_table: tuple[int, int]
    tail_object: int
    entries: int
    entry_array: int


class Journal:
    """A journal file, of which any part may be damaged."""

    def __init__(self, file: BinaryIO, size: int, damage: Damage) -> None:
        self._file, self._size, self._damage = file, size, damage
        # What was read last for the walk: an entry's values mostly lie close before it.
        self._piece, self._piece_at = b"", 0
        self._header = self._read_header()
        self.compact = self._header is not None and self._header.compact
        self.data_header = 72 if self.compact else 64  # bytes of a DATA object before its payload
        self.item = 4 if self.compact else 16  # bytes of an item of an ENTRY
        self._least = (  # size of an object, by its type
            _NOWHERE, self.data_header + 1, 41, ENTRY_HEADER + self.item, 16, 16, _ARRAY_HEADER, 64,
        )  # fmt: skip
        self._index_torn = False
        self._places: array[int] | None = None
        self._doubt_starts: list[int] = []
        self._doubt_ends: list[int] = []

    def read(self, at: int, count: int) -> bytes:
        """Up to `count` bytes; fewer at the end of the file, and where the disk cannot read them."""
        start = at - self._piece_at
        if start >= 0 and start + count <= len(self._piece):
            return self._piece[start : start + count]
        found = b""
        try:
            self._file.seek(at)
            while len(found) < count and (piece := self._file.read(count - len(found))):
                found += piece
        except (OSError, ValueError, OverflowError) as error:
            self._damage.tell(at, f"cannot be read: {error}")
        return found

    def _read_piece(self, at: int) -> bytes:
        self._piece, self._piece_at = self.read(at, _PIECE), at
        return self._piece

    def head(self, at: int) -> tuple[int, int, int] | None:
        """Type, flags and size of the object at `at`; None where there can be none."""
        if at % 8 or not 0 < at <= self._size - 16:
            return None
        data = self.read(at, 16)
        if len(data) < 16:
            return None
        kind, flags, size = _HEAD.unpack(data)
        return (kind, flags, size) if self._fits(at, kind, size) else None

    def value(self, at: int, before: int, most: int) -> Value | None:
        """The DATA object at `at`, if there is one that ends `before` this, with up to `most` bytes of its payload."""
        data = self.read(at, self.data_header + most) if at % 8 == 0 and at < before else b""
        if len(data) <= self.data_header:
            return None
        kind, flags, size = _HEAD.unpack_from(data)
        if kind != DATA or size <= self.data_header or at + size > before:
            return None
        return Value(flags, size - self.data_header, data[self.data_header : size], data[16:24])

    def hashed(self, payload: bytes) -> bytes:
        """The hash that the DATA object of this payload has."""
        key = self._header.key if self._header is not None else None
        return (lookup3(payload) if key is None else siphash24(payload, key)).to_bytes(8, "little")

    def objects(self) -> Iterator[Found]:
        """Every DATA and ENTRY object that can be read. An entry comes after what it consists of, and once."""
        header = self._header
        if header is None:
            return
        index = self._index(header)
        expected = next(index, _NOWHERE)  # where the next entry begins, as the index says
        at = before = base = header.size
        data, entries, unlinked = b"", 0, 0
        while at <= self._size - 16:
            start = at - base
            if start + 16 > len(data):
                base, data, start = at, self._read_piece(at), 0
                if len(data) < 16:
                    self._damage.tell(at, f"the last {self._size - at} bytes are not there")
                    break
            kind, flags, size = _HEAD.unpack_from(data, start)
            if kind == 0 and size == 0 and at > header.tail_object and expected == _NOWHERE:
                break  # space that was set aside and is not used
            stop = (at + size + 7) & ~7
            whole = self._fits(at, kind, size)
            linked = at == expected and kind == ENTRY
            if linked:
                expected = next(index, _NOWHERE)
            while stop > expected and whole:  # either the object cannot be that long, or the index is wrong
                if expected > at and self._kind(expected) == ENTRY:
                    whole = False
                else:
                    self._tear(expected, "the index of the entries names what is no entry")
                    expected = next(index, _NOWHERE)
            if not whole:
                while expected <= at or (expected != _NOWHERE and self._kind(expected) != ENTRY):
                    self._index_torn |= expected > at
                    expected = next(index, _NOWHERE)
                place = self._beyond(at, kind, size, expected)
                self._doubt(before, place)
                at = before = place
                continue
            before = at
            if kind == ENTRY or kind == DATA:  # noqa: SIM109  # a tuple would be made for each object
                if start + size > len(data) and start:
                    base, data, start = at, self._read_piece(at), 0
                if kind == DATA:
                    yield Found(at, kind, flags, size, data, start)
                elif len(data) < start + size:
                    self._damage.tell(at, "an entry of which a part is not there")
                elif linked or self._index_torn or expected == _NOWHERE:
                    entries += 1
                    yield Found(at, kind, flags, size, data, start)
                else:
                    unlinked += 1
            at = stop
        if unlinked:
            self._damage.tell(
                None, f"{unlinked} entries that the journal's own index does not name are left out, as journalctl does", "info"
            )  # fmt: skip
        if entries < header.entries:
            self._damage.tell(None, f"{header.entries - entries} of the journal's {header.entries} entries are lost")

    def _doubt(self, start: int, end: int) -> None:
        """Remembers where objects may lie that the walk did not see: it may have been wrong one object earlier."""
        if len(self._doubt_starts) < _MAX_DOUBTS:
            self._doubt_starts.append(start)
            self._doubt_ends.append(end)
        else:
            self._doubt_ends[-1] = end

    def in_doubt(self, offsets: Iterable[int]) -> bool:
        """Whether one of these objects may have been passed over."""
        starts, ends = self._doubt_starts, self._doubt_ends
        return bool(starts) and any((n := bisect_right(starts, at)) and at < ends[n - 1] for at in offsets)

    def _read_header(self) -> _Header | None:
        data = self.read(0, _HEADER_MIN)
        if len(data) < _HEADER_MIN or not data.startswith(MAGIC):
            self._damage.tell(
                None, "the journal's header is cut off" if data.startswith(MAGIC) else "is no journal file"
            )
            return None
        flags, file_id, size, _arena, hashes, hashes_size, fields, fields_size, tail, _objects, count, index = (
            _HEADER.unpack(data[:_HEADER_MIN])
        )
        if flags & ~_KNOWN_FLAGS:
            reason = f"is in a newer form of the journal than is known here (incompatible flags {flags:#x})"
            self._damage.tell(None, reason, "error")
            return None
        if size % 8 or not _HEADER_MIN <= size <= _HEADER_MAX:
            self._damage.tell(0, f"the header cannot be {size} bytes long")
            size = _HEADER_MIN
        if tail + 16 > self._size:
            self._damage.tell(self._size, f"the journal is cut off: its last object begins at byte {tail}")
        key = file_id if flags & _KEYED else None
        return _Header(
            bool(flags & _COMPACT), key, size, (hashes, hashes_size), (fields, fields_size), tail, count, index
        )

    def _kind(self, at: int) -> int | None:
        found = self.head(at)
        return None if found is None else found[0]

    def _fits(self, at: int, kind: int, size: int) -> bool:
        if kind > TAG or size < self._least[kind] or at + size > self._size:
            return False
        if kind == ENTRY:
            return (size - ENTRY_HEADER) % self.item == 0 and size <= ENTRY_HEADER + MAX_ITEMS * self.item
        return kind != TAG or size == 64

    def _beyond(self, at: int, kind: int, size: int, expected: int) -> int:
        """Where to go on behind a broken object; the end of the file if nothing says where."""
        place = min(self._next_place(at), expected, self._size)
        what = "nothing was written here" if kind == size == 0 else f"a broken object (type {kind}, {size} bytes)"
        self._damage.tell(at, f"{what}: {place - at} bytes are passed over")
        return place

    def _next_place(self, at: int) -> int:
        """The next object that the tables of hashes name."""
        if self._places is None:
            self._places = self._read_places()
        places = self._places
        for index in range(bisect_right(places, at), len(places)):
            if self._kind(places[index]) in (DATA, FIELD):
                return places[index]
        return _NOWHERE

    def _read_places(self) -> array[int]:
        header = self._header
        assert header is not None
        offsets: set[int] = set()
        for offset, size in (header.field_table, header.data_table):
            if offset < self._size:
                data = self.read(offset, min(size, _MAX_TABLE, self._size - offset))
                offsets.update(struct.unpack_from(f"<{len(data) // 8}Q", data))
        return array("Q", sorted(each for each in offsets if each % 8 == 0 and 0 < each < self._size))

    def _index(self, header: _Header) -> Iterator[int]:
        """Where the entries are, as the chain of ENTRY_ARRAY objects says: rising."""
        at, before, last = header.entry_array, 0, 0
        width, letter = (4, "I") if self.compact else (8, "Q")
        while at:
            found = self.head(at) if at > before else None  # a later array always lies behind an earlier one
            if found is None or found[0] != ENTRY_ARRAY:
                self._tear(at, "here the index of the entries should go on")
                return
            (following,) = struct.unpack("<Q", self.read(at + 16, 8).ljust(8, b"\0"))
            ended = False  # an array has room for entries to come
            for start in range(at + _ARRAY_HEADER, at + found[2], _PIECE):
                data = self.read(start, min(_PIECE, at + found[2] - start))
                offsets = list(struct.unpack_from(f"<{len(data) // width}{letter}", data))
                while offsets and offsets[-1] == 0:
                    offsets.pop()
                    ended = True
                if not offsets:
                    continue
                if not all(map(lt, chain((last,), offsets), offsets)) or offsets[-1] >= self._size:
                    self._tear(at, "the index of the entries is damaged")
                    offsets = _rising(last, offsets, self._size)
                yield from offsets
                last = offsets[-1] if offsets else last
            if ended and following:
                self._tear(at, "the index of the entries has a hole")
            before, at = at, following

    def _tear(self, at: int, reason: str) -> None:
        """From here on entries that the index does not name are taken too."""
        self._index_torn = True
        self._damage.tell(at, reason)


def _rising(last: int, offsets: list[int], limit: int) -> list[int]:
    """The offsets without those that are out of order."""
    kept: list[int] = []
    for offset, following in zip(offsets, [*offsets[1:], limit], strict=True):
        too_high = last < following <= offset
        if last < offset < limit and not too_high:
            kept.append(offset)
            last = offset
    return kept
