"""Where the memory was and why the allocation failed, in text, Markdown and JSON."""

from __future__ import annotations

import json

import duckdb
import pytest
from markdown_it import MarkdownIt

from oomforensics.reports import jsonreport, markdown, memory, text
from oomforensics.reports.load import load
from tests.unit.reports import report_samples as samples

MIB = 1 << 20
HOSTILE_GROUP = "/a@b|c<script>`x`\x1b[31m"


def tokens(document: str) -> list[tuple[str, str]]:
    parsed = MarkdownIt("commonmark").enable("table").parse(document)
    return [(token.type, token.content) for one in parsed for token in (one, *(one.children or ()))]


@pytest.fixture
def incident(con: duckdb.DuckDBPyConnection) -> str:
    name = samples.add_global(con)
    rows = [
        ("ram", None, "RAM", 1000, None),
        ("anon", "ram", "Anonymous memory of processes", 900, None),
        ("anon_1", "anon", "One control group", 890, HOSTILE_GROUP),
        ("anon_groups", "anon", "Other groups", 10, None),
        ("kernel", "ram", "The kernel itself", 99, None),
        ("bounce", "kernel", "Bounce buffers", 2, None),
        ("unaccounted", "ram", "In no counter", 1, None),
    ]
    for seq, (node, parent, label, mib, memcg) in enumerate(rows):
        exact = node == "ram"
        samples.insert(
            con, "memory_balance", incident_id=name, seq=seq, node=node, parent=parent, label=label, bytes=mib * MIB,
            min_bytes=mib * MIB if exact else 0, max_bytes=mib * MIB if exact else 1000 * MIB, origin=f"{node}:1 | pages",
            memcg=memcg, line=7,
        )  # fmt: skip
    samples.insert(
        con, "allocations", incident_id=name, cause="fragmentation", also=["no_swap"], text="Memory was in pieces.",
        gfp_flags=["GFP_KERNEL", "__GFP_COMP"], order_asked=3, request_bytes=32768, migratetype="unmovable",
        highest_zone="Normal", nodes="0", balance_text="Of 1000 MiB, RAM: much.", notes=["The page size is assumed."],
    )  # fmt: skip
    samples.insert(
        con, "allocation_zones", incident_id=name, node=0, zone="Normal", usable=True, reason="enough free, but no block",
        free_kb=9000, needed_kb=1032, min_kb=1000, reserve_kb=0, largest_free_kb=8, line=9,
    )  # fmt: skip
    return name


def test_text(con: duckdb.DuckDBPyConnection, incident: str) -> None:
    shown = text.explain(con, incident, 90)
    assert "Why the allocation failed: memory in pieces that are too small" in shown
    assert "GFP_KERNEL | __GFP_COMP" in shown
    assert "32 KiB (order 3)" in shown
    assert "8.79 MiB free, 1.01 MiB needed" in shown
    assert "Where the memory was" in shown
    assert "900 MiB         90 %    Anonymous memory of processes" in shown
    assert "In no counter (0 B to 0.98 GiB)" in shown
    assert "\x1b[31m" not in shown
    assert max(map(len, shown.splitlines())) <= 90


def test_small_parts_are_left_out_where_room_is_short(con: duckdb.DuckDBPyConnection, incident: str) -> None:
    page = load(con, incident)
    short = [part.row.node for part in memory.parts(page)]
    assert "bounce" not in short
    assert "unaccounted" in short
    everything = memory.parts(page, every=True)
    assert [part.row.node for part in everything] == [row.node for row in page.balance]
    assert [part.depth for part in everything] == [0, 1, 2, 2, 1, 2, 1]


def test_markdown(con: duckdb.DuckDBPyConnection, incident: str) -> None:
    found = tokens(markdown.render(con, [incident]))
    cells = [content for kind, content in found if kind == "inline"]
    assert "## Why the allocation failed" not in cells
    assert any(cell.startswith("Why the allocation failed: memory in pieces") for cell in cells)
    assert not {kind for kind, _ in found} & {"html_inline", "html_block", "link_open", "image"}


def test_a_name_stays_in_its_cell(con: duckdb.DuckDBPyConnection, incident: str) -> None:
    document = markdown.render(con, [incident])
    line = next(line for line in document.splitlines() if "c<script" in line.replace("\\", ""))
    table = tokens("| part | size | share | between | read from |\n|---|---:|---:|---|---|\n" + line + "\n")
    body = table[[kind for kind, _ in table].index("tbody_open") :]
    assert len([kind for kind, _ in body if kind == "td_open"]) == 5
    assert [content for kind, content in body if kind == "inline"][1] == "890 MiB"


def test_json(con: duckdb.DuckDBPyConnection, incident: str) -> None:
    (one,) = json.loads(jsonreport.render(con, [incident]))["incidents"]
    assert [part["node"] for part in one["balance"]][:2] == ["ram", "anon"]
    assert one["balance"][2]["memcg"] == HOSTILE_GROUP
    assert one["allocation"]["cause"] == "fragmentation"
    assert one["allocation"]["zones"][0]["needed_kb"] == 1032


def test_nothing_is_said_of_an_allocation_that_the_report_does_not_show(con: duckdb.DuckDBPyConnection) -> None:
    name = samples.add_bare_kill(con)
    samples.insert(con, "allocations", incident_id=name, cause="unknown", also=[], text="Not known.", notes=[])
    assert "Why the allocation failed" not in text.explain(con, name, 80)
    assert "Why the allocation failed" not in markdown.render(con, [name])
    samples.insert(con, "allocation_zones", incident_id=name, zone="Normal", reason="its line is lost")
    assert "Not known." in text.explain(con, name, 80)


def test_a_history_that_no_ingest_brought_up_to_date_shows_neither(con: duckdb.DuckDBPyConnection) -> None:
    name = samples.add_global(con)
    for shown in (text.explain(con, name, 80), markdown.render(con, [name])):
        assert "Where the memory was" not in shown
        assert "Why the allocation failed" not in shown
    (one,) = json.loads(jsonreport.render(con, [name]))["incidents"]
    assert (one["balance"], one["allocation"]) == ([], None)
