"""The shipped queries on one small history, whose answers are worked by hand from what is written below."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from oomforensics.history import macros
from oomforensics.history.schema import Connection, migrate
from oomforensics.history.shipped import Shipped, shipped
from oomforensics.history.store import open_read
from oomforensics.ingest import ingest
from tests.support import query_docs
from tests.support.printer import KERNELS, Report, Task, stamped
from tests.support.samples import FIXTURES

MIB = 1024  # KiB
CONTAINER, POD = "9a" * 32, "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0"
POD_PATH = f"/kubepods.slice/kubepods-pod{POD.replace('-', '_')}.slice/cri-containerd-{CONTAINER}.scope"
UNITS = {"_kb": "KiB", "_pages": "pages", "_bytes": "bytes", "_s": "seconds"}
Row = tuple[Any, ...]


def at(day: int, hour: int, minute: int, second: int = 0) -> datetime:
    """In May 2026, whose 4th is a Monday."""
    return datetime(2026, 5, day, hour, minute, second, tzinfo=UTC)


def log(host: str, when: datetime, lines: list[str]) -> str:
    return "".join(
        f"{when.isoformat()} {host} kernel: {line}\n" for line in stamped(lines, start_s=when.timestamp() % 1e6)
    )


def shop(pid: int, when: datetime, limit_mib: int) -> str:
    """A service under a limit, without swap, beside a helper that lives on: 100 MiB and 40 KiB resident."""
    victim = Task(pid, "shopd", rss_anon=25_600)
    tasks = [Task(50, "helper", rss_anon=100), victim]
    memcg = "/system.slice/shop.service"
    made = Report(KERNELS["6.12"], tasks, victim, memcg=memcg, memcg_limit_kb=limit_mib * MIB, swap_limit_kb=0)
    return log("node1", when, list(made.lines()))


def database(pid: int, when: datetime, bigdb_adj: int, swap_kb: int) -> str:
    """The machine: payd (8,010 pages, adj 500) dies, bigdb (20,010 pages) asked for memory and lives."""
    payd, bigdb = (
        Task(pid, "payd", rss_anon=8_000, oom_score_adj=500),
        Task(7, "bigdb", rss_anon=20_000, oom_score_adj=bigdb_adj),
    )
    made = Report(KERNELS["5.4"], [payd, bigdb], payd, trigger=bigdb, total_swap_kb=swap_kb)
    return log("db1", when, list(made.lines()))


def in_cgroup(host: str, when: datetime, comm: str, memcg: str, kernel: str, memsw_mib: int | None = None) -> str:
    victim = Task(900, comm, rss_anon=12_800)
    memsw = None if memsw_mib is None else memsw_mib * MIB
    made = Report(
        KERNELS[kernel], [victim], victim, memcg=memcg, memcg_limit_kb=50 * MIB, memsw_limit_kb=memsw, score=900
    )
    return log(host, when, list(made.lines()))


LOG = "".join(
    [
        shop(101, at(4, 10, 0), 100),
        shop(102, at(4, 10, 10), 100),
        shop(103, at(4, 10, 20), 100),
        shop(104, at(5, 10, 20), 200),
        database(200, at(6, 3, 0, 0), 0, 1024 * MIB),
        database(201, at(6, 3, 0, 5), -1000, 0),
        log("db1", at(6, 3, 0, 8), ["Out of memory: Killed process 202 (payd) total-vm:200000kB, anon-rss:32000kB, "
                                    "file-rss:40kB, shmem-rss:0kB, UID:1000 pgtables:92kB oom_score_adj:500"]),
        f"{at(6, 3, 0, 9).isoformat()} db1 rsyslogd-2177: imuxsock lost 228 messages from pid 2547 due to rate-limiting\n",
        in_cgroup("old1", at(7, 12, 0), "legacy", f"/docker/{CONTAINER}", "4.19", memsw_mib=50),
        in_cgroup("node1", at(7, 13, 0), "app", POD_PATH, "6.12"),
        in_cgroup("hpc1", at(7, 14, 0), "solver", "/slurm/uid_1000/job_77/step_0/task_0", "4.19", memsw_mib=50),
        f"{at(7, 15, 0).isoformat()} node1 earlyoom[612]: sending SIGKILL to process 4107 uid 1000 \"java\": oom_score 902, "
        "oom_score_adj 0, VmRSS 5120 MiB, cmdline \"java\"\n",
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    folder = tmp_path_factory.mktemp("shipped")
    (folder / "syslog").write_text(LOG)
    path = folder / "h.duckdb"
    ingest([str(folder / "syslog"), str(FIXTURES / "witnesses" / "kubernetes-pods.json")], db=path, timezone=UTC)
    with open_read(path, locked=True) as opened:
        yield opened


def asked(con: Connection, name: str, columns: str, **given: str) -> list[Row]:
    """These columns of the answer."""
    query = shipped()[name]
    found = con.execute(query.sql, query.values(given))
    names = [column[0] for column in found.description or []]
    places = [names.index(column) for column in columns.split()]
    return [tuple(row[place] for place in places) for row in found.fetchall()]


def test_the_history_is_as_it_is_meant(con: Connection) -> None:
    assert con.execute("SELECT count(*), count(*) FILTER (complete) FROM incidents").fetchall() == [(10, 9)]


SHOP, WHERE = "shop.service", "host place"
ANSWERS: list[tuple[str, str, dict[str, str], list[Row]]] = [
    (
        "kills-over-time", "begins name kills incidents", {"bucket": "day"},
        [(at(7, 0, 0), "node1", 2, 1), (at(7, 0, 0), "hpc1", 1, 1), (at(7, 0, 0), "old1", 1, 1), (at(6, 0, 0), "db1", 3, 3),
         (at(5, 0, 0), "node1", 1, 1), (at(4, 0, 0), "node1", 3, 3), (at(1, 0, 0), "node-1", 1, 0)],
    ),
    (
        "kills-over-time", "name kills", {"bucket": "month", "by": "place"},
        [(None, 5), (SHOP, 4), ("/docker/*", 1), ("/slurm/uid_1000/job_*/step_0/task_0", 1), ("cri-containerd-*.scope", 1)],
    ),
    ("kills-over-time", "name kills", {"bucket": "year", "by": "mechanism"}, [("kernel", 10), ("earlyoom", 1), (None, 1)]),
    (
        "recurrences", "host place victim_comm memory_limit_kb incidents kills mean_between_s last_ts largest_comm", {},
        [("db1", None, "payd", None, 3, 3, 4.0, at(6, 3, 0, 8), "bigdb"),
         ("node1", SHOP, "shopd", 100 * MIB, 3, 3, 600.0, at(4, 10, 20), "shopd")],
    ),
    ("recurrences", "host", {"least": "4"}, []),
    (
        "time-between", "host place incidents mean_between_s least_between_s most_between_s first_ts last_ts", {},
        [("db1", None, 3, 4.0, 3.0, 5.0, at(6, 3, 0), at(6, 3, 0, 8)),
         ("node1", SHOP, 4, 29_200.0, 600.0, 86_400.0, at(4, 10, 0), at(5, 10, 20))],
    ),
    (
        "limit-changes", "host place memory_limit_kb limit_before_kb incidents kills mean_between_s until_next_s", {},
        [("node1", SHOP, 100 * MIB, None, 3, 3, 600.0, 86_400.0), ("node1", SHOP, 200 * MIB, 100 * MIB, 1, 1, None, None)],
    ),
    (
        "top-victims", "comm kills incidents hosts largest_anon_rss_kb", {},
        [("shopd", 4, 4, 1, 102_400), ("payd", 3, 3, 1, 32_000), ("app", 1, 1, 1, 51_200), ("legacy", 1, 1, 1, 51_200),
         ("solver", 1, 1, 1, 51_200)],
    ),
    (
        "victims-and-largest", "comm incidents killed largest largest_and_lived killed_not_largest", {},
        [("shopd", 4, 4, 4, 0, 0), ("bigdb", 2, 0, 2, 2, 0), ("app", 1, 1, 1, 0, 0), ("legacy", 1, 1, 1, 0, 0),
         ("solver", 1, 1, 1, 0, 0), ("payd", 2, 2, 0, 0, 2)],
    ),
    (
        "not-the-largest", "ts host victim victim_kb largest largest_kb decided", {},
        [(at(6, 3, 0, 5), "db1", "payd", 32_040, "bigdb", 80_040, "not eligible: oom_score_adj_min"),
         (at(6, 3, 0, 0), "db1", "payd", 32_040, "bigdb", 80_040, "oom_score_adj")],
    ),
    (  # with 23 pages of page tables each
        "decided-by-adj", "ts victim victim_adj victim_pages largest largest_adj largest_pages", {},
        [(at(6, 3, 0), "payd", 500, 8_033, "bigdb", 0, 20_033)],
    ),
    (
        "adj-in-use", "comm oom_score_adj incidents killed largest_and_lived", {},
        [("bigdb", -1000, 1, 0, 1), ("payd", 500, 2, 2, 0)],
    ),
    ("without-report", "ts victim_comm victim_pid missing", {}, [(at(6, 3, 0, 8), "payd", 202, ["report"])]),
    (
        "limits", "host place incidents least_limit_kb most_limit_kb victims last_ts", {},
        [("node1", SHOP, 4, 100 * MIB, 200 * MIB, ["shopd"], at(5, 10, 20)),
         ("hpc1", "/slurm/uid_1000/job_*/step_0/task_0", 1, 50 * MIB, 50 * MIB, ["solver"], at(7, 14, 0)),
         ("node1", "cri-containerd-*.scope", 1, 50 * MIB, 50 * MIB, ["app"], at(7, 13, 0)),
         ("old1", "/docker/*", 1, 50 * MIB, 50 * MIB, ["legacy"], at(7, 12, 0))],
    ),
    (
        "swap-at-kill", "scope swap incidents most_swap_kb", {},
        [("memcg", "not allowed", 4, 0), ("memcg", None, 3, None), ("global", "full", 1, 1024 * MIB), ("global", "none", 1, 0),
         ("global", None, 1, None)],
    ),
    (
        "largest-by-command", "comm incidents largest_kb together_kb processes killed ts host", {},
        [("shopd", 4, 102_440, 102_440, 1, 4, at(5, 10, 20), "node1"), ("bigdb", 2, 80_040, 80_040, 1, 0, at(6, 3, 0, 5), "db1"),
         ("app", 1, 51_240, 51_240, 1, 1, at(7, 13, 0), "node1"), ("legacy", 1, 51_240, 51_240, 1, 1, at(7, 12, 0), "old1"),
         ("solver", 1, 51_240, 51_240, 1, 1, at(7, 14, 0), "hpc1"), ("payd", 2, 32_040, 32_040, 1, 2, at(6, 3, 0, 5), "db1"),
         ("helper", 4, 440, 440, 1, 0, at(5, 10, 20), "node1")],
    ),
    (
        "kill-loops", "host place victim_comm incidents pids first_ts last_ts mean_between_s", {},
        [("db1", None, "payd", 3, 3, at(6, 3, 0), at(6, 3, 0, 8), 4.0),
         ("node1", SHOP, "shopd", 3, 3, at(4, 10, 0), at(4, 10, 20), 600.0)],
    ),
    ("kill-loops", "victim_comm incidents", {"within_s": "86400"}, [("shopd", 4), ("payd", 3)]),
    (
        "storms", "host first_ts lasted_s incidents kills without_report dropped victims", {"least": "3"},
        [("db1", at(6, 3, 0), 8.0, 3, 3, 1, 0, ["payd"])],
    ),
    ("storms", "host", {}, []),
    (
        "cgroup-versions", "host version incidents places kernels", {},
        [("node1", 2, 4, 1, ["6.12.107"]), ("hpc1", 1, 1, 1, ["4.19.325"]), ("node1", None, 1, 1, ["6.12.107"]),
         ("old1", 1, 1, 1, ["4.19.325"])],
    ),
    (
        "kernels", "kernel_release era incidents kills hosts not_explained", {},
        [("6.12.107", "6.8-6.19", 5, 5, 1, 0), ("5.4.280", "5.4-5.8", 3, 3, 1, 0), ("4.19.325", "4.17-5.0", 2, 2, 2, 0)],
    ),
    (
        "triggers", "trigger_comm incidents died was_largest victims", {},
        [("shopd", 4, 4, 4, ["shopd"]), ("bigdb", 2, 0, 2, ["payd"]), ("app", 1, 1, 1, ["app"]),
         ("legacy", 1, 1, 1, ["legacy"]), ("solver", 1, 1, 1, ["solver"])],
    ),
    (
        "time-of-week", "weekday hour kills days", {},
        [(1, 10, 3, 1), (2, 10, 1, 1), (3, 3, 3, 1), (4, 12, 1, 1), (4, 13, 1, 1), (4, 14, 1, 1), (4, 15, 1, 1), (5, 10, 1, 1)],
    ),
    ("time-of-week", "weekday hour kills", {"timezone": "America/New_York"},  # UTC-4 in May: Wednesday 03:00 is Tuesday 23:00
     [(1, 6, 3), (2, 6, 1), (2, 23, 3), (4, 8, 1), (4, 9, 1), (4, 10, 1), (4, 11, 1), (5, 6, 1)]),
    (  # one by its control group, one by the status of a pod of the same UID
        "pods", "pod hosts kills only_claimed witnesses last_ts", {},
        [("shop/web-7d9f8c6b5-x2x4z", ["node-1", "node1"], 1, 1, ["kubernetes_oomkilled"], at(7, 13, 0))],
    ),
    (
        "jobs", "job_id job_scheduler hosts kills only_claimed comms", {},
        [("77", "slurm", ["hpc1"], 1, 0, ["solver"])],
    ),
    (
        "left-running", "place victim_comm killed left_running left_comms", {},
        [(SHOP, "shopd", 1, 1, ["helper"])] * 4,
    ),
    ("lost-evidence", "host kind notices lost incidents", {}, [("db1", "lost_rsyslog", 1, 228, 3)]),
    (
        "mechanisms", "mechanism evidence deaths hosts", {},
        [("kernel", "report", 9, 4), ("earlyoom", "own line", 1, 1), ("kernel", "kill line", 1, 1),
         (None, "claim: kernel", 1, 1)],
    ),
    ("not-explained", "incident_id", {}, []),
    ("verdicts", "verdict incidents complete", {}, [("highest_badness", 9, 9), ("insufficient_data", 1, 0)]),
    ("closing-count", "host kills kills_in_reports kills_without_report lost_lines",  {},
     [("node1", 5, 5, 0, None), ("db1", 3, 2, 1, 228), ("hpc1", 1, 1, 0, None), ("old1", 1, 1, 0, None)]),
    (  # the service may not swap, nor those whose memory+swap limit is their memory limit
        "findings-again", "finding severity incidents hosts last_ts", {"severity": "info"},
        [("swap_forbidden", "info", 6, 3, at(7, 14, 0)), ("evidence_lost", "info", 1, 1, at(6, 3, 0, 8)),
         ("no_swap", "info", 1, 1, at(6, 3, 0, 5))],
    ),
    (
        "failed-allocations", "cause incidents hosts largest_bytes last_ts", {},
        [("memcg_limit", 7, 3, 4096, at(7, 14, 0)), ("not_enough_memory", 2, 1, 4096, at(6, 3, 0, 5)),
         ("unknown", 1, 1, None, at(6, 3, 0, 8))],
    ),
    (  # each new process had nothing in the report before; 6.12 tells the 10 pages of files apart. payd's 31 MiB are no cause
        "who-grew", "culprit kind incidents died shapes most_grown_bytes last_ts", {},
        [("shopd", "process", 3, 3, ["insufficient"], 25_600 * 4096, at(5, 10, 20))],
    ),
    (  # 524,288 pages less 16,384 reserved, 13,191 + 370 free, 476,790 anonymous, 82 of files: 17,471
        "outside-processes", "host place whole_kb outside_percent shmem_kb kernel_kb unaccounted_kb", {"least": "3"},
        [("db1", None, 2_097_152, 3, None, None, 69_884)] * 2,
    ),
    ("saved-by-adj", "comm first_choice saved", {"comm": "payd", "adj": "-500"}, [("payd", 2, 1)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "columns", "given", "answer"), ANSWERS, ids=[f"{one[0]}{one[2] or ''}" for one in ANSWERS]
)
def test_answers(con: Connection, name: str, columns: str, given: dict[str, str], answer: list[Row]) -> None:
    assert asked(con, name, columns, **given) == answer


def test_every_query_has_an_answer_worked_by_hand() -> None:
    assert {one[0] for one in ANSWERS} == set(shipped())


def test_a_wrong_word_is_refused(con: Connection) -> None:
    with pytest.raises(duckdb.Error, match="host, place"):
        asked(con, "kills-over-time", "name", by="colour")


@pytest.mark.parametrize("query", shipped().values(), ids=shipped())
def test_the_head_of_a_query_says_what_it_answers_takes_and_gives(query: Shipped) -> None:
    """And it runs on a history that holds nothing."""
    assert query.title and set(query.parameters) == set(re.findall(r"\$(\w+)", query.sql))
    with duckdb.connect() as empty:
        migrate(empty)
        macros.make(empty)
        found = empty.execute(query.sql, query.values({}))
        assert found.fetchall() == []
        assert [column[0] for column in found.description or []] == list(query.columns)
    for column, meaning in query.columns.items():
        for suffix, unit in UNITS.items():
            assert not column.endswith(suffix) or unit in meaning.lower() or unit in meaning, (column, meaning)


def test_the_page_of_queries_is_their_heads() -> None:
    assert query_docs.PAGE.read_text() == query_docs.page(), "run: python -m tests.support.query_docs"
