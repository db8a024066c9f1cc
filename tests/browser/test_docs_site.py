"""The documentation opened from the disk: pages read well on a phone, the search works, and nothing is asked of a network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.conftest import Browser

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "site"

# The search lives in a shadow tree, which innerText does not see.
_SHOWN = """
const shown = (node) => node.nodeType === Node.TEXT_NODE ? node.data
  : [...(node.shadowRoot ?? node).childNodes].map(shown).join("");
"""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site() -> Path:
    subprocess.run([sys.executable, "tests/check_docs.py"], cwd=ROOT, check=True, capture_output=True)
    return SITE


def elsewhere(browser: Browser) -> list[str]:
    return [address for address in browser.requests() if not address.startswith(("file:", "data:", "about:"))]


def test_the_search_finds_without_a_server(browser: Browser, site: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser.requests()
    browser.open(site / "index.html")
    ActionChains(browser.driver).key_down(Keys.CONTROL).send_keys("k").key_up(Keys.CONTROL).pause(0.5).perform()
    keys = ActionChains(browser.driver)
    for letter in "swappiness":
        keys = keys.send_keys(letter).pause(0.1)
    keys.perform()
    browser.wait(f"{_SHOWN} return shown(document.body).includes('vm.swappiness')")
    assert browser.logs() == [] and elsewhere(browser) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", ["tutorial", "tables", "kernel-eras"])
def test_a_page_fits_a_phone(browser: Browser, site: Path, page: str, scheme: str) -> None:
    browser.requests()
    browser.open(site / f"{page}.html", width=390, scheme=scheme)
    browser.wait("return document.querySelector('h1') !== null")
    assert browser.run("return document.documentElement.scrollWidth") <= 390
    assert browser.logs() == [] and elsewhere(browser) == []
