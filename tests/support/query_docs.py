"""Writes docs/queries.md from the heads of the shipped queries: `python -m tests.support.query_docs`."""

from __future__ import annotations

from pathlib import Path

from oomforensics.history.shipped import Shipped, shipped

PAGE = Path(__file__).resolve().parents[2] / "docs" / "queries.md"
_INTRO = """# Shipped queries

Made from the heads of `oomforensics/history/queries/*.sql` by `python -m tests.support.query_docs`; do not edit by hand.

    oomforensics sql --list
    oomforensics sql --run kills-over-time --param by=place --param bucket=week
    oomforensics sql --run recurrences --format csv -o again.csv

NULL means not printed, lost or not known. The columns come from [the tables](tables.md), and the files are read as examples
of how to ask them.

| question | query |
|---|---|
"""


def page() -> str:
    queries = list(shipped().values())
    text = _INTRO + "".join(f"| {one.title} | [`{one.name}`](#{one.name}) |\n" for one in queries)
    return text + "".join(map(_section, queries))


def _section(query: Shipped) -> str:
    text = f"\n## {query.name}\n{query.title}\n"
    if query.notes:
        text += f"\n{' '.join(query.notes)}\n"
    if query.parameters:
        text += "\n| parameter | default | meaning |\n|---|---|---|\n"
        text += "".join(f"| `{name}` | `{one.default}` | {one.meaning} |\n" for name, one in query.parameters.items())
    text += "\n| column | meaning |\n|---|---|\n"
    return text + "".join(f"| `{name}` | {meaning} |\n" for name, meaning in query.columns.items())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
