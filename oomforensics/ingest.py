"""Sources into the history: what the pipeline reads, in batches, each stored wholly or not at all."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from oomforensics.analysis.model import Judged
from oomforensics.history import derived, growth, pairs, snapshots
from oomforensics.history.save import Saved, save
from oomforensics.history.schema import Connection
from oomforensics.history.store import open_write
from oomforensics.parsers.bundle.context import Contexts, path_of
from oomforensics.parsers.bundle.documents import match
from oomforensics.parsers.containers.limits import Limits
from oomforensics.parsers.opened import expand
from oomforensics.parsers.records import Problem, SourceInfo
from oomforensics.parsers.snapshots import Recorded
from oomforensics.parsers.sources import Source, iter_sources
from oomforensics.pipeline.read import Piece, Settings, collect_nothing, read, read_document
from oomforensics.pipeline.stop import Stop

if TYPE_CHECKING:
    from oomforensics.pipeline.workers import Workers

BATCH = 1_000  # incidents stored at once at most,
BATCH_LINES = 50_000  # and no further one once their reports have so many lines
EVENTS = 5_000  # events of other killers and witnesses held at most, but for those of one log
SOURCES = 2_000  # logs whose rows are held at most
_HARMLESS = "info"


class Progress(Protocol):
    """Told what is being read; may look at `info.size_bytes` while it grows."""

    def begin(self, sources: int) -> None: ...
    def reading(self, info: SourceInfo) -> None: ...
    def done(self, result: SourceResult) -> None: ...

    def stored(self, one: Judged) -> None:
        """An incident of a pipe that goes on."""


@dataclass(slots=True)
class SourceResult:
    """What one log held: a file, a member of an archive, a stream. Its incidents may also be shown by others."""

    info: SourceInfo
    incidents: int = 0
    kills: int = 0
    events: int = 0  # of other killers and witnesses
    kills_without_report: int = 0

    @property
    def damaged(self) -> bool:
        return any(problem.severity != _HARMLESS for problem in self.info.problems)


@dataclass(slots=True)
class IngestResult:
    sources: list[SourceResult] = field(default_factory=list)
    kills: int = 0  # kills that the history did not know
    events: int = 0  # events of other killers and witnesses that it did not know
    unread: int = 0  # files that were named and not begun when it was stopped
    _new: set[str] = field(default_factory=set)  # ids, as they are now
    _known: set[str] = field(default_factory=set)

    @property
    def new(self) -> int:
        """Incidents that the history did not know before."""
        return len(self._new)

    @property
    def known(self) -> int:
        """Incidents that it knew before, and that were seen again or have the words of one that was."""
        return len(self._known)

    @property
    def damaged(self) -> bool:
        return self.unread > 0 or any(source.damaged for source in self.sources)

    def add(self, saved: Saved) -> None:
        new = {incident_id for incident_id, stored in saved.incidents.items() if stored <= self._new}
        before = set().union(*saved.incidents.values())
        self._new = (self._new - before) | new
        self._known = (self._known - before) | (saved.incidents.keys() - new)
        self.kills += saved.kills
        self.events += saved.events


def ingest(
    paths: Sequence[str],
    *,
    db: Path,
    timezone: tzinfo | None = None,
    host: str | None = None,
    jobs: int = 1,
    limits: Limits | None = None,
    stdin: BinaryIO | None = None,
    progress: Progress | None = None,
) -> IngestResult:
    """Read all that `paths` name into the history at `db`. With `jobs` > 1 files are read by as many processes.

    `timezone`: of times without one; None: that of the bundle's host, where it says so, else UTC.
    Ctrl-C ends it with what was read until then.
    """
    found = list(iter_sources(paths, stdin))
    limits = limits or Limits()
    settings = Settings(timezone, host, limits, _contexts(found))
    if progress is not None:
        progress.begin(len(found))
    collecting = gc.isenabled()
    collect_nothing()
    with Stop().on_interrupt() as stop:
        workers = None
        if jobs > 1:
            from oomforensics.pipeline.workers import Workers  # with all that starts processes

            workers = Workers(jobs, found, settings, stop)
        try:
            with open_write(db) as con:
                return _Run(con, stop, progress).store(found, settings, workers)
        finally:
            if workers is not None:
                workers.stop()
            if collecting:
                gc.enable()


def _contexts(found: Sequence[Source | Problem]) -> Contexts:
    """What the files of bundles that lie unpacked on the disk say: needed before any of their logs is judged."""
    contexts = Contexts()
    for item in found:
        if isinstance(item, Source) and item.name != "-" and match(path_of(item.name)) is not None:
            for opened in expand(item, Limits(nesting=1)):
                read_document(opened)
                contexts.add(opened.info)
    return contexts


class _Run:
    """One ingest, and what of it is not yet stored."""

    def __init__(self, con: Connection, stop: Stop, progress: Progress | None) -> None:
        self._con, self._stop, self._progress = con, stop, progress
        self._result = IngestResult()
        self._judged: list[Judged] = []
        self._lines = 0  # of their reports
        self._finished: list[SourceInfo] = []
        # Of logs that are not finished: kills of each incident, and how many of them have no report. A pipe's may come again.
        self._seen: defaultdict[str, dict[tuple[int, str], tuple[int, int]]] = defaultdict(dict)
        stop.idle = self._tell_judged

    def store(self, found: Sequence[Source | Problem], settings: Settings, workers: Workers | None) -> IngestResult:
        unread = {item.name for item in found if isinstance(item, Source)}
        for item in found:
            for piece in self._pieces(item, settings, workers):
                if isinstance(piece, SourceInfo):
                    unread.discard(piece.name)
                    self._finish(piece)
                elif isinstance(piece, Recorded):
                    snapshots.save(self._con, piece)
                else:
                    self._keep(piece)
        self._save()
        pairs.derive(self._con)
        growth.derive(self._con, lambda: self._stop.requested)
        derived.derive(self._con)
        self._result.unread = len(unread)
        return self._result

    def _pieces(self, item: Source | Problem, settings: Settings, workers: Workers | None) -> Iterator[Piece]:
        if isinstance(item, Problem):
            return iter([SourceInfo(item.source, problems=[item])])
        if workers is not None and (pieces := workers.pieces(item)) is not None:
            return pieces
        if self._stop.requested:
            return iter(())
        return read(item, settings, self._stop, None if self._progress is None else self._progress.reading)

    def _keep(self, one: Judged) -> None:
        kills = len(one.incident.kills)
        place = one.incident.line_start, next(iter(one.kill_keys), "")
        self._seen[one.incident.source][place] = kills, kills if "report" in one.incident.missing else 0
        self._judged.append(one)
        self._lines += len(one.incident.lines)
        if len(self._judged) >= BATCH or self._lines >= BATCH_LINES:
            self._save_judged()

    def _tell_judged(self) -> None:
        judged = self._judged
        self._save_judged()
        if self._progress is not None:
            for one in judged:
                self._progress.stored(one)

    def _save_judged(self) -> None:
        if self._judged:
            self._result.add(save(self._con, self._judged, []))
            self._judged, self._lines = [], 0

    def _finish(self, info: SourceInfo) -> None:
        seen = self._seen.pop(info.name, {}).values()
        kills, bare_kills = (sum(counts) for counts in zip(*seen, strict=True)) if seen else (0, 0)
        source = SourceResult(info, len(seen), kills, len(info.events), bare_kills)
        self._result.sources.append(source)
        self._finished.append(info)
        if len(self._finished) >= SOURCES or sum(len(one.events) for one in self._finished) >= EVENTS:
            self._save()
        if self._progress is not None:
            self._progress.done(source)

    def _save(self) -> None:
        self._result.add(save(self._con, self._judged, self._finished))
        self._judged, self._lines, self._finished = [], 0, []
