"""What is fuzzed, and from which seeds."""

from __future__ import annotations

import io
import logging
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC

import duckdb

from oomforensics.analysis.judge import judge
from oomforensics.analysis.model import Judged
from oomforensics.history import macros
from oomforensics.history.save import save
from oomforensics.history.schema import migrate
from oomforensics.parsers.bundle.documents import DOCUMENTS
from oomforensics.parsers.cgroup_identity import identify
from oomforensics.parsers.containers.limits import Limits
from oomforensics.parsers.records import SourceInfo
from oomforensics.parsers.sources import Source, Stream
from oomforensics.pipeline.read import Piece, Settings, read
from oomforensics.pipeline.stop import Stop
from oomforensics.reports import jsonreport, markdown, text
from tests.fuzz import seeds
from tests.fuzz.damage import archive_sums
from tests.support.logs import incidents

_SETTINGS = Settings(UTC, None, Limits(unpacked_bytes=8 << 20, spooled_bytes=8 << 20, members=1000))
_STOP = Stop()
_RUNS_A_HISTORY = 100  # it grows


@dataclass(frozen=True)
class Target:
    """`repair`: makes checksums right again, in every second input. `share`: of the executions; some take longer."""

    seeds: Callable[[], Sequence[bytes]]
    run: Callable[[bytes], None]
    repair: Callable[[bytes], bytes] | None = None
    share: float = 1.0


class _Raises(logging.Handler):
    """The pipeline turns an exception that nobody foresaw into a problem of the log: here it counts as one."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            raise record.exc_info[1]


@contextmanager
def nothing_swallowed() -> Iterator[None]:
    log, handler = logging.getLogger("oomforensics"), _Raises()
    before = log.level
    log.setLevel(logging.DEBUG)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


class _Pipe:
    """A stream that can only be read on."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def readinto(self, buffer: memoryview, /) -> int:
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()


def pieces(data: bytes) -> list[Piece]:
    """Through the whole pipeline, as a file whose kind its bytes say, or as a pipe."""
    if zlib.crc32(data) % 4 == 0:
        return list(read(Source("-", None, lambda: _Pipe(data)), _SETTINGS, _STOP))
    descriptor = os.memfd_create("fuzz")
    try:
        os.write(descriptor, data)
        return list(read(Source("fuzz", None, lambda: _again(descriptor)), _SETTINGS, _STOP))
    finally:
        os.close(descriptor)


def _again(descriptor: int) -> Stream:
    return io.FileIO(f"/proc/self/fd/{descriptor}", "rb")


def _ingested(data: bytes) -> None:
    pieces(data)


def _judged(data: bytes) -> None:
    """Grammar and verdict, of all lines as they stand."""
    judge(incidents(data.split(b"\n")))


def _documents(data: bytes) -> None:
    """Every kind of document may hold the bytes of any other."""
    said = data.decode("utf-8", "replace")
    for document in DOCUMENTS:
        for _ in document.parse(said, "memory.events"):
            pass


def _identity(data: bytes) -> None:
    identify(data.decode("utf-8", "replace"))


class _History:
    """What comes out of the pipeline is stored, and shown."""

    def __init__(self) -> None:
        self._con: duckdb.DuckDBPyConnection | None = None
        self._runs = 0

    def __call__(self, data: bytes) -> None:
        found = pieces(data)
        judged = [one for one in found if isinstance(one, Judged)]
        con = self._connection()
        save(con, judged, [one for one in found if isinstance(one, SourceInfo)])
        ids = [
            key for (key,) in con.execute("SELECT incident_id FROM incidents ORDER BY source, line_start").fetchall()
        ]
        for key in ids[:2]:
            text.explain(con, key, 80)
        markdown.render(con, ids[:2])
        jsonreport.render(con, ids[:2])
        con.execute("SELECT * FROM memory_events").fetchall()
        con.execute(
            "DELETE FROM t_incident_sources; DELETE FROM t_kill_keys; DELETE FROM t_incidents; DELETE FROM t_memory_events"
        )

    def _connection(self) -> duckdb.DuckDBPyConnection:
        if self._con is None or self._runs % _RUNS_A_HISTORY == 0:
            if self._con is not None:
                self._con.close()
            self._con = duckdb.connect(":memory:", config={"threads": 1})
            self._con.execute("SET TimeZone = 'UTC'")
            migrate(self._con)
            macros.make(self._con)
        self._runs += 1
        return self._con


def _all_logs() -> Sequence[bytes]:
    return [*seeds.logs(), *seeds.reports(), *seeds.witnesses(), *seeds.exports()]


TARGETS: dict[str, Target] = {
    "framings": Target(seeds.logs, _ingested),
    "journal export": Target(seeds.exports, _ingested),
    "grammar": Target(seeds.reports, _judged),
    "witnesses": Target(seeds.witnesses, _ingested),
    "streams": Target(seeds.streams, _ingested),
    "archives": Target(seeds.archives, _ingested, archive_sums),
    "journal": Target(seeds.journals, _ingested),
    "documents": Target(seeds.documents, _documents, share=0.5),
    "identity": Target(seeds.cgroups, _identity, share=0.5),
    "history": Target(_all_logs, _History(), share=0.02),
}
