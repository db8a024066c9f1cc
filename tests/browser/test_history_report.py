"""The dashboard of a whole history as a reader's browser shows it."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import duckdb
import pytest

from oomforensics.ingest import ingest
from oomforensics.reports import dashboard
from tests.browser.conftest import Browser
from tests.e2e.test_history_report import report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dashboard")
    evil = "<img src=x onerror=window.pwned=1>"
    lines = [report(100 + n, evil if n == 2 else "web", "/box", f"node{n % 3}", 700 * n) for n in range(6)]
    (folder / "syslog").write_text("".join(lines))
    ingest([str(folder / "syslog")], db=folder / "h.duckdb", timezone=UTC)
    with duckdb.connect(str(folder / "h.duckdb"), read_only=True) as con:
        (folder / "history.html").write_text(dashboard.html(con), encoding="utf-8")
    return folder / "history.html"


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_error_network_or_overflow(browser: Browser, page: Path, width: int, scheme: str) -> None:
    browser.requests()
    browser.open(page, width=width, scheme=scheme)
    browser.draw_all()
    assert browser.logs() == []
    assert set(browser.requests()) <= {page.as_uri(), "about:blank"}
    assert browser.run("return window.pwned") is None
    assert browser.run("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert browser.run("return document.querySelectorAll('.barlayer .point').length") >= 2


def test_bars_change_colour_with_the_theme(browser: Browser, page: Path) -> None:
    browser.open(page, scheme="light")
    browser.draw_all()
    fill = "getComputedStyle(document.querySelector('.barlayer .point path')).fill"
    light = browser.run(f"return {fill}")
    browser.run("document.getElementById('theme').click()")
    browser.wait(f"return {fill} !== '{light}'")


def test_an_incident_opens_to_its_proof(browser: Browser, page: Path) -> None:
    browser.open(page)
    shown = browser.run("""
        const one = document.querySelector('details.case');
        one.querySelector('summary').click();
        return [one.open, one.innerText];
    """)
    assert shown[0] is True and "oomforensics report " in shown[1] and "totalpages" in shown[1]


def test_it_stays_small(page: Path) -> None:
    assert page.stat().st_size < 6_000_000
