"""Both ways to look for literals find the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oomforensics.parsers import literals

SOME = (b"ab", b"abc", b"ca", b"\n[", b"-k")


@given(st.text("abck-[\n").map(str.encode))
def test_they_find_the_same(data: bytes) -> None:
    found = literals.simd(SOME)(data)
    assert found == literals.regex(SOME)(data) == literals.finder(SOME)(memoryview(data))
    assert all(data[start:end] == SOME[place] for place, start, end in found)
