"""The balance as an icicle, the zones as bars and the free blocks, from real reports and from rows set by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from typing import Any

import duckdb
import pytest

from oomforensics.history.lookup import all_ids
from oomforensics.ingest import ingest
from oomforensics.reports import memoryfigure, zonebars
from oomforensics.reports.load import AllocationRow, BalanceRow, IncidentPage, ZoneRow, load
from tests.support.samples import FIXTURES
from tests.unit.reports import report_samples as samples

KERNEL = FIXTURES / "kernels" / "5.10.0-32-cloud-amd64"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[IncidentPage]]:
    path = tmp_path_factory.mktemp("memory") / "h.duckdb"
    ingest([str(KERNEL / "global-swap"), str(KERNEL / "memcg-v2-nested")], db=path, timezone=UTC)
    with duckdb.connect(str(path), read_only=True) as con:
        yield [load(con, incident_id) for incident_id in all_ids(con)]


def test_sectors_are_the_balance_and_children_fill_their_parents(real: list[IncidentPage]) -> None:
    for page in real:
        traces = memoryfigure.icicle(page.balance)["data"]
        drawn = {node: size for trace in traces for node, size in zip(trace["ids"], trace["values"], strict=True)}
        assert drawn == {row.node: row.bytes for row in page.balance if row.node in drawn}
        assert {row.node for row in page.balance if row.parent is None and row.bytes} <= set(drawn)
        for trace in traces:
            below: dict[str, int] = {}
            for parent, size in zip(trace["parents"], trace["values"], strict=True):
                below[parent] = below.get(parent, 0) + size
            # Plotly draws nothing at all where children are more than their parent.
            assert all(size <= drawn[parent] for parent, size in below.items() if parent)
            assert len(trace["meta"]["parts"]) == len(trace["ids"])


def row(node: str, parent: str | None, size: int) -> BalanceRow:
    return BalanceRow(node, parent, f"<b>{node}</b>", size, size, size, "", None, None)


def test_each_whole_has_a_height_of_its_size_and_none_is_lost() -> None:
    rows = (
        row("ram", None, 990),
        row("anon", "ram", 900),
        row("anon_thp", "anon", 100),
        row("odd", "ram", 90),
        row("swap", None, 10),
    )
    large, small = memoryfigure.icicle(rows)["data"]
    assert large["meta"]["parts"] == ["memory-whole", "memory-anon", "memory-anon", "memory-other"]
    (low, high), (bottom, top) = large["domain"]["y"], small["domain"]["y"]
    assert high == 1 and 0 <= bottom < top < low and top - bottom > 0.1 and high - low > 5 * (top - bottom)
    assert "<b>" not in str(large["labels"])


def test_a_whole_of_nothing_is_not_drawn() -> None:
    assert len(memoryfigure.icicle((row("ram", None, 5), row("swap", None, 0)))["data"]) == 1


ZONE = ZoneRow(0, "Normal", True, "", 4000, 1000, 400, 0, 500, 600, 700, 50, 1200, 64, 9)


def allocation(order: int, migratetype: str, *zones: ZoneRow) -> AllocationRow:
    return AllocationRow(
        "fragmentation", [], "", None, order, 4096 << order, migratetype, "Normal", None, None, None, [], zones
    )


def page_with(
    con: duckdb.DuckDBPyConnection, asked: AllocationRow, meminfo: dict[str, Any] | None = None
) -> IncidentPage:
    return replace(load(con, samples.add_global(con)), allocation=asked, meminfo=meminfo, page_size=4096)


def test_a_bar_ends_a_little_behind_what_is_largest(con: duckdb.DuckDBPyConnection) -> None:
    (bar,) = zonebars.bars(page_with(con, allocation(0, "movable", ZONE)))
    full = 1200 * 1.06
    assert bar.name == "Normal, node 0"
    assert [bar.free, bar.cma] == pytest.approx([100 * 600 / full, 100 * 400 / full])
    assert {stroke.key: round(stroke.at, 6) for stroke in bar.strokes} == {
        key: round(100 * kb / full, 6) for key, kb in (("min", 500), ("low", 600), ("high", 700), ("needed", 1200))
    }
    assert bar.told == (
        "0.98 MiB free, of it 400 KiB for movable pages only; min 500 KiB; low 600 KiB; high 700 KiB; needed 1.17 MiB; "
        "lowmem_reserve 50 KiB"
    )


@pytest.mark.parametrize(
    ("migratetype", "serving"),
    [
        ("unmovable", [4]),
        ("movable", [2, 4]),
    ],  # a CMA list serves movable pages alone, one kept for atomic requests nobody here
)
def test_blocks_that_serve_are_large_enough_and_on_a_list_that_may_serve(
    con: duckdb.DuckDBPyConnection, migratetype: str, serving: list[int]
) -> None:
    buddy = {"4": 9, "8": 7, "16": 5, "32": 3, "64": 1, "128": 0}
    types = {"4": "UME", "8": "U", "16": "C", "32": "H", "64": "M"}
    meminfo = {"zones": [{"node": 0, "name": "Normal", "buddy": buddy, "buddy_types": types}]}
    (shown,) = zonebars.blocks(page_with(con, allocation(2, migratetype, ZONE), meminfo))
    assert [(count.order, count.number) for count in shown.counts] == [(0, 9), (1, 7), (2, 5), (3, 3), (4, 1), (5, 0)]
    assert [count.order for count in shown.counts if count.serves] == serving


def test_real_zones_have_their_bars_and_blocks(real: list[IncidentPage]) -> None:
    page = next(page for page in real if page.scope == "global")
    assert [bar.name for bar in zonebars.bars(page)] == ["DMA, node 0", "DMA32, node 0"]
    assert all(len(bar.strokes) == 4 and 0 < bar.free < 100 for bar in zonebars.bars(page))
    assert zonebars.orders(zonebars.blocks(page)) == list(range(11))
