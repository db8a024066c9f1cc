"""A kernel with a documented fault, where the report shows the sign of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from oomforensics.analysis.allocation import page_fault
from oomforensics.analysis.findings import words
from oomforensics.analysis.findings.entry import Confidence, Entry, Fact, Found, Severity, entry
from oomforensics.analysis.findings.evidence import Evidence
from oomforensics.analysis.findings.memory import number
from oomforensics.analysis.model import Scope
from oomforensics.kernel.bugs import Bug, Sign, bugs_of

_DIRTY = 0.5
_WATERMARK = 1 / 8
_MOSTLY_FREE = 0.5  # of that watermark: it kills with so much free
_KERNEL_MEMORY = 0.20

_bugs_of = cache(bugs_of)


def _high_order(seen: Evidence) -> Fact | None:
    order = seen.scene.alloc_order
    return None if order is None or order < 1 else Fact("order", order, None, seen.scene.line_start, seen.scene.source)


def _cgroup(seen: Evidence) -> Fact | None:
    if seen.scene.scope != Scope.MEMCG:
        return None
    return Fact("limit of", seen.scene.oom_memcg or "", None, seen.scene.line_start, seen.scene.source)


def _dirty_cgroup(seen: Evidence) -> Fact | None:
    scene, limit_kb = seen.scene, seen.scene.memory_limit_kb
    if scene.scope != Scope.MEMCG or not limit_kb:
        return None
    for stats in scene.memcg_stats:
        values = stats.values
        bytes_ = max(sum(values.get(name, 0) for name in names) for names in _DIRTY_NAMES)
        if stats.unit == "bytes" and bytes_ // 1024 >= limit_kb * _DIRTY:
            return words.kb(seen, "dirty and under writeback", bytes_ // 1024, stats.line)
    return None


_DIRTY_NAMES = (("file_dirty", "file_writeback"), ("total_dirty", "total_writeback"), ("dirty", "writeback"))


def _high_watermark(seen: Evidence) -> Fact | None:
    for zone in seen.scene.meminfo.zones if seen.scene.meminfo is not None else ():
        least, managed = number(zone.values, "min"), number(zone.values, "managed")
        if managed and least >= managed * _WATERMARK and number(zone.values, "free") >= least * _MOSTLY_FREE:
            return words.kb(seen, f"{zone.name} min, of {managed} KiB", least, zone.line)
    return None


def _kernel_memory(seen: Evidence) -> Fact | None:
    memory, scene = seen.memory, seen.scene
    if memory is not None and memory.share("slab_unreclaimable") >= _KERNEL_MEMORY:
        return words.part(seen, "unreclaimable slab", memory.parts["slab_unreclaimable"])
    if (
        scene.kmem_usage_kb is not None
        and scene.memory_limit_kb
        and scene.kmem_usage_kb >= scene.memory_limit_kb * _KERNEL_MEMORY
    ):
        return words.kb(seen, "kmem: usage", scene.kmem_usage_kb)
    return None


def _page_fault(seen: Evidence) -> Fact | None:
    zone = page_fault.roomiest(seen.allocation.zones)
    if seen.scene.scope != Scope.GLOBAL or seen.allocation.gfp_flags != () or zone is None:
        return None
    return words.kb(seen, f"{zone.zone} free, above `high`", page_fault.spare_kb(zone), zone.line)


_SIGNS: dict[Sign, Callable[[Evidence], Fact | None]] = {
    Sign.HIGH_ORDER: _high_order,
    Sign.CGROUP: _cgroup,
    Sign.DIRTY_CGROUP: _dirty_cgroup,
    Sign.HIGH_WATERMARK: _high_watermark,
    Sign.PAGE_FAULT: _page_fault,
    Sign.KERNEL_MEMORY: _kernel_memory,
}


_SEVERITY = {Sign.PAGE_FAULT: Severity.CRITICAL}  # who dies had nothing to do with it


@entry(
    Severity.WARNING,
    condition="the kernel's release has a fault of the table below, and the report shows its sign",
    advice=(
        "Read the source that the finding names, and the changelog of the very kernel: vendors backport faults and fixes. If "
        "it has the fix, look elsewhere."
    ),
)
def known_kernel_bug(seen: Evidence) -> Found | None:
    release = seen.scene.kernel_release
    for bug in _bugs_of(release) if release else ():
        sign = _SIGNS[bug.sign](seen)
        if sign is not None:
            return _found(seen, bug, release or "", sign)
    return None


def _found(seen: Evidence, bug: Bug, release: str, sign: Fact) -> Found:
    text = (
        f"{release} may have a known fault. {bug.what} The sign of it is here: {bug.sign.value}. Source: {bug.source}."
    )
    facts = (Fact("kernel release", release, None, seen.scene.line_start, seen.scene.source), sign)
    weak = bug.sign in (Sign.CGROUP, Sign.HIGH_ORDER)  # common without the fault
    return Found(
        text,
        facts,
        Confidence.POSSIBLE if weak else Confidence.LIKELY,
        Severity.INFO if weak else _SEVERITY.get(bug.sign),
        f"{bug.cure} Read the changelog of the very kernel first: vendors backport faults and fixes.",
    )


ENTRIES: tuple[Entry, ...] = (known_kernel_bug,)
