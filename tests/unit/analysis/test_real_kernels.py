"""Reports that real kernels printed, against what was seen of the same run from outside the log.

fixtures/kernels/<kernel>/<scenario>/ holds kmsg, dmesg.log and truth.json, recorded by tests/kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.kernel_runs import CHECKS, Run
from tests.support.samples import FIXTURES

FOLDERS = sorted(path.parent for path in FIXTURES.glob("kernels/*/*/truth.json"))


@cache
def run_in(folder: Path) -> Run:
    return Run.read(folder)


def test_there_are_runs_of_real_kernels() -> None:
    assert len(FOLDERS) > 280
    assert sum(bool(run_in(folder).truth["oracle"]) for folder in FOLDERS) > 100


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("folder", FOLDERS, ids=[f"{folder.parent.name}/{folder.name}" for folder in FOLDERS])
def test_the_analysis_agrees_with_the_kernel(folder: Path, check: Callable[[Run], Iterator[str]]) -> None:
    assert list(check(run_in(folder))) == []
