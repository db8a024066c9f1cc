"""Scores of whole columns against the rules applied to one row after the other."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from oomforensics.analysis.candidates import Candidates
from oomforensics.analysis.scoring import (
    Hypothesis,
    Table,
    add_figures,
    charged_pages,
    ineligible_reason,
    root_hypotheses,
    score,
)
from oomforensics.kernel.badness import points, proc_oom_score, scorer
from oomforensics.kernel.eras import ERAS, Score, TieRule
from oomforensics.parsers.task_rows import TaskRow

pages = st.one_of(st.integers(0, 5_000), st.integers(0, 2**45), st.integers(0, 2**90))
adjustments = st.one_of(st.sampled_from([0, -1000, -999, 1000, 5]), st.integers(-(2**70), 2**70))


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Columns are there in all rows or in none, as a header has it; now and then a number is lost."""
    has = {name: draw(st.booleans()) for name in ("nr_ptes", "nr_pmds", "pgtables_bytes", "swapents_pages")}
    adj = draw(
        st.sampled_from([adjustments, adjustments, st.sampled_from([0, 0, 7]), st.none(), st.none() | adjustments])
    )
    rows = [
        TaskRow(
            line=place, pid=draw(st.integers(1, 12)), uid=draw(st.sampled_from([0, 1000, None])), tgid=1, comm="x",
            total_vm_pages=draw(pages), rss_pages=draw(pages), oom_score_adj=draw(adj),
            oom_adj=draw(st.sampled_from([None, -17, 0])),
            **{name: draw(pages) if there and draw(st.integers(0, 30)) else None for name, there in has.items()},
        )
        for place in range(draw(st.integers(0, 8)))
    ]  # fmt: skip
    return Table(
        rows,
        earlier_victims=draw(st.frozensets(st.integers(1, 12), max_size=3)),
        swap_in_use_pages=draw(st.none() | pages),
        excluded=frozenset(place for place in range(len(rows)) if draw(st.integers(0, 6)) == 0),
        target_pid=draw(st.none() | st.integers(1, 12)),
    )


@st.composite
def hypotheses(draw: st.DrawFn) -> Hypothesis:
    total = draw(st.one_of(st.integers(0, 10_000_000), st.integers(0, 2**80)))
    return draw(
        st.sampled_from(root_hypotheses(draw(st.sampled_from(ERAS)), total, draw(st.sampled_from([4096, 65536]))))
    )


@settings(max_examples=600)
@given(tables(), hypotheses(), st.none() | st.integers(1, 2**80))
def test_columns_say_what_each_row_says(table: Table, hypothesis: Hypothesis, system_total: int | None) -> None:
    candidates = score(table, hypothesis)
    add_figures(candidates, hypothesis, system_total)
    assert len(candidates) == len(table.rows)
    for place, row in enumerate(table.rows):
        one = candidates[place]
        assert (one.row, one.order) == (row, place)
        reason = ineligible_reason(table, place, hypothesis.era)
        assert (one.ineligible_reason, one.eligible) == (reason, reason is None)
        figures = (one.badness_min, one.badness_max, one.badness_pages, one.adj_pages, one.root_bonus_pages)
        assert figures == expected(row, reason, hypothesis, table.swap_in_use_pages)
        badness, era = one.badness_pages, hypothesis.era
        assert one.points == (None if badness is None else points(era, badness, hypothesis.totalpages))
        if system_total is not None and (badness is not None or reason in ("oom_score_adj_min", "global_init")):
            assert one.proc_oom_score == proc_oom_score(era, badness, system_total)
        else:
            assert one.proc_oom_score is None
    ranks_are_those_of_the_kernel(candidates, hypothesis)


def expected(
    row: TaskRow, reason: str | None, hypothesis: Hypothesis, swap_in_use_pages: int | None
) -> tuple[int | None, ...]:
    era = hypothesis.era
    if reason is not None or row.oom_score_adj is None or era.score is Score.LEGACY:
        return (None,) * 5
    low, high = charged_pages(row, era, hypothesis.page_size, swap_in_use_pages)
    scores = scorer(era, hypothesis.totalpages, hypothesis.root)
    has_root = row.uid == 0 and hypothesis.root is not None
    least, share, spared = scores(low, row.oom_score_adj, has_root)
    most = None if high is None else scores(high, row.oom_score_adj, has_root)[0]
    return least, most, least if least == most else None, share, spared


def ranks_are_those_of_the_kernel(candidates: Candidates, hypothesis: Hypothesis) -> None:
    scored = [one for one in candidates if one.badness_min is not None]
    if any(one.badness_pages is None for one in scored):
        assert all(one.rank is None for one in candidates)
        assert candidates.first is None
        return
    last_wins = hypothesis.era.tie is TieRule.LAST
    order = sorted(scored, key=lambda one: (-(one.badness_pages or 0), -one.order if last_wins else one.order))
    assert {one.order: one.rank for one in candidates if one.rank is not None} == {
        one.order: rank for rank, one in enumerate(order, start=1)
    }
    assert candidates.first == (order[0] if order else None)
