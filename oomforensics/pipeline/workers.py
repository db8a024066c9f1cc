"""Files read by several processes. What they find comes back in the order of the files, a few ahead."""

from __future__ import annotations

import os
import pickle
import signal
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import NamedTuple

from oomforensics.parsers.records import Problem, SourceInfo
from oomforensics.parsers.sources import Source, iter_sources
from oomforensics.pipeline.read import Piece, Settings, collect_nothing, read
from oomforensics.pipeline.stop import Stop

_TASK_FILES = 32  # at most in one task; a task has its cost
_WAIT_S = 0.5
_TASK_BYTES = 8 << 20  # and no further file once it has these


class _Task(NamedTuple):
    names: tuple[str, ...]
    results: str  # file that the process writes to


class Workers:
    """Reads files in `jobs` processes. Started before the database is open: a child would inherit its lock."""

    def __init__(self, jobs: int, found: Sequence[Source | Problem], settings: Settings, stop: Stop) -> None:
        self._stop = stop
        self._folder = tempfile.TemporaryDirectory(prefix="oomforensics-")
        self._settings = settings
        self._ahead = 2 * jobs
        tasks = _tasks(found, Path(self._folder.name))
        self._task_of = {name: task for task in tasks for name in task.names}
        self._waiting = iter(tasks)
        self._running: dict[_Task, Future[None]] = {}
        self._pool = ProcessPoolExecutor(min(jobs, max(len(tasks), 1)), get_context("spawn"), _begin)
        self._top_up()

    def pieces(self, source: Source) -> Iterator[Piece] | None:
        """What this file shows and the others of its task; nothing if that was told before. None: it is not read here."""
        task = self._task_of.get(source.name)
        return None if task is None else self._results(task)

    def _results(self, task: _Task) -> Iterator[Piece]:
        future = self._running.pop(task, None)
        if future is None:
            return
        try:
            self._wait(future)
        except BrokenProcessPool:
            for name in task.names:
                reason = "the process that read it died; try again with --jobs 1"
                yield SourceInfo(name, problems=[Problem(name, None, reason)])
            return
        self._top_up()
        yield from _unpickled(Path(task.results))

    def _wait(self, future: Future[None]) -> None:
        """Ctrl-C at a terminal reaches all processes, a signal sent to one does not: it is passed on."""
        while True:
            try:
                return future.result(_WAIT_S)
            except TimeoutError:
                if self._stop.requested:
                    self._interrupt()

    def _interrupt(self) -> None:
        for child in active_children():
            if child.pid is not None:
                os.kill(child.pid, signal.SIGINT)

    def stop(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._folder.cleanup()

    def _top_up(self) -> None:
        if self._stop.requested:
            return
        for task in islice(self._waiting, self._ahead - len(self._running)):
            try:
                self._running[task] = self._pool.submit(_read_files, task, self._settings)
            except BrokenProcessPool as error:
                self._running[task] = Future()
                self._running[task].set_exception(error)


def _tasks(found: Sequence[Source | Problem], folder: Path) -> list[_Task]:
    tasks: list[_Task] = []
    names: list[str] = []
    size = 0
    for name in dict.fromkeys(item.name for item in found if isinstance(item, Source)):
        if not Path(name).is_file():
            continue
        names.append(name)
        size += Path(name).stat().st_size
        if len(names) >= _TASK_FILES or size >= _TASK_BYTES:
            tasks.append(_Task(tuple(names), str(folder / str(len(tasks)))))
            names, size = [], 0
    if names:
        tasks.append(_Task(tuple(names), str(folder / str(len(tasks)))))
    return tasks


_stop = Stop()  # of a worker process


def _begin() -> None:
    collect_nothing()
    signal.signal(signal.SIGINT, _interrupted)


def _interrupted(number: int, frame: object) -> None:
    if not _stop.requested:  # once from the terminal and once from the parent: only the first counts
        _stop.handle(number, None)


def _read_files(task: _Task, settings: Settings) -> None:
    """In a worker process."""
    with Path(task.results).open("wb") as file:
        for name in task.names:
            if _stop.requested:
                return
            for item in iter_sources([name]):
                if isinstance(item, Problem):  # it vanished since it was listed
                    pickle.dump(SourceInfo(name, problems=[item]), file, pickle.HIGHEST_PROTOCOL)
                else:
                    for piece in read(item, settings, _stop):
                        pickle.dump(piece, file, pickle.HIGHEST_PROTOCOL)


def _unpickled(path: Path) -> Iterator[Piece]:
    with path.open("rb") as file:
        while True:
            try:
                yield pickle.load(file)
            except EOFError:
                break
    path.unlink()
