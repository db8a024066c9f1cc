"""What can be told of the HTML report without a browser; tests/browser tells the rest."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import duckdb
import pytest

from oomforensics.reports import figures, html
from oomforensics.reports.load import load
from tests.unit.reports import report_samples as samples

ALL = (
    samples.add_global,
    samples.add_memcg_group,
    samples.add_bare_kill,
    samples.add_no_victim,
    samples.add_permille,
    samples.add_hostile,
)
MEGABYTE = 1_000_000


class _Page(HTMLParser):
    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script" and data.strip():
            self.scripts.append((self.tags[-1][1], data))


@pytest.mark.parametrize("add", ALL)
def test_self_contained(con: duckdb.DuckDBPyConnection, add: samples.Builder) -> None:
    document = html.render(con, [add(con)])
    page = _Page(document)
    assert len(document.encode()) < 3 * MEGABYTE
    assert not [tag for tag, attrs in page.tags if "src" in attrs or tag in ("link", "img", "iframe", "base", "object")]
    assert all((attrs["href"] or "").startswith("#") for _, attrs in page.tags if "href" in attrs)
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") or name == "style" for name in attrs)]


def test_policy_names_exactly_our_scripts(con: duckdb.DuckDBPyConnection) -> None:
    page = _Page(html.render(con, [samples.add_hostile(con)]))
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    run = [text for attrs, text in page.scripts if attrs.get("type") != "application/json"]
    hashes = [f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}" for text in run]
    assert re.findall(r"sha256-[^']+", policy) == hashes


def test_log_text_is_text(con: duckdb.DuckDBPyConnection) -> None:
    document = html.render(con, [samples.add_hostile(con)])
    body = re.sub(r"<script.*?</script>|<style.*?</style>", "", document, flags=re.DOTALL)
    assert "<img" not in body
    assert "{{7*7}}" in body and ">49<" not in body
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]", body)


def test_raw_lines_are_all_there_and_cited_ones_marked(con: duckdb.DuckDBPyConnection) -> None:
    incident_id = samples.add_global(con)
    document = html.render(con, [incident_id])
    for line in load(con, incident_id).lines:
        assert f'id="i1-L{line.line}"' in document
    assert document.count('class="cited"') == len(load(con, incident_id).evidence_lines)
    assert '<a href="#i1-L81">line 81</a>' in document


def test_verdict_is_explained_in_plain_words(con: duckdb.DuckDBPyConnection) -> None:
    document = html.render(con, [samples.add_no_victim(con)])
    assert "none_killable" in document and "Nobody was killed" in document


def test_figure_shows_victim_runner_up_and_signed_adj(con: duckdb.DuckDBPyConnection) -> None:
    page = load(con, samples.add_global(con))
    figure = figures.ranking(page)
    json.dumps(figure)
    labels = [note["text"] for note in figure["layout"]["annotations"]]
    assert labels[0] == "1. <b>scand 517</b> · killed"
    assert labels[1] == "2. backup worker 2210 · runner-up"
    traces = {trace["meta"]["part"]: trace for trace in figure["data"]}
    assert list(traces) == ["rss", "swap", "pgtables", "adj", "badness"]
    # 422324 pages of 4 KiB in GiB; 300 * (638689 / 1000) pages; -900 of the same.
    assert traces["rss"]["x"][0] == pytest.approx(422324 * 4096 / 2**30, abs=1e-5)
    assert traces["adj"]["x"][1] == pytest.approx(300 * 638 * 4096 / 2**30, abs=1e-5)
    assert min(traces["adj"]["x"]) == pytest.approx(-900 * 638 * 4096 / 2**30, abs=1e-5)
    left, right = figure["layout"]["xaxis"]["range"]
    assert left < min(traces["adj"]["x"]) and right > traces["badness"]["x"][0]


def test_figure_in_permille(con: duckdb.DuckDBPyConnection) -> None:
    figure = figures.ranking(load(con, samples.add_permille(con)))
    assert figure["layout"]["xaxis"]["ticksuffix"] == "‰"
    assert figure["data"][0]["x"][0] == pytest.approx(390_000 * 1000 / 637_000, abs=1e-5)
    assert [trace["meta"]["part"] for trace in figure["data"]] == ["rss"]


def test_figure_reads_no_markup_from_names(con: duckdb.DuckDBPyConnection) -> None:
    figure = figures.ranking(load(con, samples.add_hostile(con)))
    texts = [note["text"] for note in figure["layout"]["annotations"]]
    texts += [text for trace in figure["data"] for text in trace["customdata"]]
    tags = {tag for text in texts for tag in re.findall(r"<[^>]*>", text)}
    assert tags <= {"<b>", "</b>", "<br>"}
