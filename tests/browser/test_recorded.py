"""The curves of a recording as a reader's browser shows them."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path

import duckdb
import pytest

from oomforensics.ingest import ingest
from oomforensics.reports import html
from tests.browser.conftest import Browser
from tests.support.samples import FIXTURES

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    ingest([str(FIXTURES / "recordings" / "memcg-v1-6.18")], db=folder / "h.duckdb", timezone=UTC)
    with duckdb.connect(str(folder / "h.duckdb"), read_only=True) as con:
        ids = [found for (found,) in con.execute("SELECT incident_id FROM incidents").fetchall()]
        (folder / "r.html").write_text(html.render(con, ids), encoding="utf-8")
    return folder / "r.html"


_STROKES = """
    const traces = document.querySelectorAll('[data-figure$=time-figure] .scatterlayer .trace .js-line');
    return [...traces].map((line) => getComputedStyle(line).stroke);
"""


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_curve_is_drawn_and_the_victims_stands_out(browser: Browser, page: Path, width: int, scheme: str) -> None:
    browser.requests()
    browser.open(page, width=width, scheme=scheme)
    browser.draw_all()
    assert browser.logs() == []
    assert set(browser.requests()) <= {page.as_uri(), "about:blank"}
    strokes = browser.run(_STROKES)
    assert len(strokes) == 7  # five processes, the group's usage and its limit
    assert len(set(strokes)) >= 6
    killed = browser.run("return getComputedStyle(document.documentElement).getPropertyValue('--part-killed').trim()")
    rgb = tuple(int(killed[at : at + 2], 16) for at in (1, 3, 5))
    assert strokes[0] == f"rgb({rgb[0]}, {rgb[1]}, {rgb[2]})"
    assert browser.run("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_the_command_lines_and_the_events_can_be_read(browser: Browser, page: Path) -> None:
    browser.open(page)
    section = browser.run("return document.querySelector('[id$=-recorded]').closest('section').innerText")
    assert "--queue=mail" in section
    browser.run("document.querySelector('details.moments').open = true")
    told = browser.run("return document.querySelector('details.moments').innerText")
    assert "oom_kill (memory.oom_control) in /shop" in told
    assert "worker (pid 2320) was killed line 84" in told


def test_the_figure_names_what_cannot_be_seen(browser: Browser, page: Path) -> None:
    browser.open(page)
    label = browser.run("return document.querySelector('[data-figure$=time-figure]').getAttribute('aria-label')")
    assert label.startswith("Time line: 9 moments, and curves of 7 processes and limits")
    figure = json.loads(browser.run("return document.querySelector('[id$=time-figure]').textContent"))
    assert [trace["name"] for trace in figure["data"]][-1] == "limit of /shop"


def test_every_moment_of_the_time_line_is_a_mark(browser: Browser, page: Path) -> None:
    """The kill, four notices of pressure and three warnings of the recorder; the report itself is the line at zero."""
    browser.open(page)
    browser.draw_all()
    marks = "document.querySelectorAll('[data-figure$=time-figure] .scatterlayer .trace .point').length"
    assert browser.run(f"return {marks}") == 8
    lanes = "[...document.querySelectorAll('[data-figure$=time-figure] .ytick text')].map((one) => one.textContent)"
    assert browser.run(f"return {lanes}.slice(0, 2)") == ["kernel", "recorder"]


def test_the_group_whose_limit_was_hit_has_a_full_bar(browser: Browser, page: Path) -> None:
    browser.open(page)
    bar, share = browser.run("""
        const bar = document.querySelector('.tree .bar');
        const rect = bar.querySelector('rect').getBoundingClientRect();
        return [rect.width, rect.width / bar.getBoundingClientRect().width];
    """)
    assert bar > 100 and abs(share - 1) < 0.01


def test_who_grew_stands_beside_the_curves(browser: Browser, page: Path) -> None:
    browser.open(page, width=360)
    section = "document.querySelector('[id$=-grew]').closest('section')"
    told = browser.run(f"return {section}.innerText")
    assert "worker (2 processes) grew by 93.1 MiB" in told and "It grew steadily" in told
    rows = browser.run(f"return [...{section}.querySelectorAll('tbody tr')].map((row) => row.innerText)")
    assert len(rows) == 8 and "leak" in rows[0] and "45 %" in rows[0] and "(0 B to 0 B)" not in told
