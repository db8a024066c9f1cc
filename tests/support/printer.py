"""Prints OOM reports the way kernels do, with the kernels' own format strings, from a population of tasks.

Independent of the parsers: this side is written from mm/oom_kill.c's format strings, that side reads lines. Used for
round trips, hand-made fixtures of eras that no package offers, and benchmarks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass
class Task:
    pid: int
    comm: str = "app"
    uid: int = 1000
    tgid: int | None = None
    total_vm: int = 50_000
    rss_anon: int = 1_000
    rss_file: int = 10
    rss_shmem: int = 0
    nr_ptes: int = 20
    nr_pmds: int = 3
    swapents: int = 0
    oom_score_adj: int = 0

    @property
    def rss(self) -> int:
        return self.rss_anon + self.rss_file + self.rss_shmem

    def pgtables_bytes(self, page_size: int = 4096) -> int:
        return (self.nr_ptes + self.nr_pmds) * page_size


@dataclass
class Kernel:
    """What a kernel prints. The ids are those of KERNEL.md's tables of shapes."""

    release: str
    table: str  # C1..C7
    invoked: str  # "2.6.32", "2.6.36", "3.7", "4.6", "4.9", "5.0"
    killed: str  # "a".."f", "rhel6", "rhel7.7", "rhel8.3"
    summary: bool = False
    page_size: int = 4096

    @property
    def kb(self) -> int:
        return self.page_size // 1024


KERNELS: dict[str, Kernel] = {
    "2.6.32": Kernel("2.6.32", "C1", "2.6.32", "a"),
    "2.6.34": Kernel("2.6.34.7", "C1", "2.6.32", "b"),
    "2.6.37": Kernel("2.6.37.6", "C2", "2.6.36", "c"),
    "3.0": Kernel("3.0.101", "C2", "2.6.36", "c"),
    "3.4": Kernel("3.4.113", "C2", "2.6.36", "c"),
    "3.6": Kernel("3.6.11", "C3", "2.6.36", "c"),
    "3.8": Kernel("3.8.13", "C3", "3.7", "c"),
    "3.16": Kernel("3.16.7", "C3", "3.7", "c"),
    "3.18": Kernel("3.18.140", "C3", "3.7", "c"),
    "4.4": Kernel("4.4.302", "C4", "3.7", "c"),
    "4.7": Kernel("4.7.10", "C4", "4.6", "d"),
    "4.14": Kernel("4.14.336", "C4", "4.9", "d"),
    "4.15": Kernel("4.15.18", "C5", "4.9", "d"),
    "4.19": Kernel("4.19.325", "C6", "4.9", "d"),
    "5.0": Kernel("5.0.21", "C6", "5.0", "d", summary=True),
    "5.2": Kernel("5.2.21", "C6", "5.0", "e", summary=True),
    "5.3": Kernel("5.3.18", "C6", "5.0", "e", summary=True),
    "5.4": Kernel("5.4.280", "C6", "5.0", "f", summary=True),
    "5.10": Kernel("5.10.262", "C6", "5.0", "f", summary=True),
    "6.6": Kernel("6.6.9", "C6", "5.0", "f", summary=True),
    "6.12": Kernel("6.12.107", "C7", "5.0", "f", summary=True),
    "7.3": Kernel("7.3.4", "C7", "5.0", "f", summary=True),
    "rhel6.2": Kernel("2.6.32-279.el6.x86_64", "C2", "2.6.36", "rhel6"),
    "rhel6.9": Kernel("2.6.32-696.el6.x86_64", "C2", "2.6.36", "rhel6"),
    "rhel7.3": Kernel("3.10.0-514.el7.x86_64", "C3", "3.7", "d"),
    "rhel7.9": Kernel("3.10.0-1160.el7.x86_64", "C3", "3.7", "rhel7.7"),
    "rhel8.1": Kernel("4.18.0-147.5.1.el8_1.x86_64", "C5", "4.9", "e"),
    "rhel8.3": Kernel("4.18.0-240.el8.x86_64", "C5", "5.0", "rhel8.3", summary=True),
    "rhel8.7": Kernel("4.18.0-425.el8.x86_64", "C6", "5.0", "f", summary=True),
    "5.10-64k": Kernel("5.10.262", "C6", "5.0", "f", summary=True, page_size=65536),
}

_HEADERS = {
    "C1": "[ pid ]   uid  tgid total_vm      rss cpu oom_adj name",
    "C2": "[ pid ]   uid  tgid total_vm      rss cpu oom_adj oom_score_adj name",
    "C3": "[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name",
    "C4": "[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name",
    "C5": "[ pid ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
    "C6": "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
    "C7": "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name",
}


@dataclass
class Report:
    kernel: Kernel
    tasks: Sequence[Task]
    victim: Task
    trigger: Task | None = None
    ram_pages: int = 524_288
    reserved_pages: int = 16_384
    total_swap_kb: int = 0
    free_swap_kb: int = 0
    memcg: str | None = None
    memcg_limit_kb: int = 65_536
    memsw_limit_kb: int | None = None
    swap_limit_kb: int | None = None
    score: int = 500
    selected: Task | None = None  # up to 5.0, when a child died in its place
    extra_tail: Sequence[str] = field(default_factory=tuple)

    def lines(self) -> Iterator[str]:
        yield self._invoked()
        trigger = self.trigger or self.victim
        old_stack = self.kernel.table in ("C1", "C2")
        if self.kernel.invoked != "5.0":
            yield f"{trigger.comm} cpuset=/ mems_allowed=0"
        if old_stack:
            yield f"Pid: {trigger.pid}, comm: {trigger.comm} Not tainted {self.kernel.release} #1"
        else:
            yield f"CPU: 1 PID: {trigger.pid} Comm: {trigger.comm} Not tainted {self.kernel.release} #1 made for a test"
            yield "Hardware name: QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.16.2"
        yield "Call Trace:"
        yield " dump_stack+0x6b/0x83"
        yield " dump_header+0x4a/0x1f0"
        yield from (self._memcg() if self.memcg else self._mem_info())
        yield from self._table()
        if self.kernel.summary:
            yield self._summary()
        yield from self.kill_lines()
        yield from self.extra_tail

    def _invoked(self) -> str:
        trigger = self.trigger or self.victim
        head = f"{trigger.comm} invoked oom-killer: gfp_mask="
        adj = trigger.oom_score_adj
        match self.kernel.invoked:
            case "2.6.32":
                return f"{head}0x280da, order=0, oom_adj={adj * 17 // 1000}"
            case "2.6.36":
                return f"{head}0x280da, order=0, oom_adj={adj * 15 // 1000}, oom_score_adj={adj}"
            case "3.7":
                return f"{head}0x280da, order=0, oom_score_adj={adj}"
            case "4.9":
                return f"{head}0x14200ca(GFP_HIGHUSER_MOVABLE), nodemask=(null),  order=0, oom_score_adj={adj}"
        return f"{head}0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO), order=0, oom_score_adj={adj}"

    def _mem_info(self) -> Iterator[str]:
        kb = self.kernel.kb
        managed_kb = (self.ram_pages - self.reserved_pages) * kb
        managed = f" managed:{managed_kb}kB" if self.kernel.table not in ("C1", "C2") else ""
        yield "Mem-Info:"
        yield "active_anon:69704 inactive_anon:407086 isolated_anon:0"
        yield " active_file:14 inactive_file:66 isolated_file:2"
        yield " free:13191 free_pcp:370 free_cma:0"
        yield f"Node 0 Normal free:44672kB min:44696kB low:55868kB high:67040kB present:{self.ram_pages * kb}kB{managed}"
        yield "lowmem_reserve[]: 0 0 0 0"
        yield f"Node 0 Normal: 206*{kb}kB (UME) 305*{kb * 2}kB (UE) 0*{kb * 4}kB = {206 * kb + 305 * kb * 2}kB"
        yield "15881 total pagecache pages"
        yield "0 pages in swap cache"
        yield f"Free swap  = {self.free_swap_kb}kB"
        yield f"Total swap = {self.total_swap_kb}kB"
        yield f"{self.ram_pages} pages RAM"
        yield "0 pages HighMem/MovableOnly"
        yield f"{self.reserved_pages} pages reserved"

    def _memcg(self) -> Iterator[str]:
        limit = self.memcg_limit_kb
        if self.kernel.invoked != "5.0":
            yield f"Task in {self.memcg} killed as a result of limit of {self.memcg}"
        yield f"memory: usage {limit}kB, limit {limit}kB, failcnt 153"
        if self.memsw_limit_kb is not None:
            yield f"memory+swap: usage {limit}kB, limit {self.memsw_limit_kb}kB, failcnt 0"
        if self.swap_limit_kb is not None:
            yield f"swap: usage 0kB, limit {self.swap_limit_kb}kB, failcnt 0"
        if self.kernel.killed in ("f", "rhel8.3") or self.kernel.release.startswith("5.3"):
            yield f"Memory cgroup stats for {self.memcg}:"
            yield f"anon {limit * 1024}"
            yield "file 0"
        else:
            yield f"Memory cgroup stats for {self.memcg}: cache:0KB rss:{limit}KB rss_huge:0KB mapped_file:0KB"

    def _table(self) -> Iterator[str]:
        if self.kernel.table in ("C6", "C7"):
            yield "Tasks state (memory values in pages):"
        yield _HEADERS[self.kernel.table]
        for task in self.tasks:
            yield self.row(task)

    def row(self, task: Task) -> str:
        tgid = task.tgid if task.tgid is not None else task.pid
        wide = self.kernel.table in ("C6", "C7")
        head = f"[{task.pid:7d}]" if wide else f"[{task.pid:5d}]"
        head += f" {task.uid:5d} {tgid:5d} {task.total_vm:8d} {task.rss:8d}"
        tail = f" {task.swapents:8d}         {task.oom_score_adj:5d} {task.comm}"
        pgtables = task.pgtables_bytes(self.kernel.page_size)
        match self.kernel.table:
            case "C1":
                return f"{head} {1:3d}     {task.oom_score_adj * 17 // 1000:3d} {task.comm}"
            case "C2":
                adj = task.oom_score_adj
                return f"{head} {1:3d}     {adj * 15 // 1000:3d}         {adj:5d} {task.comm}"
            case "C3":
                return f"{head} {task.nr_ptes:7d}{tail}"
            case "C4":
                return f"{head} {task.nr_ptes:7d} {task.nr_pmds:7d}{tail}"
            case "C5" | "C6":
                return f"{head} {pgtables:8d}{tail}"
        return f"{head} {task.rss_anon:8d} {task.rss_file:8d} {task.rss_shmem:9d} {pgtables:8d}{tail}"

    def _summary(self) -> str:
        task = self.victim
        where = f"oom_memcg={self.memcg},task_memcg={self.memcg}" if self.memcg else "global_oom,task_memcg=/"
        constraint = "CONSTRAINT_MEMCG" if self.memcg else "CONSTRAINT_NONE"
        return (
            f"oom-kill:constraint={constraint},nodemask=(null),cpuset=/,mems_allowed=0,{where},"
            f"task={task.comm},pid={task.pid},uid={task.uid}"
        )

    def kill_lines(self) -> Iterator[str]:
        kb, kind, task = self.kernel.kb, self.kernel.killed, self.victim
        message = "Memory cgroup out of memory" if self.memcg else "Out of memory"
        chosen = self.selected or task
        if kind in "ab":
            yield f"{message}: kill process {chosen.pid} ({chosen.comm}) score {self.score} or a child"
        elif kind in ("c", "d", "rhel6", "rhel7.7"):
            yield f"{message}: Kill process {chosen.pid} ({chosen.comm}) score {self.score} or sacrifice child"
        shmem = f", shmem-rss:{task.rss_shmem * kb}kB"
        sizes = f"total-vm:{task.total_vm * kb}kB, anon-rss:{task.rss_anon * kb}kB, file-rss:{task.rss_file * kb}kB"
        tables_kb = task.pgtables_bytes(self.kernel.page_size) // 1024
        match kind:
            case "a":
                yield f"Killed process {task.pid} ({task.comm})"
            case "b":
                yield f"Killed process {task.pid} ({task.comm}) vsz:{sizes.removeprefix('total-vm:')}"
            case "c":
                yield f"Killed process {task.pid} ({task.comm}) {sizes}"
            case "d":
                yield f"Killed process {task.pid} ({task.comm}) {sizes}{shmem}"
            case "e":
                yield f"{message}: Killed process {task.pid} ({task.comm}) {sizes}{shmem}"
            case "f":
                yield (
                    f"{message}: Killed process {task.pid} ({task.comm}) {sizes}{shmem}, UID:{task.uid} "
                    f"pgtables:{tables_kb}kB oom_score_adj:{task.oom_score_adj}"
                )
            case "rhel6":
                yield f"Killed process {task.pid}, UID {task.uid}, ({task.comm}) {sizes}"
            case "rhel7.7":
                yield f"Killed process {task.pid} ({task.comm}), UID {task.uid}, {sizes}{shmem}"
            case "rhel8.3":
                yield f"{message}: Killed process {task.pid} ({task.comm}) {sizes}{shmem}, UID:{task.uid}"


def stamped(lines: Iterator[str] | Sequence[str], start_s: float = 100.0, step_s: float = 0.0001) -> list[str]:
    """The lines as `dmesg` prints them."""
    return [f"[{start_s + index * step_s:12.6f}] {line}" for index, line in enumerate(lines)]
