"""The score that kernels 2.6.36 to 5.0 print with their choice: an oracle for kernels that cannot be booted any more."""

from __future__ import annotations

from collections import Counter

import pytest

from oomforensics.analysis.candidates import Candidate
from oomforensics.analysis.model import Judged
from oomforensics.kernel.badness import points
from oomforensics.kernel.eras import era_named
from tests.support.logs import judged
from tests.support.samples import CORPUS, corpus_logs


def scored() -> list[tuple[str, Judged, Candidate, int]]:
    """Field reports that print a score and still have the chosen process's row, and the memory that it is a share of."""
    found = []
    for path in corpus_logs():
        for one in judged(path.read_bytes().split(b"\n")):
            selected = one.incident.selected
            if selected is None or selected.score is None or one.totalpages.pages is None:
                continue
            rows = [candidate for candidate in one.candidates if candidate.row.pid == selected.pid]
            found += [(path.name, one, candidate, selected.score) for candidate in rows[:1]]
    return found


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the field reports do not stand beside the project")
def test_every_score_that_a_field_report_prints_is_reproduced() -> None:
    ways: Counter[str] = Counter()
    for name, one, candidate, printed in scored():
        assert one.era.name is not None
        assert one.totalpages.pages is not None
        era, total = era_named(one.era.name), one.totalpages.pages
        if candidate.badness_pages is not None:
            # A cgroup's report lacks the machine's swap; then the printed score is what the total was found by.
            ways["exact" if one.totalpages.exact else "used"] += 1
            assert candidate.points == printed, name
            assert one.recomputed_score == printed, name
            continue
        # A column that this kernel counts is not in its table: the least and the most it can have been.
        ways["interval"] += 1
        assert one.recomputed_score is None
        low, high = (
            None if bound is None else points(era, bound, total)
            for bound in (candidate.badness_min, candidate.badness_max)
        )
        assert low is not None
        assert low <= printed, f"{name}: {low}..{high}, printed {printed}"
        assert high is None or printed <= high, f"{name}: {low}..{high}, printed {printed}"
    assert ways["exact"] >= 3
    assert ways["interval"] >= 8
