"""Small cgroup v1 memory groups in which something runs out of memory, and the recorder beside them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import oomforensics.capture
from oomforensics.capture.decode import samples
from oomforensics.capture.options import Options
from oomforensics.capture.read import Losses, read
from oomforensics.capture.samples import Sample
from tests.kernels import host

MIB = 1 << 20
PROGRAM = Path(oomforensics.capture.__file__).with_name("__main__.py")

# Enters the cgroup, says so, and grows by 1 MiB every `pause` seconds.
_HOG = """
import os, sys, time
with open(sys.argv[1] + "/cgroup.procs", "w") as procs:
    procs.write(str(os.getpid()))
held, pause = [], float(sys.argv[2])
while True:
    held.append(bytearray(b"x" * (1 << 20)))
    time.sleep(pause)
"""


def lacking() -> str | None:
    """Why no OOM can be made here."""
    if os.geteuid() != 0:
        return "not root"
    try:
        place = host.memory_hierarchy()
    except LookupError as error:
        return str(error)
    return None if os.access(place, os.W_OK) else "cgroup v1's memory controller is read-only"


@contextmanager
def group(name: str, limit_mib: int | None) -> Iterator[Path]:
    """A cgroup of its own below the machine's; nothing of it stays."""
    folder = host.memory_hierarchy() / name
    folder.mkdir(parents=True)
    try:
        if limit_mib is not None:
            for file in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"):
                if (folder / file).exists():
                    (folder / file).write_text(str(limit_mib * MIB))
        yield folder
    finally:
        remove(folder)


def remove(folder: Path) -> None:
    if not folder.exists():
        return
    for pid in (folder / "cgroup.procs").read_text().split():
        os.kill(int(pid), signal.SIGKILL)
    for _ in range(200):
        try:
            folder.rmdir()
        except OSError:
            time.sleep(0.02)
        else:
            return
    folder.rmdir()


def oom_kills(folder: Path) -> int:
    """Processes that the OOM killer has taken from the group (since Linux 4.13)."""
    counters = dict(line.split() for line in (folder / "memory.oom_control").read_text().splitlines())
    return int(counters["oom_kill"])


def hog(folder: Path, pause_s: float = 0.016) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-I", "-S", "-c", _HOG, str(folder), str(pause_s)])


def start(options: Options) -> subprocess.Popen[bytes]:
    """A recorder, as `oomforensics capture` becomes one; returns when it records."""
    recorder = subprocess.Popen(
        [sys.executable, "-I", "-S", str(PROGRAM), *options.argv()], stderr=subprocess.PIPE, cwd="/"
    )
    assert recorder.stderr is not None
    first = recorder.stderr.readline()
    assert b"recording" in first, first
    return recorder


def stop(recorder: subprocess.Popen[bytes]) -> tuple[int, str]:
    """End it by SIGTERM: its exit code and what it said."""
    recorder.terminate()
    return finished(recorder)


def finished(recorder: subprocess.Popen[bytes], timeout_s: float = 30) -> tuple[int, str]:
    _, said = recorder.communicate(timeout=timeout_s)
    return recorder.returncode, said.decode()


def recorded(spool: Path) -> tuple[list[Sample], Losses]:
    losses = Losses()
    return list(samples(read(spool, losses), losses)), losses
