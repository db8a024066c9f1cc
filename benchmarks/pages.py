"""How fast a report of 20,000 processes is there for its reader: python -m benchmarks.pages

Chromium opens the file from disk, anew each time; the medians of five are told. Interactive: the script has built the table
and the browser has had no task of 50 ms for the next half second, as far as it reports them (Long Tasks API).
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from selenium import webdriver

from tests.browser.conftest import FLAGS, real_crowd

_ROUNDS = 5
_WATCH = """
    window.longTasks = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.longTasks.push(entry.startTime + entry.duration);
    }).observe({ type: 'longtask', buffered: true });
"""
_READ = """
    const [navigation] = performance.getEntriesByType('navigation');
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    return {
      'first paint': paint ? paint.startTime : NaN,
      'scripts done': navigation.domContentLoadedEventEnd,
      'interactive': Math.max(navigation.domContentLoadedEventEnd, ...window.longTasks),
    };
"""
_ACT = """
    const started = performance.now();
    document.querySelectorAll('table.tasks th button')[1].click();
    document.querySelector('table.tasks').offsetHeight;
    const sorted = performance.now();
    const box = document.querySelector('[data-table] input[type=search]');
    box.value = 'postgres';
    box.dispatchEvent(new Event('input'));
    document.querySelector('table.tasks').offsetHeight;
    return { 'sort by name': sorted - started, 'search': performance.now() - sorted };
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "large.html"
        page.write_text(real_crowd(Path(folder)), encoding="utf-8")
        print(f"{'file':>14}  {page.stat().st_size / 1e6:8.2f} MB")
        for name, values in _measured(page).items():
            print(f"{name:>14}  {statistics.median(values):8.0f} ms  ({min(values):.0f} to {max(values):.0f})")


def _measured(page: Path) -> dict[str, list[float]]:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in FLAGS:
        options.add_argument(flag)
    driver: Any = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    found: dict[str, list[float]] = {}
    try:
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH})
        for _ in range(_ROUNDS):
            driver.get("about:blank")
            driver.get(page.as_uri())
            time.sleep(1.5)
            for name, value in {**driver.execute_script(_READ), **driver.execute_script(_ACT)}.items():
                found.setdefault(name, []).append(value)
    finally:
        driver.quit()
    return found


if __name__ == "__main__":
    main()
