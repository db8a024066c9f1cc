"""The pipeline: sources -> records -> incidents -> judged -> history.

What is wrong with one source never stops the others: it becomes a Problem, kept in the history beside what was read.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import BinaryIO, Protocol

from oomforensics.analysis.judge import judge
from oomforensics.analysis.model import Judged
from oomforensics.history.save import Saved, save
from oomforensics.history.schema import Connection
from oomforensics.history.store import open_write
from oomforensics.parsers.assemble import assemble
from oomforensics.parsers.facts import Incident
from oomforensics.parsers.records import Problem, SourceInfo
from oomforensics.parsers.sources import Source, iter_sources, read_source
from oomforensics.parsers.witness_observer import observe

BATCH = 100  # incidents stored at once
EVENTS = 5_000  # events of other killers and witnesses held at most, but for those of one source
_MAX_PROBLEMS = 1000  # kept of one source
_HARMLESS = "info"

_log = logging.getLogger(__name__)


class Progress(Protocol):
    """Told what is being read; may look at `info.size_bytes` while it grows."""

    def begin(self, sources: int) -> None: ...
    def reading(self, info: SourceInfo) -> None: ...
    def done(self, result: SourceResult) -> None: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """How sources are read. Goes to the worker processes."""

    timezone: tzinfo
    host: str | None = None


@dataclass(slots=True)
class SourceResult:
    """What one source held. Its incidents may also be shown by others."""

    info: SourceInfo
    incidents: int = 0
    kills: int = 0
    events: int = 0  # of other killers and witnesses

    @property
    def damaged(self) -> bool:
        return any(problem.severity != _HARMLESS for problem in self.info.problems)


@dataclass(slots=True)
class IngestResult:
    sources: list[SourceResult] = field(default_factory=list)
    new: int = 0  # incidents that the history did not know
    known: int = 0  # incidents that it knew
    kills: int = 0  # kills that it did not know
    events: int = 0  # events of other killers and witnesses that it did not know

    @property
    def damaged(self) -> bool:
        return any(source.damaged for source in self.sources)

    def add(self, saved: Saved) -> None:
        self.new += saved.new
        self.known += saved.known
        self.kills += saved.kills
        self.events += saved.events


Batches = Iterator[list[Judged]]


def ingest(
    paths: Sequence[str],
    *,
    db: Path,
    timezone: tzinfo,
    host: str | None = None,
    jobs: int = 1,
    stdin: BinaryIO | None = None,
    progress: Progress | None = None,
) -> IngestResult:
    """Read all that `paths` name into the history at `db`. With `jobs` > 1 files are read by as many processes."""
    found = list(iter_sources(paths, stdin))
    settings = Settings(timezone, host)
    if progress is not None:
        progress.begin(len(found))
    # Before the database is open: a process started later would inherit its lock and its threads.
    workers = _Workers(jobs, found, settings) if jobs > 1 else None
    collecting = gc.isenabled()
    _collect_nothing()
    try:
        with open_write(db) as con:
            return _store(con, found, settings, workers, progress)
    finally:
        if workers is not None:
            workers.stop()
        if collecting:
            gc.enable()


def _collect_nothing() -> None:
    """A batch holds some 100,000 records and rows, none in a cycle: looking through them took a tenth of the time.

    No gc.freeze(): modules frozen are not taken down at exit, and DuckDB then complains on stderr of leaks.
    """
    gc.disable()


def analyse(source: Source, settings: Settings, info: SourceInfo) -> Batches:
    """What the source shows, in batches. Never raises on content; what goes wrong is in `info.problems` at the end."""
    problems = info.problems
    records = read_source(source, timezone=settings.timezone, host=settings.host, problems=problems, info=info)
    try:
        incidents = assemble(observe(records, source.name, info.events, problems), source.name)
        while batch := list(islice(incidents, BATCH)):
            judged = [one for incident in batch for one in _judged(incident, problems)]
            batch.clear()  # else two batches are held while the next one is read, here and in _store
            yield judged
            judged = []
    except Exception as error:
        _log.debug("reading %s", source.name, exc_info=True)
        problems.append(Problem(source.name, None, f"reading stopped at an unforeseen {_short(error)}"))
    finally:
        _shorten(problems, source.name)


def _judged(incident: Incident, problems: list[Problem]) -> list[Judged]:
    try:
        return judge([incident])
    except Exception as error:
        _log.debug("judging %s:%d", incident.source, incident.line_start, exc_info=True)
        reason = f"incident not analysed because of an unforeseen {_short(error)}"
        problems.append(Problem(incident.source, incident.line_start, reason))
        return []


def _store(
    con: Connection,
    found: Sequence[Source | Problem],
    settings: Settings,
    workers: _Workers | None,
    progress: Progress | None,
) -> IngestResult:
    result = IngestResult()
    judged: list[Judged] = []
    finished: list[SourceInfo] = []
    for item in found:
        info = SourceInfo(_name(item))
        source = SourceResult(info)
        if progress is not None:
            progress.reading(info)
        for batch in _batches(item, settings, info, workers):
            source.incidents += len(batch)
            source.kills += sum(len(one.incident.kills) for one in batch)
            judged += batch
            del batch
            while len(judged) >= BATCH:
                result.add(save(con, judged[:BATCH], []))
                judged = judged[BATCH:]
        result.sources.append(source)
        source.events = len(info.events)
        finished.append(info)
        if sum(len(one.events) for one in finished) >= EVENTS:
            result.add(save(con, judged, finished))
            judged, finished = [], []
        if progress is not None:
            progress.done(source)
    result.add(save(con, judged, finished))
    return result


def _batches(item: Source | Problem, settings: Settings, info: SourceInfo, workers: _Workers | None) -> Batches:
    if isinstance(item, Problem):
        info.problems.append(item)
        return iter(())
    if workers is not None and workers.has(item.name):
        return workers.batches(item.name, info)
    return analyse(item, settings, info)


class _Workers:
    """Reads files in processes of their own. Results come back in the order of the sources, a few ahead."""

    def __init__(self, jobs: int, found: Sequence[Source | Problem], settings: Settings) -> None:
        names = [item.name for item in found if isinstance(item, Source) and Path(item.name).is_file()]
        self._ahead = 2 * jobs
        self._settings = settings
        self._waiting = iter(names)
        self._names = set(names)
        self._running: dict[str, Future[tuple[SourceInfo, list[list[Judged]]]]] = {}
        self._pool = ProcessPoolExecutor(
            min(jobs, max(len(names), 1)), mp_context=get_context("spawn"), initializer=_collect_nothing
        )
        self._top_up()

    def has(self, name: str) -> bool:
        return name in self._names

    def batches(self, name: str, info: SourceInfo) -> Batches:
        """What the source shows; `info` is filled."""
        if name not in self._running:  # named twice on the command line
            return
        try:
            read, batches = self._running.pop(name).result()
        except BrokenProcessPool:
            info.problems.append(Problem(name, None, "the process that read it died; try again with --jobs 1"))
            return
        info.size_bytes, info.sha256, info.framing, info.records = (
            read.size_bytes,
            read.sha256,
            read.framing,
            read.records,
        )
        info.problems += read.problems
        info.events += read.events
        self._top_up()
        yield from batches

    def stop(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _top_up(self) -> None:
        for name in islice(self._waiting, self._ahead - len(self._running)):
            try:
                self._running[name] = self._pool.submit(_read_file, name, self._settings)
            except BrokenProcessPool as error:
                self._running[name] = Future()
                self._running[name].set_exception(error)


def _read_file(name: str, settings: Settings) -> tuple[SourceInfo, list[list[Judged]]]:
    """In a worker process: the whole of one file."""
    info = SourceInfo(name)
    batches: list[list[Judged]] = []
    for item in iter_sources([name]):
        if isinstance(item, Problem):  # it vanished since it was listed
            info.problems.append(item)
        else:
            batches += analyse(item, settings, info)
    return info, batches


def _name(item: Source | Problem) -> str:
    return item.name if isinstance(item, Source) else item.source


def _short(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _shorten(problems: list[Problem], source: str) -> None:
    dropped = len(problems) - _MAX_PROBLEMS
    if dropped > 0:
        del problems[_MAX_PROBLEMS:]
        problems.append(Problem(source, None, f"{dropped} more problems are not listed", "data_loss"))
