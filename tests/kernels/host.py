"""Kills on the machine itself: children of one small cgroup v1 memory group, nothing outside it."""

from __future__ import annotations

import platform
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kernels import play, stage
from tests.kernels.outcome import Fixture, fixture
from tests.kernels.scenario import Scenario

_REPORT_LIMIT_S = 6
_FOREIGN = re.compile(rb"drop_caches: ")


def memory_hierarchy() -> Path:
    """The mount point of cgroup v1's memory controller."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, options = line.split(" ")[:4]
        if kind == "cgroup" and "memory" in options.split(","):
            return Path(where)
    raise LookupError("no cgroup v1 memory controller is mounted here")


@contextmanager
def _laboratory(scenario: Scenario) -> Iterator[Path]:
    root = memory_hierarchy() / "oomlab"
    root.mkdir()
    limit = max(group.limit or 0 for group in scenario.groups) * 2
    try:
        (root / "memory.limit_in_bytes").write_text(str(int(limit * play.MIB)))
        yield root
    finally:
        folders = [path for path in root.rglob("*") if path.is_dir()]
        for folder in sorted([root, *folders], key=lambda path: -len(path.parts)):
            folder.rmdir()


def record(scenario: Scenario) -> Fixture:
    """Play a scenario below the machine's memory hierarchy and return what came of it."""
    for attempt in (1, 2, 3):
        time.sleep(_REPORT_LIMIT_S)  # reports of the run before still count against the kernel's limit
        with tempfile.TemporaryDirectory() as scratch, _laboratory(scenario) as root:
            script, output = Path(scratch) / "script", Path(scratch) / "output"
            script.write_text("\n".join(play.lines(scenario, str(root), guest=False)) + "\n")
            subprocess.run([str(stage.compiled()), str(script), str(output)], check=True, timeout=120)
            made = fixture(scenario, output.read_bytes(), root=str(root), attempts=attempt)
        if not _FOREIGN.search(made.kmsg):
            break
    return made


def kernel_name() -> str:
    return f"host-{platform.release()}-memcg-v1"
