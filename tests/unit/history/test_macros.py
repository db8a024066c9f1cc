"""oom_rank and the queries made of it, against the Python model: on real kernels' reports and on populations of every era."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import cached_property
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from oomforensics.analysis.model import Scope, VerdictWord
from oomforensics.analysis.ranking import scans_in_table_order
from oomforensics.analysis.scoring import Hypothesis, Table, root_hypotheses, score
from oomforensics.analysis.whatif import Selection
from oomforensics.errors import UsageError
from oomforensics.history.frames import columns, insert
from oomforensics.history.lookup import all_ids
from oomforensics.history.rows import CANDIDATES, INCIDENTS
from oomforensics.history.schema import Connection
from oomforensics.history.selection import selection_of
from oomforensics.history.shipped import shipped
from oomforensics.history.store import open_read, open_write
from oomforensics.ingest import ingest
from oomforensics.kernel.eras import ERAS, Score, era_named
from oomforensics.parsers.task_rows import TaskRow
from tests.support import table_docs
from tests.support.samples import FIXTURES

POPULATIONS = 400
ADJS = (0, 0, 0, 1, -1, -17, 300, -500, -999, -1000, 999, 1000)
Stored = tuple[dict[str, Any], list[dict[str, Any]]]  # a row of t_incidents, and of t_candidates
Ranked = list[tuple[int, str, int | None, int | None]]


@dataclass
class History:
    path: Path
    con: Connection
    selections: dict[str, Selection | str]  # by incident, or why there is none

    @cached_property
    def refused(self) -> dict[str, str | None]:
        return dict(self.con.execute("SELECT incident_id, refused FROM selections").fetchall())

    @cached_property
    def known(self) -> dict[str, Selection]:
        """The selections that the macros repeat."""
        return {
            key: one for key, one in self.selections.items() if self.refused[key] is None and not isinstance(one, str)
        }


def _opened(path: Path) -> Iterator[History]:
    found: dict[str, Selection | str] = {}
    with open_read(path, locked=True) as con:
        for incident_id in all_ids(con):
            try:
                found[incident_id] = selection_of(con, incident_id).selection
            except UsageError as error:
                found[incident_id] = str(error)
        yield History(path, con, found)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    path = tmp_path_factory.mktemp("history") / "kernels.duckdb"
    ingest([str(FIXTURES / "kernels")], db=path, timezone=UTC)
    yield from _opened(path)


@pytest.fixture(scope="module")
def populations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """Incidents as the analysis would store them: every era that scores, with every bonus that it may have."""
    path = tmp_path_factory.mktemp("history") / "populations.duckdb"
    draw = random.Random(3_600)
    eras = cycle([era for era in ERAS if era.score is not Score.LEGACY])
    drawn: list[Stored] = []
    for number in range(POPULATIONS):
        era = next(eras)
        total = draw.choice([0, 999, 30_000, 638_689, 2_147_484, 2**33, draw.randrange(1, 2_000_000)])
        hypothesis = draw.choice(root_hypotheses(era, total, draw.choice([4096, 65536])))
        drawn.append(_population(f"i{number}", draw, hypothesis))
    _write(path, drawn)
    yield from _opened(path)


@pytest.fixture(params=["kernels", "populations"])
def history(request: pytest.FixtureRequest) -> History:
    found: History = request.getfixturevalue(request.param)
    return found


def _population(incident_id: str, draw: random.Random, hypothesis: Hypothesis) -> Stored:
    count = draw.choice([1, 2, 3, draw.randrange(4, 40)])
    pids = draw.sample(range(1, 5 * count + 2), count)
    few = [draw.randrange(5_000) for _ in range(3)]  # what ties are made of
    style = draw.choice(["plain", "ties", "huge", "damaged", "incomplete"])
    scope = draw.choice([Scope.GLOBAL, Scope.MEMCG])
    table = Table(
        [_row(draw, pid, style, few, hypothesis.totalpages) for pid in pids],
        frozenset(draw.sample(pids, count // 8)),
        in_scan_order=scans_in_table_order(hypothesis.era, scope is Scope.MEMCG),
        excluded=frozenset(draw.sample(range(count), count // 8)),
    )
    incident, scored = _stored(incident_id, table, hypothesis, scope)
    if style == "damaged":
        wrong = [(None, None), (7, None), (None, "already_killed"), (None, "vfork_child")]
        badness, reason = draw.choice(wrong)
        scored[draw.randrange(count)].update(badness_pages=badness, ineligible_reason=reason)
    return incident, scored


def _stored(incident_id: str, table: Table, hypothesis: Hypothesis, scope: Scope) -> Stored:
    incident = {
        "incident_id": incident_id, "era": hypothesis.era.name, "era_certain": True, "totalpages": hypothesis.totalpages,
        "totalpages_exact": True, "page_size": hypothesis.page_size, "scope": scope, "scope_inferred": False,
        "ts_source": "none", "verdict": VerdictWord.HIGHEST_BADNESS, "verdict_text": "", "complete": True, "missing": [],
        "outcomes": [], "source": "drawn", "line_start": 1, "line_end": 1,
    }  # fmt: skip
    scored = [
        {**one.row._asdict(), "incident_id": incident_id, "table_order": one.order, "is_victim": False,
         "ineligible_reason": one.ineligible_reason, "badness_pages": one.badness_pages, "rank": one.rank}
        for one in score(table, hypothesis)
    ]  # fmt: skip
    return incident, scored


def _write(path: Path, stored: Sequence[Stored]) -> None:
    candidates = [row for _, rows in stored for row in rows]
    with open_write(path) as con:
        insert(con, "t_incidents", INCIDENTS, [[row.get(name) for name in INCIDENTS] for row, _ in stored])
        insert(con, "t_candidates", CANDIDATES, [[row.get(name) for name in CANDIDATES] for row in candidates])


def _row(draw: random.Random, pid: int, style: str, few: list[int], totalpages: int) -> TaskRow:
    if style == "ties":
        rss, rest = draw.choice(few), 0
        adj: int | None = draw.choice([0, 0, -1000])
    else:
        rss, rest = draw.randrange(max(totalpages, 100)), draw.randrange(3_000)
        adj = draw.choice([*ADJS, draw.randint(-1000, 1000)])
    if style == "huge":
        rss = draw.choice([-1, 1]) * draw.randrange(2 ** draw.choice([31, 32, 44, 53, 54, 62]))
    elif style == "incomplete" and draw.random() < 0.02:
        adj = draw.choice([None, 1001])
    lost = style == "incomplete" and draw.random() < 0.02
    return TaskRow(
        1, pid, draw.choice([0, 0, 1000, None]), pid, abs(rss) * 2, rss, draw.choice(["sshd", "java", f"task{pid}"]),
        nr_ptes=None if lost else rest % 97, nr_pmds=rest % 7, pgtables_bytes=None if lost else rest * 1000,
        swapents_pages=rest, oom_score_adj=adj,
    )  # fmt: skip


def order(selection: Selection) -> Ranked:
    return [(one.row.pid, one.row.comm, one.row.oom_score_adj, one.badness_pages) for one in selection.order()]


def ranked(con: Connection, changes: Mapping[str, tuple[int | None, int | None]]) -> dict[str, Ranked]:
    """oom_rank of each incident with its pid and oom_score_adj."""
    con.execute("CREATE OR REPLACE TEMP TABLE changes (incident_id VARCHAR, new_pid BIGINT, new_adj BIGINT)")
    insert(
        con,
        "changes",
        columns(text="incident_id", int="new_pid new_adj"),
        [(key, *one) for key, one in changes.items()],
    )
    rows = con.execute(
        "SELECT incident_id, now.* FROM changes, oom_rank(incident_id, pid := new_pid, adj := new_adj) AS now ORDER BY rank"
    ).fetchall()
    found: dict[str, Ranked] = {key: [] for key in changes}
    for incident_id, *row, rank in rows:
        found[incident_id].append(tuple(row))
        assert rank == len(found[incident_id])
    return found


def test_what_the_python_model_refuses_is_refused(history: History) -> None:
    reasons = {key: one if isinstance(one, str) else None for key, one in history.selections.items()}
    assert history.refused == reasons
    assert len(history.known) > 250


def test_ranks_are_those_of_the_python_model(history: History) -> None:
    before = {key: order(one) for key, one in history.known.items()}
    assert ranked(history.con, dict.fromkeys(before, (None, None))) == before
    draw = random.Random(500)
    changes = {}
    for incident_id, selection in history.known.items():
        some = draw.choice([*(row.pid for row in selection.table.rows), *(pid for pid, *_ in before[incident_id][:2])])
        changes[incident_id] = some, draw.choice([*ADJS, draw.randint(-1000, 1000)])
    after = {key: order(history.known[key].with_adj(dict([change]))) for key, change in changes.items()}
    assert ranked(history.con, changes) == after
    assert sum(after[key][:1] != before[key][:1] for key in before) > 50


def test_a_reading_of_the_root_bonus_is_found(populations: History) -> None:
    roots = {key: one.hypothesis.root for key, one in populations.known.items()}
    found = populations.con.execute("SELECT incident_id, root_bonus FROM selections WHERE refused IS NULL").fetchall()
    assert dict(found) == {key: root.name if root else "NONE" for key, root in roots.items()}
    assert {bonus for _, bonus in found} == {"NONE", "PERMILLE_30", "PERMILLE_3_PERCENT", "ADJ_30", "OWN_3_PERCENT"}


def test_badness_of_stored_candidates_by_their_own_columns(history: History) -> None:
    found = history.con.execute("""
        SELECT count(*), count(*) FILTER (
            oom_badness(
                era, oom_charged_pages(era, page_size, rss_pages, swapents_pages, nr_ptes, nr_pmds, pgtables_bytes),
                oom_score_adj, totalpages, has_root := uid = 0, root_bonus := root_bonus
            ) = badness_pages
        )
        FROM candidates JOIN incidents USING (incident_id) JOIN selections USING (incident_id)
        WHERE ineligible_reason IS NULL AND refused IS NULL
    """).fetchone()
    assert found is not None
    assert found[0] == found[1] > 1000


def test_no_ranks_where_a_badness_does_not_fit_in_64_bits(tmp_path: Path) -> None:
    rows = [TaskRow(1, pid, 0, pid, 0, 2**63 - pid, "huge", pgtables_bytes=0, swapents_pages=0) for pid in (2, 3)]
    table = Table([row._replace(oom_score_adj=0) for row in rows])
    _write(tmp_path / "h", [_stored("huge", table, Hypothesis(era_named("7.0-"), 1_000_000, 4096), Scope.GLOBAL)])
    with open_read(tmp_path / "h", locked=True) as con:
        assert [row[0] for row in con.execute("FROM oom_rank('huge')").fetchall()] == [2, 3]
        assert con.execute("FROM oom_rank('huge', pid := 3, adj := 1000)").fetchall() == []


def test_names_and_patterns(kernels: History) -> None:
    incident_id, selection = max(kernels.known.items(), key=lambda item: len(item[1].table.rows))
    rows = selection.table.rows
    comm = next(row.comm for row in rows if row.comm.isalnum())
    changed = {
        f"name := '{comm}'": [row.pid for row in rows if row.comm == comm],
        "pattern := 's*'": [row.pid for row in rows if row.comm.startswith("s")],
        f"name := '{comm}', pid := {rows[1].pid}": [rows[1].pid] if rows[1].comm == comm else [],
        "name := 'no such process'": [],
        "pid := NULL": [row.pid for row in rows],
    }
    for argument, pids in changed.items():
        found = kernels.con.execute(f"FROM oom_rank('{incident_id}', {argument}, adj := -300)").fetchall()
        assert [row[:-1] for row in found] == order(selection.with_adj(dict.fromkeys(pids, -300)))


@pytest.mark.parametrize("adj", [-100, -500, -1000])
def test_saved_by_adj_counts_what_the_python_model_counts(history: History, adj: int) -> None:
    query = shipped()["saved-by-adj"]
    rows = history.con.execute(query.sql, query.values({"adj": str(adj)})).fetchall()
    chosen, instead = Counter[str](), defaultdict[str, Counter[str | None]](Counter)
    for selection in history.known.values():
        for _, comm, *_ in order(selection)[:1]:
            chosen[comm] += 1
            now = order(selection.with_adj({row.pid: adj for row in selection.table.rows if row.comm == comm}))
            if not now or now[0][1] != comm:
                instead[comm][now[0][1] if now else None] += 1
    assert {comm: first for comm, _, first, *_ in rows if first} == chosen
    assert {comm: saved for comm, _, _, saved, *_ in rows if saved} == {comm: n.total() for comm, n in instead.items()}
    assert all({one["comm"]: one["incidents"] for one in others} == instead[comm] for comm, *_, others in rows)
    assert instead
    with_victim = history.con.execute(
        "SELECT count(*) FROM incidents JOIN selections USING (incident_id) WHERE refused IS NOT NULL AND victim_comm IS NOT NULL"
    ).fetchone()
    assert with_victim == (sum(not_known for *_, not_known, _ in rows),)


def test_the_program_answers_in_how_many_incidents_minus_500_would_have_saved(kernels: History) -> None:
    asked = ["sql", "--db", str(kernels.path), "--run", "saved-by-adj", "--json"]
    command = [sys.executable, "-m", "oomforensics", *asked]
    done = subprocess.run([*command, "--param", "comm=biggest"], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    (answer,) = json.loads(done.stdout)
    assert (answer["comm"], answer["oom_score_adj"]) == ("biggest", -500)
    assert answer["first_choice"] >= answer["saved"] == sum(one["incidents"] for one in answer["instead"]) > 0
    refused = subprocess.run([*command, "--param", "adj=-1001"], capture_output=True, text=True, timeout=120)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "-1000 to 1000" in refused.stderr


def test_the_examples_of_the_documentation_run(kernels: History) -> None:
    text = table_docs.PAGE.read_text(encoding="utf-8")
    examples = "\n".join(line for line in text.splitlines() if line.startswith("    ")).split(";")
    assert len(examples) > 5
    for example in examples[:-1]:
        kernels.con.execute(example).fetchall()


def test_who_is_not_there_has_no_rank(kernels: History) -> None:
    for nobody in ("'no such incident'", "NULL"):
        assert kernels.con.execute(f"FROM oom_rank({nobody})").fetchall() == []


def test_a_history_that_cannot_be_written_has_the_macros(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    with open_write(path):
        pass
    before = path.read_bytes()
    path.chmod(0o444)
    with open_read(path, locked=True) as con:
        assert con.execute("FROM oom_rank('x')").fetchall() == []
        assert con.execute("SELECT count(*) FROM eras").fetchone() == (len(ERAS),)
    assert path.read_bytes() == before
