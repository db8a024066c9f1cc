"""Writes docs/findings.md from the catalogue and its fixtures: `python -m tests.support.finding_docs`."""

from __future__ import annotations

from pathlib import Path

from oomforensics.analysis.findings import CATALOGUE, Entry
from oomforensics.kernel.bugs import BUGS, Bug
from tests.support.finding_fixtures import FIXTURES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "findings.md"
_VENDOR_OF = {"compaction_gives_up_xenial": "Ubuntu's 4.4.0", "rhel7_kmem": "RHEL 7's 3.10.0"}
_INTRO = """# Findings

Made from `oomforensics/analysis/findings/` by `python -m tests.support.finding_docs`; do not edit by hand.

A finding is what is worth knowing about an incident beyond its verdict. The view `findings` has them, made again at the end
of each ingest, because neighbours and bundles that come later may add to them. Each rests on evidence: figures with the
line and source that they were read from. Where the evidence is not there, nothing is said.

- **severity**: `critical` it will happen again or has done harm beyond the victim; `warning` part of the cause; `info` worth
  knowing.
- **confidence**: `certain` printed by the kernel, or arithmetic on what it printed; `likely`, `possible`: the text says why.
  Settings come from a bundle, which is collected after the kill: they are never certain.

The advice names settings with what they cost. Try them where a mistake is cheap.

"""
_BUGS = """
## Kernels with known faults

Of `known_kernel_bug`, from `oomforensics/kernel/bugs.py`. Vendors backport faults and fixes, so the release alone is no finding.

| kernels | what | sign in the report | source |
|---|---|---|---|
"""
_FIXTURES = """
## Fixtures

Runs of real kernels under `fixtures/kernels/`, recorded by `tests/kernels`. The first triggers the finding, the second
nearly does and must not; a test holds both.

| finding | triggers | nearly | why not |
|---|---|---|---|
"""


def page() -> str:
    return (
        _INTRO
        + "".join(map(_section, CATALOGUE))
        + _BUGS
        + "".join(map(_bug, BUGS))
        + _FIXTURES
        + "".join(f"| `{one.name}` | {' | '.join(map(_cell, FIXTURES[one.name]))} |\n" for one in CATALOGUE)
    )


def _section(one: Entry) -> str:
    return f"## {one.name}\n*{one.severity}*, if {one.condition}.\n\n{one.advice}\n\n"


def _bug(one: Bug) -> str:
    if one.since is not None and one.fixed is not None:
        kernels = f"{_version(one.since)} up to, not with, {_version(one.fixed)}"
    else:
        kernels = f"builds {one.first_build} to {one.last_build} of {_VENDOR_OF[one.name]}"
    return f"| {kernels} | {one.what} | {one.sign.value} | {one.source} |\n"


def _version(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version)).removesuffix(".0")


def _cell(text: str) -> str:
    return f"`{text}`" if "/" in text else text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
