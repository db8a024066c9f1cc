"""Lines of a log to incidents and verdicts, the short way for tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from oomforensics.analysis.judge import judge
from oomforensics.analysis.model import Judged
from oomforensics.parsers.assemble import assemble
from oomforensics.parsers.facts import Incident
from oomforensics.parsers.framings import records
from oomforensics.parsers.framings.base import Context
from oomforensics.parsers.records import Problem, Record
from oomforensics.parsers.runs import Rows

CONTEXT = Context(source="test.log", timezone=UTC, not_after=datetime(2026, 11, 23, tzinfo=UTC))


def parse(lines: Iterable[str | bytes], problems: list[Problem] | None = None) -> list[Record]:
    data = (line.encode() if isinstance(line, str) else line for line in lines)
    return list(records(enumerate(data, start=1), CONTEXT, [] if problems is None else problems))


def one_by_one(found: Iterable[Record | Rows]) -> list[Record]:
    """Records, where rows may come many at a time."""
    return [record for each in found for record in (each.records() if isinstance(each, Rows) else (each,))]


def incidents(lines: Iterable[str | bytes]) -> list[Incident]:
    return list(assemble(parse(lines), "test.log"))


def judged(lines: Iterable[str | bytes]) -> list[Judged]:
    return judge(incidents(lines))
