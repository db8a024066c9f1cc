"""A log turned round line by line says what it said: the same kills, verdicts and badness, at the same lines of the file."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oomforensics.analysis.model import Judged
from oomforensics.parsers.newest_first import in_file
from oomforensics.parsers.records import SourceInfo
from oomforensics.parsers.sources import Source
from oomforensics.pipeline.read import Settings, read
from oomforensics.pipeline.stop import Stop
from tests.support.samples import kernel_logs, printed_logs

_STAMP = re.compile(rb"\[ *(\d+\.\d+)\]|\d+,\d+,(\d+),")
LOGS = {
    str(path.relative_to(path.parents[2])): path.read_bytes().splitlines()
    for path in kernel_logs()
    if path.stat().st_size < 200_000
}
LOGS |= {name: [line for line in lines if line] for name, lines in printed_logs().items()}


def seen(lines: list[bytes]) -> tuple[list[Judged], SourceInfo]:
    source = Source(
        "x", datetime(2026, 3, 10, tzinfo=UTC), lambda: io.BytesIO(b"".join(line + b"\n" for line in lines))
    )
    *judged, info = read(source, Settings(UTC), Stop())
    assert isinstance(info, SourceInfo)
    return [one for one in judged if isinstance(one, Judged)], info


def steps(lines: list[bytes]) -> int:
    """How often the kernel's clock shows which of two lines that follow each other is the later one; a boot's first apart."""
    stamps = [round(float(found[1] or int(found[2]) / 1e6) * 1e6) for line in lines if (found := _STAMP.match(line))]
    return sum(0 < later - earlier < 5_000_000 for earlier, later in pairwise(stamps))


def check(lines: list[bytes]) -> None:
    forwards, plain = seen(lines)
    found, turned = seen(lines[::-1])
    assert plain.last_line is None
    if turned.last_line is None:
        assert steps(lines) < 3
        return
    assert turned.last_line == len(lines)
    for one, other in zip(found, forwards, strict=True):
        assert (one.incident_id, one.verdict.word) == (other.incident_id, other.verdict.word)
        assert one.totalpages.pages == other.totalpages.pages
        assert [each.badness_pages for each in one.candidates] == [each.badness_pages for each in other.candidates]
        assert one.incident == in_file(other.incident, len(lines))


@pytest.mark.parametrize("name", LOGS)
def test_turned_round(name: str) -> None:
    check(LOGS[name])


@settings(max_examples=60)
@given(st.data())
def test_whatever_part_of_it(data: st.DataObject) -> None:
    lines = LOGS[data.draw(st.sampled_from(sorted(LOGS)))]
    start = data.draw(st.integers(0, max(0, len(lines) - 20)))
    check(lines[start : data.draw(st.integers(start + 20, max(start + 20, len(lines))))])
