"""Records -> incidents. Built from the kill lines outward: the report around a kill is evidence that may be missing.

One `_Stream` for each host and boot keeps what is open. A report opens with its first line (or, when the head was lost,
with the first line that only an OOM report prints), collects what the grammar knows, keeps what it does not know, and
closes with the next report, a kill that is not its own, or a new boot. A kill line that no open report can own becomes
an incident of its own: the kernel limits reports to 10 in 5 s, but never kill lines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import replace

from oomforensics.parsers import shapes, table
from oomforensics.parsers.boot import Boot
from oomforensics.parsers.builder import Builder
from oomforensics.parsers.facts import Incident, Kill, ReportLine
from oomforensics.parsers.kill import ParsedKill, parse_kill
from oomforensics.parsers.records import PAUSE, Record
from oomforensics.parsers.runs import Rows, Run
from oomforensics.parsers.unheard import of_packet_filter

_REBOOT_BACKSTEP_US = 5_000_000  # CPUs may print slightly out of order; a reboot goes back further
_GROUP_GAP_US = 5_000_000  # members of one memory.oom.group kill follow each other at once
_MAX_SILENT_US = 600_000_000  # a report that says nothing for 10 minutes has lost its tail
_MAX_UNKNOWN_LINES = 4096  # unknown lines kept in one report
_MAX_UNKNOWN_AFTER_ROWS = 40  # the same, where nothing but rows tells that it is a report
_DUMP_GAP_US = 5_000_000  # from "page allocation failure" to its Mem-Info
_PENDING_INCIDENTS = 256  # closed incidents held back for late lines (oom_reaper, the rate limiter's notice)
_STORM_US = (
    10_000_000  # all that a notice counts was dropped within 5 s (mm/oom_kill.c: oom_rs); the kills come a little later
)
_CONTEXT_LINES = 400  # lines before a headless table that may belong to it
_BLANK = (" ", "\t")
# The kernel starts these lines at the margin; a blank before them is somebody's quoting.
_NEVER_INDENTED = ("invoked oom-killer", "illed process", "ill process", "oom-kill:", "oom_reaper:", "Tasks in ")
_JOIN_RECORDS = 40  # a torn line's rest comes at most this many records later


def assemble(records: Iterable[Record | Rows], source: str) -> Iterator[Incident]:
    """Every run of the OOM killer that `records` show, in the order they end. Never raises on content.

    At a PAUSE those that are known so far come, too; one that has grown since comes again.
    """
    streams: dict[tuple[str | None, str | None, int], _Stream] = {}
    stream = host = boot_id = None
    number = 0
    for found in records:
        if found is PAUSE:
            for each in streams.values():
                yield from each.so_far()
            continue
        like = found.like if isinstance(found, Rows) else found
        if like.from_kernel is False:
            continue
        if stream is None or like.host != host or like.boot_id != boot_id or like.stream != number:
            host, boot_id, number = like.host, like.boot_id, like.stream
            stream = streams.setdefault((host, boot_id, number), _Stream(source))
        if isinstance(found, Rows) and stream.take_rows(found.run):
            continue
        for record in found.records() if isinstance(found, Rows) else (found,):
            if record.text[:1] == "[" and stream.take_row(record):
                continue
            if stream.begins_boot(record):
                yield from stream.new_boot(record)
            if stream.feed(record):
                yield from stream.told()
    for stream in streams.values():
        yield from stream.finish()


_Extent = tuple[int, list[tuple[int | None, bool | None]]]


def _extent(incident: Incident) -> _Extent:
    """How much of an incident there is."""
    return incident.line_end, [(kill.pid, kill.reaped) for kill in incident.kills]


class _Stream:
    def __init__(self, source: str) -> None:
        self._source = source
        self._boot = Boot(0, None)
        self._last_uptime_us: int | None = None
        self._open: Builder | None = None
        self._pending: deque[Incident] = deque()
        self._context: deque[Record] = deque(maxlen=_CONTEXT_LINES)
        self._sysrq = False
        self._foreign_dump: Record | None = None  # a page allocation failure whose Mem-Info is still to come
        self._seen_start = True  # the context reaches back to the first line of this boot
        self._torn: tuple[Record, str, int] | None = None  # record, what it began, records waited
        self._told: dict[int, _Extent] = {}  # by their first lines: incidents that a pause has told

    # -- input ---------------------------------------------------------------------------------------------------

    def take_row(self, record: Record) -> bool:
        """The short way for the bulk of a report: a row of the table that is open."""
        builder = self._open
        if builder is None or self._torn is not None or not builder.in_table:
            return False
        if record.uptime_us is not None:
            if record.uptime_us < (self._last_uptime_us or 0):
                return False
            self._last_uptime_us = record.uptime_us
        return builder.take_row(record)

    def take_rows(self, run: Run) -> bool:
        """The same for many: all of them, or none."""
        builder = self._open
        if builder is None or self._torn is not None or not builder.in_table:
            return False
        columns = run.columns(builder.row_numbers)
        if columns is None:
            return False
        numbers, names = columns
        uptimes_us = numbers[0]
        if uptimes_us[0] < (self._last_uptime_us or 0) or (uptimes_us[1:] < uptimes_us[:-1]).any():
            return False
        self._last_uptime_us = int(uptimes_us[-1])
        builder.take_rows(run, numbers[1:], names, self._last_uptime_us)
        return True

    def feed(self, record: Record) -> bool:
        """Whether more incidents are now closed than are held back: `told` has them."""
        if record.uptime_us is not None:
            self._last_uptime_us = record.uptime_us
        if "\n" in record.text and not _newline_in_name(record.text):
            for text in record.text.split("\n"):
                self._line(replace(record, text=text, level=None, caller=None, seq=None, continued=False, program=None))
        else:
            self._line(record)
        return len(self._pending) > _PENDING_INCIDENTS

    def told(self) -> Iterator[Incident]:
        """Those that need not be held back any longer."""
        return self._tell(_PENDING_INCIDENTS)

    def finish(self) -> Iterator[Incident]:
        self._flush_torn()
        self._close()
        yield from self._tell(0)

    def so_far(self) -> Iterator[Incident]:
        """What would be told if nothing more came, of what was killed."""
        for incident in deepcopy(self).finish():
            if incident.kills:
                self._told[incident.line_start] = _extent(incident)
                yield incident

    def _tell(self, held_back: int) -> Iterator[Incident]:
        """The oldest, but for those that a pause has told as they are."""
        while len(self._pending) > held_back:
            incident = self._boot.complete(self._pending.popleft())
            if not self._told or self._told.pop(incident.line_start, None) != _extent(incident):
                yield incident

    def begins_boot(self, record: Record) -> bool:
        if record.text.startswith("Linux version ") and shapes.BANNER.pattern.match(record.text):
            return True
        return (
            record.uptime_us is not None
            and self._last_uptime_us is not None
            and record.uptime_us < self._last_uptime_us - _REBOOT_BACKSTEP_US
        )

    def new_boot(self, record: Record) -> Iterator[Incident]:
        first = self._last_uptime_us is None and self._open is None and not self._pending
        yield from self.finish()
        banner = shapes.BANNER.pattern.match(record.text)
        index = self._boot.index if first else self._boot.index + 1
        self._boot = Boot(index, banner["release"] if banner else None)
        self._context.clear()
        self._sysrq, self._foreign_dump, self._seen_start = False, None, False
        self._last_uptime_us = None

    # -- one line ------------------------------------------------------------------------------------------------

    def _line(self, record: Record) -> None:
        if record.text[:1] in _BLANK and any(word in record.text for word in _NEVER_INDENTED):
            record = replace(record, text=record.text.lstrip(" \t"))
        if self._torn is not None and self._join_torn(record):
            return
        text = record.text
        if "invoked oom-killer" in text and self._invoked(record):
            return
        if "ill" in text and self._kill_words(record):
            return
        if "oom" in text and self._oom_words(record):
            return
        if "OM execution" in text and shapes.SYSRQ.pattern.match(text):
            self._close()
            self._sysrq = True
            return
        if "page allocation" in text and shapes.PAGE_ALLOCATION_FAILURE.search(text):
            self._foreign_dump = record
        if "anic" in text or "emory" in text:
            if self._outcome(record):
                return
        self._body(record)

    def _invoked(self, record: Record) -> bool:
        builder = Builder(self._source, record)
        if not builder.take_invoked(record):
            return False
        self._close()
        builder.incident.sysrq = self._sysrq
        self._sysrq = False
        self._open = builder
        if not builder.invoked_whole:
            self._torn = (record, "invoked", 0)
        return True

    def _kill_words(self, record: Record) -> bool:
        text = record.text
        if "illed process" in text:
            kill = parse_kill(text, record)
            if kill is not None:
                if kill.torn:
                    self._torn = (record, "kill", 0)
                else:
                    self._killed(record, kill)
                return True
        if "ill process" in text:
            return self._selected(record) or self._shared_mm(record)
        if "killed" in text and self._group(record):
            return True
        if "kill" in text and "killable" in text:
            return self._outcome(record)
        return "killing the task" in text and self._already_exiting(record)

    def _selected(self, record: Record) -> bool:
        for shape in shapes.SELECTED:
            found = shape.pattern.match(record.text)
            if found:
                if self._open is None or not self._open.may_take_selection():
                    self._start_headless(record)
                assert self._open is not None
                self._open.take_selected(record, found, shape)
                return True
        if record.text.rstrip().endswith(")") or " Kill process " not in record.text:
            return False
        self._torn = (record, "selected", 0)
        return False

    def _shared_mm(self, record: Record) -> bool:
        found = shapes.SHARED_MM.pattern.match(record.text)
        if not found:
            return False
        target = self._latest()
        kill = Kill(record.line, int(found["pid"]), found["comm"], "shared-mm", reason="shared_mm",
                    uptime_us=record.uptime_us, wall_us=record.wall_us)  # fmt: skip
        if target is None or not target.kills:
            self._start_headless(record)
            target = self._latest()
        assert target is not None
        _append_kill(target, kill, record, "shared_mm")
        self._boot.add_kill(kill)
        return True

    def _group(self, record: Record) -> bool:
        found = shapes.GROUP.pattern.match(record.text)
        if not found:
            return False
        target = self._latest()
        if target is None:
            self._start_headless(record)
            target = self._latest()
        assert target is not None
        target.oom_group_path = found["path"]
        target.features.add("oom-group")
        _append_line(target, record, "oom_group")
        return True

    def _already_exiting(self, record: Record) -> bool:
        found = shapes.ALREADY_EXITING.pattern.match(record.text)
        if not found:
            return False
        if self._open is None:
            self._start_headless(record)
        assert self._open is not None
        self._open.take_outcome(record, "already_exiting", int(found["pid"]), found["comm"])
        self._open.incident.features.add("already-exiting")
        return True

    def _killed(self, record: Record, parsed: ParsedKill) -> None:
        kill = parsed.kill
        if self._open is None or not self._open.owns_kill(kill):
            group = self._latest()
            if group is not None and _is_group_member(group, kill):
                kill.reason = "oom_group"
                if all(known.pid != kill.pid for known in group.kills):
                    _append_kill(group, kill, record, "killed")
                else:
                    _append_line(group, record, "killed")
                self._boot.add_kill(kill)
                return
            self._start_headless(record)
        assert self._open is not None
        self._open.take_kill(record, parsed, self._boot.killed)
        self._boot.add_kill(kill)

    def _oom_words(self, record: Record) -> bool:
        text = record.text
        if text.startswith("oom-kill:"):
            if self._open is None or not self._open.may_take_summary():
                self._start_headless(record)
            assert self._open is not None
            if not self._open.take_summary(record, text):
                self._torn = (record, "summary", 0)
            return True
        if text.startswith("oom_reaper:"):
            return self._reaped(record)
        found = shapes.SUPPRESSED.pattern.match(text)
        if found:
            self._suppressed(record, int(found["count"]))
            return True
        return ("panic_on_oom" in text or "no killable" in text) and self._outcome(record)

    def _reaped(self, record: Record) -> bool:
        for shape in (shapes.REAPED, shapes.UNREAPED):
            found = shape.pattern.match(record.text)
            if not found:
                continue
            kill = self._boot.killed.get(int(found["pid"]))
            owner = self._owner_of(kill) if kill is not None else None
            if kill is not None and owner is not None:
                kill.reaped = shape is shapes.REAPED
                owner.features.add("reaper")
                _append_line(owner, record, shape.name)
            elif self._open is not None:
                self._open.incident.features.add("reaper")
                _append_line(self._open.incident, record, shape.name)
            return True
        return False

    def _suppressed(self, record: Record, count: int) -> None:
        """Tie the rate limiter's notice to the storm it hid: the latest kills without a report, close to each other."""
        left, last_us = count, None
        candidates = [*self._pending] + ([self._open.incident] if self._open else [])
        for incident in reversed(candidates):
            if not incident.kills or incident.invoked is not None or incident.table is not None:
                continue
            killed_us = incident.kills[0].uptime_us
            last_us = killed_us if last_us is None else last_us
            earlier = killed_us is not None and last_us is not None and last_us - killed_us > _STORM_US
            if left == 0 or earlier or incident.report_suppressed:
                break
            incident.report_suppressed = True
            incident.callbacks_suppressed = count
            left -= 1

    def _outcome(self, record: Record) -> bool:
        for shape in shapes.OUTCOMES:
            found = shape.pattern.match(record.text)
            if not found:
                continue
            target = self._open
            if target is None or (target.incident.kills and shape.name != "would_have_killed"):
                if shape.name == "panic_deadlock":
                    return True
                self._start_headless(record)
                target = self._open
            assert target is not None
            pid = int(found["pid"]) if "pid" in shape.pattern.groupindex else None
            comm = found["comm"] if pid is not None else None
            target.take_outcome(record, shape.name, pid, comm)
            if shape.feature:
                target.incident.features.add(shape.feature)
            return True
        return False

    def _body(self, record: Record) -> None:
        if of_packet_filter(record.text):
            return
        foreign = self._is_foreign_mem_info(record)
        builder = self._open
        if builder is not None and builder.has_rows_alone() and builder.is_of_another(record):
            self._close()
            builder = None
        if builder is not None and builder.expects_body():
            if builder.is_silent_since(record, _MAX_SILENT_US):
                self._close()
            elif builder.take_body(record, foreign_mem_info=foreign):
                return
            elif builder.unknown_lines < (_MAX_UNKNOWN_AFTER_ROWS if builder.has_rows_alone() else _MAX_UNKNOWN_LINES):
                builder.take_unknown(record)
                return
            else:
                self._close()
        elif Builder.opens_headless(record) or (builder is None and table.is_row_alone(record.text)):
            self._start_headless(record)
            assert self._open is not None
            self._open.take_body(record, foreign_mem_info=False)
            return
        if foreign or len(self._context) == _CONTEXT_LINES:
            self._seen_start = False
        if foreign:
            self._context.clear()
        else:
            self._context.append(record)

    def _is_foreign_mem_info(self, record: Record) -> bool:
        """Whether this Mem-Info belongs to a page allocation failure, which prints the same block."""
        failure = self._foreign_dump
        if failure is None or not record.text.startswith("Mem-Info:"):
            return False
        self._foreign_dump = None
        if failure.uptime_us is not None and record.uptime_us is not None:
            return record.uptime_us - failure.uptime_us <= _DUMP_GAP_US
        return record.line - failure.line <= _CONTEXT_LINES

    # -- torn lines ----------------------------------------------------------------------------------------------

    def _join_torn(self, record: Record) -> bool:
        """Try this record as the rest of a line that was cut: by a newline in a name, a mailer, or another CPU."""
        assert self._torn is not None
        head, kind, waited = self._torn
        # A rest with a stamp of its own is the kernel's next line, so that the name holds a newline.
        for glue in ("\n", " ", "") if kind == "kill" and record.uptime_us is not None else ("", " ", "\n"):
            if self._take_joined(head, kind, head.text.rstrip("\n") + glue + record.text, record):
                return True
        limit = _JOIN_RECORDS if kind == "summary" else 1
        if waited + 1 >= limit or (kind == "summary" and "Killed process" in record.text):
            self._flush_torn()
        else:
            self._torn = (head, kind, waited + 1)
        return False

    def _take_joined(self, head: Record, kind: str, text: str, rest: Record) -> bool:
        if kind == "kill":
            kill = parse_kill(text, head)
            if kill is None or kill.torn or not kill.has_sizes:
                return False
            self._torn = None
            self._killed(head, kill)
        elif kind == "summary":
            if self._open is None or not self._open.take_summary(head, text):
                return False
            self._torn = None
        elif kind == "invoked":
            if self._open is None or not self._open.retake_invoked(head, text):
                return False
            self._torn = None
        else:
            joined = Record(head.line, text, head.uptime_us, head.wall_us, head.wall_source, wall_local=head.wall_local)
            if not any(shape.pattern.match(text) for shape in shapes.SELECTED):
                return False
            self._torn = None
            self._selected(joined)
        target = self._latest()
        if target is not None:
            _append_line(target, rest, f"{kind}_rest")
        return True

    def _flush_torn(self) -> None:
        if self._torn is None:
            return
        head, kind, _ = self._torn
        self._torn = None
        if kind == "kill":
            kill = parse_kill(head.text, head)
            if kill is not None:
                self._killed(head, kill)
        elif kind == "summary" and self._open is not None:
            self._open.take_cut_summary(head)

    # -- state ---------------------------------------------------------------------------------------------------

    def _start_headless(self, record: Record) -> None:
        self._close()
        self._open = Builder(self._source, record)
        self._open.incident.sysrq = self._sysrq
        self._sysrq = False
        if Builder.opens_headless(record):
            self._open.adopt(self._context, whole=self._seen_start)
        self._context.clear()

    def _close(self) -> None:
        builder, self._open = self._open, None
        if builder is None:
            return
        incident = builder.finish()
        if incident is None:
            return
        incident.boot_index = self._boot.index
        self._boot.learn(incident)
        self._pending.append(incident)

    def _latest(self) -> Incident | None:
        if self._open is not None:
            return self._open.incident
        return self._pending[-1] if self._pending else None

    def _owner_of(self, kill: Kill) -> Incident | None:
        if self._open is not None and any(known is kill for known in self._open.incident.kills):
            return self._open.incident
        for incident in reversed(self._pending):
            if any(known is kill for known in incident.kills):
                return incident
        return None


def _newline_in_name(text: str) -> bool:
    if text.startswith("["):
        return True
    return any(
        shape.pattern.match(text) is not None
        for shape in (*shapes.INVOKED, *shapes.SELECTED, shapes.KILLED, shapes.KILLED_BARE, shapes.REAPED)
    ) or (text.startswith("oom-kill:") and ",pid=" in text)


def _is_group_member(incident: Incident, kill: Kill) -> bool:
    if incident.oom_group_path is None or not incident.kills:
        return False
    last = incident.kills[-1]
    if last.uptime_us is None or kill.uptime_us is None:
        return True
    return kill.uptime_us - last.uptime_us <= _GROUP_GAP_US


def _append_kill(incident: Incident, kill: Kill, record: Record, kind: str) -> None:
    incident.kills.append(kill)
    _append_line(incident, record, kind)


def _append_line(incident: Incident, record: Record, kind: str) -> None:
    incident.lines.append(ReportLine(record.line, kind, record.text))
    incident.line_end = max(incident.line_end, record.line)
