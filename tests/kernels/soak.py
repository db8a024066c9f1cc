"""`make soak-kernels N=500`: kills of populations drawn by chance, until the analysis disagrees with the kernel.

A run that disagrees is kept as a fixture, named by its seed; `--seed` starts a search elsewhere.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count

from tests.kernels import boot, debian
from tests.kernels.chance import drawn
from tests.kernels.debian import Kernel
from tests.kernels.outcome import Fixture, IncompleteRun
from tests.kernels.record import FIXTURES
from tests.kernels.scenario import Scenario
from tests.support.kernel_runs import Run, disagreements

_KERNELS = ("bullseye", "bookworm", "trixie", "sid", "trixie:arm64-16k")
_SIDE_BY_SIDE = 2
_DRAWN_AT_ONCE = 32
_CGROUP_V1_GONE = (6, 12)


@dataclass
class Tally:
    """What a kernel did in the soak."""

    runs: int = 0
    lost: int = 0
    kills: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    disagreements: int = 0

    def told(self, release: str) -> str:
        words = ", ".join(f"{number} {word}" for word, number in self.verdicts.most_common())
        return (
            f"{release}: {self.kills} kills in {self.runs} runs ({self.lost} lost), "
            f"{self.disagreements} disagreements; verdicts: {words}\n"
        )


def _batches(kernel: Kernel, first_seed: int) -> Iterator[list[Scenario]]:
    for start in count(first_seed, _DRAWN_AT_ONCE):
        seeds = range(start, start + _DRAWN_AT_ONCE)
        scenarios = [drawn(seed, cgroup_v1=kernel.version < _CGROUP_V1_GONE) for seed in seeds]
        yield from boot.batches([one for one in scenarios if not one.needs & kernel.machine.lacks])


def _add(tally: Tally, name: str, made: Fixture | IncompleteRun) -> None:
    tally.runs += 1
    if isinstance(made, IncompleteRun):
        tally.lost += 1
        sys.stdout.write(f"{name}: {made}\n")
        return
    run = Run(made.kmsg, made.dmesg, made.truth)
    tally.kills += len(made.truth["killed"])
    tally.verdicts.update(one.verdict.word.value for one in run.from_kmsg)
    differ = disagreements(run)
    if differ:
        tally.disagreements += 1
        made.write(FIXTURES / made.release / name)
        sys.stdout.writelines(f"{made.release} {name}: {sentence}\n" for sentence in differ)


def soak(kernel: Kernel, kills: int, seed: int) -> Tally:
    tally = Tally()
    coming = _batches(kernel, seed)
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        while tally.kills < kills:
            batches = [next(coming) for _ in range(_SIDE_BY_SIDE)]
            for played in pool.map(lambda scenes: boot.play_all(kernel, scenes), batches):
                for name, made in played.items():
                    _add(tally, name, made)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kernels.soak", description=__doc__)
    parser.add_argument("kernels", nargs="*", default=_KERNELS)
    parser.add_argument("--kills", type=int, default=100, help="of all kernels together")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    failures = 0
    for spec in options.kernels:
        kernel = debian.fetch(spec)
        tally = soak(kernel, -(-options.kills // len(options.kernels)), options.seed)
        sys.stdout.write(tally.told(kernel.release))
        sys.stdout.flush()
        failures += tally.disagreements
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
