"""The command `oomforensics`: its subcommands, and how every way of failing is told."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from oomforensics import __version__
from oomforensics.cli import (
    capture,
    compare,
    demo,
    eras,
    explain,
    export,
    incidents,
    ingest,
    report,
    sql,
    terminal,
    watch,
    whatif,
)
from oomforensics.cli.options import Debug, debugging
from oomforensics.errors import OomforensicsError

_INTERRUPTED = 130  # as a shell shows a process that SIGINT ended


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        """Run the command; tell any failure in one line and by the exit code."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except OomforensicsError as error:
            _tell(error)
            ctx.exit(error.exit_code)
        except BrokenPipeError:
            terminal.abandon_stdout()
            ctx.exit(0)
        except KeyboardInterrupt:
            terminal.say("interrupted; what was stored stays")
            ctx.exit(_INTERRUPTED)
        except Exception as error:
            if _is_own(error):
                raise
            _tell(error)
            ctx.exit(1)
        return result


def _is_own(error: Exception) -> bool:
    """Typer's own way to say wrong usage, or to end."""
    return type(error).__module__.partition(".")[0] in ("typer", "click")


def _tell(error: Exception) -> None:
    if debugging():
        import traceback

        sys.stderr.write(terminal.safe_lines("".join(traceback.format_exception(error))))
    if isinstance(error, OomforensicsError):
        terminal.say(str(error))
    else:
        first = (str(error).splitlines() or [""])[0]
        hint = "" if debugging() else " (--debug shows where)"
        terminal.say(f"unforeseen {type(error).__name__}: {first}{hint}")


app = typer.Typer(
    name="oomforensics",
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode=None,  # rich doubles the time that --help takes
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        terminal.out(f"oomforensics {__version__}\n")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Explains Linux out-of-memory kills after the fact, with the kernel's own arithmetic.

    \b
    Example:
      oomforensics ingest /var/log/kern.log
      oomforensics explain latest
    """


for _command in (ingest, incidents, explain, report, whatif, compare, eras, sql, export, capture, watch, demo):
    app.command(_command.NAME)(_command.command)


def run() -> None:
    # Nothing here multiplies matrices; each thread that numpy starts for it spins for a tenth of a second of CPU time.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    terminal.prepare()
    app()
