"""The report as Markdown, for a ticket. No text from a log is read as Markdown or HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from oomforensics.reports import (
    cgrouptree,
    findings,
    growth,
    headline,
    limits,
    memory,
    recorded,
    timeline,
    units,
    words,
)
from oomforensics.reports.escape import visible
from oomforensics.reports.load import CandidateRow, Connection, IncidentPage, load, note

_TOP = 10
# An underscore inside a word is a letter to Markdown, and most names here have one.
_SPECIAL = re.compile(r"([\\`*\[\]<>|~&$]|(?<![^\W_])_|_(?![^\W_]))")
_MENTION = re.compile(r"\S*@\S*")
_BARE_PIPE = re.compile(r"(?<!\\)\|")
_BACKTICKS = re.compile(r"`+")


def render(con: Connection, ids: Sequence[str]) -> str:
    """The incidents as one Markdown document, one section each."""
    said = note(con)
    return (
        (f"*{text(said)}*\n\n" if said else "")
        + "\n\n---\n\n".join("\n".join(_incident(load(con, incident_id))) for incident_id in ids)
        + "\n"
    )


def text(value: str) -> str:
    """Prose that may hold names from a log: no character of it is Markdown, HTML or a mention."""
    shown, pieces, end = visible(value), [], 0
    for mention in _MENTION.finditer(shown):
        pieces += [_SPECIAL.sub(r"\\\1", shown[end : mention.start()]), code(mention[0])]
        end = mention.end()
    return "".join([*pieces, _SPECIAL.sub(r"\\\1", shown[end:])])


def code(value: str) -> str:
    """A code span that ends where it should, whatever backticks the value holds."""
    shown = visible(value)
    fence = "`" * (max((len(run) for run in _BACKTICKS.findall(shown)), default=0) + 1)
    space = " " if shown.startswith("`") or shown.endswith("`") or not shown.strip() else ""
    return f"{fence}{space}{shown}{space}{fence}"


def _cell(value: str) -> str:
    """The same in a table, which is cut at every pipe that has no backslash before it, even one inside code."""
    return _BARE_PIPE.sub(r"\\|", text(value))


def block(lines: Iterable[str]) -> list[str]:
    """A fenced block that no line of it can close."""
    shown = [visible(line) for line in lines]
    longest = max((len(run) for line in shown for run in _BACKTICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *shown, fence]


def _incident(page: IncidentPage) -> Iterable[str]:
    gloss = words.verdict(page.verdict)
    yield f"# {text(headline.sentence(page).removesuffix('.'))}"
    yield ""
    if page.allocation is not None:
        yield from (text(page.allocation.text), "")
    yield f"**Verdict:** {code(page.verdict)} ({text(gloss.short)}). {text(page.verdict_text)}"
    margin = headline.margin(page)
    if margin:
        yield ""
        yield f"{text(margin)}."
    yield ""
    yield f"*{text(gloss.meaning)}*"
    yield ""
    yield from _findings(page)
    for label, value in headline.facts(page):
        yield f"- {label}: {text(value)}"
    yield f"- Incident: {code(page.incident_id)}"
    yield from _also_killed(page)
    yield from _allocation(page)
    yield from _balance(page)
    yield from _ranking(page)
    yield from _recorded(page)
    yield from _growth(page)
    yield from _timeline(page)
    yield from _cgroups(page)
    if page.proof:
        yield from ("", "## The arithmetic", "", *block(page.proof))
    yield from _certainty(page)
    yield from _lost(page)
    yield from ("", "## Limits of this analysis", "")
    yield from (f"- {text(limit)}" for limit in limits.of(page))
    if page.evidence:
        digits = max(len(str(line.line)) for line in page.evidence)
        yield from ("", "## Evidence", "", f"Lines of {code(page.source)}:", "")
        yield from block(f"{line.line:>{digits}}  {line.text}" for line in page.evidence)
    if page.sources:
        yield from ("", "## Sources", "")
        for source in page.sources:
            framing = f", {text(source.framing)}" if source.framing else ""
            yield f"- {code(source.source)}, lines {source.line_start}-{source.line_end}{framing}"
            yield from (f"  - {text(problem)}" for problem in headline.problems(source))


def _findings(page: IncidentPage) -> Iterable[str]:
    if not page.findings:
        return
    yield from ("## What was found, and what to do", "")
    for row in page.findings:
        yield f"- **{text(row.text)}** ({row.severity}, {row.confidence}; {code(row.finding)})"
        yield f"  - {text(row.advice)}"
        for fact in row.evidence:
            where = "" if fact.line is None else f" ({code(fact.source or page.source)}, line {fact.line})"
            yield f"  - {text(fact.what)}: {text(findings.amount(fact))}{where}"
    yield ""


def _recorded(page: IncidentPage) -> Iterable[str]:
    if page.recorded is None or not page.recorded.processes:
        return
    yield from ("", "## Just before, as recorded", "")
    for curve in page.recorded.processes:
        yield f"- {text(recorded.sentence(curve))}"
        if curve.cmdline:
            yield f"  - {code(curve.cmdline)}"


def _timeline(page: IncidentPage) -> Iterable[str]:
    line = page.timeline
    if line is None or not line.tells_more:
        return
    yield from ("", "## What happened when", "")
    for moment in line.moments:
        yield f"- {text(timeline.sentence(moment))} ({code(moment.source)}, line {moment.line})"
    if line.left_out:
        yield f"- {units.count(line.left_out, 'other moment')}, farther from the report, left out"


def _cgroups(page: IncidentPage) -> Iterable[str]:
    if page.cgroups is None:
        return
    yield from ("", "## Control groups", "")
    for depth, group in cgrouptree.flat(page.cgroups):
        marks = "".join(f" **{mark}**" for mark in cgrouptree.marks(group))
        told = cgrouptree.sentence(group)
        yield f"{'  ' * depth}- {code(group.name)}{marks}{f': {text(told)}' if told else ''}"
        if group.hidden:
            yield f"{'  ' * (depth + 1)}- and {units.count(group.hidden, 'smaller group')}"


def _growth(page: IncidentPage) -> Iterable[str]:
    if page.growth is None:
        return
    yield from ("", "## Who grew", "", text(page.growth.text))
    shown = page.growth.shown
    if shown:
        yield from ("", f"| {' | '.join(growth.HEADINGS)} |", "|---|---:|---:|---:|---:|---|---:|")
    for one in shown:
        whose, *figures = growth.cells(one)
        name = code(whose).replace("|", "\\|")  # see _cells
        yield f"| {name} | {' | '.join(text(figure) for figure in figures)} |"
    if page.growth.reasons:
        yield ""
    yield from (f"- {text(reason)}" for reason in page.growth.reasons)


def _also_killed(page: IncidentPage) -> Iterable[str]:
    others = page.also_killed
    if others:
        yield from ("", f"## Also killed ({len(others)})", "")
    for kill in others:
        name = code(kill.comm) if kill.comm else "unnamed"
        why = text(words.kill_reason(kill.reason))
        yield f"- {name} (pid {units.plain(kill.pid)}): {why}, anon {units.kb(kill.anon_rss_kb)}"


def _allocation(page: IncidentPage) -> Iterable[str]:
    it = memory.told(page)
    if it is None:
        return
    yield from (
        "",
        f"## Why the allocation failed: {text(memory.CAUSES.get(it.cause, it.cause))}",
        "",
        text(it.text),
        "",
    )
    for label, value in memory.request(it):
        yield f"- {label}: {text(value)}"
    for said in it.notes:
        yield f"- {text(said)}"
    if it.zones:
        yield from ("", f"| {' | '.join(memory.ZONE_COLUMNS)} |", "|---|---:|---:|---:|---:|---:|---|")
    for zone in it.zones:
        yield f"| {' | '.join(map(_cell, memory.zone_cells(zone)))} |"


def _balance(page: IncidentPage) -> Iterable[str]:
    shown = memory.parts(page)
    if not shown:
        return
    yield from ("", "## Where the memory was", "")
    if page.allocation is not None and page.allocation.balance_text:
        yield from (text(page.allocation.balance_text), "")
    yield from ("| part | size | share | between | read from |", "|---|---:|---:|---|---|")
    for part in shown:
        indent = "&nbsp;&nbsp;" * part.depth
        yield f"| {indent}{_cell(part.label)} | {part.size} | {part.share} | {part.error} | {_cell(part.row.origin)} |"


def _ranking(page: IncidentPage) -> Iterable[str]:
    if not page.candidates:
        return
    rows = [row for place, row in enumerate(page.ranked) if place < _TOP or row.is_victim or page.is_trigger(row)]
    yield from (
        "",
        f"## Ranking: {len(rows)} of {units.count(len(page.candidates), 'process', 'processes')}",
        "",
    )
    unit = f"badness ({page.badness_unit})"
    yield f"| rank | pid | name | rss | swap | page tables | adj | {unit} | share | |"
    yield "|---:|---:|---|---:|---:|---:|---:|---:|---:|---|"
    for row in rows:
        yield f"| {' | '.join(_cells(page, row))} |"


def _cells(page: IncidentPage, row: CandidateRow) -> list[str]:
    # A table is cut at every pipe, even one inside code; only there does a backslash before it vanish.
    name = "?" if row.comm is None else code(row.comm).replace("|", "\\|")
    adj = row.oom_score_adj if row.oom_score_adj is not None else row.oom_adj
    return [
        "-" if row.rank is None else str(row.rank),
        str(row.pid),
        name,
        units.pages(row.rss_pages, page.page_size),
        units.pages(row.swapents_pages, page.page_size),
        units.size(row.pgtables(page.page_size)),
        units.plain(adj),
        headline.badness(row),
        units.share(row.points),
        ", ".join(_notes(page, row)),
    ]


def _notes(page: IncidentPage, row: CandidateRow) -> Iterable[str]:
    if row.is_victim:
        yield "**killed**"
    if page.is_trigger(row):
        yield "trigger"
    if row.pid == page.runner_up_pid:
        yield "runner-up"
    if row.eligible is False:
        yield text(words.ineligible(row.ineligible_reason))


def _certainty(page: IncidentPage) -> Iterable[str]:
    yield from ("", "## How sure is this", "")
    for label, statement, evidence in headline.certainty(page):
        yield f"- {label}: {text(statement)}"
        for reason in evidence:
            yield f"  - {text(reason)}"
    for caveat in page.caveats:
        yield f"- {text(caveat)}"


def _lost(page: IncidentPage) -> Iterable[str]:
    lost = headline.lost(page)
    if lost:
        yield from ("", "## What was missing", "")
    for part, meaning in lost:
        yield f"- {text(meaning)} ({code(part)})" if part else f"- {text(meaning)}"
