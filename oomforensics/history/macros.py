"""The kernels' model in SQL (macros.sql), with what differs between kernels made from the table of eras."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from functools import cache
from importlib import resources

from oomforensics.analysis.scoring import root_hypotheses
from oomforensics.history.schema import Connection
from oomforensics.history.selection import LACKING, REFUSED
from oomforensics.kernel.eras import ERAS, RootBonus

# Column of the view `eras`, a field of Era -> what it means. Of an enum's member it shows the name.
_COLUMNS = {
    "vendor": "Whose kernels; NULL: kernel.org's",
    "since": "First release",
    "before": "First release that is no longer of this era",
    "score": "How oom_badness() turns counters into points",
    "page_tables": "What of its page tables a process is charged with",
    "root": "What a process with CAP_SYS_ADMIN is spared",
    "root_also": "What it is spared in late stable releases instead",
    "child": "Whether a child is killed in place of the process selected",
    "tie": "Which of several with equal badness is chosen",
    "oom_score": "What /proc/PID/oom_score shows",
    "oom_skip": "True: a process killed before is not chosen again",
    "verified": "False: inferred from logs or neighbours, no source tree read",
    "commit": "Change that opened the era, where it is known with certainty",
    "what": "What is new in it",
}
_LOOKUPS = ("score", "page_tables", "root", "oom_score")


def make(con: Connection) -> None:
    """For this connection only, whatever the history holds and even if it cannot be written."""
    con.execute(_sql())


@cache
def _sql() -> str:
    text = resources.files("oomforensics.history").joinpath("macros.sql").read_text("utf-8")
    return "".join(f"{statement};\n" for statement in _facts()) + text


def _facts() -> Iterator[str]:
    columns = ", ".join(f'"{name}"' for name in ("era", *_COLUMNS))
    rows = _values([era.name, *(getattr(era, name) for name in _COLUMNS)] for era in ERAS)
    yield f"CREATE TEMP TABLE _oom_eras AS SELECT * FROM ({rows}) AS of({columns})"
    yield "CREATE TEMP VIEW eras AS FROM _oom_eras"
    yield "COMMENT ON VIEW eras IS 'Ranges of kernels that score, select and print alike; docs/kernel-eras.md says it in words'"
    for name, meaning in {"era": "Name, as in incidents.era", **_COLUMNS}.items():
        yield f'COMMENT ON COLUMN eras."{name}" IS {_literal(meaning)}'
    # Not by asking `eras`, whose columns would stand in the way of the caller's.
    for name in _LOOKUPS:
        cases = " ".join(
            f"WHEN era IN ({', '.join(_literal(era.name) for era in ERAS if getattr(era, name) is value)})"
            f" THEN {_literal(value)}"
            for value in dict.fromkeys(getattr(era, name) for era in ERAS)
        )
        yield f"CREATE TEMP MACRO _oom_era_{name}(era) AS CASE {cases} END"
    known = ", ".join(_literal(bonus) for bonus in RootBonus)
    yield f"CREATE TEMP MACRO _oom_bonus(name) AS CASE WHEN name IN ({known}) THEN name END"
    yield f"CREATE TEMP TABLE _oom_readings AS SELECT * FROM ({_values(_readings())}) AS of(era, reading, root_bonus)"
    yield f"CREATE TEMP TABLE _oom_refused AS SELECT * FROM ({_values(REFUSED.items())}) AS of(verdict, why)"
    yield f"CREATE TEMP MACRO _oom_lacking() AS {_literal(LACKING)}"


def _readings() -> Iterator[tuple[str, int, RootBonus]]:
    for era in ERAS:
        for number, hypothesis in enumerate(root_hypotheses(era, totalpages=0, page_size=1)):
            yield era.name, number, hypothesis.root or RootBonus.NONE


def _values(rows: Iterable[Sequence[object]]) -> str:
    return "VALUES " + ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)


def _literal(value: object) -> str:
    match value:
        case None | "":
            return "NULL"
        case bool() | int():
            return str(value)
        case (int(), *_):
            return _literal(".".join(map(str, value)))
        case tuple():
            return f"[{', '.join(map(_literal, value))}]"
        case Enum() if not isinstance(value, str):
            return _literal(value.name)
        case _:
            return "'" + str(value).replace("'", "''") + "'"
