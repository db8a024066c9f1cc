"""`oomforensics what-if`"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oomforensics.cli import terminal
from oomforensics.cli.options import Database, Debug, Json, database, size_bytes
from oomforensics.errors import UsageError

if TYPE_CHECKING:
    from oomforensics.analysis.model import Candidate
    from oomforensics.analysis.whatif import Selection
    from oomforensics.history.selection import Stored
    from oomforensics.kernel.eras import Era
    from oomforensics.parsers.facts import TaskRow

NAME = "what-if"
_HEADER = ("rank", "pid", "name", "oom_score_adj", "badness")
_LISTED = 5  # of those who would follow, without --kill-order


def command(
    incident: Annotated[
        str, typer.Argument(metavar="[ID]", help="An incident's id or its beginning, or latest.")
    ] = "latest",
    adj: Annotated[
        list[str] | None,
        typer.Option("--oom-score-adj", metavar="PID|NAME=N", help="With this oom_score_adj. May be repeated."),
    ] = None,
    gone: Annotated[
        list[str] | None, typer.Option("--gone", metavar="PID|NAME", help="Without it. May be repeated.")
    ] = None,
    memory_limit: Annotated[
        str | None,
        typer.Option("--memory-limit", metavar="SIZE", help="With this limit of its cgroup: 512M, 2G, bytes."),
    ] = None,
    swap: Annotated[
        str | None,
        typer.Option("--swap", metavar="SIZE", help="With so much swap: of the machine, or allowed to the cgroup."),
    ] = None,
    kernel: Annotated[
        str | None, typer.Option("--kernel", metavar="RELEASE", help="As a kernel of that release would choose.")
    ] = None,
    save: Annotated[
        str | None, typer.Option("--save", metavar="PID|NAME", help="The smallest change that would have saved it.")
    ] = None,
    kill_order: Annotated[bool, typer.Option("--kill-order", help="Everybody who would follow, in order.")] = False,
    db: Database = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Repeat the kernel's selection with other inputs: whom would it have chosen?

    \b
    Example:
      oomforensics what-if latest --save postgres
      oomforensics what-if latest --oom-score-adj java=-500 --kill-order
      oomforensics what-if 5e9f0c1a --gone 4711 --json
      oomforensics what-if latest --memory-limit 2G --swap 0
      oomforensics what-if latest --kernel 6.12.0-amd64
    """
    from oomforensics.history.lookup import resolve
    from oomforensics.history.selection import selection_of
    from oomforensics.history.store import open_read

    with open_read(database(db)) as con:
        stored = selection_of(con, resolve(con, incident))
    before = stored.selection
    rows = before.table.rows
    changes = dict(change for text in adj or [] for change in _changes(rows, text))
    absent = sorted({pid for text in gone or [] for pid in _pids(rows, text)})
    elsewhere = _elsewhere(stored, memory_limit, swap, kernel)
    after = elsewhere.selection.with_adj(changes).without(absent)
    order = after.order()
    answer: dict[str, Any] = {
        "incident_id": stored.incident_id,
        "verdict": stored.verdict,
        "era": stored.era,
        "totalpages": stored.totalpages,
        "reading": before.hypothesis.label,
        "changed": {
            "oom_score_adj": {str(pid): value for pid, value in changes.items()},
            "gone": absent,
            **elsewhere.changed,
        },
        "chosen_before": _first(before.order()),
        "chosen": _first(order),
        "save": None if save is None else {**_saving(after, _one(after, save, stored)), **_bounds(stored)},
        "order": [{**_named(one.row), "rank": one.rank, "badness": one.badness_pages} for one in order],
        "caveats": [*stored.caveats, *elsewhere.caveats],
    }
    if as_json:
        terminal.out(json.dumps(answer, indent=2) + "\n")
    else:
        for line in _told(answer, None if kill_order else _LISTED):
            terminal.out(line)


@dataclass
class _Elsewhere:
    """The selection with other sizes, or by another kernel."""

    selection: Selection
    changed: dict[str, Any]
    caveats: list[str]


def _elsewhere(stored: Stored, memory_limit: str | None, swap: str | None, kernel: str | None) -> _Elsewhere:
    from oomforensics.kernel.eras import era_named

    sizes, selection = stored.sizes, stored.selection
    if memory_limit is None and swap is None and kernel is None:
        return _Elsewhere(selection, {}, [])
    limit_pages, swap_pages = _pages(memory_limit, sizes.page_size), _pages(swap, sizes.page_size)
    changed: dict[str, Any] = {}
    caveats = ["Resident sizes stay as the report prints them."]
    try:
        if kernel is None:
            total, arithmetic = sizes.total(era_named(stored.era), limit_pages, swap_pages)
            readings = [selection.under(total)]
        else:
            era, notes = _era(kernel)
            total, arithmetic = sizes.total(era, limit_pages, swap_pages)
            readings = selection.on(era, total, is_memcg=sizes.is_memcg)
            changed["kernel"], changed["era"] = kernel, era.name
            caveats += notes
            if era.page_tables is not selection.hypothesis.era.page_tables:
                caveats.append(
                    "Page tables are counted as this report prints them: off by a few pages for that kernel."
                )
    except ValueError as reason:
        raise UsageError(f"cannot be told: {reason}") from None
    changed |= {"memory_limit": memory_limit, "swap": swap, "totalpages": total, "totalpages_arithmetic": arithmetic}
    first = readings[0]
    for other in readings[1:]:
        if other.chosen() != first.chosen():
            caveats.append(f"If {other.hypothesis.label}, the first choice would be pid {other.chosen()}.")
    return _Elsewhere(first, changed, caveats)


def _pages(text: str | None, page_size: int) -> int | None:
    return None if text is None else size_bytes(text) // page_size


def _era(release: str) -> tuple[Era, list[str]]:
    from oomforensics.kernel.identify import identify

    found = identify(frozenset(), release)
    if found.era is None:
        raise UsageError(f"--kernel {release!r}: {'; '.join(found.evidence)}")
    return found.era, [f"{found.unverified[0].upper()}{found.unverified[1:]}."] if found.unverified else []


def _bounds(stored: Stored) -> dict[str, Any]:
    """What would have let the allocation through."""
    return {
        "allocation": [
            {"what": one.what, "at_least_bytes": one.at_least_bytes, "more": one.is_growth, "reason": one.reason}
            for one in stored.shortage.bounds()
        ]
    }


def _pids(rows: Sequence[TaskRow], text: str) -> list[int]:
    """The candidates that `text` means: a pid, or else all of that name."""
    found = [row.pid for row in rows if str(row.pid) == text] or [row.pid for row in rows if row.comm == text]
    if not found:
        raise UsageError(f"no candidate {text!r} in this incident's task table")
    return found


def _changes(rows: Sequence[TaskRow], text: str) -> Iterator[tuple[int, int]]:
    name, _, number = text.rpartition("=")
    from oomforensics.kernel.badness import OOM_SCORE_ADJ_MAX, OOM_SCORE_ADJ_MIN

    try:
        value = int(number)
    except ValueError:
        raise UsageError(f"--oom-score-adj {text!r} is not PID=N or NAME=N") from None
    if not OOM_SCORE_ADJ_MIN <= value <= OOM_SCORE_ADJ_MAX:
        raise UsageError(f"oom_score_adj is {OOM_SCORE_ADJ_MIN} to {OOM_SCORE_ADJ_MAX}, not {value}")
    return ((pid, value) for pid in _pids(rows, name))


def _one(selection: Selection, text: str, stored: Stored) -> int:
    """The process to save: of several of that name the one that is chosen."""
    pids = _pids(selection.table.rows, text)
    chosen = selection.chosen()
    if chosen in pids:
        return chosen
    killed = stored.killed.intersection(pids)
    if killed and stored.selection.chosen() not in killed:
        raise UsageError(f"{text!r} was killed without being the first choice ({stored.verdict}): see explain")
    return pids[0]


def _saving(selection: Selection, pid: int) -> dict[str, Any]:
    row = next(row for row in selection.table.rows if row.pid == pid)
    needed = selection.saving_adj(pid)
    if needed is None:
        return {**_named(row), "was_chosen": False}
    others = [(one.row, selection.dooming_adj(one.row.pid)) for one in selection.order()]
    return {
        **_named(row),
        "was_chosen": True,
        "needed_oom_score_adj": needed,
        "instead": _first(selection.with_adj({pid: needed}).order()),
        "others": [{**_named(other), "needed_oom_score_adj": value} for other, value in others if value is not None],
    }


def _first(order: Sequence[Candidate]) -> dict[str, Any] | None:
    return _named(order[0].row) if order else None


def _named(row: TaskRow) -> dict[str, Any]:
    return {"pid": row.pid, "comm": row.comm, "oom_score_adj": row.oom_score_adj}


def _told(answer: dict[str, Any], listed: int | None) -> Iterator[str]:
    from oomforensics.cli import tables

    yield f"incident {answer['incident_id']}, totalpages {answer['totalpages']}, kernels {answer['era']}\n"
    yield f"first choice as it was:  {_who(answer['chosen_before'])}\n"
    changed = answer["changed"]
    if "totalpages" in changed:
        where = f", kernels {changed['era']}" if "era" in changed else ""
        yield f"then totalpages:         {changed['totalpages']} ({changed['totalpages_arithmetic']}){where}\n"
    if len(changed) > 2 or changed["oom_score_adj"] or changed["gone"]:
        yield f"with the changes:        {_who(answer['chosen'])}\n"
    if answer["save"] is not None:
        yield "\n"
        yield from _told_saving(answer["save"])
    order = answer["order"]
    if order:
        yield "\n"
        rows = [[one["rank"], one["pid"], one["comm"], one["oom_score_adj"], one["badness"]] for one in order[:listed]]
        yield from tables.render(_HEADER, rows, terminal.table_width())
        if listed is not None and len(order) > listed:
            yield f"and {len(order) - listed} more (--kill-order)\n"
    yield "\n"
    for caveat in answer["caveats"]:
        yield f"{terminal.safe(caveat)}\n"


def _told_saving(save: dict[str, Any]) -> Iterator[str]:
    who = _who(save)
    if not save["was_chosen"]:
        yield f"{who} is not the first choice: nothing has to be changed to save it.\n"
    else:
        yield from _told_adj(who, save)
    yield "\n"
    for bound in save["allocation"]:
        size = f"{bound['at_least_bytes']:,} bytes {'more' if bound['more'] else ''}".rstrip()
        yield f"for this allocation to succeed {bound['what']} needed at least {size}:\n  {bound['reason']}\n"
    if save["allocation"]:
        yield "a lower bound and no promise: who grows takes what it is given\n"
    else:
        yield "what would have let this allocation through: not known, the report does not bound it\n"


def _told_adj(who: str, save: dict[str, Any]) -> Iterator[str]:
    yield f"{who} would have been spared with oom_score_adj {save['needed_oom_score_adj']} or less;\n"
    yield f"then the first choice would have been {_who(save['instead'])}\n"
    for other in save["others"][:_LISTED]:
        yield f"or with {_who(other)} at oom_score_adj {other['needed_oom_score_adj']} or more, chosen in its place\n"


def _who(one: dict[str, Any] | None) -> str:
    if one is None:
        return "nobody: no process could be killed"
    return f"{terminal.safe(one['comm'])} (pid {one['pid']}, oom_score_adj {one['oom_score_adj']})"
