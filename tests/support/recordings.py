"""Makes the recordings of fixtures/recordings in which somebody grows, as root on a machine with cgroup v1's memory controller:

python -m tests.support.recordings leak burst pool steady      # recordings as DIR/grew-NAME/00000001.oomspool.xz (--to DIR)
"""

from __future__ import annotations

import argparse
import lzma
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from oomforensics.capture.options import Options
from tests.support.memcg import finished, group, start

# Enters the cgroup, holds some MiB, waits, then takes a MiB every so often; gives all back that it took when it has `most`.
_GROWS = """
import sys, time
folder, adj, held, wait, pause, most = sys.argv[1], *map(float, sys.argv[2:7])
open("/proc/self/oom_score_adj", "w").write(str(int(adj)))
open(folder + "/cgroup.procs", "w").write("0")
base = [bytearray(b"x" * (1 << 20)) for _ in range(int(held))]
time.sleep(wait)
taken = []
while pause:
    taken.append(bytearray(b"x" * (1 << 20)))
    time.sleep(pause)
    if most and len(taken) >= most:
        taken.clear()
time.sleep(600)
"""


class Process(NamedTuple):
    name: str
    held_mib: int
    wait_s: float = 0
    pause_s: float = 0  # between a MiB and the next; 0: it does not grow
    most_mib: int = 0  # what it takes before it gives it back; 0: it does not
    oom_score_adj: int = 0
    inside: str = ""  # a cgroup below the scenario's


class Scenario(NamedTuple):
    cgroup: str
    limit_mib: int
    processes: tuple[Process, ...]
    settles: bool = False  # the recorder looks when all hold what they hold


_NAMES = ("mail", "image", "invoice", "search", "report", "import", "export", "audit", "stock", "price")
_SAWTOOTH = Process("java", 5, 0, 0.05, 15)
SCENARIOS = {
    # `indexer` leaks 3.3 MiB/s; `postgres`, which does nothing, is the one that the kernel is told to prefer.
    "leak": Scenario(
        "grew-leak", 200, (Process("postgres", 50, oom_score_adj=900), Process("indexer", 10, 1, 0.3), _SAWTOOTH)
    ),
    # `indexer` grows by 0.5 MiB/s all the time; `report` sleeps for 35 s and then takes all that is left within 2 s.
    "burst": Scenario(
        "grew-burst", 220,
        (Process("postgres", 40), Process("indexer", 10, 0, 2.0), Process("report", 20, 35, 0.015), _SAWTOOTH),
    ),
    # Ten of a service, each of another name, take 1.2 MiB/s each; `cron` beside them does nothing.
    "pool": Scenario(
        "grew-pool",
        200,
        (*(Process(f"{name}-job", 4, 1, 0.8, inside="shop.service") for name in _NAMES), Process("cron", 5)),
    ),
    # All but a few MiB of the limit are in steady use; after 40 s `java` asks for those few and one more.
    "steady": Scenario("grew-steady", 160, (Process("java", 131, 40, 0.05), Process("sidecar", 20)), settles=True),
}  # fmt: skip


def record(scenario: Scenario, spool: Path) -> None:
    """Until the group's first OOM, and a second more."""
    with tempfile.TemporaryDirectory() as programs, group(scenario.cgroup, scenario.limit_mib) as folder:
        running = [_run(Path(programs), folder, one) for one in scenario.processes if scenario.settles]
        time.sleep(3 if scenario.settles else 0)
        recorder = start(Options(str(spool), "cgroup", f"/{scenario.cgroup}", until_oom=True, then_s=1.0))
        time.sleep(1)
        running += [_run(Path(programs), folder, one) for one in scenario.processes if not scenario.settles]
        code, said = finished(recorder, timeout_s=120)
        for one in running:
            one.kill()
            one.wait()
        for inner in {folder / one.inside for one in scenario.processes if one.inside}:
            inner.rmdir()
    if code != 0:
        raise SystemExit(said)


def _run(programs: Path, folder: Path, one: Process) -> subprocess.Popen[bytes]:
    program = programs / one.name
    home = folder / one.inside
    home.mkdir(exist_ok=True)
    if not program.exists():
        program.symlink_to(sys.executable)
    values = one.oom_score_adj, one.held_mib, one.wait_s, one.pause_s, one.most_mib
    command = [one.name, "-I", "-S", "-c", _GROWS, str(home), *map(str, values)]
    return subprocess.Popen(command, executable=str(program))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("names", nargs="+", choices=sorted(SCENARIOS))
    asked.add_argument("--to", type=Path, default=Path(__file__).parents[2] / "fixtures" / "recordings")
    given = asked.parse_args()
    for name in given.names:
        with tempfile.TemporaryDirectory() as spool:
            record(SCENARIOS[name], Path(spool))
            made = given.to / f"grew-{name}"
            made.mkdir(exist_ok=True, parents=True)
            for segment in sorted(Path(spool).glob("*.oomspool")):
                (made / f"{segment.name}.xz").write_bytes(
                    lzma.compress(segment.read_bytes(), preset=9 | lzma.PRESET_EXTREME)
                )


if __name__ == "__main__":
    main()
