"""Memory that killing processes gives back badly or not at all: by kind, as a share of the RAM or the limit."""

from __future__ import annotations

from oomforensics.analysis.balance.cgroup import UNLISTED
from oomforensics.analysis.findings import words
from oomforensics.analysis.findings.entry import Confidence, Entry, Fact, Found, Severity, entry
from oomforensics.analysis.findings.evidence import Evidence
from oomforensics.analysis.findings.memory import Memory, Part
from oomforensics.analysis.model import Scope

# Of a test's tiny cgroup any share is reached.
_WORTH_KB = 4096
# A fifth of all memory in one place that no kill empties: without it the kill would not have come now.
_LARGE = 0.20
# Page tables are two thousandths of what they map; at a twentieth of memory something maps far more than it uses.
_TABLES = 0.05
# Kernel stacks are 8 to 16 KiB a thread: a twentieth of memory in them is threads by the thousand.
_STACKS = 0.05
# Huge pages that nobody uses are lost to everyone; a tenth of RAM is more than any other reserve.
_IDLE_POOL = 0.10
# Memory maps, firmware and vmalloc of a healthy machine stay well below; a small guest may have 7 % outside every counter.
_OUTSIDE = 0.15
_MOST = 0.50
_SHMEM, _MAPPED = "shared memory and tmpfs", "of it mapped, at most"
_KERNELS_OWN = ("slab_unreclaimable", "kernel_stack", "unaccounted")
_KERNELS_OWN_OF_CGROUP = ("slab_unreclaimable", "kernel_stack", "percpu", "vmalloc", UNLISTED)


def _held(seen: Evidence, name: str, least: float) -> tuple[Memory, Part] | None:
    """The memory that ran out and this part of it, where that is a share worth speaking of."""
    memory = seen.memory
    if memory is None or name not in memory.parts or memory.share(name) < least or memory.parts[name].kb < _WORTH_KB:
        return None
    return memory, memory.parts[name]


def _of_whole(memory: Memory, kb: int) -> str:
    return f"{words.size(kb)}, {words.share(kb / memory.whole.kb)} of {memory.what}"


def _facts(seen: Evidence, memory: Memory, what: str, part: Part) -> tuple[Fact, ...]:
    return words.part(seen, what, part), words.part(seen, memory.what, memory.whole)


@entry(
    Severity.CRITICAL,
    condition=f"shmem is at least {_LARGE:.0%} of memory, and processes have less than half of it mapped",
    advice=(
        "Find what fills it: df -t tmpfs, ls -l /dev/shm, ipcs -m, in a container every emptyDir of medium Memory; a root file "
        "system unpacked from an initramfs is one too. Delete the files; a kill does not. Then give each tmpfs a size (mount "
        "-o remount,size=…, sizeLimit of an emptyDir): a full one answers ENOSPC to whoever writes, which that program must "
        "bear. Swap, where there is some, takes tmpfs pages too."
    ),
)
def tmpfs_not_freed(seen: Evidence) -> Found | None:
    held = _held(seen, "shmem", _LARGE)
    if held is None:
        return None
    memory, part = held
    mapped = _mapped_shmem_kb(seen, memory)
    mapped = _resident_kb(seen) if mapped is None else mapped
    if mapped is None or mapped * 2 > part.kb:
        return None
    text = (
        f"Files in tmpfs or shared memory hold {_of_whole(memory, part.kb)}, and processes map {words.size(mapped)} of them at "
        "most. The rest stays when a process is killed."
    )
    return Found(
        text,
        (
            *_facts(seen, memory, "shared memory and tmpfs", part),
            words.kb(seen, "of it mapped, at most", mapped, memory.whole.line),
        ),
    )


def _mapped_shmem_kb(seen: Evidence, memory: Memory) -> int | None:
    """Most of the shared memory that processes can have mapped; None where nothing counts it.

    The rows (6.8 and later) count a page for every process that maps it; `mapped` counts file pages too.
    """
    pages = seen.scene.processes.total("rss_shmem_pages")
    bounds = [pages * seen.page_kb] if pages is not None else []
    bounds += [memory.parts["mapped"].kb] if "mapped" in memory.parts else []
    return min(bounds, default=None)


def _resident_kb(seen: Evidence) -> int | None:
    """RSS of all processes: what they have mapped of shared memory is a part of it."""
    pages = seen.scene.processes.total("rss_pages")
    return pages * seen.page_kb if pages is not None else None


@entry(
    Severity.WARNING,
    condition=f"shmem is at least {_LARGE:.0%} of memory, and processes may have half of it or more mapped",
    advice=(
        "A segment that many processes map is in the RSS of each and in memory once: do not add their RSS up. Size it for the "
        "machine or the cgroup (PostgreSQL shared_buffers, Oracle SGA, a Java memory-mapped cache in /dev/shm). It is free "
        "again when the last one that maps it is gone and its name is removed."
    ),
)
def shared_memory(seen: Evidence) -> Found | None:
    held = _held(seen, "shmem", _LARGE)
    if held is None:
        return None
    memory, part = held
    mapped = _mapped_shmem_kb(seen, memory)
    if mapped is None or mapped * 2 <= part.kb:
        return None
    text = f"Shared memory holds {_of_whole(memory, part.kb)}, and processes map it: a kill frees none of it while others do."
    facts = (
        *_facts(seen, memory, "shared memory and tmpfs", part),
        words.kb(seen, "of it mapped, at most", mapped, memory.whole.line),
    )
    return Found(text, facts)


@entry(
    Severity.CRITICAL,
    condition=f"unreclaimable slab is at least {_LARGE:.0%} of memory",
    advice=(
        "No kill frees it. slabtop -s c -o shows which cache grows; /proc/slabinfo over a day shows whether it still does. "
        "Sockets, inotify watches, cgroups and SysV queues belong to programs: find their owner and bound it. A cache that "
        "grows without one is a leak of the kernel or a module: update it, or boot a test machine with slub_debug=U,CACHE to "
        "see who allocates (slow)."
    ),
)
def slab_unreclaimable(seen: Evidence) -> Found | None:
    held = _held(seen, "slab_unreclaimable", _LARGE)
    if held is None:
        return None
    memory, part = held
    text = (
        f"Unreclaimable slab, the kernel's own objects, holds {_of_whole(memory, part.kb)}. Killing frees little of it."
    )
    return Found(text, _facts(seen, memory, "unreclaimable slab", part))


@entry(
    Severity.WARNING,
    condition=f"page tables are at least {_TABLES:.0%} of memory",
    advice=(
        "Something maps much more than it uses, or many processes map the same large segment: each has tables of its own. "
        "Databases: use huge pages for the shared segment (PostgreSQL huge_pages=on with vm.nr_hugepages set; that memory is "
        "then taken from everyone else), or fewer connections through a pooler. A single process with large tables: look for "
        "sparse mappings that are never unmapped."
    ),
)
def page_tables(seen: Evidence) -> Found | None:
    held = _held(seen, "pagetables", _TABLES)
    if held is None:
        return None
    memory, part = held
    text = f"Page tables hold {_of_whole(memory, part.kb)}."
    facts = _facts(seen, memory, "page tables", part)
    most = seen.scene.processes.largest(seen.scene.processes.filled("pgtables_bytes"))
    if most is not None and most.pgtables_bytes:
        own = most.pgtables_bytes // 1024
        text += f" {words.who(most)} has the largest, {words.size(own)} for {words.size(most.used_pages * seen.page_kb)} in use."
        facts += (words.kb(seen, f"{words.who(most)}: page tables", own, most.line),)
    return Found(text, facts)


@entry(
    Severity.WARNING,
    condition=f"at least {_LARGE:.0%} of memory is mlocked, or in a cgroup unevictable",
    advice=(
        "Locked memory can be neither swapped nor reclaimed; everything else has to fit into the rest. Find the owner "
        "(VmLck in /proc/PID/status) and size it for the machine: a JVM or database that locks its heap needs a smaller heap; "
        "LimitMEMLOCK= of the unit bounds it, and what asks for more then fails at start."
    ),
)
def mlocked(seen: Evidence) -> Found | None:
    held = _held(seen, "mlocked", _LARGE)
    if held is None:
        return None
    memory, part = held
    return Found(f"Locked memory is {_of_whole(memory, part.kb)}.", _facts(seen, memory, "locked memory", part))


@entry(
    Severity.WARNING,
    condition=f"free pages of the huge page pools are at least {_IDLE_POOL:.0%} of RAM",
    advice=(
        "Lower vm.nr_hugepages to what is used (HugePages_Total less HugePages_Free plus HugePages_Rsvd in /proc/meminfo) and "
        "take it out of sysctl.conf or the kernel command line. Whoever starts later and wants huge pages may then not get "
        "them: check its settings first."
    ),
)
def huge_pages_idle(seen: Evidence) -> Found | None:
    held = _held(seen, "hugetlb_free", _IDLE_POOL)
    if held is None:
        return None
    memory, part = held
    total = memory.parts["hugetlb"].kb
    text = (
        f"The huge page pool holds {words.size(total)}, of which {_of_whole(memory, part.kb)}, is unused. "
        "Nothing else can have that memory."
    )
    return Found(text, _facts(seen, memory, "huge pages reserved and unused", part))


@entry(
    Severity.WARNING,
    condition=f"the huge page pools are at least {_LARGE:.0%} of RAM and mostly in use",
    advice=(
        "Huge pages are in no process's RSS and count for nobody when the kernel chooses: their owner looks small. Leave "
        "enough RAM beside the pool for everything else, or make the pool smaller together with its user's setting."
    ),
)
def huge_pages_in_use(seen: Evidence) -> Found | None:
    held = _held(seen, "hugetlb", _LARGE)
    if held is None:
        return None
    memory, part = held
    if memory.sum("hugetlb_free") * 2 > part.kb:
        return None
    text = f"The huge page pool takes {_of_whole(memory, part.kb)}. No row of the task table shows who has it."
    return Found(text, _facts(seen, memory, "huge page pools", part))


@entry(
    Severity.WARNING,
    condition=f"kernel stacks are at least {_STACKS:.0%} of memory",
    advice=(
        "There are too many threads. TasksMax= of the unit, pids.max of the cgroup or nproc in limits.conf bounds them; at the "
        "bound fork and pthread_create fail with EAGAIN, so set it above the normal peak."
    ),
)
def kernel_stacks(seen: Evidence) -> Found | None:
    held = _held(seen, "kernel_stack", _STACKS)
    if held is None:
        return None
    memory, part = held
    return Found(
        f"Kernel stacks hold {_of_whole(memory, part.kb)}: very many threads.",
        _facts(seen, memory, "kernel stacks", part),
    )


@entry(
    Severity.CRITICAL,
    condition=f"at least {_OUTSIDE:.0%} of the machine's RAM is in no counter of Mem-Info, its error taken off",
    advice=(
        "No process, cache or slab has it: it was handed out page by page by the kernel or a driver. Usual owners: a balloon "
        "of the hypervisor (ask the host), network or GPU drivers (ring sizes, module versions), full pipes, ZFS ARC "
        "(zfs_arc_max), vmalloc (/proc/vmallocinfo). From 6.10 on, memory allocation profiling (vm.mem_profiling, "
        "/proc/allocinfo) names the caller; before, watch MemAvailable while modules and services are stopped one by one."
    ),
)
def memory_in_no_counter(seen: Evidence) -> Found | None:
    held = _held(seen, "unaccounted", _OUTSIDE) if seen.scene.scope == Scope.GLOBAL else None
    if held is None:
        return None
    memory, part = held
    text = (
        f"{_of_whole(memory, part.kb)} (at least {words.size(part.least_kb)}), is in no counter that the report prints."
    )
    facts = _facts(seen, memory, "in no counter", part)
    swapped = (seen.scene.total_swap_kb or 0) - (seen.scene.free_swap_kb or 0)
    if swapped < part.least_kb or "zspages" in memory.parts:
        return Found(text, facts, Confidence.LIKELY)
    text += f" If zswap or zram is in use, its compressed pages are among it: {words.size(swapped)} were swapped out."
    return Found(text, (*facts, words.kb(seen, "swap in use", swapped)), Confidence.POSSIBLE, Severity.WARNING)


@entry(
    Severity.CRITICAL,
    condition=(
        f"unreclaimable slab, kernel stacks and memory in no counter together are at least {_MOST:.0%} of RAM; or they, per-CPU "
        "memory, vmalloc and what no statistic names of the kernel's memory of a cgroup, of its limit"
    ),
    advice=(
        "Killing goes on until nothing is left to kill. Treat it as a leak of the kernel, of a module or of an open resource: "
        "the findings on its parts say where to look. Before the next kill of something that matters, reboot; a crash dump "
        "taken on purpose (kdump, sysrq c) shows the vendor what it was, and takes the machine down. In a cgroup first look at "
        "what its processes hold open (lsof: pipes, sockets, packet rings, BPF maps): it is free again when the last one closes "
        "it. A larger limit is filled the same way if it is a leak."
    ),
)
def kernel_holds_most(seen: Evidence) -> Found | None:
    memory = seen.memory
    own = _KERNELS_OWN if seen.scene.scope == Scope.GLOBAL else _KERNELS_OWN_OF_CGROUP
    if memory is None or memory.share(*own) < _MOST or memory.sum(*own) < _WORTH_KB:
        return None
    text = f"The kernel itself holds {_of_whole(memory, memory.sum(*own))}"
    if seen.scene.processes:
        text += f"; all processes together show {words.size(seen.used_pages * seen.page_kb)} resident and swapped"
    text += "."
    parts = tuple(words.part(seen, name, memory.parts[name]) for name in own if name in memory.parts)
    return Found(text, (*parts, words.part(seen, memory.what, memory.whole)), Confidence.LIKELY)


ENTRIES: tuple[Entry, ...] = (
    kernel_holds_most, memory_in_no_counter, tmpfs_not_freed, shared_memory, slab_unreclaimable, page_tables, mlocked,
    huge_pages_idle, huge_pages_in_use, kernel_stacks,
)  # fmt: skip
