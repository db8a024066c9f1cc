"""Moments as microseconds since 1970, in UTC: what records, events and the history hold of a clock on the wall."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


def to_us(when: datetime | None) -> int | None:
    """None of a date that its zone moves over the edge of what there is: of year 1 or 9999. `when` has a zone."""
    if when is None:
        return None
    try:
        return (when - EPOCH) // _US
    except OverflowError:
        return None


def from_us(wall_us: int, zone: tzinfo) -> datetime | None:
    try:
        return (EPOCH + _US * wall_us).astimezone(zone)
    except (ValueError, OverflowError):
        return None
