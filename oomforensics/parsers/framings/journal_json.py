"""`journalctl -o json` (json-seq: with a record separator before each; json-sse: with `data: `): one object a line.

    {"__REALTIME_TIMESTAMP":"1777622400123456","_TRANSPORT":"kernel","MESSAGE":"Mem-Info:","PRIORITY":"4"}
    {"_TRANSPORT":"journal","SYSLOG_IDENTIFIER":"kernel","MESSAGE":[79,79,77]}

A value is a string, an array of byte values where it is not plain text, null where it is too long, or an array of values
where the field came more than once (systemd: src/shared/logs-show.c).
"""

from __future__ import annotations

import json

from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import Clock
from oomforensics.parsers.framings.journal_entry import FIELDS, header
from oomforensics.parsers.text import clean, visible


def read(line: str, clock: Clock) -> Header | None:
    line = line.removeprefix("data: ").lstrip("\x1e")
    if not line.startswith("{") or not ('"MESSAGE"' in line or '"__REALTIME_TIMESTAMP"' in line):
        return None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        clock.tell("a journal entry is not valid JSON", severity="data_loss")
        return None
    if "MESSAGE" not in entry and "__REALTIME_TIMESTAMP" not in entry:
        return None  # an export that has the journal's fields inside another
    return header({name: value(entry[name]) for name in FIELDS if name in entry})


def value(raw: object) -> str | None:
    """A field of an entry as text."""
    if isinstance(raw, str):
        return clean(raw)
    if isinstance(raw, list):
        if raw and all(isinstance(byte, int) and 0 <= byte < 256 for byte in raw):
            return visible(bytes(raw))
        return value(raw[0]) if raw and isinstance(raw[0], str) else None
    return None


FRAMING = Framing(
    "journal json",
    r"[{\x1ed]",
    read,
    (
        '{"__REALTIME_TIMESTAMP":"1777622400123456","_SOURCE_MONOTONIC_TIMESTAMP":"75669581768","_TRANSPORT":"kernel",'
        '"_HOSTNAME":"web1","SYSLOG_IDENTIFIER":"kernel","PRIORITY":"4","MESSAGE":"Mem-Info:"}',
        '{"MESSAGE":[79,79,77,255],"_TRANSPORT":"journal","SYSLOG_IDENTIFIER":"kernel"}',
        'data: {"MESSAGE":"Mem-Info:","_TRANSPORT":"kernel"}',
    ),
)
