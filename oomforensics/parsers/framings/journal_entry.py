"""The fields of a journal entry (systemd.journal-fields(7)), whichever way they were written down."""

from __future__ import annotations

from collections.abc import Mapping

from oomforensics.parsers.framings.base import Context, Header
from oomforensics.parsers.records import Record, TsSource

FIELDS = (
    "__REALTIME_TIMESTAMP",
    "__MONOTONIC_TIMESTAMP",
    "_SOURCE_MONOTONIC_TIMESTAMP",
    "_BOOT_ID",
    "_HOSTNAME",
    "_TRANSPORT",
    "_COMM",
    "_SYSTEMD_UNIT",
    "SYSLOG_IDENTIFIER",
    "SYSLOG_FACILITY",
    "PRIORITY",
    "MESSAGE",
)


def header(entry: Mapping[str, str | None]) -> Header:
    """What the journal says of a message, and the message as `text`."""
    wall = number(entry.get("__REALTIME_TIMESTAMP"))
    uptime = number(entry.get("_SOURCE_MONOTONIC_TIMESTAMP"))
    if uptime is None:
        uptime = number(entry.get("__MONOTONIC_TIMESTAMP"))
    level = number(entry.get("PRIORITY"))
    return Header(
        0,
        wall,
        TsSource.NONE if wall is None else TsSource.JOURNALD,
        entry.get("_HOSTNAME"),
        from_kernel(entry),
        level if level is not None and level < 8 else None,
        uptime,
        boot_id=entry.get("_BOOT_ID"),
        text=entry.get("MESSAGE") or "",
        program=program(entry),
    )


def record(line: int, entry: Mapping[str, str | None], context: Context) -> Record:
    """An entry as a record, where the form it came in is not one of lines."""
    said = header(entry)
    return Record(
        line,
        said.text or "",
        said.uptime_us,
        said.wall_us,
        said.wall_source,
        context.host or said.host,
        said.boot_id,
        said.from_kernel,
        said.level,
        program=said.program,
    )


def from_kernel(entry: Mapping[str, str | None]) -> bool | None:
    """Fields with an underscore are journald's own and cannot be forged; SYSLOG_IDENTIFIER is what the sender claims.

    What a program writes to /dev/kmsg comes through the kernel's transport too, under another facility than 0.
    """
    transport = entry.get("_TRANSPORT")
    if transport is not None:
        return transport == "kernel" and entry.get("SYSLOG_FACILITY") in (None, "0")
    return None if entry.get("SYSLOG_IDENTIFIER") == "kernel" else False


def program(entry: Mapping[str, str | None]) -> str | None:
    """Who wrote it: what the sender calls itself, if journald saw a process or a unit of that name send it.

    Anybody can say `logger -t earlyoom`; that is then `earlyoom by logger`.
    """
    claimed, comm = entry.get("SYSLOG_IDENTIFIER"), entry.get("_COMM")
    if not claimed or entry.get("_TRANSPORT") == "kernel":
        return comm
    unit = entry.get("_SYSTEMD_UNIT") or ""
    if comm is None or comm in claimed or claimed in comm or unit.startswith(f"{claimed}."):
        return claimed
    return f"{claimed} by {comm}"


def number(text: str | None) -> int | None:
    # isdecimal() alone takes other scripts' digits, and int() refuses very long ones
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 20 else None
