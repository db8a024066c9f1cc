"""`make test-kernels`: every scenario on every kernel, played now and held against the analysis of its log.

Not among the tests that pytest collects by itself: it fetches kernels and boots them. `OOMFORENSICS_KERNELS` names other
kernels than the usual ones. What happened is written to build/kernels: a table, and the runs that disagree.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.kernels import boot, debian, ext4
from tests.kernels.debian import Kernel
from tests.kernels.outcome import Fixture, IncompleteRun
from tests.kernels.scenario import Scenario
from tests.kernels.scenarios import for_guest
from tests.support.kernel_runs import Run, disagreements

SPECS = tuple(os.environ.get("OOMFORENSICS_KERNELS", "bullseye bookworm trixie sid trixie:arm64-16k").split())
RESULTS = Path(__file__).parents[2] / "build" / "kernels"
_SIDE_BY_SIDE = 2


def _kernel(spec: str) -> Kernel | str:
    """The kernel, or what is missing to boot it."""
    machine = debian.machine(spec)
    for program in (machine.qemu[0], machine.compiler, "apt-get", "dpkg"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if ext4.tool("mke2fs") is None:
        return "mke2fs is not installed"
    try:
        return debian.fetch(spec)
    except (LookupError, OSError, subprocess.CalledProcessError) as failure:
        return f"Debian's kernel could not be fetched: {failure}"


KERNELS = {spec: _kernel(spec) for spec in SPECS}
PLAYED = [
    pytest.param(spec, scenario, id=f"{spec}/{scenario.name}")
    for spec, kernel in KERNELS.items()
    if isinstance(kernel, Kernel)
    for scenario in for_guest(kernel.version, kernel.machine.lacks)
]


@dataclass
class Laboratory:
    """Runs to come, and what was found."""

    runs: dict[tuple[str, str], Future[dict[str, Fixture | IncompleteRun]]] = field(default_factory=dict)
    found: dict[tuple[str, str], str] = field(default_factory=dict)

    def table(self) -> Iterator[str]:
        releases = {spec: kernel.release for spec, kernel in KERNELS.items() if isinstance(kernel, Kernel)}
        yield "| scenario | " + " | ".join(releases.values()) + " |"
        yield "|---" * (len(releases) + 1) + "|"
        for name in dict.fromkeys(name for _, name in self.found):
            yield f"| {name} | " + " | ".join(self.found.get((spec, name), "-") for spec in releases) + " |"


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    lab = Laboratory()
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        for spec, kernel in KERNELS.items():
            if isinstance(kernel, Kernel):
                for scenes in boot.batches(for_guest(kernel.version, kernel.machine.lacks)):
                    played = pool.submit(boot.play_all, kernel, scenes)
                    lab.runs |= {(spec, scenario.name): played for scenario in scenes}
        yield lab
        pool.shutdown(cancel_futures=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "agreement.md").write_text("\n".join(lab.table()) + "\n", encoding="utf-8")


@pytest.mark.parametrize("spec", SPECS)
def test_the_kernel_can_be_booted(spec: str) -> None:
    kernel = KERNELS[spec]
    if isinstance(kernel, str) and not os.environ.get("CI"):
        pytest.skip(kernel)
    assert isinstance(kernel, Kernel), kernel
    assert len(for_guest(kernel.version, kernel.machine.lacks)) >= 40


@pytest.mark.parametrize(("spec", "scenario"), PLAYED)
def test_the_analysis_agrees_with_the_kernel(laboratory: Laboratory, spec: str, scenario: Scenario) -> None:
    laboratory.found[spec, scenario.name] = "no run"
    made = laboratory.runs[spec, scenario.name].result()[scenario.name]
    if isinstance(made, IncompleteRun):
        pytest.fail(str(made))
    differ = disagreements(Run(made.kmsg, made.dmesg, made.truth))
    laboratory.found[spec, scenario.name] = "differs" if differ else "agrees"
    if differ:
        made.write(RESULTS / made.release / scenario.name)
    assert not differ
