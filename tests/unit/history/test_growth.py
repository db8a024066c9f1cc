"""Who grew, from recordings and reports that no kernel makes on demand; and that it is made anew when it must be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from oomforensics.analysis.growth.culprit import Unknown
from oomforensics.analysis.growth.wording import unknown
from oomforensics.history import growth_samples
from oomforensics.history.growth import derive
from oomforensics.history.schema import Connection
from oomforensics.ingest import ingest
from tests.support.printer import KERNELS, Report, Task
from tests.unit.reports import report_samples as samples

BOOT = "5" * 32
AT_S = 100_000.0  # of the report, by the kernel's stamps and by the recorder's clock
MIB_KB = 1024
SLICE = "/system.slice"


@pytest.fixture
def con() -> Iterator[Connection]:
    made = samples.history()
    samples.add_bare_kill(made)
    made.execute(
        "UPDATE t_incidents SET boot_id = ?, uptime_s = ?, oom_memcg = NULL, scope = 'global', missing = ['report']",
        [BOOT, AT_S],
    )
    yield made
    made.close()


def segment(con: Connection, name: str, began_s: float, ended_s: float = 5, target: str = "system") -> None:
    began_us, ended_us = (int((AT_S + at_s) * 1e6) for at_s in (began_s, ended_s))
    samples.insert(
        con, "segments", segment_id=name, source=f"{name}.oomspool", host="mail-02", boot_id=BOOT, kernel_release="6.1.0",
        page_size=4096, interval_us=1_000_000, target=target, began_us=began_us, ended_us=ended_us, wall_offset_us=0,
        kmsg_offset_us=0, kmsg_spread_us=0, watched=[], missing=[], notes=[], torn_bytes=0, damaged_bytes=0,
        missing_frames=0, undecodable_frames=0,
    )  # fmt: skip


def look(
    con: Connection, name: str, at_s: float, used_mib: Mapping[int, float | None], left_mib: float | None = None
) -> None:
    """What changed: pid -> MiB; None: it is gone. `left_mib`: of a machine with 1000 MiB."""
    mono_us = int((AT_S + at_s) * 1e6)
    samples.insert(con, "snapshots", segment_id=name, mono_us=mono_us, known=3, unread=0, complete=False)
    for pid, used in used_mib.items():
        samples.insert(
            con, "process_samples", segment_id=name, mono_us=mono_us, pid=pid, starttime=_born(pid), gone=used is None,
            rss_anon_kb=None if used is None else int(used * MIB_KB), rss_file_kb=9 * MIB_KB, rss_shmem_kb=99 * MIB_KB, swap_kb=0,
        )  # fmt: skip
    if left_mib is not None:
        samples.insert(
            con, "system_samples", segment_id=name, mono_us=mono_us, mem_total_kb=1000 * MIB_KB,
            mem_available_kb=int(left_mib * MIB_KB), swap_total_kb=0, swap_free_kb=0,
        )  # fmt: skip


def _born(pid: int) -> int:
    """In ticks since boot: those below 1000 long before, others in the second in which the test shows them first."""
    return 5 if pid < 1000 else int(AT_S * 100) - 30 * 100


def who(con: Connection, name: str, pid: int, comm: str, uid: int = 0, cgroup: str = "/") -> None:
    samples.insert(
        con, "process_identities", segment_id=name, mono_us=int((AT_S - 1) * 1e6), pid=pid, starttime=_born(pid), comm=comm,
        cmdline=comm, uid=uid, cgroup=cgroup,
    )  # fmt: skip


def verdict(con: Connection) -> dict[str, Any]:
    found = con.execute("FROM growth_verdicts")
    names = [column[0] for column in found.description or []]
    (row,) = found.fetchall()
    return dict(zip(names, row, strict=True))


def shapes(con: Connection, kind: str) -> dict[str, tuple[str, float]]:
    found = con.execute("SELECT who, shape, grown_bytes / 1048576 FROM growth WHERE kind = ?", [kind]).fetchall()
    return {name: (shape, grown) for name, shape, grown in found}


def leaking(con: Connection, name: str = "a", since_s: int = -60) -> None:
    """`java` takes 5 MiB a second, `cache` nothing."""
    segment(con, name, since_s - 1)
    for at_s in range(since_s, 0):
        look(con, name, at_s, {7: 400 + 5 * at_s, 8: 100}, left_mib=-5 * at_s)
    who(con, name, 7, "java", uid=33, cgroup=f"{SLICE}/tomcat.service")
    who(con, name, 8, "cache")


# -- from recordings -----------------------------------------------------------------------------------------------------------


def test_a_leak_on_a_whole_machine(con: Connection) -> None:
    leaking(con)
    derive(con)
    found = verdict(con)
    assert (found["culprit"], found["shape"], found["seen_in"]) == ("java (pid 7)", "leak", "recording")
    assert found["share"] == pytest.approx(1)
    assert found["inevitable_from_s"] == pytest.approx(-60, abs=0.1)
    assert shapes(con, "unit") == {"tomcat.service": ("leak", 295)}
    assert shapes(con, "user") == {"uid 33": ("leak", 295)}
    assert shapes(con, "process")["cache (pid 8)"] == ("plateau", 0)
    assert [reason.split(":")[0] for reason in found["not_known"]] == ["began_before"]


def test_shared_and_file_pages_do_not_count(con: Connection) -> None:
    leaking(con)
    derive(con)
    most = con.execute("SELECT max(end_bytes) FROM growth WHERE kind = 'process'").fetchone()
    assert most == (395 << 20,)


def test_a_fork_storm_is_a_command(con: Connection) -> None:
    segment(con, "a", -61)
    for at_s in range(-60, 0):
        new = {1000 + at_s * -10 + n: 4.0 for n in range(4)} if at_s > -30 else {}
        look(con, "a", at_s, {7: 200.0, **new}, left_mib=max(16 * min(-at_s, 30), 0))
        for pid in new:
            who(con, "a", pid, "worker")
    who(con, "a", 7, "postgres")
    derive(con)
    found = verdict(con)
    assert (found["culprit"], found["culprit_kind"], found["culprit_pid"]) == ("worker", "command", None)
    assert found["shape"] == "leak" and "worker (116 processes) grew by 464.0 MiB" in found["text"]
    assert found["inevitable_from_s"] == pytest.approx(-30, abs=1)


def test_growth_goes_on_over_two_files(con: Connection) -> None:
    segment(con, "a", -61, -31)
    segment(con, "b", -30)
    for at_s in range(-60, 0):
        look(con, "a" if at_s < -30 else "b", at_s, {7: 400 + 5 * at_s}, left_mib=-5 * at_s)
    for name in "ab":
        who(con, name, 7, "java")
    derive(con)
    assert shapes(con, "process") == {"java (pid 7)": ("leak", 295)}


def test_where_growth_began_is_looked_for_in_longer_times(con: Connection) -> None:
    """It begins 20 minutes before the kill: five minutes show its end alone."""
    segment(con, "a", -2001)
    for at_s in range(-2000, 0, 5):
        grown = 0.5 * max(at_s + 1200, 0)
        look(con, "a", at_s, {7: 50 + grown}, left_mib=max(600 - grown, 0))
    who(con, "a", 7, "java")
    derive(con)
    found = verdict(con)
    assert found["from_s"] == pytest.approx(-2000) and found["shape"] == "leak"
    assert found["inevitable_from_s"] == pytest.approx(-1200, abs=30)
    assert found["not_known"] == []


def test_of_two_recordings_at_once_one_counts(con: Connection) -> None:
    leaking(con)
    segment(con, "b", -5, target="pid 7")
    for at_s in range(-4, 0):
        look(con, "b", at_s, {7: 1})
    derive(con)
    assert con.execute("SELECT DISTINCT source FROM growth").fetchall() == [("a.oomspool",)]


def test_only_the_control_group_that_ran_out_counts(con: Connection) -> None:
    con.execute("UPDATE t_incidents SET scope = 'memcg', oom_memcg = ?", [f"{SLICE}/tomcat.service"])
    leaking(con)
    who(con, "a", 8, "cache")
    for at_s in (-60, -1):
        look(con, "a", at_s - 0.5, {9: 900 + 9 * at_s})  # outside, and faster
    who(con, "a", 9, "loud")
    for at_s in range(-60, 0):
        samples.insert(
            con, "cgroup_samples", segment_id="a", mono_us=int((AT_S + at_s) * 1e6), cgroup=f"{SLICE}/tomcat.service", version=2,
            gone=False, usage_bytes=(400 + 5 * at_s) << 20, limit_bytes=400 << 20, swap_bytes=0, swap_limit_bytes=0,
        )  # fmt: skip
    derive(con)
    found = verdict(con)
    assert found["culprit"] == "java (pid 7)" and found["share"] == pytest.approx(1)
    assert found["inevitable_from_s"] == pytest.approx(-60, abs=0.1)
    assert set(shapes(con, "process")) == {"java (pid 7)"}


def test_a_control_group_that_no_process_is_known_to_be_in(con: Connection) -> None:
    """As recorded inside a container, whose paths begin elsewhere."""
    con.execute("UPDATE t_incidents SET scope = 'memcg', oom_memcg = '/kubepods/pod1'")
    leaking(con)
    derive(con)
    assert {reason.split(":")[0] for reason in verdict(con)["not_known"]} >= {"not_placed", "no_room"}


def test_a_recording_that_ended_before(con: Connection) -> None:
    segment(con, "a", -100, -40)
    for at_s in range(-99, -40):
        look(con, "a", at_s, {7: 500 + 5 * at_s}, left_mib=-5 * at_s)
    derive(con)
    assert "end_unseen" in [reason.split(":")[0] for reason in verdict(con)["not_known"]]
    assert verdict(con)["culprit"] == "(no name) (pid 7)"


def test_a_recording_without_a_look_says_nothing(con: Connection) -> None:
    segment(con, "a", -100)
    derive(con)
    found = verdict(con)
    assert found["culprit"] is None and found["seen_in"] is None
    assert [reason.split(":")[0] for reason in found["not_known"]] == ["no_recording", "no_earlier_report"]


@pytest.mark.parametrize(
    "change",
    [
        lambda con: con.execute("UPDATE t_segments SET ended_us = ended_us - 6000000"),
        lambda con: con.execute("UPDATE t_segments SET kmsg_offset_us = 1000"),
        lambda con: con.execute("UPDATE t_incidents SET uptime_s = uptime_s - 1"),
        lambda con: con.execute("UPDATE t_incidents SET oom_memcg = '/x'"),
        lambda con: segment(con, "earlier", -4000, -3000),
    ],
    ids=["its end", "its clock", "the report's time", "what ran out", "an earlier file"],
)
def test_it_is_made_anew_when_what_it_was_made_of_changes(con: Connection, change: Callable[[Connection], Any]) -> None:
    leaking(con)
    derive(con)
    con.execute("UPDATE t_growth SET who = 'old'")
    derive(con)
    con.execute("UPDATE t_segments SET ended_us = ended_us + 1")
    derive(con)
    assert con.execute("SELECT DISTINCT who FROM growth").fetchall() == [("old",)], (
        "nothing changed before the incident"
    )
    change(con)
    derive(con)
    assert "old" not in {name for (name,) in con.execute("SELECT who FROM growth").fetchall()}


def test_what_is_no_incident_any_more_is_forgotten(con: Connection) -> None:
    leaking(con)
    derive(con)
    con.execute("UPDATE t_incidents SET incident_id = 'renamed'")
    derive(con)
    assert con.execute("SELECT DISTINCT incident_id FROM t_growth").fetchall() == [("renamed",)]
    con.execute("DELETE FROM t_incidents")
    derive(con)
    assert con.execute("SELECT count(*) FROM t_growth").fetchall() == [(0,)]


HUGE = 2**63 - 1


@pytest.mark.parametrize("huge", [HUGE, HUGE // 1024, 2**52])
def test_numbers_that_no_machine_has(con: Connection, huge: int) -> None:
    """A damaged recording, or a hostile one, says nothing with them and takes nothing away."""
    leaking(con)
    for at_s in (-50, -5):
        mono_us = int((AT_S + at_s) * 1e6)
        samples.insert(
            con,
            "process_samples",
            segment_id="a",
            mono_us=mono_us,
            pid=9,
            starttime=huge,
            gone=False,
            rss_anon_kb=huge,
            swap_kb=huge,
        )
        samples.insert(
            con, "system_samples", segment_id="a", mono_us=mono_us + 1, mem_total_kb=huge, mem_available_kb=huge,
            swap_total_kb=huge, swap_free_kb=huge,
        )  # fmt: skip
    derive(con)
    assert verdict(con)["culprit"] == "java (pid 7)" and set(shapes(con, "process")) == {
        "java (pid 7)",
        "cache (pid 8)",
    }


@pytest.mark.parametrize("huge", [HUGE, 2**52])
def test_counters_that_no_machine_has(con: Connection, huge: int) -> None:
    con.execute("UPDATE t_incidents SET scope = 'memcg', oom_memcg = '/'")
    leaking(con)
    for at_s in (-60, -1):
        samples.insert(
            con, "cgroup_samples", segment_id="a", mono_us=int((AT_S + at_s) * 1e6), cgroup="/", version=1, gone=False,
            usage_bytes=huge, limit_bytes=huge, swap_bytes=huge, swap_limit_bytes=huge, file_bytes=huge, shmem_bytes=huge,
        )  # fmt: skip
    derive(con)
    assert verdict(con)["culprit"] == "java (pid 7)" and verdict(con)["left_bytes"] is None


def test_of_too_many_processes_the_smallest_are_left_out(con: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that looking at a recording does not itself use the memory up."""
    monkeypatch.setattr(growth_samples, "_MOST_PROCESSES", 10)
    leaking(con)
    for pid in range(1000, 1020):
        look(con, "a", -40 + (pid - 1000) / 100, {pid: pid - 999})
        who(con, "a", pid, f"w{pid}")
    derive(con)
    assert verdict(con)["culprit"] == "java (pid 7)"
    found = con.execute(
        "SELECT who, processes FROM growth WHERE kind IN ('user', 'scope') ORDER BY processes"
    ).fetchall()
    assert found == [("uid 33", 1), ("uid 0", 9), (None, 10)]


def test_a_stop_is_obeyed_between_two_incidents(con: Connection) -> None:
    leaking(con)
    derive(con, lambda: True)
    assert verdict(con)["seen_in"] is None
    derive(con, lambda: False)
    assert verdict(con)["seen_in"] == "recording"


def test_what_stands_where_nothing_is_known_is_what_the_words_say(con: Connection) -> None:
    assert verdict(con)["not_known"] == unknown((Unknown.NO_RECORDING, Unknown.NO_EARLIER_REPORT))


# -- from reports --------------------------------------------------------------------------------------------------------------


def dmesg(at_s: int, *tasks: Task, kernel: str = "6.12", memcg: str | None = None) -> str:
    victim = max(tasks, key=lambda task: task.rss)
    lines = Report(KERNELS[kernel], list(tasks), victim, memcg=memcg).lines()
    return "".join(f"[{at_s:5}.000000] {line}\n" for line in lines)


def told(tmp_path: Path, *texts: str) -> list[dict[str, Any]]:
    """The verdicts on the reports of one log, by time."""
    (tmp_path / "dmesg").write_text("".join(texts))
    db = tmp_path / "h.duckdb"
    ingest([str(tmp_path / "dmesg")], db=db)
    with duckdb.connect(str(db), read_only=True) as con:
        found = con.execute(
            "SELECT growth_verdicts.* FROM growth_verdicts JOIN incidents USING (incident_id) ORDER BY uptime_s"
        )
        names = [column[0] for column in found.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        series = con.execute(
            "SELECT uptime_s, kind, who, start_bytes // 4096, end_bytes // 4096, slope_bytes_per_s, slope_low_bytes_per_s, shape"
            " FROM growth JOIN incidents USING (incident_id) ORDER BY ALL"
        ).fetchall()
    for row in rows:
        row["words"] = [reason.split(":")[0] for reason in row["not_known"]]
        row["series"] = {who: values for _, kind, who, *values in series if kind == "process"}
    return rows


def anon(pid: int, comm: str, pages: int, swap: int = 0) -> Task:
    return Task(pid, comm, rss_anon=pages, swapents=swap)


def test_two_reports_of_one_boot_are_two_readings(tmp_path: Path) -> None:
    first = [anon(10, "java", 50_000), anon(11, "cache", 30_000), anon(12, "gone", 60_000)]
    second = [anon(10, "java", 90_000, 2_000), anon(11, "cache", 30_100), anon(13, "new", 5_000)]
    before, after = told(tmp_path, dmesg(100, *first), dmesg(700, *second))
    assert before["culprit"] is None and before["words"] == ["no_recording", "no_earlier_report"]
    assert (after["culprit"], after["shape"], after["seen_in"]) == ("java (pid 10)", "insufficient", "reports")
    assert after["grown_bytes"] == (42_000 + 100 + 5_000) * 4096 and after["from_s"] == -600
    assert after["inevitable_from_s"] is None and after["words"][0] == "two_reports"
    start, end, slope, low, shape = after["series"]["java (pid 10)"]
    assert (start, end, slope, low, shape) == (50_000, 92_000, pytest.approx(42_000 * 4096 / 600), None, "insufficient")
    assert after["series"]["new (pid 13)"][:2] == [0, 5_000]
    assert "gone (pid 12)" not in after["series"]
    assert "since the report 600 s before this one, from 195.3 MiB to 359.4 MiB" in after["text"]


def test_the_last_straw_between_two_reports_is_no_culprit(tmp_path: Path) -> None:
    """A second after a kill, nearly all is in use still: who took the next 1,000 of 508,000 pages is chance."""
    rows = told(tmp_path, *(dmesg(at_s, anon(10, "java", 400_000), anon(11, "ls", at_s * 10)) for at_s in (100, 200)))
    assert rows[1]["culprit"] is None and rows[1]["words"] == ["two_reports", "used_before"]
    assert rows[1]["series"]["ls (pid 11)"][:2] == [1_000, 2_000]
    assert rows[1]["text"].startswith("Only 3.9 MiB came since the report 100 s before this one: too little")


def test_an_old_kernels_table_does_not_tell_kinds_of_memory_apart(tmp_path: Path) -> None:
    texts = [dmesg(at_s, anon(10, "java", at_s * 100), anon(11, "x", 50), kernel="5.10") for at_s in (100, 200)]
    assert "shared_counted" in told(tmp_path, *texts)[1]["words"]


@pytest.mark.parametrize(
    ("first", "second", "known"),
    [
        (None, None, True), ("/a", "/a", True), (None, "/a", True),  # the whole machine's table lists the group's processes
        ("/a", None, False), ("/a", "/b", False),
    ],
)  # fmt: skip
def test_tables_that_list_other_processes_are_not_compared(
    tmp_path: Path, first: str | None, second: str | None, known: bool
) -> None:
    texts = [dmesg(at_s, anon(10, "java", at_s * 1000), memcg=memcg) for at_s, memcg in ((100, first), (200, second))]
    assert (told(tmp_path, *texts)[1]["culprit"] == "java (pid 10)") == known


@pytest.mark.parametrize("huge", [HUGE, HUGE // 4096, 2**40])
def test_pages_that_no_machine_has(tmp_path: Path, huge: int) -> None:
    texts = [
        dmesg(at_s, anon(10, "java", at_s * 1000), Task(11, "x", rss_anon=huge, rss_shmem=0, swapents=huge))
        for at_s in (100, 200)
    ]
    assert told(tmp_path, *texts)[1]["culprit"] == "java (pid 10)"


def test_another_boot_is_another_machine(tmp_path: Path) -> None:
    rows = told(tmp_path, dmesg(500, anon(10, "java", 100)), dmesg(60, anon(10, "java", 90_000)))
    assert [row["culprit"] for row in rows] == [None, None]


def test_a_table_that_lost_rows_is_no_beginning(tmp_path: Path) -> None:
    """Who is missing in it may have been there."""
    first = dmesg(100, anon(10, "java", 100), anon(11, "nginx", 30_000)).splitlines(keepends=True)
    row = next(n for n, line in enumerate(first) if line.rstrip().endswith("0 nginx"))
    first[row] = first[row][:40] + "\n"
    rows = told(tmp_path, "".join(first), dmesg(200, anon(10, "java", 200), anon(11, "nginx", 30_000)))
    assert rows[1]["culprit"] is None


def test_the_last_report_before_counts(tmp_path: Path) -> None:
    rows = told(tmp_path, *(dmesg(at_s, anon(10, "java", at_s * 10)) for at_s in (100, 200, 300, 900)))
    assert [row["from_s"] for row in rows] == [None, -100, -100, -600]
