"""Samples of processes, joined by (pid, starttime), as series of each process and of all that have something in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from oomforensics.analysis.growth.series import Kind, Series

if TYPE_CHECKING:
    import pandas as pd

PROCESS = ["pid", "starttime"]  # a pid comes again, the two together do not
GROUPS = {Kind.COMMAND: "comm", Kind.UNIT: "unit", Kind.CGROUP: "cgroup", Kind.USER: "uid"}
_KEPT = 10  # series of each kind that grew most
_MOST_BYTES = 1 << 62  # of a sum: more fits into no column
_LARGEST = 5  # processes that had most at the end


class Member(NamedTuple):
    kind: Kind
    who: str
    series: Series
    processes: int
    pid: int | None = None
    ended: bool = False
    everybody: bool = False  # it adds all processes up


class Members:
    """`looks_s`: when somebody looked, rising. `samples`: `look` (its place there), pid, starttime, used_bytes.

    `processes`: pid, starttime, comm, uid, cgroup, unit, and `older`: it was born before the first look, and what it had when
    it came into sight is nothing that it gained.
    """

    def __init__(self, looks_s: Sequence[float], samples: pd.DataFrame, processes: pd.DataFrame) -> None:
        self._looks_s = tuple(looks_s)
        self._who: Any = processes.set_index(PROCESS).sort_index()
        used: Any = samples.pivot(index=PROCESS, columns="look", values="used_bytes").reindex(
            columns=range(len(looks_s))
        )
        # A recorder that has not time for all leaves some out of a look: they are still there if they are seen again.
        there = used.ffill(axis=1).notna() & used.bfill(axis=1).notna()
        used = used.ffill(axis=1).where(there)
        older = self._who["older"].reindex(used.index, fill_value=False)
        self._used = used.where(~older, used.bfill(axis=1), axis=0)

    @cached_property
    def gained_bytes(self) -> int:
        """What the processes that were there at the end had gained, each for itself."""
        gained = self._gained(self._used)[self._used.iloc[:, -1].notna()]
        return int(gained.clip(lower=0).sum())

    def notable(self, least_bytes: float) -> Iterator[Member]:
        """Those that grew by `least_bytes`, the most first, and the largest processes."""
        gained = self._gained(self._used)
        shown = list(gained[gained >= max(least_bytes, 1)].nlargest(_KEPT).index)
        shown += [one for one in self._used.iloc[:, -1].nlargest(_LARGEST).index if one not in shown]
        for process in shown:
            yield self._process(process)
        everybody = len(self._used)
        for kind, column in GROUPS.items():
            labels = self._who[column].reindex(self._used.index)
            sums = self._used.fillna(0).groupby(labels).sum()
            sizes = labels.value_counts()
            gained = self._gained(sums)
            for label in gained[gained >= max(least_bytes, 1)].nlargest(_KEPT).index:
                who = f"uid {int(label)}" if kind == Kind.USER else str(label)
                count = int(sizes[label])
                yield Member(kind, who, self._series(sums.loc[label], 0), count, everybody=count == everybody)

    def _gained(self, used: Any) -> Any:
        """Of one that ended: what it had gained at its most."""
        last = used.iloc[:, -1]
        return last.where(last.notna(), used.max(axis=1)) - used.iloc[:, 0].fillna(0)

    def _process(self, process: tuple[int, int]) -> Member:
        values = self._used.loc[process]
        first, last = values.first_valid_index(), values.last_valid_index()
        assert first is not None and last is not None
        born = [0] if first > 0 else []
        series = self._series([*born, *values.loc[first:last]], int(first) - len(born))
        comm = self._who["comm"].get(process)
        name = comm if isinstance(comm, str) and comm else "(no name)"
        pid = int(process[0])
        return Member(Kind.PROCESS, f"{name} (pid {pid})", series, 1, pid, ended=int(last) < len(self._looks_s) - 1)

    def _series(self, values: Sequence[float], first: int) -> Series:
        used = tuple(min(int(value), _MOST_BYTES) for value in values)
        return Series(self._looks_s[first : first + len(used)], used)
