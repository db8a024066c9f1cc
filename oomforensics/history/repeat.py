"""A stored selection once more with other inputs: what `what-if` and the library answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from oomforensics.analysis.candidates import Candidate
from oomforensics.analysis.whatif import Selection
from oomforensics.errors import UsageError
from oomforensics.history.selection import Stored
from oomforensics.kernel.badness import OOM_SCORE_ADJ_MAX, OOM_SCORE_ADJ_MIN
from oomforensics.kernel.eras import Era, era_named
from oomforensics.kernel.identify import identify
from oomforensics.parsers.task_rows import TaskRow


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is to be another than it was. A process is named by its pid as text, or by its name: then all of that name."""

    oom_score_adj: Sequence[tuple[str, int]] = ()
    gone: Sequence[str] = ()
    memory_limit_bytes: int | None = None
    swap_bytes: int | None = None
    kernel_release: str | None = None


@dataclass(slots=True)
class Repeated:
    """The selection with these inputs, and what a reader must know of it."""

    stored: Stored
    selection: Selection
    oom_score_adj: dict[int, int]
    gone: list[int]
    caveats: list[str]
    era: str | None = None  # of another kernel
    totalpages: int | None = None  # where a limit, swap or the kernel is another
    totalpages_arithmetic: str | None = None
    order: list[Candidate] = field(default_factory=list)  # of choice

    def saving(self, process: str) -> dict[str, Any]:
        """The smallest change of an oom_score_adj that spares it."""
        pid = self._one(process)
        row = next(row for row in self.selection.table.rows if row.pid == pid)
        needed = self.selection.saving_adj(pid)
        if needed is None:
            return {**named(row), "was_chosen": False}
        others = [(one.row, self.selection.dooming_adj(one.row.pid)) for one in self.selection.order()]
        return {
            **named(row),
            "was_chosen": True,
            "needed_oom_score_adj": needed,
            "instead": first(self.selection.with_adj({pid: needed}).order()),
            "others": [{**named(other), "needed_oom_score_adj": value} for other, value in others if value is not None],
        }

    def _one(self, process: str) -> int:
        """The process to save: of several of that name the one that is chosen."""
        pids = _pids(self.selection.table.rows, process)
        chosen = self.selection.chosen()
        if chosen in pids:
            return chosen
        killed = self.stored.killed.intersection(pids)
        if killed and self.stored.selection.chosen() not in killed:
            raise UsageError(
                f"{process!r} was killed without being the first choice ({self.stored.verdict}): see explain"
            )
        return pids[0]


def repeat(stored: Stored, inputs: Inputs) -> Repeated:
    """Raises UsageError where a process is not there or the answer cannot be told."""
    rows = stored.selection.table.rows
    adjs: dict[int, int] = {}
    for process, value in inputs.oom_score_adj:
        if not OOM_SCORE_ADJ_MIN <= value <= OOM_SCORE_ADJ_MAX:
            raise UsageError(f"oom_score_adj is {OOM_SCORE_ADJ_MIN} to {OOM_SCORE_ADJ_MAX}, not {value}")
        adjs |= dict.fromkeys(_pids(rows, process), value)
    gone = sorted({pid for process in inputs.gone for pid in _pids(rows, process)})
    again = Repeated(stored, stored.selection, adjs, gone, list(stored.caveats))
    if (inputs.memory_limit_bytes, inputs.swap_bytes, inputs.kernel_release) != (None, None, None):
        _elsewhere(again, inputs)
    again.selection = again.selection.with_adj(adjs).without(gone)
    again.order = again.selection.order()
    return again


def allocation_bounds(stored: Stored) -> list[dict[str, Any]]:
    """What would have let the allocation through, at least."""
    return [
        {"what": one.what, "at_least_bytes": one.at_least_bytes, "more": one.is_growth, "reason": one.reason}
        for one in stored.shortage.bounds()
    ]


def named(row: TaskRow) -> dict[str, Any]:
    return {"pid": row.pid, "comm": row.comm, "oom_score_adj": row.oom_score_adj}


def first(order: Sequence[Candidate]) -> dict[str, Any] | None:
    return named(order[0].row) if order else None


def _elsewhere(again: Repeated, inputs: Inputs) -> None:
    """With other sizes, or by another kernel."""
    sizes, selection = again.stored.sizes, again.selection
    sized = [
        None if size is None else size // sizes.page_size for size in (inputs.memory_limit_bytes, inputs.swap_bytes)
    ]
    again.caveats.append("Resident sizes stay as the report prints them.")
    try:
        if inputs.kernel_release is None:
            total, arithmetic = sizes.total(era_named(again.stored.era), *sized)
            readings = [selection.under(total)]
        else:
            era, notes = _era(inputs.kernel_release)
            total, arithmetic = sizes.total(era, *sized)
            readings = selection.on(era, total, is_memcg=sizes.is_memcg)
            again.era = era.name
            again.caveats += notes
            if era.page_tables is not selection.hypothesis.era.page_tables:
                again.caveats.append(
                    "Page tables are counted as this report prints them: off by a few pages for that kernel."
                )
    except ValueError as reason:
        raise UsageError(f"cannot be told: {reason}") from None
    again.totalpages, again.totalpages_arithmetic = total, arithmetic
    again.selection = readings[0]
    for other in readings[1:]:
        if other.chosen() != again.selection.chosen():
            again.caveats.append(f"If {other.hypothesis.label}, the first choice would be pid {other.chosen()}.")


def _era(release: str) -> tuple[Era, list[str]]:
    found = identify(frozenset(), release)
    if found.era is None:
        raise UsageError(f"kernel {release!r}: {'; '.join(found.evidence)}")
    return found.era, [f"{found.unverified[0].upper()}{found.unverified[1:]}."] if found.unverified else []


def _pids(rows: Sequence[TaskRow], process: str) -> list[int]:
    """The candidates that `process` means: a pid, or else all of that name."""
    found = [row.pid for row in rows if str(row.pid) == process] or [row.pid for row in rows if row.comm == process]
    if not found:
        raise UsageError(f"no candidate {process!r} in this incident's task table")
    return found
