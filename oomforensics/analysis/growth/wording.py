"""The growth before a kill as sentences. Names from the log are quoted as they are; whoever shows them makes them harmless."""

from __future__ import annotations

from oomforensics.analysis.growth.culprit import Grower, Moment, Unknown, Verdict
from oomforensics.analysis.growth.series import Kind
from oomforensics.analysis.growth.shape import Growth, Shape
from oomforensics.analysis.growth.slope import Slope

UNKNOWN: dict[Unknown, str] = {
    Unknown.NO_RECORDING: "No recording shows the time before this kill.",
    Unknown.NO_EARLIER_REPORT: "No earlier report of this boot lists the same processes.",
    Unknown.TWO_REPORTS: "Two task tables are two readings: what happened between them, whether it was steady, and since when the"
    " end was certain, cannot be told.",
    Unknown.FEW_SAMPLES: "There are too few readings to call it a leak or a burst.",
    Unknown.SHORT_WINDOW: "Less than half a minute was seen: a growth that is steady in it may be a burst of a longer time.",
    Unknown.BEGAN_BEFORE: "It grew already when it was first looked at; when it began is not known.",
    Unknown.END_UNSEEN: "The last look is more than 5 s older than the kill; what happened in between is not known.",
    Unknown.USED_BEFORE: "Nearly all memory was in use already when the time seen began; who used it up is not known.",
    Unknown.NO_GROWTH: "Nothing grew in the time seen.",
    Unknown.NOBODY_ALONE: "Neither a process nor a command, unit, control group or user has half of the growth.",
    Unknown.OUTSIDE_PROCESSES: "A quarter of the growth or more is in no process's anonymous memory: shared memory and tmpfs"
    " files, slab, other memory of the kernel, or processes that lived too short to be seen.",
    Unknown.NO_ROOM: "What was left before the limit was not recorded, so since when the end was certain is not known.",
    Unknown.NOT_PLACED: "No recorded process is known to be in the control group that ran out; all recorded ones were taken.",
    Unknown.SHARED_COUNTED: "These task tables do not tell anonymous memory from shared memory and file pages, which are counted"
    " in each process that has them.",
}
_SHAPES: dict[Shape, str] = {
    Shape.LEAK: "It grew steadily",
    Shape.BURST: "It grew in a burst",
    Shape.PLATEAU: "It had stopped growing before the end",
    Shape.NOISE: "It went up and down",
    Shape.SHRINKING: "It shrank",
    Shape.ENDED: "It ended before",
}


def unknown(words: tuple[Unknown, ...]) -> list[str]:
    """Each word with its sentence."""
    return [f"{word}: {UNKNOWN[word]}" for word in words]


def recorded(verdict: Verdict) -> str:
    """Of a recording."""
    seen = f"in the {_seconds(verdict.until_s - verdict.from_s)} that were recorded before the kill"
    culprit = verdict.culprit
    if culprit is None:
        return _nobody(verdict, seen)
    grown = culprit.growth
    sentences = [
        f"{who(culprit)} grew by {mib(grown.grown_bytes)} {seen}, from {mib(grown.start_bytes)} to {mib(grown.end_bytes)}:"
        f" {_share(culprit)} of all growth."
    ]
    if grown.shape in _SHAPES:
        sentences.append(f"{_SHAPES[grown.shape]}{_since(grown)}.")
    if verdict.inevitable is not None and verdict.left_bytes is not None:
        sentences.append(_certain(verdict.left_bytes, verdict.inevitable))
    return " ".join(sentences)


def between_reports(verdict: Verdict) -> str:
    """Of two reports of one boot."""
    seen = f"since the report {_seconds(verdict.until_s - verdict.from_s)} before this one"
    culprit = verdict.culprit
    if culprit is None:
        return _nobody(verdict, seen)
    grown = culprit.growth
    return (
        f"{who(culprit)} grew by {mib(grown.grown_bytes)} {seen}, from {mib(grown.start_bytes)} to"
        f" {mib(grown.end_bytes)}: {_share(culprit)} of what the processes in both task tables and the new ones gained."
    )


def who(one: Grower) -> str:
    """`NAME (pid N)` or `NAME (N processes)`: redaction finds names by what stands behind them."""
    assert one.who is not None
    if one.kind == Kind.PROCESS:
        return one.who
    return f"{one.who} ({one.processes} process{'' if one.processes == 1 else 'es'})"


def mib(value: int) -> str:
    return f"{value / (1 << 20):,.1f} MiB"


def rate(one: Slope) -> str:
    """`12.0 MiB/s (11.5 to 12.6)`"""
    shown = f"{one.value / (1 << 20):,.2f} MiB/s"
    if one.low is None or one.high is None:
        return shown
    return f"{shown} ({one.low / (1 << 20):,.2f} to {one.high / (1 << 20):,.2f})"


def _nobody(verdict: Verdict, seen: str) -> str:
    if Unknown.NO_GROWTH in verdict.unknown:
        return f"Nothing grew {seen}."
    if Unknown.USED_BEFORE in verdict.unknown:
        return f"Only {mib(verdict.total_bytes)} came {seen}: too little to explain why memory ran out."
    named = ", ".join(f"{who(one)} by {mib(one.growth.grown_bytes)} ({_share(one)})" for one in verdict.named)
    return f"{mib(verdict.total_bytes)} came {seen}; nobody has half of it.{f' Most grew {named}.' if named else ''}"


def _since(grown: Growth) -> str:
    since = f" from {_seconds(-grown.onset_s)} before the kill on"
    return since if grown.slope is None else f"{since}, by {rate(grown.slope)}"


def _certain(left_bytes: int, moment: Moment) -> str:
    lasted = f"{_seconds(-moment.from_s)}"
    if moment.low_s is not None and moment.high_s is not None:
        lasted += f" ({_seconds(-moment.high_s)} to {_seconds(-moment.low_s)})"
    return (
        f"The {mib(left_bytes)} that were left then last {lasted} at the rate at which they went:"
        " from so long before the kill on, its end was certain unless something stopped it."
    )


def _share(one: Grower) -> str:
    return "?" if one.share is None else f"{one.share * 100:.0f} %"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 100 else f"{value:,.0f} s"
