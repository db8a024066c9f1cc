"""`oomforensics ingest`"""

from __future__ import annotations

import json
import sys
from datetime import UTC, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Annotated

import typer

from oomforensics.cli import terminal
from oomforensics.cli.options import Database, Debug, Json, database, size_bytes
from oomforensics.errors import UsageError
from oomforensics.parsers.containers.limits import Limits

if TYPE_CHECKING:
    from oomforensics.ingest import IngestResult, SourceResult

NAME = "ingest"
_DEFAULT = Limits()
_FEW_SOURCES = 8  # up to so many are all listed; of more, those that held something or could not be read
_SHOWN_PROBLEMS = 5  # of one source; all are in the view source_problems


def command(
    paths: Annotated[list[str], typer.Argument(metavar="PATH…", help="Files, folders, or - for standard input.")],
    db: Database = None,
    host: Annotated[str | None, typer.Option(metavar="NAME", help="The host, where the log does not name it.")] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            "--timezone",
            metavar="ZONE",
            help="Of times without one: Europe/Berlin, +02:00. Else the bundle's own where it says so, or UTC.",
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="Processes that read files.")] = 1,
    max_nesting: Annotated[
        int, typer.Option(min=0, metavar="N", help="Packings and archives inside one another.")
    ] = _DEFAULT.nesting,
    max_members: Annotated[
        int, typer.Option(min=0, metavar="N", help="Members of all archives in one file.")
    ] = _DEFAULT.members,
    max_unpacked: Annotated[str, typer.Option(metavar="SIZE", help="Bytes unpacked of one file: 500M, 64G.")] = "1024G",
    max_ratio: Annotated[
        int, typer.Option(min=1, metavar="N", help="Unpacked to packed, of one stream.")
    ] = _DEFAULT.ratio,
    max_spooled: Annotated[
        str,
        typer.Option(metavar="SIZE", help="Temporary space for a zip, 7z or journal in an archive."),
    ] = "16G",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Read logs into the history. Reading the same again changes nothing.

    Exit code 1 means that some input was damaged or unreadable; all else is stored.

    \b
    Example:
      oomforensics ingest /var/log/kern.log /var/log/journal-export.json
      journalctl -k -o json | oomforensics ingest -
    """
    from oomforensics.cli.progress import reporter
    from oomforensics.ingest import ingest

    limits = Limits(max_nesting, max_members, size_bytes(max_unpacked), max_ratio, size_bytes(max_spooled))
    with reporter() as progress:
        result = ingest(
            paths,
            db=database(db),
            timezone=None if zone is None else _timezone(zone),
            host=host,
            jobs=jobs,
            limits=limits,
            stdin=sys.stdin.buffer,
            progress=progress,
        )
    for source in result.sources:
        _tell_problems(source)
    if as_json:
        terminal.out(json.dumps(_plain(result), indent=2) + "\n")
    else:
        terminal.out(_summary(result))
    if result.damaged:
        raise typer.Exit(1)


def _timezone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if name in ("UTC", "Z"):
        return UTC
    sign, digits = name[:1], name[1:].replace(":", "")
    if sign in ("+", "-") and len(digits) == 4 and digits.isascii() and digits.isdigit():
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        if offset < timedelta(hours=24):
            return timezone(offset if sign == "+" else -offset)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"no time zone {name!r}; try Europe/Berlin or +02:00") from error


def _tell_problems(source: SourceResult) -> None:
    problems = [problem for problem in source.info.problems if problem.severity != "info"]
    for problem in problems[:_SHOWN_PROBLEMS]:
        at = f":{problem.line}" if problem.line is not None else ""
        terminal.say(f"{problem.source}{at}: {problem.reason}")
    if len(problems) > _SHOWN_PROBLEMS:
        terminal.say(f"{source.info.name}: {len(problems) - _SHOWN_PROBLEMS} more problems, see source_problems")


def _summary(result: IngestResult) -> str:
    few = len(result.sources) <= _FEW_SOURCES
    told = [source for source in result.sources if few or source.incidents or source.events or source.damaged]
    if result.unread:
        terminal.say(f"stopped by Ctrl-C: {_count(result.unread, 'source')} not read")
    lines = [f"{terminal.safe(source.info.name)}: {_source(source)}\n" for source in told]
    if not any(source.incidents for source in result.sources):
        events = f"; {_events(result.events)}" if any(source.events for source in result.sources) else ""
        lines.append(f"{_count(len(result.sources), 'source')} read; no OOM kill found{events}\n")
        return "".join(lines)
    parts = [
        f"{_count(len(result.sources), 'source')} read",
        f"{_count(result.new, 'new incident')} with {_count(result.kills, 'kill')}",
    ]
    if result.known:
        parts.append(f"{result.known} already known")
    if result.events:
        parts.append(_events(result.events))
    lines.append("; ".join(parts) + "\n")
    return "".join(lines)


def _source(source: SourceResult) -> str:
    info = source.info
    said = [_count(source.incidents, "incident"), _kills(source)] if source.incidents else []
    if not said:
        said = ["no OOM kill found" if info.records or not info.problems else info.problems[0].reason]
    elif info.problems:
        said.append(_count(len(info.problems), "problem"))
    if source.events:
        said.append(_count(source.events, "other event"))
    return terminal.safe(", ".join(said))


def _kills(source: SourceResult) -> str:
    without = source.kills_without_report
    return _count(source.kills, "kill") + (f" ({without} without a report)" if without else "")


def _events(number: int) -> str:
    return f"{_count(number, 'new event')} of other killers and witnesses"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _plain(result: IngestResult) -> dict[str, object]:
    return {
        "new": result.new,
        "known": result.known,
        "new_kills": result.kills,
        "new_events": result.events,
        "sources": [
            {
                "source": source.info.name,
                "sha256": source.info.sha256,
                "size_bytes": source.info.size_bytes,
                "framing": source.info.framing,
                "records": source.info.records,
                "incidents": source.incidents,
                "kills": source.kills,
                "kills_without_report": source.kills_without_report,
                "events": source.events,
                "problems": [
                    {"line": problem.line, "severity": problem.severity, "reason": problem.reason}
                    for problem in source.info.problems
                ],
            }
            for source in result.sources
        ],
    }
