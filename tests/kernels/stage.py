"""The compiled stage: guest/init.c as a static program, built once per source and compiler."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).parent / "guest" / "init.c"
_FLAGS = ("-O2", "-Wall", "-Wextra", "-static", "-pthread")


def cache() -> Path:
    """Where kernels and programs are kept between runs."""
    chosen = os.environ.get("OOMFORENSICS_KERNEL_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "oomforensics" / "kernels"


def compiled(compiler: str = "gcc") -> Path:
    key = hashlib.sha256(SOURCE.read_bytes() + " ".join((compiler, *_FLAGS)).encode()).hexdigest()[:16]
    target = cache() / "stage" / f"init-{key}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            fresh = Path(folder) / target.name
            subprocess.run([compiler, *_FLAGS, "-o", str(fresh), str(SOURCE)], check=True)
            fresh.replace(target)
    return target
