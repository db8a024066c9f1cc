"""Finds among the records of a source what witnesses say, in the pass in which the kernel's reports are put together.

records = observe(records, "syslog", events)       passes every record on, and appends to `events`
for incident in assemble(records, "syslog"): ...
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from oomforensics.parsers.cgroup_identity import identify
from oomforensics.parsers.loss_signs import MAX_GAPS, LossSigns
from oomforensics.parsers.records import PAUSE, Problem, Record
from oomforensics.parsers.runs import Rows
from oomforensics.parsers.witness import Event, Speaker, Witness, begin, take
from oomforensics.parsers.witness_documents import Documents
from oomforensics.parsers.witnesses import WITNESSES

MAX_EVENTS = 20_000  # of one source: a storm of failed allocations says nothing new after that
_MAX_OPEN = 64
_Each = TypeVar("_Each", bound=Record | Rows)
_INNER_TAG = re.compile(r"([A-Za-z][\w.@-]{0,63})\[[0-9]{1,10}\]: ")  # of a program's lines in /dev/kmsg


def observe(
    records: Iterable[_Each],
    source: str,
    events: list[Event],
    problems: list[Problem] | None = None,
    jumps: Iterable[int] = (),
) -> Iterator[_Each]:
    """Every record, unchanged; what witnesses say is in `events` when the last one has passed. `Rows` hold no word of them.

    `jumps`: numbers of lines before which lines were not read. It may grow while the records are read.
    """
    observer = Observer(source, events)
    signs = LossSigns(source, jumps)
    see, finish = observer.see, observer.finish
    first = True
    for record in records:
        if record is PAUSE or isinstance(record, Rows):
            yield record
            continue
        if first or record.seq is not None:
            signs.see(record)
            first = signs.looks_for_head
        text = record.text
        if text[:1] != "[" or ": " in text:  # all other is a row of the task table, the bulk of a report
            see(record)
        yield record
    finish()
    for sign in signs.events():
        observer.keep(sign)
    if problems is not None:
        problems += _not_kept(source, observer, signs)


def _not_kept(source: str, observer: Observer, signs: LossSigns) -> Iterator[Problem]:
    if observer.dropped:
        yield Problem(source, None, f"{observer.dropped} events after the first {MAX_EVENTS} are not kept", "data_loss")
    for name, count in observer.surplus.items():
        yield Problem(source, None, f"{count} more events of the kind {name} are not kept", "info")
    if signs.dropped:
        reason = f"{signs.dropped} gaps in the kernel's log after the first {MAX_GAPS} are not kept"
        yield Problem(source, None, reason, "info")


class _Open:
    """An event that later lines may add to."""

    def __init__(self, witness: Witness, event: Event, record: Record) -> None:
        self.witness, self.event = witness, event
        self.writer = (record.host, record.program, record.from_kernel)
        self.left = witness.reach


class Observer:
    """Sees the records of one source, in their order."""

    def __init__(self, source: str, events: list[Event], witnesses: Sequence[Witness] = WITNESSES) -> None:
        self._source, self._events = source, events
        self._witnesses = witnesses
        self._of_kernels_log = [each for each in witnesses if each.speaker in (Speaker.KERNEL, Speaker.ANY)]
        self._needles = [needle for witness in witnesses for needle in witness.needles]
        self._open: list[_Open] = []
        self._documents = Documents(self.keep, source)
        self._found_of: Counter[str] = Counter()
        self.dropped = 0
        self.surplus: Counter[str] = Counter()  # by kind, of those that may come too often

    def see(self, record: Record) -> None:
        text = record.text
        if self._open:
            self._continue(record, text)
        if record.from_kernel is None and record.uptime_us is None and record.wall_us is None:
            if self._documents.line(record):
                return
        # What every needle of WITNESSES contains, which a test holds it to, and then the needles: most lines get no
        # farther than the first, at a third of a microsecond.
        if (
            "OOM" in text or "ill" in text or "emory" in text or "blocked for" in text or "page alloc" in text or "adness" in text
            or "essages" in text or "uppress" in text or "uspended" in text or "renaming and" in text or "statistics; " in text
            or ("oom" in text and ("oom_" in text or "oomd" in text or "oom-kill" in text or text[:3] in ("oom", "con")))
        ) and any(map(text.__contains__, self._needles)):  # fmt: skip
            self._begin(record, text)

    def finish(self) -> None:
        for opened in self._open:
            self._close(opened)
        self._open.clear()
        self._documents.finish()

    def keep(self, event: Event) -> None:
        identify_event(event)
        if len(self._events) < MAX_EVENTS:
            self._events.append(event)
        else:
            self.dropped += 1

    def _begin(self, record: Record, text: str) -> None:
        program = record.program
        if program is None and record.from_kernel is None and (inner := _INNER_TAG.match(text)):
            program, text = inner[1], text[inner.end() :]
        for witness in self._of_kernels_log if record.from_kernel else self._witnesses:
            if not any(map(text.__contains__, witness.needles)) or not _may_say(witness, record, program):
                continue
            first, _, rest = text.partition("\n")
            for pattern in witness.patterns:
                match = pattern.search(text) or (pattern.search(first) if rest else None)
                if match:
                    self._found(witness, record, match, first, program, rest)
                    return

    def _found(
        self, witness: Witness, record: Record, match: re.Match[str], text: str, program: str | None, rest: str
    ) -> None:
        if witness.at_most is not None:
            self._found_of[witness.name] += 1
            if self._found_of[witness.name] > witness.at_most:
                self.surplus[witness.name] += 1
                return
        event = begin(witness, record, self._source, text, program)
        (witness.fold or take)(event, match)
        if not witness.more:
            if not witness.document:
                self.keep(event)
            return
        opened = _Open(witness, event, record)
        for line in rest.split("\n") if rest else ():
            self._add(opened, line)
        self._open.append(opened)
        if len(self._open) > _MAX_OPEN:
            self._close(self._open.pop(0))

    def _continue(self, record: Record, text: str) -> None:
        writer = (record.host, record.program, record.from_kernel)
        for opened in [one for one in self._open if one.writer == writer]:
            added = self._add(opened, text)
            opened.left -= 1
            if opened.left <= 0 or (not added and opened.witness.needs is None):
                self._open.remove(opened)
                self._close(opened)

    def _add(self, opened: _Open, text: str) -> bool:
        for pattern in opened.witness.more:
            match = pattern.search(text)
            if match:
                (opened.witness.fold or take)(opened.event, match)
                if opened.witness.needs in opened.event.detail:
                    opened.left = 0  # said all that was waited for
                return True
        return False

    def _close(self, opened: _Open) -> None:
        needs = opened.witness.needs
        if needs is None or needs in opened.event.detail:
            self.keep(opened.event)


def identify_event(event: Event) -> None:
    """Whom it is about, from the control group or the unit that it names."""
    if event.cgroup is not None and not event.cgroup.startswith("/"):
        event.cgroup = f"/{event.cgroup}"
    path = event.cgroup or (f"/{event.unit}" if event.unit is not None else None)
    if path is None:
        return
    found = identify(path)
    event.unit = event.unit or found.systemd_user_unit or found.systemd_unit
    event.container_id = event.container_id or found.container_id
    event.pod_uid = event.pod_uid or found.pod_uid
    event.job_id = event.job_id or found.job_id


def _may_say(witness: Witness, record: Record, program: str | None) -> bool:
    if witness.speaker is Speaker.KERNEL:
        return record.from_kernel is not False and program is None
    if witness.speaker is Speaker.PROGRAM and record.from_kernel is True:
        return False
    if witness.speaker is Speaker.STRANGER and record.from_kernel is not False:
        return False
    return witness.programs is None or program is None or program in witness.programs
