"""One source: logs -> records -> incidents -> judged. Pure of the database, so that other processes can do it.

    for piece in read(source, settings, stop): ...

What is wrong with one log never stops the others: it becomes a Problem of its SourceInfo.
"""

from __future__ import annotations

import gc
import logging
import pickle
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import IO, cast

from oomforensics.analysis.judge import judge
from oomforensics.analysis.model import Judged
from oomforensics.capture import frame
from oomforensics.parsers import reading
from oomforensics.parsers.assemble import assemble
from oomforensics.parsers.bundle.context import ASSUMED, Contexts, path_of
from oomforensics.parsers.bundle.documents import match
from oomforensics.parsers.compressed import Peeked, Readable
from oomforensics.parsers.containers.limits import Limits
from oomforensics.parsers.facts import Incident
from oomforensics.parsers.newest_first import as_numbered
from oomforensics.parsers.opened import HEAD, Opened, expand
from oomforensics.parsers.records import Problem, SourceInfo
from oomforensics.parsers.snapshots import Recorded
from oomforensics.parsers.sources import Source, reason
from oomforensics.parsers.witness_observer import observe
from oomforensics.pipeline.stop import EndsWhenStopped, Stop, Stoppable

MAX_PROBLEMS = 1000  # kept of one log
_SPOOL = frame.MAGIC + bytes([frame.VERSION])  # what one begins with
_HELD_IN_MEMORY = 32 << 20  # bytes of an archive's incidents; more of them go to a temporary file

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """How sources are read. Goes to the worker processes."""

    timezone: tzinfo | None  # of times without one; None: nobody named one
    host: str | None = None
    limits: Limits = field(default_factory=Limits)
    contexts: Contexts = field(default_factory=Contexts)  # of the bundles that lie unpacked on the disk


# What one log held, complete, after the incidents that it shows.
Piece = Judged | Recorded | SourceInfo
Begin = Callable[[SourceInfo], None]  # told which log is being read; the info grows


def collect_nothing() -> None:
    """A batch holds some 100,000 records and rows, none in a cycle: looking through them took a tenth of the time.

    No gc.freeze(): modules frozen are not taken down at exit, and DuckDB then complains on stderr of leaks.
    """
    gc.disable()


def read(source: Source, settings: Settings, stop: Stop, begin: Begin | None = None) -> Iterator[Piece]:
    """What the source shows. Never raises on content."""
    contexts = Contexts(settings.contexts, settings.timezone, settings.host)
    with _Held() as held:
        for opened in expand(_stoppable(source, stop), settings.limits):
            if begin is not None:
                begin(opened.info)
            read_document(opened)
            contexts.add(opened.info)
            found = _recorded(opened, settings) if _is_spool(opened) else _incidents(opened, settings)
            for one in found:
                if isinstance(one, Recorded):
                    yield one
                elif opened.inside:
                    held.add(one)
                else:
                    yield from _judged(one, contexts, opened.info.problems)
            if opened.inside:
                held.add(opened.info)
            else:
                yield from _told(held, contexts, opened.info)


def read_document(opened: Opened) -> None:
    """Notes what the log says as one of the other files of a bundle. It can still be read as a log."""
    found = match(path_of(opened.info.name))
    if found is None or opened.stream is None:
        return
    opened.stream = Peeked(opened.stream, found.document.limit_bytes)
    opened.info.bundle = found.root
    opened.info.items += found.items(opened.stream.head)


def _stoppable(source: Source, stop: Stop) -> Source:
    kind = EndsWhenStopped if source.name == "-" else Stoppable
    return Source(source.name, source.mtime, lambda: kind(source.open(), stop))


def _incidents(opened: Opened, settings: Settings) -> Iterator[Incident]:
    info = opened.info
    records = reading.read(opened, timezone=settings.timezone or ASSUMED, host=settings.host)
    try:
        observed = observe(records, info.name, info.events, info.problems, info.jumps)
        yield from as_numbered(assemble(observed, info.name), info)
    except Exception as error:
        _log.debug("reading %s", info.name, exc_info=True)
        info.problems.append(Problem(info.name, None, f"reading stopped at an unforeseen {_short(error)}"))


def _is_spool(opened: Opened) -> bool:
    return opened.stream is not None and opened.stream.head.startswith(_SPOOL)


def _recorded(opened: Opened, settings: Settings) -> Iterator[Recorded | Incident]:
    """The snapshots of a recording, then what its kernel's log shows."""
    from oomforensics.pipeline.spool import Spool  # which takes longer to load than a log to read

    info = opened.info
    recording = Spool(opened)
    try:
        yield from recording.batches()
        for log in recording.logs:
            log.text.seek(0)
            said = SourceInfo(info.name, events=info.events, problems=info.problems)
            of_boot = replace(settings, host=settings.host or log.segment.host)
            for incident in _incidents(Opened(said, stream=Peeked(cast(Readable, log.text), HEAD)), of_boot):
                log.date(incident)
                yield incident
    except OSError as error:
        info.problems.append(Problem(info.name, None, f"reading stopped: {reason(error)}", "data_loss"))
    finally:
        recording.close()


def _judged(incident: Incident, contexts: Contexts, problems: list[Problem]) -> list[Judged]:
    contexts.complete(incident)
    try:
        return judge([incident])
    except Exception as error:
        _log.debug("judging %s:%d", incident.source, incident.line_start, exc_info=True)
        reason = f"incident not analysed because of an unforeseen {_short(error)}"
        problems.append(Problem(incident.source, incident.line_start, reason))
        return []


def _told(held: _Held, contexts: Contexts, archive: SourceInfo) -> Iterator[Piece]:
    """A file, after what it held as an archive: only now is known what its other members say of its incidents."""
    for item in held.items():
        if isinstance(item, SourceInfo):
            yield _finished(item, contexts)
        else:
            yield from _judged(item, contexts, archive.problems)
    yield _finished(archive, contexts)


def _finished(info: SourceInfo, contexts: Contexts) -> SourceInfo:
    contexts.describe(info)
    dropped = len(info.problems) - MAX_PROBLEMS
    if dropped > 0:
        del info.problems[MAX_PROBLEMS:]
        info.problems.append(Problem(info.name, None, f"{dropped} more problems are not listed", "data_loss"))
    return info


def _short(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


class _Held:
    """Incidents and sources of an archive, in their order; of a large one, in a temporary file."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None

    def __enter__(self) -> _Held:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, item: Incident | SourceInfo) -> None:
        if self._file is None:
            self._file = tempfile.SpooledTemporaryFile(_HELD_IN_MEMORY)  # noqa: SIM115  # closed by __exit__
        pickle.dump(item, self._file, pickle.HIGHEST_PROTOCOL)

    def items(self) -> Iterator[Incident | SourceInfo]:
        if self._file is None:
            return
        self._file.seek(0)
        while True:
            try:
                yield pickle.load(self._file)
            except EOFError:
                return
