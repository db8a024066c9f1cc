"""What a spool says, as typed facts. Units are in the names; `mono_ns` is CLOCK_MONOTONIC of the recorded boot."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Header:
    """How to read what follows. At the beginning of every segment."""

    mono_ns: int
    wall_ns: int | None  # CLOCK_REALTIME at `mono_ns`
    host: str
    boot_id: str
    kernel_release: str
    page_size: int | None
    clock_ticks: int | None
    target: str
    interval_us: int | None
    recorder_pid: int | None
    sources: tuple[str, ...]  # of OOM events
    missing: tuple[str, ...]  # what the machine has not, or did not allow
    facts: dict[str, str] = field(default_factory=dict)  # everything that stood there once


@dataclass(frozen=True, slots=True)
class ProcessSample:
    """Values of one process. None: that kernel does not show it, or not to the recorder."""

    mono_ns: int
    pid: int
    starttime: int  # clock ticks since boot
    vm_size_kb: int | None
    rss_anon_kb: int | None
    rss_file_kb: int | None  # before Linux 4.5 with shared memory
    rss_shmem_kb: int | None
    pgtables_kb: int | None
    swap_kb: int | None
    oom_score_adj: int | None
    oom_score: int | None


@dataclass(frozen=True, slots=True)
class ProcessSnapshot:
    """One step. A process that is not among `changed` has the values that it had."""

    mono_ns: int
    took_us: int
    planned_us: int  # until the next
    reason: str  # why then: steady, headroom, alarm, cooling, costly, event, new
    known: int  # processes that the recorder follows
    unread: int  # for lack of time; read in the next step
    complete: bool  # `changed` holds every process
    changed: tuple[ProcessSample, ...]
    appeared: tuple[tuple[int, int], ...]  # pid and starttime
    gone: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """Who a process is. Read soon after it appeared, again when its name changed, and in every segment."""

    mono_ns: int
    pid: int
    starttime: int
    uid: int | None
    ppid: int | None
    comm: bytes
    cmdline: bytes  # arguments, each ended by NUL; at most 4096 bytes
    cgroup: bytes  # /proc/PID/cgroup
    stat: bytes


@dataclass(frozen=True, slots=True)
class CgroupSample:
    """Files of one cgroup as they are now; those that did not change are not there."""

    mono_ns: int
    folder: str
    version: int
    files: dict[str, bytes]
    gone: bool = False

    def number(self, name: str) -> int | None:
        """Of a file that holds nothing else; None where it is `max`, or was not copied."""
        raw = self.files.get(name, b"").strip()
        return int(raw) if raw.isdigit() and len(raw) <= 20 else None


@dataclass(frozen=True, slots=True)
class SystemSample:
    """Files of /proc, by their path there."""

    mono_ns: int
    wall_ns: int | None
    files: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Event:
    """Something was told, at once. `files` are the counters read then."""

    mono_ns: int
    what: str  # oom_kill, oom_group_kill, under_oom, under_oom_cleared, oom_notified, oom_then_removed, usage_threshold, …
    cause: str  # the file or interface that told
    folder: str | None  # of the cgroup; None: the machine
    oom: bool
    files: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class KernelRecords:
    """Records of /dev/kmsg, each as one read() gave it."""

    mono_ns: int
    records: tuple[bytes, ...]
    oom: bool


@dataclass(frozen=True, slots=True)
class Note:
    """The recorder about itself: losses, storms, why it stopped."""

    mono_ns: int
    text: str


Sample = Header | ProcessSnapshot | ProcessIdentity | CgroupSample | SystemSample | Event | KernelRecords | Note
