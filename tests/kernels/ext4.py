"""ext4 images: made, and read, without being mounted."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

MODULES = ("ext4", "crc32c_generic")  # of kernels that have it as a module
PROGRAMS = ("mke2fs", "e2fsck", "debugfs")


def tool(name: str) -> str | None:
    """A program of e2fsprogs: /usr/sbin is not on everybody's path."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def make(path: Path, size: int, folder: Path | None = None, features: str = "") -> None:
    """A file system in a file, holding what the folder holds."""
    made = [*(("-d", str(folder)) if folder else ()), *(("-O", features) if features else ())]
    mke2fs = tool("mke2fs") or "mke2fs"
    command = [mke2fs, "-q", "-F", "-t", "ext4", *made, str(path), f"{size >> 10}k"]
    subprocess.run(command, check=True, capture_output=True)


def contents(image: Path, into: Path) -> None:
    """Everything in an ext4 image: its journal is played first, as a mount would, on the image itself."""
    done = subprocess.run([tool("e2fsck") or "e2fsck", "-fy", str(image)], capture_output=True, text=True)
    if done.returncode > 2:  # 1, 2: errors that were corrected
        raise OSError(f"e2fsck: {done.stdout}{done.stderr}")
    into.mkdir(parents=True, exist_ok=True)
    dump = [tool("debugfs") or "debugfs", "-R", f"rdump / {into}", str(image)]
    subprocess.run(dump, check=True, capture_output=True)
