"""A history as programs and notebooks use it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd
from plotly import graph_objects

from oomforensics.errors import HistoryError, UsageError
from oomforensics.history.lookup import Filter, all_ids, incidents, resolve
from oomforensics.history.schema import Connection
from oomforensics.history.shipped import shipped
from oomforensics.history.store import default_path, open_read, open_write
from oomforensics.ingest import IngestResult, ingest
from oomforensics.library import notebook
from oomforensics.library.frame import frame
from oomforensics.library.incident import Incident
from oomforensics.reports import dashboard
from oomforensics.reports.overview import overview

_SHOWN = 10  # incidents in a notebook


def open_history(path: str | Path | None = None, *, create: bool = False) -> History:
    """The history at `path`; None: the one that the command uses. Raises HistoryError where there is none.

    `create`: make an empty one where there is none. It is read only, but for `History.ingest`. A history that an older
    version made is brought up to date.
    """
    history = History(default_path() if path is None else Path(path))
    if create and (not history.path.exists() or history.path.stat().st_size == 0):
        with open_write(history.path):
            pass
    len(history)
    return history


def read_logs(*paths: str | Path, timezone: tzinfo | None = None, host: str | None = None, jobs: int = 1) -> History:
    """What these logs, folders, archives and bundles hold, in a history that is gone when it is closed."""
    folder = tempfile.TemporaryDirectory(prefix="oomforensics-")
    history = History(Path(folder.name) / "history.duckdb", folder)
    try:
        history.ingest(*paths, timezone=timezone, host=host, jobs=jobs)
    except BaseException:
        history.close()
        raise
    return history


class History:
    """Incidents, and all that is known of them. Made by `open_history` or `read_logs`; closed by `with` or `close`.

    Times are UTC. In a DataFrame, unknown is NA, never 0.
    """

    def __init__(self, path: Path, folder: tempfile.TemporaryDirectory[str] | None = None) -> None:
        self.path = path
        self._folder = folder
        self._opened = ExitStack()
        self._reading: Connection | None = None
        self._closed = False

    # -- open and closed ---------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let others write it. What `read_logs` made is removed. It cannot be used any more."""
        self._rest()
        self._closed = True
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def connection(self) -> Connection:
        """DuckDB's, for reading. It reaches no file but this history, and knows the macros of docs/tables.md."""
        if self._closed:
            raise HistoryError("this history is closed")
        if self._reading is None:
            self._reading = self._opened.enter_context(open_read(self.path, locked=True))
        return self._reading

    def _rest(self) -> None:
        """Nobody else can write while it is open for reading."""
        self._reading = None
        self._opened.close()

    def ingest(
        self, *paths: str | Path, timezone: tzinfo | None = None, host: str | None = None, jobs: int = 1
    ) -> IngestResult:
        """Read logs, folders, archives, bundles and recordings into it. What it knows already changes nothing.

        `timezone`: of times without one; None: that of the bundle's host where it says so, else UTC. `host`: of logs that
        name none. The result counts what was new, and `result.sources` has the problems of each file.
        """
        if self._closed:
            raise HistoryError("this history is closed")
        self._rest()
        return ingest([str(path) for path in paths], db=self.path, timezone=timezone, host=host, jobs=jobs)

    # -- incidents -----------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        ((count,),) = self.connection.execute("SELECT count(*) FROM incidents").fetchall()
        return int(count)

    def __iter__(self) -> Iterator[Incident]:
        """Newest first."""
        return (Incident(self, incident_id) for incident_id in all_ids(self.connection))

    def incident(self, name: str = "latest") -> Incident:
        """By its id, the beginning of it, or `latest`. Raises UsageError where it is none, or more than one."""
        return Incident(self, resolve(self.connection, name))

    def incidents(
        self,
        *,
        host: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        victim: str | int | None = None,
        cgroup: str | None = None,
        scope: str | None = None,
    ) -> pd.DataFrame:
        """Rows of the view `incidents`, newest first.

        `host`: its name or first label. `since`, `until`: a moment, or ISO 8601; UTC where it names no zone. `victim`: pid,
        or part of the name, of any process killed. `cgroup`: part of a control group's path.
        """
        wanted = Filter(host, _us(since), _us(until), None if victim is None else str(victim), cgroup, scope)
        ids = [one.incident_id for one in incidents(self.connection, wanted)]
        rows = frame(self.connection, "FROM incidents WHERE list_contains(?, incident_id)", [ids])
        return rows.set_index("incident_id").loc[ids].reset_index()

    # -- everything else -------------------------------------------------------------------------------------------------------

    def views(self) -> dict[str, str]:
        """What can be asked for: name and meaning."""
        sql = "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal AND comment IS NOT NULL ORDER BY view_name"
        return dict(self.connection.execute(sql).fetchall())

    def view(self, name: str) -> pd.DataFrame:
        """All rows of a view. Raises UsageError where there is none of that name."""
        return frame(self.connection, f'FROM "{self._checked(name)}"')

    def _checked(self, name: str) -> str:
        views = self.views()
        if name not in views:
            raise UsageError(f"no view {name!r}; there are {', '.join(views)}")
        return name

    def sql(self, query: str, **parameters: Any) -> pd.DataFrame:
        """The answer to SQL of DuckDB's kind; `$name` in it is the parameter `name`. Raises UsageError, in one line."""
        return frame(self.connection, query, parameters)

    def queries(self) -> dict[str, str]:
        """The shipped queries: name and question."""
        return {name: one.title for name, one in shipped().items()}

    def run(self, name: str, **parameters: Any) -> pd.DataFrame:
        """The answer to a shipped query; docs/queries.md has their parameters and columns."""
        if name not in shipped():
            raise UsageError(f"no shipped query {name!r}; there are {', '.join(shipped())}")
        values = shipped()[name].values({key: str(value) for key, value in parameters.items()})
        return frame(self.connection, shipped()[name].sql, values)

    def figures(self) -> dict[str, graph_objects.Figure]:
        """What the dashboard draws: kills over time by `hosts`, `units`, `mechanisms`; `players`: who was killed, who largest."""
        drawn = dashboard.charts(overview(self.connection))
        return {name: graph_objects.Figure(figure) for name, figure in drawn.items()}

    def to_html(self) -> str:
        """The dashboard of `report --history`: a page that needs no network."""
        return dashboard.html(self.connection)

    def __repr__(self) -> str:
        return (
            f"<History {str(self.path)!r}, closed>"
            if self._closed
            else f"<History {str(self.path)!r}, {len(self)} incidents>"
        )

    def _repr_html_(self) -> str:
        if self._closed:
            return notebook.paragraph(repr(self))
        newest = incidents(self.connection, Filter())[:_SHOWN]
        return notebook.history(str(self.path), len(self), newest)


def _us(moment: datetime | str | None) -> int | None:
    """Microseconds since 1970, UTC."""
    if moment is None:
        return None
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            raise UsageError(f"{moment!r} is no moment: 2026-05-01, 2026-05-01T10:00:00+02:00") from None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
