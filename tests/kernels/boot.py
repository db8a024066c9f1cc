"""Boot a kernel in QEMU with the stage as its init, play scenarios of one rig, bring home what it wrote."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.kernels import cpio, ext4, modules, play, stage
from tests.kernels.debian import Kernel
from tests.kernels.outcome import Fixture, IncompleteRun, fixture
from tests.kernels.scenario import Rig, Scenario

TIMEOUT_S = 120  # of one scene; each further one of a boot has a share more
_FURTHER_S = 30
SCENE_BYTES = 8 << 20  # guest/init.c knows it too
_ROOT = "/cg"
_ALWAYS = ("virtio_pci", "virtio_mmio", "virtio_blk")
_LIVE_SETTLE_MS = 1200
# With both CPUs busy a guest may die of its own in the emulator: twice in one scene was seen ("Fatal exception in interrupt").
ATTEMPTS = 4


@dataclass(frozen=True)
class Disk:
    """A virtio disk; the guest knows it by its serial number. `cache` as QEMU names it."""

    path: Path
    serial: str
    cache: str = "unsafe"
    read_only: bool = False

    def options(self) -> Iterator[str]:
        only = ",readonly=on" if self.read_only else ""
        yield from ("-drive", f"file={self.path},format=raw,if=none,id={self.serial},cache={self.cache}{only}")
        yield from ("-device", f"virtio-blk-pci,drive={self.serial},serial={self.serial}")


def empty_disk(path: Path, size: int, serial: str) -> Disk:
    with path.open("wb") as disk:
        disk.truncate(size)
    return Disk(path, serial)


def _files_disk(path: Path, size: int) -> Disk:
    """An ext4 file system without a journal: nothing but what a scene writes is written to it."""
    ext4.make(path, size, features="^has_journal")
    return Disk(path, play.FILES_DISK)


def initramfs(kernel: Kernel, extra_modules: Sequence[str], script: Iterable[str]) -> bytes:
    """The stage, its script, and the modules that it loads first."""
    archive = cpio.Archive()
    for folder in ("dev", "m", "proc", "sys"):
        archive.folder(folder)
    archive.char_device("dev/console", 5, 1)
    paths = []
    for name, code in modules.in_load_order(kernel.folder, (*_ALWAYS, *extra_modules)):
        archive.file(f"m/{name}.ko", code)
        paths.append(f"/m/{name}.ko")
    archive.file("init", stage.compiled(kernel.machine.compiler).read_bytes())
    archive.file("script", ("\n".join([*play.loading(paths), *script]) + "\n").encode())
    return bytes(archive)


def command(
    kernel: Kernel, scratch: Path, disks: Iterable[Disk], *, memory_mib: int, cpus: int, cmdline: str = ""
) -> list[str]:
    """QEMU with `scratch`/initrd; the console goes to `scratch`/console."""
    machine = kernel.machine
    return [
        *machine.qemu,
        *("-accel", "tcg,thread=multi", "-m", str(memory_mib), "-smp", str(cpus)),
        *("-nodefaults", "-display", "none", "-no-reboot", "-serial", f"file:{scratch / 'console'}"),
        *("-kernel", str(kernel.image), "-initrd", str(scratch / "initrd")),
        *("-append", f"console={machine.console} panic=-1 psi=1 {cmdline}".strip()),
        *(option for disk in disks for option in disk.options()),
    ]


def _scenes_command(kernel: Kernel, rig: Rig, scenes: Sequence[Scenario], scratch: Path) -> list[str]:
    machine = kernel.machine
    step = machine.node_mib * (2 if rig.numa else 1)
    memory = -(-(rig.memory + machine.extra_mib) // step) * step
    disks = [empty_disk(scratch / "out", SCENE_BYTES * len(scenes), "out")]
    swap = max(scenario.swap_disk for scenario in scenes)
    if swap:
        disks.append(empty_disk(scratch / "swap", swap << 20, "swap"))
    files = max(scenario.files for scenario in scenes)
    if files:
        disks.append(_files_disk(scratch / "files", files << 20))
    made = command(kernel, scratch, disks, memory_mib=memory, cpus=rig.cpus, cmdline=rig.cmdline)
    if rig.numa:
        for node in (0, 1):
            made += ["-object", f"memory-backend-ram,id=m{node},size={memory // 2}M"]
            made += ["-numa", f"node,nodeid={node},memdev=m{node},cpus={node}"]
    return made


def _boot(
    kernel: Kernel, scenes: Sequence[Scenario], *, settle_ms: int, attempt: int
) -> dict[str, Fixture | IncompleteRun]:
    rig = scenes[0].rig
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        script = [line for scene in scenes for line in play.lines(scene, _ROOT, guest=True, settle_ms=settle_ms)]
        (scratch / "initrd").write_bytes(initramfs(kernel, rig.extra_modules, script))
        limit = TIMEOUT_S + _FURTHER_S * (len(scenes) - 1)
        ended = ""
        try:
            subprocess.run(
                _scenes_command(kernel, rig, scenes, scratch), timeout=limit, check=True, stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            ended = f"; still running after {limit} s"
        except subprocess.CalledProcessError as failure:
            ended = f"; QEMU failed: {failure.stderr.decode(errors='replace').strip()}"
        (scratch / "console").touch()
        console, written = (scratch / "console").read_bytes(), (scratch / "out").read_bytes()
    tail = console[-600:].decode(errors="replace")
    made: dict[str, Fixture | IncompleteRun] = {}
    for index, scenario in enumerate(scenes):
        raw = written[index * SCENE_BYTES : (index + 1) * SCENE_BYTES]
        try:
            made[scenario.name] = fixture(scenario, raw, root=_ROOT, console=console, attempts=attempt)
        except IncompleteRun as failure:
            made[scenario.name] = IncompleteRun(f"{failure}{ended}; the console ends ...{tail}")
    return made


def batches(scenarios: Sequence[Scenario], most: int = 8) -> list[list[Scenario]]:
    """Scenarios that one boot can play: of one rig, and none after one that panics or uses up the reports."""
    made: list[list[Scenario]] = []
    for rig in dict.fromkeys(scenario.rig for scenario in scenarios):
        ours = [scenario for scenario in scenarios if scenario.rig == rig]
        enders = [scenario for scenario in ours if scenario.panics or scenario.floods]
        others = [scenario for scenario in ours if scenario not in enders]
        count = max(len(enders), -(-len(others) // most))
        for index in range(count):
            made.append([*others[index::count], *enders[index : index + 1]])
    return made


def play_all(kernel: Kernel, scenes: Sequence[Scenario]) -> dict[str, Fixture | IncompleteRun]:
    """The scenes of one batch; those that ended early are tried again, each in a boot of its own."""
    made = _boot(kernel, scenes, settle_ms=_LIVE_SETTLE_MS, attempt=1)
    for attempt in range(2, ATTEMPTS + 1):
        for scenario in scenes:
            if isinstance(made[scenario.name], IncompleteRun):
                made |= _boot(kernel, [scenario], settle_ms=_LIVE_SETTLE_MS, attempt=attempt)
    return made


def record(kernel: Kernel, scenario: Scenario) -> Fixture:
    """One run, and others where it ends early."""
    for attempt in range(1, ATTEMPTS + 1):
        made = _boot(kernel, [scenario], settle_ms=play.SETTLE_MS, attempt=attempt)[scenario.name]
        if isinstance(made, Fixture):
            return made
    assert isinstance(made, IncompleteRun)
    raise made
