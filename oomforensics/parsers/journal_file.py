"""Binary systemd journal files (systemd.io/JOURNAL_FILE_FORMAT), read without systemd: regular and compact, packed or not,
and such as were not closed (`.journal~`, or copied while they were written).

    for record in records(file, size, context, problems): ...

Only entries that have to do with memory become records: all that the kernel said, messages with one of scan.ANCHORS or a
witness's needle, and what the same program says after one that goes on. Their DATA objects are noted in one walk through the
file, each before the entries that it is part of; no message is kept.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from typing import BinaryIO

from oomforensics.parsers import literals
from oomforensics.parsers.framings.base import Context
from oomforensics.parsers.framings.journal_entry import record
from oomforensics.parsers.framings.journal_export import MAX_VALUE
from oomforensics.parsers.journal_objects import DATA, ENTRY_HEADER, MAGIC, Damage, Found, Journal
from oomforensics.parsers.journal_payload import Unreadable, unpack
from oomforensics.parsers.journal_values import Values
from oomforensics.parsers.records import Problem, Record
from oomforensics.parsers.scan import ANCHORS
from oomforensics.parsers.text import visible
from oomforensics.parsers.witness import Speaker
from oomforensics.parsers.witnesses import WITNESSES

__all__ = ["MAGIC", "NAME", "entries", "records"]

NAME = "journal file"

_MESSAGE = b"MESSAGE="
# Whoever claims to be the kernel is read too: the record says whether it is, and one broken object must not hide its lines.
_KERNEL = frozenset({b"_TRANSPORT=kernel", b"SYSLOG_IDENTIFIER=kernel"})
_KERNEL_SIZES = frozenset(map(len, _KERNEL))

_ANCHORS = tuple(anchor.needle for anchor in ANCHORS)
_NEEDLES = tuple(
    (needle.encode(), witness)
    for witness in WITNESSES
    if witness.speaker is not Speaker.KERNEL
    for needle in witness.needles
)
_find = literals.finder((*_ANCHORS, *(needle for needle, _ in _NEEDLES)))
_UNREAD = ("", "")

_MAX_WANTED = 500_000  # DATA objects that are noted; if there are more, every entry becomes a record
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
    if not _find(message):
        return None
    most = 0 if any([needle in message for needle in _ANCHORS]) else None  # noqa: C419  # a generator takes longer
    for witness in [witness for needle, witness in _NEEDLES if needle in message]:
        text = visible(message)
        if any(each.search(text) for each in witness.patterns):  # "oom " alone is in "the room is", too
            most = max(most or 0, witness.reach)
    return most


class _Reader:
    def __init__(self, journal: Journal, damage: Damage, every: bool) -> None:
        self._journal, self._damage, self._every = journal, damage, every
        self._values = Values(journal, damage)
        self._wanted: set[int] = set()  # DATA objects that make an entry worth reading
        self._longer: dict[int, int] = {}  # those that more messages belong to, and how many
        self._followed: dict[int, int] = {}  # names of programs that have more to say, and for how many messages

    def entries(self) -> Iterator[tuple[int, dict[str, str | None]]]:
        noted, followed, in_doubt = self._wanted, self._followed, self._journal.in_doubt
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
            elif in_doubt(items):
                fields = self._read(found, items)
                if fields is not None and _is_wanted(fields):
                    yield number, fields
        if number and not messages:
            self._damage.tell(None, f"no message was found for the journal's {number} entries")

    def _want(self, at: int, most: int) -> None:
        if len(self._wanted) < _MAX_WANTED:
            self._wanted.add(at)
            if most:
                self._longer[at] = most
        else:
            self._every = True

    def _look_at_packed(self, found: Found) -> bool:
        """Notes a packed message that may be about memory; answers whether it is a message."""
        try:
            packed = self._values.packed(found)
            if unpack(found.flags, packed, len(_MESSAGE)) != _MESSAGE:
                return False
            most = reach(unpack(found.flags, packed, len(_MESSAGE) + MAX_VALUE)[len(_MESSAGE) :])
            if most is not None:
                self._want(found.at, most)
        except Unreadable as error:
            self._values.tell(found.at, error)
        return True

    def _read(self, entry: Found, items: tuple[int, ...]) -> dict[str, str | None] | None:
        """The fields of an entry; None if it has no message that can be read."""
        realtime, monotonic, boot_id = _TIMES.unpack_from(entry.data, entry.start + 24)
        fields: dict[str, str | None] = {"_BOOT_ID": boot_id.hex()}
        if 0 < realtime < _VALID:
            fields["__REALTIME_TIMESTAMP"] = str(realtime)
        else:
            self._damage.tell(entry.at, f"an entry of an impossible date ({realtime})")
        if monotonic < _VALID:
            fields["__MONOTONIC_TIMESTAMP"] = str(monotonic)
        programs: dict[str, int] = {}
        failed = False
        cached = self._values.cache
        for offset in items:
            value = cached.get(offset, _UNREAD)
            if value is _UNREAD:
                try:
                    value = self._values.get(offset, entry.at)
                except Unreadable as error:
                    if not failed:  # an entry whose end is wrong has many
                        self._values.tell(offset, error)
                    failed = True
                    continue
            if value is not None:
                name, text = value
                fields.setdefault(name, text)
                if name in _PROGRAM:
                    programs.setdefault(name, offset)
        if "MESSAGE" not in fields:
            if not failed:
                self._damage.tell(entry.at, "an entry without a message", "info")
            return None
        if self._longer or self._followed:
            most = max(self._longer.get(offset, 0) for offset in items)
            self._follow(next((programs[name] for name in _PROGRAM if name in programs), None), most)
        return fields

    def _follow(self, program: int | None, most: int) -> None:
        """Takes the next `most` messages of this program too."""
        if program is None:
            return
        left = max(most, self._followed.get(program, 0) - 1)
        if left > 0:
            self._followed[program] = left
        else:
            self._followed.pop(program, None)


def _is_wanted(fields: dict[str, str | None]) -> bool:
    """Of an entry with a value that the walk did not see."""
    if fields.get("_TRANSPORT") == "kernel" or fields.get("SYSLOG_IDENTIFIER") == "kernel":
        return True
    return reach((fields.get("MESSAGE") or "").encode()) is not None


_PROGRAM = ("SYSLOG_IDENTIFIER", "_COMM")  # by which the messages of a program are known
_TIMES = struct.Struct("<QQ16s")  # of an ENTRY: wall clock, uptime, boot


@cache
def _regular_items(count: int) -> struct.Struct:
    return struct.Struct("<" + "Q8x" * count)


@cache
def _compact_items(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}I")
