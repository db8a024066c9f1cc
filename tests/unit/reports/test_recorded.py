"""The last minutes of an incident from recordings that no kernel makes on demand."""

from __future__ import annotations

import duckdb
import pytest

from oomforensics.reports import recorded
from oomforensics.reports.load import load
from tests.unit.reports import report_samples as samples

BOOT = "5" * 32
AT_S = 1000.0  # of the report, by the kernel's stamps and by the recorder's clock


def segment(con: duckdb.DuckDBPyConnection, name: str, began_s: float, ended_s: float) -> None:
    samples.insert(
        con, "segments", segment_id=name, source=name, host="mail-02", boot_id=BOOT, kernel_release="6.1.0", page_size=4096,
        interval_us=1_000_000, target="system", began_us=int(began_s * 1e6), ended_us=int(ended_s * 1e6), wall_offset_us=0,
        kmsg_offset_us=0, kmsg_spread_us=2000, watched=[], missing=[], notes=[], torn_bytes=0, damaged_bytes=0,
        missing_frames=0, undecodable_frames=0,
    )  # fmt: skip


def sample(
    con: duckdb.DuckDBPyConnection,
    name: str,
    at_s: float,
    pid: int,
    rss_kb: int | None,
    *,
    look: bool = True,
    comm: str = "p",
) -> None:
    """None: it is gone. A look tells what has changed."""
    mono_us = int((AT_S + at_s) * 1e6)
    if look:
        samples.insert(con, "snapshots", segment_id=name, mono_us=mono_us, known=3, unread=0, complete=False)
    samples.insert(
        con, "process_samples", segment_id=name, mono_us=mono_us, pid=pid, starttime=7, gone=rss_kb is None, rss_anon_kb=rss_kb,
        rss_file_kb=0, rss_shmem_kb=0, swap_kb=0 if rss_kb is not None else None,
    )  # fmt: skip
    samples.insert(
        con,
        "process_identities",
        segment_id=name,
        mono_us=mono_us,
        pid=pid,
        starttime=7,
        comm=comm,
        cmdline=f"{comm} --of {pid}",
    )


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    made = samples.history()
    incident = samples.add_bare_kill(made)
    made.execute("UPDATE t_incidents SET boot_id = ?, uptime_s = ?, oom_memcg = NULL", [BOOT, AT_S])
    assert load(made, incident).recorded is None
    return made


def seen(con: duckdb.DuckDBPyConnection) -> recorded.Recorded:
    ((incident, pid),) = con.execute("SELECT incident_id, pid FROM kills").fetchall()
    found = recorded.load(con, incident, {pid}, None, None)
    assert found is not None
    return found


def victim(con: duckdb.DuckDBPyConnection) -> int:
    ((pid,),) = con.execute("SELECT pid FROM kills").fetchall()
    return int(pid)


def test_a_curve_goes_on_over_two_files(con: duckdb.DuckDBPyConnection) -> None:
    segment(con, "a", AT_S - 400, AT_S - 20)
    segment(con, "b", AT_S - 20, AT_S + 5)
    for at_s, used in ((-350, 100), (-200, 200), (-30, 300)):
        sample(con, "a", at_s, victim(con), used)
    for at_s, used in ((-20, 300), (-1, 900)):
        sample(con, "b", at_s, victim(con), used)
    (curve,) = seen(con).processes
    assert curve.role == "killed" and curve.points == (
        (-300.0, 100),
        (-200.0, 200),
        (-30.0, 300),
        (-20.0, 300),
        (-1.0, 900),
    )
    assert (curve.used_kb, curve.grown_kb, curve.grown_over_s) == (900, 600, 10.0)
    assert curve.seen_s == -1.0


def test_who_did_not_change_was_looked_at_all_the_same(con: duckdb.DuckDBPyConnection) -> None:
    segment(con, "a", AT_S - 100, AT_S + 5)
    sample(con, "a", -90, victim(con), 500)
    sample(con, "a", -0.5, 4242, 100, comm="other")
    found = {curve.pid: curve for curve in seen(con).processes}
    assert found[victim(con)].seen_s == -0.5 and found[victim(con)].grown_kb == 0
    assert found[4242].role == "large" and found[4242].cmdline == "other --of 4242"


def test_whoever_was_gone_before_is_not_among_them(con: duckdb.DuckDBPyConnection) -> None:
    segment(con, "a", AT_S - 100, AT_S + 5)
    sample(con, "a", -90, 4242, 10_000)
    sample(con, "a", -10, 4242, None)
    sample(con, "a", -1, victim(con), 500)
    assert [curve.pid for curve in seen(con).processes] == [victim(con)]


def test_no_more_than_five_others_and_no_more_points_than_can_be_seen(con: duckdb.DuckDBPyConnection) -> None:
    segment(con, "a", AT_S - 100, AT_S + 5)
    for place in range(8):
        sample(con, "a", -50, 5000 + place, 1000 * place, comm=f"n{place}")
    for step in range(1000):
        sample(con, "a", -40 + step / 25, victim(con), step, look=False)
    killed, *others = seen(con).processes
    assert [curve.pid for curve in others] == [5007, 5006, 5005, 5004, 5003]
    assert len(killed.points) <= 400 and killed.points[-1] == (-0.04, 999)


def test_a_recording_of_another_boot_or_time_says_nothing(con: duckdb.DuckDBPyConnection) -> None:
    segment(con, "later", AT_S + 20, AT_S + 30)
    segment(con, "long before", AT_S - 900, AT_S - 400)
    ((incident,),) = con.execute("SELECT incident_id FROM incidents").fetchall()
    assert recorded.load(con, incident, set(), None, None) is None
