"""A recording taken apart: snapshots as rows of tables, the kernel's log for the parsers of logs, events beside all others.

    spool = Spool(opened)
    for batch in spool.batches(): ...             snapshots
    for log in spool.logs: ...                    then: what the kernel said meanwhile

Nothing raises on content; what is lost or damaged becomes a Problem.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO

from oomforensics.capture import samples
from oomforensics.capture.decode import samples as decoded
from oomforensics.capture.read import Losses, read_segment
from oomforensics.parsers import tracepoint
from oomforensics.parsers.facts import Incident
from oomforensics.parsers.opened import Opened
from oomforensics.parsers.reading import hash_of
from oomforensics.parsers.records import Problem, TsSource
from oomforensics.parsers.snapshots import (
    CgroupStates,
    IdentityRow,
    ProcessRow,
    Recorded,
    Segment,
    Snapshot,
    system_row,
)
from oomforensics.parsers.text import visible
from oomforensics.parsers.witness import Event, Says
from oomforensics.parsers.witness_observer import identify_event

NAME = "oomforensics spool"
BATCH_ROWS = 20_000
MAX_EVENTS = 20_000  # of one spool
_LOG_IN_MEMORY = 8 << 20
_MAX_CMDLINE = 4096
_MAX_BOOTS = 1000  # of one spool; what comes behind them is taken for the last one's
_NO_OFFSET = 1 << 62
_LOSSES = ("torn_bytes", "damaged_bytes", "missing_frames", "undecodable_frames")  # of Losses, and of a Segment
# What the recorder tells -> kind of the event. What is not here is kept under its own name.
_KINDS = {
    "oom_kill": "cgroup_oom_event", "oom_group_kill": "cgroup_oom_event", "oom": "cgroup_oom_event",
    "oom_notified": "cgroup_oom_event", "oom_then_removed": "cgroup_oom_event",
    "under_oom": "cgroup_oom_event", "under_oom_cleared": "cgroup_oom_event",
    "pressure": "pressure_event", "usage_threshold": "pressure_event", "pressure_level": "pressure_event",
    "max": "pressure_event", "high": "pressure_event",
}  # fmt: skip


_IN_KB = frozenset(("total_vm", "anon_rss", "file_rss", "shmem_rss", "pgtables"))  # of oom:mark_victim


class Log:
    """What /dev/kmsg gave in one boot, record behind record, and how its stamps relate to other clocks."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment  # the last one of this boot
        self.text: IO[bytes] = tempfile.SpooledTemporaryFile(_LOG_IN_MEMORY)  # noqa: SIM115  # closed by Spool.close()
        self.total_swap_kb: int | None = None  # as last seen
        self._least_us, self._most_us = _NO_OFFSET, -_NO_OFFSET

    def add(self, record: bytes, mono_us: int) -> None:
        self.text.write(record if record.endswith(b"\n") else record + b"\n")
        stamp = record[:64].split(b",", 3)
        if len(stamp) == 4 and stamp[2].isdigit() and len(stamp[2]) < 18:
            self._least_us = min(self._least_us, mono_us - int(stamp[2]))
            self._most_us = max(self._most_us, mono_us - int(stamp[2]))

    def relate(self, segment: Segment) -> None:
        if self._most_us >= self._least_us:
            segment.kmsg_offset_us, segment.kmsg_spread_us = self._least_us, self._most_us - self._least_us

    def date(self, incident: Incident) -> None:
        """Whose and of which boot it is, and when by the clock on the wall."""
        segment = self.segment
        incident.boot_id = incident.boot_id or segment.boot_id
        incident.bundle_total_swap_kb = self.total_swap_kb
        if segment.wall_offset_us is None or segment.kmsg_offset_us is None:
            return
        offset_us = segment.kmsg_offset_us + segment.wall_offset_us
        if incident.wall_us is None and incident.uptime_us is not None:
            incident.wall_us, incident.wall_source = incident.uptime_us + offset_us, TsSource.BOOT_TIME_DERIVED
            incident.wall_uncertainty_us = segment.kmsg_spread_us
            for kill in incident.kills:
                if kill.wall_us is None and kill.uptime_us is not None:
                    kill.wall_us = kill.uptime_us + offset_us


class Spool:
    """One spool, or one segment of it. Read once."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self.logs: list[Log] = []
        self._segment: Segment | None = None
        self._batch: Recorded | None = None
        self._states = CgroupStates()
        self._mount = ""
        self._events = 0
        self._lost_before = dict.fromkeys(_LOSSES, 0)
        self._by_type: dict[type, Callable[..., None]] = {
            samples.ProcessSnapshot: self._processes,
            samples.ProcessIdentity: self._identity,
            samples.CgroupSample: self._cgroup,
            samples.SystemSample: self._system,
            samples.Event: self._event,
            samples.KernelRecords: self._kernel_records,
            samples.Note: self._note,
        }

    def close(self) -> None:
        for log in self.logs:
            log.text.close()

    def batches(self) -> Iterator[Recorded]:
        info = self._opened.info
        info.framing = NAME
        losses = Losses()
        with self._opened.seekable() as (file, size):
            info.size_bytes = size
            for one in decoded(read_segment(file, info.name, losses), losses):
                if isinstance(one, samples.Header):
                    yield from self._end(losses)
                    self._begin(one)
                elif self._segment is not None and self._batch is not None:
                    if len(self._batch) >= BATCH_ROWS and one.mono_ns // 1000 > self._segment.ended_us:
                        yield self._batch
                        self._batch = Recorded(self._segment)
                    self._segment.ended_us = max(self._segment.ended_us, one.mono_ns // 1000)
                    self._by_type[type(one)](one)
                info.records += 1
            yield from self._end(losses)
            info.sha256 = hash_of(file, size)
        info.problems += _problems(info.name, losses)
        if self._events > MAX_EVENTS:
            reason = f"{self._events - MAX_EVENTS} events after the first {MAX_EVENTS} are not kept"
            info.problems.append(Problem(info.name, None, reason, "data_loss"))

    def _begin(self, header: samples.Header) -> None:
        mono_us = header.mono_ns // 1000
        boot_id = header.boot_id.replace("-", "").lower()
        self._segment = Segment(
            f"{boot_id}:{header.mono_ns}",
            self._opened.info.name,
            visible(header.host.encode("utf-8", "surrogateescape")) or None,
            boot_id if len(boot_id) == 32 and boot_id.isalnum() else None,
            header.kernel_release[:100],
            header.page_size,
            header.interval_us,
            header.target[:1000],
            mono_us,
            mono_us,
            None if header.wall_ns is None else (header.wall_ns - header.mono_ns) // 1000,
            watched=header.sources,
            missing=header.missing,
        )
        self._batch = Recorded(self._segment)
        if self.logs and self.logs[-1].segment.boot_id == self._segment.boot_id:
            self.logs[-1].segment = self._segment
        elif len(self.logs) < _MAX_BOOTS:
            self.logs.append(Log(self._segment))
        self._mount = header.facts.get("cgroup_mount", "").rstrip("/")
        self._states = CgroupStates()

    def _end(self, losses: Losses) -> Iterator[Recorded]:
        if self._batch is not None and self._segment is not None:
            for name in _LOSSES:
                setattr(self._segment, name, getattr(losses, name) - self._lost_before[name])
                self._lost_before[name] = getattr(losses, name)
            self.logs[-1].relate(self._segment)
            yield self._batch
            self._batch = None

    # -- one sample ----------------------------------------------------------------------------------------------------

    def _processes(self, one: samples.ProcessSnapshot) -> None:
        assert self._batch is not None
        mono_us = one.mono_ns // 1000
        self._batch.snapshots.append(
            Snapshot(mono_us, one.took_us, one.planned_us, one.reason, one.known, one.unread, one.complete)
        )
        rows = self._batch.processes
        rows += [ProcessRow(mono_us, pid, starttime, True) for pid, starttime in one.gone]
        rows += [
            ProcessRow(
                mono_us, it.pid, it.starttime, False, it.vm_size_kb, it.rss_anon_kb, it.rss_file_kb, it.rss_shmem_kb,
                it.pgtables_kb, it.swap_kb, it.oom_score_adj, it.oom_score,
            )
            for it in one.changed
        ]  # fmt: skip

    def _identity(self, one: samples.ProcessIdentity) -> None:
        assert self._batch is not None
        command = visible(one.cmdline.rstrip(b"\0").replace(b"\0", b" "))[:_MAX_CMDLINE]
        self._batch.identities.append(
            IdentityRow(
                one.mono_ns // 1000, one.pid, one.starttime, one.ppid, one.uid, visible(one.comm), command,
                _memory_cgroup(one.cgroup),
            )
        )  # fmt: skip

    def _cgroup(self, one: samples.CgroupSample) -> None:
        assert self._batch is not None
        mono_us, path = one.mono_ns // 1000, self._path(one.folder)
        if one.gone:
            self._batch.cgroups.append(self._states.gone(mono_us, path, one.version))
        else:
            self._batch.cgroups.append(self._states.row(mono_us, path, one.version, one.files))

    def _system(self, one: samples.SystemSample) -> None:
        assert self._batch is not None and self._segment is not None
        row = system_row(one.mono_ns // 1000, one.files)
        self._batch.system.append(row)
        self.logs[-1].total_swap_kb = row.swap_total_kb
        if one.wall_ns is not None:
            self._segment.wall_offset_us = (one.wall_ns - one.mono_ns) // 1000

    def _event(self, one: samples.Event) -> None:
        assert self._segment is not None
        self._events += 1
        if self._events > MAX_EVENTS:
            return
        mono_us = one.mono_ns // 1000
        cgroup = None if one.folder is None else self._path(one.folder)
        text = f"{one.what} ({one.cause}){'' if cgroup is None else f' in {cgroup}'}"
        event = Event(
            _KINDS.get(one.what, one.what), Says.WARNING, None, self._opened.info.name, self._events, text, "oomforensics",
            self._segment.host, self._segment.boot_id, mono_us, *self._wall(mono_us), cgroup=cgroup,
        )  # fmt: skip
        identify_event(event)
        event.detail.update(what=one.what, cause=one.cause)
        if one.what == "mark_victim":
            _chosen(event, one.files)
        else:
            event.detail.update({name: visible(raw.strip())[:2000] for name, raw in one.files.items()})
        self._opened.info.events.append(event)

    def _kernel_records(self, one: samples.KernelRecords) -> None:
        for record in one.records:
            self.logs[-1].add(record, one.mono_ns // 1000)

    def _note(self, one: samples.Note) -> None:
        assert self._segment is not None
        if len(self._segment.notes) < 1000:
            self._segment.notes.append(one.text[:1000])

    def _path(self, folder: str) -> str:
        inside = folder.removeprefix(self._mount) if f"{folder}/".startswith(f"{self._mount}/") else folder
        return visible(os.fsencode(inside)) or "/"

    def _wall(self, mono_us: int) -> tuple[int | None, TsSource]:
        assert self._segment is not None
        if self._segment.wall_offset_us is None:
            return None, TsSource.NONE
        return mono_us + self._segment.wall_offset_us, TsSource.BOOT_TIME_DERIVED


def _chosen(event: Event, files: Mapping[str, bytes]) -> None:
    """From the record of oom:mark_victim; before 6.10 it holds the pid alone. The time is the kernel's."""
    said = tracepoint.fields(files.get("format", b""), files.get("record", b""))
    pid, comm, uid = said.pop("pid", None), said.pop("comm", None), said.pop("uid", None)
    event.says, event.mechanism = Says.CLAIM, "kernel"
    event.pid = pid if isinstance(pid, int) else None
    event.comm = comm if isinstance(comm, str) else None
    event.uid = uid if isinstance(uid, int) else None
    event.detail.update({f"{name}_kb" if name in _IN_KB else name: value for name, value in said.items()})
    chosen_ns = files.get("chosen_ns", b"")
    if chosen_ns.isdigit() and len(chosen_ns) < 19:
        event.detail["chosen_us"] = int(chosen_ns) // 1000


def _memory_cgroup(text: bytes) -> str | None:
    """From /proc/PID/cgroup: the memory controller's hierarchy, else that of version 2."""
    unified = None
    for line in visible(text).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "memory" in controllers.split(","):
            return path
        if number == "0":
            unified = path
    return unified


def _problems(source: str, losses: Losses) -> Iterator[Problem]:
    if losses.torn_bytes:
        yield Problem(
            source,
            None,
            f"its last {losses.torn_bytes} bytes are no whole frame: cut off, or still being written",
            "info",
        )
    if losses.damaged_bytes or losses.undecodable_frames or losses.missing_frames:
        reason = (
            f"damaged: {losses.damaged_bytes} bytes are no frames, {losses.missing_frames} frames are missing,"
            f" {losses.undecodable_frames} cannot be read"
        )
        yield Problem(source, None, reason, "data_loss")
    if losses.unknown_versions:
        versions = ", ".join(map(str, sorted(losses.unknown_versions)))
        yield Problem(source, None, f"written by a newer oomforensics (format {versions})")
