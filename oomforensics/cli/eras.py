"""`oomforensics eras`"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from oomforensics.cli import terminal
from oomforensics.cli.options import Database, Debug, Json, database

if TYPE_CHECKING:
    from pathlib import Path

    from oomforensics.kernel.eras import Era

NAME = "eras"
_COLUMNS = ("era", "score", "page tables", "CAP_SYS_ADMIN", "equals", "/proc/PID/oom_score", "what changed")


@dataclass(frozen=True, slots=True)
class _Choice:
    """The era of a release or of an incident. `era` None: it could not be told, or is not modelled."""

    of: str
    era: Era | None
    certain: bool
    evidence: Sequence[str]
    alternatives: Sequence[str]  # names of eras

    def as_json(self) -> dict[str, object]:
        from oomforensics.kernel.described import described

        return {
            "of": self.of,
            "era": self.era.name if self.era else None,
            "certain": self.certain,
            "evidence": list(self.evidence),
            "alternatives": list(self.alternatives),
            "rules": described(self.era) if self.era else None,
        }


def command(
    of: Annotated[
        str | None,
        typer.Argument(metavar="[RELEASE|ID]", help="A kernel's release as uname -r says it, or an incident; or all."),
    ] = None,
    db: Database = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show which kernels choose their victim alike, or which of these eras a kernel or a report belongs to, and why.

    A release alone tells less than a report: vendors backport freely, and what a report prints decides.

    \b
    Example:
      oomforensics eras
      oomforensics eras 3.10.0-1160.el7.x86_64
      oomforensics eras latest
    """
    from oomforensics.cli import tables
    from oomforensics.kernel.described import described
    from oomforensics.kernel.eras import ERAS

    if of is not None:
        choice = _choice(of, db)
        lines = iter([json.dumps(choice.as_json(), indent=2) + "\n"]) if as_json else _told(choice)
    elif as_json:
        lines = iter([json.dumps([described(era) for era in ERAS], indent=2) + "\n"])
    else:
        facts = [described(era) for era in ERAS]
        lines = tables.render(_COLUMNS, [[row[column] for column in _COLUMNS] for row in facts], terminal.table_width())
    for line in lines:
        terminal.out(line)


def _choice(of: str, db: Path | None) -> _Choice:
    from oomforensics.kernel.eras import era_named
    from oomforensics.kernel.identify import parse_release

    if parse_release(of) is not None:
        return _of_release(of)

    from oomforensics.history.lookup import era_of, resolve
    from oomforensics.history.store import open_read

    with open_read(database(db)) as con:
        incident_id = resolve(con, of)
        era, certain, evidence, alternatives = era_of(con, incident_id)
    return _Choice(f"incident {incident_id}", era_named(era) if era else None, certain, evidence, alternatives)


def _of_release(release: str) -> _Choice:
    from oomforensics.kernel.identify import identify

    found = identify(frozenset(), release)
    evidence = found.evidence
    if found.era is not None:
        evidence = ("told from the release alone; what a report of this kernel prints may say otherwise",)
        evidence += (found.unverified,) if found.unverified else ()
    return _Choice(release, found.era, False, evidence, [era.name for era in found.alternatives])


def _told(choice: _Choice) -> Iterator[str]:
    from oomforensics.kernel.described import described, name

    which = name(choice.era) if choice.era else "no era that can be recomputed"
    doubt = "" if choice.certain or choice.era is None else " (the best fit, not certain)"
    yield f"{terminal.safe(choice.of)}: {which}{doubt}\n"
    for reason in choice.evidence:
        yield f"  {terminal.safe(reason)}\n"
    if choice.alternatives:
        yield f"  could also be: {terminal.safe(', '.join(choice.alternatives))}\n"
    if choice.era is not None:
        facts = list(described(choice.era).items())[1:]
        width = max(len(heading) for heading, _ in facts)
        yield "\n"
        for heading, fact in facts:
            yield f"{heading:<{width}}  {fact}\n"
        yield "\nT is totalpages: what badness is a share of, in pages.\n"
