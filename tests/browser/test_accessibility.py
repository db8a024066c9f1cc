"""axe-core over every kind of page in both themes: nothing that a screen reader or a keyboard cannot use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import Browser

pytestmark = pytest.mark.browser
KINDS = (
    "global",
    "group",
    "bare",
    "none",
    "permille",
    "hostile",
    "complete",
    "crowd",
    "recorded",
    "redacted",
    "history",
    "several",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing(browser: Browser, page_of: Callable[[str], Path], kind: str, scheme: str) -> None:
    browser.open(page_of(kind), scheme=scheme)
    browser.draw_all()
    browser.run(
        "document.querySelectorAll('details:not([data-packed])').forEach((one) => { one.open = one.textContent.length < 20000 })"
    )
    assert browser.violations() == []


@pytest.mark.parametrize("kind", ["complete", "history"])
def test_axe_finds_nothing_on_a_phone(browser: Browser, page_of: Callable[[str], Path], kind: str) -> None:
    browser.open(page_of(kind), width=360)
    browser.draw_all()
    assert browser.violations() == []


def test_axe_sees_what_is_wrong(browser: Browser, page_of: Callable[[str], Path]) -> None:
    """The check itself is checked: a picture without words and a pale text are found."""
    browser.open(page_of("bare"))
    browser.run("""
        const main = document.querySelector('main');
        main.append(document.createElement('img'));
        main.insertAdjacentHTML('beforeend', '<p style="color: #ddd; background: #fff">pale</p>');
    """)
    assert {found.split(" ")[0] for found in browser.violations()} >= {"image-alt", "color-contrast"}


_FOCUSED = """
    const at = document.activeElement;
    const ring = getComputedStyle(at);
    return [at.tagName.toLowerCase(), (at.id || at.textContent || at.getAttribute('aria-label') || '').trim().slice(0, 40),
            ring.outlineStyle !== 'none' && parseFloat(ring.outlineWidth) >= 2];
"""


@pytest.mark.parametrize("kind", ["recorded", "history"])
def test_the_tab_key_reaches_everything_and_shows_where_it_is(
    browser: Browser, page_of: Callable[[str], Path], kind: str
) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser.open(page_of(kind))
    wanted = browser.run("""
        const some = 'a[href], button, input, summary, select, [tabindex="0"]';
        return [...document.querySelectorAll(some)].filter((one) => one.checkVisibility() && !one.disabled).length;
    """)
    seen, unmarked = [], []
    for _ in range(wanted):
        ActionChains(browser.driver).send_keys(Keys.TAB).perform()
        tag, name, marked = browser.run(_FOCUSED)
        seen.append((tag, name))
        if not marked:
            unmarked.append((tag, name))
    assert seen[0] == ("a", "Skip to the report") and seen[1] == ("button", "theme")
    assert ("body", "") not in seen and len(seen) > 8
    assert unmarked == []


def test_the_skip_link_leads_past_the_head(browser: Browser, page_of: Callable[[str], Path]) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser.open(page_of("global"))
    ActionChains(browser.driver).send_keys(Keys.TAB, Keys.ENTER, Keys.TAB).perform()
    inside = browser.run("return document.querySelector('main').contains(document.activeElement)")
    assert inside, browser.run("return document.activeElement.outerHTML.slice(0, 200)")
