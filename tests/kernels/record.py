"""`python -m tests.kernels.record KERNEL SCENARIO`: play a scenario, write its fixture folder.

KERNEL is `host`, or a suite of Debian (`bullseye`, `trixie:arm64-16k`); SCENARIO may be `all`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.kernels import boot, debian, host
from tests.kernels.outcome import Fixture, IncompleteRun
from tests.kernels.scenario import Scenario
from tests.kernels.scenarios import SCENARIOS, for_guest, for_host

FIXTURES = Path(__file__).parents[2] / "fixtures" / "kernels"


def _report(folder: Path, made: Fixture) -> None:
    made.write(folder)
    killed = ", ".join(f"{one['comm']!r}" for one in made.truth["killed"]) or "nobody"
    oracle = made.truth["oracle"]
    seen = "no oracle" if oracle is None else f"{len(oracle)} oracle rows"
    sys.stdout.write(f"{folder.name}: killed {killed}; {len(made.kmsg)} bytes of kmsg; {seen}\n")
    sys.stdout.writelines(f"  note: {note}\n" for note in made.truth["notes"])
    sys.stdout.flush()


def _chosen(name: str, offered: list[Scenario]) -> list[Scenario]:
    if name == "all":
        return offered
    chosen = [scenario for scenario in offered if scenario.name == name]
    if not chosen:
        known = ", ".join(scenario.name for scenario in offered)
        raise SystemExit(f"no scenario {name!r} for this kernel; there are: {known}")
    return chosen


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kernels.record", description=__doc__)
    parser.add_argument("kernel")
    parser.add_argument("scenario", nargs="+", help=f"one or more of {', '.join(SCENARIOS)}, or all")
    parser.add_argument("--into", type=Path, default=FIXTURES, help="where the fixture folders go")
    options = parser.parse_args(arguments)
    failures = 0
    if options.kernel == "host":
        offered = for_host()
        kernel = None
    else:
        kernel = debian.fetch(options.kernel)
        offered = for_guest(kernel.version, kernel.machine.lacks)
    for name in options.scenario:
        for scenario in _chosen(name, offered):
            try:
                made = host.record(scenario) if kernel is None else boot.record(kernel, scenario)
            except IncompleteRun as failure:
                sys.stderr.write(f"{scenario.name}: {failure}\n")
                failures += 1
                continue
            folder = host.kernel_name() if kernel is None else made.release
            _report(options.into / folder / scenario.name, made)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
