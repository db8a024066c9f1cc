"""The balance of a memory cgroup whose limit was hit, from its usage and its statistics.

mm/memcontrol.c, three forms: memory.stat of cgroup v2 (5.3+, v1 too up to 6.4), in bytes and of the whole subtree;
memory.stat of v1 (6.5+), whose total_* are of the subtree; and up to 5.2 one line for each group of the subtree, in kB and
of that group alone. `usage` is counted at once, the statistics in batches: what they do not explain is left over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from oomforensics.analysis.balance.tree import Part, group, with_rest
from oomforensics.analysis.scene import Scene
from oomforensics.analysis.sizes import UNLIMITED_KB
from oomforensics.kernel.accounting import Accounting

# Charged as memory of the kernel: `kernel` of memory.stat (5.18+) is what they come to.
_KERNEL = (
    ("slab_unreclaimable", "Slab, unreclaimable"),
    ("slab_reclaimable", "Slab, reclaimable"),
    ("kernel_stack", "Kernel stacks"),
    ("pagetables", "Page tables"),
    ("sec_pagetables", "Page tables of virtual machines and IOMMUs"),
    ("percpu", "Per-CPU memory"),
    ("vmalloc", "vmalloc"),
    ("zswap", "Compressed pages of zswap"),
)
UNLISTED = "kernel_unlisted"  # full pipes, ring buffers, vmalloc of v1
_MOST_GROUPS = 20  # of a subtree that are shown by themselves


@dataclass(frozen=True, slots=True)
class _Amount:
    bytes: int
    origin: str
    line: int | None
    by_group: tuple[tuple[str, int, int], ...] = ()  # path, bytes, line; of the one-line form


def whole(scene: Scene, page_size: int, accounting: Accounting) -> Part | None:
    """The limit, or what was used where that was more, and its parts; None where the usage is lost."""
    return None if scene.memory_usage_kb is None else _Cgroup(scene, page_size, accounting).limit()


class _Cgroup:
    def __init__(self, scene: Scene, page_size: int, accounting: Accounting) -> None:
        self.scene = scene
        cpus = (scene.trigger_cpu or 0) + 1
        self.stock = cpus * accounting.charge_batch_pages * page_size
        self.has_v1_counters = scene.kmem_usage_kb is not None

    def limit(self) -> Part:
        scene = self.scene
        usage = (scene.memory_usage_kb or 0) * 1024
        used = Part("usage", "Used", usage, f"memory: usage {scene.memory_usage_kb}kB", parts=tuple(self._used(usage)))
        limit_kb = scene.memory_limit_kb
        if limit_kb is None or limit_kb >= UNLIMITED_KB:
            return used._replace(label="Used, without a limit of its own")
        if usage > limit_kb * 1024:
            return used._replace(label="Used, more than the limit", origin=f"{used.origin}, limit {limit_kb}kB")
        whole = Part(
            "limit", "Limit of the control group", limit_kb * 1024, f"memory: limit {limit_kb}kB", parts=used.parts
        )
        room = limit_kb * 1024 - usage
        if room:
            origin = f"limit {limit_kb}kB - usage {scene.memory_usage_kb}kB"
            whole = whole._replace(parts=(*whole.parts, Part("room", "Not used", room, origin)))
        return whole

    def _used(self, usage: int) -> Iterator[Part]:
        found = [*self._of_processes(), self._kernel(), self._sock(), self._plain("hugetlb", "Huge pages")]
        parts = [part for part in found if part is not None and part.bounds[1]]
        yield from parts
        left = usage - sum(part.bytes for part in parts)
        slack = self.stock * (1 + len(parts))
        if left > 0 or slack:
            bottom, top = max(0, left - slack), max(0, left + slack)
            yield Part("unaccounted", "In no statistic", max(0, left), self._why_left(bool(parts)), None, bottom, top)

    def _why_left(self, has_statistics: bool) -> str:
        if not has_statistics:
            return "the statistics are not in the report"
        text = f"usage - all of the above; a CPU charges up to {self.stock} bytes in advance"
        tables = self.scene.processes.total("pgtables_bytes") or 0
        if (
            tables
            and self._amount("pagetables") is None
            and self._amount("kernel") is None
            and not self.has_v1_counters
        ):
            text += f"; this kernel does not list page tables, which come to {tables} bytes by the task table"
        return text

    def _of_processes(self) -> Iterator[Part | None]:
        anon = self._amount("anon") or self._amount("rss")
        shmem = self._amount("shmem")
        cache = self._amount("file") or self._amount("cache")
        if anon is not None:
            part = self._part("anon", "Anonymous memory of processes", anon)
            huge = self._amount("anon_thp") or self._amount("rss_huge")
            if huge is not None and 0 < huge.bytes <= anon.bytes and not part.parts:
                part = part._replace(parts=(self._part("anon_thp", "In transparent huge pages", huge),))
                part = with_rest(part, "anon_other", "Others", "what the others leave")
            yield part
        if cache is not None:
            yield from self._cached(cache, shmem)
        yield from self._mapped_by_nobody(anon, cache)

    def _cached(self, cache: _Amount, shmem: _Amount | None) -> Iterator[Part | None]:
        """Files and shared memory, which is part of `file` and `cache`; up to 4.11 only the LRU lists tell them apart."""
        lists = [self._amount(name) for name in ("active_file", "inactive_file")]
        listed = sum(one.bytes for one in lists if one is not None)
        if shmem is not None:
            yield self._part("shmem", "Shared memory and tmpfs", shmem)
            files = max(0, cache.bytes - shmem.bytes)
            parts = [self._part(name, label, one) for name, label, one in
                     zip(("active_file", "inactive_file"), ("Active", "Inactive"), lists, strict=True)
                     if one is not None and one.bytes and not one.by_group]  # fmt: skip
            part = Part("file", "Page cache of files", files, f"{cache.origin} - {shmem.origin}", cache.line,
                        parts=tuple(parts) if listed <= files else ())  # fmt: skip
            yield with_rest(part, "file_other", "Locked, or just on their way to a list", "what the lists leave")
            return
        if None in lists:
            yield self._part("file", "Page cache of files, shared memory and tmpfs", cache)
            return
        locked = self._amount("unevictable")
        most = max(0, cache.bytes - listed)
        least = max(0, most - (locked.bytes if locked else 0))
        yield Part(
            "shmem", "Shared memory and tmpfs", least, f"{cache.origin} - lists of files", cache.line, least, most
        )
        yield Part("file", "Page cache of files", cache.bytes - least, "lists of files, and files that are locked", cache.line,
                   cache.bytes - most, cache.bytes - least)  # fmt: skip

    def _mapped_by_nobody(self, anon: _Amount | None, cache: _Amount | None) -> Iterator[Part]:
        """Pages that are charged and on the lists, and neither `anon` nor `file`: in the swap cache alone, or of processes that
        are just ending, whose pages are unmapped before they are given back."""
        names = ("active_anon", "inactive_anon", "active_file", "inactive_file", "unevictable")
        lists = [one.bytes for name in names if (one := self._amount(name)) is not None]
        if anon is None or cache is None or len(lists) < len(names):
            return
        left = max(0, sum(lists) - anon.bytes - cache.bytes)
        cached = self._amount("swapcached")  # 5.11+
        in_cache = min(left, cached.bytes) if cached is not None else 0
        if cached is not None and in_cache:
            yield Part("swapcache", "Swap cache that nobody maps", in_cache, f"lists - anon - file, of {cached.origin}",
                       cached.line, 0, cached.bytes)  # fmt: skip
        if left - in_cache > self.stock:
            label = "Mapped by nobody: of processes that are ending"
            if cached is None:
                label += ", or swap cache"
            yield Part("unmapped", label, left - in_cache, "lists - anon - file - swapcached", anon.line)

    def _kernel(self) -> Part | None:
        parts = [
            self._part(name, label, one)
            for name, label in _KERNEL
            if (one := self._amount(name)) is not None and one.bytes
        ]
        total = self._amount("kernel")
        if total is None and self.scene.kmem_usage_kb is not None:
            total = _Amount(self.scene.kmem_usage_kb * 1024, f"kmem: usage {self.scene.kmem_usage_kb}kB", None)
        listed = sum(part.bytes for part in parts)
        if total is None or total.bytes < listed:
            return group("kernel", "The kernel for it", parts, "sum of its parts")
        part = Part("kernel", "The kernel for it", total.bytes, total.origin, total.line, parts=tuple(parts))
        return with_rest(part, UNLISTED, "Charged page by page, in no statistic", f"{total.origin} - its parts")

    def _sock(self) -> Part | None:
        # cgroup v1 counts the memory of sockets by itself (memory.kmem.tcp), beside the limit.
        return None if self.has_v1_counters else self._plain("sock", "Sockets")

    def _plain(self, name: str, label: str) -> Part | None:
        found = self._amount(name)
        return self._part(name, label, found) if found is not None and found.bytes else None

    def _part(self, name: str, label: str, amount: _Amount) -> Part:
        part = Part(name, label, amount.bytes, amount.origin, amount.line)
        if len(amount.by_group) < 2:
            return part
        largest = sorted(amount.by_group, key=lambda one: -one[1])[:_MOST_GROUPS]
        groups = tuple(
            Part(f"{name}_{place}", "One control group", size, f"its own {name}", line, memcg=path)
            for place, (path, size, line) in enumerate(largest, 1)
            if size > 0
        )
        return with_rest(part._replace(parts=groups), f"{name}_groups", "Other groups", "what the largest leave")

    def _amount(self, name: str) -> _Amount | None:
        """Of the subtree, in bytes."""
        groups = self.scene.memcg_stats
        if len(groups) == 1 and groups[0].unit == "bytes":
            values, line = groups[0].values, groups[0].line
            printed = next((one for one in (f"total_{name}", name) if one in values), None)
            return None if printed is None else _Amount(max(0, values[printed]), printed, line)
        own = [
            (one.path, max(0, one.values[name]) * 1024, one.line)
            for one in groups
            if one.unit == "kB" and name in one.values
        ]
        if not own:
            return None
        what = name if len(own) == 1 else f"{name} of {len(own)} groups"
        return _Amount(sum(size for _, size, _ in own), what, own[0][2], tuple(own))
