"""`oomforensics what-if`"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oomforensics.cli import terminal
from oomforensics.cli.options import Database, Debug, Json, database
from oomforensics.errors import UsageError

if TYPE_CHECKING:
    from oomforensics.analysis.model import Candidate
    from oomforensics.analysis.whatif import Selection
    from oomforensics.history.lookup import Selected
    from oomforensics.parsers.facts import TaskRow

NAME = "what-if"
_HEADER = ("rank", "pid", "name", "oom_score_adj", "badness")
_LISTED = 5  # of those who would follow, without --kill-order
_LIMITS = "All else as the report prints it; after a kill the memory of the others changes too."
# Verdicts that rest on another rule than badness: other values of oom_score_adj decide nothing there.
_OTHER_RULE = {
    "allocating_task": "the kernel was told to kill whoever asked for memory (oom_kill_allocating_task)",
    "oom_origin": "a task in swapoff is chosen whatever the badness of the others",
    "insufficient_data": "the report does not hold enough to recompute the selection",
    "not_explained": "the kernel's choice could not be recomputed in the first place",
}


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
    """
    from oomforensics.history.lookup import resolve, selection_of
    from oomforensics.history.store import open_read

    with open_read(database(db)) as con:
        incident_id = resolve(con, incident)
        stored = selection_of(con, incident_id)
    before = _selection(stored)
    rows = stored.rows
    changes = dict(change for text in adj or [] for change in _changes(rows, text))
    absent = sorted({pid for text in gone or [] for pid in _pids(rows, text)})
    after = before.with_adj(changes).without(absent)
    answer: dict[str, Any] = {
        "incident_id": incident_id,
        "era": stored.era,
        "totalpages": stored.totalpages,
        "reading": before.hypothesis.label,
        "changed": {"oom_score_adj": {str(pid): value for pid, value in changes.items()}, "gone": absent},
        "chosen_before": next((_named(one.row) for one in before.order()), None),
        "chosen": next((_named(one.row) for one in after.order()), None),
        "ties_are_certain": after.table.in_scan_order,
        "save": _saving(after, save) if save is not None else None,
        "order": [_ranked(one) for one in after.order()],
        "limits": _LIMITS,
    }
    if as_json:
        terminal.out(json.dumps(answer, indent=2) + "\n")
    else:
        for line in _told(answer, None if kill_order else _LISTED):
            terminal.out(line)


def _selection(stored: Selected) -> Selection:
    from oomforensics.analysis.model import Scope
    from oomforensics.analysis.ranking import scans_in_table_order
    from oomforensics.analysis.scoring import Table
    from oomforensics.analysis.whatif import reconstruct
    from oomforensics.kernel.eras import era_named

    if stored.verdict in _OTHER_RULE:
        raise UsageError(f"nothing to recompute ({stored.verdict}): {_OTHER_RULE[stored.verdict]}")
    found = None
    if stored.era is not None and stored.totalpages is not None and stored.page_size is not None:
        era = era_named(stored.era)
        table = Table(
            stored.rows,
            frozenset(
                row.pid for row, why in zip(stored.rows, stored.ineligible, strict=True) if why == "already_killed"
            ),
            in_scan_order=scans_in_table_order(era, stored.scope == Scope.MEMCG),
            excluded=frozenset(place for place, why in enumerate(stored.ineligible) if why == "vfork_child"),
        )
        found = reconstruct(table, stored.badness, era, stored.totalpages, stored.page_size)
    if found is None or (not found.order() and any(why is None for why in stored.ineligible)):
        raise UsageError("the report lacks what an exact selection needs: its total or columns of its task table")
    return found


def _pids(rows: Sequence[TaskRow], text: str) -> list[int]:
    """The candidates that `text` means: a pid, or else all of that name."""
    found = [row.pid for row in rows if str(row.pid) == text] or [row.pid for row in rows if row.comm == text]
    if not found:
        raise UsageError(f"no candidate {text!r} in this incident's task table")
    return found


def _changes(rows: Sequence[TaskRow], text: str) -> Iterator[tuple[int, int]]:
    name, _, number = text.rpartition("=")
    try:
        value = int(number)
    except ValueError:
        raise UsageError(f"--oom-score-adj {text!r} is not PID=N or NAME=N") from None
    if not -1000 <= value <= 1000:
        raise UsageError(f"oom_score_adj is -1000 to 1000, not {value}")
    return ((pid, value) for pid in _pids(rows, name))


def _saving(selection: Selection, text: str) -> dict[str, Any]:
    pids = _pids(selection.table.rows, text)
    chosen = selection.chosen()
    pid = chosen if chosen in pids else pids[0]
    assert pid is not None
    row = next(row for row in selection.table.rows if row.pid == pid)
    needed = selection.saving_adj(pid)
    if needed is None:
        return {**_named(row), "was_chosen": False}
    instead = next((_named(one.row) for one in selection.with_adj({pid: needed}).order()), None)
    others = []
    for one in selection.order():
        value = None if one.row.pid == pid else selection.dooming_adj(pid, one.row.pid)
        if value is not None:
            others.append({**_named(one.row), "needed_oom_score_adj": value})
    return {**_named(row), "was_chosen": True, "needed_oom_score_adj": needed, "instead": instead, "others": others}


def _named(row: TaskRow) -> dict[str, Any]:
    return {"pid": row.pid, "comm": row.comm, "oom_score_adj": row.oom_score_adj}


def _ranked(one: Candidate) -> dict[str, Any]:
    return {**_named(one.row), "rank": one.rank, "badness": one.badness_pages}


def _told(answer: dict[str, Any], listed: int | None) -> Iterator[str]:
    from oomforensics.cli import tables

    yield f"incident {answer['incident_id']}, totalpages {answer['totalpages']}, kernels {answer['era']}\n"
    yield f"first choice as it was:  {_who(answer['chosen_before'])}\n"
    if answer["changed"]["oom_score_adj"] or answer["changed"]["gone"]:
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
    if not answer["ties_are_certain"]:
        yield "Among equals this kernel's choice is not in the report: a value at a boundary may be off by one.\n"
    yield f"{answer['limits']}\n"


def _told_saving(save: dict[str, Any]) -> Iterator[str]:
    who = _who(save)
    if not save["was_chosen"]:
        yield f"{who} is not the first choice: nothing has to be changed to save it.\n"
        return
    yield f"{who} would have been spared with oom_score_adj {save['needed_oom_score_adj']} or less;\n"
    yield f"then the first choice would have been {_who(save['instead'])}\n"
    for other in save["others"][:_LISTED]:
        yield f"or with {_who(other)} at oom_score_adj {other['needed_oom_score_adj']} or more, chosen in its place\n"


def _who(one: dict[str, Any] | None) -> str:
    if one is None:
        return "nobody: no process could be killed"
    return f"{terminal.safe(one['comm'])} (pid {one['pid']}, oom_score_adj {one['oom_score_adj']})"
