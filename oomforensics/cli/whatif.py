"""`oomforensics what-if`"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from oomforensics.cli import terminal
from oomforensics.cli.options import Database, Debug, Json, database, size_bytes
from oomforensics.errors import UsageError

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
    from oomforensics.history.repeat import Inputs, allocation_bounds, first, named, repeat
    from oomforensics.history.selection import selection_of
    from oomforensics.history.store import open_read

    with open_read(database(db)) as con:
        stored = selection_of(con, resolve(con, incident))
    inputs = Inputs(
        [_change(text) for text in adj or []], gone or [],
        None if memory_limit is None else size_bytes(memory_limit), None if swap is None else size_bytes(swap), kernel,
    )  # fmt: skip
    again = repeat(stored, inputs)
    elsewhere: dict[str, Any] = {} if kernel is None else {"kernel": kernel, "era": again.era}
    if again.totalpages is not None:
        elsewhere |= {
            "memory_limit": memory_limit, "swap": swap, "totalpages": again.totalpages,
            "totalpages_arithmetic": again.totalpages_arithmetic,
        }  # fmt: skip
    answer: dict[str, Any] = {
        "incident_id": stored.incident_id,
        "verdict": stored.verdict,
        "era": stored.era,
        "totalpages": stored.totalpages,
        "reading": stored.selection.hypothesis.label,
        "changed": {
            "oom_score_adj": {str(pid): value for pid, value in again.oom_score_adj.items()},
            "gone": again.gone,
            **elsewhere,
        },
        "chosen_before": first(stored.selection.order()),
        "chosen": first(again.order),
        "save": None if save is None else {**again.saving(save), "allocation": allocation_bounds(stored)},
        "order": [{**named(one.row), "rank": one.rank, "badness": one.badness_pages} for one in again.order],
        "caveats": again.caveats,
    }
    if as_json:
        terminal.out(json.dumps(answer, indent=2) + "\n")
    else:
        for line in _told(answer, None if kill_order else _LISTED):
            terminal.out(line)


def _change(text: str) -> tuple[str, int]:
    process, _, number = text.rpartition("=")
    try:
        return process, int(number)
    except ValueError:
        raise UsageError(f"--oom-score-adj {text!r} is not PID=N or NAME=N") from None


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
