"""Hosts, dates, zones and programs of syslog lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from oomforensics.parsers.framings import Reader
from oomforensics.parsers.records import Record
from tests.support.logs import CONTEXT, parse


def one(line: str) -> Record:
    (found,) = parse([line])
    return found


def test_the_same_date_in_two_zones_is_two_moments() -> None:
    """As where two hosts write into one file."""
    lines = ["May  1 10:00:00 UTC a kernel: x", "May  1 10:00:00 b kernel: x", "May  1 10:00:00 UTC a kernel: y"]
    found = Reader(replace(CONTEXT, timezone=ZoneInfo("Europe/Berlin")), []).records(
        (number, line.encode()) for number, line in enumerate(lines, 1)
    )
    hours = [datetime.fromtimestamp((one.wall_us or 0) // 1_000_000, UTC).hour for one in found]
    assert hours == [10, 8, 10]


@pytest.mark.parametrize(
    ("line", "host", "moment", "local"),
    [
        ("Dec 20 03:17:52 2025 fw1 kernel: x", "fw1", (2025, 12, 20), True),
        ("Sat Dec 20 03:17:52 2025 fw1 kernel: x", "fw1", (2025, 12, 20), True),
        ("2025 Dec 20 03:17:52 fw1 kernel: x", "fw1", (2025, 12, 20), True),
        ("Dec 20 2025 03:17:52.123: fw1 kernel: x", "fw1", (2025, 12, 20), True),
        ("Dec 20 03:17:52 UTC web1 kernel: x", "web1", (2025, 12, 20), False),
        ("Dec 20 03:17:52 CEST web1 kernel: x", "web1", (2025, 12, 20), True),
        ("Dec 20 03:17:52 ABC kernel: x", "ABC", (2025, 12, 20), True),
        ("Dec 20 03:17:52 2025 kernel: x", None, (2025, 12, 20), True),
        ("Dec 20 03:17:52 2025 kernel: : [  9.123456] x", None, (2025, 12, 20), True),
        ("Dec 20 03:17:52 fw1 kernel: : [  9.123456] x", "fw1", (2025, 12, 20), True),
        ("Dec 20 03:17:52 [fw1] kernel: x", "fw1", (2025, 12, 20), True),
        ("Dec 20 03:17:52 [fw1] kernel: [  9.123456] x", "fw1", (2025, 12, 20), True),
        ("2025/12/20 03:17:52 web1 kernel: x", "web1", (2025, 12, 20), True),
        ("[2025-12-20 03:17:52,5] kernel: x", None, (2025, 12, 20), True),
        ("2025-12-20T03:17:52.804300Z WARNING kernel: x", None, (2025, 12, 20), False),
        ("2025-12-20 03:17:52 info kernel: x", None, (2025, 12, 20), True),
    ],
)
def test_hosts_and_dates_of_a_syslog(line: str, host: str | None, moment: tuple[int, int, int], local: bool) -> None:
    found = one(line)
    assert (found.host, found.text, found.from_kernel, found.wall_local) == (host, "x", True, local)
    assert found.wall_us is not None
    when = datetime.fromtimestamp(found.wall_us // 1_000_000, UTC)
    assert (when.year, when.month, when.day) == moment


def test_a_colon_of_a_template_before_the_stamp_goes_on_every_line() -> None:
    """rsyslog's `%syslogtag%: %msg%`."""
    found = parse([f"May  1 10:00:00 h kernel: : [  9.12345{digit}] x" for digit in range(3)])
    assert [(each.text, each.uptime_us) for each in found] == [("x", 9_123_450 + digit) for digit in range(3)]
    assert one("May  1 10:00:00 h kernel: : x").text == ": x"


def test_a_level_that_stands_alone_is_the_level() -> None:
    assert [one(f"2026-05-01T10:00:00Z {word} kernel: x").level for word in ("WARNING", "info", "ERR")] == [4, 6, 3]
    assert one("May  1 10:00:00 web1 WARNING kernel: x").from_kernel is False  # `logger -t "WARNING kernel"` writes so


@pytest.mark.parametrize(
    ("tag", "program"),
    [
        ("systemd-oomd.service[1027]", "systemd-oomd"),
        ("init.scope[1]", "systemd"),
        ("docker.service[930]", "dockerd"),
        ("kernel.service", "kernel"),
        ("web.scope[7]", "web.scope"),
    ],
)
def test_a_unit_where_others_have_the_program(tag: str, program: str) -> None:
    found = one(f"Fri 2026-05-01 10:00:00 CEST web1 {tag}: x")
    assert (found.program, found.from_kernel, found.text) == (program, False, "x")
