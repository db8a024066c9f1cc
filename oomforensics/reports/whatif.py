"""The section of the HTML report in which the reader repeats the selection with other inputs.

The page does the sums itself (assets/whatif.js); a browser test holds them to the Python model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oomforensics.errors import UsageError
from oomforensics.history.selection import Inputs, inputs_of, selection_of
from oomforensics.reports import headline, words
from oomforensics.reports.escape import visible
from oomforensics.reports.load import CandidateRow, Connection, IncidentPage

_STATIC_ROWS = 10


@dataclass(frozen=True)
class WhatIf:
    """`model` is what the page's script works on; the rest is shown without it, too."""

    model: dict[str, Any]
    era: str
    first: str
    saved: str | None
    rows: list[CandidateRow]  # in the order of choice
    caveats: tuple[str, ...]


def what_if(con: Connection, page: IncidentPage) -> WhatIf | str:
    """The section's content, or why there is none."""
    try:
        stored = selection_of(con, page.incident_id)
        inputs = inputs_of(stored.selection)
    except UsageError as error:
        return str(error)
    names = [headline.process(inputs.comms[at], inputs.pids[at]) for at in inputs.order[:2]]
    return WhatIf(
        model={**model(inputs), "killed": [str(pid) for pid in sorted(stored.killed)]},
        era=stored.era,
        first=f"The kernel's first choice is {names[0]}." if names else "No process could be chosen.",
        saved=_saved(names, inputs.saving_adj),
        rows=[page.candidates[position] for position in inputs.order[:_STATIC_ROWS]],
        caveats=stored.caveats,
    )


def model(inputs: Inputs) -> dict[str, Any]:
    """For `selection` of assets/whatif.js. Numbers without a bound are text: JSON's lose digits from 2^53 in a browser."""
    return {
        "score": inputs.score,
        "root": inputs.root,
        "tie": inputs.tie,
        "totalpages": str(inputs.totalpages),
        "pid": [str(pid) for pid in inputs.pids],
        "comm": [visible(comm) for comm in inputs.comms],
        "adj": inputs.adjs,
        "charge": [str(pages) for pages in inputs.charges],
        "uid0": inputs.uid_0,
        "barred": inputs.barred,
        "words": {reason: words.ineligible(reason) for reason in words.INELIGIBLE},
    }


def _saved(names: list[str], adj: int | None) -> str | None:
    if adj is None:
        return None
    then = f"the first choice would then have been {names[1]}" if len(names) > 1 else "no process could then be chosen"
    return f"{names[0]} would have been spared with oom_score_adj {adj} or less; {then}."
