"""`make power-off N=30`: the recorder's machine loses its power at a random moment, and what was on the disk is read.

QEMU is killed; what the guest had not handed to the disk is gone with it. What must be there is told by guest/synced.py
on a serial line of its own: for each fsync of the recorder's that came back, how long the file was when it began.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from oomforensics.capture.options import Options
from oomforensics.capture.read import Losses, read
from tests.kernels import boot, debian, ext4, sitting, userland
from tests.kernels.boot import Disk
from tests.kernels.debian import Kernel
from tests.kernels.outcome import IncompleteRun
from tests.kernels.sitting import Growth

_RING_BYTES = 4 << 20  # in segments of 128 KiB: they turn while we look on, and none goes
_LONGEST_S = 12.0  # of recording before the power goes
_BEGUN_S = 120
_KILLS = 24
_BETWEEN_MS = 200


@dataclass
class Cut:
    """What one power failure left."""

    release: str
    seed: int
    after_s: float  # since the first fsync
    spool: Path
    syncs: int = 0  # that the guest told of
    promised_bytes: int = 0  # that were on the disk by its word
    kept_bytes: int = 0  # of whole frames
    torn_bytes: int = 0
    wrong: list[str] = field(default_factory=list)

    def told(self) -> str:
        return (
            f"{self.release} seed {self.seed}: power off after {self.after_s:.2f} s, {self.syncs} fsyncs, "
            f"{self.promised_bytes} bytes promised, {self.kept_bytes} read back, {self.torn_bytes} torn"
            + "".join(f"; WRONG: {one}" for one in self.wrong)
        )


def script() -> Iterator[str]:
    """Kill after kill, each in a control group of its own: events bring the spool to the disk out of turn."""
    recorder = Options(sitting.SPOOL, interval_s=0.2, max_size=_RING_BYTES)
    yield from sitting.mounts(swap_mib=0)
    for name in ("writeback", "expire"):  # parts of frames reach the disk between two fsyncs, too
        yield f"write /proc/sys/vm/dirty_{name}_centisecs 5"
    yield sitting.run(userland.WITNESS, "/dev/ttyS1", userland.RECORDER, *recorder.argv())
    yield "pause 1000"
    for number in range(_KILLS):
        yield from sitting.grow(number, Growth(in_group=True, mib_s=100), swap_mib=0, pause_ms=_BETWEEN_MS)
        yield f"until {number + 1} 10000"
    yield "pause 600000"


def cut(kernel: Kernel, python: Disk, folder: Path, seed: int) -> Cut:
    """One boot that ends by SIGKILL to QEMU; another if it does not come to recording. Raises IncompleteRun."""
    for attempt in (1, 2):
        scratch = folder / f"{kernel.release}-{seed}-{attempt}"
        scratch.mkdir()
        try:
            return _cut(kernel, python, scratch, seed)
        except IncompleteRun as failure:
            told = str(failure)
    raise IncompleteRun(told)


def _cut(kernel: Kernel, python: Disk, scratch: Path, seed: int) -> Cut:
    (scratch / "initrd").write_bytes(boot.initramfs(kernel, ext4.MODULES, script()))
    features = (
        "" if seed % 4 < 2 else "^has_journal"
    )  # without one, size and bytes of a file reach the disk in any order
    told = scratch / "synced"
    command = sitting.qemu(kernel, scratch, sitting.disks(scratch, python, 0, features))
    with subprocess.Popen([*command, "-serial", f"file:{told}"], stdin=subprocess.DEVNULL) as machine:
        try:
            _wait_for(told, machine)
            after_s = random.Random(seed).uniform(0, _LONGEST_S)
            time.sleep(after_s)
        finally:
            machine.kill()
    ext4.contents(scratch / "spool", scratch / "found")
    left = Cut(kernel.release, seed, after_s, scratch / "found" / Path(sitting.SPOOL).name)
    # Without a journal the end of a synced file was lost once. Inferred: ext4 then rewrites a growing file's map in any order.
    _hold(left, told.read_bytes(), keeps_promises=not features)
    return left


def _wait_for(told: Path, machine: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _BEGUN_S
    while not (told.exists() and b"\n" in told.read_bytes()):
        if time.monotonic() > until or machine.poll() is not None:
            raise IncompleteRun(f"nothing was recorded within {_BEGUN_S} s; {sitting.tail(told.parent)}")
        time.sleep(0.05)


def _hold(left: Cut, told: bytes, *, keeps_promises: bool) -> None:
    """What is there against what was promised: the last whole line of each file. All that is there must be whole frames."""
    promised: dict[str, tuple[int, int]] = {}
    for line in told.splitlines(keepends=True):
        words = line.split()
        if line.endswith(b"\n") and len(words) == 3:
            left.syncs += 1
            promised[words[0].decode()] = int(words[1]), int(words[2], 16)
    for name, (size, crc) in promised.items():
        left.promised_bytes += size
        path = left.spool / name
        if not keeps_promises:
            continue
        if not path.exists():
            left.wrong.append(f"{name} is not there")
        elif zlib.crc32(path.read_bytes()[:size]) != crc:
            left.wrong.append(f"{name}: its first {size} bytes are not those that were promised")
    for path in sorted(left.spool.glob("*.oomspool")):
        losses = Losses()
        frames = list(read(path, losses))
        kept = path.stat().st_size - losses.torn_bytes
        left.kept_bytes += kept
        left.torn_bytes += losses.torn_bytes
        if losses.damaged_bytes or losses.missing_frames or losses.undecodable_frames or losses.unknown_versions:
            left.wrong.append(f"{path.name}: {losses}")
        if (keeps_promises and kept < promised.get(path.name, (0, 0))[0]) or (kept and not frames):
            left.wrong.append(f"{path.name}: {kept} bytes are whole frames, {promised[path.name][0]} were promised")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kernels.power", description=__doc__)
    parser.add_argument("kernels", nargs="*", default=("bookworm", "sid"))
    parser.add_argument("--cuts", type=int, default=30, help="of all kernels together")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    cuts: list[Cut] = []
    with tempfile.TemporaryDirectory() as folder:
        python = userland.disk(Path(folder))
        kernels = [debian.fetch(spec) for spec in options.kernels]
        for number in range(options.cuts):
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                cuts.append(cut(kernels[number % len(kernels)], python, Path(scratch), options.seed + number))
            sys.stdout.write(cuts[-1].told() + "\n")
            sys.stdout.flush()
    torn = sum(one.torn_bytes > 0 for one in cuts)
    wrong = sum(bool(one.wrong) for one in cuts)
    sys.stdout.write(f"{len(cuts)} power failures: {wrong} lost something promised, {torn} left a torn tail\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
