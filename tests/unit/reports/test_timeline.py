"""The time line from logs of which every distance is set by hand."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import duckdb
import pytest

from oomforensics.ingest import ingest
from oomforensics.reports import timefigure
from oomforensics.reports.load import load
from oomforensics.reports.recorded import Curve, Recorded
from oomforensics.reports.timeline import Moment, Timeline, moment_at, sentence
from tests.support.samples import FIXTURES

NODE = FIXTURES / "witnesses" / "kubernetes-node.log"


def history(folder: Path, *sources: Path) -> duckdb.DuckDBPyConnection:
    ingest([str(source) for source in sources], db=folder / "h.duckdb", timezone=UTC)
    return duckdb.connect(str(folder / "h.duckdb"), read_only=True)


def line_of(con: duckdb.DuckDBPyConnection, where: str = "true") -> Timeline:
    ((incident,),) = con.execute(f"SELECT incident_id FROM incidents WHERE {where}").fetchall()
    line = load(con, incident).timeline
    assert line is not None
    return line


def test_witnesses_of_a_kill_stand_where_their_clocks_say(tmp_path: Path) -> None:
    """The node's log says 10:00:00.1 at the report and .577, .7, .8 and 1.0 s at those who tell of it."""
    line = line_of(history(tmp_path, NODE))
    assert [(moment.at_s, moment.who, moment.says, moment.line) for moment in line.moments] == [
        (0.0, "kernel", "report", 1),
        (0.01, "kernel", "kill", 2),
        (pytest.approx(0.478, abs=1e-3), "containerd", "claim", 3),
        (0.6, "systemd", "claim", 4),
        (0.7, "kubelet", "claim", 5),
        (0.9, "conmon", "claim", 6),
    ]
    assert all(moment.own for moment in line.moments) and line.left_out == 0 and line.tells_more


def _log(host: str, clock: str, pid: int, comm: str) -> str:
    return (
        f"2026-05-01T{clock}+00:00 {host} kernel: oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,"
        f"mems_allowed=0,global_oom,task_memcg=/,task={comm},pid={pid},uid=0\n"
        f"2026-05-01T{clock}+00:00 {host} kernel: Out of memory: Killed process {pid} ({comm}) total-vm:9000kB, "
        "anon-rss:8000kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:40kB oom_score_adj:0\n"
    )


def test_neighbours_are_those_of_the_host_within_minutes(tmp_path: Path) -> None:
    texts = {
        "a": _log("db1", "10:00:00.000", 11, "first")
        + _log("db1", "10:04:00.000", 12, "second")
        + _log("db1", "11:00:00.000", 13, "late"),
        "b": _log("db2", "10:00:01.000", 21, "elsewhere"),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    con = history(tmp_path, tmp_path / "a", tmp_path / "b")
    line = line_of(con, "victim_comm = 'second'")
    assert [(moment.at_s, moment.own, moment.text.split(",")[0]) for moment in line.moments] == [
        (-240.0, False, "first (pid 11) was killed"),
        (0.0, True, "the report begins"),
        (0.0, True, "second (pid 12) was killed"),
    ]
    ((first,),) = con.execute("SELECT incident_id FROM incidents WHERE victim_comm = 'first'").fetchall()
    assert line.moments[0].text.endswith(first)
    assert not line_of(con, "victim_comm = 'late'").tells_more


def test_the_kernels_stamps_count_before_a_syslog_that_is_late(tmp_path: Path) -> None:
    """Without a boot's id a log is of one boot as long as both of its clocks tell about the same distance."""

    def lines(clock: str, up_s: float, pid: int) -> str:
        head = f"Jun 20 {clock} db1 kernel: [{up_s:15.6f}]"
        late = f"Jun 20 12:47:42 db1 kernel: [{up_s + 14:15.6f}]"
        return (
            f"{head} php-fpm invoked oom-killer: gfp_mask=0x201da, order=0, oom_adj=0, oom_score_adj=0\n"
            f"{late} Out of memory: Kill process {pid} (php-fpm) score 6 or sacrifice child\n"
            f"{late} Killed process {pid}, UID 1002, (php-fpm) total-vm:9kB, "
            "anon-rss:8kB, file-rss:1kB\n"
        )

    (tmp_path / "a").write_text(
        lines("12:47:21", 15180302.2, 10) + lines("12:47:42", 15180321.7, 11) + lines("12:47:42", 99.0, 12)
    )
    con = history(tmp_path, tmp_path / "a")
    kills = {moment.text.split(",")[0][-18:]: moment.at_s for moment in line_of(con, "victim_pid = 10").moments[1:]}
    assert kills["(pid 10) was killed"[-18:]] == pytest.approx(14.0)
    assert kills["(pid 11) was killed"[-18:]] == pytest.approx(33.5)
    assert kills["(pid 12) was killed"[-18:]] == pytest.approx(21.0), "of another boot: the clock on the wall"


def test_a_storm_is_cut_to_the_nearest_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(
        "".join(_log("db1", f"10:00:{n // 10:02d}.{n % 10}00", 100 + n, f"w{n}") for n in range(300))
    )
    line = line_of(history(tmp_path, tmp_path / "a"), "victim_comm = 'w0'")
    assert len(line.moments) == 201 and line.left_out == 100
    assert line.timed[-1].at_s == 19.9


def test_a_moment_without_a_clock_is_told_last_and_not_drawn() -> None:
    known = Moment(0.5, "kernel", "kill", "a (pid 1) was killed", True, "k", 1)
    lost = Moment(None, "slurm", "claim", "oom <b>", True, "s", 9)
    line = Timeline((known, lost), 0)
    assert (moment_at(known), moment_at(lost)) == ("+0.500 s", "?")
    assert sentence(lost) == "?, slurm, says that it was killed: oom <b>"
    drawn = timefigure.figure(line, None)
    assert [list(trace["x"]) for trace in drawn["data"]] == [[0.5]]
    assert "<b>" not in str(drawn["data"])


@pytest.mark.parametrize(
    ("at_s", "told"), [(-59.9996, "-60.000 s"), (-61, "-1 min 1 s"), (0, "+0.000 s"), (600, "+10 min 0 s")]
)
def test_distances_are_told_in_seconds_then_minutes(at_s: float, told: str) -> None:
    assert moment_at(Moment(at_s, "kernel", "kill", "", True, "k", 1)) == told


def test_many_writers_share_the_last_lane() -> None:
    moments = [Moment(0.1 * n, f"p{n}", "warning", "", True, "k", n) for n in range(12)]
    moments += [Moment(2.0, "kernel", "kill", "", True, "k", 99)]
    line = Timeline(tuple(moments), 0)
    assert line.lanes == ("kernel", "p0", "p1", "p10", "p11", "p2", "p3", "others")
    warnings = next(trace for trace in timefigure.figure(line, None)["data"] if trace["meta"]["part"] == "says-warning")
    assert sorted(warnings["y"]) == [1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7]


def test_the_picture_shows_the_recorded_minutes_and_the_list_the_rest() -> None:
    curve = Curve("killed", "a 1", 1, ((-4.0, 100), (0.5, 200)))
    seen = Recorded((curve,), ((-4.0, 0.0), (0.0, 30.0)), 1000.0, 0.01)
    moments = [Moment(at_s, "kernel", "kill", "", True, "k", 1) for at_s in (-300.0, 0.01, 5.0, 200.0)]
    drawn = timefigure.figure(Timeline(tuple(moments), 0), seen)
    begin, end = drawn["layout"]["xaxis"]["range"]
    assert begin == -4.0 and 5.0 < end < 10.0
    marks = [list(trace["x"]) for trace in drawn["data"] if trace.get("mode") == "markers"]
    assert marks == [[0.01, 5.0]]
    axes = {trace["meta"]["part"]: trace.get("yaxis", "y") for trace in drawn["data"]}
    assert axes == {"says-kill": "y", "killed": "y3", "pressure": "y2"}
    domains = [drawn["layout"][name]["domain"] for name in ("yaxis", "yaxis2", "yaxis3")]
    assert domains == sorted(domains) and all(low < high for low, high in domains) and domains[-1][1] == 1.0
