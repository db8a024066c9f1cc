"""Processes as `ps` lists them, and as copies of /proc show them: whole command lines, where a report has 15 characters."""

from __future__ import annotations

from collections.abc import Iterator

from oomforensics.parsers.bundle.facts import Process

MAX_PROCESSES = 100_000
MAX_CMDLINE = 4096  # characters, as much as old kernels kept
# What the heads of ps call a column (ps(1), STANDARD FORMAT SPECIFIERS).
_COLUMNS = {
    "PID": "pid",
    "PPID": "ppid",
    "UID": "user",
    "USER": "user",
    "COMMAND": "cmdline",
    "CMD": "cmdline",
    "ARGS": "cmdline",
}


def ps(text: str, of: str) -> Iterator[Process]:
    """Any format whose last column is the command and which names its columns."""
    columns: list[str] = []
    for number, line in enumerate(text.splitlines()[:MAX_PROCESSES], start=1):
        words = line.split()
        if "PID" in words and words[-1] in ("COMMAND", "CMD", "ARGS"):
            columns = words
        elif columns:
            values = line.split(None, len(columns) - 1)
            if len(values) == len(columns) and (found := _process(columns, values, number)) is not None:
                yield found


def _process(columns: list[str], values: list[str], line: int) -> Process | None:
    named: dict[str, str] = {}
    for column, value in zip(columns, values, strict=True):
        if column in _COLUMNS:
            named.setdefault(_COLUMNS[column], value)
    pid, ppid, user = named.get("pid", ""), named.get("ppid", ""), named.get("user")
    if not _is_number(pid):
        return None
    command = named.get("cmdline", "").lstrip(r"\_| ")[:MAX_CMDLINE]  # `ps f` draws a tree
    uid = int(user) if user is not None and _is_number(user) else None
    return Process(
        int(pid), int(ppid) if _is_number(ppid) else None, uid, user if uid is None else None, None, command, line
    )


def cmdline(text: str, of: str) -> Iterator[Process]:
    """/proc/PID/cmdline: arguments with a NUL behind each. Kernel threads have none."""
    command = text.rstrip("\0").replace("\0", " ").strip()
    if command and _is_number(of):
        yield Process(int(of), None, None, None, None, command[:MAX_CMDLINE], 1)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10
