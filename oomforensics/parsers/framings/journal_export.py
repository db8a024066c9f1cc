"""`journalctl -o export` (systemd.io/JOURNAL_EXPORT_FORMATS): entries of fields, a blank line after each.

    __CURSOR=s=0a…;i=3
    _TRANSPORT=kernel
    MESSAGE
    <8 bytes: length, little endian><the value>

The second form is for values that are not plain text. Such a value may hold blank lines, so this format is
read as bytes and not as lines.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

from oomforensics.parsers.framings.base import Context
from oomforensics.parsers.framings.journal_entry import FIELDS, record
from oomforensics.parsers.records import PAUSE, Problem, Record
from oomforensics.parsers.scan import PAUSE as NO_WINDOW
from oomforensics.parsers.scan import Window
from oomforensics.parsers.text import visible

NAME = "journal export"
MAX_VALUE = 1024 * 1024  # a message is far smaller; a core dump can be an entry's field
MAX_ENTRY = 8 * 1024 * 1024
_CURSOR = b"__CURSOR="
_WANTED = {name.encode(): name for name in FIELDS}


def recognise(head: bytes) -> bool:
    """Whether a source that begins like this is in the format: an entry's cursor comes first."""
    return head.startswith(_CURSOR)


def records(pieces: Iterable[Window], context: Context, problems: list[Problem]) -> Iterator[Record]:
    """Records of parts of an export, which may begin and end inside an entry."""
    rest, rest_line = b"", 1
    for piece in pieces:
        if piece is NO_WINDOW:
            yield PAUSE
            continue
        joined = piece.adjoins and len(rest) < MAX_ENTRY
        data = rest + piece.data if joined else piece.data
        line = rest_line if joined and rest else piece.line
        used, rest_line = yield from _entries(line, data, context)
        rest = data[used:]
    if rest.strip():
        problems.append(Problem(context.source, rest_line, "the last entry of the export is cut", "data_loss"))


def _entries(line: int, data: bytes, context: Context) -> Generator[Record, None, tuple[int, int]]:
    """The records of all entries that are whole; answers where the first that is not begins, and on which line."""
    start = 0 if recognise(data) else data.find(b"\n" + _CURSOR) + 1
    if start == 0 and not recognise(data):
        used = max(0, len(data) - len(_CURSOR))  # a part may end inside the word itself
        return used, line + data.count(b"\n", 0, used)
    line += data.count(b"\n", 0, start)
    at = start
    fields: dict[str, str | None] = {}
    while at < len(data):
        end = data.find(b"\n", at)
        if end < 0:
            break
        name, equals, value = data[at:end].partition(b"=")
        at = end + 1
        if not name:
            if fields:
                yield record(line, fields, context)
            line += data.count(b"\n", start, at)
            fields, start = {}, at
            continue
        if not equals:
            sized = _sized(data, at)
            if sized is None:
                break
            at, value = sized
        if name in _WANTED:
            fields.setdefault(_WANTED[name], visible(value))
    return start, line


def _sized(data: bytes, at: int) -> tuple[int, bytes] | None:
    """Where the field after this one begins, and this one's value; None where the data ends before."""
    end = at + 8 + int.from_bytes(data[at : at + 8], "little")
    if end >= len(data):
        return None
    return end + 1, data[at + 8 : min(end, at + 8 + MAX_VALUE)]
