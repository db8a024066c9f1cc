"""Hostile input by the million: `python -m tests.fuzz --executions 1000000 [--seed N] [TARGET …]` (make fuzz).

Each execution takes a seed input, damages it and gives it to a target. It fails where an exception escapes, where it takes
more than CPU_S, where memory grows by GROWTH_BYTES or a thread stays behind. The first input of each failure is kept in
build/fuzz/ (Ctrl-C ends with the figures so far), and `python -m tests.fuzz --input FILE TARGET` runs it again.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from tests.fuzz.damage import damaged
from tests.fuzz.targets import TARGETS, Target, nothing_swallowed

CPU_S = 3.0  # most executions take a millisecond
WALL_S = 60.0  # on a busy machine; ends what waits for something that does not come
GROWTH_BYTES = 256 << 20  # in one execution
MEMORY_BYTES = 1 << 30  # of the process, which begins with 0.1 GiB
DESCRIPTORS = 100
_CHECKED_EVERY = 500  # executions, for what is slow to find out
_BUILD = Path(__file__).resolve().parents[2] / "build" / "fuzz"


class Refused(BaseException):
    """An execution did what none may. No Exception: those are caught, and rightly, around libraries."""


def _too_long(number: int, frame: FrameType | None) -> None:
    raise Refused("took too long")


@dataclass
class Result:
    done: Counter[str] = field(default_factory=Counter)
    slowest_s: dict[str, float] = field(default_factory=dict)
    failures: dict[str, tuple[int, str]] = field(default_factory=dict)  # what and where -> how often, the first in full


def _memory_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def execute(target: Target, data: bytes) -> None:
    """Raises whatever is wrong."""
    before = _memory_bytes()
    signal.setitimer(signal.ITIMER_PROF, CPU_S)
    signal.setitimer(signal.ITIMER_REAL, WALL_S)
    try:
        with nothing_swallowed():
            target.run(data)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
    after = _memory_bytes()
    if after - before > GROWTH_BYTES or after > MEMORY_BYTES:
        raise Refused(f"memory grew from {before} to {after} bytes")
    if threading.active_count() > 1 and any(one.name.endswith("(_run)") for one in threading.enumerate()):
        raise Refused("a thread was left behind")


def run(executions: int, seed: int, names: list[str]) -> Result:
    """Executions of each target by its share."""
    draw = random.Random(seed)
    result = Result()
    signal.signal(signal.SIGPROF, _too_long)
    signal.signal(signal.SIGALRM, _too_long)
    shares = [TARGETS[name].share for name in names]
    stopped: list[int] = []
    before = {
        each: signal.signal(each, lambda which, _: stopped.append(which)) for each in (signal.SIGINT, signal.SIGTERM)
    }
    for number in range(executions):
        if stopped:
            break
        name = draw.choices(names, shares)[0]
        target = TARGETS[name]
        found = target.seeds()
        data = damaged(draw, draw.choice(found), found)
        if target.repair is not None and draw.randrange(2):
            data = target.repair(data)
        began = time.perf_counter()
        try:
            execute(target, data)
            if number % _CHECKED_EVERY == 0 and len(list(Path("/proc/self/fd").iterdir())) > DESCRIPTORS:
                raise Refused("files stay open")
        except (Exception, Refused) as error:
            _keep(result, name, data, error)
        result.done[name] += 1
        result.slowest_s[name] = max(result.slowest_s.get(name, 0), time.perf_counter() - began)
    for each, handler in before.items():
        signal.signal(each, handler)
    return result


def _keep(result: Result, name: str, data: bytes, error: BaseException) -> None:
    """The first input of each kind of failure."""
    where = traceback.extract_tb(error.__traceback__)
    ours = next((frame for frame in reversed(where) if "oomforensics/" in frame.filename), where[-1])
    kind = f"{name}: {type(error).__name__} in {Path(ours.filename).name}:{ours.lineno}"
    times, first = result.failures.get(kind, (0, ""))
    if not times:
        _BUILD.mkdir(parents=True, exist_ok=True)
        kept = _BUILD / f"{name.replace(' ', '-')}-{hashlib.sha256(data).hexdigest()[:12]}"
        kept.write_bytes(data)
        first = f"{kept}\n" + "".join(traceback.format_exception(error))
        sys.stderr.write(f"{kind}\n{first}\n")
    result.failures[kind] = times + 1, first


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.fuzz")
    options.add_argument("--executions", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--input", type=Path, help="run this input once, and show what is raised")
    options.add_argument("targets", nargs="*", metavar="TARGET", help=f"one of {', '.join(TARGETS)}; default: all")
    chosen = options.parse_args()
    names = chosen.targets or list(TARGETS)
    if unknown := set(names) - TARGETS.keys():
        options.error(f"no such target: {', '.join(sorted(unknown))}")
    if chosen.input is not None:
        for name in names:
            execute(TARGETS[name], chosen.input.read_bytes())
        return
    began = time.monotonic()
    result = run(chosen.executions, chosen.seed, names)
    for name, number in sorted(result.done.items()):
        sys.stdout.write(f"{name:16} {number:9} executions, the slowest {result.slowest_s[name] * 1000:6.0f} ms\n")
    sys.stdout.write(
        f"{result.done.total()} in {time.monotonic() - began:.0f} s, seed {chosen.seed}, {_memory_bytes() >> 20} MiB,"
        f" {len(result.failures)} kinds of failure\n"
    )
    for kind, (times, _) in sorted(result.failures.items()):
        sys.stdout.write(f"{times:7} times {kind}\n")
    sys.exit(bool(result.failures))


if __name__ == "__main__":
    main()
