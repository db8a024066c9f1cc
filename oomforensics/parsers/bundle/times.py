"""When the host's boots began, what its clock said and which time zone it keeps.

A time that is written without a zone stays as it is written (`…_local`, value "2026-11-13 10:59:12[ CET]"): what it
means is known when the whole bundle has been seen. Uncertainties are those of what is printed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from oomforensics.parsers.bundle import zones
from oomforensics.parsers.bundle.facts import Fact
from oomforensics.parsers.moments import to_us

SECOND_US, MINUTE_US = 1_000_000, 60_000_000
MAX_BOOTS = 5_000
_MONTH_NAMES = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, start=1)}
_STAMP = r"(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?)"
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{1,30}(?:/[A-Za-z0-9_+-]{1,30}){0,2}")
_TARGET = re.compile(rf"(?:[\w.-]*/){{0,20}}zoneinfo/(?:posix/|right/)?({_ZONE.pattern})")
_TIMEDATECTL = re.compile(r"\s*Time ?zone: (\S+)(?: \(.*)?")
_UNIVERSAL = re.compile(rf"\s*Universal time: \S+ {_STAMP}(?: UTC)?")
# systemd up to 251 writes a dash between the times and no head.
_BOOT = re.compile(rf"\s*(-?\d+) ([0-9a-f]{{32}}) \S+ {_STAMP} ([^\s—]+)(?:—|\s+)\S+ {_STAMP} (\S+)\s*")
_DATE = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d:\d\d:\d\d)(?: ([AP]M))? ([A-Z]{2,5}|[+-]\d\d(?:\d\d)?) (\d{4})"
)
_UPTIME = re.compile(
    r"\s*(\d\d:\d\d:\d\d) +up +(?:(\d{1,6}) days?, *)?(?:(\d{1,2}):(\d\d)|(\d{1,2}) min),.*(?:user|load average).*"
)
_SINCE = re.compile(_STAMP)
_WHO = re.compile(rf"\s*system boot\s+{_STAMP}.*")
_LAST = re.compile(
    r"(reboot|shutdown)\s+system (?:boot|down)\s+(\S*)\s+"
    r"([A-Z][a-z]{2}) ([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d:\d\d(?::\d\d)?)(?: (\d{4}))?(.*)"
)


def timedatectl(text: str, of: str) -> Iterator[Fact]:
    for number, line in enumerate(text.splitlines()[:100], start=1):
        if (found := _TIMEDATECTL.fullmatch(line)) and _ZONE.fullmatch(found[1]):
            yield Fact("timezone", "timedatectl", found[1], number)
        elif found := _UNIVERSAL.fullmatch(line):
            if (when := _moment(found[1])) is not None:
                yield Fact("collected_us", "timedatectl", str(when), number, SECOND_US)


def zone_file(text: str, of: str) -> Iterator[Fact]:
    """/etc/timezone, of Debian and its kin."""
    if _ZONE.fullmatch(text.strip()):
        yield Fact("timezone", "etc/timezone", text.strip(), 1)


def zone_link(text: str, of: str) -> Iterator[Fact]:
    """/etc/localtime: a link that is read as the name of its target, or a copy, which ends with the rule now in force."""
    if found := _TARGET.fullmatch(text.strip()):
        yield Fact("timezone", "etc/localtime", found[1], 1)
    elif text.startswith("TZif") and text.endswith("\n"):
        rule = text[:-1].rpartition("\n")[2]
        if zones.RULE.fullmatch(rule):
            yield Fact("timezone", "etc/localtime", "UTC" if rule == "UTC0" else rule)


def date(text: str, of: str) -> Iterator[Fact]:
    """An abbreviation has no fixed meaning; only UTC has."""
    for number, line in enumerate(text.splitlines()[:10], start=1):
        found = _DATE.fullmatch(line.strip())
        if found is None or found[2] is None or found[1] not in _MONTHS:
            continue
        hour = int(found[3][:2])
        if found[4] is not None:
            hour = hour % 12 + (12 if found[4] == "PM" else 0)
        stamp = f"{found[6]}-{_MONTHS[found[1]]:02}-{int(found[2]):02} {hour:02}{found[3][2:]}"
        yield from _told("collected", "date", stamp, found[5], number, SECOND_US)
        if found[5] == "UTC" and of != "--utc":
            yield Fact("timezone", "date", "UTC", number)


def uptime(text: str, of: str) -> Iterator[Fact]:
    """` 14:03:22 up 10 days,  3:04,  2 users, …`: whole minutes, and the time of day; `uptime -s`: the begin itself."""
    for number, line in enumerate(text.splitlines()[:10], start=1):
        if found := _SINCE.fullmatch(line.strip()):
            yield from _told("btime", "uptime -s", found[1], None, number, SECOND_US)
        elif found := _UPTIME.fullmatch(line):
            clock, days, hours, minutes, only_minutes = found.groups()
            seconds = int(days or 0) * 86400 + int(hours or 0) * 3600 + int(minutes or only_minutes or 0) * 60
            yield Fact("uptime_s", clock, str(seconds), number, MINUTE_US)


def who(text: str, of: str) -> Iterator[Fact]:
    for number, line in enumerate(text.splitlines()[:1000], start=1):
        if found := _WHO.fullmatch(line):
            yield from _told("btime", "who -b", found[1], None, number, MINUTE_US)


def last(text: str, of: str) -> Iterator[Fact]:
    """`last`: the latest comes first. The record is written some seconds after the boot began."""
    running = False
    for number, line in enumerate(text.splitlines()[:MAX_BOOTS], start=1):
        found = _LAST.fullmatch(line.rstrip())
        if found is None or found[4] not in _MONTHS:
            continue
        kind, release, weekday, month, day, clock, year, end = found.groups()
        stamp = f"{_MONTHS[month]:02}-{int(day):02} {clock}"
        stamp = f"{year}-{stamp}" if year else f"{weekday} {stamp}"
        if kind == "reboot" and not running:
            running = True
            if "still running" in end:
                yield Fact("btime_local", "last reboot", stamp, number, MINUTE_US)
                continue
        if year:
            yield Fact(f"{kind}_local", release, stamp, number, MINUTE_US)


def list_boots(text: str, of: str) -> Iterator[Fact]:
    """`journalctl --list-boots`, as text or JSON: the first entry of a boot is written some seconds after it began."""
    if text.lstrip()[:1] == "[":
        yield from _json_boots(text)
        return
    for number, line in enumerate(text.splitlines()[:MAX_BOOTS], start=1):
        if found := _BOOT.fullmatch(line):
            index, boot, first, zone, end, end_zone = found.groups()
            if index == "0":
                yield Fact("boot_id", "", boot, number)
            yield from _told("boot_first", boot, first, zone, number, SECOND_US)
            yield from _told("boot_last", boot, end, end_zone, number, SECOND_US)


def _json_boots(text: str) -> Iterator[Fact]:
    try:
        boots: Any = json.loads(text)
    except (ValueError, RecursionError):
        return
    for one in boots[:MAX_BOOTS] if isinstance(boots, list) else []:
        boot = one.get("boot_id") if isinstance(one, dict) else None
        if not isinstance(boot, str) or not re.fullmatch(r"[0-9a-f]{32}", boot):
            continue
        if one.get("index") == 0:
            yield Fact("boot_id", "", boot)
        for kind, key in (("boot_first_us", "first_entry"), ("boot_last_us", "last_entry")):
            if isinstance(one.get(key), int) and 0 < one[key] < 1 << 62:
                yield Fact(kind, boot, str(one[key]), None, 1)


def _told(kind: str, name: str, stamp: str, zone: str | None, line: int, uncertainty_us: int) -> Iterator[Fact]:
    """A time as UTC where its zone is certain, else as it is written."""
    if zone in ("UTC", "GMT"):
        when = _moment(stamp)
        if when is not None:
            yield Fact(f"{kind}_us", name, str(when), line, uncertainty_us)
    else:
        yield Fact(f"{kind}_local", name, f"{stamp} {zone}" if zone else stamp, line, uncertainty_us)


def _moment(stamp: str) -> int | None:
    """UTC microseconds of a date in UTC."""
    try:
        return to_us(datetime.fromisoformat(stamp).replace(tzinfo=UTC))
    except ValueError:
        return None
