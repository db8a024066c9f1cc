"""Real kills in small cgroups of this machine, and what the recorder has of them.

Needs root and cgroup v1's memory controller. OOMFORENSICS_KILLS sets how many (10; the whole proof takes 100).
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from oomforensics.capture.options import Options
from oomforensics.capture.samples import (
    Event,
    Header,
    KernelRecords,
    Note,
    ProcessIdentity,
    ProcessSample,
    ProcessSnapshot,
    Sample,
)
from tests.support import memcg

KILLS = int(os.environ.get("OOMFORENSICS_KILLS", "10"))
_AT_ONCE = 2
_LIMIT_MIB = 40
_INTERVAL_NS = 1_000_000_000

pytestmark = pytest.mark.skipif(memcg.lacking() is not None, reason=f"no kills on this machine: {memcg.lacking()}")


def lab(name: str) -> str:
    return f"oomforensics-{os.getpid()}-{name}"


def events(found: list[Sample], folder: Path) -> list[Event]:
    return [sample for sample in found if isinstance(sample, Event) and sample.folder == str(folder)]


def alive(found: list[Sample], pid: int) -> list[tuple[int, ProcessSample]]:
    """When snapshots were taken that saw a process with its memory, and what it held then."""
    seen, now = [], None
    for sample in found:
        if isinstance(sample, ProcessSnapshot):
            now = next((one for one in sample.changed if one.pid == pid), now)
            if any(gone == pid for gone, _ in sample.gone):
                now = None
            if now is not None and now.rss_anon_kb:
                seen.append((sample.mono_ns, now))
    return seen


def test_every_kill_is_recorded_with_the_victims_last_second(tmp_path: Path) -> None:
    died: dict[Path, tuple[int, int]] = {}
    with ExitStack() as groups:
        recorder = memcg.start(Options(str(tmp_path)))
        groups.callback(recorder.kill)
        for first in range(0, KILLS, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, KILLS))
            folders = [groups.enter_context(memcg.group(lab(f"kill-{number}"), _LIMIT_MIB)) for number in numbers]
            hogs = [memcg.hog(folder) for folder in folders]
            for folder, victim in zip(folders, hogs, strict=True):
                assert victim.wait(timeout=60) == -9
                died[folder] = victim.pid, time.monotonic_ns()
        time.sleep(1)
        code, said = memcg.stop(recorder)
    assert code == 0, said
    found, losses = memcg.recorded(tmp_path)
    assert losses.torn_bytes == losses.damaged_bytes == losses.undecodable_frames == losses.missing_frames == 0
    assert len(died) == KILLS
    command_lines = {sample.pid: sample.cmdline for sample in found if isinstance(sample, ProcessIdentity)}
    for folder, (pid, reaped_ns) in died.items():
        told = [event for event in events(found, folder) if event.cause == "memory.oom_control"]
        assert [event.what for event in told].count("oom_kill") >= 1, told
        assert next(event for event in told if event.what == "oom_kill").oom
        last_ns, last = alive([sample for sample in found if sample.mono_ns <= reaped_ns], pid)[-1]
        assert reaped_ns - last_ns <= _INTERVAL_NS
        assert last.rss_anon_kb is not None and last.rss_anon_kb > _LIMIT_MIB * 1024 * 0.6
        assert str(folder).encode() in command_lines[pid]
    records = b"".join(record for one in found if isinstance(one, KernelRecords) for record in one.records)
    assert b"Killed process %d " % next(iter(died.values()))[0] in records


def test_a_removed_cgroup_is_no_oom(tmp_path: Path) -> None:
    with memcg.group(lab("removed"), _LIMIT_MIB) as folder:
        recorder = memcg.start(Options(str(tmp_path), "cgroup", str(folder)))
        inner = folder / "inner"
        inner.mkdir()
        time.sleep(0.5)
        inner.rmdir()
        time.sleep(0.5)
        code, said = memcg.stop(recorder)
    assert code == 0 and "; 0 OOM events" in said
    found, _ = memcg.recorded(tmp_path)
    # Whoever else runs out of memory meanwhile is told by /proc/vmstat, which names no folder.
    assert not [one for one in found if isinstance(one, Event) and one.oom and one.folder is not None]
    assert {event.what for event in events(found, inner)} <= {"cgroup_removed"}


def test_an_oom_in_a_cgroup_that_is_gone_before_we_look(tmp_path: Path) -> None:
    """As a container that is removed as soon as its process is dead, on a machine that is short of CPU."""
    with memcg.group(lab("brief"), _LIMIT_MIB) as folder:
        recorder = memcg.start(Options(str(tmp_path)))
        recorder.send_signal(signal.SIGSTOP)
        assert memcg.hog(folder).wait(timeout=60) == -9
        memcg.remove(folder)
        recorder.send_signal(signal.SIGCONT)
        time.sleep(1)
        code, said = memcg.stop(recorder)
    assert code == 0, said
    found, _ = memcg.recorded(tmp_path)
    assert [event.what for event in events(found, folder) if event.oom] == ["oom_then_removed"]


def test_tasks_that_wait_for_memory_are_named_until_they_need_not_wait(tmp_path: Path) -> None:
    with memcg.group(lab("waiting"), _LIMIT_MIB) as folder:
        (folder / "memory.oom_control").write_text("1")
        recorder = memcg.start(Options(str(tmp_path), "cgroup", str(folder)))
        waiting = memcg.hog(folder)
        for _ in range(500):
            if "under_oom 1" in (folder / "memory.oom_control").read_text():
                break
            time.sleep(0.02)
        time.sleep(1)
        waiting.kill()
        waiting.wait(timeout=10)
        time.sleep(1.5)
        code, said = memcg.stop(recorder)
    assert code == 0, said
    found, _ = memcg.recorded(tmp_path)
    told = [event for event in events(found, folder) if event.cause == "memory.oom_control"]
    under = next(event for event in told if event.what == "under_oom")
    assert under.oom
    assert b" %d (python" % waiting.pid in under.files["waiting"]
    assert any(event.what == "under_oom_cleared" for event in told)
    assert not any(event.what == "oom_kill" for event in told)


def test_until_oom_ends_by_itself(tmp_path: Path) -> None:
    with memcg.group(lab("until"), _LIMIT_MIB) as folder:
        recorder = memcg.start(Options(str(tmp_path), "cgroup", str(folder), until_oom=True, then_s=0.5))
        victim = memcg.hog(folder)
        assert victim.wait(timeout=60) == -9
        code, said = memcg.finished(recorder)
    assert code == 0 and "an OOM was recorded" in said
    found, _ = memcg.recorded(tmp_path)
    kill = next(event for event in events(found, folder) if event.what == "oom_kill")
    stopped = next(sample for sample in found if isinstance(sample, Note) and "stopped" in sample.text)
    assert stopped.mono_ns - kill.mono_ns >= 500_000_000 - 1_000_000
    # A target means its own processes: nobody else's are in the spool.
    known = {sample.pid for sample in found if isinstance(sample, ProcessIdentity)}
    assert victim.pid in known and recorder.pid not in known


def test_an_oom_of_an_ancestor_is_told_of_the_cgroup_that_lost_somebody(tmp_path: Path) -> None:
    with memcg.group(lab("outer"), _LIMIT_MIB) as outer:
        recorder = memcg.start(Options(str(tmp_path), "cgroup", outer.name))
        with (
            memcg.group(f"{outer.name}/loses", None) as loses,
            memcg.group(f"{outer.name}/bystander", None) as bystander,
        ):
            idle = memcg.hog(bystander, pause_s=1000)
            victim = memcg.hog(loses)
            assert victim.wait(timeout=60) == -9
            time.sleep(1)
            idle.kill()
            idle.wait()
        code, said = memcg.stop(recorder)
    assert code == 0, said
    found, _ = memcg.recorded(tmp_path)
    assert "oom_kill" in {event.what for event in events(found, loses)}
    assert "oom_kill" not in {event.what for event in events(found, bystander)}


@pytest.mark.parametrize("kind", ["pid", "unit"])
def test_targets_are_found_in_the_cgroup_tree(tmp_path: Path, kind: str) -> None:
    with memcg.group(lab("target") + ".service", 64) as folder:
        task = memcg.hog(folder, pause_s=1000)
        for _ in range(200):
            if str(task.pid) in (folder / "cgroup.procs").read_text().split():
                break
            time.sleep(0.02)
        name = str(task.pid) if kind == "pid" else folder.name
        recorder = memcg.start(Options(str(tmp_path), kind, name, interval_s=0.1))
        time.sleep(0.5)
        code, said = memcg.stop(recorder)
        task.kill()
        task.wait()
    assert code == 0, said
    found, _ = memcg.recorded(tmp_path)
    assert {sample.pid for sample in found if isinstance(sample, ProcessIdentity)} == {task.pid}
    header = next(sample for sample in found if isinstance(sample, Header))
    assert name in header.target
    assert len([sample for sample in found if isinstance(sample, ProcessSnapshot)]) >= 3
