"""Swap: absent, full, forbidden, or not what it seems."""

from __future__ import annotations

from oomforensics.analysis.findings import words
from oomforensics.analysis.findings.entry import Confidence, Entry, Fact, Found, Severity, entry
from oomforensics.analysis.findings.evidence import Evidence
from oomforensics.analysis.model import Scope

# The kernel keeps trying while slots are left; what remains at the end are clusters reserved by other CPUs.
_FULL = 0.02
# Below a tenth used, swap has not been tried in earnest.
_UNUSED = 0.10
_UNLIMITED_KB = 2**52


def _machine(seen: Evidence) -> tuple[int, int] | None:
    """Total and free swap, KiB, where the machine as a whole ran out and there is some."""
    scene = seen.scene
    if scene.scope == Scope.MEMCG or not scene.total_swap_kb or scene.free_swap_kb is None:
        return None
    return scene.total_swap_kb, scene.free_swap_kb


def _line(seen: Evidence) -> int | None:
    return seen.scene.meminfo.line if seen.scene.meminfo is not None else None


def _facts(seen: Evidence, total: int, free: int) -> tuple[Fact, ...]:
    return words.kb(seen, "Total swap", total, _line(seen)), words.kb(seen, "Free swap", free, _line(seen))


@entry(
    Severity.INFO,
    condition="the machine ran out and Total swap is 0",
    advice=(
        "Without swap, memory that is never touched again cannot leave RAM. A swap of a few GiB on local disk absorbs "
        "that and short peaks; it delays a leak and does not cure it, and a machine that swaps all the time is slow before it "
        "is out of memory. Kubernetes nodes need the kubelet to be configured for swap first."
    ),
)
def no_swap(seen: Evidence) -> Found | None:
    scene = seen.scene
    if scene.scope != Scope.GLOBAL or scene.total_swap_kb != 0:
        return None
    return Found(
        "There is no swap, so the memory of processes could not leave RAM.", _facts(seen, 0, scene.free_swap_kb or 0)
    )


@entry(
    Severity.WARNING,
    condition=f"less than {_FULL:.0%} of the machine's swap was free, or the cgroup had used all the swap it may",
    advice=(
        "Find who filled it (swapents in the task table) before adding more. More swap buys time in proportion to its size, and "
        "the machine may crawl for that time. For a cgroup raise memory.swap.max, if its owner may use the machine's swap."
    ),
)
def swap_full(seen: Evidence) -> Found | None:
    scene = seen.scene
    used, limit = scene.swap_usage_kb, scene.swap_limit_kb
    if scene.scope == Scope.MEMCG and used is not None and limit and used >= limit * (1 - _FULL):
        text = f"The cgroup had used all of the {words.size(limit)} of swap that memory.swap.max allows."
        return Found(text, (words.kb(seen, "swap: usage", used), words.kb(seen, "swap: limit", limit)))
    machine = _machine(seen)
    if machine is None or machine[1] > machine[0] * _FULL:
        return None
    total, free = machine
    holder = scene.processes.largest(scene.processes.filled("swapents_pages"))
    text = f"Swap was full: {words.size(free)} of {words.size(total)} free."
    facts = _facts(seen, total, free)
    if holder is not None and holder.swapents_pages:
        kb = holder.swapents_pages * seen.page_kb
        text += f" {words.who(holder)} has most of it, {words.size(kb)}."
        facts += (words.kb(seen, f"{words.who(holder)}: swapents", kb, holder.line),)
    return Found(text, facts)


@entry(
    Severity.INFO,
    condition="the report prints swap: limit 0kB for the cgroup that ran out (memory.swap.max is 0)",
    advice=(
        "This is the default of most container runtimes, and often wanted: a service that may not swap dies instead of "
        "slowing down. If it holds memory that it rarely touches, memory.swap.max (MemorySwapMax= of a unit, --memory-swap of "
        "docker) lets that leave RAM; its latency then depends on the swap device."
    ),
)
def swap_forbidden(seen: Evidence) -> Found | None:
    scene = seen.scene
    v2_forbids = scene.swap_limit_kb == 0
    v1_forbids = scene.memsw_limit_kb is not None and scene.memsw_limit_kb == scene.memory_limit_kb
    if scene.scope != Scope.MEMCG or not (v2_forbids or v1_forbids):
        return None
    if v2_forbids:
        return Found("The cgroup may not swap: memory.swap.max is 0.", (words.kb(seen, "swap: limit", 0),))
    facts = (
        words.kb(seen, "memory+swap: limit", scene.memsw_limit_kb or 0),
        words.kb(seen, "memory: limit", scene.memory_limit_kb or 0),
    )
    return Found("The cgroup may not swap: its memory+swap limit is its memory limit.", facts)


@entry(
    Severity.WARNING,
    condition="vm.swappiness is 0 in the bundle, and swap that the incident could use was free",
    advice=(
        "With 0 the kernel swaps only when page cache is all but gone, and for a cgroup not at all: it kills while swap is "
        "free. vm.swappiness=1 keeps swap for the last resort and still uses it; 10 to 60 is common. For one cgroup v1 group "
        "set its memory.swappiness."
    ),
)
def swappiness_zero(seen: Evidence) -> Found | None:
    scene = seen.scene
    if seen.scene.number("sysctl", "vm.swappiness") != 0:
        return None
    fact = scene.facts["sysctl", "vm.swappiness"]
    if scene.scope == Scope.MEMCG:
        free = scene.number("meminfo", "SwapFree_kb")
        if scene.swap_limit_kb == 0 or scene.memsw_limit_kb == scene.memory_limit_kb is not None or not free:
            return None
        meminfo = scene.facts["meminfo", "SwapFree_kb"]
        text = (
            f"vm.swappiness is 0, so a cgroup at its limit does not swap although {words.size(free)} of swap were free."
        )
        more: tuple[Fact, ...] = (
            Fact("SwapFree when the bundle was collected", free, "KiB", meminfo.line, meminfo.source),
        )
    else:
        machine = _machine(seen)
        if machine is None or machine[1] < machine[0] * (1 - _UNUSED):
            return None
        text = f"vm.swappiness is 0, and {words.size(machine[1])} of {words.size(machine[0])} swap were still free."
        more = _facts(seen, *machine)
    return Found(text, (words.setting("vm.swappiness", fact), *more), Confidence.LIKELY)


@entry(
    Severity.INFO,
    condition="the bundle's list of swaps has a zram device",
    advice=(
        "Swap on zram lies in the same RAM: what is swapped out comes back as a smaller compressed page, not as free memory. "
        "Read Total swap as 'up to so much, compressed', size zram (zram-generator's zram-size) by the ratio that zramctl "
        "shows under load, and set mem_limit so that incompressible data cannot fill RAM through it."
    ),
)
def zram_counted_as_swap(seen: Evidence) -> Found | None:
    scene = seen.scene
    devices = [(name, fact) for (kind, name), fact in scene.facts.items() if kind == "swap" and "zram" in name]
    if not devices or scene.scope == Scope.MEMCG:
        return None
    kb = sum(int(fact.value) for _, fact in devices if fact.value.isdecimal())
    text = f"{words.size(kb)} of the swap is zram: compressed, in the same RAM that ran out."
    return Found(text, tuple(Fact(name, fact.value, "KiB", fact.line, fact.source) for name, fact in devices))


ENTRIES: tuple[Entry, ...] = (no_swap, swap_full, swap_forbidden, swappiness_zero, zram_counted_as_swap)
