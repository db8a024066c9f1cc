"""`watch` on this machine: what it says is what the kernel does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oomforensics.cli.main import app
from tests.support import memcg

_HOLD = """
import os, signal, sys
with open(sys.argv[1] + "/cgroup.procs", "w") as procs:
    procs.write(str(os.getpid()))
held = bytearray(b"x" * (int(sys.argv[2]) << 20))
print("held", flush=True)
more = []
for line in sys.stdin:
    more.append(bytearray(b"x" * (1 << 20)))
    print("held", flush=True)
"""


def watched(*args: str) -> dict[str, object]:
    result = CliRunner().invoke(app, ["watch", "--once", "--json", "--interval", "0.1", *args])
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_most_scores_are_the_kernels_own() -> None:
    found = watched()
    agreement = found["oom_score"]
    assert isinstance(agreement, dict)
    assert agreement["equal"] >= 1
    # A process may grow between two reads.
    assert agreement["different"] <= 0.1 * (agreement["equal"] + agreement["different"])
    assert isinstance(found["totalpages"], int) and found["totalpages"] > 0


def test_as_text_it_fits_and_names_the_parts() -> None:
    result = CliRunner().invoke(app, ["watch", "--once", "--interval", "0.1"])
    assert result.exit_code == 0, result.output
    assert "Who would be killed now" in result.stdout and "Control groups nearest" in result.stdout
    assert "\x1b" not in result.stdout


def test_an_unknown_control_group_is_wrong_usage() -> None:
    result = CliRunner().invoke(app, ["watch", "--once", "--interval", "0.1", "--cgroup", "/no/such"])
    assert result.exit_code == 2
    assert "no control group /no/such" in result.output


def _start(folder: Path, mib: int, adj: int = 0) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _HOLD, str(folder), str(mib)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert started.stdout is not None and started.stdout.readline() == "held\n"
    Path(f"/proc/{started.pid}/oom_score_adj").write_text(str(adj))
    return started


def _ask_until_a_kill(asks: subprocess.Popen[str], folder: Path) -> None:
    """MiB by MiB, each one held before the next: none is asked for while a victim is still dying."""
    assert asks.stdin is not None and asks.stdout is not None
    for _ in range(100):
        asks.stdin.write("\n")
        asks.stdin.flush()
        asks.stdout.readline()
        if memcg.oom_kills(folder):
            return
    pytest.fail("100 MiB more than the limit, and no kill")


@pytest.mark.skipif(memcg.lacking() is not None, reason=f"no OOM can be made here: {memcg.lacking()}")
@pytest.mark.parametrize("adj", [0, 400])
def test_the_one_that_it_names_is_the_one_that_is_killed(adj: int) -> None:
    """`adj`: of the smaller one, which then goes first. A third asks for the memory."""
    with memcg.group(f"oomforensics-watch-{os.getpid()}-{adj}", 100) as folder:
        processes = [_start(folder, 40), _start(folder, 25, adj), _start(folder, 5)]
        try:
            path = "/" + str(folder).partition("/memory/")[2]
            named = watched("--cgroup", path)["would_be_killed"]
            assert isinstance(named, list)
            victim = processes[1 if adj else 0]
            assert named[0]["pid"] == victim.pid
            _ask_until_a_kill(processes[2], folder)
            assert victim.wait(timeout=20) == -signal.SIGKILL
            assert memcg.oom_kills(folder) == 1
        finally:
            for one in processes:
                one.kill()
                one.communicate()
