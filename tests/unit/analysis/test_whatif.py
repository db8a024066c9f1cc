"""The selection with other inputs, held against trying every value."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from oomforensics.analysis.scoring import Hypothesis, Table, score
from oomforensics.analysis.whatif import Selection, rebuild
from oomforensics.kernel.eras import era_named
from oomforensics.parsers.task_rows import TaskRow
from tests.support.figures import figures

ERAS = ("2.6.36-2.6.37", "2.6.39-3.1", "3.2-3.4", "3.5-3.6", "3.14-3.17", "4.17-5.0", "5.9-6.1", "7.0-")


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
    assert before.dooming_adj(11) == 100
    assert before.dooming_adj(12) == 200
    assert before.without([10]).chosen() == 11
    assert before.without([10, 11]).chosen() is None


def test_a_damaged_row_is_no_ground_for_a_selection() -> None:
    rows = [row(10, 30_000, -2000), row(11, 20_000)]
    badness = [candidate.badness_pages for candidate in score(Table(rows), Hypothesis(era_named("7.0-"), 1000, 4096))]
    assert rebuild(rows, badness, [None, None], "7.0-", 1000, 4096, is_memcg=False) is None


def test_another_total_weighs_adjustments_anew() -> None:
    before = selection([row(10, 30_000), row(11, 20_000, 50)])
    assert before.chosen() == 10
    assert before.under(400_000).chosen() == 11
    assert figures(before.under(100_000).order()) == figures(before.order())


@pytest.mark.parametrize("era", ERAS)
def test_another_kernel_scores_by_its_own_rules(era: str) -> None:
    before = selection([row(10, 30_000, uid=0), row(11, 29_500)])
    there = before.on(era_named(era), 100_000, is_memcg=False)
    assert {one.hypothesis.era.name for one in there} == {era}
    spares_root = {one.chosen() for one in there if one.hypothesis.root is not None}
    assert spares_root <= {11}
    assert all(one.chosen() == 10 for one in there if one.hypothesis.root is None)


def test_another_kernel_takes_the_page_tables_that_are_printed() -> None:
    old = row(10, 100)._replace(pgtables_bytes=None, nr_pmds=None)
    before = selection([old], "3.14-3.17")
    (new,) = before.on(era_named("7.0-"), 100_000, is_memcg=False)
    assert new.order()[0].badness_pages == 100 + 7 + 3
    modern = row(10, 100)._replace(nr_ptes=None, nr_pmds=None)
    assert selection([modern]).on(era_named("4.0-4.2"), 100_000, is_memcg=False)[0].order()[0].badness_pages == 117


def test_another_kernel_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="CPU time"):
        selection([row(10, 100)]).on(era_named("2.6.32-2.6.35"), 100_000, is_memcg=False)
    bare = row(10, 100)._replace(swapents_pages=None)
    with pytest.raises(ValueError, match="no swap entries"):
        selection([bare]).on(era_named("7.0-"), 100_000, is_memcg=False)


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
        assert before.dooming_adj(other.pid) == min(dooms, default=None)


def test_an_excluded_row_stays_excluded_when_others_go() -> None:
    rows = [row(10, 10), row(11, 900), row(12, 500)]
    table = Table(rows, excluded=frozenset({1}))
    before = Selection(table, Hypothesis(era_named("7.0-"), 100_000, 4096))
    assert before.chosen() == 12
    assert before.without([10]).chosen() == 12


@pytest.mark.parametrize("has_root", [True, False])
def test_the_reading_is_found_by_the_badness_it_gave(has_root: bool) -> None:
    era = era_named("3.14-3.17")
    rows = [row(10, 30_000, uid=0), row(11, 20_000), row(12, 900, -1000)]
    # 3.14: 3 % of its own pages off for CAP_SYS_ADMIN (KERNEL: 30000 rss + 7 swap + 3 page tables = 30010; 900 off)
    badness = [30_010 - 900 if has_root else 30_010, 20_010, None]
    ineligible = [None, None, "oom_score_adj_min"]
    found = rebuild(rows, badness, ineligible, era.name, 100_000, 4096, is_memcg=False)
    assert found is not None
    assert found.hypothesis.root is (era.root if has_root else None)
    assert found.order()[0].badness_pages == badness[0]


def test_what_no_reading_gives_is_not_rebuilt() -> None:
    rows = [row(10, 30_000), row(11, 20_000)]
    for era in ("3.14-3.17", "2.6.32-2.6.35"):
        assert rebuild(rows, [1, 2], [None, None], era, 100_000, 4096, is_memcg=False) is None
    assert rebuild(rows, [None, 20_010], [None, None], "3.14-3.17", 100_000, 4096, is_memcg=False) is None
