"""Events tied to incidents, whichever came first, and who killed whom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from oomforensics.history.deaths import deaths
from oomforensics.history.lookup import Filter
from oomforensics.history.save import save
from oomforensics.history.schema import Connection, migrate, migrations
from oomforensics.history.store import open_write
from oomforensics.parsers.records import SourceInfo, TsSource
from oomforensics.parsers.witness import Event, Says
from tests.unit.history.events import NOON_US, judged, report, seen

S = 1_000_000
BOX = "3f2a" * 16


@pytest.fixture
def con() -> Iterator[Connection]:
    with duckdb.connect() as open_con:
        open_con.execute("SET TimeZone = 'UTC'")
        migrate(open_con)
        yield open_con


def event(kind: str, at: int | None = NOON_US, source: str = "syslog", line: int = 1, **known: Any) -> Event:
    says, mechanism = {
        "earlyoom_kill": (Says.KILL, "earlyoom"), "systemd_oomd_kill": (Says.KILL, "systemd-oomd"),
        "page_allocation_failure": (Says.WARNING, None), "systemd_unit_result": (Says.CLAIM, None),
        "systemd_unit_oomd": (Says.CLAIM, "systemd-oomd"),
    }.get(kind, (Says.CLAIM, "kernel"))  # fmt: skip
    clock = TsSource.NONE if at is None else known.pop("clock", TsSource.SYSLOG)
    return Event(
        kind,
        says,
        mechanism,
        source,
        line,
        f"{kind} {line}",
        wall_us=at,
        wall_source=clock,
        **{"host": "web-1", **known},
    )


def info(*events: Event, name: str = "syslog") -> SourceInfo:
    return SourceInfo(name, events=list(events))


def kernel(**known: Any) -> Any:
    (one,) = judged(
        seen(report(), "journal", **{"host": "web-1", "wall_us": NOON_US, "ts_source": TsSource.JOURNALD, **known})
    )
    return one


def in_memcg(path: str, **known: Any) -> Any:
    one = kernel(**known)
    one.task_memcg = one.oom_memcg = path
    return one


def ties(con: Connection) -> list[tuple[Any, ...]]:
    return con.execute(
        "SELECT kind, incident_id IS NOT NULL, tied_by FROM memory_events ORDER BY source, line"
    ).fetchall()


TIED = [
    (event("kubelet_oom", NOON_US + S, pid=700, comm="leaker"), kernel(), "pid"),
    (event("kubelet_oom", None, pid=700, comm="leaker"), kernel(), "pid"),
    # a syslog whose zone is wrong, and the same process
    (event("kubelet_oom", NOON_US + 7200 * S, pid=700, comm="leaker", clock=TsSource.SYSLOG_YEAR_INFERRED), kernel(), "pid"),
    (event("containerd_oom", NOON_US + S, container_id=BOX), in_memcg(f"/docker/{BOX}"), "cgroup"),
    (event("conmon_oom", NOON_US + S, container_id=BOX[:20]), in_memcg(f"/a.slice/crio-{BOX}.scope"), "cgroup"),
    (event("systemd_unit_oom", NOON_US + 60 * S, unit="web.service"), in_memcg("/system.slice/web.service"), "cgroup"),
    (event("systemd_unit_result", NOON_US + S, unit="x.scope"),
     in_memcg("/user.slice/user-7.slice/user@7.service/app.slice/x.scope"), "cgroup"),
    (event("slurm_oom", NOON_US + 7200 * S, job_id="12"), in_memcg("/slurm/uid_7/job_12/step_0"), "cgroup"),
    (event("slurm_oom", None, host=None, job_id="12"), in_memcg("/slurm/uid_7/job_12/step_0"), "cgroup"),
    (event("earlyoom_kill", NOON_US - S, pid=700, comm="leaker"), kernel(), "pid"),  # it had asked, the kernel was faster
]  # fmt: skip
NOT_TIED = [
    (event("kubelet_oom", NOON_US + 300 * S, pid=700, comm="leaker"), kernel()),
    (event("kubelet_oom", NOON_US + S, pid=701, comm="leaker"), kernel()),
    (event("kubelet_oom", NOON_US + S, pid=700, comm="other"), kernel()),
    (event("kubelet_oom", NOON_US + S, pid=700, comm="leaker", host="web-2"), kernel()),
    (event("kubelet_oom", NOON_US + S, pid=700, comm="leaker", boot_id="b"), kernel(boot_id="a")),
    (event("containerd_oom", NOON_US + S, container_id="9a" * 32), in_memcg(f"/docker/{BOX}")),
    (event("systemd_unit_oom", NOON_US + 300 * S, unit="web.service"), in_memcg("/system.slice/web.service")),
    (event("systemd_unit_oom", None, unit="web.service"), in_memcg("/system.slice/web.service")),
    (event("systemd_unit_oom", NOON_US + S, unit="api.service"), in_memcg("/system.slice/web.service")),
    (event("systemd_unit_oomd", NOON_US + S, unit="web.service"), in_memcg("/system.slice/web.service")),
    (
        event("systemd_oomd_kill", NOON_US + S, cgroup="/system.slice/web.service"),
        in_memcg("/system.slice/web.service"),
    ),
    (event("page_allocation_failure", NOON_US, comm="leaker"), kernel()),
]


@pytest.mark.parametrize(("witness", "incident", "by"), TIED)
@pytest.mark.parametrize("first", ["event", "incident"])
def test_tied(con: Connection, witness: Event, incident: Any, by: str, first: str) -> None:
    batches = [([], [info(witness)]), ([incident], [])]
    for incidents, sources in batches if first == "event" else reversed(batches):
        save(con, incidents, [SourceInfo(one.name, events=list(one.events)) for one in sources])
    assert [row[1:] for row in ties(con)] == [(True, by)]
    (death,) = deaths(con, Filter())
    assert (death.mechanism, death.evidence, death.witnesses) == ("kernel", "report", [witness.kind])


@pytest.mark.parametrize(("witness", "incident"), NOT_TIED)
def test_not_tied(con: Connection, witness: Event, incident: Any) -> None:
    save(con, [incident], [SourceInfo("syslog", events=[witness])])
    assert [row[1:] for row in ties(con)] == [(False, None)]


def test_by_the_time_alone_where_the_kernel_prints_no_control_group(con: Connection) -> None:
    one = kernel()
    one.task_memcg = one.oom_memcg = None
    save(con, [one], [info(event("systemd_unit_oom", NOON_US + S, unit="web.service"))])
    assert [row[1:] for row in ties(con)] == [(True, "time")]


def test_the_same_log_again_changes_nothing(con: Connection) -> None:
    def log() -> SourceInfo:
        return info(
            event("earlyoom_kill", pid=7), event("earlyoom_kill", line=2, pid=7), event("kubelet_oom", line=3, pid=9)
        )

    assert save(con, [], [log()]).events == 3
    before = con.execute("FROM t_memory_events ORDER BY line").fetchall()
    assert save(con, [], [log()]).events == 0
    assert con.execute("FROM t_memory_events ORDER BY line").fetchall() == before


def test_one_event_in_two_sources(con: Connection) -> None:
    save(con, [], [info(event("earlyoom_kill", pid=7, clock=TsSource.SYSLOG_YEAR_INFERRED))])
    journal = event("earlyoom_kill", NOON_US + S // 2, "journal", 5, pid=7, clock=TsSource.JOURNALD, boot_id="f00")
    assert save(con, [], [info(journal, name="journal")]).events == 0
    found = con.execute("SELECT source, line, boot_id, sightings FROM memory_events").fetchall()
    assert found == [("journal", 5, "f00", 2)]


def test_what_was_saved_is_let_go(con: Connection) -> None:
    log = info(event("earlyoom_kill", pid=7))
    save(con, [], [log])
    assert log.events == []


def test_sigterm_and_sigkill_are_one_death(con: Connection) -> None:
    ask = event("earlyoom_kill", NOON_US, pid=7, comm="java", detail={"signal": "SIGTERM"})
    force = event("earlyoom_kill", NOON_US + S, line=2, pid=7, comm="java", detail={"signal": "SIGKILL"})
    later = event("earlyoom_kill", NOON_US + 3600 * S, line=3, pid=7, comm="java", detail={"signal": "SIGTERM"})
    save(con, [], [info(ask, force, later)])
    assert [(death.pid, death.mechanism, death.evidence) for death in deaths(con, Filter())] == [
        (7, "earlyoom", "own line")
    ] * 2


def test_systemd_oomd_and_what_its_unit_says(con: Connection) -> None:
    path = "/user.slice/user-7.slice/user@7.service/app.slice/x.scope"
    save(con, [], [info(
        event("systemd_oomd_kill", cgroup=path, unit="x.scope"),
        event("systemd_unit_oomd", NOON_US + S, line=2, unit="x.scope"),
        event("systemd_unit_result", NOON_US + 2 * S, line=3, unit="x.scope"),
        event("systemd_unit_oom", NOON_US + 3 * S, line=4, unit="y.service"),
        event("systemd_unit_result", NOON_US + 3 * S, line=5, unit="y.service"),
        event("systemd_unit_result", NOON_US + 900 * S, line=6, unit="x.scope"),
    )])  # fmt: skip
    found = [(death.unit, death.mechanism, death.evidence, death.witnesses) for death in deaths(con, Filter())]
    assert found == [
        ("x.scope", None, "claim", ["systemd_unit_result"]),
        ("y.service", None, "claim: kernel", ["systemd_unit_oom", "systemd_unit_result"]),
        ("x.scope", "systemd-oomd", "own line", ["systemd_oomd_kill", "systemd_unit_oomd", "systemd_unit_result"]),
    ]  # fmt: skip


def test_warnings_are_no_deaths(con: Connection) -> None:
    save(con, [], [info(event("page_allocation_failure", pid=7))])
    assert deaths(con, Filter()) == []


@pytest.mark.parametrize(
    ("wanted", "pids"),
    [
        (Filter(host="web-1"), [7, 8]), (Filter(host="web"), []), (Filter(victim="jav"), [7]), (Filter(victim="8"), [8]),
        (Filter(since_us=NOON_US + 1), [7]), (Filter(until_us=NOON_US + 1), [8]), (Filter(cgroup="build"), [8]),
        (Filter(scope="global"), []), (Filter(victim="'; DROP TABLE t_kills"), []),
    ],
)  # fmt: skip
def test_filters(con: Connection, wanted: Filter, pids: list[int]) -> None:
    save(con, [], [info(
        event("earlyoom_kill", pid=8, comm="cc1", unit="build.service"),
        event("earlyoom_kill", NOON_US + 60 * S, line=2, pid=7, comm="java"),
    )])  # fmt: skip
    assert [death.pid for death in deaths(con, wanted)] == pids


def test_the_identity_of_a_control_group_stands_beside_the_incident(con: Connection) -> None:
    save(con, [in_memcg("/slurm/uid_1000/job_4711/step_batch/task_0")], [])
    found = con.execute("SELECT job_scheduler, job_id, job_step, pod_uid FROM incidents").fetchall()
    assert found == [("slurm", "4711", "batch", None)]
    assert con.execute("SELECT path, job_id FROM cgroups").fetchall() == [
        ("/slurm/uid_1000/job_4711/step_batch/task_0", "4711")
    ]


def test_an_older_history_gets_the_columns_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute(migrations()[0].sql)
        con.execute(
            "CREATE TABLE t_migrations (version INTEGER, name VARCHAR, oomforensics VARCHAR, applied_at TIMESTAMPTZ)"
        )
        con.execute("INSERT INTO t_migrations VALUES (1, '0001_first.sql', '0', now())")
        con.execute("CREATE VIEW memory_events AS FROM t_memory_events")
        con.execute(
            "INSERT INTO t_incidents (incident_id, ts_source, scope, scope_inferred, verdict, verdict_text, complete, missing,"
            " outcomes, source, line_start, line_end, task_memcg)"
            " VALUES ('a', 'none', 'memcg', false, 'tie', '', true, [], [], 's', 1, 2, '/kubepods/burstable/podabc-def')"
        )
    with open_write(path) as con:
        assert con.execute("SELECT pod_uid, pod_qos FROM incidents").fetchall() == [("abc-def", "Burstable")]
        assert con.execute("FROM memory_events").fetchall() == []
