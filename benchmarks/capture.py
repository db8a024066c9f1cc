"""python -m benchmarks.capture [--processes N …] [--kills N]: the recorder beside atop and procpath, in one run.

All watch the same processes at the same interval of one second: N that sleep, one in twenty of them that grows and
shrinks. atop is Debian's package, procpath the extra `bench` of this one (`pip install -e '.[bench]'`); `--atop` and
`--procpath` name the programs where they are not on the PATH or beside Python. Those that are not there are left out.
With root and cgroup v1 it also makes kills and measures the time from each, by the kernel's own tracepoint where tracefs
can be mounted, to the recorded event.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from oomforensics.capture.options import Options
from oomforensics.capture.samples import Event, KernelRecords, ProcessSnapshot, Sample
from oomforensics.parsers import tracepoint
from tests.support import memcg

_WARM_UP_S = 4
_BUSY = 20  # of so many processes one changes at every step
_CLONE_NEWNS = 0x00020000

_CROWD = """
import os, signal, sys, time
count, busy = int(sys.argv[1]), int(sys.argv[2])
for number in range(count):
    if os.fork() == 0:
        if number % busy:
            signal.pause()
        held = []
        while True:
            held = [] if len(held) > 9 else [*held, bytearray(b"x" * 400_000)]
            time.sleep(0.5)
sys.stdout.write("ready\\n")
sys.stdout.flush()
signal.pause()
"""


def main() -> None:
    beside = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--processes", type=int, nargs="*", default=[0, 1000, 2000])
    options.add_argument("--samples", type=int, default=30, help="steps that each is measured for (default 30)")
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--atop", default=shutil.which("atop"))
    options.add_argument("--procpath", default=shutil.which("procpath", path=beside))
    chosen = options.parse_args()
    for count in chosen.processes:
        with crowd(count), tempfile.TemporaryDirectory(prefix="oomforensics-bench-") as folder:
            beside_others(Path(folder), count, chosen)
    if memcg.lacking() is None:
        with tempfile.TemporaryDirectory(prefix="oomforensics-bench-") as folder:
            kill_to_event(Path(folder), chosen.kills)
    else:
        print(f"no kills were made: {memcg.lacking()}")


@contextmanager
def crowd(count: int) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _CROWD, str(count), str(_BUSY)],
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        try:
            yield
        finally:
            os.killpg(parent.pid, signal.SIGKILL)


def beside_others(folder: Path, count: int, chosen: argparse.Namespace) -> None:
    spool = folder / "spool"
    recorder = memcg.start(Options(str(spool)))
    cpu_ms, rss_mb = watched(recorder.pid, chosen.samples)
    memcg.stop(recorder)
    steps = [sample for sample in memcg.recorded(spool)[0] if isinstance(sample, ProcessSnapshot)]
    known = sum(step.known for step in steps)
    on_disk = sum(path.stat().st_size for path in spool.glob("*.oomspool"))
    print(
        f"{steps[-1].known} processes (of {count} that were made): {cpu_ms:.1f} ms of CPU a second, {rss_mb:.1f} MB resident, "
        f"{on_disk / known:.1f} bytes on disk a process and sample ({len(steps)} samples)"
    )
    hasty = sum(step.reason != "steady" for step in steps)
    if hasty > len(steps) // 10:
        print(f"  {hasty} samples were taken in haste, because memory was pressed for: not the cost of a steady second")
    others = {
        "atop": [chosen.atop, "-w", str(folder / "atop.raw"), "1"],
        "procpath": [
            chosen.procpath,
            "record",
            "-i",
            "1",
            "-d",
            str(folder / "procpath.sqlite"),
            "-f",
            "stat,status,cmdline",
        ],
    }
    for name, command in others.items():
        if command[0] is None:
            print(f"  {name} is not here")
            continue
        other_ms, other_mb, size = alone(command, chosen.samples, Path(command[2] if name == "atop" else command[5]))
        print(
            f"  {name}: {other_ms:.1f} ms, {other_mb:.1f} MB, {size / chosen.samples / steps[-1].known:.1f} bytes; "
            f"the recorder takes {cpu_ms / other_ms:.3f} of its CPU"
        )


def alone(command: Sequence[str], samples: int, output: Path) -> tuple[float, float, int]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        cpu_ms, rss_mb = watched(process.pid, samples)
        process.terminate()
    return cpu_ms, rss_mb, output.stat().st_size if output.exists() else 0


def watched(pid: int, samples: int) -> tuple[float, float]:
    """CPU milliseconds a second once it runs evenly, and resident MB at the end."""
    time.sleep(_WARM_UP_S)
    before, begun = cpu_s(pid), time.monotonic()
    time.sleep(samples)
    spent = cpu_s(pid) - before
    status = Path(f"/proc/{pid}/status").read_text()
    return spent / (time.monotonic() - begun) * 1000, int(status.split("VmRSS:")[1].split()[0]) / 1024


def cpu_s(pid: int) -> float:
    """User and system, as the scheduler counts them: in nanoseconds."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def kill_to_event(folder: Path, kills: int) -> None:
    traced = own_tracefs()
    recorder = memcg.start(Options(str(folder)))
    counted: dict[str, tuple[int, int]] = {}
    for number in range(kills):
        with memcg.group(f"oomforensics-bench-{os.getpid()}-{number}", 40) as group:
            victim = memcg.hog(group)
            control = group / "memory.oom_control"
            while "oom_kill 0" in control.read_text():
                time.sleep(0.0003)
            counted[str(group)] = time.monotonic_ns(), victim.pid
            victim.wait()
    memcg.stop(recorder)
    found, _ = memcg.recorded(folder)
    chosen = dict(_chosen(found))
    after_ms: dict[str, list[float]] = {"eventfd": [], "kernel's log": [], "oom:mark_victim": []}
    ages_ms, held_mb = [], []
    for place, (counted_ns, pid) in counted.items():
        killed_ns = chosen.get(pid, (counted_ns, 0))[0]
        told_ns = {
            "eventfd": [it.mono_ns for it in found if _is_kill(it, place)],
            "kernel's log": [it.mono_ns for it in found if _says_killed(it, pid)],
            "oom:mark_victim": [chosen[pid][1]] if pid in chosen else [],
        }
        for source, times_ns in told_ns.items():
            after_ms[source] += [(one - killed_ns) / 1e6 for one in times_ns[:1]]
        looks = [it for it in found if isinstance(it, ProcessSnapshot) and it.mono_ns <= killed_ns]
        rows = [row for look in looks for row in look.changed if row.pid == pid and row.rss_anon_kb]
        ages_ms.append((killed_ns - looks[-1].mono_ns) / 1e6)
        held_mb.append((rows[-1].rss_anon_kb or 0) / 1024 if rows else 0.0)
    since = "the kernel's choice (oom:mark_victim)" if traced else "the kernel's counter, read every 0.3 ms"
    print(f"{kills} kills, milliseconds from {since}, median / most (of how many):")
    print("  " + ", ".join(f"{source} {_spread(values)}" for source, values in after_ms.items()))
    held = f"{statistics.median(held_mb):.1f} MB of 40 (least {min(held_mb):.1f})"
    print(f"  age of the last look {_spread(ages_ms)}; it shows {held}")


def own_tracefs() -> bool:
    """Mount tracefs where only we and the recorder see it: it has the kernel's own time of each kill."""
    if ctypes.CDLL(None).unshare(_CLONE_NEWNS):
        return False
    commands = (["mount", "--make-rprivate", "/"], ["mount", "-t", "tracefs", "tracefs", "/sys/kernel/tracing"])
    done = [subprocess.run(command, check=False, stderr=subprocess.DEVNULL) for command in commands]
    return not any(one.returncode for one in done)


def _chosen(found: Sequence[Sample]) -> Iterator[tuple[int, tuple[int, int]]]:
    """Of each victim, when the kernel chose it and when that was recorded, by CLOCK_MONOTONIC."""
    for one in found:
        if isinstance(one, Event) and one.what == "mark_victim":
            pid = tracepoint.fields(one.files["format"], one.files["record"])["pid"]
            if isinstance(pid, int):
                yield pid, (int(one.files["chosen_ns"]), one.mono_ns)


def _is_kill(one: Sample, folder: str) -> bool:
    return isinstance(one, Event) and one.folder == folder and one.what == "oom_kill"


def _says_killed(one: Sample, pid: int) -> bool:
    said = b"Killed process %d " % pid
    return isinstance(one, KernelRecords) and any(said in record for record in one.records)


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} / {max(values):.1f} ({len(values)})" if values else "none"


if __name__ == "__main__":
    main()
