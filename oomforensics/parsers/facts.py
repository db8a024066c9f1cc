"""What a report says, in the kernel's words and units. `None` = not printed or lost; 0 = the kernel said zero."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from oomforensics.parsers.records import TsSource
from oomforensics.parsers.task_rows import TaskRows


@dataclass(slots=True)
class Invoked:
    """`COMM invoked oom-killer: gfp_mask=…` (mm/oom_kill.c: dump_header)."""

    line: int
    shape: str
    comm: str
    gfp_mask: str | None = None  # as printed, flags included
    order: int | None = None  # -1 = sysrq-f (4.3+)
    nodemask: str | None = None
    oom_adj: int | None = None
    oom_score_adj: int | None = None


@dataclass(slots=True)
class StackHeader:
    """`CPU: … PID: … Comm: … release` (lib/dump_stack.c): the running kernel's own release."""

    line: int
    pid: int | None
    comm: str
    release: str | None
    cpu: int | None = None
    uid: int | None = None
    build: str | None = None  # what follows the release: "#1 Debian 6.1.176-1"
    hardware: str | None = None


@dataclass(slots=True)
class MemcgUsage:
    """One `memory:` / `memory+swap:` / `swap:` / `kmem:` line. Unlimited is what that kernel prints for it."""

    line: int
    usage_kb: int
    limit_kb: int
    failcnt: int


@dataclass(slots=True)
class MemcgStats:
    line: int
    path: str
    values: dict[str, int]  # as printed
    unit: str  # "kB" (one-line form, up to 5.2) or "bytes" (memory.stat form, 5.3+)


@dataclass(slots=True)
class MemcgBlock:
    task_memcg: str | None = None
    limit_memcg: str | None = None
    memory: MemcgUsage | None = None
    memsw: MemcgUsage | None = None
    swap: MemcgUsage | None = None
    kmem: MemcgUsage | None = None
    stats: list[MemcgStats] = field(default_factory=list)

    @property
    def seen(self) -> bool:
        return bool(self.memory or self.memsw or self.swap or self.stats or self.limit_memcg)


@dataclass(slots=True)
class Zone:
    line: int
    node: int | None  # None: a kernel without NUMA does not print it
    name: str
    values: dict[str, int | str]  # kB as printed ("free", "min", "managed", "present", …)
    lowmem_reserve_pages: list[int] | None = None
    buddy: dict[int, int] | None = None  # block size in kB -> count
    buddy_types: dict[int, str] | None = None  # block size in kB -> letters of the lists that hold such blocks (3.8+)


@dataclass(slots=True)
class MemInfo:
    line: int
    counters_pages: dict[str, int] = field(default_factory=dict)  # active_anon … free_cma, pages
    nodes_kb: dict[int, dict[str, int | str]] = field(default_factory=dict)
    zones: list[Zone] = field(default_factory=list)
    hugepages: list[dict[str, int]] = field(default_factory=list)  # node, total, free, surp, size_kb
    pagecache_pages: int | None = None
    swapcache_pages: int | None = None
    free_swap_kb: int | None = None
    total_swap_kb: int | None = None
    ram_pages: int | None = None
    highmem_pages: int | None = None
    reserved_pages: int | None = None
    cma_reserved_pages: int | None = None
    hwpoisoned_pages: int | None = None
    pcp_pages: int | None = None  # free, on the lists of single CPUs, where each CPU has its line (up to 4.0)
    cpus: int | None = None  # counted from these lines


@dataclass(slots=True)
class TaskTable:
    layout: str  # C1..C7 (KERNEL: dump_tasks header), "other", or "inferred:Cn" when the header was lost
    header_line: int | None
    columns: tuple[str, ...]
    rows: TaskRows = field(default_factory=TaskRows)
    damaged_rows: int = 0  # row-like lines that could not be read


@dataclass(slots=True)
class Summary:
    """`oom-kill:constraint=…` (5.0+): the process that was selected."""

    line: int
    constraint: str | None
    nodemask: str | None
    cpuset: str | None
    mems_allowed: str | None
    oom_memcg: str | None  # None: no control group's limit was hit, or the line is cut
    task_memcg: str | None
    comm: str | None
    pid: int | None
    uid: int | None


@dataclass(slots=True)
class Selected:
    """`Kill process N (c) score S or sacrifice child` (up to 5.0): the process (or thread) that was selected."""

    line: int
    message: str
    pid: int
    comm: str
    score: int | None


@dataclass(slots=True)
class Kill:
    """A process that the kernel says it killed."""

    line: int
    pid: int
    comm: str
    shape: str
    message: str | None = None  # "Out of memory", "Memory cgroup out of memory", …
    reason: str = "victim"  # victim | oom_group | shared_mm
    uid: int | None = None
    total_vm_kb: int | None = None
    anon_rss_kb: int | None = None
    file_rss_kb: int | None = None
    shmem_rss_kb: int | None = None
    pgtables_kb: int | None = None
    oom_score_adj: int | None = None
    uptime_us: int | None = None
    wall_us: int | None = None
    reaped: bool | None = None  # None: no oom_reaper line seen, which is normal


@dataclass(slots=True)
class Outcome:
    """A line that says the run ended without a kill, or with a panic."""

    line: int
    kind: str  # already_exiting | none_killable | panic_on_oom | panic_deadlock | would_have_killed
    text: str
    pid: int | None = None
    comm: str | None = None


class ReportLine(NamedTuple):
    """One raw line behind an incident; `kind` is the shape's name, or "unknown"."""

    line: int
    kind: str
    text: str


@dataclass(slots=True)
class Incident:
    """One run of the OOM killer as one source shows it. The report may be missing: the kill lines are the core."""

    source: str
    line_start: int
    line_end: int
    newest_first: bool = False  # its source runs from the newest line to the oldest
    host: str | None = None
    boot_id: str | None = None
    boot_index: int = 0  # which boot of this host inside the source, counted from 0
    uptime_us: int | None = None
    wall_us: int | None = None
    wall_source: TsSource = TsSource.NONE
    wall_local: bool = False  # it was written without a zone; those of the kills are alike
    invoked: Invoked | None = None
    stack: StackHeader | None = None
    call_trace: list[str] = field(default_factory=list)  # function names, innermost first
    cpuset: str | None = None  # pre-5.0 "COMM cpuset=NAME mems_allowed=LIST"
    mems_allowed: str | None = None
    memcg: MemcgBlock = field(default_factory=MemcgBlock)
    meminfo: MemInfo | None = None
    table: TaskTable | None = None
    summary: Summary | None = None
    selected: Selected | None = None
    kills: list[Kill] = field(default_factory=list)
    oom_group_path: str | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    sysrq: bool = False
    callbacks_suppressed: int | None = None  # the rate limiter's notice that names this storm
    boot_release: str | None = None  # release that the boot banner or another report of the same boot names
    features: set[str] = field(default_factory=set)  # fingerprints seen: "table:C6", "killed:5.4", …
    lines: list[ReportLine] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)  # parts of the report that were lost: head, table, kill_line, …
    report_suppressed: bool = False  # kill line alone because the kernel's rate limiter dropped the report
    earlier_victims: dict[int, int] = field(default_factory=dict)  # pid -> line of an earlier kill of this boot
    spent_pids: set[int] = field(default_factory=set)  # rows that a later "no killable processes" shows to be used up
    boot_total_swap_kb: set[int] = field(default_factory=set)  # "Total swap" of other reports of the same boot
    bundle_total_swap_kb: int | None = None  # of the same boot, by the bundle's /proc/meminfo
    wall_uncertainty_us: int | None = None  # of a wall-clock time that was derived
