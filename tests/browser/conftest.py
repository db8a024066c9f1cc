"""Real headless Chromium, driven through chromedriver. Debian: `apt-get install chromium chromium-driver`."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb
import pytest

from oomforensics.history.lookup import all_ids
from oomforensics.history.redact import open_redacted
from oomforensics.ingest import ingest
from oomforensics.reports import dashboard, html
from tests.support.printer import KERNELS, Report, Task, stamped
from tests.support.samples import FIXTURES
from tests.unit.reports import report_samples as samples

JS = Path(__file__).parents[2] / "js"
_AXE = JS / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = (
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


def absent(what: str) -> None:
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

    def violations(self) -> list[str]:
        """What axe-core finds against WCAG 2.2 AA and its own best practices: rule, place, and what is wrong."""
        if not _AXE.exists():
            absent("axe-core (make js)")
        self.run(_AXE.read_text(encoding="utf-8"))
        self.driver.set_script_timeout(120)
        found = self.driver.execute_async_script("axe.run(document).then(arguments[0])")
        return [
            f"{rule['id']} at {' '.join(map(str, node['target']))}: {node['failureSummary']}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

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
        absent("chromium")
    if chromedriver is None:
        absent("chromedriver (Debian: chromium-driver)")
    try:
        from selenium import webdriver
    except ImportError:
        absent("selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = str(chromium)
    for flag in FLAGS:
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


@pytest.fixture(scope="session")
def recorded_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of what a recorder saw: one OOM kill in a control group of a Linux 6.18."""
    path = tmp_path_factory.mktemp("recorded") / "h.duckdb"
    ingest([str(FIXTURES / "recordings" / "memcg-v1-6.18")], db=path, timezone=UTC)
    return path


CROWD = 20_000


def real_crowd(folder: Path) -> str:
    """A report of as many processes, with every line that a 6.12 prints of them."""
    comms = ("java", "postgres", "php-fpm: pool w", "kubelet", "node", "containerd-shim")
    tasks = [
        Task(
            1000 + n,
            comms[n % 6],
            rss_anon=1 + n * 7919 % 50_000,
            rss_file=n % 4999,
            oom_score_adj=(0, 0, -500, 300)[n % 4],
        )
        for n in range(CROWD)
    ]
    tasks.append(Task(99_999, "hog", rss_anon=30_000_000))
    made = Report(KERNELS["6.12"], tasks, tasks[-1])
    (folder / "crowd.log").write_text("".join(f"{line}\n" for line in stamped(list(made.lines()), start_s=100.0)))
    ingest([str(folder / "crowd.log")], db=folder / "crowd.duckdb", timezone=UTC)
    with duckdb.connect(str(folder / "crowd.duckdb"), read_only=True) as con:
        return html.render(con, all_ids(con))


@pytest.fixture(scope="session")
def page_of(
    report: Callable[..., Path], recorded_history: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """page_of("recorded") is a page of that kind: one of `report`'s samples, several of them, or one of a real history."""
    folder = tmp_path_factory.mktemp("pages")

    def recorded() -> str:
        with duckdb.connect(str(recorded_history), read_only=True) as con:
            return html.render(con, all_ids(con))

    def redacted() -> str:
        with duckdb.connect(str(recorded_history), read_only=True) as con:
            ids = all_ids(con)
        with open_redacted(recorded_history, bytes(32), ids) as (con, pseudonyms):
            return html.render(con, pseudonyms)

    def history() -> str:
        path = folder / "witnesses.duckdb"
        ingest([str(FIXTURES / "witnesses")], db=path, timezone=UTC)
        with duckdb.connect(str(path), read_only=True) as con:
            return dashboard.html(con)

    def crowd() -> str:
        return real_crowd(folder)

    def complete() -> str:
        path = folder / "complete.duckdb"
        ingest(
            [str(FIXTURES / "kernels" / "5.10.0-32-cloud-amd64" / "global-swap-zram" / "kmsg")], db=path, timezone=UTC
        )
        with duckdb.connect(str(path)) as con:
            incident = all_ids(con)[0]
            samples.add_finding(con, incident, "culprit_shielded", "critical", line=10)
            samples.add_finding(con, incident, "swap_full", "info", line=11)
            return html.render(con, [incident])

    makers = {"complete": complete, "crowd": crowd, "recorded": recorded, "redacted": redacted, "history": history}

    def page(kind: str) -> Path:
        if kind == "several":
            return report("global", "group", "bare", "none")
        if kind not in makers:
            return report(kind)
        path = folder / f"{kind}.html"
        if not path.exists():
            path.write_text(makers[kind](), encoding="utf-8")
        return path

    return page


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty history in memory."""
    with samples.history() as history:
        yield history
