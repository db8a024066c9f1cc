"""Reports that are cut, thinned, interleaved or altered: nothing raises, no kill is lost, none is invented.

The check of kills is a plain search for the words in the bytes that went in, independent of the parsers.
"""

from __future__ import annotations

import os
import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oomforensics.analysis.judge import judge
from oomforensics.analysis.model import VerdictWord
from oomforensics.parsers.assemble import assemble
from oomforensics.parsers.facts import Incident
from tests.support.logs import incidents, parse
from tests.support.samples import all_logs, corpus_logs, printed_logs

LOGS = all_logs()
CASES = 2_000 if os.environ.get("CI") else 300
many = settings(max_examples=CASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
log_names = st.sampled_from(sorted(LOGS))
_WHOLE_KILL = re.compile(rb"Killed process (\d+)(?:, UID \d+,)? \(.*\).*(?:total-vm|vsz):")


def kills(found: list[Incident]) -> Counter[int]:
    return Counter(kill.pid for incident in found for kill in incident.kills if kill.reason != "shared_mm")


def check(lines: list[bytes], *, whole_lines: bool) -> None:
    found = list(assemble(parse(lines), "damaged.log"))
    for judged in judge(found):
        assert judged.verdict.word in VerdictWord
        assert all(candidate.badness_pages is None or candidate.eligible for candidate in judged.candidates)
    for incident in found:
        for kill in incident.kills:
            line = b" ".join(part.strip() for part in lines[kill.line - 1 : kill.line + 2])  # a mail may have broken it
            assert f"process {kill.pid}".encode() in line, "a kill that no line names"
    if whole_lines:
        printed = {int(pid) for line in lines for pid in _WHOLE_KILL.findall(line)}
        assert printed <= set(kills(found)), "a kill line that became no kill"


@many
@given(st.data())
def test_cut_at_both_ends(data: st.DataObject) -> None:
    lines = LOGS[data.draw(log_names)]
    start = data.draw(st.integers(0, len(lines)))
    end = data.draw(st.integers(start, len(lines)))
    check(lines[start:end], whole_lines=True)


@many
@given(st.data())
def test_lines_dropped(data: st.DataObject) -> None:
    lines = LOGS[data.draw(log_names)]
    dropped = data.draw(st.sets(st.integers(0, max(len(lines) - 1, 0)), max_size=12))
    check([line for place, line in enumerate(lines) if place not in dropped], whole_lines=True)


@many
@given(st.data())
def test_two_reports_interleaved(data: st.DataObject) -> None:
    one, two = (list(LOGS[data.draw(log_names)]) for _ in range(2))
    mixed: list[bytes] = []
    while one or two:
        source = one if (one and (not two or data.draw(st.booleans()))) else two
        count = data.draw(st.integers(1, 60))
        mixed += source[:count]
        del source[:count]
    check(mixed, whole_lines=True)


@many
@given(st.data())
def test_bytes_altered(data: st.DataObject) -> None:
    text = bytearray(b"\n".join(LOGS[data.draw(log_names)]))
    if text:
        for _ in range(data.draw(st.integers(1, 20))):
            text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    check(bytes(text).split(b"\n"), whole_lines=False)


@many
@given(st.data())
def test_chunks_removed_and_repeated(data: st.DataObject) -> None:
    text = b"\n".join(LOGS[data.draw(log_names)])
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 5_000)))
        text = text[:start] + data.draw(st.sampled_from([b"", text[start:end] * 2])) + text[end:]
    check(text.split(b"\n"), whole_lines=False)


@settings(max_examples=CASES // 2)
@given(st.lists(st.binary(max_size=200), max_size=60))
def test_noise_is_no_incident(lines: list[bytes]) -> None:
    assert incidents([line.replace(b"\n", b"") for line in lines]) == []


@pytest.mark.parametrize("name", sorted(printed_logs()))
def test_every_cut_keeps_the_kill_or_says_it_is_missing(name: str) -> None:
    """A report cut at every single line."""
    lines = printed_logs()[name]
    kill_at = next(place for place, line in enumerate(lines) if b"Killed process" in line)
    for cut in range(len(lines) + 1):
        head, tail = incidents(lines[:cut]), incidents(lines[cut:])
        assert kills(head) == (Counter([102]) if cut > kill_at else Counter())
        assert kills(tail) == (Counter([102]) if cut <= kill_at else Counter())
        assert all("kill_line" in incident.missing for incident in head if not incident.kills)
        assert all(incident.missing for incident in tail if cut and cut <= kill_at)


def test_the_corpus_took_part_where_it_is_at_hand() -> None:
    if not corpus_logs():
        pytest.skip("the shared corpus of field reports is not beside this checkout")
    assert sum(name.endswith(".log") for name in LOGS) > 100
