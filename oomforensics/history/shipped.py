"""The queries that come with the program: queries/NAME.sql, whose head says what it answers, takes and gives.

-- Title
-- $name = default  what it means
-- column  what it holds, with its unit
-- Any other line is a note.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

_PARAMETER = re.compile(r"-- \$(\w+) = (\S+) {2,}(\S.*)")
_COLUMN = re.compile(r"-- (\w+) {2,}(\S.*)")


@dataclass(frozen=True, slots=True)
class Parameter:
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Shipped:
    name: str
    title: str
    sql: str
    parameters: dict[str, Parameter]
    columns: dict[str, str]  # what each holds
    notes: tuple[str, ...]

    def values(self, given: dict[str, str]) -> dict[str, str]:
        """What the query is run with: the defaults but for `given`."""
        return {name: one.default for name, one in self.parameters.items()} | given


@cache
def shipped() -> dict[str, Shipped]:
    folder = resources.files("oomforensics.history").joinpath("queries")
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    found = [_read(file.name[:-4], file.read_text("utf-8")) for file in files if file.name.endswith(".sql")]
    return {one.name: one for one in found}


def _read(name: str, sql: str) -> Shipped:
    parameters, columns, notes = {}, {}, []
    lines = sql.splitlines()
    head = lines[: next(at for at, line in enumerate(lines) if not line.startswith("--"))]
    for line in head[1:]:
        if found := _PARAMETER.fullmatch(line):
            parameters[found[1]] = Parameter(found[2], found[3])
        elif found := _COLUMN.fullmatch(line):
            columns[found[1]] = found[2]
        else:
            notes.append(line.removeprefix("-- "))
    return Shipped(name, head[0].removeprefix("-- "), sql, parameters, columns, tuple(notes))
