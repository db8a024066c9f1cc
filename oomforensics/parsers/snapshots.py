"""What a recording holds besides the kernel's log, as rows of tables.

Times are microseconds of the recorded boot's CLOCK_MONOTONIC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Snapshot(NamedTuple):
    """One look at all processes in scope."""

    mono_us: int
    took_us: int
    planned_us: int  # until the next
    reason: str
    known: int
    unread: int
    complete: bool


class ProcessRow(NamedTuple):
    """A process whose values changed, or that is gone; between two rows it has the values of the first."""

    mono_us: int
    pid: int
    starttime: int  # clock ticks since boot: with the pid, who it is
    gone: bool
    vm_size_kb: int | None = None
    rss_anon_kb: int | None = None
    rss_file_kb: int | None = None
    rss_shmem_kb: int | None = None
    pgtables_kb: int | None = None
    swap_kb: int | None = None
    oom_score_adj: int | None = None
    oom_score: int | None = None


class IdentityRow(NamedTuple):
    """Who a process is, from then on: exec changes it."""

    mono_us: int
    pid: int
    starttime: int
    ppid: int | None
    uid: int | None
    comm: str
    cmdline: str
    cgroup: str | None  # of the memory controller


class CgroupRow(NamedTuple):
    """Counters of a cgroup; what was not copied again is as it was."""

    mono_us: int
    cgroup: str
    version: int
    gone: bool
    usage_bytes: int | None = None
    limit_bytes: int | None = None  # NULL: none
    swap_bytes: int | None = None  # version 1: memory and swap together
    swap_limit_bytes: int | None = None
    anon_bytes: int | None = None
    file_bytes: int | None = None
    shmem_bytes: int | None = None
    slab_bytes: int | None = None
    oom_kill: int | None = None
    under_oom: bool | None = None


class SystemRow(NamedTuple):
    """Of the machine."""

    mono_us: int
    mem_total_kb: int | None
    mem_free_kb: int | None
    mem_available_kb: int | None
    swap_total_kb: int | None
    swap_free_kb: int | None
    cached_kb: int | None
    shmem_kb: int | None
    anon_kb: int | None
    slab_kb: int | None
    sunreclaim_kb: int | None
    pgtables_kb: int | None
    committed_as_kb: int | None
    oom_kill: int | None
    pgmajfault: int | None
    some_avg10_percent: float | None
    full_avg10_percent: float | None


@dataclass(slots=True)
class Segment:
    """A part of a recording that can be read alone: a file of a spool."""

    segment_id: str  # of this part, wherever its file lies
    source: str
    host: str | None
    boot_id: str | None
    kernel_release: str
    page_size: int | None
    interval_us: int | None
    target: str
    began_us: int
    ended_us: int
    wall_offset_us: int | None  # the clock on the wall minus CLOCK_MONOTONIC
    kmsg_offset_us: int | None = None  # CLOCK_MONOTONIC minus the kernel's stamps, when a record was read
    kmsg_spread_us: int | None = None  # how far apart those are
    watched: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    torn_bytes: int = 0
    damaged_bytes: int = 0
    missing_frames: int = 0
    undecodable_frames: int = 0


@dataclass(slots=True)
class Recorded:
    """Rows of one segment, a part of them: whole looks. `segment` as far as it is known then."""

    segment: Segment
    snapshots: list[Snapshot] = field(default_factory=list)
    processes: list[ProcessRow] = field(default_factory=list)
    identities: list[IdentityRow] = field(default_factory=list)
    cgroups: list[CgroupRow] = field(default_factory=list)
    system: list[SystemRow] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.snapshots) + len(self.processes) + len(self.identities) + len(self.cgroups) + len(self.system)


_MEMINFO = {
    "mem_total_kb": b"MemTotal", "mem_free_kb": b"MemFree", "mem_available_kb": b"MemAvailable", "swap_total_kb": b"SwapTotal",
    "swap_free_kb": b"SwapFree", "cached_kb": b"Cached", "shmem_kb": b"Shmem", "anon_kb": b"AnonPages", "slab_kb": b"Slab",
    "sunreclaim_kb": b"SUnreclaim", "pgtables_kb": b"PageTables", "committed_as_kb": b"Committed_AS",
}  # fmt: skip


def system_row(mono_us: int, files: Mapping[str, bytes]) -> SystemRow:
    """From copies of files of /proc, by their names there."""
    meminfo = _pairs(files.get("meminfo", b"").replace(b":", b" "))
    vmstat = _pairs(files.get("vmstat", b""))
    pressure = files.get("pressure/memory", b"")
    return SystemRow(
        mono_us,
        **{name: meminfo.get(key) for name, key in _MEMINFO.items()},
        oom_kill=vmstat.get(b"oom_kill"),
        pgmajfault=vmstat.get(b"pgmajfault"),
        some_avg10_percent=_avg10(pressure, b"some"),
        full_avg10_percent=_avg10(pressure, b"full"),
    )


class CgroupStates:
    """Rows of cgroups from copies of their files, of which a recorder repeats only those that changed."""

    def __init__(self) -> None:
        self._last: dict[str, CgroupRow] = {}

    def row(self, mono_us: int, cgroup: str, version: int, files: Mapping[str, bytes]) -> CgroupRow:
        before = self._last.get(cgroup) or CgroupRow(mono_us, cgroup, version, False)
        found: dict[str, Any] = (_of_v2 if version == 2 else _of_v1)(files)
        now = before._replace(mono_us=mono_us, version=version, **found)
        self._last[cgroup] = now
        return now

    def gone(self, mono_us: int, cgroup: str, version: int) -> CgroupRow:
        self._last.pop(cgroup, None)
        return CgroupRow(mono_us, cgroup, version, True)


_V1_UNLIMITED = 1 << 60  # bytes: "no limit" is some number near 2**63


def _of_v1(files: Mapping[str, bytes]) -> dict[str, int | bool | None]:
    found: dict[str, int | bool | None] = {}
    for name, column in (
        ("memory.usage_in_bytes", "usage_bytes"), ("memory.limit_in_bytes", "limit_bytes"),
        ("memory.memsw.usage_in_bytes", "swap_bytes"), ("memory.memsw.limit_in_bytes", "swap_limit_bytes"),
    ):  # fmt: skip
        if name in files:
            value = _number(files[name])
            found[column] = None if value is not None and value >= _V1_UNLIMITED else value
    if "memory.stat" in files:
        stat = _pairs(files["memory.stat"])
        found |= {
            "anon_bytes": stat.get(b"total_rss"),
            "file_bytes": stat.get(b"total_cache"),
            "shmem_bytes": stat.get(b"total_shmem"),
        }
    if "memory.oom_control" in files:
        control = _pairs(files["memory.oom_control"])
        found["oom_kill"] = control.get(b"oom_kill")
        found["under_oom"] = bool(control.get(b"under_oom"))
    return found


def _of_v2(files: Mapping[str, bytes]) -> dict[str, int | bool | None]:
    found: dict[str, int | bool | None] = {}
    for name, column in (
        ("memory.current", "usage_bytes"), ("memory.max", "limit_bytes"), ("memory.swap.current", "swap_bytes"),
        ("memory.swap.max", "swap_limit_bytes"),
    ):  # fmt: skip
        if name in files:
            found[column] = _number(files[name])  # `max`: none
    if "memory.stat" in files:
        stat = _pairs(files["memory.stat"])
        found |= {f"{name}_bytes": stat.get(name.encode()) for name in ("anon", "file", "shmem", "slab")}
    if "memory.events" in files:
        found["oom_kill"] = _pairs(files["memory.events"]).get(b"oom_kill")
    return found


def _pairs(text: bytes) -> dict[bytes, int]:
    """`name number` a line, whatever stands behind; nothing of lines that are none."""
    found: dict[bytes, int] = {}
    for line in text.splitlines():
        words = line.split(None, 2)
        if len(words) >= 2 and (value := _number(words[1])) is not None:
            found[words[0]] = value
    return found


def _number(text: bytes) -> int | None:
    text = text.strip()
    return int(text) if text.isdigit() and len(text) <= 19 else None


def _avg10(pressure: bytes, kind: bytes) -> float | None:
    for line in pressure.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == kind and words[1].startswith(b"avg10="):
            digits = words[1][len(b"avg10=") :]
            return float(digits) if digits.replace(b".", b"", 1).isdigit() and len(digits) < 12 else None
    return None
