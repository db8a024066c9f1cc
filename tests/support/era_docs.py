"""Writes docs/kernel-eras.md from the table of eras: `python -m tests.support.era_docs`."""

from __future__ import annotations

from pathlib import Path

from oomforensics.kernel.described import described
from oomforensics.kernel.eras import BASES, ERAS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "kernel-eras.md"
_INTRO = """# Kernel eras

Made from `oomforensics/kernel/eras.py` by `python -m tests.support.era_docs`; do not edit by hand.

A report is assigned to an era by what its text looks like first and by the kernel release second, because vendors and
stable trees backport freely. Boundaries were read off kernel sources (2.6.12 to 7.3, RHEL 5 to 8, Debian's packages);
where only neighbouring trees were read, the boundary may lie between them. `T` is totalpages, `adj` oom_score_adj.

| era | score | page tables | CAP_SYS_ADMIN | instead of the parent | equals | /proc/PID/oom_score | what changed |
|---|---|---|---|---|---|---|---|
"""
_TOTALS = """
## Totals and counters

| era | T of a cgroup | T of nodes | RAM from Mem-Info | counters that the selection reads |
|---|---|---|---|---|
"""
_BASES = """
## Vendors whose source was not read

Their kernels are judged by the rules of their upstream base, or of the nearest build that was read; every verdict says so.

| vendor | tried too | why |
|---|---|---|
"""
_TEXT = """
## How the text tells them apart

| era | prints |
|---|---|
"""


def page() -> str:
    eras = [described(era) for era in ERAS]
    rules = ("era", "score", "page tables", "CAP_SYS_ADMIN", "instead of the parent", "equals", "/proc/PID/oom_score",
             "what changed")  # fmt: skip
    totals = ("era", "T of a cgroup", "T of nodes", "RAM from Mem-Info", "counters")
    return (
        _INTRO + _rows(eras, rules)
        + _TOTALS + _rows(eras, totals)
        + _BASES + "".join(f"| {base.vendor} | {', '.join(base.also)} | {base.why} |\n" for base in BASES)
        + "".join(f"| {era.name}, builds other than {_listed(era.builds_read)} | its neighbours | |\n"
                  for era in ERAS if era.builds_read)
        + _TEXT + _rows(eras, ("era", "prints"))
    )  # fmt: skip


def _listed(builds: frozenset[int]) -> str:
    return ", ".join(str(build) for build in sorted(builds))


def _rows(eras: list[dict[str, str]], facts: tuple[str, ...]) -> str:
    return "".join(f"| {' | '.join(era[fact] for fact in facts)} |\n" for era in eras)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
