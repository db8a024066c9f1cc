"""The recorder over a /proc of files and a clock that is turned by hand: what goes in comes out of the spool."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomforensics.capture import frame
from oomforensics.capture.decode import samples
from oomforensics.capture.frame import Frame
from oomforensics.capture.options import Options, from_argv
from oomforensics.capture.read import Located, Losses, read
from oomforensics.capture.recorder import Recorder
from oomforensics.capture.samples import (
    Event,
    Header,
    Note,
    ProcessIdentity,
    ProcessSample,
    ProcessSnapshot,
    Sample,
    SystemSample,
)
from tests.support.proc_tree import ProcTree

S = 1_000_000_000
UNKNOWN_KIND = 200  # of frame: passed over, but it fills a segment


class Clock:
    def __init__(self) -> None:
        self.ns = 100 * S

    def __call__(self) -> int:
        return self.ns


class Stage:
    """A recorder, what it looks at, and what it wrote."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.clock = Clock()
        self.proc = ProcTree(folder / "proc")
        self.spool = folder / "spool"
        self.options = Options(str(self.spool), kmsg=str(folder / "no-kmsg"), **options)  # type: ignore[arg-type]

    def begin(self) -> Recorder:
        self.recorder = Recorder(self.options, str(self.proc.root), self.clock)
        return self.recorder

    def pass_time(self, seconds: float = 1.0) -> None:
        self.clock.ns += int(seconds * S)
        self.recorder.work()

    def end(self) -> list[Sample]:
        self.recorder.close()
        losses = Losses()
        found = list(samples(read(self.spool, losses), losses))
        assert losses == Losses()
        return found


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def snapshots(found: list[Sample]) -> list[ProcessSnapshot]:
    return [sample for sample in found if isinstance(sample, ProcessSnapshot)]


def changed(snapshot: ProcessSnapshot) -> dict[int, ProcessSample]:
    return {one.pid: one for one in snapshot.changed}


def test_every_value_of_a_process_comes_back(stage: Stage) -> None:
    stage.proc.process(7, anon=8000, file=800, shmem=80, swap=16, pte=60, adj=-500, score=333, starttime=4711)
    stage.begin()
    stage.pass_time()
    [first] = snapshots(stage.end())
    assert first.complete and first.known == 1 and first.appeared == ((7, 4711),)
    assert first.changed == (ProcessSample(first.mono_ns, 7, 4711, 17760, 8000, 800, 80, 60, 16, -500, 333),)


def test_only_what_changed_is_written_again(stage: Stage) -> None:
    for pid in (7, 8, 9):
        stage.proc.process(pid)
    stage.begin()
    stage.pass_time()
    stage.proc.process(8, anon=9000)
    stage.pass_time()
    stage.proc.end(9)
    stage.proc.process(10, anon=123, starttime=77)
    stage.pass_time()
    first, second, third = snapshots(stage.end())
    assert set(changed(first)) == {7, 8, 9}
    assert set(changed(second)) == {8} and changed(second)[8].rss_anon_kb == 9000
    assert third.gone == ((9, 1000),) and third.appeared == ((10, 77),)
    assert set(changed(third)) == {10} and changed(third)[10].rss_anon_kb == 123


def test_a_changed_oom_score_adj_is_seen_though_the_size_is_the_same(stage: Stage) -> None:
    stage.proc.process(7)
    stage.begin()
    stage.pass_time()
    stage.proc.process(7, adj=900)
    for _ in range(40):
        stage.pass_time()
    seen = [changed(one)[7].oom_score_adj for one in snapshots(stage.end()) if 7 in changed(one) and not one.complete]
    assert seen == [900]


def test_values_come_in_full_every_minute(stage: Stage) -> None:
    stage.proc.process(7)
    stage.begin()
    for _ in range(125):
        stage.pass_time()
    full = [number for number, one in enumerate(snapshots(stage.end())) if one.complete]
    assert full == [0, 60, 120]


def test_who_a_process_is_is_told_once_and_again_when_its_name_changes(stage: Stage) -> None:
    stage.proc.process(7, "bash")
    stage.begin()
    stage.pass_time()
    stage.pass_time()
    stage.proc.process(7, "java", anon=90_000)
    stage.pass_time()
    told = [sample for sample in stage.end() if isinstance(sample, ProcessIdentity)]
    assert [(one.pid, one.comm, one.cmdline) for one in told] == [
        (7, b"bash", b"/usr/bin/bash\0--number\0" + b"7\0"),
        (7, b"java", b"/usr/bin/java\0--number\0" + b"7\0"),
    ]
    assert told[0].cgroup == b"0::/system.slice/bash.service\n" and told[0].ppid == 1


def test_an_exec_that_keeps_the_name_is_seen_too(stage: Stage) -> None:
    stage.proc.process(7, "python")
    stage.begin()
    stage.pass_time()
    (stage.proc.root / "7/cmdline").write_bytes(b"python\0-m\0eater\0")
    stage.pass_time()
    stage.pass_time()
    told = [sample.cmdline for sample in stage.end() if isinstance(sample, ProcessIdentity)]
    assert told == [b"/usr/bin/python\0--number\0" + b"7\0", b"python\0-m\0eater\0"]


def test_a_process_that_ends_keeps_its_command_line(stage: Stage) -> None:
    stage.proc.process(7, "java")
    stage.begin()
    stage.pass_time()
    stage.proc.process(7, "java", anon=0)
    (stage.proc.root / "7/cmdline").write_bytes(b"")
    for _ in range(3):
        stage.pass_time()
    assert len([sample for sample in stage.end() if isinstance(sample, ProcessIdentity)]) == 1


def test_names_may_hold_anything(stage: Stage) -> None:
    stage.proc.process(7, "a) S 1 (b")
    stage.begin()
    stage.pass_time()
    [told] = [sample for sample in stage.end() if isinstance(sample, ProcessIdentity)]
    assert told.comm == b"a) S 1 (b" and told.starttime == 1000


def test_kernel_threads_are_left_out(stage: Stage) -> None:
    stage.proc.kernel_thread(2)
    stage.proc.process(7)
    stage.begin()
    stage.pass_time()
    found = stage.end()
    assert set(changed(snapshots(found)[0])) == {7}
    assert {sample.pid for sample in found if isinstance(sample, ProcessIdentity)} == {7}


def test_what_an_old_kernel_does_not_show_is_unknown_not_zero(stage: Stage) -> None:
    stage.proc.process(7, anon=4000, file=400, shmem=0)
    status = stage.proc.root / "7/status"
    status.write_text("".join(line for line in status.read_text().splitlines(True) if not line.startswith("Rss")))
    (stage.proc.root / "7/oom_score").unlink()
    stage.begin()
    stage.pass_time()
    value = changed(snapshots(stage.end())[0])[7]
    assert (value.rss_anon_kb, value.rss_file_kb, value.rss_shmem_kb, value.oom_score) == (4000, 400, None, None)


def test_a_new_segment_stands_on_its_own(tmp_path: Path) -> None:
    stage = Stage(tmp_path, max_size=1 << 20)
    for pid in range(100, 400):
        stage.proc.process(pid, anon=pid * 4)
    stage.begin()
    while stage.recorder.spool.number < 3:
        stage.proc.process(100, anon=stage.recorder.spool.total)
        stage.recorder.spool.write(UNKNOWN_KIND, os.urandom(20_000), stage.clock())
        stage.pass_time()
    stage.end()
    losses = Losses()
    alone = list(samples(read(stage.spool / "00000002.oomspool", losses), losses))
    assert losses == Losses()
    assert isinstance(alone[0], Header)
    assert snapshots(alone)[0].complete and len(snapshots(alone)[0].changed) == 300
    assert {sample.pid for sample in alone if isinstance(sample, ProcessIdentity)} == set(range(100, 400))


def test_memory_that_runs_out_is_looked_at_closely(stage: Stage) -> None:
    stage.proc.process(7)
    stage.begin()
    stage.pass_time()
    for step in range(1, 9):
        stage.proc.memory(4_000_000 - step * 400_000)
        stage.pass_time()
    last = snapshots(stage.end())[-1]
    assert last.reason == "headroom" and last.planned_us == 100_000  # 800 MB left at 400 MB/s: 2 s for 20 looks


def test_memory_that_has_run_out_falls_no_further_and_is_still_looked_at_closely(stage: Stage) -> None:
    """As a guest of Linux 7.2 showed: MemAvailable had stood still for 200 ms when the kernel killed."""
    stage.begin()
    for free_kb in (1_600_000, 1_200_000, 800_000, 100, 100, 100):
        stage.proc.memory(free_kb)
        stage.pass_time()
    for _ in range(200):
        stage.pass_time(0.05)
    *before, last = snapshots(stage.end())
    assert [one.reason for one in before[4:8]] == ["headroom"] * 4
    assert last.reason == "steady"  # a machine that lives on is not looked at closely for ever


def test_the_kernels_own_count_of_kills_is_the_last_resort(tmp_path: Path) -> None:
    stage = Stage(tmp_path, until_oom=True, then_s=3.0)
    stage.begin()
    stage.pass_time()
    stage.proc.vmstat(1)
    stage.pass_time()
    for _ in range(30):
        stage.pass_time(0.1)
    assert stage.recorder.run() == "an OOM was recorded"
    found = stage.end()
    assert [(one.what, one.cause, one.oom) for one in found if isinstance(one, Event)] == [("oom_kill", "vmstat", True)]
    assert isinstance(found[-1], Note) and found[-1].text == "stopped: an OOM was recorded"


def test_a_duration_ends_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, duration_s=3.0)
    stage.begin()
    for _ in range(3):
        stage.pass_time()
    assert stage.recorder.run() == "duration"
    assert len(snapshots(stage.end())) == 3


def test_what_is_missing_is_in_the_header(stage: Stage) -> None:
    stage.begin()
    header = stage.end()[0]
    assert isinstance(header, Header)
    told = " ".join(header.missing)
    assert "/dev/kmsg" in told and "pressure/memory" in told and "no memory controller" in told
    assert header.page_size and header.clock_ticks and header.wall_ns and header.target == "system"


def test_system_files_come_back_whole(stage: Stage) -> None:
    stage.begin()
    for step in range(3):
        stage.proc.memory(1000 * step)
        stage.pass_time()
    found = [sample for sample in stage.end() if isinstance(sample, SystemSample)]
    assert [b"MemAvailable:   %d kB" % (1000 * step) in one.files["meminfo"] for step, one in enumerate(found)] == [
        True
    ] * 3
    assert found[0].wall_ns is not None


def test_a_storm_of_processes_waits_its_turn(stage: Stage) -> None:
    for pid in range(1000, 1600):
        stage.proc.process(pid)
    stage.begin()
    stage.pass_time()
    stage.recorder.spool.flush()  # a thread of its own writes
    one_step = [sample for sample in samples(read(stage.spool)) if isinstance(sample, ProcessIdentity)]
    stage.pass_time()
    stage.pass_time()
    told = {sample.pid for sample in stage.end() if isinstance(sample, ProcessIdentity)}
    assert len(one_step) == 256 and told == set(range(1000, 1600))


def test_slow_reads_end_a_step_early_and_the_next_goes_on(stage: Stage) -> None:
    for pid in range(1000, 1600):
        stage.proc.process(pid)
    recorder = stage.begin()
    stage.pass_time()

    def slow() -> int:
        stage.clock.ns += S // 10
        return stage.clock.ns

    for pid in range(1000, 1600):
        stage.proc.process(pid, anon=5000)
    recorder._clock = slow
    recorder.step(None)
    recorder._clock = stage.clock
    stage.pass_time(5)
    _, second, third = snapshots(stage.end())
    assert second.unread > 0
    assert len(changed(second)) < 600
    assert set(changed(second)) | set(changed(third)) >= set(range(1000, 1600))


def test_a_look_that_was_held_up_once_is_no_reason_to_look_away(stage: Stage) -> None:
    recorder = stage.begin()
    for _ in range(3):
        stage.pass_time()

    def held_up() -> int:
        stage.clock.ns += S
        return stage.clock.ns

    planned = []
    for _ in range(2):
        recorder._clock = held_up
        recorder.step(None)
        recorder._clock = stage.clock
        planned.append(recorder._next_ns - recorder._last_ns)
    assert planned[0] == S < planned[1]
    stage.end()


def test_an_event_does_not_wait_for_the_end_of_a_look(stage: Stage, tmp_path: Path) -> None:
    group = tmp_path / "cgroups"
    group.mkdir()
    (group / "cgroup.controllers").write_text("memory\n")
    (group / "memory.events").write_text("max 0\noom_kill 0\n")
    (stage.proc.root / "self/mountinfo").write_text(f"25 1 0:23 / {group} rw - cgroup2 cgroup2 rw\n")
    for pid in range(1000, 1600):
        stage.proc.process(pid)
    recorder = stage.begin()
    stage.pass_time()

    def passing() -> int:
        """A kill in the midst of the first 128 processes; 1 ms passes from one reading of the clock to the next."""
        stage.clock.ns += S // 1000
        if stage.clock.ns == killed_ns:
            (group / "memory.events").write_text("max 0\noom_kill 1\n")
        return stage.clock.ns

    begun_ns = stage.clock.ns
    killed_ns = begun_ns + 2 * S // 1000
    recorder._clock = passing
    recorder.step(None)
    ended_ns = stage.clock.ns
    recorder._clock = stage.clock
    found = stage.end()
    told = next(one for one in found if isinstance(one, Event))
    assert (told.what, told.cause, told.folder) == ("oom_kill", "memory.events", str(group))
    assert told.files["memory.events"] == b"max 0\noom_kill 1\n"
    assert killed_ns <= told.mono_ns < ended_ns - 3 * S // 1000
    assert found.index(told) < found.index(snapshots(found)[1])  # written while the look went on


def test_an_oom_that_one_source_knows_is_asked_of_the_others(stage: Stage, tmp_path: Path) -> None:
    """As the kernel holds back word of a file that changed just before: here nobody is told of it at all."""
    group = tmp_path / "cgroups"
    group.mkdir()
    (group / "cgroup.controllers").write_text("memory\n")
    events = group / "memory.events"
    events.write_text("max 0\noom_kill 0\n")
    (stage.proc.root / "self/mountinfo").write_text(f"25 1 0:23 / {group} rw - cgroup2 cgroup2 rw\n")
    recorder = stage.begin()
    events.write_text("max 1\noom_kill 0\n")
    recorder.round()
    assert recorder._inotify is not None
    recorder._epoll.unregister(recorder._inotify.fd)
    stage.pass_time()
    events.write_text("max 2\noom_kill 1\n")
    stage.proc.vmstat(1)
    stage.pass_time()
    told = [(one.what, one.cause) for one in stage.end() if isinstance(one, Event)]
    assert told == [("max", "memory.events"), ("oom_kill", "vmstat"), ("oom_kill", "memory.events")]


def test_thresholds_of_cgroup_v1_follow_a_limit_that_comes_later(stage: Stage, tmp_path: Path) -> None:
    """A cgroup is made first, and gets its limit then."""
    group = tmp_path / "memory"
    group.mkdir()
    for name, text in (("usage_in_bytes", "4096"), ("oom_control", "under_oom 0\noom_kill 0"), ("pressure_level", "")):
        (group / f"memory.{name}").write_text(f"{text}\n")
    control, limit = group / "cgroup.event_control", group / "memory.limit_in_bytes"
    control.write_text("")
    limit.write_text("9223372036854771712\n")
    (stage.proc.root / "self/mountinfo").write_text(f"25 1 0:23 / {group} rw - cgroup cgroup rw,memory\n")
    stage.begin()
    stage.pass_time()
    assert b"990000" not in control.read_bytes()
    limit.write_text("1000000\n")
    (group / "memory.usage_in_bytes").write_text("8192\n")
    stage.pass_time()
    assert b" 990000" in control.read_bytes()
    stage.end()


def test_a_new_cgroup_is_looked_at_closely_until_it_is_as_old_as_the_interval(stage: Stage, tmp_path: Path) -> None:
    """A container that starts, and is killed in its first second."""
    group = tmp_path / "memory"
    group.mkdir()
    (stage.proc.root / "self/mountinfo").write_text(f"25 1 0:23 / {group} rw - cgroup cgroup rw,memory\n")
    stage.begin()
    stage.pass_time()
    stage.pass_time(0.3)
    (group / "container").mkdir()
    stage.recorder.round()
    for _ in range(500):
        stage.pass_time(0.01)
    found = snapshots(stage.end())
    ages_s = [round((one.mono_ns - found[0].mono_ns) / S - 0.3, 2) for one in found[1:]]
    assert ages_s == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.6, 3.6, 4.6]
    assert [one.reason for one in found[1:6]] == ["new"] * 5 and found[6].reason == "steady"


def test_differences_without_their_base_are_not_believed() -> None:
    raw = Frame(frame.PROCESSES, 0, 3, 0, bytes(40))
    losses = Losses()
    assert list(samples([Located("1", 0, raw, False)], losses)) == []
    assert losses.undecodable_frames == 1


@given(
    kind=st.integers(0, 12),
    flags=st.sampled_from([0, frame.KEY, frame.OOM]),
    payload=st.binary(max_size=200)
    | st.builds(lambda a, b: b"%d memory.stat %d\n" % (a, b) + b"x" * 20, st.integers(0, 9), st.integers(0, 30))
    | st.builds(lambda head, rest: head + rest, st.just(bytes(28)), st.binary(max_size=40)),
)
def test_any_payload_is_decoded_or_counted(kind: int, flags: int, payload: bytes) -> None:
    losses = Losses()
    one = Located("1", 0, Frame(kind, flags, 0, 0, payload), False)
    assert len(list(samples([one], losses))) <= 200 and losses.undecodable_frames <= 1


@pytest.mark.parametrize(
    "options",
    [
        Options("/spool", "cgroup", "/a b\nc", 0.25, 7.5, True, 0.0, 1 << 30),
        Options("/spool"),
    ],
)
def test_options_survive_the_way_to_the_recorder(options: Options) -> None:
    back = from_argv(options.argv())
    assert all(getattr(back, name) == getattr(options, name) for name in Options.__slots__)
