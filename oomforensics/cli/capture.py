"""`oomforensics capture`"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oomforensics.cli import terminal
from oomforensics.cli.options import Debug, Json, size_bytes
from oomforensics.errors import UsageError

if TYPE_CHECKING:
    from oomforensics.capture.status import Status

NAME = "capture"
_SHORTEST_S = 0.05
_SMALLEST = 1 << 20  # bytes of a ring


def command(
    cgroup: Annotated[str | None, typer.Option(metavar="PATH", help="This cgroup and all below it.")] = None,
    unit: Annotated[str | None, typer.Option(metavar="UNIT", help="A systemd unit: nginx.service.")] = None,
    container: Annotated[str | None, typer.Option(metavar="ID|NAME", help="A container, by its cgroup.")] = None,
    pid: Annotated[int | None, typer.Option(min=1, metavar="N", help="A process, with its cgroup.")] = None,
    system: Annotated[bool, typer.Option("--system", help="Everything; the default.")] = False,
    interval: Annotated[
        float, typer.Option(min=_SHORTEST_S, metavar="SECONDS", help="Between snapshots, while nothing presses.")
    ] = 1.0,
    duration: Annotated[float | None, typer.Option(min=0, metavar="SECONDS", help="End after this time.")] = None,
    until_oom: Annotated[bool, typer.Option("--until-oom", help="End after the first OOM.")] = False,
    then: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="With --until-oom: how long to go on. [default: 5]")
    ] = None,
    spool: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to; by default in the user's or the system's state.")
    ] = None,
    max_size: Annotated[
        str, typer.Option(metavar="SIZE", help="The oldest goes first, but nothing next to an OOM; 0: no limit.")
    ] = "1G",
    status: Annotated[bool, typer.Option("--status", help="Say what is being recorded there.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Record processes, cgroups and OOM events live, until stopped (Ctrl-C or SIGTERM), into a spool.

    Looks closer when memory runs short. Needs no root for what everybody may read; says at the start what is missing.

    \b
    Example:
      oomforensics capture --unit nginx.service --until-oom
      oomforensics capture --interval 0.5 --spool /var/tmp/spool --max-size 200M
      oomforensics capture --status
    """
    directory = spool or default_spool()
    if status:
        _show(directory, as_json)
        return
    targets = {"cgroup": cgroup, "unit": unit, "container": container, "pid": pid, "system": system or None}
    chosen = [(kind, str(name)) for kind, name in targets.items() if name is not None]
    if len(chosen) > 1:
        raise UsageError(f"one target at a time, not --{chosen[0][0]} and --{chosen[1][0]}")
    if then is not None and not until_oom:
        raise UsageError("--then needs --until-oom")
    limit = size_bytes(max_size)
    if 0 < limit < _SMALLEST:
        raise UsageError("--max-size: at least 1M, or 0 for no limit")
    kind, name = chosen[0] if chosen else ("system", "")
    _become_recorder(
        directory, kind, "" if kind == "system" else name, interval, duration, until_oom, then, limit or None
    )


def default_spool() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/oomforensics/spool")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "oomforensics/spool"


def _become_recorder(
    directory: Path,
    kind: str,
    name: str,
    interval_s: float,
    duration_s: float | None,
    until_oom: bool,
    then_s: float | None,
    max_size: int | None,
) -> None:
    """This process turns into a small one: what Typer has loaded would stay in memory, and be locked there."""
    import oomforensics.capture
    from oomforensics.capture.options import Options

    options = Options(
        str(directory.absolute()),
        kind,
        name,
        interval_s,
        duration_s,
        until_oom,
        5.0 if then_s is None else then_s,
        max_size,
    )
    program = Path(oomforensics.capture.__file__).with_name("__main__.py")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-I", "-S", str(program.absolute()), *options.argv()])


def _show(directory: Path, as_json: bool) -> None:
    from oomforensics.capture.status import status

    try:
        found = status(directory)
    except FileNotFoundError:
        raise UsageError(f"no spool at {directory}") from None
    except OSError as error:
        raise UsageError(f"{directory}: {error.strerror}") from error
    terminal.out(json.dumps(_plain(directory, found), indent=2) + "\n" if as_json else "".join(_told(directory, found)))


def _plain(directory: Path, found: Status) -> dict[str, object]:
    header, last = found.header, found.last
    return {
        "spool": str(directory),
        "recorder_pid": found.recorder_pid,
        "segments": found.segments,
        "size_bytes": found.size_bytes,
        "host": header.host if header else None,
        "boot_id": header.boot_id if header else None,
        "target": header.target if header else None,
        "interval_us": header.interval_us if header else None,
        "sources": list(header.sources) if header else [],
        "missing": list(header.missing) if header else [],
        "last_mono_ns": last.mono_ns if last else None,
        "pace": last.reason if last else None,
        "planned_us": last.planned_us if last else None,
        "processes": last.known if last else None,
        "newest_segment": {
            "oom_events": found.oom_events,
            "events": found.events,
            "kernel_records": found.kernel_records,
            "notes": found.notes,
            "torn_bytes": found.losses.torn_bytes,
            "damaged_bytes": found.losses.damaged_bytes,
        },
    }


def _told(directory: Path, found: Status) -> list[str]:
    by = f"recorded by process {found.recorder_pid}" if found.recorder_pid is not None else "nobody records there now"
    lines = [f"{directory}: {by}; {found.segments} segments, {found.size_bytes / 1e6:.1f} MB"]
    if found.header is not None:
        lines.append(
            f"  {found.header.target} of {found.header.host}, every {(found.header.interval_us or 0) / 1e6:g} s"
        )
        lines.append(f"  told of OOMs by: {', '.join(found.header.sources) or 'counters alone'}")
        lines += [f"  not there: {what}" for what in found.header.missing]
    if found.last is not None:
        lines.append(
            f"  {found.last.known} processes; next snapshot after {found.last.planned_us / 1e6:g} s ({found.last.reason})"
        )
    lines.append(
        f"  in the newest segment: {found.events} events, {found.oom_events} of an OOM; {found.kernel_records} kernel records"
    )
    lines += [f"  {note}" for note in found.notes[-5:]]
    return [terminal.safe(line) + "\n" for line in lines]
