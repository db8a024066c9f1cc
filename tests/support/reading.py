"""Lines as a framing reads them, in a file that was last written on 2026-03-10."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from oomforensics.parsers.framings import Reader
from oomforensics.parsers.framings.base import Context
from oomforensics.parsers.records import Record

NOT_AFTER = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def context(zone: timezone | ZoneInfo = UTC, not_after: datetime = NOT_AFTER, host: str | None = None) -> Context:
    return Context("x.log", zone, not_after, host)


def read(*lines: str | bytes, where: Context | None = None) -> list[Record]:
    raw = [line if isinstance(line, bytes) else line.encode() for line in lines]
    return list(Reader(where or context(), []).records(enumerate(raw, start=1)))


def one(line: str | bytes, where: Context | None = None) -> Record:
    (record,) = read(line, where=where)
    return record


def us(*when: int, micro: int = 0, hours: int = 0) -> int:
    """Microseconds since 1970 of a date that is `hours` east of Greenwich."""
    moment = datetime(*when, tzinfo=timezone(timedelta(hours=hours)))  # type: ignore[arg-type,misc]
    return int(moment.timestamp()) * 1_000_000 + micro
