"""The first sentence of every report: what died, when, where, on what limit."""

from __future__ import annotations

import re

from oomforensics.reports import units, words
from oomforensics.reports.load import CandidateRow, IncidentPage, SourceRow

_PROBLEMS = 5
_LONG_PATH = 80  # characters
_LONG_ID = re.compile(r"[0-9a-f]{24,}")


def sentence(page: IncidentPage) -> str:
    parts = [who(page), when(page)]
    if page.host:
        parts.append(f"on {page.host}")
    return f"{' '.join(parts)}: {ran_out(page)}."


def process(comm: str | None, pid: int | None) -> str:
    if comm and pid is not None:
        return f"{comm} (pid {pid})"
    if pid is not None:
        return f"pid {pid}"
    return comm or "an unnamed process"


def who(page: IncidentPage) -> str:
    if page.victim_pid is not None:
        name = process(page.victim_comm, page.victim_pid)
        others = len(page.also_killed)
        if others:
            return f"{name} and {units.count(others, 'other process', 'other processes')} were killed"
        return f"{name} was killed"
    if page.outcomes:
        return f"The OOM killer killed nobody ({words.outcome(page.outcomes[0])})"
    if page.selected_pid is not None:
        name = process(page.selected_comm, page.selected_pid)
        return f"{name} was chosen by the OOM killer (the kill itself is not in the log)"
    if page.verdict == "none_killable":
        return "The OOM killer ran and killed nobody"
    return "The OOM killer ran; its victim is not in the log"


def when(page: IncidentPage) -> str:
    if page.ts_us is not None:
        return f"on {units.utc(page.ts_us)}"
    if page.uptime_s is not None:
        return f"at {units.since_boot(page.uptime_s)} after boot"
    return "at a time that the log does not tell"


def ran_out(page: IncidentPage) -> str:
    """What ran out, with the scope's word; a scope that no line prints is marked as inferred."""
    scope = f"{page.scope}, inferred" if page.scope_inferred else page.scope
    limit = _limit(page)
    match page.scope:
        case "global" if _told_by_page_fault(page):
            return f"a page fault told the kernel that the machine was out of memory ({scope})"
        case "global":
            return f"the machine was out of memory ({scope})"
        case "memcg":
            return f"{_cgroup(page)} was at its limit ({scope}{limit})"
        case "cpuset":
            return f"the memory nodes of its cpuset were out of memory ({scope})"
        case "mempolicy":
            return f"the nodes of its NUMA memory policy were out of memory ({scope})"
        case "sysrq":
            return f"somebody asked for it with SysRq+F ({scope})"
    return f"the log does not tell what ran out (scope {scope})"


def _told_by_page_fault(page: IncidentPage) -> bool:
    """With no flags at all. It need not have been true."""
    it = page.allocation
    return it is not None and it.gfp_flags is not None and not it.gfp_flags


def _cgroup(page: IncidentPage) -> str:
    """A long path by its last part, ids by their beginning: the facts below have the whole."""
    if not page.oom_memcg:
        return "a cgroup that the log does not name"
    if len(page.oom_memcg) <= _LONG_PATH:
        return f"cgroup {page.oom_memcg}"
    return f"cgroup …/{_LONG_ID.sub(lambda found: f'{found[0][:12]}…', page.oom_memcg.rsplit('/', 1)[-1])}"


def _limit(page: IncidentPage) -> str:
    if units.is_limited(page.memory_limit_kb):
        return f"; memory limit {units.kb(page.memory_limit_kb)}"
    if units.is_limited(page.memsw_limit_kb):
        return f"; memory+swap limit {units.kb(page.memsw_limit_kb)}"
    return ""


def facts(page: IncidentPage) -> list[tuple[str, str]]:
    """The circumstances as label and value, in the order that people ask for them; unknown ones left out."""
    rows: list[tuple[str, str]] = [("When", _when_fact(page))]
    rows.append(("Where", page.host or "not named in the log"))
    rows.append(("Limit", _limit_fact(page)))
    if page.trigger_pid is not None or page.trigger_comm:
        rows.append(("Asked for memory", _trigger_fact(page)))
    if page.kernel_release:
        rows.append(("Kernel", page.kernel_release))
    if page.task_memcg:
        rows.append(("Victim's cgroup", page.task_memcg))
    if page.hardware:
        rows.append(("Hardware", page.hardware))
    return rows


def _when_fact(page: IncidentPage) -> str:
    known = []
    if page.ts_us is not None:
        known.append(units.utc(page.ts_us))
    if page.uptime_s is not None:
        known.append(f"{units.since_boot(page.uptime_s)} after boot")
    known.append(words.TS_SOURCES.get(page.ts_source, page.ts_source))
    return "; ".join(known)


def _limit_fact(page: IncidentPage) -> str:
    parts: list[str] = []
    if page.scope == "memcg":
        pairs = (
            ("memory", page.memory_usage_kb, page.memory_limit_kb),
            ("memory+swap", page.memsw_usage_kb, page.memsw_limit_kb),
            ("swap", page.swap_usage_kb, page.swap_limit_kb),
        )
        for name, usage, limit in pairs:
            if usage is not None or limit is not None:
                parts.append(f"{name} {units.kb(usage)} of {units.limit_kb(limit)}")
        return "; ".join([page.oom_memcg or "cgroup not named in the log", *parts])
    if page.ram_pages is not None:
        parts.append(f"RAM {units.pages(page.ram_pages, page.page_size)}")
    if page.total_swap_kb is not None:
        parts.append(_swap(page.total_swap_kb, page.free_swap_kb))
    return "; ".join([{"global": "the whole machine"}.get(page.scope, page.scope), *parts])


def _swap(total_kb: int, free_kb: int | None) -> str:
    return f"swap {units.kb(total_kb)}, {units.kb(free_kb)} of it free" if total_kb else "no swap"


def _trigger_fact(page: IncidentPage) -> str:
    parts = [process(page.trigger_comm, page.trigger_pid)]
    if page.alloc_order is not None:
        parts.append(
            "SysRq+F, no allocation" if page.alloc_order < 0 else f"order {page.alloc_order}{_order_size(page)}"
        )
    if page.gfp_mask:
        parts.append(page.gfp_mask)
    return ", ".join(parts)


def _order_size(page: IncidentPage) -> str:
    if page.alloc_order is None or page.page_size is None:
        return ""
    return f" ({units.size(page.page_size << page.alloc_order)})" if page.alloc_order < 32 else ""


def certainty(page: IncidentPage) -> list[tuple[str, str, list[str]]]:
    """How sure the answer is: label, statement, and the evidence for it."""
    era = page.era or "could not be told"
    if page.era and not page.era_certain:
        era += " (probable)"
    others = [name for name in page.era_alternatives if name != page.era]
    if others:
        also = "also " if page.era else ""
        era += f"; the text {also}allows {', '.join(others)}"
    rows: list[tuple[str, str, list[str]]] = [("Kernel era", era, page.era_evidence)]
    if page.era_agreement:
        rows.append(("Under other eras", page.era_agreement, []))
    rows.append(
        (
            "totalpages",
            _totalpages(page),
            [text for text in (page.totalpages_arithmetic, page.totalpages_source) if text],
        )
    )
    page_size = "not known" if page.page_size is None else units.size(page.page_size)
    rows.append(("Page size", page_size, [page.page_size_source] if page.page_size_source else []))
    score = _score(page)
    if score:
        rows.append(("Check against the printed score", score, [page.score_note] if page.score_note else []))
    return rows


def _totalpages(page: IncidentPage) -> str:
    if page.totalpages is not None:
        exact = "" if page.totalpages_exact else ", not exact"
        if exact and page.totalpages_min is not None and page.totalpages_max is not None:
            exact += f": {page.totalpages_min:,} to {page.totalpages_max:,} are possible"
        return f"{page.totalpages:,} pages ({units.pages(page.totalpages, page.page_size)}){exact}"
    if page.totalpages_min is not None:
        upper = "no known upper bound" if page.totalpages_max is None else f"at most {page.totalpages_max:,}"
        return f"not known: at least {page.totalpages_min:,} pages, {upper}"
    return "not known"


def _score(page: IncidentPage) -> str | None:
    if page.printed_score is None:
        return None
    if page.recomputed_score is None:
        return f"the kernel printed {page.printed_score}; it could not be recomputed"
    if page.printed_score == page.recomputed_score:
        return f"the kernel printed {page.printed_score}, and so do we"
    return f"the kernel printed {page.printed_score}, we make it {page.recomputed_score}"


def lost(page: IncidentPage) -> list[tuple[str | None, str]]:
    """What the log does not hold of this report: the contract's word, if there is one, and what it means."""
    parts: list[tuple[str | None, str]] = [(part, words.missing(part)) for part in page.missing]
    if page.report_suppressed:
        parts.append((None, "the kernel's rate limiter dropped the report; only the kill was printed"))
    if page.callbacks_suppressed:
        dropped = units.count(page.callbacks_suppressed, "report")
        parts.append((None, f"{dropped} of this storm, dropped by the kernel's rate limiter"))
    if not parts and not page.complete:
        parts.append((None, "the report is not complete"))
    return parts


def problems(source: SourceRow) -> list[str]:
    """What could not be read in a source, the first few of it."""
    shown = [
        problem.reason if problem.line is None else f"line {problem.line}: {problem.reason}"
        for problem in source.problems[:_PROBLEMS]
    ]
    more = len(source.problems) - len(shown)
    return [*shown, f"and {units.count(more, 'more problem')}"] if more else shown


def margin(page: IncidentPage) -> str | None:
    """The runner-up and by how much the victim was ahead."""
    if page.runner_up_pid is None:
        return None
    row = page.runner_up
    name = process(row.comm if row else None, page.runner_up_pid)
    if page.margin_pages is None:
        return f"Runner-up: {name}, by a margin that is not known"
    distance = f"{abs(page.margin_pages):,} {page.badness_unit}"
    if page.page_size is not None and page.badness_unit == "pages":
        distance += f" ({units.size(abs(page.margin_pages) * page.page_size)})"
    return f"Runner-up: {name}, {distance} {'behind' if page.margin_pages >= 0 else 'ahead'}"


def badness(row: CandidateRow) -> str:
    """A candidate's badness; where inputs are lost, the interval they leave."""
    if row.badness_pages is not None:
        return units.number(row.badness_pages)
    if row.eligible is False:
        return "-"
    if row.badness_min is None:
        return units.UNKNOWN
    return f"{units.number(row.badness_min)}..{units.number(row.badness_max)}"
