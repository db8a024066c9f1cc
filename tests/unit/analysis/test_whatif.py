"""The selection with other inputs, held against trying every value."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from oomforensics.analysis.scoring import Hypothesis, Table, score
from oomforensics.analysis.whatif import Selection, reconstruct
from oomforensics.kernel.eras import era_named
from oomforensics.parsers.facts import TaskRow

ERAS = ("3.5-3.6", "3.14-3.17", "4.17-5.0", "5.9-6.1", "7.0-")


def row(pid: int, rss: int, adj: int = 0, uid: int = 1000) -> TaskRow:
    return TaskRow(
        pid, pid, uid, pid, rss * 2, rss, f"task{pid}", nr_ptes=3, nr_pmds=2, pgtables_bytes=40960, swapents_pages=7,
        oom_score_adj=adj,
    )  # fmt: skip


def selection(rows: Sequence[TaskRow], era: str = "7.0-", totalpages: int = 100_000) -> Selection:
    return Selection(Table(list(rows)), Hypothesis(era_named(era), totalpages, 4096))


def population(seed: int) -> Selection:
    draw = random.Random(seed)
    rows = [
        row(100 + n, draw.choice([50, 300, draw.randrange(20_000)]), draw.choice([0, 0, -999, -1000, -500, 200, 1000]),
            draw.choice([0, 1000]))
        for n in range(draw.randrange(1, 9))
    ]  # fmt: skip
    return selection(rows, draw.choice(ERAS), draw.choice([0, 900, 30_000, 4_000_000]))


def test_adj_that_saves_and_who_follows() -> None:
    before = selection([row(10, 30_000), row(11, 20_000), row(12, 10_000, -1000)])
    assert [candidate.row.pid for candidate in before.order()] == [10, 11]
    assert before.saving_adj(10) == -100  # equal to 11 then, and the last of equals wins
    assert before.saving_adj(11) is None
    assert before.with_adj({10: -100}).chosen() == 11
    assert before.with_adj({10: -99}).chosen() == 10
    assert before.dooming_adj(10, 11) == 100
    assert before.dooming_adj(10, 12) == 200
    assert before.without([10]).chosen() == 11
    assert before.without([10, 11]).chosen() is None


def test_the_only_candidate_is_saved_by_nothing_but_the_minimum() -> None:
    assert selection([row(10, 500)]).saving_adj(10) == -1000


@pytest.mark.parametrize("seed", range(60))
def test_the_boundaries_are_those_that_trying_every_value_finds(seed: int) -> None:
    before = population(seed)
    chosen = before.chosen()
    if chosen is None:
        assert all(candidate.rank is None for candidate in score(before.table, before.hypothesis))
        return
    own = next(row.oom_score_adj or 0 for row in before.table.rows if row.pid == chosen)
    saves = [adj for adj in range(-1000, own) if before.with_adj({chosen: adj}).chosen() != chosen]
    assert before.saving_adj(chosen) == max(saves)
    other = before.table.rows[0]
    if other.pid != chosen:
        dooms = [
            adj for adj in range((other.oom_score_adj or 0) + 1, 1001)
            if before.with_adj({other.pid: adj}).chosen() == other.pid
        ]  # fmt: skip
        assert before.dooming_adj(chosen, other.pid) == min(dooms, default=None)


def test_an_excluded_row_stays_excluded_when_others_go() -> None:
    rows = [row(10, 10), row(11, 900), row(12, 500)]
    table = Table(rows, excluded=frozenset({1}))
    before = Selection(table, Hypothesis(era_named("7.0-"), 100_000, 4096))
    assert before.chosen() == 12
    assert before.without([10]).chosen() == 12


@pytest.mark.parametrize("root", [0, 1])
def test_the_reading_is_found_by_the_badness_it_gave(root: int) -> None:
    era = era_named("3.14-3.17")
    table = Table([row(10, 30_000, uid=0), row(11, 20_000)])
    hypothesis = Hypothesis(era, 100_000, 4096, era.root if root else None)
    badness = [candidate.badness_pages for candidate in score(table, hypothesis)]
    found = reconstruct(table, badness, era, 100_000, 4096)
    assert found is not None
    assert found.hypothesis == hypothesis
    assert reconstruct(table, [1, 2], era, 100_000, 4096) is None
    assert reconstruct(table, badness, era_named("2.6.32-2.6.35"), 100_000, 4096) is None
