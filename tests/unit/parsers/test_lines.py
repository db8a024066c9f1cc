"""Bytes to numbered lines: endings, limits, damage."""

from __future__ import annotations

import pytest

from oomforensics.parsers.lines import MAX_LINE, lines
from oomforensics.parsers.records import Problem


def read(*chunks: bytes, first: int = 1) -> tuple[list[tuple[int, bytes]], list[Problem]]:
    problems: list[Problem] = []
    return list(lines(chunks, problems, "x.log", first)), problems


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ((), []),
        ((b"one\ntwo\n",), [(1, b"one"), (2, b"two")]),
        ((b"one\r\ntwo\r\r\n",), [(1, b"one"), (2, b"two")]),
        ((b"no newline at the end",), [(1, b"no newline at the end")]),
        ((b"a\n\nb\n",), [(1, b"a"), (2, b""), (3, b"b")]),
        ((b"on", b"e\ntw", b"", b"o"), [(1, b"one"), (2, b"two")]),
        ((b"\0\0\0torn\0 line\nnext\0\0",), [(1, b"torn line"), (2, b"next")]),
        ((b"a lone \r stays\n",), [(1, b"a lone \r stays")]),
    ],
)
def test_lines_are_numbered_and_have_no_ending(chunks: tuple[bytes, ...], expected: list[tuple[int, bytes]]) -> None:
    assert read(*chunks) == (expected, [])


def test_counting_starts_where_a_window_starts() -> None:
    assert read(b"a\nb\n", first=1000)[0] == [(1000, b"a"), (1001, b"b")]


def test_a_line_of_exactly_the_limit_is_whole() -> None:
    line = b"x" * MAX_LINE
    assert read(line + b"\r\nnext\n") == ([(1, line), (2, b"next")], [])


@pytest.mark.parametrize("chunk", [1000, MAX_LINE, 10**7])
def test_a_longer_line_is_cut_with_one_problem(chunk: int) -> None:
    data = b"y" * (MAX_LINE + 1) + b"z" * 300_000 + b"\nnext\n"
    found, problems = read(*(data[at : at + chunk] for at in range(0, len(data), chunk)))
    assert found == [(1, b"y" * MAX_LINE), (2, b"next")]
    assert [(problem.source, problem.line, problem.severity) for problem in problems] == [("x.log", 1, "data_loss")]


def test_an_endless_line_is_never_held() -> None:
    piece = b"q" * 65_536
    problems: list[Problem] = []
    reader = lines((piece for _ in range(2_000)), problems, "x.log")
    assert [(number, len(line)) for number, line in reader] == [(1, MAX_LINE)]
    assert len(problems) == 1
