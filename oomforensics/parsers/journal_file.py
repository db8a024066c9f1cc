"""Binary systemd journal files (systemd.io/JOURNAL_FILE_FORMAT), read without systemd: regular and compact, packed or not,
and such as were not closed (`.journal~`, or copied while they were written).

    for record in records(file, size, context, problems): ...

Only entries that have to do with memory become records: all that the kernel said, messages with one of scan.ANCHORS or a
witness's needle, and what the same program says after one that goes on. Their DATA objects are noted in one walk through the
file, each before the entries that it is part of; no message is kept. Once a file has turned out to be damaged, a value is taken only
if it still has the hash that the journal keeps of it: to look at each would take three times as long.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from functools import cache
from typing import BinaryIO

from oomforensics.parsers.framings.base import Context
from oomforensics.parsers.framings.journal_entry import FIELDS, record
from oomforensics.parsers.framings.journal_export import MAX_VALUE
from oomforensics.parsers.journal_objects import DATA, ENTRY_HEADER, MAGIC, Damage, Found, Journal
from oomforensics.parsers.journal_payload import MAX_PACKED, Missing, Unreadable, unpack
from oomforensics.parsers.records import Problem, Record
from oomforensics.parsers.scan import ANCHORS
from oomforensics.parsers.text import visible
from oomforensics.parsers.witness import Speaker
from oomforensics.parsers.witnesses import WITNESSES

__all__ = ["MAGIC", "NAME", "entries", "records"]

NAME = "journal file"

_NAMES = {name.encode(): name for name in FIELDS if not name.startswith("__")} | {b"_BOOT_ID": ""}  # the entry has its own
_MESSAGE = b"MESSAGE="
_NAME_SIZE = 65  # bytes: no name is longer than 64, and the `=`
_NAME = re.compile(rb"[A-Z0-9_]+\Z")
# Whoever claims to be the kernel is read too: the record says whether it is, and one broken object must not hide its lines.
_KERNEL = frozenset({b"_TRANSPORT=kernel", b"SYSLOG_IDENTIFIER=kernel"})
_KERNEL_SIZES = frozenset(map(len, _KERNEL))

_NEEDLES = {anchor.needle: 0 for anchor in ANCHORS} | {
    needle.encode(): witness.reach for witness in WITNESSES if witness.speaker is not Speaker.KERNEL for needle in witness.needles
}  # fmt: skip
_NEEDLE = re.compile(b"|".join(map(re.escape, _NEEDLES)))
_LONGER = {needle: reach for needle, reach in _NEEDLES.items() if reach}

_MAX_WANTED = 500_000  # DATA objects that are noted; if there are more, every entry becomes a record
_MAX_CACHED = 20_000  # values
_CACHED_SIZE = 256  # characters of a value that is worth it
_SHORT = 512  # bytes that are read to tell a value's name; most values are shorter
_MAX_HASHED = 64 * 1024  # bytes of a value whose hash is looked at: takes 30 ms
_VALID = 1 << 55  # microseconds: systemd takes no later time for one


def records(file: BinaryIO, size: int, context: Context, problems: list[Problem]) -> Iterator[Record]:
    """Records of a journal file. `Record.line` is the number of the entry in the file, from 1."""
    for number, fields in entries(file, size, problems, context.source):
        yield record(number, fields, context)


def entries(
    file: BinaryIO, size: int, problems: list[Problem], source: str, every: bool = False
) -> Iterator[tuple[int, dict[str, str | None]]]:
    """The entries that may be about memory (or `every` one): their number, from 1, and those of FIELDS that they have."""
    damage = Damage(problems, source)
    yield from _Reader(Journal(file, size, damage), damage, every).entries()
    damage.finish()


def reach(message: bytes) -> int | None:
    """How many messages of the same program belong to this one; None: it has nothing to do with memory."""
    if (
        b"oom" in message or b"OOM" in message or b"ill" in message or b"emory" in message or b"SIG" in message
        or b"adness" in message or b"page alloc" in message or b"Linux version " in message
    ) and _NEEDLE.search(message):  # fmt: skip
        return max((most for needle, most in _LONGER.items() if needle in message), default=0)
    return None


class _Reader:
    def __init__(self, journal: Journal, damage: Damage, every: bool) -> None:
        self._journal, self._damage, self._every = journal, damage, every
        self._wanted: dict[int, int] = {}  # DATA objects that make an entry worth reading, and what `reach` says of them
        self._followed: dict[int, int] = {}  # names of programs that have more to say, and for how many messages
        self._values: dict[int, tuple[str, str] | None] = {}

    def entries(self) -> Iterator[tuple[int, dict[str, str | None]]]:
        noted, followed = self._wanted.keys(), self._followed
        items_of = _compact_items if self._journal.compact else _regular_items
        item, number, messages = self._journal.item, 0, False
        payload = self._journal.data_header
        for found in self._journal.objects():
            at, kind, flags, size, data, start = found
            if kind == DATA:
                if flags:
                    messages |= self._look_at_packed(found)
                elif data.startswith(_MESSAGE, start + payload):
                    messages = True
                    most = reach(data[start + payload + len(_MESSAGE) : start + min(size, MAX_VALUE)])
                    if most is not None:
                        self._want(at, most)
                elif size - payload in _KERNEL_SIZES and data[start + payload : start + size] in _KERNEL:
                    self._want(at, 0)
                continue
            number += 1
            items = items_of((size - ENTRY_HEADER) // item).unpack_from(data, start + ENTRY_HEADER)
            if self._every or not noted.isdisjoint(items) or (followed and not followed.keys().isdisjoint(items)):
                fields = self._read(found, items)
                if fields is not None:
                    yield number, fields
        if number and not messages:
            self._damage.tell(None, f"no message was found for the journal's {number} entries")

    def _want(self, at: int, most: int) -> None:
        if len(self._wanted) < _MAX_WANTED:
            self._wanted[at] = most
        else:
            self._every = True

    def _look_at_packed(self, found: Found) -> bool:
        """Notes a packed message that may be about memory; answers whether it is a message."""
        try:
            packed = self._payload(found.at, found.size, found)
            if unpack(found.flags, packed, len(_MESSAGE)) != _MESSAGE:
                return False
            most = reach(unpack(found.flags, packed, len(_MESSAGE) + MAX_VALUE)[len(_MESSAGE) :])
            if most is not None:
                self._want(found.at, most)
        except Unreadable as error:
            self._tell(found.at, error)
        return True

    def _tell(self, at: int, error: Unreadable) -> None:
        self._damage.tell(None if isinstance(error, Missing) else at, str(error))

    def _payload(self, at: int, size: int, found: Found | None = None, most: int = MAX_PACKED) -> bytes:
        """Up to `most` bytes of what a DATA object holds, packed as it is."""
        header = self._journal.data_header
        count = size - header
        if found is not None and found.start + size <= len(found.data):
            return found.data[found.start + header : found.start + size]
        if count > MAX_PACKED and most == MAX_PACKED:
            raise Unreadable(f"a packed value of {count} bytes: more than {MAX_PACKED} are not unpacked")
        return self._journal.read(at + header, min(count, most))

    def _read(self, entry: Found, items: tuple[int, ...]) -> dict[str, str | None] | None:
        """The fields of an entry; None if its message cannot be read."""
        _, realtime, monotonic, boot_id = _TIMES.unpack_from(entry.data, entry.start + 16)
        fields: dict[str, str | None] = {"_BOOT_ID": boot_id.hex()}
        if 0 < realtime < _VALID:
            fields["__REALTIME_TIMESTAMP"] = str(realtime)
        else:
            self._damage.tell(entry.at, f"an entry of an impossible date ({realtime})")
        if monotonic < _VALID:
            fields["__MONOTONIC_TIMESTAMP"] = str(monotonic)
        most, broken = 0, False
        programs: dict[str, int] = {}
        for offset in items:
            try:
                value = self._value(offset, entry.at)
            except Unreadable as error:
                self._tell(offset, error)
                broken = True
                continue
            if value is not None:
                name, text = value
                fields.setdefault(name, text)
                if name in _PROGRAM:
                    programs.setdefault(name, offset)
            most = max(most, self._wanted.get(offset, 0))
        self._follow(next((programs[name] for name in _PROGRAM if name in programs), None), most)
        return None if broken and "MESSAGE" not in fields else fields

    def _follow(self, program: int | None, most: int) -> None:
        """Takes the next `most` messages of this program too."""
        if program is None:
            return
        left = max(most, self._followed.get(program, 0) - 1)
        if left > 0:
            self._followed[program] = left
        else:
            self._followed.pop(program, None)

    def _value(self, at: int, before: int) -> tuple[str, str] | None:
        """Name and value of a DATA object, if it is one of FIELDS. Raises Unreadable."""
        if at in self._values:
            return self._values[at]
        head = self._journal.head(at) if at < before else None
        if head is None or head[0] != DATA or at + head[2] > before:
            raise Unreadable("an entry consists of something that is not there")
        _, flags, size = head
        payload = unpack(flags, self._payload(at, size), _NAME_SIZE) if flags else self._payload(at, size, most=_SHORT)
        name, equals, _ = payload[:_NAME_SIZE].partition(b"=")
        if not equals or not _NAME.match(name):
            raise Unreadable("a value without a name")
        found = None
        if known := _NAMES.get(name):
            most = len(name) + 1 + MAX_VALUE
            if flags:
                payload = unpack(flags, self._payload(at, size), most)
            elif size > _SHORT:
                payload = self._payload(at, size, most=most)
            if self._damage.count and len(payload) <= _MAX_HASHED and not self._journal.holds(at, payload):
                raise Unreadable(f"a value of {known} that was changed")
            found = known, visible(payload[len(name) + 1 :])
        if found is None or len(found[1]) <= _CACHED_SIZE and known != "MESSAGE":
            if len(self._values) >= _MAX_CACHED:
                self._values.clear()
            self._values[at] = found
        return found


_PROGRAM = ("SYSLOG_IDENTIFIER", "_COMM")  # by which the messages of a program are known
_TIMES = struct.Struct("<QQQ16s")  # of an ENTRY: number, wall clock, uptime, boot


@cache
def _regular_items(count: int) -> struct.Struct:
    return struct.Struct("<" + "Q8x" * count)


@cache
def _compact_items(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}I")
