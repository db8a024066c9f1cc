"""Memory that killing processes gives back badly or not at all: by kind, as a share of the RAM or the limit."""

from __future__ import annotations

from oomforensics.analysis.findings import words
from oomforensics.analysis.findings.entry import Entry, Fact, Found, Severity, entry
from oomforensics.analysis.findings.evidence import Evidence
from oomforensics.analysis.findings.memory import Memory

# A fifth of all memory in one place that no kill empties: without it the kill would not have come now.
_LARGE = 0.20
# Page tables are two thousandths of what they map; at a twentieth of memory something maps far more than it uses.
_TABLES = 0.05
# Kernel stacks are 8 to 16 KiB a thread: a twentieth of memory in them is threads by the thousand.
_STACKS = 0.05
# Huge pages that nobody uses are lost to everyone; a tenth of RAM is more than any other reserve.
_IDLE_POOL = 0.10


def _held(seen: Evidence, kind: str, least: float) -> tuple[Memory, int] | None:
    """The memory that ran out and what of it is of this kind, where that is a share worth speaking of."""
    memory = seen.memory
    if memory is None or memory.share(kind) < least:
        return None
    return memory, memory.kinds[kind]


def _of_whole(memory: Memory, kb: int) -> str:
    return f"{words.size(kb)}, {words.share(kb / memory.whole_kb)} of {memory.what}"


def _facts(seen: Evidence, memory: Memory, printed: str, kb: int) -> tuple[Fact, ...]:
    return words.kb(seen, printed, kb, memory.line), words.kb(seen, memory.what, memory.whole_kb, memory.line)


@entry(
    Severity.CRITICAL,
    condition=f"shmem is at least {_LARGE:.0%} of memory, and processes have less than half of it mapped",
    advice=(
        "Find what fills it: df -t tmpfs, ls -l /dev/shm, ipcs -m, and in a container every emptyDir of medium Memory. "
        "Delete the files; a kill does not. Then give each tmpfs a size (mount -o remount,size=…, sizeLimit on an emptyDir): "
        "a full tmpfs answers ENOSPC to whoever writes, which that program must bear. Swap, where there is some, "
        "takes tmpfs pages too."
    ),
)
def tmpfs_not_freed(seen: Evidence) -> Found | None:
    held = _held(seen, "shmem", _LARGE)
    if held is None:
        return None
    memory, kb = held
    mapped = _mapped_shmem_kb(seen, memory)
    if mapped is None or mapped * 2 > kb:
        return None
    text = (
        f"Files in tmpfs or shared memory hold {_of_whole(memory, kb)}, and processes map {words.size(mapped)} of them at "
        "most. The rest stays when a process is killed."
    )
    return Found(
        text, (*_facts(seen, memory, "shmem", kb), words.kb(seen, "of it mapped, at most", mapped, memory.line))
    )


def _mapped_shmem_kb(seen: Evidence, memory: Memory) -> int | None:
    """Most of the shared memory that processes can have mapped; None where nothing bounds it.

    The rows (6.8 and later) count a page for every process that maps it; `mapped` counts file pages too.
    """
    rows = [process.rss_shmem_pages for process in seen.scene.processes if process.rss_shmem_pages is not None]
    bounds = [sum(rows) * seen.page_kb] if rows else []
    bounds += [memory.kinds["mapped"]] if "mapped" in memory.kinds else []
    return min(bounds, default=None)


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
    memory, kb = held
    mapped = _mapped_shmem_kb(seen, memory)
    if mapped is None or mapped * 2 <= kb:
        return None
    text = (
        f"Shared memory holds {_of_whole(memory, kb)}, and processes map it: a kill frees none of it while others do."
    )
    facts = (*_facts(seen, memory, "shmem", kb), words.kb(seen, "of it mapped, at most", mapped, memory.line))
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
    memory, kb = held
    text = f"The kernel's own objects (slab, not reclaimable) hold {_of_whole(memory, kb)}. Killing processes frees little of it."
    return Found(text, _facts(seen, memory, "slab_unreclaimable", kb))


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
    memory, kb = held
    text = f"Page tables hold {_of_whole(memory, kb)}."
    facts = _facts(seen, memory, "pagetables", kb)
    most = max(seen.scene.processes, key=lambda one: one.pgtables_bytes or 0, default=None)
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
    kind = "unevictable" if seen.scene.scope == "memcg" else "mlocked"
    held = _held(seen, kind, _LARGE)
    if held is None:
        return None
    memory, kb = held
    return Found(f"Locked memory is {_of_whole(memory, kb)}.", _facts(seen, memory, kind, kb))


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
    memory, kb = held
    total = memory.kinds["hugetlb"]
    text = (
        f"The huge page pool holds {words.size(total)}, of which {_of_whole(memory, kb)}, is unused. "
        "Nothing else can have that memory."
    )
    return Found(text, _facts(seen, memory, "hugepages_free", kb))


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
    memory, kb = held
    if memory.kinds["hugetlb_free"] * 2 > kb:
        return None
    text = f"The huge page pool takes {_of_whole(memory, kb)}. No row of the task table shows who has it."
    return Found(text, _facts(seen, memory, "hugepages_total", kb))


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
    memory, kb = held
    return Found(
        f"Kernel stacks hold {_of_whole(memory, kb)}: very many threads.", _facts(seen, memory, "kernel_stack", kb)
    )


ENTRIES: tuple[Entry, ...] = (
    tmpfs_not_freed, shared_memory, slab_unreclaimable, page_tables, mlocked, huge_pages_idle, huge_pages_in_use, kernel_stacks,
)  # fmt: skip
