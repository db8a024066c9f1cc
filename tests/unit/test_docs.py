"""The documents say what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oomforensics.analysis.allocation import Cause
from oomforensics.analysis.balance import Node, balance
from oomforensics.analysis.model import Scope, VerdictWord
from oomforensics.analysis.scene import Scene
from oomforensics.cli.main import app
from oomforensics.reports.memory import CAUSES
from tests.support import api_docs, command_docs, executed_docs, finding_docs, table_docs
from tests.support.era_docs import PAGE, page
from tests.support.scenes import of_kernels

_WHOLES = ("ram", "limit", "usage")
ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


def test_the_page_of_eras_is_the_table_of_eras() -> None:
    assert PAGE.read_text() == page(), "run: python -m tests.support.era_docs"


def test_every_verdict_word_and_scope_is_explained() -> None:
    text = (ROOT / "docs" / "verdicts.md").read_text()
    assert {word.value for word in VerdictWord} <= set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))
    assert all(f"`{scope.value}`" in text for scope in Scope)


def test_every_cause_of_a_failed_allocation_and_every_part_of_the_balance_is_explained() -> None:
    text = (ROOT / "docs" / "memory.md").read_text()
    rows = set(re.findall(r"`(\w+)`", "\n".join(line for line in text.splitlines() if line.startswith("|"))))
    assert {cause.value for cause in Cause} <= rows
    assert set(CAUSES) == {cause.value for cause in Cause}
    top = {
        node.node
        for scenes in of_kernels().values()
        for node in nodes_of_balance(scenes[0])
        if node.parent in (None, *_WHOLES)
    }
    assert len(top) > 12
    assert top - {"swap_free", "swap_tasks", "swap_other"} <= rows


def nodes_of_balance(scene: Scene) -> tuple[Node, ...]:
    found = balance(scene)
    return found.nodes if found is not None else ()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_the_page_of_tables_is_the_comments_on_the_views() -> None:
    assert table_docs.PAGE.read_text() == table_docs.page(), "run: python -m tests.support.table_docs"


def test_the_page_of_findings_is_the_catalogue() -> None:
    assert finding_docs.PAGE.read_text() == finding_docs.page(), "run: python -m tests.support.finding_docs"


def test_the_python_reference_is_the_code() -> None:
    assert api_docs.PAGE.read_text() == api_docs.page(), "run: python -m tests.support.api_docs"


def test_the_page_of_commands_is_their_help() -> None:
    assert command_docs.PAGE.read_text() == command_docs.page(), "run: python -m tests.support.command_docs"


def test_every_command_and_option_is_on_the_page_of_commands() -> None:
    """Held against what the program prints by itself."""
    told = command_docs.PAGE.read_text()
    names = re.findall(r"^  ([a-z][a-z-]+)  ", _help(), re.MULTILINE)
    assert len(names) > 10
    for name in names:
        section = told.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert set(re.findall(r"(?<![\w-])--[a-z-]+", _help(name))) - {"--help"} <= set(
            re.findall(r"--[a-z-]+", section)
        ), name


def _help(*command: str) -> str:
    return CliRunner().invoke(app, [*command, "--help"]).stdout


@pytest.mark.parametrize("page", executed_docs.PAGES, ids=lambda path: path.name)
def test_what_a_page_shows_is_what_it_gives(page: Path) -> None:
    shown = page.read_text("utf-8")
    assert executed_docs.executed(shown) == shown, "run: python -m tests.support.executed_docs"


def test_pages_are_executed() -> None:
    assert {page.name for page in executed_docs.PAGES} == {"tutorial.md", "library.md"}


def test_a_wrong_output_is_noticed() -> None:
    wrong = "```console\n$ echo one; echo two >&2\nthree\n```\n\n```python\nprint(1); 2\n```\n\n```text\n3\n```\n"
    right = "```console\n$ echo one; echo two >&2\none\ntwo\n```\n\n```python\nprint(1); 2\n```\n\n```text\n1\n2\n```\n"
    assert executed_docs.executed(wrong) == right == executed_docs.executed(right)


def test_every_page_is_in_the_navigation() -> None:
    config = tomllib.loads((ROOT / "zensical.toml").read_text())
    named = re.findall(r"'([\w-]+\.md)'", str(config["project"]["nav"]))
    assert sorted(named) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))
