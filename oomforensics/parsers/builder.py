"""One incident while its lines come in: what belongs to it, and what it still lacks at the end."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING

from oomforensics.parsers import memcg, meminfo, shapes, summary, table
from oomforensics.parsers.facts import (
    Incident,
    Invoked,
    Kill,
    MemInfo,
    Outcome,
    ReportLine,
    Selected,
    StackHeader,
    TaskTable,
)
from oomforensics.parsers.kill import ParsedKill
from oomforensics.parsers.missing import missing_parts
from oomforensics.parsers.records import Record
from oomforensics.parsers.runs import Run
from oomforensics.parsers.task_rows import TaskRows

if TYPE_CHECKING:
    from oomforensics.parsers.task_rows import Array

_MAX_TRACE = 64
_AT_ONCE_US = 5_000_000  # from a line of a report to its kill, where nothing else ties them
_row_reader = lru_cache(maxsize=16)(table.RowReader)  # one kernel's tables all have the same columns
_STATS_PER_LINE_FROM = "memcg_stats:lines"


class Builder:
    """Collects one report. `incident` is the result, usable at any time."""

    def __init__(self, source: str, first: Record) -> None:
        self.incident = Incident(
            source=source,
            line_start=first.line,
            line_end=first.line,
            host=first.host,
            boot_id=first.boot_id,
            uptime_us=first.uptime_us,
            wall_us=first.wall_us,
            wall_source=first.wall_source,
            wall_local=first.wall_local,
        )
        self.unknown_lines = 0
        self.invoked_whole = True
        self._rows: table.RowReader | None = None
        self._headerless: list[Record] = []
        self._foreign_mem_info = False
        self._last_known_us = first.uptime_us

    # -- what may come next ----------------------------------------------------------------------------------------

    @property
    def in_table(self) -> bool:
        """The header of the task table has been read, and nothing after the table yet."""
        return self._rows is not None and not self.incident.kills

    def take_row(self, record: Record) -> bool:
        """A row of the open table; False when it is something else."""
        incident = self.incident
        assert self._rows is not None
        assert incident.table is not None
        row = self._rows.read(record.text, record.line)
        if row is None:
            return False
        incident.table.rows.append(row)
        incident.lines.append(ReportLine(record.line, "task", record.text))
        incident.line_end = record.line
        self._last_known_us = record.uptime_us
        return True

    @property
    def row_numbers(self) -> int:
        """How many numbers a row of the open table has between pid and name."""
        assert self._rows is not None
        return self._rows.count

    def take_rows(self, run: Run, numbers: Array, names: list[str], last_us: int) -> None:
        """The rows of the open table that a run is, taken apart into columns."""
        incident = self.incident
        assert self._rows is not None
        assert incident.table is not None
        lines = range(run.line, run.line + run.count)
        incident.table.rows.append(self._rows.block(run.line, numbers, names))
        incident.lines += map(tuple.__new__, repeat(ReportLine), zip(lines, repeat("task"), run.rows(), strict=False))
        incident.line_end = lines[-1]
        self._last_known_us = last_us

    def expects_body(self) -> bool:
        """Before its kill (or outcome) a report takes any line; after it only what names a process it knows."""
        incident = self.incident
        return not incident.kills and not (incident.outcomes and self._ended())

    def has_rows_alone(self) -> bool:
        """Rows whose header is lost, and nothing else that only a report has."""
        incident = self.incident
        known = incident.invoked or incident.table or incident.summary or incident.selected or incident.meminfo
        return bool(self._headerless) and not known and not incident.memcg.seen

    @staticmethod
    def is_of_another(record: Record) -> bool:
        """Whether it stands above a report's rows, so that rows before it are another's."""
        text = record.text
        return Builder.opens_headless(record) or meminfo.is_start(text) or "page allocation" in text

    def _ended(self) -> bool:
        return any(
            outcome.kind in ("already_exiting", "panic_deadlock", "panic_on_oom") for outcome in self.incident.outcomes
        )

    def may_take_selection(self) -> bool:
        return self.expects_body() and self.incident.selected is None

    def may_take_summary(self) -> bool:
        return self.expects_body() and self.incident.summary is None

    def owns_kill(self, kill: Kill) -> bool:
        """Whether this `Killed process` ends this report.

        From 5.1 the `oom-kill:` line names the very process, or the thread that asked (oom_kill_allocating_task; the kill
        line, at once, has its process: find_lock_task_mm). Before, a child or a thread's owner may be killed instead of
        the process selected, so any kill that follows is the report's own.
        """
        if self.incident.kills or any(outcome.kind != "would_have_killed" for outcome in self.incident.outcomes):
            return False
        named = self.incident.summary
        if named is None or named.pid is None or kill.message is None or named.pid == kill.pid:
            return True
        if kill.message == shapes.ALLOCATING_TASK:
            return self._is_no_row(named.pid) and not self._is_silent(kill.uptime_us, _AT_ONCE_US)
        if self.incident.table is None:  # the thread that was selected and the process that was killed share a name
            return named.comm == kill.comm
        return any(row.pid == kill.pid and row.tgid == named.pid for row in self.incident.table.rows)

    def _is_no_row(self, pid: int) -> bool:
        """Rows are processes; a thread that is not the first has none."""
        return self.incident.table is None or self.incident.table.rows.last_with("pid", pid) is None

    def is_silent_since(self, record: Record, limit_us: int) -> bool:
        return self._is_silent(record.uptime_us, limit_us)

    def _is_silent(self, uptime_us: int | None, limit_us: int) -> bool:
        if uptime_us is None or self._last_known_us is None:
            return False
        return uptime_us - self._last_known_us > limit_us

    @staticmethod
    def opens_headless(record: Record) -> bool:
        """Whether only an OOM report prints this line, so that it stands for a report whose head was lost."""
        text = record.text
        return text.startswith("Tasks state (memory values in") or table.is_header(text) or memcg.starts_block(text)

    # -- lines -----------------------------------------------------------------------------------------------------

    def take_invoked(self, record: Record) -> bool:
        if self.retake_invoked(record, record.text):
            self._keep(record, "invoked")
            return True
        cut = shapes.INVOKED_CUT.pattern.match(record.text)
        has_stamp = record.uptime_us is not None or record.wall_us is not None or record.from_kernel
        if not cut or not (has_stamp or cut["gfp_mask"] or record.text.rstrip().endswith(":")):
            return False
        self.incident.invoked = Invoked(record.line, shapes.INVOKED_CUT.name, cut["comm"], gfp_mask=cut["gfp_mask"])
        self.invoked_whole = False
        self._keep(record, "invoked")
        return True

    def retake_invoked(self, record: Record, text: str) -> bool:
        for shape in shapes.INVOKED:
            found = shape.pattern.match(text)
            if not found:
                continue
            groups = found.groupdict()
            self.incident.invoked = Invoked(
                line=record.line,
                shape=shape.name,
                comm=groups["comm"],
                gfp_mask=groups["gfp_mask"],
                order=int(groups["order"]),
                nodemask=groups.get("nodemask"),
                oom_adj=_int(groups.get("oom_adj")),
                oom_score_adj=_int(groups.get("oom_score_adj")),
            )
            if shape.feature:
                self.incident.features.add(shape.feature)
            return True
        return False

    def take_selected(self, record: Record, found: re.Match[str], shape: shapes.Shape) -> None:
        self.incident.selected = Selected(
            record.line, shapes.message(found["message"]), int(found["pid"]), found["comm"], int(found["score"])
        )
        if shape.feature:
            self.incident.features.add(shape.feature)
        self._keep(record, "selected")

    def take_summary(self, record: Record, text: str) -> bool:
        read = summary.parse(text, record.line)
        self.incident.features.add("summary")
        if record.text == text or (read and not self._has_line(record)):
            self._keep(record, "summary")
        if read is None:
            return False
        self.incident.summary = read
        return True

    def take_cut_summary(self, record: Record) -> None:
        if self.incident.summary is None:
            self.incident.summary = summary.parse_cut(record.text, record.line)

    def take_kill(self, record: Record, parsed: ParsedKill, killed_before: dict[int, Kill]) -> None:
        self.incident.kills.append(parsed.kill)
        if parsed.feature:
            self.incident.features.add(parsed.feature)
        for pid, kill in reversed(killed_before.items()):
            if not self._was_recent(kill, record):
                break
            self.incident.earlier_victims[pid] = kill.line
        self._keep(record, "killed")

    @staticmethod
    def _was_recent(kill: Kill, record: Record) -> bool:
        if kill.uptime_us is None or record.uptime_us is None:
            return record.line - kill.line <= 2000
        return record.uptime_us - kill.uptime_us <= 300_000_000

    def take_outcome(self, record: Record, kind: str, pid: int | None, comm: str | None) -> None:
        self.incident.outcomes.append(Outcome(record.line, kind, record.text, pid, comm))
        self._keep(record, kind)

    def take_unknown(self, record: Record) -> None:
        self.unknown_lines += 1
        self.incident.lines.append(ReportLine(record.line, "unknown", record.text))

    def take_body(self, record: Record, *, foreign_mem_info: bool) -> bool:
        """A line between the first and the last of a report. False: not one that the grammar knows."""
        text = record.text
        if text.startswith("["):
            return self._take_table_line(record)
        if meminfo.is_start(text):
            self._foreign_mem_info = foreign_mem_info or self.incident.meminfo is not None
            if not self._foreign_mem_info:
                self.incident.meminfo = MemInfo(record.line)
                self._keep(record, "meminfo")
            return not self._foreign_mem_info
        info = self.incident.meminfo
        if info is not None and not self._foreign_mem_info and meminfo.take(info, text, record.line):
            self._keep(record, "meminfo")
            return True
        if self._take_trace(record):
            return True
        kind = memcg.take(self.incident.memcg, text, record.line)
        if kind is None:
            return self._take_other(record)
        self._keep(record, kind)
        return True

    def _take_table_line(self, record: Record) -> bool:
        text = record.text
        if table.looks_like_row(text):
            if self._rows is None or self.incident.table is None:
                self._headerless.append(record)
                self._keep(record, "task")
                return True
            if self.take_row(record):
                return True
            self.incident.table.damaged_rows += 1
            return False
        if self.incident.table is None and table.is_header(text):
            opened = table.open_table(text, record.line)
            if opened is None:
                return False
            self.incident.table = opened
            self._rows = _row_reader(opened.columns)
            if opened.layout != "other":
                self.incident.features.add(f"table:{opened.layout}")
            self._keep(record, "table_header")
            return True
        if self.in_table and self.incident.summary is None and table.is_hidden(text):
            assert self.incident.table is not None
            self.incident.table.damaged_rows += 1
            self._keep(record, "task")
            return True
        return self._take_trace(record)

    def _take_trace(self, record: Record) -> bool:
        text = record.text
        frame = shapes.TRACE_FRAME.match(text) if "+0x" in text else None
        if frame:
            if len(self.incident.call_trace) < _MAX_TRACE and self.incident.meminfo is None:
                self.incident.call_trace.append(frame[1])
            self._keep(record, "call_trace")
            return True
        if self.incident.stack is None and text.startswith(("CPU:", "Pid:")):
            return self._take_stack_header(record)
        if text.startswith("Hardware name:") and self.incident.stack is not None:
            self.incident.stack.hardware = text.removeprefix("Hardware name:").strip()
            self._keep(record, "stack")
            return True
        if text.startswith(("Call Trace:", "Call trace:")):
            self._keep(record, "call_trace")
            return True
        return False

    def _take_stack_header(self, record: Record) -> bool:
        for shape in shapes.STACK:
            found = shape.pattern.match(record.text)
            if not found:
                continue
            groups = found.groupdict()
            # oom_kill_process() prints the selection after dump_header(): a stack behind it is another event's.
            if self.incident.selected is not None:
                self.incident.boot_release = self.incident.boot_release or groups["release"]
                return False
            self.incident.stack = StackHeader(
                line=record.line,
                pid=int(groups["pid"]),
                comm=groups["comm"],
                release=groups["release"],
                cpu=_int(groups.get("cpu")),
                uid=_int(groups.get("uid")),
                build=groups.get("build"),
            )
            if shape.feature:
                self.incident.features.add(shape.feature)
            self._keep(record, "stack")
            return True
        return False

    def _take_other(self, record: Record) -> bool:
        text = record.text
        if text.startswith("Tasks state (memory values in"):
            self.incident.features.add("tasks-state")
            self._keep(record, "table_header")
            return True
        found = shapes.CPUSET.match(text) if " cpuset=" in text else None
        if found:
            self.incident.cpuset, self.incident.mems_allowed = found["cpuset"], found["mems_allowed"]
            self.incident.features.add("cpuset-line")
            self._keep(record, "cpuset")
            return True
        for feature, prefix in _SECTION_LINES.items():
            if text.startswith(prefix):
                self.incident.features.add(feature)
                self._keep(record, feature)
                return True
        return False

    def adopt(self, context: Iterable[Record], *, whole: bool) -> None:
        """Take lines that stood before a report without head: its Mem-Info, if that is what they are.

        `whole`: the context begins where the log of this boot begins, so that Mem-Info may have lost its own start.
        """
        records = list(context)
        starts = [k for k, record in enumerate(records) if meminfo.is_start(record.text)]
        if starts:
            records = records[starts[-1] :]
        elif not whole:
            return
        info = MemInfo(records[0].line if records else 0)
        taken = [
            record
            for record in records
            if meminfo.is_start(record.text) or meminfo.take(info, record.text, record.line)
        ]
        if not taken or (not starts and info.ram_pages is None):
            return
        self.incident.meminfo = info
        self.incident.lines[:0] = [ReportLine(record.line, "meminfo", record.text) for record in taken]
        self.incident.line_start = min(self.incident.line_start, taken[0].line)

    # -- end -------------------------------------------------------------------------------------------------------

    def finish(self) -> Incident | None:
        """The incident, or None when what was collected proves no run of the OOM killer."""
        incident = self.incident
        self._infer_table()
        self._name_victims()
        has_table = incident.table is not None and (incident.table.header_line or "tasks-state" in incident.features)
        has_report = bool(incident.invoked or has_table or incident.summary or incident.selected)
        if not (incident.kills or incident.outcomes or has_report or incident.memcg.seen):
            return None
        if incident.memcg.stats and incident.memcg.stats[-1].unit == "bytes":
            incident.features.add(_STATS_PER_LINE_FROM)
        incident.missing = missing_parts(incident)
        return incident

    def _infer_table(self) -> None:
        if self.incident.table is not None or not self._headerless:
            return
        prefer = next(
            (layout for feature, layout in _LAYOUT_BY_FEATURE.items() if feature in self.incident.features), None
        )
        layout = table.infer_layout([record.text for record in self._headerless], prefer)
        if layout is None:
            self.incident.table = TaskTable("other", None, (), damaged_rows=len(self._headerless))
            return
        reader = table.RowReader(layout.columns)
        rows = [reader.read(record.text, record.line) for record in self._headerless]
        good = [row for row in rows if row is not None]
        self.incident.table = TaskTable(
            f"inferred:{layout.name}", None, layout.columns, TaskRows(good), damaged_rows=len(rows) - len(good)
        )

    def _name_victims(self) -> None:
        """A kill line that was cut within the name, or before it: the table has the whole name."""
        rows = self.incident.table.rows if self.incident.table is not None else TaskRows()
        for kill in self.incident.kills:
            if kill.shape != shapes.KILLED_TORN.name:
                continue
            is_whole_pid = any(
                line.line == kill.line and f"process {kill.pid} (" in line.text for line in self.incident.lines
            )
            place = rows.last_with("pid", kill.pid) if is_whole_pid else None
            if place is not None and rows[place].comm.startswith(kill.comm):
                kill.comm = rows[place].comm

    def _has_line(self, record: Record) -> bool:
        return any(kept.line == record.line and kept.text == record.text for kept in self.incident.lines[-50:])

    def _keep(self, record: Record, kind: str) -> None:
        incident = self.incident
        incident.lines.append(ReportLine(record.line, kind, record.text))
        if record.line > incident.line_end:
            incident.line_end = record.line
        if record.uptime_us is not None:
            self._last_known_us = record.uptime_us


def _int(text: str | None) -> int | None:
    return int(text) if text is not None else None


# Sections that are kept as lines and as a fingerprint, not taken apart.
_SECTION_LINES: dict[str, str] = {
    "slab-info": "Unreclaimable slab info:",  # 4.15
    "allocations:state": "Memory allocations (profiling is currently",  # 6.18
    "allocations": "Memory allocations:",  # 6.10
    "protection": "Memory cgroup min protection",  # 6.19
    "compaction-off": "COMPACTION is disabled!!!",  # 4.9
}
_LAYOUT_BY_FEATURE: dict[str, str] = {
    "invoked:2.6.36": "C2",
    "invoked:2.6.24": "C1",
    "killed:rhel6.2": "C2",
    "killed:rhel7.7": "C3",
    "killed:2.6.33": "C1",
}
