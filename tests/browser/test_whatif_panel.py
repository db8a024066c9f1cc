"""The what-if panel as a reader uses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Browser

pytestmark = pytest.mark.browser
Report = Callable[..., Path]
AS_IT_WAS = "The kernel's first choice is scand (pid 517)."


def rows(browser: Browser) -> list[list[str]]:
    """Of each row shown: rank, pid, badness, marks."""
    found: list[list[str]] = browser.run("""
        return [...document.querySelectorAll('.ranks tbody tr')].map((row) => [
          row.cells[0].textContent, row.cells[6].textContent, row.cells[4].textContent,
          [...row.querySelectorAll('.mark')].map((mark) => mark.textContent).join(', '),
        ]);
    """)
    return found


def said(browser: Browser) -> str:
    sentence: str = browser.run("return document.querySelector('.whatif .result').textContent")
    return sentence


def told(browser: Browser) -> str:
    """All that the panel says above its table."""
    text: str = browser.run("return document.querySelector('.whatif .panel').innerText")
    return text


def field(browser: Browser, name: str) -> Any:
    from selenium.webdriver.common.by import By

    return browser.driver.find_element(By.CSS_SELECTOR, f'.ranks input[aria-label="oom_score_adj of {name}"]')


def type_adj(browser: Browser, name: str, value: str) -> Any:
    from selenium.webdriver.common.keys import Keys

    box = field(browser, name)
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(value)
    return box


def test_ranking_and_sentence_follow_what_is_typed(browser: Browser, report: Report) -> None:
    browser.open(report("global"))
    assert said(browser) == AS_IT_WAS
    assert rows(browser)[:2] == [["1", "517", "530,496", "killed"], ["2", "2210", "200,564", ""]]
    # 530496 - 518 * 638 = 200012, less than 200564; with -517 it is 200650.
    assert "scand (pid 517) would have been spared with oom_score_adj -518 or less" in told(browser)
    type_adj(browser, "scand (pid 517)", "-517")
    assert said(browser) == "The kernel would still have chosen scand (pid 517)."
    box = type_adj(browser, "scand (pid 517)", "-518")
    assert said(browser) == "The kernel would have chosen backup worker (pid 2210) instead of scand (pid 517)."
    assert rows(browser)[:2] == [["1", "2210", "200,564", ""], ["2", "517", "200,012", "killed, changed"]]
    # 9164 + 299 * 638 = 199926 is less than 200012.
    assert "backup worker (pid 2210) would have been spared with oom_score_adj 299 or less" in told(browser)
    assert "After it, in order: scand (pid 517), filterd (pid 1682)" in told(browser)
    assert browser.driver.switch_to.active_element == box, "typing goes on in the row that moved"
    assert box.get_property("value") == "-518"
    assert browser.logs() == []


def test_never_chosen_and_chosen_again(browser: Browser, report: Report) -> None:
    browser.open(report("global"))
    type_adj(browser, "scand (pid 517)", "-1000")
    assert ["–", "517", "–", "killed, changed, not eligible: protected by adj"] in rows(browser)
    type_adj(browser, "sshd (pid 1701)", "1000")
    # 211 rss + 19 swap + 81920 / 4096 page tables + 1000 * 638
    assert rows(browser)[0] == ["1", "1701", "638,250", "changed"]
    assert said(browser) == "The kernel would have chosen sshd (pid 1701) instead of scand (pid 517)."


@pytest.mark.parametrize("text", ["", "-", "5000", "1.5"])
def test_what_is_no_oom_score_adj_changes_nothing(browser: Browser, report: Report, text: str) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.open(report("global"))
    box = type_adj(browser, "backup worker (pid 2210)", "900")
    assert said(browser).startswith("The kernel would have chosen backup worker")
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(text or Keys.DELETE)
    assert said(browser) == AS_IT_WAS
    assert box.get_attribute("aria-invalid") == "true"
    box.send_keys(Keys.TAB)
    assert box.get_property("value") == "300"
    assert box.get_attribute("aria-invalid") is None


def test_gone_and_reset_from_the_keyboard(browser: Browser, report: Report) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    browser.open(report("global"))
    field(browser, "scand (pid 517)").send_keys(Keys.TAB)
    gone = browser.driver.switch_to.active_element
    assert gone.get_attribute("aria-label") == "Without scand (pid 517)"
    gone.send_keys(Keys.SPACE)
    assert said(browser) == "The kernel would have chosen backup worker (pid 2210) instead of scand (pid 517)."
    assert rows(browser)[0][:3] == ["1", "2210", "200,564"]
    assert ["–", "517", "–", "killed, gone"] in rows(browser)
    type_adj(browser, "filterd (pid 1682)", "500")
    assert said(browser) == "The kernel would have chosen filterd (pid 1682) instead of scand (pid 517)."
    browser.driver.find_element(By.CSS_SELECTOR, ".whatif .reset").send_keys(Keys.ENTER)
    assert said(browser) == AS_IT_WAS
    assert [row[1] for row in rows(browser)][:3] == ["517", "2210", "1682"]
    assert field(browser, "filterd (pid 1682)").get_property("value") == "0"
    assert browser.run("return document.querySelectorAll('.ranks input:checked').length") == 0


def test_everybody_gone(browser: Browser, report: Report) -> None:
    browser.open(report("group"))
    for name in ("fuzz-worker (pid 4102)", "fuzz-worker (pid 4103)"):
        type_adj(browser, name, "-1000")
    assert "sh (pid 4101) would have been spared with oom_score_adj -1000 or less; no process could then" in told(
        browser
    )
    type_adj(browser, "sh (pid 4101)", "-1000")
    assert said(browser) == "No process could have been chosen, not even fuzz-worker (pid 4102)."


def test_every_input_has_a_name_and_the_result_is_announced(browser: Browser, report: Report) -> None:
    browser.open(report("global", "group"))
    assert browser.run("return document.querySelectorAll('.whatif .result[aria-live=polite]').length") == 2
    nameless = browser.run("""
        return [...document.querySelectorAll('.whatif input, .whatif button')].filter(
          (one) => !(one.ariaLabel || one.labels?.[0]?.textContent || one.textContent)).length;
    """)
    assert nameless == 0


def test_hostile_names_stay_text(browser: Browser, report: Report) -> None:
    browser.open(report("hostile"))
    hostile = "</script><img src=x onerror=window.pwned=1> (pid 100)"
    assert said(browser) == f"The kernel's first choice is {hostile}."
    type_adj(browser, hostile, "-1000")
    assert said(browser) == f"The kernel would have chosen {{{{7*7}}}}${{7*7}} (pid 101) instead of {hostile}."
    names = browser.run("return [...document.querySelectorAll('.ranks .comm')].map((name) => name.textContent)")
    assert r"a\u202eb\u200bc" in names and r"\x1b[2J\x9b31mred" in names
    assert browser.run("return [window.pwned ?? null, document.querySelectorAll('img').length]") == [None, 0]
    assert browser.logs() == []


def test_twenty_thousand_processes(browser: Browser, report: Report) -> None:
    browser.open(report("large"))
    assert len(rows(browser)) == 50
    assert "20,000 processes, 50 shown" in told(browser)
    last = browser.run("""
        const box = document.querySelector('.whatif input[type=search]');
        box.value = '20999';
        box.dispatchEvent(new Event('input'));
        return document.querySelector('.ranks input').ariaLabel.replace('oom_score_adj of ', '');
    """)
    assert last.endswith("(pid 20999)")
    took = browser.run("""
        const box = document.querySelector('.ranks input[type=number]');
        const started = performance.now();
        box.value = 1000;
        box.dispatchEvent(new Event('input'));
        document.querySelector('.ranks').offsetHeight;
        return performance.now() - started;
    """)
    assert said(browser).startswith(f"The kernel would have chosen {last} instead of ")
    browser.run("""
        const box = document.querySelector('.whatif input[type=search]');
        box.value = '';
        box.dispatchEvent(new Event('input'));
        const changed = document.querySelector('.ranks input[type=number]');
        changed.value = -999;
        changed.dispatchEvent(new Event('input'));
    """)
    assert [row for row in rows(browser)[50:] if row[1] == "20999"], "a changed row stays although 50 are ahead"
    # Some tens of milliseconds when nothing else runs; the bound only tells quick from frozen.
    assert took < 3000


def test_refused_and_printed(browser: Browser, report: Report) -> None:
    browser.open(report("bare"))
    assert browser.run("return document.querySelector('.whatif')") is None
    assert "cannot be repeated" in browser.run("return document.getElementById('i1-whatif').parentNode.innerText")
    browser.open(report("global"))
    shown = """
        const shows = (query) => document.querySelector(query).getClientRects().length > 0;
        return [shows('.whatif .panel'), shows('.whatif .static')];
    """
    assert browser.run(shown) == [True, False]
    type_adj(browser, "scand (pid 517)", "-1000")
    try:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert browser.run(shown) == [False, True]
        printed = browser.run("return document.querySelector('.whatif .static').innerText")
        assert AS_IT_WAS in printed and "-518 or less" in printed
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
