"""The HTML report as a reader's browser shows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import Browser

pytestmark = pytest.mark.browser
Report = Callable[..., Path]
ALL = ("global", "group", "bare", "none", "permille", "hostile")


@pytest.mark.parametrize("name", ALL)
def test_opens_without_error_and_without_network(browser: Browser, report: Report, name: str) -> None:
    path = report(name)
    browser.requests()
    browser.open(path)
    browser.draw_all()
    assert browser.logs() == []
    assert set(browser.requests()) <= {path.as_uri(), "about:blank"}


def test_chart_has_a_bar_for_each_part_of_each_process(browser: Browser, report: Report) -> None:
    browser.open(report("global"))
    browser.draw_all()
    # rss, swap, page tables and oom_score_adj of eleven processes; Plotly draws an element for nothing, too.
    assert browser.run("return document.querySelectorAll('.barlayer .trace').length") == 4
    assert browser.run("return document.querySelectorAll('.barlayer .point').length") == 4 * 11
    assert browser.run("return document.querySelectorAll('.scatterlayer .point').length") == 11


def test_negative_adj_reaches_to_the_left_of_zero(browser: Browser, report: Report) -> None:
    browser.open(report("global"))
    browser.draw_all()
    left, zero = browser.run("""
        const adj = [...document.querySelectorAll('.barlayer .trace')].at(-1);
        const widest = adj.querySelectorAll('.point path');
        const zero = document.querySelector('.zerolinelayer path').getBoundingClientRect();
        return [Math.min(...[...widest].map((bar) => bar.getBoundingClientRect().left)), zero.left];
    """)
    assert left < zero - 100


def _column(browser: Browser, title: str) -> list[str]:
    found: list[str] = browser.run(
        """
        const table = document.querySelector('table.tasks');
        const at = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent === arguments[0]);
        return [...table.tBodies[0].rows].map((row) => row.cells[at].textContent.trim());
        """,
        title,
    )
    return found


def _click_heading(browser: Browser, title: str) -> str:
    state: str = browser.run(
        """
        const cells = [...document.querySelectorAll('table.tasks th')];
        const cell = cells.find((one) => one.textContent === arguments[0]);
        cell.querySelector('button').click();
        return cell.getAttribute('aria-sort');
        """,
        title,
    )
    return state


def test_table_starts_in_the_kernels_order_and_sorts(browser: Browser, report: Report) -> None:
    browser.open(report("global"))
    assert _column(browser, "pid")[:3] == ["517", "2210", "1682"]
    assert _click_heading(browser, "pid") == "ascending"
    assert _column(browser, "pid")[:3] == ["199", "255", "348"]
    assert _click_heading(browser, "swap") == "descending"
    assert _column(browser, "pid")[:2] == ["517", "1683"]
    assert _click_heading(browser, "badness") == "descending"
    assert _column(browser, "badness")[-2:] == ["?", "?"], "unknown comes last"
    assert _click_heading(browser, "badness") == "ascending"
    assert _column(browser, "badness")[0] == "-574,045"
    assert _column(browser, "badness")[-2:] == ["?", "?"], "unknown comes last either way"


def _search(browser: Browser, text: str) -> tuple[list[str], str]:
    browser.run(
        "const box = document.querySelector('[data-table] input[type=search]'); box.value = arguments[0];"
        "box.dispatchEvent(new Event('input'))",
        text,
    )
    return _column(browser, "pid"), browser.run("return document.querySelector('[data-table] .count').textContent")


def test_search_by_name_pid_and_mark(browser: Browser, report: Report) -> None:
    browser.open(report("global"))
    assert _search(browser, "FILTER") == (["1682", "1683", "1680"], "3 of 18 processes")
    assert _search(browser, "517") == (["517"], "1 of 18 processes")
    assert _search(browser, "trigger") == (["754"], "1 of 18 processes")
    assert _search(browser, "nobody") == ([], "0 of 18 processes")
    assert _search(browser, "")[1] == "18 processes"


def test_name_opens_its_arithmetic_from_the_keyboard(browser: Browser, report: Report) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    browser.open(report("global"))
    button = browser.driver.find_element(By.CSS_SELECTOR, "table.tasks button.comm")
    button.send_keys(Keys.ENTER)
    detail = browser.driver.find_element(By.CSS_SELECTOR, "tr.detail")
    assert "= 530496" in detail.text
    assert button.get_attribute("aria-expanded") == "true"
    button.send_keys(Keys.ENTER)
    assert browser.driver.find_elements(By.CSS_SELECTOR, "tr.detail") == []


def test_link_from_the_proof_opens_the_folded_line(browser: Browser, report: Report) -> None:
    browser.open(report("global"))
    browser.run("location.hash = '#i1-L9'")
    assert browser.wait("return document.getElementById('i1-L9').closest('details').open")
    assert browser.run("return document.querySelectorAll('a[href=\"#i1-L81\"]').length") >= 2


def test_twenty_thousand_processes_stay_quick(browser: Browser, report: Report) -> None:
    browser.open(report("large"))
    assert len(_column(browser, "pid")) == 200
    assert browser.run("return document.querySelector('.more').textContent") == "Show more (19,800 not shown)"
    browser.run("document.querySelector('.more').click()")
    assert len(_column(browser, "pid")) == 1200
    took = browser.run("""
        const started = performance.now();
        document.querySelectorAll('table.tasks th button')[1].click();
        const box = document.querySelector('[data-table] input[type=search]');
        box.value = 'worker-97';
        box.dispatchEvent(new Event('input'));
        document.querySelector('table.tasks').offsetHeight;
        return performance.now() - started;
    """)
    # Some tens of milliseconds when nothing else runs; the bound only tells quick from frozen.
    assert took < 3000


def test_hostile_names_stay_names(browser: Browser, report: Report) -> None:
    browser.open(report("hostile"))
    browser.draw_all()
    assert browser.run("return window.pwned") is None
    assert browser.run("return document.querySelectorAll('img').length") == 0
    assert browser.run("return document.querySelectorAll('a[href^=javascript]').length") == 0
    assert browser.run("return document.querySelectorAll('svg a').length") == 0
    names = _column(browser, "name")
    assert names[0].startswith("</script><img src=x onerror=window.pwned=1>")
    assert names[1].startswith("{{7*7}}${7*7}")
    assert names[2].startswith(r"a\u202eb\u200bc")
    assert names[3] == r"\x1b[2J\x9b31mred"
    labels = browser.run("return document.querySelector('.annotation-text').parentNode.textContent")
    assert "</script><img src=x onerror=window.pwned=1> 100" in labels
    assert browser.logs() == []


def test_policy_forbids_foreign_script_and_network(browser: Browser, report: Report) -> None:
    browser.open(report("bare"))
    browser.run("""
        const script = document.createElement('script');
        script.textContent = 'window.pwned = 1';
        document.body.append(script);
        const image = document.createElement('img');
        image.src = 'https://example.invalid/x.png';
        document.body.append(image);
    """)
    assert browser.run("return window.pwned") is None
    violations = browser.logs()
    assert any("script-src" in line for line in violations)
    assert any("img-src" in line for line in violations)


@pytest.mark.parametrize("width", [360, 390, 768])
@pytest.mark.parametrize("names", [("global",), ("hostile",), ALL])
def test_no_sideways_scrolling(browser: Browser, report: Report, names: tuple[str, ...], width: int) -> None:
    browser.open(report(*names), width=width)
    browser.draw_all()
    browser.run("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    wide, shown = browser.run("const page = document.documentElement; return [page.scrollWidth, page.clientWidth]")
    assert wide == shown <= width


_CONTRAST = """
const luminance = (colour) => {
  const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((value) => {
    const part = Number(value) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (node) => {
  for (let at = node; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (colour !== 'rgba(0, 0, 0, 0)') return colour;
  }
};
const poor = [];
for (const node of document.querySelectorAll('main *, header *, footer')) {
  const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
  if (!own || node.closest('script, svg, noscript') || !node.getClientRects().length) continue;
  const [a, b] = [luminance(getComputedStyle(node).color), luminance(behind(node))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) poor.push(`${node.className || node.tagName} ${ratio.toFixed(2)}`);
}
return [...new Set(poor)];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(browser: Browser, report: Report, scheme: str) -> None:
    browser.open(report(*ALL), scheme=scheme)
    assert browser.run(_CONTRAST) == []


def test_colours_follow_the_system_and_the_toggle(browser: Browser, report: Report) -> None:
    paper = "return getComputedStyle(document.documentElement).backgroundColor"
    bar = "return getComputedStyle(document.querySelector('.barlayer .point path')).fill"
    browser.open(report("global"), scheme="dark")
    browser.draw_all()
    dark = browser.run(paper), browser.run(bar)
    browser.run("document.getElementById('theme').click()")
    browser.wait(f"{bar} !== '{dark[1]}'")
    light = browser.run(paper), browser.run(bar)
    assert light[0] != dark[0]
    browser.prefer("light")
    assert browser.run(paper) == light[0]
    browser.run("document.getElementById('theme').click()")
    browser.wait(f"{bar} === '{dark[1]}'")
    assert browser.run(paper) == dark[0]


def test_several_incidents_have_an_index(browser: Browser, report: Report) -> None:
    browser.open(report(*ALL))
    assert browser.run("return document.querySelectorAll('.index a').length") == len(ALL)
    assert browser.run("return document.querySelectorAll('h1').length") == 1
    broken = browser.run("""
        return [...document.querySelectorAll('a[href^="#"]')]
            .map((link) => link.getAttribute('href').slice(1))
            .filter((id) => !document.getElementById(id));
    """)
    assert broken == []
    twice = browser.run("""
        const ids = [...document.querySelectorAll('[id]')].map((node) => node.id);
        return ids.filter((id, at) => ids.indexOf(id) !== at);
    """)
    assert twice == []


def test_print_shows_every_chart_in_light_colours(browser: Browser, report: Report) -> None:
    browser.open(report("global", "group"), scheme="dark")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    browser.wait("return [...document.querySelectorAll('[data-figure]')].every((one) => one.querySelector('svg'))")
    assert browser.run("return document.documentElement.dataset.theme") == "light"
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.run("return document.documentElement.dataset.theme ?? 'system'") == "system"
