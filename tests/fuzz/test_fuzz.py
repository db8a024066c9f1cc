"""A short run of the fuzzing that `make fuzz` does at length."""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import run
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_escapes(name: str) -> None:
    executions = 150 if name == "journal" else 600
    assert run(executions, 20_261_123, [name])[name] == executions
