"""Dates as logs write them, made into UTC microseconds.

    Dec 20 03:17:52                     syslog: no year, no zone
    Di Aug 12 03:54:03 2025             dmesg -T: in the language of whoever ran it
    2026-05-01T10:00:00.123456+02:00    RFC 3339

A date that cannot be is None, never another date.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from oomforensics.parsers.framings.base import Context, Header
from oomforensics.parsers.moments import to_us
from oomforensics.parsers.records import Problem

# strftime's %b in the locales of glibc, case folded, without the final dot. Croatian is left out: its "lis" and "srp"
# are other months than the Polish and Czech ones.
MONTH_NAMES: dict[str, str] = {
    "en": "jan feb mar apr may jun jul aug sep oct nov dec",
    "de": "jan feb mär apr mai jun jul aug sep okt nov dez",
    "de_AT": "jän feb mär apr mai jun jul aug sep okt nov dez",
    "fr": "janv févr mars avril mai juin juil août sept oct nov déc",
    "fr_CA": "jan fév mar avr mai jun jui aoû sep oct nov déc",
    "es": "ene feb mar abr may jun jul ago sep oct nov dic",
    "it": "gen feb mar apr mag giu lug ago set ott nov dic",
    "pt": "jan fev mar abr mai jun jul ago set out nov dez",
    "ca": "gen febr març abr maig juny jul ag set oct nov des",
    "ro": "ian feb mar apr mai iun iul aug sep oct nov dec",
    "nl": "jan feb mrt apr mei jun jul aug sep okt nov dec",
    "sv": "jan feb mar apr maj jun jul aug sep okt nov dec",
    "nb": "jan feb mars april mai juni juli aug sep okt nov des",
    "fi": "tammi helmi maalis huhti touko kesä heinä elo syys loka marras joulu",
    "et": "jaan veebr märts apr mai juuni juuli aug sept okt nov dets",
    "pl": "sty lut mar kwi maj cze lip sie wrz paź lis gru",
    "cs": "led úno bře dub kvě čen čec srp zář říj lis pro",
    "sk": "jan feb mar apr máj jún júl aug sep okt nov dec",
    "sl": "jan feb mar apr maj jun jul avg sep okt nov dec",
    "hu": "jan febr márc ápr máj jún júl aug szept okt nov dec",
    "ru": "янв фев мар апр май июн июл авг сен окт ноя дек",
    "ru_genitive": "янв фев мар апр мая июн июл авг сен окт ноя дек",
    "uk": "січ лют бер кві тра чер лип сер вер жов лис гру",
    "bg": "яну фев мар апр май юни юли авг сеп окт ное дек",
    "sr": "јан феб мар апр мај јун јул авг сеп окт нов дец",
    "el": "ιαν φεβ μαρ απρ μαΐ ιουν ιουλ αυγ σεπ οκτ νοε δεκ",
    "tr": "oca şub mar nis may haz tem ağu eyl eki kas ara",
    "id": "jan feb mar apr mei jun jul agu sep okt nov des",
    "ja_zh": "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
    "ko": "1월 2월 3월 4월 5월 6월 7월 8월 9월 10월 11월 12월",
}
MONTHS: dict[str, int] = {
    name: month for names in MONTH_NAMES.values() for month, name in enumerate(names.split(), start=1)
}

UTC_NAMES = ("UTC", "GMT", "Z")  # the abbreviations that mean one zone
_LEAP_CYCLE = 8  # years: the longest gap between two 29 February is 1896 to 1904


def microseconds(fraction: str) -> int:
    """`345678`, `345` or `345678901` after the dot, as microseconds."""
    return int(fraction if len(fraction) == 6 else (fraction + "00000")[:6])


# ISO 8601 as tools write it: a blank for the T, slashes, a comma before the fraction, a blank before the zone.
WRITTEN = r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?"
_ZONE_NAME = re.compile(r" ?(UTC|GMT)\Z")
_ZONED = re.compile(r"(?:[A-Z]|[+-]\d\d:?\d\d)\Z")


def has_zone(text: str) -> bool:
    """Of a date in the form of WRITTEN."""
    return _ZONED.search(text) is not None


class Clock:
    """Dates of one source. Repeated dates are answered from the last one: a report's lines share their second."""

    def __init__(self, context: Context, problems: list[Problem]) -> None:
        self._context = context
        self._problems = problems
        self._limit = context.not_after.astimezone(context.timezone) + timedelta(days=1)
        self._told: set[str] = set()
        self.minute_us: int | None = None  # the last that a line named which counts from it
        self.origin: tuple[str, int | None, Header] | None = None  # the last host and tag, as they stood
        self._last: tuple[tuple[str | tzinfo | None, ...], int | None] = ((), None)

    def without_year(self, month: str, day: str, time: str, zone: tzinfo | None = None) -> int | None:
        """The last such date that is not after the file's own (a day's grace for a wrong zone)."""
        key = (month, day, time, zone)
        if key != self._last[0]:
            self._last = (key, self._latest(month, int(day), time, zone or self._context.timezone))
        return self._last[1]

    def with_year(self, year: str, month: str, day: str, time: str) -> int | None:
        """A local date with its year."""
        key = (year, month, day, time)
        if key != self._last[0]:
            number = self.month(month)
            local = _datetime(int(year), number, int(day), time, self._context.timezone) if number else None
            self._last = (key, to_us(local))
        return self._last[1]

    def iso(self, text: str, zone: str | None = None) -> int | None:
        """An ISO 8601 date; without an offset it is in `zone` (an abbreviation such as CEST) or the caller's."""
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            return None
        if when.tzinfo is None:
            when = when.replace(tzinfo=self._zone(zone, when))
        return to_us(when)

    def written(self, text: str) -> int | None:
        """A date in the form of WRITTEN."""
        text = _ZONE_NAME.sub("Z", text.replace("/", "-"))
        return self.iso(text[:19] + text[19:].replace(" ", ""))

    def month(self, name: str) -> int | None:
        number = MONTHS.get(name.rstrip(".").casefold())
        if number is None:
            self.tell(f"month name {name!r} is not known: these lines have no wall-clock time")
        return number

    def _latest(self, month: str, day: int, time: str, zone: tzinfo) -> int | None:
        number = self.month(month)
        if number is None:
            return None
        for year in range(self._limit.year, self._limit.year - _LEAP_CYCLE - 1, -1):
            when = _datetime(year, number, day, time, zone)
            if when is not None and when <= self._limit:
                return to_us(when)
        return None

    def _zone(self, abbreviation: str | None, when: datetime) -> tzinfo:
        if abbreviation in UTC_NAMES:
            return UTC
        zone = self._context.timezone
        if abbreviation is not None and abbreviation != when.replace(tzinfo=zone).tzname():
            self.tell(f"time zone {abbreviation!r} has no fixed meaning: read as {zone}")
        return zone

    def tell(self, reason: str, severity: str = "info") -> None:
        if reason not in self._told and len(self._told) < 20:  # a file of junk has a new "month" on every line
            self._told.add(reason)
            self._problems.append(Problem(self._context.source, None, reason, severity))


def _datetime(year: int, month: int, day: int, time: str, zone: tzinfo) -> datetime | None:
    try:
        return datetime(year, month, day, int(time[:2]), int(time[3:5]), int(time[6:8]), tzinfo=zone)
    except ValueError:
        return None
