"""What a bundle says of an incident, and what it must not say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from oomforensics.parsers.bundle.collected import Begin, Collected
from oomforensics.parsers.bundle.context import Contexts
from oomforensics.parsers.bundle.facts import Fact
from oomforensics.parsers.bundle.zones import zone
from oomforensics.parsers.facts import Incident
from oomforensics.parsers.records import SourceInfo, TsSource

BERLIN = zone("Europe/Berlin")
BOOT, EARLIER = "b" * 32, "a" * 32
BTIME = 1_760_000_000_000_000  # 2025-10-09 10:53:20 in Berlin
SECOND, MINUTE = 1_000_000, 60_000_000
ZONE = Fact("timezone", "timedatectl", "Europe/Berlin")
LAST = Fact("boot_last_us", BOOT, str(BTIME + 3600 * SECOND), 1, 1)
STAT = Fact("btime_us", "proc/stat btime", str(BTIME), 3, SECOND)


def contexts(*facts: Fact, timezone_: timezone | None = None, host: str | None = None) -> Contexts:
    made = Contexts(timezone=timezone_, host=host)
    made.add(SourceInfo("sos/facts", bundle="sos", items=list(facts)))
    return made


def incident(source: str = "sos/var/log/messages", **said: Any) -> Incident:
    return Incident(source, 1, 9, **said)


def collected(*facts: Fact) -> Collected:
    made = Collected()
    for fact in facts:
        made.add(fact)
    return made


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([STAT, Fact("btime_local", "who -b", "2025-10-09 10:53", 1, MINUTE)], Begin(BTIME, SECOND)),
        ([Fact("btime_local", "uptime -s", "2025-10-09 10:53:20", 1, SECOND)], Begin(BTIME, SECOND)),
        ([Fact("btime_local", "last reboot", "Thu 10-09 10:53", 1, MINUTE)], None),  # of which year?
        (
            [
                Fact("btime_local", "last reboot", "Thu 10-09 10:53", 1, MINUTE),
                Fact("collected_local", "date", "2025-10-10 10:53:20 CEST", 1, SECOND),
            ],
            Begin(BTIME - 20 * SECOND, MINUTE),
        ),
        ([Fact("uptime_s", "12:53:21", "7200", 1, MINUTE)], None),  # of which day?
        (
            [
                Fact("uptime_s", "12:53:21", "7200", 1, MINUTE),
                Fact("collected_us", "date", str(BTIME + 7200 * SECOND), 1, SECOND),
            ],
            Begin(BTIME + SECOND, MINUTE),
        ),
        (
            [Fact("boot_id", "", BOOT), Fact("boot_first_us", BOOT, str(BTIME + 3 * SECOND), 1, 1), LAST],
            Begin(BTIME + 3 * SECOND, MINUTE),
        ),
        ([Fact("boot_id", "", EARLIER), Fact("boot_first_us", BOOT, str(BTIME), 1, 1), LAST], None),
        ([Fact("btime_us", "", "x", 1, 1), Fact("btime_local", "", "x", 1, 1)], None),
        ([], None),
    ],
)
def test_when_the_boot_began(facts: list[Fact], expected: Begin | None) -> None:
    assert collected(*facts).begin(BERLIN) == expected


def test_what_comes_later_counts_as_well() -> None:
    made = collected(Fact("btime_local", "who -b", "2025-10-09 10:53", 1, MINUTE))
    assert made.begin(BERLIN) == Begin(BTIME - 20 * SECOND, MINUTE)
    made.add(STAT)
    assert made.begin(BERLIN) == Begin(BTIME, SECOND)


def test_a_local_time_is_nothing_without_a_zone() -> None:
    assert collected(Fact("btime_local", "uptime -s", "2025-10-09 10:53:20", 1, SECOND)).begin(None) is None


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"web1", "web1.example.org"}, "web1"),
        ({"web1.example.org"}, "web1.example.org"),
        ({"web1", "web10.example.org"}, None),
        ({"web1", "db2"}, None),
        (set(), None),
    ],
)
def test_the_host(names: set[str], expected: str | None) -> None:
    assert collected(*(Fact("hostname", "", name) for name in names)).host == expected


def test_the_zone_is_that_of_the_best_document() -> None:
    assert collected(Fact("timezone", "date", "UTC"), ZONE).zone == ("Europe/Berlin", "timedatectl")
    assert collected(ZONE, Fact("timezone", "timedatectl", "Asia/Tokyo")).zone is None
    assert collected(Fact("timezone", "date", "UTC")).zone == ("UTC", "date")


def local(**said: Any) -> Incident:
    wall = datetime(2025, 10, 9, 12, tzinfo=UTC).timestamp() * 1e6
    return incident(
        "sos/var/log/messages", wall_us=int(wall), wall_source=TsSource.SYSLOG_YEAR_INFERRED, wall_local=True, **said
    )


def test_a_time_without_a_zone_is_read_again_in_the_hosts() -> None:
    one, known = local(), contexts(ZONE)
    known.complete(one)
    assert one.wall_us == datetime(2025, 10, 9, 10, tzinfo=UTC).timestamp() * 1e6
    info = SourceInfo(one.source)
    known.describe(info)
    assert [(problem.severity, problem.reason) for problem in info.problems] == [
        ("info", "times without a zone are read in Europe/Berlin, which the bundle's timedatectl names")
    ]


@pytest.mark.parametrize(
    ("known", "one"),
    [
        (contexts(ZONE, timezone_=timezone(timedelta(hours=5))), local()),  # the user knows better
        (contexts(ZONE, Fact("hostname", "", "logserver")), local(host="web1")),  # another host's line
        (contexts(Fact("timezone", "timedatectl", "Mars/Olympus")), local()),
        (contexts(STAT), local()),
        (contexts(ZONE), incident("elsewhere/messages", wall_us=7, wall_local=True)),
        (contexts(ZONE), incident(wall_us=7, wall_source=TsSource.JOURNALD)),
    ],
)
def test_other_times_stay(known: Contexts, one: Incident) -> None:
    before = one.wall_us
    known.complete(one)
    assert one.wall_us == before
    info = SourceInfo(one.source)
    known.describe(info)
    assert info.problems == []


BOOTS = (
    Fact("boot_id", "", BOOT),
    Fact("boot_first_local", EARLIER, "2025-10-01 09:00:00 CEST", 1, SECOND),
    Fact("boot_last_local", EARLIER, "2025-10-09 10:50:00 CEST", 1, SECOND),
    Fact("boot_first_us", BOOT, str(BTIME + 3 * SECOND), 2, SECOND),
    Fact("boot_last_us", BOOT, str(BTIME + 3600 * SECOND), 2, SECOND),
)


@pytest.mark.parametrize(
    ("wall", "expected"),
    [(BTIME + MINUTE, BOOT), (BTIME - 10 * MINUTE, EARLIER), (BTIME - MINUTE, None), (BTIME + 7200 * SECOND, BOOT)],
)
def test_a_good_clock_tells_the_boot(wall: int, expected: str | None) -> None:
    one = incident(wall_us=wall, wall_source=TsSource.SYSLOG)
    contexts(ZONE, *BOOTS).complete(one)
    assert one.boot_id == expected


def test_an_earlier_boot_has_its_own_swap() -> None:
    known = contexts(ZONE, *BOOTS, Fact("meminfo", "SwapTotal_kb", "4"))
    now, before = (
        incident(wall_us=wall, wall_source=TsSource.SYSLOG) for wall in (BTIME + MINUTE, BTIME - 10 * MINUTE)
    )
    known.complete(now)
    known.complete(before)
    assert (now.bundle_total_swap_kb, before.bundle_total_swap_kb) == (4, None)


def test_another_hosts_log_has_another_boot() -> None:
    said = (STAT, Fact("hostname", "", "logserver"), Fact("boot_id", "", BOOT))
    foreign, own, renamed = (
        incident(host=host, wall_us=BTIME + MINUTE, wall_source=TsSource.SYSLOG)
        for host in ("web1", "logserver.lan", "mine")
    )
    for one in (foreign, own, renamed):
        contexts(*said, host="mine").complete(one)
    assert (foreign.boot_id, own.boot_id, renamed.boot_id) == (None, BOOT, BOOT)


def test_a_begin_known_to_a_minute_tells_nothing_of_that_minute() -> None:
    known = contexts(ZONE, Fact("boot_id", "", BOOT), Fact("btime_us", "who -b", str(BTIME), 1, MINUTE))
    inside, after = (incident(wall_us=BTIME + n * SECOND, wall_source=TsSource.SYSLOG) for n in (30, 61))
    known.complete(inside)
    known.complete(after)
    assert (inside.boot_id, after.boot_id) == (None, BOOT)


def test_the_ring_buffer_gets_its_wall_time_from_the_best_pair() -> None:
    one = incident("sos/sos_commands/kernel/dmesg", uptime_us=7 * SECOND)
    contexts(ZONE, Fact("btime_local", "uptime -s", "2025-10-09 10:53:20", 1, SECOND)).complete(one)
    assert (one.wall_us, one.wall_source, one.wall_uncertainty_us) == (
        BTIME + 7 * SECOND,
        TsSource.BOOT_TIME_DERIVED,
        SECOND,
    )


@pytest.mark.parametrize("folder", ["", "scc/"])
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"wall_us": BTIME + MINUTE, "wall_source": TsSource.DMESG_WALLCLOCK}, BOOT),
        ({"uptime_us": SECOND}, BOOT),
        ({"uptime_us": SECOND, "boot_index": 1}, None),
        ({"wall_us": BTIME + MINUTE, "wall_source": TsSource.SYSLOG_YEAR_INFERRED}, BOOT),
        ({"wall_us": BTIME - MINUTE, "wall_source": TsSource.SYSLOG_YEAR_INFERRED}, None),
    ],
)
def test_a_supportconfigs_boot_log(folder: str, said: dict[str, Any], expected: str | None) -> None:
    known = Contexts()
    items = [STAT, ZONE, Fact("boot_id", "", BOOT)]
    known.add(SourceInfo(f"{folder}boot.txt", bundle=folder.rstrip("/"), items=[*items]))
    one = incident(f"{folder}boot.txt", **said)
    known.complete(one)
    assert one.boot_id == expected
    other = incident(f"{folder}other/boot.txt", **said)
    known.complete(other)
    assert other.boot_id is None
