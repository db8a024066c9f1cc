"""Words for the sentences. Names from the log stay as they are; whoever shows them makes them harmless."""

from __future__ import annotations

from oomforensics import amounts
from oomforensics.analysis.findings.entry import Fact
from oomforensics.analysis.findings.evidence import Evidence
from oomforensics.analysis.findings.memory import Part
from oomforensics.analysis.scene import HostFact
from oomforensics.analysis.task_table import Process

_PARTS = 1_000_000


def size(kb: int) -> str:
    return amounts.size(kb * 1024)


def share(part: float) -> str:
    """Written as the balance writes its shares."""
    return amounts.percent(round(part * _PARTS), _PARTS)


def name(comm: str | None, pid: int | None) -> str:
    return f"{comm or '(no name)'} (pid {pid})"


def who(process: Process) -> str:
    return name(process.comm, process.pid)


def row(seen: Evidence, process: Process) -> Fact:
    """What a row of the task table holds, resident and swapped."""
    what = f"{who(process)}: resident and swapped"
    return Fact(what, process.used_pages * seen.page_kb, "KiB", process.line, seen.scene.source)


def adj(seen: Evidence, process: Process) -> Fact:
    return Fact(f"{who(process)}: oom_score_adj", process.oom_score_adj or 0, None, process.line, seen.scene.source)


def kb(seen: Evidence, what: str, value: int, line: int | None = None) -> Fact:
    """A size that the report prints."""
    return Fact(what, value, "KiB", line, seen.scene.source)


def part(seen: Evidence, what: str, part: Part) -> Fact:
    """A part of the balance, with the printed field that it was read from."""
    return Fact(f"{what} ({part.origin})", part.kb, "KiB", part.line, seen.scene.source)


def setting(what: str, fact: HostFact) -> Fact:
    return Fact(what, fact.value, None, fact.line, fact.source)
