"""A short run of the fuzzing that `make fuzz` does at length; and it can fail."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from oomforensics.analysis.model import Judged
from oomforensics.parsers import assemble
from oomforensics.parsers.records import SourceInfo
from tests.fuzz import __main__ as fuzz
from tests.fuzz.targets import TARGETS, Target, pieces
from tests.support.small_journal import journal

EXECUTIONS = {"history": 40, "documents": 2000, "identity": 2000}

_ASKS = ["OOM", *["x Mem-Info:"] * 16]  # lines that a report behind a prefix may begin with
# Lines of which a search took the square, the cube or more of the length.
SLOW_ONCE = {
    "half a sentence": [*_ASKS, *["Node 1 a free:1kB " * 26 + "1" * 1022 + "!"] * 20],
    "half a kill": ["Out of memory: Kill" * 78] * 272,
    "many beginnings": [*_ASKS, *["Node 1 a free:1kB " * 83] * 256],
    "numbers side by side": ["OOM", "1" * 150 + "x Mem-Info:", *["1 " * 70 + "Mem-Info:"] * 8],
    "a quote without an end": ["OOM", *['"' + " " * 65_000 + "x"] * 10],
}


@pytest.fixture(autouse=True)
def _kept_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "_BUILD", tmp_path)


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_escapes(name: str) -> None:
    executions = EXECUTIONS.get(name, 600)
    result = fuzz.run(executions, 20_261_123, [name])
    assert [first for _, first in result.failures.values()] == []
    assert result.done[name] == executions


@pytest.mark.parametrize("name", ["framings", "journal export", "witnesses", "streams", "archives", "journal"])
def test_each_seed_holds_something(name: str) -> None:
    def says_something(data: bytes) -> bool:
        return any(
            isinstance(one, Judged) or (isinstance(one, SourceInfo) and bool(one.events)) for one in pieces(data)
        )

    found = TARGETS[name].seeds()
    assert sum(map(says_something, found)) >= len(found) * 0.7


def test_what_the_pipeline_would_forgive_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_: object) -> None:
        raise KeyError("nobody foresaw this")

    monkeypatch.setattr(assemble._Stream, "feed", broken)
    result = fuzz.run(3, 1, ["framings"])
    assert result.failures and list(tmp_path.iterdir())


def test_what_never_ends_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(data: bytes) -> None:
        while True:
            try:
                sum(range(1000))
            except Exception:  # as around a library
                continue

    monkeypatch.setattr(fuzz, "CPU_S", 0.05)
    monkeypatch.setitem(TARGETS, "endless", Target(lambda: [b"x"], endless))
    assert "took too long" in next(iter(fuzz.run(1, 1, ["endless"]).failures.values()))[1]


@pytest.mark.parametrize("lines", SLOW_ONCE.values(), ids=SLOW_ONCE)
def test_what_once_took_too_long(lines: list[str]) -> None:
    before = signal.signal(signal.SIGPROF, fuzz._too_long)
    try:
        fuzz.execute(TARGETS["framings"], "\n".join(lines).encode())
    finally:
        signal.signal(signal.SIGPROF, before)


def test_what_takes_memory_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def large(data: bytes) -> None:
        bytearray(b"\1") * (600 << 20)

    monkeypatch.setattr(fuzz, "GROWTH_BYTES", 8 << 20)
    monkeypatch.setitem(TARGETS, "large", Target(lambda: [b"x"], large))
    assert len(fuzz.run(1, 1, ["large"]).failures) == 1


def test_a_small_journal_is_one() -> None:
    (info,) = (one for one in pieces(journal([{"MESSAGE": b"Linux version 6.1.0"}])) if isinstance(one, SourceInfo))
    assert (info.framing, info.records, info.problems) == ("journal file", 1, [])
