"""Times of a bundle's host that are written without a zone, once its zone is known.

    zone("Europe/Berlin")
    zone("CET-1CEST,M3.5.0,M10.5.0/3")            # the rule that ends a time zone file, POSIX's TZ
    moment("2026-11-13 10:59:12 CET", zone)       # UTC microseconds
    read_again(wall_us, read_in=UTC, zone=zone)

A zone that this machine does not know is None, and so is a moment that cannot be read.
"""

from __future__ import annotations

import re
import struct
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from io import BytesIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from oomforensics.parsers.moments import from_us, to_us

_DAY = timedelta(days=1)
_WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_ABBREVIATION = r"(?:[A-Za-z]{3,10}|<[A-Za-z0-9+-]{3,10}>)"
_CLOCK = r"[+-]?\d{1,3}(?::\d\d){0,2}"
_CHANGE = rf",(?:M\d{{1,2}}\.\d\.\d|J?\d{{1,3}})(?:/{_CLOCK})?"
RULE = re.compile(rf"{_ABBREVIATION}{_CLOCK}(?:{_ABBREVIATION}(?:{_CLOCK})?{_CHANGE}{_CHANGE})?")
_YEARS_BACK = 6  # the same date has the same day of the week again after 5, 6 or 11 years


@cache
def zone(name: str) -> tzinfo | None:
    """None for a name that this machine does not know."""
    if name in ("UTC", "Etc/UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _of_rule(name) if RULE.fullmatch(name) else None


def _of_rule(rule: str) -> tzinfo | None:
    """By way of a time zone file (RFC 8536) of version 2 that holds nothing but the rule."""
    counts = struct.pack(">6L", 0, 0, 0, 0, 1, 4)  # one type of local time, whose abbreviation has four bytes
    block = b"TZif2" + bytes(15) + counts + struct.pack(">lBB", 0, 0, 0) + b"UTC\0"
    try:
        return ZoneInfo.from_file(BytesIO(block + block + f"\n{rule}\n".encode("ascii")), key=rule)
    except (ValueError, OSError):
        return None


def moment(stamp: str, zone: tzinfo, not_after_us: int | None = None) -> int | None:
    """`2026-11-13 10:59[:12][ CET]`, or `Fri 11-13 10:59`, which is the last such day before `not_after_us`."""
    first, _, rest = stamp.partition(" ")
    if first in _WEEKDAYS:
        return None if not_after_us is None else _without_year(_WEEKDAYS.index(first), rest, zone, not_after_us)
    clock, _, abbreviation = rest.partition(" ")
    try:
        when = datetime.fromisoformat(f"{first} {clock}").replace(tzinfo=zone)
        if not abbreviation or when.tzname() == abbreviation:
            return to_us(when)
        when = when.replace(fold=1)  # the second time around, when clocks are set back
        return to_us(when) if when.tzname() == abbreviation else None
    except (ValueError, OverflowError):
        return None


def _without_year(weekday: int, rest: str, zone: tzinfo, not_after_us: int) -> int | None:
    limit = from_us(not_after_us, zone)
    if limit is None:
        return None
    for year in range(limit.year, max(limit.year - _YEARS_BACK, 1), -1):
        try:
            when = datetime.fromisoformat(f"{year:04}-{rest}").replace(tzinfo=zone)
        except ValueError:
            continue
        if when.weekday() == weekday and when <= limit + _DAY:
            return to_us(when)
    return None


def clock_near(clock: str, near_us: int, zone: tzinfo) -> int | None:
    """The time of day `14:03:22` that is nearest to a moment."""
    about = from_us(near_us, zone)
    if about is None:
        return None
    try:
        hour, minute, second = (int(part) for part in clock.split(":"))
        days = [(about + _DAY * n).replace(hour=hour, minute=minute, second=second) for n in (-1, 0, 1)]
        found = [us for day in days if (us := to_us(day)) is not None]
        return min(found, key=lambda us: abs(us - near_us), default=None)
    except (ValueError, OverflowError):
        return None


def read_again(wall_us: int, read_in: tzinfo, zone: tzinfo) -> int:
    """A time without a zone that was taken for one of `read_in`, taken for one of `zone`."""
    written = from_us(wall_us, read_in)
    again = to_us(written.replace(tzinfo=zone)) if written is not None else None
    return wall_us if again is None else again
