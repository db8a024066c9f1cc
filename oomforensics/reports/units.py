"""Figures for people. What is not known stays `?`; only a zero that the kernel said is a zero."""

from __future__ import annotations

from datetime import UTC, datetime

from oomforensics.amounts import size as _size

UNKNOWN = "?"
# PAGE_COUNTER_MAX in kB (4.x and later) and the LONG_MAX forms of older kernels lie above: no limit was set.
_NO_LIMIT_KB = 9007199254740000


def size(bytes_: int | None) -> str:
    """Bytes as the largest binary unit that keeps three digits: `418 MiB`, `1.61 GiB`."""
    return UNKNOWN if bytes_ is None else _size(bytes_)


def kb(value: int | None) -> str:
    return size(None if value is None else value * 1024)


def limit_kb(value: int | None) -> str:
    return "no limit" if value is not None and value >= _NO_LIMIT_KB else kb(value)


def is_limited(value: int | None) -> bool:
    return value is not None and value < _NO_LIMIT_KB


def pages(count: int | None, page_size: int | None) -> str:
    """Pages as bytes where the page size is known, else as pages."""
    if count is None or page_size is None:
        return UNKNOWN if count is None else f"{count:,} pages"
    return size(count * page_size)


def number(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def plain(value: int | None) -> str:
    """A number without grouping, as logs and commands write it: pids, uids, oom_score_adj."""
    return UNKNOWN if value is None else str(value)


def share(points: int | None) -> str:
    """The kernel's 0..1000 scale as per cent."""
    return UNKNOWN if points is None else f"{points / 10:.1f} %"


def count(n: int, noun: str, plural: str | None = None) -> str:
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def moment(ts_us: int | None) -> datetime | None:
    return None if ts_us is None else datetime.fromtimestamp(ts_us // 1_000_000, UTC)


def utc(ts_us: int | None) -> str:
    at = moment(ts_us)
    return UNKNOWN if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def since_boot(uptime_s: float | None) -> str:
    if uptime_s is None:
        return UNKNOWN
    days, rest = divmod(int(uptime_s), 86400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{count(days, 'day')} {clock}" if days else clock
