"""The queries that come with the program: queries/NAME.sql, whose head says what it answers and what it takes.

-- Title
-- $name = default   what it means
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

_PARAMETER = re.compile(r"^-- \$(\w+) = (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shipped:
    name: str
    title: str
    sql: str
    parameters: dict[str, str]  # with their defaults


@cache
def shipped() -> dict[str, Shipped]:
    folder = resources.files("oomforensics.history").joinpath("queries")
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    found = [_read(file.name[:-4], file.read_text("utf-8")) for file in files if file.name.endswith(".sql")]
    return {one.name: one for one in found}


def _read(name: str, sql: str) -> Shipped:
    title = sql.splitlines()[0].removeprefix("-- ")
    return Shipped(name, title, sql, dict(_PARAMETER.findall(sql)))
