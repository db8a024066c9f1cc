"""Recordings of cgroup v2 and of a whole machine in which it is known who grew, for fixtures/recordings.

    python -m tests.kernels.grown machine group     # as DIR/grown-NAME/00000001.oomspool.xz (--to DIR, --kernel sid)

The guest's stage plays the processes of a scene beside the recorder, until the kernel has killed one.
"""

from __future__ import annotations

import argparse
import lzma
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from oomforensics.capture.options import Options
from tests.kernels import debian, sitting, userland
from tests.kernels.outcome import IncompleteRun
from tests.kernels.play import MIB

_THEN_MS = 1000
_GROUP = f"{sitting.CGROUPS}/shop"


@dataclass(frozen=True)
class Process:
    name: str
    held_mib: int
    mib_s: int = 0  # it grows by, from some seconds after the recorder began
    oom_score_adj: int = 0


@dataclass(frozen=True)
class Scene:
    processes: tuple[Process, ...]
    victim: str
    culprit: str
    limit_mib: int | None = None  # of the cgroup that they are in; None: they are in none

    def script(self) -> Iterator[str]:
        yield from sitting.mounts(swap_mib=0)
        yield sitting.run(userland.RECORDER, *Options(sitting.SPOOL, interval_s=sitting.INTERVAL_S).argv())
        yield f"pause {sitting.SETTLED_MS}"
        yield "freeze"
        cgroup = ""
        if self.limit_mib is not None:
            yield f"mkdir {_GROUP}"
            yield f"write {_GROUP}/memory.max {self.limit_mib * MIB}"
            cgroup = f" cgroup={_GROUP}"
        for one in self.processes:
            grows = f" push={sitting.PUSH_MIB << 10} rate={one.mib_s << 10}" if one.mib_s else ""
            yield f"actor name={one.name} anon={one.held_mib << 10} adj={one.oom_score_adj}{grows}{cgroup}"
        yield f"pause {sitting.SETTLED_MS}"
        yield from (f"go {number}" for number, one in enumerate(self.processes) if one.mib_s)
        yield f"until 1 {sitting.PATIENCE_MS}"
        yield f"pause {_THEN_MS}"
        yield "end-program 20000"
        yield "end"


SCENES = {
    # `indexer` leaks; `postgres`, which does nothing, is the one that the kernel is told to prefer.
    "machine": Scene(
        (Process("postgres", 60, oom_score_adj=600), Process("nginx", 12), Process("indexer", 10, mib_s=8)),
        victim="postgres",
        culprit="indexer",
    ),
    "group": Scene(
        (Process("postgres", 30), Process("indexer", 10, mib_s=4), Process("nginx", 8)),
        victim="indexer",
        culprit="indexer",
        limit_mib=128,
    ),
}


def record(scene: Scene, kernel: debian.Kernel) -> bytes:
    """The one segment of the spool. Raises IncompleteRun."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        told = sitting.play(kernel, scene.script(), userland.disk(scratch), scratch)
        if notes := list(told.every("note")):
            raise IncompleteRun(b"; ".join(notes).decode(errors="replace"))
        (segment,) = (scratch / "found" / Path(sitting.SPOOL).name).glob("*.oomspool")
        return segment.read_bytes()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("names", nargs="+", choices=sorted(SCENES))
    asked.add_argument("--kernel", default="sid")
    asked.add_argument("--to", type=Path, default=Path(__file__).parents[2] / "fixtures" / "recordings")
    given = asked.parse_args()
    kernel = debian.fetch(given.kernel)
    for name in given.names:
        made = given.to / f"grown-{name}"
        made.mkdir(exist_ok=True, parents=True)
        packed = lzma.compress(record(SCENES[name], kernel), preset=9 | lzma.PRESET_EXTREME)
        (made / "00000001.oomspool.xz").write_bytes(packed)


if __name__ == "__main__":
    main()
