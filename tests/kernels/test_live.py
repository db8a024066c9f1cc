"""Real OOM kills on the machine that runs the tests, in a small cgroup of its own: made, recorded and explained.

Needs root, cgroup v1's memory controller and gcc; most development machines have no v1 controller any more.
"""

from __future__ import annotations

import os
import shutil

import pytest

from oomforensics.analysis.model import VerdictWord
from tests.kernels import host
from tests.kernels.scenarios import for_host
from tests.support.logs import judged

SCENARIOS = {scenario.name: scenario for scenario in for_host()}


def lacking() -> str | None:
    if os.geteuid() != 0:
        return "not root"
    if shutil.which("gcc") is None:
        return "no gcc"
    if not os.access("/dev/kmsg", os.R_OK):
        return "/dev/kmsg cannot be read"
    try:
        place = host.memory_hierarchy()
    except LookupError as error:
        return str(error)
    return None if os.access(place, os.W_OK) else "cgroup v1's memory controller is read-only"


needs_v1 = pytest.mark.skipif(lacking() is not None, reason=f"no kills on this machine: {lacking()}")


@needs_v1
@pytest.mark.parametrize("name", ["memcg-adj-favours-smaller", "memcg-nested", "memcg-storm"])
def test_a_kill_made_here_is_found_and_explained(name: str) -> None:
    made = host.record(SCENARIOS[name])
    results = judged(made.kmsg.split(b"\n"))
    assert {kill.pid for one in results for kill in one.incident.kills} == {one["pid"] for one in made.truth["killed"]}
    first = results[0]
    assert first.verdict.word.value == made.truth["expected_verdict"], first.verdict.text
    assert first.kernel_release == made.truth["kernel_release"]
    for one in results:
        assert one.verdict.word is not VerdictWord.NOT_EXPLAINED, one.verdict.text
