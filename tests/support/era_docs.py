"""Writes docs/kernel-eras.md from the table of eras: `python -m tests.support.era_docs`."""

from __future__ import annotations

from pathlib import Path

from oomforensics.kernel.eras import FINGERPRINT_WORDS, UPSTREAM, VENDOR, Era, prints

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
_TEXT = """
## How the text tells them apart

| era | prints |
|---|---|
"""


def page() -> str:
    eras = [*UPSTREAM, *VENDOR]
    rows = "".join(_row(_name(era), era.score.value, era.page_tables.value, _root(era), era.child.value, era.tie.value,
                        era.oom_score.value, _changed(era)) for era in eras)  # fmt: skip
    totals = "".join(
        _row(era.name, era.memcg_total.value if era.memcg_total else "-",
             era.node_pages.value if era.node_pages else "-", era.total_ram.value, era.rss.value)
        for era in eras
    )  # fmt: skip
    text = "".join(_row(era.name, ", ".join(FINGERPRINT_WORDS[name] for name in sorted(prints(era)))) for era in eras)
    return _INTRO + rows + _TOTALS + totals + _TEXT + text


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def _name(era: Era) -> str:
    return era.name if era.verified else f"{era.name} (unverified)"


def _root(era: Era) -> str:
    also = "".join(f", or {bonus.value} in late stable releases" for bonus in era.root_also)
    return era.root.value + also


def _changed(era: Era) -> str:
    return f"{era.what} ({era.commit})" if era.commit else era.what


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
