"""Real headless Chromium, driven through chromedriver. Debian: `apt-get install chromium chromium-driver`."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oomforensics.reports import html
from tests.unit.reports import report_samples as samples

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def _absent(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{what} is needed for the browser tests and must be there in CI")
    pytest.skip(f"{what} is not installed")


@dataclass
class Browser:
    """What the tests ask of a browser."""

    driver: Any

    def open(self, path: Path, *, width: int = 1280, scheme: str = "light") -> None:
        self.logs()
        cdp = self.driver.execute_cdp_cmd
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        cdp("Emulation.setDeviceMetricsOverride", metrics)
        self.prefer(scheme)
        # Each document starts as a first visit: the theme chosen in one test is not remembered in the next.
        self.driver.get("about:blank")
        self.driver.get(path.as_uri())
        self.run("try { localStorage.clear() } catch {}")
        self.driver.refresh()

    def prefer(self, scheme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str, seconds: float = 10) -> Any:
        from selenium.webdriver.support.wait import WebDriverWait

        return WebDriverWait(self.driver, seconds, poll_frequency=0.05).until(lambda _: self.run(script))

    def draw_all(self) -> None:
        """Scroll through the page, so that every chart comes near and is drawn."""
        self.run("document.querySelectorAll('[data-figure]').forEach((holder) => holder.scrollIntoView())")
        for index in range(self.run("return document.querySelectorAll('[data-figure]').length")):
            self.run(f"document.querySelectorAll('[data-figure]')[{index}].scrollIntoView()")
            self.wait(f"return document.querySelectorAll('[data-figure]')[{index}].querySelector('svg') !== null")

    def logs(self) -> list[str]:
        """Everything on the console since the last call: errors, warnings, CSP violations."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Every URL that was asked for since the last call."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [message for message in messages if message["method"] == "Network.requestWillBeSent"]
        return [message["params"]["request"]["url"] for message in sent]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None:
        _absent("chromium")
    if chromedriver is None:
        _absent("chromedriver (Debian: chromium-driver)")
    try:
        from selenium import webdriver
    except ImportError:
        _absent("selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = str(chromium)
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(chromedriver)))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """report("global", "hostile") is the file with these samples, each made once."""
    folder = tmp_path_factory.mktemp("reports")
    con = samples.history()
    makers: dict[str, samples.Builder] = {
        "global": samples.add_global,
        "group": samples.add_memcg_group,
        "bare": samples.add_bare_kill,
        "none": samples.add_no_victim,
        "hostile": samples.add_hostile,
        "permille": samples.add_permille,
        "large": samples.add_large,
    }
    ids: dict[str, str] = {}

    def write(*names: str) -> Path:
        for name in names:
            if name not in ids:
                ids[name] = makers[name](con)
        path = folder / f"{'-'.join(names)}.html"
        if not path.exists():
            path.write_text(html.render(con, [ids[name] for name in names]), encoding="utf-8")
        return path

    return write
