"""What was lost near which report, and counters of kills against the kills that logs show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import duckdb
import pytest

from oomforensics.history import rows
from oomforensics.history.save import save
from oomforensics.history.schema import Connection, migrate
from oomforensics.history.shipped import shipped
from oomforensics.parsers.loss_signs import GAP, HEAD
from oomforensics.parsers.records import SourceInfo, TsSource
from oomforensics.parsers.witness import Event, Says
from tests.unit.history.events import NOON_US, bare, judged, report, seen

S = 1_000_000
BOOT, OTHER_BOOT = "b" * 32, "c" * 32


@pytest.fixture
def con() -> Iterator[Connection]:
    with duckdb.connect() as open_con:
        migrate(open_con)
        yield open_con


def incident(pid: int = 700, source: str = "kern.log", **known: Any) -> Any:
    """A report on lines 1 to 40 or so, 100 s after boot."""
    (one,) = judged(seen(report(pid), source, **{"host": "web-1", "boot_id": BOOT, **known}))
    return one


def killed_alone(pid: int, suppressed: int | None = None, **known: Any) -> Any:
    facts = seen(bare(report(pid)), "kern.log", **{"host": "web-1", "boot_id": BOOT, **known})
    (one,) = judged(replace(facts, report_suppressed=suppressed is not None, callbacks_suppressed=suppressed))
    return one


def loss(
    line: int, kind: str = "lost_journal_kernel", source: str = "kern.log", count: int | None = 9, **known: Any
) -> Event:
    detail = {} if count is None else {"count": count}
    return Event(kind, Says.WARNING, None, source, line, f"{kind} {line}", detail=detail, **{"host": "web-1", **known})


def store(con: Connection, incidents: list[Any], events: list[Event] | None = None) -> None:
    save(con, incidents, [SourceInfo("kern.log", events=events or [])])


def near(con: Connection) -> list[tuple[Any, ...]]:
    query = "SELECT kind, line, distance_s FROM incident_losses ORDER BY source, line, incident_id"
    return con.execute(query).fetchall()


def counter(
    con: Connection, value: int, name: str = "vmstat oom_kill", boot_id: str | None = BOOT, host: str = "web-1"
) -> None:
    con.execute(
        "INSERT INTO t_bundle_facts VALUES ('sos', ?, ?, 'counter', ?, ?, 'sos/x', 1)",
        [host, boot_id, name, str(value)],
    )


def held(con: Connection) -> tuple[Any, ...]:
    (row,) = con.execute("SELECT counted, seen, unplaced, lost FROM reconciliation").fetchall()
    return tuple(row)


def test_a_loss_is_near_by_its_line_and_by_time(con: Connection) -> None:
    one = incident()
    last = one.incident.line_end
    store(con, [one], [
        loss(5),  # within, whenever its writer stamped it
        loss(last + 10),  # without a stamp
        loss(last + 20, uptime_us=103 * S),
        loss(last + 30, uptime_us=300 * S),  # near, and much later
        loss(last + 60),
    ])  # fmt: skip
    (within, behind, later) = near(con)
    assert within == ("lost_journal_kernel", 5, 0)
    assert behind == ("lost_journal_kernel", last + 10, None)
    assert later[:2] == ("lost_journal_kernel", last + 20) and later[2] == pytest.approx(3, abs=0.1)


def test_a_loss_of_another_host_in_the_same_log_is_not_near(con: Connection) -> None:
    one = incident()
    store(con, [one], [loss(one.incident.line_end + 1, host="web-2"), loss(one.incident.line_end + 2, host=None)])
    assert [line for _, line, _ in near(con)] == [one.incident.line_end + 2]


def test_a_loss_in_another_log_is_near_by_host_and_time(con: Connection) -> None:
    trusted: dict[str, Any] = {"wall_us": NOON_US, "ts_source": TsSource.JOURNALD}
    syslog: dict[str, Any] = {"source": "messages", "wall_source": TsSource.SYSLOG}
    store(con, [incident(**trusted)], [
        loss(1, wall_us=NOON_US + 2 * S, **syslog),
        loss(2, wall_us=NOON_US + 2 * S, **{**syslog, "host": "web-2"}),
        loss(3, wall_us=NOON_US + 60 * S, **syslog),
        loss(4, wall_us=NOON_US, **{**syslog, "wall_source": TsSource.SYSLOG_YEAR_INFERRED}),  # of an assumed zone
        loss(5, source="dmesg", uptime_us=102 * S, boot_id=BOOT),
        loss(6, source="dmesg", uptime_us=102 * S, boot_id=OTHER_BOOT),
    ])  # fmt: skip
    assert [(line, round(distance)) for _, line, distance in near(con)] == [(5, 2), (1, 2)]


def test_other_functions_lose_nothing_of_a_report(con: Connection) -> None:
    store(con, [incident()], [loss(3, "lost_callbacks"), loss(4, "lost_reports")])
    assert [kind for kind, *_ in near(con)] == ["lost_reports"]
    kinds = [kind for (kind,) in con.execute("SELECT kind FROM evidence_losses ORDER BY line").fetchall()]
    assert kinds == ["lost_callbacks", "lost_reports"]


def test_a_log_that_begins_inside_a_report_lost_of_its_first_alone(con: Connection) -> None:
    store(con, [incident(700, line=1), incident(701, line=45)], [loss(1, HEAD, count=None)])
    assert near(con) == [(HEAD, 1, 0)]


def test_the_notice_of_a_storm_belongs_to_the_kills_it_hid(con: Connection) -> None:
    hidden = [killed_alone(700 + n, 2, line=100 + n) for n in range(2)]
    before = killed_alone(600, line=10)
    notices = [
        loss(5_000, "lost_reports", count=2, uptime_us=4000 * S),
        loss(9_000, "lost_reports", count=2, uptime_us=8000 * S),
    ]
    store(con, [before, *hidden], notices)
    query = "SELECT DISTINCT line, victim_pid FROM incident_losses JOIN incidents USING (incident_id) ORDER BY ALL"
    assert con.execute(query).fetchall() == [(5_000, 700), (5_000, 701)]


def test_one_notice_in_two_logs_is_one_loss(con: Connection) -> None:
    store(con, [incident()], [loss(5, uptime_us=100 * S), loss(7, source="journal", uptime_us=100 * S)])
    assert con.execute("SELECT count(*) FROM evidence_losses").fetchall() == [(1,)]
    assert len(near(con)) == 1


@pytest.mark.parametrize(("counted", "lost", "word"), [(2, 0, "every"), (5, 3, "not in any"), (1, 0, "go on after")])
def test_the_machines_counter(con: Connection, counted: int, lost: int, word: str) -> None:
    store(con, [incident(700), incident(701, line=100)])
    counter(con, counted)
    assert held(con) == (counted, 2, 0, lost)
    assert word in con.execute("SELECT explained FROM reconciliation").fetchall()[0][0]


def test_kills_of_another_boot_and_host_do_not_count(con: Connection) -> None:
    store(
        con,
        [
            incident(700),
            incident(701, boot_id=OTHER_BOOT, line=100),
            incident(702, host="web-2", boot_id="d" * 32, line=200),
        ],
    )
    counter(con, 3)
    assert held(con) == (3, 1, 0, 2)


def test_kills_of_an_unknown_boot_may_be_those_counted(con: Connection) -> None:
    store(con, [incident(700), incident(701, boot_id=None, line=100)])
    counter(con, 3)
    assert held(con) == (3, 1, 1, 1)


def test_a_counter_of_an_unknown_boot_proves_little(con: Connection) -> None:
    store(con, [incident(700)])
    counter(con, 3, boot_id=None)
    assert held(con) == (3, 0, 1, 2)


def test_who_shares_memory_with_a_victim_is_not_counted(con: Connection) -> None:
    store(con, [incident(700)])
    columns = ", ".join(rows.KILLS)
    con.execute(f"INSERT INTO t_kills ({columns}) SELECT {columns.replace('reason', repr('shared_mm'))} FROM t_kills")
    counter(con, 1)
    assert held(con) == (1, 1, 0, 0)


def in_cgroup(pid: int, line: int, oom_memcg: str | None, task_memcg: str | None) -> Any:
    one = incident(pid, line=line)
    one.oom_memcg, one.task_memcg = oom_memcg, task_memcg
    return one


@pytest.mark.parametrize(
    ("name", "seen_there", "unplaced"),
    [
        ("/a memory.events oom_kill", 3, 2),  # with the groups below
        ("/a memory.events.local oom_kill", 1, 3),
        ("/a memory.oom_control oom_kill", 1, 3),
        ("/a/b memory.events oom_kill", 1, 3),
        ("/a/c memory.events oom_kill", 0, 3),
        ("/x memory.events oom_kill", 0, 2),
        ("/ memory.events oom_kill", 4, 2),
    ],
)
def test_a_control_groups_counter(con: Connection, name: str, seen_there: int, unplaced: int) -> None:
    store(con, [
        in_cgroup(700, 1, "/a", "/a"), in_cgroup(701, 100, "/a", "/a/b"), in_cgroup(702, 200, "/ab", "/ab"),
        in_cgroup(703, 300, "/a", None),  # somewhere below
        in_cgroup(704, 400, None, None), killed_alone(705, line=500),  # anywhere
    ])  # fmt: skip
    counter(con, 10, name)
    assert held(con) == (10, seen_there, unplaced, 10 - seen_there - unplaced)


def test_the_count_closes(con: Connection) -> None:
    hidden = [killed_alone(800 + n, 2, line=200 + n) for n in range(2)]
    store(
        con,
        [incident(700), *hidden],
        [loss(500, "lost_reports", count=2, boot_id=BOOT), loss(600, GAP, count=40, boot_id=BOOT)],
    )
    counter(con, 5)
    (row,) = con.execute(shipped()["closing-count"].sql).df().to_dict("records")
    assert row["kills"] == row["kills_in_reports"] + row["kills_without_report"] == 3
    told = {
        "reports": 1, "kills_without_report": 2, "reports_suppressed": 2, "lost_lines": 40, "counted": 5, "difference": 2,
    }  # fmt: skip
    assert {name: row[name] for name in told} == told
