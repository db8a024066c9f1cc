"""A guest in which the recorder runs while process after process runs out of memory, and what is known of it from elsewhere.

The stage (guest/init.c) is PID 1, begins the recorder and lets one process at a time grow, of the whole machine or in a
control group of its own. Who was chosen, and when by CLOCK_MONOTONIC, is told by the kernel's oom:mark_victim tracepoint
to the stage; who died, by wait().
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from oomforensics.capture.options import Options
from tests.kernels import boot, ext4, userland
from tests.kernels.boot import Disk
from tests.kernels.debian import Kernel
from tests.kernels.outcome import Blobs, IncompleteRun
from tests.kernels.play import MIB, SWAP_DISK, word

SPOOL = "/spool/s"
INTERVAL_S = 1.0
MEMORY_MIB = 384
CPUS = 2
_ROOT = "/root"
CGROUPS = f"{_ROOT}/sys/fs/cgroup"
_LIMIT_MIB = 48
_SWAP_IN_GROUP_MIB = 24
PUSH_MIB = 2048  # more than the guest has
_SPEED = ("/spool/speed-before", "/spool/speed-after")
_SPEED_MS = 5000
_SPEED_HERE_S = 10.0
THROTTLED = "slow"  # the cgroup of the process that is made to wait
_HIGH_MIB = 4
_THROTTLED_MS = 3000  # some windows of a pressure trigger
SETTLED_MS = 3000
APART_MS = 1500  # between the birth of a process and its growth, and after its death: longer than an interval
PATIENCE_MS = 60_000
_SPOOL_BYTES = 64 << 20
_TIMEOUT_S = 420
_VICTIM = re.compile(r" (\d+)\.(\d{6}): mark_victim: pid=(\d+)")


@dataclass(frozen=True)
class Growth:
    """A process that grows until it is killed."""

    in_group: bool  # with a limit of its own; else there is nothing but the machine's
    mib_s: int  # 0: as fast as it can


@dataclass(frozen=True)
class Sitting:
    """One boot."""

    growths: tuple[Growth, ...]
    swap_mib: int = 0

    def script(self, recorder: Options) -> Iterator[str]:
        yield from mounts(self.swap_mib)
        yield from how_fast(_SPEED[0])
        yield "victims"
        yield run(userland.RECORDER, *recorder.argv())
        yield f"pause {SETTLED_MS}"
        yield "freeze"
        for number, growth in enumerate(self.growths):
            yield from grow(number, growth, self.swap_mib)
            yield f"until {number + 1} {PATIENCE_MS}"
            yield f"pause {APART_MS}"
        yield from throttle(len(self.growths))
        yield "end-program 20000"
        yield from how_fast(_SPEED[1])
        yield "end"


@dataclass(frozen=True)
class Speed:
    """What guest/speed.py measured: milliseconds of its two tasks."""

    loop_ms: float
    calls_ms: float

    @classmethod
    def read(cls, path: Path) -> Speed | None:
        """None: it was not done in time."""
        figures = path.read_text().split() if path.exists() else []
        return cls(*map(float, figures)) if len(figures) == 2 else None


@dataclass(frozen=True)
class Victim:
    pid: int
    mono_us: int  # when the kernel chose it


@dataclass(frozen=True)
class Sat:
    """What came of it."""

    release: str
    spool: Path
    victims: tuple[Victim, ...]  # as the tracepoint told the stage
    killed: tuple[int, ...]  # pids that died of a SIGKILL that nobody here sent
    recorder_pid: int
    recorder_status: int | None  # as wait() gives it; None: it never ended
    vmstat_oom_kill: int
    notes: tuple[str, ...]
    console: str
    speeds: tuple[Speed | None, ...]  # of the guest, before and after
    here: Speed | None  # of the machine that emulates it


def mounts(swap_mib: int) -> Iterator[str]:
    """The recorder's root, its spool, and all that it looks at."""
    yield f"disk {userland.SERIAL} {_ROOT} ro"
    for kind, place in (("proc", "proc"), ("sysfs", "sys"), ("devtmpfs", "dev"), ("cgroup2", "sys/fs/cgroup"),
                        ("tracefs", "sys/kernel/tracing")):  # fmt: skip
        yield f"mount {kind} {_ROOT}/{place}"
    yield f"disk spool {_ROOT}/spool"
    yield f"write {CGROUPS}/cgroup.subtree_control {word('+memory')}"
    if swap_mib:
        yield f"swap {SWAP_DISK} {swap_mib}"


def run(program: str, *arguments: str) -> str:
    """Python's isolated mode without site, as `oomforensics capture` starts the recorder."""
    words = (_ROOT, userland.PYTHON, "-I", "-S", program, *arguments)
    return "run " + " ".join(word(one) or "%00" for one in words)


def how_fast(file: str) -> Iterator[str]:
    yield run(userland.SPEED, file)
    yield f"pause {_SPEED_MS}"
    yield "end-program 1000"


def speed_here(scratch: Path) -> Speed | None:
    """Of this machine, while nothing is emulated on it."""
    told = scratch / "speed"
    with subprocess.Popen([sys.executable, "-I", "-S", userland.GUEST / "speed.py", told]) as program:
        until = time.monotonic() + _SPEED_HERE_S
        while not (told.exists() and told.stat().st_size) and time.monotonic() < until:
            time.sleep(0.05)
        program.terminate()
    return Speed.read(told)


def grow(number: int, growth: Growth, swap_mib: int, pause_ms: int = APART_MS) -> Iterator[str]:
    """One more process, in the population for a while before it grows."""
    group = ""
    if growth.in_group:
        folder = f"{CGROUPS}/box{number}"
        group = f" cgroup={folder}"
        yield f"mkdir {folder}"
        yield f"write {folder}/memory.max {_LIMIT_MIB * MIB}"
        if swap_mib:
            yield f"write {folder}/memory.swap.max {_SWAP_IN_GROUP_MIB * MIB}"
    yield f"actor name=hog{number} push={PUSH_MIB << 10} rate={growth.mib_s << 10}{group}"
    yield f"pause {pause_ms}"
    yield f"go {number}"


def throttle(number: int) -> Iterator[str]:
    """A process far above its memory.high: the kernel puts it to sleep again and again, which is pressure, and kills nobody.

    An OOM that comes quickly ends before tasks have stalled for a trigger's share of its window.
    """
    folder = f"{CGROUPS}/{THROTTLED}"
    yield f"mkdir {folder}"
    yield f"write {folder}/memory.high {_HIGH_MIB * MIB}"
    yield f"write {folder}/memory.swap.max 0"
    yield f"actor name={THROTTLED} push={PUSH_MIB << 10} cgroup={folder}"
    yield f"pause {APART_MS}"
    yield f"go {number}"
    yield f"pause {_THROTTLED_MS}"
    yield f"kill {number}"
    yield f"pause {APART_MS}"


def spool_disk(scratch: Path, features: str = "") -> Disk:
    """Empty. What QEMU was told to flush it flushes."""
    ext4.make(scratch / "spool", _SPOOL_BYTES, features=features)
    return Disk(scratch / "spool", "spool", cache="writeback")


def disks(scratch: Path, python: Disk, swap_mib: int, features: str = "") -> list[Disk]:
    made = [boot.empty_disk(scratch / "out", boot.SCENE_BYTES, "out")]
    if swap_mib:
        made.append(boot.empty_disk(scratch / "swap", swap_mib << 20, "swap"))
    return [*made, python, spool_disk(scratch, features)]


def qemu(kernel: Kernel, scratch: Path, disks: list[Disk]) -> list[str]:
    """The kernel logs to itself: a report on the serial console would take longer than the kill that it tells of."""
    return boot.command(kernel, scratch, disks, memory_mib=MEMORY_MIB, cpus=CPUS, cmdline="loglevel=1")


def sit(kernel: Kernel, sitting: Sitting, python: Disk, scratch: Path) -> Sat:
    """Raises IncompleteRun where the guest ended early."""
    here = speed_here(scratch)
    script = sitting.script(Options(SPOOL, interval_s=INTERVAL_S))
    return _told(play(kernel, script, python, scratch, sitting.swap_mib), scratch, here)


def play(kernel: Kernel, script: Iterable[str], python: Disk, scratch: Path, swap_mib: int = 0) -> Blobs:
    """Boot, play, and bring the spool's disk home into the folder `found`. Raises IncompleteRun."""
    (scratch / "initrd").write_bytes(boot.initramfs(kernel, ext4.MODULES, script))
    command = qemu(kernel, scratch, disks(scratch, python, swap_mib))
    try:
        subprocess.run(command, timeout=_TIMEOUT_S, check=True, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise IncompleteRun(f"still running after {_TIMEOUT_S} s; {tail(scratch)}") from None
    blobs = Blobs.read((scratch / "out").read_bytes())
    if blobs.last("end") is None:
        raise IncompleteRun(f"the guest ended before it had told what happened; {tail(scratch)}")
    ext4.contents(scratch / "spool", scratch / "found")
    return blobs


def tail(scratch: Path) -> str:
    return "the console ends ..." + (scratch / "console").read_text(errors="replace")[-600:]


def _told(blobs: Blobs, scratch: Path, here: Speed | None) -> Sat:
    _, recorder, _ = map(int, blobs.every("program"))
    deaths = [
        (int(pid), int(status, 16), by_us == "1")
        for pid, status, by_us in (one.decode().split() for one in blobs.every("death"))
    ]
    counts = [
        re.search(r"^oom_kill (\d+)$", blobs.text(f"vmstat_{when}"), re.MULTILINE) for when in ("before", "after")
    ]
    before, after = (int(count.group(1)) if count else 0 for count in counts)
    return Sat(
        release=blobs.text("release"),
        spool=scratch / "found" / Path(SPOOL).name,
        victims=tuple(
            Victim(int(pid), int(seconds) * 1_000_000 + int(us))
            for seconds, us, pid in _VICTIM.findall(blobs.text("trace"))
        ),
        killed=tuple(pid for pid, status, by_us in deaths if status & 0x7F == 9 and not by_us),
        recorder_pid=recorder,
        recorder_status=next((status for pid, status, _ in deaths if pid == recorder), None),
        vmstat_oom_kill=after - before,
        notes=tuple(note.decode(errors="replace") for note in blobs.every("note")),
        console=(scratch / "console").read_text(errors="replace"),
        speeds=tuple(Speed.read(scratch / "found" / Path(file).name) for file in _SPEED),
        here=here,
    )
