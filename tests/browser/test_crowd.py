"""A page of 20,000 processes with every line that the kernel printed of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import CROWD, Browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(page_of: Callable[[str], Path]) -> Path:
    return page_of("crowd")


def test_it_stays_under_six_megabytes(page: Path) -> None:
    assert page.stat().st_size < 6_000_000


def test_the_rows_are_unpacked_when_they_are_wanted(browser: Browser, page: Path) -> None:
    browser.requests()
    browser.open(page)
    assert browser.run("return document.querySelectorAll('.rawbox li').length") < 200
    browser.run("document.querySelectorAll('[data-packed] summary').forEach((one) => one.click())")
    browser.wait(f"return document.querySelectorAll('.rawbox li').length > {CROWD}", seconds=60)
    first, text = browser.run("""
        const row = document.querySelector('.rawbox details[data-first] li');
        return [row.id, row.querySelector('.t').textContent];
    """)
    assert first.startswith("i1-L") and text.split()[:2] == ["[", "1000]"]
    assert browser.logs() == [] and set(browser.requests()) <= {page.as_uri(), "about:blank"}


def test_a_link_to_a_packed_line_opens_it(browser: Browser, page: Path) -> None:
    browser.open(page)
    first = browser.run("return +document.querySelector('[data-packed]').dataset.first")
    target = f"i1-L{first + 12_345}"
    assert browser.run(f"return document.getElementById('{target}')") is None
    browser.run(f"location.hash = '#{target}'")
    assert browser.wait(f"return document.getElementById('{target}')?.closest('details').open")
    assert "13345]" in browser.run(f"return document.getElementById('{target}').textContent")
