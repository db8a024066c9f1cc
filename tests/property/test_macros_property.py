"""The macros of SQL compute what kernel/badness.py computes, for every era, whatever the numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oomforensics.history import macros
from oomforensics.history.schema import Connection, migrate
from oomforensics.kernel.badness import Counters, badness, page_table_pages, proc_oom_score
from oomforensics.kernel.eras import ERAS, Era, RootBonus, Score

CASES = 1_000 if os.environ.get("CI") else 100
many = settings(max_examples=CASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
INT64 = range(-(2**63), 2**63)
UINT64 = range(2**64)
EDGES = [
    0,
    1,
    2,
    99,
    100,
    999,
    1000,
    1001,
    4096,
    2_147_483,
    2_147_484,
    2**31 - 1,
    2**31,
    2**32,
    2**53 + 1,
    2**62,
    2**63 - 1,
]
counts = st.one_of(st.sampled_from(EDGES), st.integers(0, 10**7), st.integers(0, 2**63 - 1))
numbers = st.one_of(counts, st.sampled_from([2**63, 3 * 2**63, 10**29]), st.integers(-(2**65), 2**65))
totals = st.one_of(counts, st.just(2**64 - 1))
adjs = st.one_of(
    st.sampled_from([0, -1, -17, -500, -999, -1000, 999, 1000]),
    st.integers(-1000, 1000),
    st.integers(-(2**31), 2**31 - 1),
)


@pytest.fixture(scope="module")
def con() -> Iterator[Connection]:
    with duckdb.connect() as con:
        migrate(con)
        macros.make(con)
        yield con


def of_every_era(con: Connection, call: str, **given: object) -> dict[str, int | None]:
    """The value of `call` with the column `era` and the parameters of `given`, by era."""
    return dict(con.execute(f"SELECT era, {call} FROM eras", given).fetchall())


def bigint(value: int | None) -> int | None:
    return value if value in INT64 else None


@many
@given(numbers, adjs, totals, st.sampled_from([True, False, None]), st.sampled_from([None, *RootBonus]))
def test_badness(
    con: Connection, pages: int, adj: int, total: int, has_root: bool | None, root: RootBonus | None
) -> None:
    def expected(era: Era) -> int | None:
        if era.score is Score.LEGACY or adj == -1000:
            return None
        return bigint(badness(era, Counters(pages, 0, 0), adj, total, has_root=bool(has_root), root=root).value)

    found = of_every_era(
        con, "oom_badness(era, $pages, $adj, $total, has_root := $has_root, root_bonus := $root)",
        pages=pages, adj=adj, total=total, has_root=has_root, root=root.name if root else None,
    )  # fmt: skip
    assert found == {era.name: expected(era) for era in ERAS}


@many
@given(st.one_of(counts, st.integers(-(2**63), 2**63 - 1)), totals)
def test_oom_score(con: Connection, value: int, total: int) -> None:
    found = of_every_era(con, "oom_score(era, $value, $total)", value=value, total=total)
    wanted = {era.name: proc_oom_score(era, value, total) for era in ERAS}
    assert found == {name: None if score is None else bigint(score) for name, score in wanted.items()}


@many
@given(st.sampled_from([4096, 16384, 65536]), st.lists(st.none() | counts, min_size=5, max_size=5))
def test_charged_pages(con: Connection, page_size: int, columns: list[int | None]) -> None:
    rss, swap, ptes, pmds, tables_bytes = columns

    def expected(era: Era) -> int | None:
        tables = page_table_pages(era, page_size, ptes, pmds, tables_bytes)
        return None if tables is None or rss is None or swap is None else bigint(rss + swap + tables)

    found = of_every_era(
        con, "oom_charged_pages(era, $size, $rss, $swap, nr_ptes := $ptes, nr_pmds := $pmds, pgtables_bytes := $bytes)",
        size=page_size, rss=rss, swap=swap, ptes=ptes, pmds=pmds, bytes=tables_bytes,
    )  # fmt: skip
    assert found == {era.name: expected(era) for era in ERAS}


@pytest.mark.parametrize("call", [
    "oom_badness('no era', 1, 0, 1000)", "oom_badness('7.0-', NULL, 0, 1000)", "oom_badness('7.0-', 1, NULL, 1000)",
    "oom_badness('7.0-', 1, 0, NULL)", "oom_badness('7.0-', 1, 0, -1)", "oom_badness('7.0-', 10::DOUBLE ^ 300, 0, 1)",
    "oom_badness('3.5-3.6', 1, 0, 1000, has_root := true, root_bonus := 'ADJ 30')", "oom_badness(NULL, 1, 0, 1000)",
    "oom_score('7.0-', NULL, 1000)", "oom_score('7.0-', 1, NULL)", "oom_score('7.0-', 1, -1)",
    "oom_charged_pages('7.0-', 0, 1, 1, pgtables_bytes := 1)",
])  # fmt: skip
def test_what_cannot_be_computed_is_null(con: Connection, call: str) -> None:
    assert con.execute(f"SELECT {call}").fetchone() == (None,)


def test_columns_of_the_caller_are_not_those_of_the_macros(con: Connection) -> None:
    names = "era, score, root, charged, adj, total, n, d, page_size, rss, share, unit, badness, scale, name"
    values = ", ".join(["'7.0-'"] * 3 + ["5"] * 11 + ["'x'"])
    calls = "oom_badness(era, charged + d, adj, total + unit), oom_score(era, badness + n, rss)"
    found = con.execute(f"SELECT {calls} FROM (VALUES ({values})) of({names})").fetchone()
    assert found == (10, (1000 + 10 * 1000 // 5) * 2 // 3)
