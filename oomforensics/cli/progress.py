"""The progress of a long ingest on a terminal, and anywhere what a pipe that goes on has shown."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from oomforensics.cli import terminal

if TYPE_CHECKING:
    from rich.progress import Progress, Task
    from rich.text import Text

    from oomforensics import ingest
    from oomforensics.analysis.model import Judged
    from oomforensics.parsers.records import SourceInfo


@contextmanager
def reporter() -> Iterator[ingest.Progress]:
    if not sys.stderr.isatty():
        yield _Quiet()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TimeElapsedColumn

    class Reading(ProgressColumn):
        """Looks at the source itself, which says nothing while it is searched."""

        def render(self, task: Task) -> Text:
            return shown.now()

    shown = _Shown()
    columns = (MofNCompleteColumn(), BarColumn(), TimeElapsedColumn(), Reading())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        shown.start(bar)
        yield shown


class _Quiet:
    def begin(self, sources: int) -> None:
        pass

    def reading(self, info: SourceInfo) -> None:
        pass

    def done(self, result: ingest.SourceResult) -> None:
        pass

    def stored(self, one: Judged) -> None:
        terminal.say(_sentence(one))


def _sentence(one: Judged) -> str:
    killed = ", ".join(f"{kill.comm} (pid {kill.pid})" for kill in one.incident.kills)
    return f"{one.incident.source}:{one.incident.line_start}: killed {killed}: {one.verdict}"


class _Shown:
    def __init__(self) -> None:
        self._info: SourceInfo | None = None
        self._incidents = 0

    def start(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("sources", total=None)

    def begin(self, sources: int) -> None:
        self._bar.update(self._task, total=sources)

    def reading(self, info: SourceInfo) -> None:
        self._info = info

    def done(self, result: ingest.SourceResult) -> None:
        self._incidents += result.incidents
        self._bar.advance(self._task)

    def stored(self, one: Judged) -> None:
        from rich.text import Text

        self._bar.console.print(Text(terminal.safe(_sentence(one))))

    def now(self) -> Text:
        from rich.text import Text

        info = self._info
        size = f" {info.size_bytes / 2**20:.0f} MiB" if info is not None and info.size_bytes >= 2**20 else ""
        name = terminal.safe(info.name) if info is not None else ""
        return Text(f"{self._incidents} incidents  {name}{size}", no_wrap=True, overflow="ellipsis")
