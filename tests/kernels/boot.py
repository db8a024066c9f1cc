"""Boot a kernel in QEMU with the stage as its init, play one scenario, bring home what it wrote."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from tests.kernels import cpio, modules, play, stage
from tests.kernels.debian import Kernel
from tests.kernels.outcome import Fixture, IncompleteRun, fixture
from tests.kernels.scenario import Scenario

TIMEOUT_S = 120
_OUT_BYTES = 8 << 20
_ROOT = "/cg"
_ALWAYS = ("virtio_pci", "virtio_mmio", "virtio_blk")


def _initramfs(kernel: Kernel, scenario: Scenario) -> bytes:
    archive = cpio.Archive()
    for folder in ("dev", "m", "proc", "sys"):
        archive.folder(folder)
    archive.char_device("dev/console", 5, 1)
    paths = []
    for name, code in modules.in_load_order(kernel.folder, (*_ALWAYS, *scenario.extra_modules)):
        archive.file(f"m/{name}.ko", code)
        paths.append(f"/m/{name}.ko")
    archive.file("init", stage.compiled(kernel.machine.compiler).read_bytes())
    script = "\n".join(play.lines(scenario, _ROOT, guest=True, modules=paths)) + "\n"
    archive.file("script", script.encode())
    return bytes(archive)


def _disk(path: Path, size: int, serial: str) -> list[str]:
    with path.open("wb") as disk:
        disk.truncate(size)
    drive = f"file={path},format=raw,if=none,id={serial},cache=unsafe"
    return ["-drive", drive, "-device", f"virtio-blk-pci,drive={serial},serial={serial}"]


def _command(kernel: Kernel, scenario: Scenario, scratch: Path) -> list[str]:
    machine = kernel.machine
    memory = int(scenario.memory * machine.memory_factor)
    cmdline = f"console={machine.console} panic=-1 psi=1 {scenario.cmdline}".strip()
    command = [
        *machine.qemu,
        *("-accel", "tcg,thread=multi", "-m", str(memory), "-smp", str(scenario.cpus)),
        *("-nodefaults", "-display", "none", "-no-reboot", "-serial", f"file:{scratch / 'console'}"),
        *("-kernel", str(kernel.image), "-initrd", str(scratch / "initrd"), "-append", cmdline),
        *_disk(scratch / "out", _OUT_BYTES, "out"),
    ]
    if scenario.swap_disk:
        command += _disk(scratch / "swap", scenario.swap_disk << 20, "swap")
    if scenario.numa:
        for node in (0, 1):
            command += ["-object", f"memory-backend-ram,id=m{node},size={memory // 2}M"]
            command += ["-numa", f"node,nodeid={node},memdev=m{node},cpus={node}"]
    return command


def _run(kernel: Kernel, scenario: Scenario, attempt: int) -> Fixture:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        (scratch / "initrd").write_bytes(_initramfs(kernel, scenario))
        try:
            subprocess.run(_command(kernel, scenario, scratch), timeout=TIMEOUT_S, check=True, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            tail = (scratch / "console").read_bytes()[-600:].decode(errors="replace")
            raise IncompleteRun(f"{scenario.name}: still running after {TIMEOUT_S} s: ...{tail}") from None
        console = (scratch / "console").read_bytes()
        try:
            return fixture(scenario, (scratch / "out").read_bytes(), root=_ROOT, console=console, attempts=attempt)
        except IncompleteRun as failure:
            tail = console[-600:].decode(errors="replace")
            raise IncompleteRun(f"{failure}; the console ends ...{tail}") from None


def record(kernel: Kernel, scenario: Scenario) -> Fixture:
    """One run, and a second one if the first ends early."""
    try:
        return _run(kernel, scenario, 1)
    except IncompleteRun:
        return _run(kernel, scenario, 2)
