"""Where the memory was, the zones and the findings, as a reader's browser shows them: of a real kernel's report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import Browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(page_of: Callable[[str], Path]) -> Path:
    return page_of("complete")


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_says_nothing_on_the_console(browser: Browser, page: Path, width: int, scheme: str) -> None:
    browser.requests()
    browser.open(page, width=width, scheme=scheme)
    browser.draw_all()
    assert browser.logs() == []
    assert set(browser.requests()) <= {page.as_uri(), "about:blank"}
    assert browser.run("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_every_part_of_the_first_levels_is_a_sector(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.draw_all()
    figure = json.loads(browser.run("return document.querySelector('[id$=balance-figure]').textContent"))
    depth: dict[str, int] = {"": 0}
    wanted = 0
    for trace in figure["data"]:
        for node, parent in zip(trace["ids"], trace["parents"], strict=True):
            depth[node] = depth[parent] + 1
            wanted += depth[node] <= trace["maxdepth"]
    assert wanted > 8
    assert browser.run("return document.querySelectorAll('.iciclelayer .slice').length") == wanted


def test_sectors_change_colour_with_the_theme(browser: Browser, page: Path) -> None:
    browser.open(page, scheme="light")
    browser.draw_all()
    fill = "[...document.querySelectorAll('.iciclelayer .slice path')].map((one) => getComputedStyle(one).fill).join()"
    light = browser.run(f"return {fill}")
    browser.run("document.getElementById('theme').click()")
    browser.wait(f"return {fill} !== {json.dumps(light)}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_words_in_sectors_can_be_read(browser: Browser, page: Path, scheme: str) -> None:
    """Contrast of at least 4.5 to 1 (WCAG 2.2, 1.4.3), which axe does not look at inside of SVG."""
    browser.open(page, scheme=scheme)
    browser.draw_all()
    pairs = browser.run("""
        return [...document.querySelectorAll('.iciclelayer .slice')].filter((one) => one.querySelector('text')?.textContent)
            .map((one) => [getComputedStyle(one.querySelector('text')).fill, getComputedStyle(one.querySelector('path')).fill]);
    """)
    assert len(pairs) >= 3

    def luminance(colour: str) -> float:
        shares = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in shares)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for ink, ground in pairs:
        dark, light = sorted((luminance(ink), luminance(ground)))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)


def test_a_click_goes_into_a_part_and_out_again(browser: Browser, page: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    browser.open(page)
    browser.draw_all()
    words = "[...document.querySelectorAll('.iciclelayer .slice text')].map((one) => one.textContent).join()"
    kernel = """
        const slices = [...document.querySelectorAll('.iciclelayer .slice')];
        const part = slices.find((one) => one.textContent.includes('The kernel itself'));
        part.scrollIntoView({ block: 'center', behavior: 'instant' });
        return new Promise((after) => setTimeout(() => after(part), 1000));  // while it moves, clicks count for nothing
    """
    assert "RAM" in browser.run(f"return {words}")
    ActionChains(browser.driver).move_to_element(browser.run(kernel)).click().perform()
    browser.wait(f"return !{words}.includes('RAM') && {words}.includes('Slab')")
    ActionChains(browser.driver).move_to_element(browser.run(kernel)).click().perform()
    browser.wait(f"return {words}.includes('RAM')")


def test_the_table_holds_every_counter(browser: Browser, page: Path) -> None:
    browser.open(page)
    rows, nodes = browser.run("""
        const figure = JSON.parse(document.querySelector('[id$=balance-figure]').textContent);
        const table = document.querySelector('[id$=balance-figure]').parentElement.querySelector('table');
        return [table.tBodies[0].rows.length, figure.data.reduce((sum, trace) => sum + trace.ids.length, 0)];
    """)
    assert rows >= nodes > 10


def test_free_memory_ends_before_what_was_needed(browser: Browser, page: Path) -> None:
    browser.open(page)
    bars = browser.run("""
        return [...document.querySelectorAll('svg.zone')].map((bar) => [
            bar.querySelector('.free').getBoundingClientRect().right,
            bar.querySelector('.stroke-needed').getBoundingClientRect().left,
        ]);
    """)
    assert len(bars) == 2 and all(free < needed + 1 for free, needed in bars)


def test_verdict_cause_and_advice_are_on_the_first_screen(browser: Browser, page: Path) -> None:
    browser.open(page)  # 1280 x 900
    ends = browser.run("""
        const end = (of) => document.querySelector(of).getBoundingClientRect().bottom;
        return [end('.cause'), end('.verdict'), end('.finding p + p')];
    """)
    assert ends == sorted(ends) and ends[-1] <= 900


def test_a_finding_opens_to_its_lines_by_keyboard(browser: Browser, page: Path) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    browser.open(page)
    browser.driver.find_element(By.CSS_SELECTOR, ".finding .facts-of summary").send_keys(Keys.ENTER)
    link = browser.driver.find_element(By.CSS_SELECTOR, ".finding .facts-of a")
    link.send_keys(Keys.ENTER)
    assert browser.wait("return location.hash.startsWith('#i1-L') && document.querySelector(location.hash) !== null")


def test_print_opens_every_finding(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("return document.querySelectorAll('details.finding:not([open])').length") == 0
    browser.run("dispatchEvent(new Event('afterprint'))")
