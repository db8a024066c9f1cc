"""The documents say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oomforensics.analysis.model import Scope, VerdictWord
from tests.support import finding_docs, table_docs
from tests.support.era_docs import PAGE, page

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


def test_the_page_of_eras_is_the_table_of_eras() -> None:
    assert PAGE.read_text() == page(), "run: python -m tests.support.era_docs"


def test_every_verdict_word_and_scope_is_explained() -> None:
    text = (ROOT / "docs" / "verdicts.md").read_text()
    assert {word.value for word in VerdictWord} <= set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))
    assert all(f"`{scope.value}`" in text for scope in Scope)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_the_page_of_tables_is_the_comments_on_the_views() -> None:
    assert table_docs.PAGE.read_text() == table_docs.page(), "run: python -m tests.support.table_docs"


def test_the_page_of_findings_is_the_catalogue() -> None:
    assert finding_docs.PAGE.read_text() == finding_docs.page(), "run: python -m tests.support.finding_docs"
