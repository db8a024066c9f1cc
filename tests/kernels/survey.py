"""`python -m tests.kernels.survey`: hold what the kernel printed against what is known without its log."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.kernels.record import FIXTURES
from tests.kernels.scenario import Verdict

_KILLED = re.compile(rb"Killed process (\d+) \(")
_INVOKED = re.compile(rb" invoked oom-killer: ")


def _first_round(oracle: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in oracle if row["round"] == 1]


def surprises(dmesg: bytes, truth: dict[str, Any]) -> Iterator[str]:
    """Where the log alone would mislead: each sentence is a fact to explain, not an error."""
    threads = {tid: process["pid"] for process in truth["processes"] for tid in process.get("tids", ())}
    printed = [threads.get(int(pid), int(pid)) for pid in _KILLED.findall(dmesg)]
    dead = [one["pid"] for one in truth["killed"]]
    for pid in sorted(set(dead) - set(printed)):
        yield f"{pid} died, no line says so"
    for pid in sorted(set(printed) - set(dead)):
        yield f"{pid} is said to be killed, and is not seen to die"
    if len(printed) != len(set(printed)):
        yield "a process is said to be killed twice"
    reports = len(_INVOKED.findall(dmesg))
    if reports != len(set(printed)):
        yield f"{reports} reports, {len(set(printed))} processes said to be killed"
    counted = (truth["vmstat_oom_kill_after"] or 0) - (truth["vmstat_oom_kill_before"] or 0)
    if truth["vmstat_oom_kill_after"] is not None and counted != len(dead):
        yield f"vmstat counts {counted} kills, {len(dead)} died"
    by_badness = truth["expected_verdict"] in (Verdict.HIGHEST_BADNESS, Verdict.TIE)
    if truth["oracle"] and printed and by_badness:
        rows = _first_round(truth["oracle"])
        highest = max(row["points"] for row in rows)
        best = [row["pid"] for row in rows if row["points"] == highest]
        if best[-1] != printed[0]:
            yield f"{printed[0]} was taken first, the kernel's highest points were {best[-1]}'s"
        if (len(best) > 1) != (truth["expected_verdict"] == Verdict.TIE):
            yield f"{len(best)} share the highest points"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kernels.survey", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FIXTURES)
    options = parser.parse_args(arguments)
    for path in sorted(options.folder.glob("*/*/truth.json")):
        truth = json.loads(path.read_text(encoding="utf-8"))
        found = list(surprises((path.parent / "dmesg.log").read_bytes(), truth))
        sys.stdout.write(f"{path.parent.relative_to(options.folder)}: {'; '.join(found) or 'as told'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
