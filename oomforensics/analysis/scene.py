"""What the history knows of an incident, for all that is derived from it: balance, failed allocation, findings.

Units are in the names; None = not printed, lost or not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from oomforensics.analysis.task_table import NO_TASKS, Process, TaskTable
from oomforensics.kernel.eras import Era, Version, find_era
from oomforensics.kernel.identify import version_of
from oomforensics.parsers.facts import MemcgStats, MemInfo


class Killed(NamedTuple):
    """A process that the kernel says it killed."""

    pid: int | None
    comm: str | None
    anon_rss_kb: int | None
    file_rss_kb: int | None
    shmem_rss_kb: int | None
    pgtables_kb: int | None
    oom_score_adj: int | None
    reason: str  # victim | oom_group | shared_mm
    reaped: bool | None
    uptime_s: float | None
    ts_us: int | None
    line: int


NEIGHBOURS_S = 3600  # how far back an incident's neighbours lie: as far as any finding looks
MOST_NEIGHBOURS = 30  # the nearest


class Neighbour(NamedTuple):
    """An incident of the same host within the hour before this one; of the same boot where `same_boot`.

    Where neither names a host or a boot, one that stands above this one in the same source, with an earlier stamp.
    """

    incident_id: str
    earlier_s: float  # seconds from it to this one
    same_boot: bool
    scope: str
    victim_pid: int | None
    victim_comm: str | None
    oom_memcg: str | None
    task_memcg: str | None
    systemd_unit: str | None
    container_id: str | None
    pod_uid: str | None
    limit_kb: int | None
    victim_anon_kb: int | None  # its anon-rss, by the kill line
    victim_shared_kb: int  # its file-rss and shmem-rss there, as far as printed
    reaper_failed: bool  # the kernel says that it could not take the victim's memory
    source: str
    line: int


class HostFact(NamedTuple):
    """What another file of the bundle says of the host, as text."""

    value: str
    source: str
    line: int | None


class Told(NamedTuple):
    """An event of another killer or witness that belongs to this incident."""

    kind: str
    pid: int | None
    comm: str | None
    cgroup: str | None
    text: str | None
    source: str
    line: int | None


class Together(NamedTuple):
    """Processes of one command, unit, control group or user that a recording saw before the incident, and what they came to."""

    kind: str  # command | unit | cgroup | user
    who: str
    processes: int
    end_bytes: int


class Grown(NamedTuple):
    """Who grew before the incident, as the views growth_verdicts and growth have it. Seconds from the report's first line."""

    culprit: str | None
    culprit_kind: str | None  # process | command | unit | cgroup | user
    culprit_pid: int | None
    shape: str | None
    share: float | None
    grown_bytes: int | None
    from_s: float | None
    until_s: float | None
    text: str | None
    not_known: tuple[str, ...]
    seen_in: str | None  # recording | reports
    source: str
    together: tuple[Together, ...] = ()


@dataclass(frozen=True)
class Scene:
    incident_id: str
    host: str | None
    boot_id: str | None
    ts_us: int | None
    uptime_s: float | None
    kernel_release: str | None
    era: str | None
    page_size: int | None
    scope: str
    constraint_raw: str | None
    oom_memcg: str | None
    task_memcg: str | None
    trigger_pid: int | None
    trigger_comm: str | None
    trigger_cpu: int | None  # the machine has at least this many CPUs and one
    gfp_mask: str | None
    alloc_order: int | None
    nodemask: str | None  # nodes that the request's mempolicy allowed; "(null)": it set none
    cpuset: str | None
    mems_allowed: str | None  # nodes that this cpuset allowed
    totalpages: int | None
    selected_pid: int | None
    victim_pid: int | None
    victim_comm: str | None
    verdict: str
    complete: bool
    missing: tuple[str, ...]
    outcomes: tuple[str, ...]
    oom_group_path: str | None
    report_suppressed: bool | None
    callbacks_suppressed: int | None
    memory_usage_kb: int | None
    memory_limit_kb: int | None
    memory_failcnt: int | None
    memsw_usage_kb: int | None
    memsw_limit_kb: int | None
    swap_usage_kb: int | None
    swap_limit_kb: int | None
    kmem_usage_kb: int | None
    kmem_limit_kb: int | None
    total_swap_kb: int | None
    free_swap_kb: int | None
    ram_pages: int | None
    reserved_pages: int | None
    call_trace: tuple[str, ...]
    hardware: str | None
    systemd_unit: str | None
    container_id: str | None
    pod_uid: str | None
    source: str
    line_start: int
    line_end: int
    meminfo: MemInfo | None = None
    memcg_stats: tuple[MemcgStats, ...] = ()
    processes: TaskTable = NO_TASKS
    kills: tuple[Killed, ...] = ()
    facts: Mapping[tuple[str, str], HostFact] = field(default_factory=dict)  # by kind and name
    neighbours: tuple[Neighbour, ...] = ()  # the nearest first
    told: tuple[Told, ...] = ()
    grown: Grown | None = None  # None: nothing shows the time before

    @cached_property
    def rules(self) -> Era | None:
        """The era's row; None where none is known, or only another version of ours knows it."""
        return find_era(self.era) if self.era is not None else None

    @cached_property
    def version(self) -> Version | None:
        """Of the release, or the first one of the era that the text alone tells."""
        return version_of(self.kernel_release, self.era)

    @property
    def victim(self) -> Process | None:
        return self.processes.victim

    def number(self, kind: str, name: str) -> int | None:
        """A fact of the host as a whole number; None where the bundle does not say it, or says something else."""
        fact = self.facts.get((kind, name))
        text = fact.value.strip() if fact is not None else ""
        return int(text) if text.isdecimal() and len(text) < 19 else None
