"""The task table by column says what its rows say, whatever a log puts into them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from oomforensics.analysis.task_table import NO_TASKS, Process, TaskTable

NUMBERS = st.integers(0, 2**63 - 1) | st.integers(0, 5)
MAYBE = st.none() | NUMBERS
ROWS = st.lists(
    st.builds(
        Process, NUMBERS, MAYBE, st.none() | st.text(max_size=3), MAYBE, MAYBE, MAYBE, MAYBE, MAYBE,
        st.none() | st.integers(-1000, 1000), st.none() | st.booleans(), st.none() | st.just("global_init"), st.booleans(), MAYBE,
    ),
    max_size=9,
)  # fmt: skip


def own_pages(row: Process) -> int:
    resident = row.rss_pages if row.rss_anon_pages is None else row.rss_anon_pages
    return (resident or 0) + (row.swapents_pages or 0)


def total(rows: list[Process], of: Callable[[Process], int | None]) -> int | None:
    known = [value for row in rows if (value := of(row)) is not None]
    return sum(known) if known else None


@given(ROWS)
def test_it_holds_its_rows(rows: list[Process]) -> None:
    table = TaskTable.of(rows)
    assert len(table) == len(rows)
    assert list(table) == rows
    assert [table[place] for place in range(len(table))] == rows
    assert list(table[1:3]) == rows[1:3]
    assert list(table[1:][1:]) == rows[2:]


@given(ROWS)
def test_sums_are_those_of_the_rows(rows: list[Process]) -> None:
    table = TaskTable.of(rows)
    assert table.used_pages.tolist() == [row.used_pages for row in rows]
    assert table.own_pages.tolist() == [own_pages(row) for row in rows]
    assert table.total("rss_pages") == total(rows, lambda row: row.rss_pages)
    assert table.total("swapents_pages") == total(rows, lambda row: row.swapents_pages)
    assert table.known("pgtables_bytes") == sum(row.pgtables_bytes is not None for row in rows)


@given(ROWS, NUMBERS)
def test_rows_are_found(rows: list[Process], pid: int) -> None:
    table = TaskTable.of(rows)
    assert table.largest(table.used_pages) == max(rows, key=lambda row: row.used_pages, default=None)
    assert table.victim == next((row for row in rows if row.is_victim), None)
    assert table.with_pid(pid) == next((row for row in reversed(rows) if row.pid == pid), None)
    assert all(table.with_pid(row.pid) in rows for row in rows)
    assert table.with_pid(None) is None
    eligible = np.array([bool(row.eligible) for row in rows], np.bool_)
    assert list(table.where(eligible)) == [row for row in rows if row.eligible]


def test_an_empty_table() -> None:
    assert len(NO_TASKS) == 0
    assert NO_TASKS.total("rss_pages") is None
    assert NO_TASKS.largest(NO_TASKS.used_pages) is None
