"""Records of tracepoints, as bytes, taken apart by the `format` file that the same kernel gave of them."""

from __future__ import annotations

import re

from oomforensics.parsers.text import visible

_FIELD = re.compile(
    rb"^\tfield:(?P<type>[^;\n]*?)\s?\b(?P<name>\w+)(?:\[\d*\])?;\toffset:(?P<at>\d{1,5});\tsize:(?P<size>\d{1,5});"
    rb"(?:\tsigned:(?P<signed>[01]);)?",
    re.MULTILINE,
)
_MAX_FIELDS = 64
_SIZES = (1, 2, 4, 8)


def fields(form: bytes, record: bytes) -> dict[str, int | str]:
    """The event's own fields by their names; one that lies outside the record, or is of no simple kind, is left out.

    Numbers are little-endian. `__data_loc char[]`: four bytes that say where in the record its text is, and how long.
    """
    found: dict[str, int | str] = {}
    for match in list(_FIELD.finditer(form))[:_MAX_FIELDS]:
        name = match["name"].decode()
        at, size = int(match["at"]), int(match["size"])
        raw = record[at : at + size]
        if name.startswith("common_") or len(raw) != size:
            continue
        if match["type"].startswith(b"__data_loc char"):
            where = int.from_bytes(raw, "little")
            text = record[where & 0xFFFF : (where & 0xFFFF) + (where >> 16)]
            found[name] = visible(text.split(b"\0")[0])
        elif match["type"].startswith(b"char"):
            found[name] = visible(raw.split(b"\0")[0])
        elif size in _SIZES:
            found[name] = int.from_bytes(raw, "little", signed=match["signed"] == b"1")
    return found
