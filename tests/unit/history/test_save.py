"""What goes in comes out equal, once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oomforensics.analysis.model import Judged
from oomforensics.history.save import Saved, save
from oomforensics.history.schema import Connection
from oomforensics.history.store import open_write
from oomforensics.parsers.records import Problem, SourceInfo, TsSource
from oomforensics.parsers.task_rows import TaskRows
from tests.unit.history.events import DAY_US, NOON_US, bare, judged, report, seen

VIEWS = ("incidents", "candidates", "kills", "report_lines", "incident_sources", "sources", "source_problems")


@pytest.fixture
def con(tmp_path: Path) -> Iterator[Connection]:
    with open_write(tmp_path / "history.duckdb") as opened:
        yield opened


def ask(con: Connection, sql: str) -> list[tuple[Any, ...]]:
    return con.execute(sql).fetchall()


def contents(con: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Everything but the moment of reading."""
    found = {}
    for view in VIEWS:
        columns = "* EXCLUDE (ingested_at)" if view == "sources" else "*"
        found[view] = sorted(ask(con, f"SELECT {columns} FROM {view}"), key=repr)
    return found


def test_what_goes_in_comes_out(con: Connection) -> None:
    (one,) = judged(seen(report(), "kern.log", host="web-1", wall_us=NOON_US))
    assert save(con, [one], []) == Saved({one.incident_id: set()}, kills=1)
    stored = ask(
        con,
        "SELECT incident_id, host, epoch_us(ts), ts_source, uptime_s, totalpages, victim_pid, page_size FROM incidents",
    )
    assert stored == [
        (one.incident_id, "web-1", NOON_US, "syslog-year-inferred", 100.0, one.totalpages.pages, 700, 4096)
    ]
    rows = ask(
        con, "SELECT pid, comm, rss_pages, nr_ptes, badness_pages, rank, is_victim FROM candidates ORDER BY table_order"
    )
    assert rows == [
        (it.row.pid, it.row.comm, it.row.rss_pages, None, it.badness_pages, it.rank, it.is_victim)
        for it in one.candidates
    ]
    lines = ask(con, "SELECT line, kind, text FROM report_lines ORDER BY seq")
    assert lines == [(line.line, line.kind, line.text) for line in one.incident.lines]
    assert ask(con, "SELECT proof, evidence_lines, missing FROM incidents") == [
        (one.verdict.proof, one.verdict.evidence_lines, one.incident.missing)
    ]
    assert ask(con, "SELECT meminfo->>'ram_pages' FROM incidents") == [("524288",)]


def test_the_same_again_changes_nothing(con: Connection) -> None:
    info = SourceInfo("kern.log", 10, "ab", "dmesg", 5, [Problem("kern.log", 3, "torn")])
    batch = judged(seen(report(), "kern.log"), seen(report(800), "kern.log", line=900))
    save(con, batch, [info])
    before = contents(con)
    ids = [one.incident_id for one in batch]
    assert save(con, batch, [info]) == Saved({one: {one} for one in ids}, kills=0)
    assert contents(con) == before


def test_numbers_that_no_column_holds_are_unknown_not_fatal(con: Connection) -> None:
    (one,) = judged(report())
    one.totalpages = replace(one.totalpages, pages=2**70)
    one.candidates.rows = _with_first(one.candidates.rows, oom_score_adj=2**40)
    one.incident.wall_us = 2**62
    save(con, [one], [])
    assert ask(con, "SELECT totalpages, ts FROM incidents") == [(None, None)]
    assert ask(con, "SELECT oom_score_adj FROM candidates WHERE table_order = 0") == [(None,)]


def _with_first(rows: TaskRows, **changes: Any) -> TaskRows:
    first, *others = rows
    return TaskRows([first._replace(**changes), *others])


def test_any_text_can_be_stored(con: Connection) -> None:
    (one,) = judged(report())
    name = "a\x1b[2J\x00\ud800\u202e'; DROP TABLE t_kills; --"
    one.incident.source = name
    one.candidates.rows = _with_first(one.candidates.rows, comm=name)
    one.verdict.proof.append(name)
    save(con, [one], [SourceInfo(name, problems=[Problem(name, None, name)])])
    shown = name.replace("\x00", "\\x00").replace("\ud800", "\\ud800")
    assert ask(con, "SELECT comm FROM candidates WHERE table_order = 0") == [(shown,)]
    assert ask(con, "SELECT source FROM sources") == [(shown,)]


def test_a_failed_batch_leaves_nothing(con: Connection) -> None:
    (one,) = judged(report())
    one.verdict.text = None  # type: ignore[assignment]
    with pytest.raises(Exception, match="NOT NULL"):
        save(con, [one], [SourceInfo("kern.log")])
    assert all(not rows for rows in contents(con).values())


def views_of_one_event() -> list[Judged]:
    whole = report()
    return judged(
        seen(whole, "dmesg"),
        seen(whole, "messages", host="web-1", wall_us=NOON_US, uptime=False, line=4000),
        seen(bare(whole), "journal", host="web-1", boot_id="b1", wall_us=NOON_US + 7, ts_source=TsSource.JOURNALD),
    )


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("at_once", [True, False])
def test_dmesg_journal_and_messages_are_one_incident(con: Connection, order: tuple[int, ...], at_once: bool) -> None:
    shown = [views_of_one_event()[at] for at in order]
    for batch in [shown] if at_once else [[one] for one in shown]:
        save(con, batch, [])
    assert ask(con, "SELECT host, boot_id, epoch_us(ts), ts_source, uptime_s, complete, source FROM incidents") == [
        ("web-1", "b1", NOON_US + 7, "journald", 100.0, True, "messages")
    ]
    assert ask(con, "SELECT source FROM incident_sources ORDER BY 1") == [("dmesg",), ("journal",), ("messages",)]
    assert ask(con, "SELECT count(*), count(DISTINCT incident_id) FROM kills") == [(1, 1)]
    assert ask(con, "SELECT count(*), count(DISTINCT incident_id) FROM candidates") == [(3, 1)]


def test_a_richer_source_keeps_the_id(con: Connection) -> None:
    poor, rich = judged(seen(bare(report()), "messages", host="web-1"), seen(report(), "dmesg"))
    save(con, [poor], [])
    (before,) = ask(con, "SELECT incident_id, complete FROM incidents")
    save(con, [rich], [])
    assert ask(con, "SELECT incident_id, complete, host, source FROM incidents") == [
        (before[0], True, "web-1", "dmesg")
    ]


def test_a_kill_that_the_richer_source_lost_is_kept(con: Connection) -> None:
    whole = report()
    second = replace(whole.kills[0], pid=701, line=whole.kills[0].line + 1, reason="oom_group")
    group = replace(bare(whole), kills=[*whole.kills, second])
    for batch in judged(seen(group, "messages"), seen(whole, "dmesg")):
        save(con, [batch], [])
    assert ask(con, "SELECT pid, source FROM kills ORDER BY pid") == [(700, "dmesg"), (701, "messages")]
    assert ask(con, "SELECT count(*) FROM incidents") == [(1,)]


@pytest.mark.parametrize(
    ("a", "b", "incidents"),
    [
        ({"host": "web-1"}, {"host": "web-2"}, 2),
        ({"host": "web-1"}, {"host": "web-1.example.org"}, 1),
        ({"host": "web-1"}, {}, 1),
        ({"boot_id": "b1"}, {"boot_id": "b2"}, 2),
        ({"wall_us": NOON_US, "uptime": False}, {"wall_us": NOON_US + DAY_US, "uptime": False}, 1),
        ({"wall_us": NOON_US, "uptime": False}, {"wall_us": NOON_US + 2 * DAY_US, "uptime": False}, 2),
        ({"wall_us": NOON_US}, {"wall_us": NOON_US + 365 * DAY_US}, 1),  # a year wrongly inferred
        (
            {"wall_us": NOON_US, "ts_source": TsSource.JOURNALD},
            {"wall_us": NOON_US + 365 * DAY_US, "ts_source": TsSource.SYSLOG},
            2,
        ),
    ],
)
def test_what_tells_events_of_the_same_words_apart(
    con: Connection, a: dict[str, Any], b: dict[str, Any], incidents: int
) -> None:
    for one in judged(seen(report(), "a.log", **a), seen(report(), "b.log", **b)):
        save(con, [one], [])
    found = [key for (key,) in ask(con, "SELECT incident_id FROM incidents")]
    assert len(found) == len(set(found)) == incidents
    natural = {key.split("-")[0] for key in found}
    assert len(natural) == 1
    assert all("-" in key for key in found) is (incidents == 2)
    assert ask(con, "SELECT count(*) FROM kills") == [(incidents,)]


def test_the_uptime_tells_two_boots_apart(con: Connection) -> None:
    for one in judged(seen(report(start_s=100), "a.log"), seen(report(start_s=5000), "b.log")):
        save(con, [one], [])
    assert ask(con, "SELECT uptime_s FROM incidents ORDER BY 1") == [(100.0,), (5000.0,)]


def test_the_same_process_killed_again_in_the_same_words(con: Connection) -> None:
    """Two runs in dmesg, two in messages, which stamps otherwise: the first is the first and the second the second."""
    first, second = report(start_s=100), report(start_s=101)
    dmesg = [seen(first, "dmesg"), seen(second, "dmesg", line=900)]
    messages = [
        seen(first, "messages", host="h", wall_us=NOON_US, uptime=False, line=10),
        seen(second, "messages", host="h", wall_us=NOON_US + 1_000_000, uptime=False, line=910),
    ]
    for one in judged(*dmesg, *messages):
        save(con, [one], [])
    assert ask(con, "SELECT uptime_s, epoch_us(ts), host FROM incidents ORDER BY 1") == [
        (100.0, NOON_US, "h"),
        (101.0, NOON_US + 1_000_000, "h"),
    ]
    before = contents(con)
    save(con, judged(*messages, *dmesg), [])
    assert contents(con) == before


def test_a_log_that_has_every_line_twice(con: Connection) -> None:
    save(con, judged(seen(report(), "kern.log"), seen(report(), "kern.log", line=900)), [])
    assert ask(con, "SELECT count(*) FROM incidents") == [(1,)]


EVENTS = [
    seen(base, source, host=host, wall_us=wall_us, uptime=uptime, line=10 + 1000 * number)
    for number, (start_s, host, wall_us) in enumerate(
        [(100.0, "web-1", NOON_US), (4000.0, "web-1", NOON_US + 4 * DAY_US), (100.0, "web-2", NOON_US)]
    )
    for base, source, uptime in [
        (report(start_s=start_s), f"{host}-dmesg", True),
        (bare(report(start_s=start_s)), f"{host}-journal", True),
        (report(start_s=start_s), f"{host}-messages", False),
    ]
]


@settings(max_examples=25)
@given(order=st.permutations(range(len(EVENTS))), cuts=st.sets(st.integers(1, len(EVENTS) - 1)))
def test_the_order_of_arrival_does_not_matter(order: list[int], cuts: set[int]) -> None:
    """Three events of the same words on two hosts, each in three sources, in any order and any batches."""
    import duckdb

    from oomforensics.history.schema import migrate

    found = []
    for sequence, borders in ((order, sorted(cuts)), (sorted(order), [])):
        with duckdb.connect() as con:
            migrate(con)
            edges = [0, *borders, len(sequence)]
            for start, end in itertools.pairwise(edges):
                save(con, judged(*(EVENTS[at] for at in sequence[start:end])), [])
            found.append(contents(con))
    assert found[0] == found[1]
    assert len(found[0]["incidents"]) == 3
