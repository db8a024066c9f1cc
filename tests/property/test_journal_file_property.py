"""A journal with any bytes changed: it is read to the end, and nothing is read that was not in it."""

from __future__ import annotations

import io
import struct
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from oomforensics.parsers import journal_file
from oomforensics.parsers.records import Problem, Record
from tests.support.journals import RANKING
from tests.unit.parsers.test_journal_file import CONTEXT, changed, exported, journal, objects

NAMES = ("regular-zstd-252", "regular-lz4", "regular-xz", "compact-zstd", "compact-lz4", "online")
USED = {name: max(at + size for at, _, size in objects(journal(name))) for name in NAMES}
BORDERS = {name: [at for at, _, _ in objects(journal(name))] for name in NAMES}
names = st.sampled_from(NAMES)
FOLLOWED = 2 * len(RANKING)  # messages that are read because of one before them
wild = st.one_of(
    st.integers(0, 255), st.integers(0, 4_000_000), st.integers(0, 2**64 - 1), st.sampled_from([2**63, 2**64 - 1])
)


class Counting(io.BytesIO):
    """A file that counts how often it is read: time without a clock."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        return super().read(size)


def read(data: bytes) -> tuple[list[Record], list[Problem]]:
    problems: list[Problem] = []
    file = Counting(data)
    found = list(journal_file.records(file, len(data), CONTEXT, problems))
    assert file.reads < 50_000
    assert len(problems) <= 102
    for each in found:
        each.text.encode()
    numbers = [each.line for each in found]
    assert numbers == sorted(set(numbers))
    return found, problems


@st.composite
def places(draw: st.DrawFn, name: str) -> int:
    """A byte of the header, of an object's header, or any other that is in use."""
    data = BORDERS[name]
    kind = draw(st.integers(0, 9))
    if kind < 2:
        return draw(st.integers(8, 263))
    if kind < 8:
        return draw(st.sampled_from(data)) + draw(st.integers(0, 80))
    return draw(st.integers(data[2], USED[name]))


@settings(max_examples=150)
@given(st.data(), names)
def test_numbers_of_any_size_at_any_place(data: st.DataObject, name: str) -> None:
    changes = []
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(places(name))
        new = data.draw(st.one_of(wild.map(lambda value: struct.pack("<Q", value)), st.binary(min_size=1, max_size=40)))
        changes.append((at & ~7 if len(new) == 8 else at, new))
    found, _ = read(changed(journal(name), *changes))
    assert len(found) <= len(exported())


@settings(max_examples=60)
@given(st.data(), names)
def test_a_flipped_bit_costs_little(data: st.DataObject, name: str) -> None:
    """Behind the header and the tables of hashes it takes no more with it than what it is part of."""
    at = data.draw(st.sampled_from(BORDERS[name][2:])) + data.draw(st.integers(0, 40))
    old = journal(name)[at]
    found, _ = read(changed(journal(name), (at, bytes([old ^ 1 << data.draw(st.integers(0, 7))]))))
    whole, _ = read(journal(name))
    texts = Counter(each.text for each in whole)
    most = max(texts.values())  # as many entries share a message
    assert sum(each.text not in texts for each in found) <= most
    assert len(whole) - FOLLOWED - most <= len(found) <= len(whole) + FOLLOWED


@settings(max_examples=60)
@given(st.data(), names)
def test_a_file_cut_anywhere_gives_what_came_before(data: st.DataObject, name: str) -> None:
    whole, _ = read(journal(name))
    cut = data.draw(st.integers(0, USED[name] - 1) | st.integers(BORDERS[name][2], USED[name] - 1))
    found, problems = read(journal(name)[:cut])
    assert found == whole[: len(found)]
    assert problems
    if cut > BORDERS[name][0]:
        zeroed, _ = read(journal(name)[:cut] + bytes(USED[name] - cut))
        assert [each.text for each in zeroed] == [each.text for each in whole[: len(zeroed)]]
        assert len(zeroed) - len(found) in (0, 1)  # an entry may have lost only what nobody asks for


@settings(max_examples=60)
@given(st.data(), names, st.integers(1, 20_000))
def test_a_part_that_was_never_written(data: st.DataObject, name: str, size: int) -> None:
    """A hole takes away, and adds nothing."""
    whole, _ = read(journal(name))
    at = data.draw(st.integers(BORDERS[name][2], USED[name] - 1))
    size = min(size, USED[name] - at)
    found, problems = read(changed(journal(name), (at, bytes(size))))
    known = {each.text for each in whole}
    changed_text = [each for each in found if each.text not in known]
    assert not changed_text or not problems  # a hole inside a message that nothing else shows
    assert len(found) <= len(whole)


@settings(max_examples=100)
@given(st.binary(max_size=2000))
def test_any_bytes_behind_the_signature(data: bytes) -> None:
    found, problems = read(journal_file.MAGIC + data)
    assert found == []
    assert problems


@settings(max_examples=60)
@given(names, st.binary(max_size=4000))
def test_any_bytes_behind_a_real_header(name: str, data: bytes) -> None:
    found, problems = read(journal(name)[:272] + data)
    assert found == []
    assert problems
