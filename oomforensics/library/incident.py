"""One incident as programs and notebooks use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd
from plotly import graph_objects

from oomforensics.errors import UsageError
from oomforensics.history.repeat import Inputs, Repeated, allocation_bounds, first, repeat
from oomforensics.history.selection import selection_of
from oomforensics.library import notebook
from oomforensics.library.frame import frame
from oomforensics.reports import headline, html, jsonreport, markdown, pictures, text
from oomforensics.reports.load import IncidentPage, load

if TYPE_CHECKING:
    from oomforensics.library.history import History

_ORDERED = {
    "candidates": "table_order",
    "kills": "line",
    "report_lines": "seq",
    "memory_events": "ts NULLS LAST, source, line",
}
_WIDTH = 100  # columns of a terminal report


@dataclass(frozen=True, slots=True)
class Process:
    """A candidate as a selection names it."""

    pid: int
    comm: str | None
    oom_score_adj: int | None


class WhatIf:
    """The kernel's selection with other inputs.

    `chosen`, and `chosen_before` without them: pid, comm and oom_score_adj of the first choice; None where there was none.
    `totalpages` and `era`: what it was made with. `caveats`: what a reader must know of it.
    """

    def __init__(self, again: Repeated) -> None:
        self._again = again
        self.chosen_before = _process(first(again.stored.selection.order()))
        self.chosen = _process(first(again.order))
        self.totalpages = again.stored.totalpages if again.totalpages is None else again.totalpages
        self.era = again.stored.era if again.era is None else again.era
        self.caveats = tuple(again.caveats)

    @property
    def order(self) -> pd.DataFrame:
        """Who would be chosen, in the order of choice: rank, pid, comm, oom_score_adj, badness (pages; permille before 3.5)."""
        rows = [
            (one.rank, one.row.pid, one.row.comm, one.row.oom_score_adj, one.badness_pages) for one in self._again.order
        ]
        kinds = {"rank": "Int64", "pid": "Int64", "comm": "string", "oom_score_adj": "Int64", "badness": "Int64"}
        return pd.DataFrame(rows, columns=list(kinds)).astype(kinds)

    def saving(self, process: int | str) -> dict[str, Any]:
        """The smallest change of an oom_score_adj, its own or another's, that spares it; a pid, or a name."""
        return self._again.saving(str(process))

    def __repr__(self) -> str:
        return f"<WhatIf: {notebook.name(self.chosen)} instead of {notebook.name(self.chosen_before)}>"

    def _repr_html_(self) -> str:
        return notebook.what_if(self.chosen_before, self.chosen, self.order, self.caveats)


class Incident:
    """One run of the kernel's OOM killer. Made by `History.incident` or by iterating over a history.

    What it returns is read anew from the history, but for what is asked for as an attribute: that is read once.
    """

    def __init__(self, history: History, incident_id: str) -> None:
        self._history = history
        self.id = incident_id

    @cached_property
    def _page(self) -> IncidentPage:
        return load(self._history.connection, self.id)

    @cached_property
    def facts(self) -> pd.Series[Any]:
        """Its row of the view `incidents`."""
        return self._history.sql("FROM incidents WHERE incident_id = $id", id=self.id).iloc[0].rename(self.id)

    @property
    def verdict(self) -> str:
        """Why the victim was chosen, in one word of docs/verdicts.md."""
        return self._page.verdict

    @property
    def verdict_text(self) -> str:
        """The same in a sentence."""
        return self._page.verdict_text

    @property
    def proof(self) -> list[str]:
        """The arithmetic of the verdict, line by line."""
        return list(self._page.proof)

    @property
    def caveats(self) -> list[str]:
        """What was assumed, what was lost, and what would change the answer."""
        return list(self._page.caveats)

    @property
    def sentence(self) -> str:
        """Who died, when, where, and what ran out. Names are as the log has them: escape it before you put it into HTML."""
        return headline.sentence(self._page)

    # -- tables ------------------------------------------------------------------------------------------------------------

    def candidates(self) -> pd.DataFrame:
        """The kernel's task table with each process's badness and rank, in the order of the table."""
        return self.view("candidates")

    def kills(self) -> pd.DataFrame:
        """Who was killed, with the sizes that the kill line prints."""
        return self.view("kills")

    def events(self) -> pd.DataFrame:
        """What others say of it: `memory_events` that belong to it."""
        return self.view("memory_events")

    def lines(self) -> pd.DataFrame:
        """The raw lines of the report."""
        return self.view("report_lines")

    def findings(self) -> pd.DataFrame:
        """What is worth knowing beyond the verdict, with evidence and advice."""
        return self.view("findings")

    def balance(self) -> pd.DataFrame:
        """Where the memory was: a tree of parts, by `node` and `parent`, that sums to RAM or to the limit."""
        return self.view("memory_balance")

    def allocation(self) -> pd.DataFrame:
        """Why the allocation failed: each zone with what was free and what was needed. `view("allocations")` sums it up."""
        return self.view("allocation_zones")

    def growth(self) -> pd.DataFrame:
        """Who grew before it, by a recording or by earlier reports of the same boot; `view("growth_verdicts")` sums it up."""
        return self.view("growth")

    def view(self, name: str) -> pd.DataFrame:
        """Its rows of any view that has an `incident_id`; History.views() names them. Raises UsageError for another."""
        con = self._history.connection
        known = con.execute(
            "SELECT 1 FROM duckdb_columns() WHERE table_name = ? AND column_name = 'incident_id'"
            " AND table_name IN (SELECT view_name FROM duckdb_views() WHERE comment IS NOT NULL)", [name]
        ).fetchall()  # fmt: skip
        if not known:
            raise UsageError(f"no view {name!r} with a column incident_id; History.views() lists all")
        order = f" ORDER BY {_ORDERED[name]}" if name in _ORDERED else ""
        return frame(con, f'FROM "{name}" WHERE incident_id = ?{order}', [self.id])

    # -- questions ---------------------------------------------------------------------------------------------------------

    def what_if(
        self,
        *,
        oom_score_adj: Mapping[int | str, int] | None = None,
        gone: Sequence[int | str] = (),
        memory_limit_bytes: int | None = None,
        swap_bytes: int | None = None,
        kernel: str | None = None,
    ) -> WhatIf:
        """The selection again. A process is named by its pid, or by its name: then all of that name.

        `gone`: without these. `swap_bytes`: of the machine, or allowed to the control group. `kernel`: as a kernel of that
        release would choose. Raises UsageError, with the reason, where the selection cannot be repeated exactly.
        """
        stored = selection_of(self._history.connection, self.id)
        adjs = [(str(process), value) for process, value in (oom_score_adj or {}).items()]
        inputs = Inputs(adjs, [str(process) for process in gone], memory_limit_bytes, swap_bytes, kernel)
        return WhatIf(repeat(stored, inputs))

    def needed(self) -> list[dict[str, Any]]:
        """What would have let the allocation through, at least: `what`, `at_least_bytes`, `more`, `reason`. A lower bound."""
        return allocation_bounds(selection_of(self._history.connection, self.id))

    # -- for people --------------------------------------------------------------------------------------------------------

    def figures(self) -> dict[str, graph_objects.Figure]:
        """`ranking`: what each process used and its badness. `balance`: where the memory was. `timeline`: what happened when."""
        return {name: graph_objects.Figure(figure) for name, figure in pictures.figures_of(self._page).items()}

    def explain(self) -> str:
        """As `oomforensics explain` prints it."""
        return text.explain(self._history.connection, self.id, _WIDTH)

    def to_html(self) -> str:
        """The report as one page that needs no network."""
        return html.render(self._history.connection, [self.id])

    def to_markdown(self) -> str:
        """The report for a ticket."""
        return markdown.render(self._history.connection, [self.id])

    def to_json(self) -> str:
        """The report for a program."""
        return jsonreport.render(self._history.connection, [self.id])

    def __repr__(self) -> str:
        return f"<Incident {self.id}: {self.verdict}>"

    def _repr_html_(self) -> str:
        return notebook.incident(self._page)


def _process(one: Mapping[str, Any] | None) -> Process | None:
    return None if one is None else Process(one["pid"], one["comm"], one["oom_score_adj"])
