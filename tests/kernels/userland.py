"""Debian's Python for a guest: unpacked, byte-compiled by itself, with the recorder's source in a read-only ext4 disk."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import oomforensics.capture
from tests.kernels import debian, ext4, stage
from tests.kernels.boot import Disk

PYTHON = "/usr/bin/python3.11"
RECORDER = "/oomforensics/capture/__main__.py"
WITNESS, SPEED = "/synced.py", "/speed.py"
GUEST = Path(__file__).parent / "guest"
SERIAL = "python"
MOUNT_POINTS = ("proc", "sys", "dev", "spool")
_SUITE, _ARCHITECTURE = "bookworm", "amd64"
_PACKAGES = (
    "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "libc6", "libexpat1", "zlib1g", "libffi8",
)  # fmt: skip
_IMAGE_BYTES = 128 << 20
_LOADER = "lib64/ld-linux-x86-64.so.2"
_LIBRARIES = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")
_LEFT_OUT = ("test", "idlelib", "lib2to3", "pydoc_data", "tkinter", "__pycache__")


def disk(into: Path) -> Disk:
    """With the recorder as it is in this checkout now. Raises CalledProcessError, LookupError."""
    folder = into / "root"
    shutil.copytree(_python(), folder, symlinks=True)
    for name in MOUNT_POINTS:
        (folder / name).mkdir(exist_ok=True)
    source = Path(oomforensics.capture.__file__).parent
    package = folder / RECORDER.lstrip("/")
    shutil.copytree(source, package.parent, ignore=shutil.ignore_patterns("__pycache__"))
    (package.parent.parent / "__init__.py").touch()
    ours = [folder / name.lstrip("/") for name in (WITNESS, SPEED)]
    for path in ours:
        shutil.copy(GUEST / path.name, path)
    _compiled(folder, [package.parent.parent, *ours])
    path = into / "python.ext4"
    ext4.make(path, _IMAGE_BYTES, folder, "^has_journal")
    shutil.rmtree(folder)
    return Disk(path, SERIAL, read_only=True)


def _python() -> Path:
    """Unpacked and byte-compiled once."""
    folder = stage.cache() / "unpacked" / f"{_SUITE}-python-{_ARCHITECTURE}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        debian.unpack_programs(_SUITE, _ARCHITECTURE, _PACKAGES, folder)
        library = folder / "usr/lib/python3.11"
        for name in _LEFT_OUT:
            shutil.rmtree(library / name, ignore_errors=True)
        shutil.rmtree(folder / "usr/share", ignore_errors=True)
        _compiled(folder, [library])
        (folder / "complete").touch()
    return folder


def _compiled(folder: Path, places: list[Path]) -> None:
    """By the guest's own Python, with the guest's own libraries: another version writes what it cannot use."""
    libraries = ":".join(str(folder / name) for name in _LIBRARIES)
    run = [str(folder / _LOADER), "--library-path", libraries, f"{folder}{PYTHON}"]
    subprocess.run(
        [*run, "-E", "-S", "-m", "compileall", "-q", "-s", str(folder), "--invalidation-mode", "unchecked-hash",
         *map(str, places)],
        check=True, cwd=folder, env={**os.environ, "PYTHONHOME": ""},
    )  # fmt: skip
