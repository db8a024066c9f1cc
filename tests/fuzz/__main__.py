"""Hostile input by the million: `python -m tests.fuzz --executions 1000000 [--seed N] [TARGET …]` (make fuzz).

Each execution takes a seed input, damages it and gives it to a target. An exception that escapes, an execution that takes
longer than TIME_S, or memory that grows beyond MEMORY_BYTES ends the run with the input kept in build/fuzz/.
"""

from __future__ import annotations

import argparse
import random
import resource
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType

from tests.fuzz.targets import TARGETS, damaged

TIME_S = 10.0  # on a busy machine; most take a millisecond
MEMORY_BYTES = 1 << 30  # of the process, which begins with 0.1 GiB
_BUILD = Path(__file__).resolve().parents[2] / "build" / "fuzz"


class TookTooLong(Exception):
    """An execution did not end in time."""


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TookTooLong


def run(executions: int, seed: int, names: list[str]) -> Counter[str]:
    """Executions of each target. Raises what a target raises, after keeping the input."""
    draw = random.Random(seed)
    done: Counter[str] = Counter()
    signal.signal(signal.SIGALRM, _too_long)
    for number in range(executions):
        name = names[number % len(names)]
        target = TARGETS[name]
        data = damaged(draw, draw.choice(target.seeds()), target.seeds())
        signal.setitimer(signal.ITIMER_REAL, TIME_S)
        try:
            target.run(data)
            if number % 1000 == 0 and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > MEMORY_BYTES:
                raise MemoryError(f"more than {MEMORY_BYTES} bytes")
        except BaseException:
            _BUILD.mkdir(parents=True, exist_ok=True)
            kept = _BUILD / f"{name}-{seed}-{number}"
            kept.write_bytes(data)
            sys.stderr.write(f"{name}: execution {number} of seed {seed} failed; its input is {kept}\n")
            raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        done[name] += 1
    return done


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.fuzz")
    options.add_argument("--executions", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("targets", nargs="*", choices=[[], *TARGETS])
    chosen = options.parse_args()
    began = time.monotonic()
    done = run(chosen.executions, chosen.seed, chosen.targets or list(TARGETS))
    for name, number in sorted(done.items()):
        sys.stdout.write(f"{name:16} {number:9} executions\n")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stdout.write(f"{done.total()} in {time.monotonic() - began:.0f} s, {memory} MiB, none failed\n")


if __name__ == "__main__":
    main()
