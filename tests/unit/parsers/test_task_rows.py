"""Rows of a task table: read by column or one by one, they are the same rows and the same columns."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from oomforensics.parsers.table import RowReader
from oomforensics.parsers.task_rows import SMALL, Column, TaskRow, TaskRows, column_of, joined, listed

COLUMNS = ("uid", "tgid", "total_vm", "rss", "pgtables_bytes", "swapents", "oom_score_adj")
NUMBERS = [[7, 8, 9], [0, 1000, 0], [7, 8, 9], [500, 600, 700], [50, 60, 70], [4096, 8192, 0], [0, 1, 2], [-1000, 0, 5]]
NAMES = ["init", "java", "a b"]


def by_column(columns: tuple[str, ...] = COLUMNS, numbers: list[list[int]] = NUMBERS) -> TaskRows:
    reader = RowReader(columns)
    rows = TaskRows([row(4)])
    rows.append(reader.block(5, np.array(numbers), NAMES))
    rows.append(row(8))
    return rows


def row(line: int, rss: int = 30) -> TaskRow:
    return TaskRow(line, 50 + line, 3, 50, 900, rss, "single", pgtables_bytes=4096, swapents_pages=1, oom_score_adj=0)


def test_rows_of_a_block_are_those_that_are_read_one_by_one() -> None:
    reader = RowReader(COLUMNS)
    texts = ["[      7]     0     7      500       50     4096        0         -1000 init",
             "[      8]  1000     8      600       60     8192        1             0 java",
             "[      9]     0     9      700       70        0        2             5 a b"]  # fmt: skip
    single = TaskRows(
        [row(4), *(read for line, text in enumerate(texts, 5) if (read := reader.read(text, line))), row(8)]
    )
    rows = by_column()
    assert len(single) == len(rows) == 5
    assert list(rows) == list(single)
    assert [rows[place] for place in range(-5, 5)] == [*single, *single]
    assert rows[1:3] == list(single)[1:3]
    assert rows == single
    assert rows.names() == single.names() == ["single", *NAMES, "single"]
    for name in TaskRow._fields:
        ours, theirs = rows.column(name), single.column(name)
        if name == "comm" or all(getattr(one, name) is None for one in single):
            assert ours is theirs is None
            continue
        assert ours is not None
        assert theirs is not None
        assert ours.absent is theirs.absent is None
        assert ours.values.tolist() == theirs.values.tolist() == [getattr(one, name) for one in single]


@pytest.mark.parametrize("columns", [(*COLUMNS[:-1], "new_figure"), (*COLUMNS[:-1], "rss")])
def test_a_column_of_no_field_and_one_that_stands_twice(columns: tuple[str, ...]) -> None:
    rows = by_column(columns)
    text = "[ 7] 0 7 500 50 4096 0 -1000 init"
    assert rows[1] == RowReader(columns).read(text, 5)
    rss = rows.column("rss_pages")
    assert rss is not None
    assert rss.values.tolist() == [one.rss_pages for one in rows]


def test_numbers_that_are_missing_or_too_large() -> None:
    rows = by_column()
    rows.append(row(9)._replace(uid=None))
    assert listed(rows.column("uid"), np.arange(6)) == [3, 0, 1000, 0, 3, None]
    assert rows.whole("uid") is None
    assert rows.last_with("uid", 0) == 3, "no number is not the number 0"
    assert rows.last_with("uid", 4) is None
    assert rows.last_with("nr_ptes", 4) is None
    for large in (SMALL + 1, 2**70):
        rows = by_column()
        rows.append(row(9, rss=large))
        rss = rows.column("rss_pages")
        assert rss is not None
        assert rss.values.dtype == object
        assert rss.values.tolist() == [30, 50, 60, 70, 30, large]


def test_columns_follow_what_is_appended_and_rows_are_copied_whole() -> None:
    rows = by_column()
    assert rows.last_with("pid", 59) is None
    rows.append(row(9))
    assert rows.last_with("pid", 59) == 5
    again = pickle.loads(pickle.dumps(rows))
    assert again == rows
    assert again.last_with("pid", 59) == 5
    assert len(TaskRows()) == 0
    assert TaskRows().column("pid") is None
    with pytest.raises(IndexError):
        rows[6]


def test_a_table_in_many_pieces() -> None:
    rows = by_column()
    for line in range(9, 60):
        rows.append(row(line))
    listed_before = list(rows)
    assert [rows[place] for place in range(len(rows))] == listed_before
    rows.append(RowReader(COLUMNS).block(60, np.array(NUMBERS), NAMES))
    assert rows[-1] == TaskRow(62, 9, 0, 9, 700, 70, "a b", pgtables_bytes=0, swapents_pages=2, oom_score_adj=5)
    assert rows.last_with("pid", 9) == len(rows) - 1


def test_columns_of_several_tables() -> None:
    assert joined([None, None], [2, 1]) is None
    whole = joined([column_of([1, 2]), column_of([3])], [2, 1])
    assert whole is not None
    assert whole.absent is None
    some = joined([column_of([1, None]), None, column_of([2**70])], [2, 2, 1])
    assert listed(some, np.arange(5)) == [1, None, None, None, 2**70]
    assert listed(None, np.arange(2)) == [None, None]
    assert listed(Column(np.array([5, 6])), np.array([1])) == [6]
