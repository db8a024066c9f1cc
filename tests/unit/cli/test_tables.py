"""Tables fit, and nothing in them is obeyed."""

from __future__ import annotations

import pytest

from oomforensics.cli.tables import render
from oomforensics.cli.terminal import safe
from oomforensics.reports.escape import cells

HOSTILE = ["\x1b[2J", "\x9b31m", "a\u202eb", "line\nnext", "tab\t", "\x7f", "\ud800", "x\r"]


@pytest.mark.parametrize("name", HOSTILE)
def test_control_characters_are_shown(name: str) -> None:
    assert safe(name).isprintable()
    text = "".join(render(["name"], [[name]], None))
    assert text.count("\n") == 2
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("width", [20, 40, 79, 80, 200])
def test_a_table_fits(width: int) -> None:
    rows = [[f"{number:016x}", "日本語の名前" * 4, "/a/long/cgroup/path" * 3, number] for number in range(9)]
    lines = list(render(["id", "name", "cgroup", "count"], rows, width))
    assert all(cells(line.rstrip("\n")) <= width for line in lines)
    assert lines[0].startswith(("id", "-- 1"))


def test_without_a_limit_nothing_is_cut() -> None:
    long = "x" * 500
    assert long in "".join(render(["a"], [[long]], None))


def test_too_many_columns_become_records() -> None:
    names = [f"column_{at}" for at in range(40)]
    lines = list(render(names, [list(range(40))], 80))
    assert lines[0] == "-- 1\n"
    assert lines[1].split() == ["column_0", "0"]
    assert len(lines) == 41


def test_numbers_stand_to_the_right_and_unknown_is_blank() -> None:
    assert list(render(["n", "s"], [[5, "a"], [None, "b"], [100, None]], None)) == [
        "  n  s\n",
        "  5  a\n",
        "     b\n",
        "100\n",
    ]
