"""The sums of the page's what-if panel are those of the Python model, on random populations of every era."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import cycle
from typing import Any

import pytest

from oomforensics.analysis.candidates import Candidate
from oomforensics.analysis.scoring import Hypothesis, Table, root_hypotheses, score
from oomforensics.analysis.whatif import Selection
from oomforensics.history.selection import inputs_of
from oomforensics.kernel.badness import points
from oomforensics.kernel.eras import ERAS, RootBonus, Score, TieRule
from oomforensics.parsers.task_rows import TaskRow
from oomforensics.reports.escape import script_json
from oomforensics.reports.whatif import model
from tests.browser.conftest import Browser

pytestmark = pytest.mark.browser
POPULATIONS = 1000
TOTALS = (0, 1, 999, 1000, 1001, 30_000, 638_689, 2_147_484, 33_554_432, 2**33, 2**45, 2**54 + 1)
ADJS = (0, 0, 0, 0, 1, -1, -17, 300, -500, -998, -999, -1000, 999, 1000)


@dataclass(frozen=True)
class Case:
    before: Selection
    adj: dict[int, int]
    gone: list[int]

    @property
    def after(self) -> Selection:
        return self.before.with_adj(self.adj).without(self.gone)

    def json(self) -> dict[str, Any]:
        changes = {"adj": [[str(pid), value] for pid, value in self.adj.items()], "gone": list(map(str, self.gone))}
        return {"model": model(inputs_of(self.before)), "changes": changes}


def readings(draw: random.Random) -> Iterator[Hypothesis]:
    """Every era that scores, vendors' too, with every bonus that it may have; totals and page sizes at random."""
    eras = [era for era in ERAS if era.score is not Score.LEGACY]
    for era in cycle(eras):
        total = draw.choice(TOTALS) if draw.random() < 0.5 else draw.randrange(1, 2_000_000)
        yield draw.choice(root_hypotheses(era, total, draw.choice([4096, 16384, 65536])))


def case(draw: random.Random, hypothesis: Hypothesis) -> Case:
    count = draw.choice([1, 2, 3, draw.randrange(4, 60)])
    pids = draw.sample(range(1, 5 * count + 2), count)
    few = [draw.randrange(5_000) for _ in range(3)]  # what ties are made of
    style = draw.choice(["plain", "ties", "huge", "damaged"])
    rows = [_row(draw, pid, style, few, hypothesis.totalpages) for pid in pids]
    table = Table(
        rows,
        earlier_victims=frozenset(draw.sample(pids, count // 8)),
        excluded=frozenset(draw.sample(range(count), count // 8)),
    )
    adj = {pid: draw.choice([*ADJS, draw.randint(-1000, 1000)]) for pid in draw.sample(pids, draw.randint(0, count))}
    gone = draw.sample(pids, draw.choice([0, 0, 1, draw.randint(0, count)]))
    before = Selection(table, hypothesis)
    chosen = before.chosen()
    if chosen is not None and draw.random() < 0.5:
        adj[chosen] = draw.randint(-1000, 1000)
    return Case(before, adj, gone)


def _row(draw: random.Random, pid: int, style: str, few: Sequence[int], totalpages: int) -> TaskRow:
    if style == "ties":
        rss, rest, adj = draw.choice(few), 0, draw.choice([0, 0, -1000])
    else:
        rss, rest = draw.randrange(max(totalpages, 100)), draw.randrange(3_000)
        adj = draw.choice([*ADJS, draw.randint(-1000, 1000)])
    if style == "huge":
        rss = draw.randrange(2 ** draw.choice([31, 32, 44, 53, 54, 62]))
    elif style == "damaged" and draw.random() < 0.3:
        rss = -rss  # a log may say so, and rounding then differs between languages
    return TaskRow(
        pid, pid, draw.choice([0, 0, 1000, None]), pid, abs(rss) * 2, rss, f"task{pid}", nr_ptes=rest % 97,
        nr_pmds=rest % 7, pgtables_bytes=rest * 1000, swapents_pages=rest, oom_score_adj=adj,
    )  # fmt: skip


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    draw = random.Random(5_100)
    source = readings(draw)
    return [case(draw, next(source)) for _ in range(POPULATIONS)]


@pytest.fixture(scope="module")
def answers(browser: Browser, cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> list[list[Any]]:
    """Of each case what the page makes of it: as it was, and with the changes."""
    path = tmp_path_factory.mktemp("whatif") / "model.html"
    script = (files("oomforensics.reports") / "assets" / "whatif.js").read_text(encoding="utf-8")
    path.write_text(
        '<!doctype html><meta charset="utf-8"><title>model</title><link rel="icon" href="data:,">'
        f'<script type="application/json" id="cases">{script_json([one.json() for one in cases])}</script>'
        f"<script>{script}</script>",
        encoding="utf-8",
    )
    browser.open(path)
    found: list[list[Any]] = browser.run("""
        const text = (value) => (value === null ? null : String(value));
        const answer = (model, changes) => {
          const { reason, badness, order } = selection(model, changes);
          return {
            reason,
            badness: badness.map(text),
            points: badness.map((value) => (value === null ? null : String(pointsOf(model, value)))),
            order,
            saving: savingAdj(model, changes, { badness, order }),
          };
        };
        return JSON.parse(document.getElementById("cases").textContent).map(({ model, changes }) => [
          answer(model, noChanges()),
          answer(model, { adj: new Map(changes.adj), gone: new Set(changes.gone) }),
        ]);
    """)
    assert browser.logs() == []
    return found


def expected(after: Selection, positions: Sequence[int], count: int) -> dict[str, Any]:
    """What the Python model says, `positions` being those that its rows have in the unchanged table."""
    scored = score(after.table, after.hypothesis)
    at = dict(zip(positions, scored, strict=True))
    chosen = after.chosen()
    return {
        "reason": [at[place].ineligible_reason if place in at else "gone" for place in range(count)],
        "badness": [_text(at[place].badness_pages) if place in at else None for place in range(count)],
        "points": [_points(after, at.get(place)) for place in range(count)],
        "order": [positions[candidate.order] for candidate in after.order()],
        "saving": None if chosen is None else after.saving_adj(chosen),
    }


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _points(after: Selection, candidate: Candidate | None) -> str | None:
    if candidate is None or candidate.badness_pages is None:
        return None
    return str(points(after.hypothesis.era, candidate.badness_pages, after.hypothesis.totalpages))


def test_every_number_is_that_of_the_python_model(cases: list[Case], answers: list[list[Any]]) -> None:
    for one, (before, after) in zip(cases, answers, strict=True):
        rows = one.before.table.rows
        kept = [position for position, row in enumerate(rows) if row.pid not in one.gone]
        assert before == expected(one.before, range(len(rows)), len(rows)), one
        assert after == expected(one.after, kept, len(rows)), one


def test_what_the_page_is_given_is_what_it_would_find(cases: list[Case], answers: list[list[Any]]) -> None:
    for one, (before, _) in zip(cases, answers, strict=True):
        inputs = inputs_of(one.before)
        assert (inputs.order, inputs.saving_adj) == (before["order"], before["saving"]), one


def test_the_populations_reach_what_they_are_meant_to(cases: list[Case], answers: list[list[Any]]) -> None:
    """A comparison over inputs that are all alike would prove little."""
    reached: Counter[str] = Counter()
    for one, (before, after) in zip(cases, answers, strict=True):
        hypothesis = one.before.hypothesis
        reached.update([hypothesis.era.name, hypothesis.era.score.name, hypothesis.era.tie.name, str(hypothesis.root)])
        reached.update(reason for reason in set(before["reason"]) if reason)
        top = [before["badness"][at] for at in before["order"][:2]]
        reached["tie at the top"] += len(top) == 2 and top[0] == top[1]
        reached["nobody left"] += bool(before["order"]) and not after["order"]
        reached["another one"] += before["order"][:1] != after["order"][:1]
        reached["negative"] += any(value is not None and value.startswith("-") for value in before["badness"])
        reached["above 2^53"] += any(value is not None and int(value) > 2**53 for value in before["badness"])
        reached["times 1000 above 2^53"] += any(1000 * row.rss_pages > 2**53 for row in one.before.table.rows)
        reached["32 bits overflow"] += hypothesis.era.score is Score.PERMILLE_INT and any(
            row.rss_pages > 2_147_483 for row in one.before.table.rows
        )
    wanted = {era.name for era in ERAS if era.score is not Score.LEGACY}
    wanted |= {kind.name for kind in Score} - {Score.LEGACY.name}
    wanted |= {rule.name for rule in TieRule}
    wanted |= {str(bonus) for bonus in (None, *RootBonus) if bonus not in (RootBonus.NONE, RootBonus.QUARTER)}
    wanted |= {"oom_score_adj_min", "global_init", "already_killed", "vfork_child", "tie at the top", "nobody left"}
    wanted |= {"another one", "negative", "above 2^53", "times 1000 above 2^53", "32 bits overflow"}
    assert {name for name in wanted if reached[name] < 3} == set(), reached
