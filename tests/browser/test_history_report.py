"""The dashboard of a whole history as a reader's browser shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from oomforensics.reports import dashboard
from tests.browser.conftest import Browser
from tests.unit.reports import report_samples as samples

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    con = samples.history()
    for number in range(3):
        samples.add_global(con, f"oom-00000000000{number}")
    samples.add_memcg_group(con)
    samples.add_hostile(con)
    path = tmp_path_factory.mktemp("dashboard") / "history.html"
    path.write_text(dashboard.html(con), encoding="utf-8")
    return path


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
        const one = document.querySelector('details');
        one.querySelector('summary').click();
        return [one.open, one.innerText];
    """)
    assert shown[0] is True and "oomforensics report oom-" in shown[1]


def test_it_stays_small(page: Path) -> None:
    assert page.stat().st_size < 6_000_000
