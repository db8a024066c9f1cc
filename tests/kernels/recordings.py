"""What a spool from a guest shows of each kill, held against what the guest's kernel said itself."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from oomforensics.capture import pace
from oomforensics.capture.decode import samples
from oomforensics.capture.read import Losses, read
from oomforensics.capture.samples import Event, KernelRecords, ProcessSnapshot, Sample
from oomforensics.parsers import tracepoint
from tests.kernels.sitting import Sat, Victim

WARNED_US = 100_000  # before the kill: what was known by then was a warning
_ALARM_US = round(pace.ALARM_S * 1e6)
_PRESSURE = ("pressure", "max", "high")  # events that come before a kill
_KILL_EVENTS = ("oom_kill", "oom_group_kill")


@dataclass(frozen=True)
class Seen:
    """One kill as the spool has it. Times are microseconds; None: nothing of the kind is there."""

    victim: Victim
    age_us: int | None  # of the last look that saw it with its memory, when the kernel chose it
    share: float | None  # of the largest RSS ever seen of it that the last look saw
    warned: (
        bool  # `WARNED_US` before there had been an event of pressure, or the next look was to come within that time
    )
    reason: str | None  # of the plan that was in force then
    planned_us: (
        int  # that the recorder itself allowed to pass after its last look: more than an interval where looks are dear
    )
    told_us: dict[str, int]  # source -> from the choice to the first event of that source
    recorded_us: int | None  # to the first of them all


def recorded(spool: Path) -> tuple[list[Sample], Losses]:
    losses = Losses()
    return list(samples(read(spool, losses), losses)), losses


def seen(sat: Sat, found: Sequence[Sample]) -> list[Seen]:
    """Of each victim. Kills are seconds apart: what is told between two belongs to the first."""
    ends = [victim.mono_us for victim in sat.victims[1:]] + [1 << 62]
    return [_seen(victim, end_us, found) for victim, end_us in zip(sat.victims, ends, strict=True)]


def _seen(victim: Victim, end_us: int, found: Sequence[Sample]) -> Seen:
    looks = [sample for sample in found if isinstance(sample, ProcessSnapshot)]
    held = list(_held(victim, looks))
    told: dict[str, int] = {}
    for sample in found:
        source = _told_by(sample, victim)
        after_us = sample.mono_ns // 1000 - victim.mono_us
        if source is not None and -WARNED_US < after_us < end_us - victim.mono_us:
            told.setdefault(source, after_us)
    return Seen(
        victim,
        victim.mono_us - held[-1][0] if held else None,
        held[-1][1] / max(rss_kb for _, rss_kb in held) if held else None,
        _warned(victim, found),
        next((one.reason for one in reversed(looks) if one.mono_ns // 1000 < victim.mono_us - WARNED_US), None),
        next((one.planned_us for one in reversed(looks) if one.mono_ns // 1000 <= victim.mono_us), 0),
        told,
        min(told.values(), default=None),
    )


def _held(victim: Victim, looks: Iterable[ProcessSnapshot]) -> Iterator[tuple[int, int]]:
    """When looks that saw the victim's memory began, and how much it was; those before the kernel chose it."""
    rss_kb = 0
    for look in looks:
        if look.mono_ns // 1000 > victim.mono_us:
            return
        for one in look.changed:
            if one.pid == victim.pid:
                rss_kb = one.rss_anon_kb or 0
        if rss_kb:
            yield look.mono_ns // 1000, rss_kb


def _warned(victim: Victim, found: Iterable[Sample]) -> bool:
    until_us = victim.mono_us - WARNED_US
    planned_us = WARNED_US + 1
    for one in found:
        at_us = one.mono_ns // 1000
        if isinstance(one, ProcessSnapshot) and at_us < until_us:
            planned_us = one.planned_us
        elif isinstance(one, Event) and one.what in _PRESSURE and until_us - _ALARM_US < at_us < until_us:
            return True
    return planned_us <= WARNED_US


def _told_by(sample: Sample, victim: Victim) -> str | None:
    if isinstance(sample, KernelRecords):
        line = b"Killed process %d " % victim.pid
        return "kmsg" if any(line in record for record in sample.records) else None
    if not isinstance(sample, Event):
        return None
    if sample.what == "mark_victim":
        said = tracepoint.fields(sample.files["format"], sample.files["record"])
        return sample.cause if said["pid"] == victim.pid else None
    return sample.cause if sample.what in _KILL_EVENTS else None


def spread(values_us: Iterable[int]) -> str:
    """Median and greatest, in milliseconds."""
    known = sorted(values_us)
    return f"{statistics.median(known) / 1000:.1f} / {known[-1] / 1000:.1f} ms ({len(known)})" if known else "none"
