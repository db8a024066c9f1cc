"""`explain`: one incident for a terminal. Readable without colour; nothing that a log says is obeyed."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

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
from oomforensics.reports.escape import cells, clip, pad, visible
from oomforensics.reports.load import CandidateRow, Connection, IncidentPage, load

_TOP = 10
_MOMENTS = 20
_FACTS = 5  # of a finding
_DEEP = 8  # levels that are indented
_MIN_WIDTH = 40


def explain(con: Connection, incident_id: str, width: int, colour: bool = False) -> str:
    """The verdict with its arithmetic and evidence lines, at most `width` columns wide."""
    page = load(con, incident_id)
    writer = _Writer(max(width, _MIN_WIDTH), colour)
    for part in (
        _head,
        _verdict,
        _findings,
        _allocation,
        _balance,
        _ranking,
        _recorded,
        _growth,
        _timeline,
        _cgroups,
        _proof,
        _certainty,
        _lost,
        _limits,
        _evidence,
        _sources,
    ):
        part(page, writer)
    return writer.text()


class _Writer:
    """Collects lines that fit the width. Every text passes `visible` here, so no caller can forget it."""

    def __init__(self, width: int, colour: bool) -> None:
        self.width = width
        self._colour = colour
        self._lines: list[str] = []

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"

    def heading(self, title: str) -> None:
        self._lines += ["", self._styled(clip(visible(title), self.width), "1")]

    def paragraph(self, text: str, indent: str = "  ", hanging: str | None = None, style: str = "") -> None:
        for line in _wrap(visible(text), self.width, indent, indent if hanging is None else hanging):
            self._lines.append(self._styled(line, style))

    def item(self, text: str) -> None:
        self.paragraph(text, "  - ", "    ")

    def row(self, text: str, style: str = "") -> None:
        self._lines.append(self._styled(clip(visible(text), self.width), style))

    def blank(self) -> None:
        self._lines.append("")

    def _styled(self, line: str, style: str) -> str:
        return f"\x1b[{style}m{line}\x1b[0m" if self._colour and style else line


def _wrap(text: str, width: int, first: str, rest: str) -> Iterator[str]:
    room = width - max(len(first), len(rest))
    chunks = textwrap.wrap(text, room, break_on_hyphens=False) or [""]
    indent = first
    for chunk in chunks:
        for piece in _fit(chunk, room):
            yield indent + piece
            indent = rest


def _fit(text: str, room: int) -> Iterator[str]:
    """Pieces of at most `room` columns: textwrap counts characters, and some take two columns."""
    while cells(text) > room:
        cut = len(clip(text, room)) - 1
        yield text[:cut]
        text = text[cut:]
    yield text


def _head(page: IncidentPage, out: _Writer) -> None:
    out.paragraph(headline.sentence(page), "", style="1")
    out.blank()
    facts = [(label, value) for label, value in headline.facts(page) if label not in ("When", "Where")]
    facts.insert(0, ("Time from", words.TS_SOURCES.get(page.ts_source, page.ts_source)))
    facts.append(("Incident", page.incident_id))
    _pairs(out, facts)


def _findings(page: IncidentPage, out: _Writer) -> None:
    if not page.findings:
        return
    out.heading("What was found, and what to do")
    for row in page.findings:
        out.item(f"{row.text} [{row.severity}, {row.confidence}: {row.finding}]")
        out.paragraph(row.advice, "      ")
        for fact in row.evidence[:_FACTS]:
            where = "" if fact.line is None else f" ({fact.source or page.source}, line {fact.line})"
            out.paragraph(f"{fact.what}: {findings.amount(fact)}{where}", "      · ", "        ", style="2")
        if len(row.evidence) > _FACTS:
            out.paragraph(f"… and {len(row.evidence) - _FACTS} more", "      · ", style="2")


def _recorded(page: IncidentPage, out: _Writer) -> None:
    if page.recorded is None or not page.recorded.processes:
        return
    out.heading("Just before, as recorded")
    for curve in page.recorded.processes:
        out.item(recorded.sentence(curve))
        if curve.cmdline:
            out.paragraph(curve.cmdline, "      ")


def _timeline(page: IncidentPage, out: _Writer) -> None:
    line = page.timeline
    if line is None or not line.tells_more:
        return
    out.heading("What happened when")
    for moment in _nearest(line, _MOMENTS):
        out.item(timeline.sentence(moment))
    left_out = len(line.moments) - _MOMENTS + line.left_out
    if left_out > 0:
        out.item(f"… and {left_out} more")


def _nearest(line: timeline.Timeline, most: int) -> list[timeline.Moment]:
    by_distance = sorted(line.moments, key=lambda moment: math.inf if moment.at_s is None else abs(moment.at_s))
    kept = {id(moment) for moment in by_distance[:most]}
    return [moment for moment in line.moments if id(moment) in kept]


def _cgroups(page: IncidentPage, out: _Writer) -> None:
    if page.cgroups is None:
        return
    out.heading("Control groups")
    for depth, group in cgrouptree.flat(page.cgroups):
        indent = "  " * (min(depth, _DEEP) + 1)
        told = "; ".join([*cgrouptree.marks(group), *filter(None, [cgrouptree.sentence(group)])])
        out.paragraph(f"{group.name}{f': {told}' if told else ''}", indent, f"{indent}  ")
        if group.hidden:
            out.paragraph(f"and {units.count(group.hidden, 'smaller group')}", f"{indent}  ")


def _growth(page: IncidentPage, out: _Writer) -> None:
    if page.growth is None:
        return
    out.heading("Who grew")
    out.paragraph(page.growth.text)
    for one in page.growth.shown:
        whose, start, end, grown, rate, shape, share = growth.cells(one)
        out.item(f"{whose}: {start} to {end}, {grown}, {rate} a second, {shape}, {share} of all growth")
    for reason in page.growth.reasons:
        out.paragraph(reason, style="2")


def _pairs(out: _Writer, pairs: Iterable[tuple[str, str]]) -> None:
    listed = list(pairs)
    column = max(len(label) for label, _ in listed) + 2
    for label, value in listed:
        out.paragraph(value, f"  {label:<{column}}", " " * (column + 2))


def _verdict(page: IncidentPage, out: _Writer) -> None:
    gloss = words.verdict(page.verdict)
    tone = {"proven": "1;32", "policy": "1;36", "open": "1;33"}[gloss.tone]
    out.blank()
    out.paragraph(f"Verdict: {page.verdict} ({gloss.short.lower()})", "", style=tone)
    out.paragraph(page.verdict_text)
    margin = headline.margin(page)
    if margin:
        out.paragraph(margin)
    others = page.also_killed
    if others:
        out.heading(f"Also killed ({len(others)})")
        for kill in others[:_TOP]:
            name, why = headline.process(kill.comm, kill.pid), words.kill_reason(kill.reason)
            out.item(f"{name}: {why}, anon {units.kb(kill.anon_rss_kb)}")
        if len(others) > _TOP:
            out.item(f"… and {len(others) - _TOP} more")


def _allocation(page: IncidentPage, out: _Writer) -> None:
    it = memory.told(page)
    if it is None:
        return
    out.heading(f"Why the allocation failed: {memory.CAUSES.get(it.cause, it.cause)}")
    out.paragraph(it.text)
    asked = list(memory.request(it))
    if asked:
        _pairs(out, asked)
    for zone in it.zones:
        name, free, needed, least, reserve, largest, reason = memory.zone_cells(zone)
        out.item(
            f"{name}: {free} free, {needed} needed (min {least}, lowmem_reserve {reserve}), largest block {largest}: {reason}"
        )
    for said in it.notes:
        out.item(said)


def _balance(page: IncidentPage, out: _Writer) -> None:
    shown = memory.parts(page)
    if not shown:
        return
    out.heading("Where the memory was")
    if page.allocation is not None and page.allocation.balance_text:
        out.paragraph(page.allocation.balance_text)
    widest = max(len(part.size) for part in shown)
    for part in shown:
        error = f" ({part.error})" if part.error and part.row.node == "unaccounted" else ""
        out.row(f"  {part.size:>{widest}}  {part.share:>11}  {'  ' * part.depth}{part.label}{error}")


@dataclass(frozen=True)
class _Column:
    title: str
    value: Callable[[CandidateRow], str]
    right: bool = True
    spare: int = 0  # left out when the terminal is narrow, the highest first; 0 = always shown


def _columns(page: IncidentPage) -> list[_Column]:
    size = page.page_size
    legacy = any(row.oom_adj is not None and row.oom_score_adj is None for row in page.candidates)
    return [
        _Column("", lambda row: _mark(page, row), right=False),
        _Column("rank", lambda row: "-" if row.rank is None else str(row.rank)),
        _Column("pid", lambda row: str(row.pid)),
        _Column("comm", lambda row: row.comm or "?", right=False),
        _Column("rss", lambda row: units.pages(row.rss_pages, size), spare=1),
        _Column("swap", lambda row: units.pages(row.swapents_pages, size), spare=3),
        _Column("pgtables", lambda row: units.size(row.pgtables(size)), spare=4),
        _Column("adj", lambda row: units.plain(row.oom_adj if legacy else row.oom_score_adj)),
        _Column("badness", headline.badness, spare=2),
        _Column("share", lambda row: units.share(row.points)),
    ]


def _mark(page: IncidentPage, row: CandidateRow) -> str:
    return (">" if row.is_victim else "") + ("*" if page.is_trigger(row) else "")


def _ranking(page: IncidentPage, out: _Writer) -> None:
    if not page.candidates:
        return
    shown = list(page.ranked[:_TOP])
    shown += [
        row for row in page.ranked[_TOP:] if row.is_victim or page.is_trigger(row) or row.pid == page.runner_up_pid
    ]
    eligible = sum(row.eligible is True for row in page.candidates)
    everybody = units.count(len(page.candidates), "process", "processes")
    out.heading(f"Ranking: {len(shown)} of {everybody}, {eligible} eligible")
    columns, dropped = _columns(page), []
    while (wide := _table_width(columns, shown)) > out.width and any(column.spare for column in columns):
        least = max(columns, key=lambda column: column.spare)
        columns.remove(least)
        dropped.append(least.title)
    widths = _widths(columns, shown)
    if wide > out.width:
        comm = next(index for index, column in enumerate(columns) if column.title == "comm")
        widths[comm] = max(6, widths[comm] - (wide - out.width))
    out.row(_line(columns, widths, [column.title for column in columns]), "2")
    for row in shown:
        values = [visible(column.value(row)) for column in columns]
        out.row(_line(columns, widths, values), "1;31" if row.is_victim else "")
    out.paragraph(_legend(page, shown), "  ", style="2")
    if dropped:
        out.paragraph(f"Left out at this width: {', '.join(dropped)}.", "  ", style="2")
    for reason in dict.fromkeys(row.ineligible_reason for row in shown if row.eligible is False):
        names = [
            headline.process(row.comm, row.pid)
            for row in shown
            if row.eligible is False and row.ineligible_reason == reason
        ]
        out.paragraph(f"{', '.join(names)}: {words.ineligible(reason)}.")


def _legend(page: IncidentPage, shown: list[CandidateRow]) -> str:
    marks = []
    if any(row.is_victim for row in shown):
        marks.append("> killed")
    if any(page.is_trigger(row) for row in shown):
        marks.append("* trigger: its allocation failed")
    if page.scored or page.bounded:
        marks.append(f"badness in {page.badness_unit}; share of totalpages")
    elif page.verdict == "none_killable":
        marks.append("badness is not told where the kernel chose nobody")
    else:
        marks.append("badness could not be computed")
    return "; ".join(marks)


def _widths(columns: list[_Column], rows: list[CandidateRow]) -> list[int]:
    return [max([len(column.title)] + [cells(visible(column.value(row))) for row in rows]) for column in columns]


def _table_width(columns: list[_Column], rows: list[CandidateRow]) -> int:
    return sum(_widths(columns, rows)) + 2 * (len(columns) - 1)


def _line(columns: list[_Column], widths: list[int], values: list[str]) -> str:
    padded = [
        pad(clip(value, width), width, right=column.right)
        for column, width, value in zip(columns, widths, values, strict=True)
    ]
    return "  ".join(padded).rstrip()


def _proof(page: IncidentPage, out: _Writer) -> None:
    if not page.proof and not page.totalpages_arithmetic:
        return
    out.heading("The arithmetic")
    if page.totalpages_arithmetic and page.totalpages_arithmetic not in "\n".join(page.proof):
        out.paragraph(f"totalpages = {page.totalpages_arithmetic}", "  ", "      ")
    for step in page.proof:
        out.paragraph(step, "  ", "      ")


def _certainty(page: IncidentPage, out: _Writer) -> None:
    out.heading("How sure is this")
    for label, statement, evidence in headline.certainty(page):
        out.item(f"{label}: {statement}")
        for reason in evidence:
            if reason != page.totalpages_arithmetic:
                out.paragraph(reason, "      ")
    for caveat in page.caveats:
        out.item(caveat)


def _lost(page: IncidentPage, out: _Writer) -> None:
    lost = headline.lost(page)
    if lost:
        out.heading("What was missing from the log")
    for part, meaning in lost:
        out.item(f"{meaning} [{part}]" if part else meaning)


def _limits(page: IncidentPage, out: _Writer) -> None:
    out.heading("Limits of this analysis")
    for limit in limits.of(page):
        out.item(limit)


def _evidence(page: IncidentPage, out: _Writer) -> None:
    if not page.evidence:
        return
    out.heading(f"Evidence: lines of {page.source}")
    digits = max(len(str(line.line)) for line in page.evidence)
    for line in page.evidence:
        out.paragraph(line.text, f"  {line.line:>{digits}}  ", " " * (digits + 4))


def _sources(page: IncidentPage, out: _Writer) -> None:
    if not page.sources:
        return
    out.heading("Seen in")
    for source in page.sources:
        framing = f", {source.framing}" if source.framing else ""
        out.item(f"{source.source}, lines {source.line_start}-{source.line_end}{framing}")
        for problem in headline.problems(source):
            out.paragraph(problem, "      ")
