"""`oomforensics capture` as a user runs it. Needs no root: what it may not have it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from oomforensics.capture.options import Options
from oomforensics.capture.samples import Header, Note, ProcessIdentity, ProcessSnapshot
from tests.support import memcg

TOOL = [sys.executable, "-m", "oomforensics", "capture"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TOOL, *arguments], capture_output=True, text=True, timeout=60)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One that is recording into tmp_path/spool."""
    process = subprocess.Popen([*TOOL, "--spool", str(tmp_path / "spool"), "--interval", "0.1"], stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert b"recording system into" in process.stderr.readline()
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_cleanly(tmp_path: Path, recorder: subprocess.Popen[bytes], number: signal.Signals) -> None:
    time.sleep(0.5)
    recorder.send_signal(number)
    code, said = memcg.finished(recorder)
    assert code == 0, said
    found, losses = memcg.recorded(tmp_path / "spool")
    assert losses.torn_bytes == losses.missing_frames == 0
    assert isinstance(found[0], Header)
    assert isinstance(found[-1], Note) and found[-1].text.startswith("stopped: ")
    assert len([sample for sample in found if isinstance(sample, ProcessSnapshot)]) >= 3
    told = next(sample for sample in found if isinstance(sample, ProcessIdentity) and sample.pid == os.getpid())
    assert told.cmdline == Path("/proc/self/cmdline").read_bytes()[:4096]


def test_a_recorder_that_is_killed_leaves_what_it_wrote(tmp_path: Path, recorder: subprocess.Popen[bytes]) -> None:
    time.sleep(0.5)
    recorder.kill()
    recorder.wait()
    found, losses = memcg.recorded(tmp_path / "spool")
    assert losses.undecodable_frames == losses.damaged_bytes == 0
    assert [sample for sample in found if isinstance(sample, ProcessSnapshot)]
    assert run("--spool", str(tmp_path / "spool"), "--duration", "0.2").returncode == 0


def test_a_second_recorder_is_refused_and_status_names_the_first(
    tmp_path: Path, recorder: subprocess.Popen[bytes]
) -> None:
    spool = str(tmp_path / "spool")
    second = run("--spool", spool)
    assert second.returncode == 2 and f"pid {recorder.pid}" in second.stderr
    told = json.loads(run("--spool", spool, "--status", "--json").stdout)
    assert told["recorder_pid"] == recorder.pid and told["target"] == "system" and told["interval_us"] == 100_000
    assert told["processes"] >= 2 and told["newest_segment"]["damaged_bytes"] == 0
    assert f"recorded by process {recorder.pid}" in run("--spool", spool, "--status").stdout
    memcg.stop(recorder)
    assert json.loads(run("--spool", spool, "--status", "--json").stdout)["recorder_pid"] is None


def test_it_becomes_a_small_process(recorder: subprocess.Popen[bytes]) -> None:
    """Of the same pid: what started it can still end it. None of the analysis is in its memory."""
    time.sleep(0.3)
    maps = Path(f"/proc/{recorder.pid}/maps").read_text()
    assert "duckdb" not in maps and "numpy" not in maps
    status = dict(line.split(":", 1) for line in Path(f"/proc/{recorder.pid}/status").read_text().splitlines())
    assert int(status["VmRSS"].split()[0]) < 20 * 1024


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--unit", "a", "--pid", "1"], "one target at a time"),
        (["--then", "3"], "--then needs --until-oom"),
        (["--max-size", "1k"], "at least 1M"),
        (["--max-size", "many"], "is not a size"),
        (["--interval", "0"], "--interval"),
        (["--pid", "4194305"], "no process 4194305"),
        (["--status"], "no spool at"),
        (["--spool", "/proc/nowhere"], "/proc/nowhere"),
    ],
)
def test_wrong_usage_is_said(tmp_path: Path, arguments: list[str], said: str) -> None:
    spool = [] if "--spool" in arguments else ["--spool", str(tmp_path / "spool")]
    done = run(*spool, *arguments)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr


# Loaded as whoever runs the tests, then nobody's: it begins a process of its own and records.
_NOBODY = """
import ctypes, os, resource, sys, time
sys.path.append(sys.argv.pop(1))
from oomforensics.capture import __main__ as recorder

if os.getuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    ctypes.CDLL(None).prctl(4, 1)  # PR_SET_DUMPABLE: /proc/self is its own, as after exec
child = os.fork()
if child == 0:
    held = bytearray(b"x" * (8 << 20))
    time.sleep(60)
print(child, os.getuid(), flush=True)
code = recorder.main(sys.argv[1:])
os.kill(child, 9)
sys.exit(code)
"""


def test_without_root_ones_own_processes_are_recorded_and_what_is_lost_is_said() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        options = Options(f"{folder}/spool", interval_s=0.1, duration_s=1.0)
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _NOBODY, str(memcg.PROGRAM.parents[2]), *options.argv()],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        child, uid = map(int, done.stdout.split())
        found, _ = memcg.recorded(Path(folder) / "spool")
    (own,) = [one for one in found if isinstance(one, ProcessIdentity) and one.pid == child]
    assert own.uid == uid != 0 and own.cmdline.startswith(sys.executable.encode())
    seen = [one for look in found if isinstance(look, ProcessSnapshot) for one in look.changed if one.pid == child]
    assert (seen[-1].rss_anon_kb or 0) >= 8 << 10 and seen[-1].oom_score is not None
    others = {one.pid: one.cmdline for one in found if isinstance(one, ProcessIdentity) and one.uid != uid}
    assert os.getpid() in others or os.getuid() == uid  # what everybody may read of others it has
    assert "not here: oom_score_adj is " in done.stderr
    header = next(sample for sample in found if isinstance(sample, Header))
    assert any(one.startswith("oom:mark_victim: ") for one in header.missing)


# Steps of an interval each over a /proc of files in which processes come and go. A day is 21,600 of 4 s here; with
# OOMFORENSICS_DAY_STEPS=86400 it has steps of one second.
_DAY = """
import resource, sys
from pathlib import Path
from oomforensics.capture import survive
from oomforensics.capture.options import Options
from oomforensics.capture.recorder import Recorder
from tests.support.proc_tree import ProcTree

folder, steps = Path(sys.argv[1]), int(sys.argv[2])
interval_s = 86400 / steps
tree = ProcTree(folder / "proc")
for pid in range(10, 15):
    tree.process(pid)
now = [0]
survive.keep_heap()
recorder = Recorder(
    Options(str(folder / "spool"), interval_s=interval_s, kmsg="none", max_size=2 << 20), str(tree.root), lambda: now[0]
)
survive.freeze()

def resident_kb():
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0])

seen = []
for step in range(steps):
    now[0] += int(interval_s * 1_000_000_000)
    if step % 8 == 0:
        pid = 100 + step % 1000
        tree.process(pid, comm=f"job{step}", anon=step % 5000, starttime=step)
        tree.vmstat(step // 4000)
    elif step % 8 == 7:
        tree.end(100 + (step - 7) % 1000)
    recorder.work()
    recorder.spool.flush()  # the writer's thread has an interval for it, too
    if step in (steps // 8, steps - 1):
        seen.append(resident_kb())
recorder.close()
print(*seen, len(list((folder / "spool").glob("*.oomspool"))))
"""


@pytest.mark.slow
def test_memory_stays_flat_for_a_day(tmp_path: Path) -> None:
    steps = os.environ.get("OOMFORENSICS_DAY_STEPS", "21600")
    day = subprocess.run(
        [sys.executable, "-c", _DAY, str(tmp_path), steps], capture_output=True, text=True, timeout=600
    )
    assert day.returncode == 0, day.stderr
    early_kb, late_kb, segments = map(int, day.stdout.split())
    assert segments > 3  # the ring went round
    assert late_kb - early_kb <= 256
