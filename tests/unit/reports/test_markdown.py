"""Markdown is checked by what a reader of it makes of it: markdown-it stands for the ticket system."""

from __future__ import annotations

import duckdb
import pytest
from markdown_it import MarkdownIt

from oomforensics.reports import markdown
from tests.unit.reports import report_samples as samples


def _tokens(document: str) -> list[tuple[str, str]]:
    parsed = MarkdownIt("commonmark").enable("table").parse(document)
    flat = [token for block in parsed for token in (block, *(block.children or ()))]
    return [(token.type, token.content) for token in flat]


def test_document(con: duckdb.DuckDBPyConnection) -> None:
    shown = markdown.render(con, [samples.add_global(con)])
    assert shown.startswith("# scand (pid 517) was killed on 2026-12-20 03:17:52 UTC on mail-02: the machine was")
    assert "| 1 | 517 | `scand` | 1.61 GiB | 418 MiB | 4.19 MiB | 0 | 530,496 | 83.0 % | **killed** |" in shown
    assert "| 6 | 754 | `guard/f.postfix` |" in shown
    assert "\n82  Out of memory: Killed process 517 (scand)" in shown


def test_several_incidents(con: duckdb.DuckDBPyConnection) -> None:
    shown = markdown.render(con, [samples.add_global(con), samples.add_bare_kill(con), samples.add_no_victim(con)])
    assert [kind for kind, _ in _tokens(shown)].count("hr") == 2
    assert "- the whole report: only the kill itself is in the log (`report`)" in shown


def test_hostile_names_are_neither_markdown_nor_html(con: duckdb.DuckDBPyConnection) -> None:
    tokens = _tokens(markdown.render(con, [samples.add_hostile(con)]))
    kinds = {kind for kind, _ in tokens}
    assert not kinds & {"html_inline", "html_block", "link_open", "image"}
    spans = [content for kind, content in tokens if kind == "code_inline"]
    assert samples.HOSTILE in spans
    assert "`|*_[x](y)" in spans


@pytest.mark.parametrize("raw", ["`", "``", "a`b", " ", "*x*", "_y_", "<b>", "[a](b)", "&amp;", r"\\", "~~s~~", "a|b"])
def test_text_and_code_round_trip(raw: str) -> None:
    rendered = [content for kind, content in _tokens(f"x {markdown.text(raw)} x") if kind in ("text", "text_special")]
    assert "".join(rendered).strip() == f"x {raw} x".strip()
    spans = [content for kind, content in _tokens(f"x{markdown.code(raw)}x") if kind == "code_inline"]
    assert [span.strip() for span in spans] == [raw.strip()]


def test_nobody_is_mentioned() -> None:
    assert markdown.text("worker @everyone was first") == "worker `@everyone` was first"


def test_a_line_cannot_close_its_block() -> None:
    assert markdown.block(["```", "x"]) == ["````text", "```", "x", "````"]
