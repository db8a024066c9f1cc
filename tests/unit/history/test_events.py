"""What is one event in two sources, and what stays two."""

from __future__ import annotations

import pytest

from oomforensics.history.events import Sighting, event_key, name
from oomforensics.parsers.records import TsSource
from oomforensics.parsers.witness import Event, Says

S = 1_000_000
NOON = 1_780_000_000 * S
HOUR = 3600 * S


def seen(source: str, line: int = 1, **known: object) -> Sighting:
    fields: dict[str, object] = {
        "key": "k", "host": None, "boot_id": None, "ts_us": None, "ts_source": TsSource.NONE, "uptime_us": None, "named": True,
        **known,
    }  # fmt: skip
    return Sighting(source=source, line=line, **fields)  # type: ignore[arg-type]


def journal(at: int = NOON, **known: object) -> Sighting:
    return seen("journal", **{"ts_us": at, "ts_source": TsSource.JOURNALD, "host": "web-1", **known})  # type: ignore[arg-type]


def syslog(at: int = NOON, **known: object) -> Sighting:
    about = {"ts_us": at, "ts_source": TsSource.SYSLOG_YEAR_INFERRED, "host": "web-1.example.org", **known}
    return seen("syslog", **about)  # type: ignore[arg-type]


ONE = [
    (journal(), syslog(NOON + S)),
    (journal(), seen("other", host="web-1", ts_us=NOON + S, ts_source=TsSource.SYSLOG)),
    (journal(named=False), syslog(NOON + 2 * S, named=False)),
    (journal(), syslog(NOON + 2 * HOUR)),  # the zone was wrong
    (journal(), syslog(NOON - HOUR - HOUR // 4 + S)),  # a zone of a quarter
    (journal(), seen("copy")),  # no time, but the same process in the same words
    (journal(uptime_us=5 * S), seen("dmesg", uptime_us=5 * S + 300)),
    (seen("a"), seen("b")),
]
TWO = [
    (journal(), journal(line=2)),  # two lines of one source
    (journal(), seen("other", ts_us=NOON + 3 * S, ts_source=TsSource.SYSLOG)),
    (journal(named=False), syslog(NOON + 2 * HOUR, named=False)),  # a unit that fails every hour
    (journal(named=False), seen("copy", named=False)),
    (journal(), syslog(NOON + 2 * HOUR + 60 * S)),
    (journal(), syslog(NOON + 48 * HOUR)),
    (journal(), syslog(host="web-2")),
    (journal(boot_id="a"), syslog(boot_id="b")),
    (journal(uptime_us=5 * S), seen("dmesg", uptime_us=8 * S)),
    (journal(), syslog(key="other words")),
]


@pytest.mark.parametrize(("a", "b"), ONE)
def test_one_event(a: Sighting, b: Sighting) -> None:
    for first, second in ((a, b), (b, a)):
        assert len(set(name([], [first, second]))) == 1
        (known,) = name([], [first])
        assert name([(known, first)], [second]) == [known]


@pytest.mark.parametrize(("a", "b"), TWO)
def test_two_events(a: Sighting, b: Sighting) -> None:
    for first, second in ((a, b), (b, a)):
        assert len(set(name([], [first, second]))) == 2
        (known,) = name([], [first])
        assert name([(known, first)], [second]) != [known]


def test_a_log_that_has_every_line_twice() -> None:
    a, b = seen("dmesg", 1, uptime_us=5 * S), seen("dmesg", 2, uptime_us=5 * S)
    assert len(set(name([], [a, b]))) == 1


def test_the_same_words_again_and_again() -> None:
    """The n-th time in one source is the n-th in the other, by the clock."""
    times = [NOON + number * 900 * S for number in range(20)]
    ours = [journal(at, line=line, named=False) for line, at in enumerate(times)]
    theirs = [syslog(at + S, line=line, named=False) for line, at in enumerate(times)]
    ids = name([], ours)
    assert len(set(ids)) == 20
    assert name(list(zip(ids, ours, strict=True)), theirs) == ids


def test_the_key_is_of_the_words_and_not_of_the_place() -> None:
    def event(**known: object) -> Event:
        fields = {"source": "a", "line": 1, "text": "x", "pid": 7, **known}
        return Event("earlyoom_kill", Says.KILL, "earlyoom", **fields)  # type: ignore[arg-type]

    assert event_key(event()) == event_key(event(source="b", line=9, host="h", wall_us=5))
    assert event_key(event()) != event_key(event(pid=8))
    assert event_key(event()) != event_key(event(detail={"signal": "SIGKILL"}))
    event_key(event(comm="\ud800"))
