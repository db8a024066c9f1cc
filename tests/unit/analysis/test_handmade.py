"""The hand-made reports of every documented format: read whole, victim explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from oomforensics.analysis.model import VerdictWord
from tests.support.handmade import FOLDER, SCORE, VICTIM, logs
from tests.support.logs import judged

# The heuristic before 2.6.36 and tables without swapents and nr_ptes leave the score open, but not the victim.
LEGACY = ("2.6.32-", "2.6.34-")


def test_the_files_are_what_the_printer_makes() -> None:
    assert {path.name: path.read_text() for path in FOLDER.glob("*.log")} == logs()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.log")), ids=lambda path: path.name)
def test_the_victim_is_explained(path: Path) -> None:
    (result,) = judged(path.read_bytes().splitlines())
    assert result.complete
    assert (result.victim_pid, result.victim_comm) == (VICTIM.pid, VICTIM.comm)
    if path.name.startswith(LEGACY):
        assert result.verdict.word is VerdictWord.INSUFFICIENT_DATA
        return
    assert result.verdict.word in (VerdictWord.HIGHEST_BADNESS, VerdictWord.INSUFFICIENT_DATA)
    if result.recomputed_score is not None and result.printed_score is not None and path.name.endswith("global.log"):
        assert abs(result.recomputed_score - SCORE) <= 1, "PMD tables are counted by some eras only"
    if result.era.certain and result.candidates[0].row.swapents_pages is not None:
        assert result.verdict.word is VerdictWord.HIGHEST_BADNESS
