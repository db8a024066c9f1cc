"""The HTML report: one file that needs no network and runs no script but its own."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from oomforensics import __version__
from oomforensics.reports import (
    cgrouptree,
    figures,
    findings,
    growth,
    headline,
    limits,
    memory,
    memoryfigure,
    recorded,
    timefigure,
    timeline,
    units,
    words,
    zonebars,
)
from oomforensics.reports.escape import script_json, visible
from oomforensics.reports.load import CandidateRow, Connection, IncidentPage, KillRow, RawLine, load, note
from oomforensics.reports.whatif import WhatIf, what_if

PLOTLY = "plotly-oom-4.1.1.min.js"
_FOLD_FROM = 25  # so many lines of one kind without evidence are folded; every line stays in the file
_PACK_FROM = 2000  # so many folded lines are packed
_LINE_NUMBER = re.compile(r"\blines? (\d+)\b")
_FOLDED_KINDS = {
    "task": "rows of the task table",
    "call_trace": "lines of the call trace",
    "meminfo": "lines of Mem-Info",
}


@dataclass(frozen=True)
class _Run:
    """Neighbouring raw lines; `folded` says what they are when they are shown closed. The page's script unpacks many of them."""

    lines: list[tuple[RawLine, bool]]
    folded: str | None

    @property
    def is_packed(self) -> bool:
        return self.folded is not None and len(self.lines) >= _PACK_FROM

    @property
    def packed(self) -> Markup:
        """The lines as [number, text] in JSON, gzip and base64: 20,000 rows of tasks are 0.6 MB instead of 3.8."""
        rows = [[line.line, visible(line.text)] for line, _ in self.lines]
        packed = gzip.compress(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode(), mtime=0)
        return Markup(base64.b64encode(packed).decode())


class _Section:
    """An incident with what only HTML needs: anchors, the chart, the tables' data, runs of raw lines."""

    def __init__(self, page: IncidentPage, what_if: WhatIf | str, number: int) -> None:
        self.page = page
        self.what_if = None if isinstance(what_if, str) else what_if
        self.no_what_if = what_if if isinstance(what_if, str) else None
        self.key = f"i{number}"
        self.sentence = headline.sentence(page)
        self.who = headline.who(page)
        self.when = headline.when(page)
        self.ran_out = headline.ran_out(page)
        self.facts = headline.facts(page)
        self.verdict = words.verdict(page.verdict)
        self.margin = headline.margin(page)
        self.certainty = headline.certainty(page)
        self.lost = headline.lost(page)
        self.limits = limits.of(page)
        self.parts = figures.parts(page)
        self.chart_rows = figures.shown(page)
        self.zone_bars = zonebars.bars(page)
        self.blocks = zonebars.blocks(page)
        self.orders = zonebars.orders(self.blocks)
        self._known_lines = {line.line for line in page.lines}

    @property
    def figure(self) -> Markup:
        return Markup(script_json(figures.ranking(self.page)))

    @property
    def time_line(self) -> timeline.Timeline:
        assert self.page.timeline is not None
        return self.page.timeline

    @property
    def time_figure(self) -> Markup:
        return Markup(script_json(timefigure.figure(self.time_line, self.page.recorded)))

    @property
    def has_time_figure(self) -> bool:
        return self.page.recorded is not None or len(self.time_line.timed) > 1

    def at_line(self, moment: timeline.Moment) -> str | None:
        """The anchor of the raw line that says so, if this report holds it."""
        held = moment.source == self.page.source and moment.line in self._known_lines
        return f"#{self.key}-L{moment.line}" if held else None

    @property
    def balance_figure(self) -> Markup:
        return Markup(script_json(memoryfigure.icicle(self.page.balance)))

    @property
    def table(self) -> Markup:
        return Markup(script_json(_table(self.page)))

    @property
    def what_if_model(self) -> Markup:
        return Markup(script_json(self.what_if.model if self.what_if else None))

    @property
    def chart_summary(self) -> str:
        first = self.chart_rows[0]
        return (
            f"Bar chart of the {len(self.chart_rows)} processes that matter most. First: "
            f"{headline.process(first.comm, first.pid)}, {units.share(first.points)} of totalpages. "
            "The same figures stand in the table below."
        )

    def linked(self, text: str) -> Markup:
        """`text` with every "line N" that this report holds as a link to that raw line."""
        linked, end = Markup(), 0
        for match in _LINE_NUMBER.finditer(text):
            if int(match[1]) in self._known_lines:
                linked += escape(visible(text[end : match.start()]))
                linked += Markup('<a href="#{}-L{}">{}</a>').format(self.key, match[1], match[0])
                end = match.end()
        return linked + escape(visible(text[end:]))

    def fact_link(self, fact: findings.Fact) -> Markup:
        """Where a figure stands: a link into this report, or the other source's name and line."""
        if fact.line is None:
            return Markup("")
        if fact.source in (None, self.page.source):
            return self.line_link(fact.line, "line ")
        return escape(f"{visible(fact.source or '')}, line {fact.line}")

    def line_link(self, line: int | None, before: str = "") -> Markup:
        """A line's number, as a link where this report holds it."""
        if line is None:
            return Markup("")
        shown = f"{before}{line}"
        return (
            Markup('<a href="#{}-L{}">{}</a>').format(self.key, line, shown)
            if line in self._known_lines
            else escape(shown)
        )

    def holds(self, kill: KillRow) -> bool:
        return kill.source == self.page.source and kill.line in self._known_lines

    def runs(self) -> Iterator[_Run]:
        evidence = set(self.page.evidence_lines)
        anchored: set[int] = set()
        for (kind, cited), group in groupby(self.page.lines, key=lambda line: (line.kind, line.line in evidence)):
            lines: list[tuple[RawLine, bool]] = []
            for line in group:
                # A source may hold several records on one line; the number is an anchor only once.
                lines.append((line, line.line not in anchored))
                anchored.add(line.line)
            folds = not cited and len(lines) >= _FOLD_FROM and kind in _FOLDED_KINDS
            yield _Run(lines, f"{len(lines):,} {_FOLDED_KINDS[kind]}" if folds else None)


def render(con: Connection, ids: Sequence[str], back: str | None = None) -> str:
    """The incidents as one HTML document; several get an index in front. `back`: where the dashboard lies, if there is one."""
    pages = [load(con, incident_id) for incident_id in ids]
    sections = [_Section(page, what_if(con, page), number) for number, page in enumerate(pages, 1)]
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            sections=sections,
            back=back,
            title=visible(sections[0].sentence) if len(sections) == 1 else units.count(len(sections), "OOM incident"),
            style=Markup(asset("report.css")),
            dark_style=Markup(asset("dark.css")),
            head_script=head_script(),
            body_scripts=body_scripts(),
            script_hashes=script_hashes(),
            version=__version__,
            note=note(con),
        )
    )


def head_script() -> Markup:
    return Markup(asset("theme.js"))


def body_scripts(what_if: bool = True) -> list[Markup]:
    return [Markup(asset(name)) for name in (PLOTLY, "report.js", *(("whatif.js",) if what_if else ()))]


def script_hashes(what_if: bool = True) -> str:
    """For the Content-Security-Policy: no other script runs."""
    return " ".join(_csp_hash(script) for script in (head_script(), *body_scripts(what_if)))


@cache
def environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("oomforensics.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.globals.update(
        units=units,
        words=words,
        recorded_sentence=recorded.sentence,
        moments=timeline,
        memory=memory,
        growth=growth,
        findings=findings,
        groups=cgrouptree,
        badness=headline.badness,
        problems=headline.problems,
    )
    return environment


def _finalize(value: Any) -> Any:
    """Every string that a template prints is made visible first; Markup is our own."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def asset(name: str) -> str:
    return (files("oomforensics.reports") / "assets" / name).read_text(encoding="utf-8")


def _csp_hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _table(page: IncidentPage) -> dict[str, Any]:
    """The task table for the page's script: values as numbers, text already visible."""
    columns = [column for column in _COLUMNS if any(column.value(page, row) is not None for row in page.candidates)]
    return {
        "pageSize": page.page_size,
        "columns": [
            {"key": column.key, "title": column.title, "kind": column.kind, "help": column.help} for column in columns
        ],
        "rows": [[column.value(page, row) for column in columns] for row in page.ranked],
        "notes": [_note(page, row) for row in page.ranked],
        "arithmetic": [visible(row.arithmetic) if row.arithmetic else None for row in page.ranked],
        "lines": [row.line for row in page.ranked],
        "intervals": {
            str(index): headline.badness(row)
            for index, row in enumerate(page.ranked)
            if row.badness_pages is None and row.badness_min is not None
        },
    }


def _note(page: IncidentPage, row: CandidateRow) -> list[str]:
    notes = ["killed"] if row.is_victim else []
    if page.is_trigger(row):
        notes.append("trigger")
    if row.pid == page.runner_up_pid:
        notes.append("runner-up")
    if row.eligible is False:
        notes.append(visible(words.ineligible(row.ineligible_reason)))
    return notes


@dataclass(frozen=True)
class _TableColumn:
    key: str
    title: str
    kind: str  # text | number | pages | bytes | share
    help: str

    def value(self, page: IncidentPage, row: CandidateRow) -> Any:
        if self.key == "pgtables_bytes":
            return row.pgtables(page.page_size)
        if self.key == "badness_pages" and row.badness_pages is None:
            return row.badness_min  # to sort by; the interval is what is shown
        value = getattr(row, self.key)
        return visible(value) if isinstance(value, str) else value


# What people look for first stands first: a phone shows no more than that without scrolling.
_COLUMNS = (
    _TableColumn("rank", "rank", "number", "1 = the kernel's first choice"),
    _TableColumn("comm", "name", "text", "the process's own name (comm), at most 15 bytes"),
    _TableColumn("pid", "pid", "id", "process id"),
    _TableColumn("points", "share", "share", "badness as a share of totalpages"),
    _TableColumn("badness_pages", "badness", "number", "what the kernel compares"),
    _TableColumn("oom_score_adj", "adj", "number", "oom_score_adj: -1000 (never) to 1000 (first)"),
    _TableColumn("oom_adj", "oom_adj", "number", "-17 (never) to 15, kernels before 2.6.36"),
    _TableColumn("rss_pages", "rss", "pages", "resident memory"),
    _TableColumn("swapents_pages", "swap", "pages", "swapped out"),
    _TableColumn("pgtables_bytes", "page tables", "bytes", "memory of its page tables"),
    _TableColumn("rss_anon_pages", "anon", "pages", "resident, anonymous"),
    _TableColumn("rss_file_pages", "file", "pages", "resident, file-backed"),
    _TableColumn("rss_shmem_pages", "shmem", "pages", "resident, shared memory and tmpfs"),
    _TableColumn("total_vm_pages", "virtual", "pages", "mapped address space; most of it may never be used"),
    _TableColumn("proc_oom_score", "oom_score", "number", "what /proc/PID/oom_score showed on this kernel"),
    _TableColumn("uid", "uid", "id", "user id"),
)
