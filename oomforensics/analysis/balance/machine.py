"""The balance of the machine, from Mem-Info.

What counts where (mm/vmstat.c, mm/swap.c, mm/swap_state.c, mm/shmem.c; alike in all kernels since 2.6.28):

    LRU lists   active_anon + inactive_anon: anonymous memory, shared memory (tmpfs) and the swap cache
                active_file + inactive_file: page cache of files; anonymous memory after MADV_FREE (4.12+), and pages that
                were cut from a file while somebody held them
                unevictable: of either kind, if locked in memory; ramfs
                isolated_*:  taken off a list for the moment
    pagecache   files, shared memory and the swap cache, whatever list they are on
    others      slab, page tables, kernel stacks, huge page pools: on no list

So files that are locked, and pages on the lists that are of no file any more, show as the difference of the two counts.
What is on no list and in no counter is left over: memory of drivers and firmware, vmalloc (but for kernel stacks), per-CPU
memory, pages just on their way to a list. The pool of zswap and zram is counted from 6.18 on (zspages).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from oomforensics.analysis.balance.tree import Part, group, with_rest
from oomforensics.analysis.scene import Scene
from oomforensics.analysis.total import totalram
from oomforensics.kernel.accounting import Accounting, stat_threshold
from oomforensics.kernel.eras import Era
from oomforensics.parsers.facts import MemInfo

_FILE_LISTS = (("active_file", "Active"), ("inactive_file", "Inactive"), ("isolated_file", "Taken off the lists"))
_ANON_LISTS = ("active_anon", "inactive_anon", "isolated_anon")
_LISTS = (*_ANON_LISTS, *(name for name, _ in _FILE_LISTS), "unevictable")
_NEEDED_LISTS = (
    "active_anon",
    "inactive_anon",
    "active_file",
    "inactive_file",
)  # the others came later, or may be lost
_ZONES_CALL_IT = {"isolated_anon": "isolated(anon)", "isolated_file": "isolated(file)"}
_KERNEL = (
    ("slab_unreclaimable", "Slab, unreclaimable"),
    ("slab_reclaimable", "Slab, reclaimable"),
    ("kernel_stack", "Kernel stacks"),
    ("pagetables", "Page tables"),
    ("sec_pagetables", "Page tables of virtual machines and IOMMUs"),
    ("kernel_misc_reclaimable", "Other, reclaimable"),
    ("bounce", "Bounce buffers"),
    ("writeback_tmp", "Copies that FUSE writes back"),
    ("zspages", "Compressed pages of zswap and zram"),
    ("gpu_active", "Graphics memory in use"),
    ("gpu_reclaim", "Graphics memory that can be reclaimed"),
)
_NEEDED = ("free", *_LISTS, "slab_reclaimable", "slab_unreclaimable", "pagetables")
_MANY_PAGES = 1024  # a difference of two counts below this, and below their drift, says nothing


class _Amount(NamedTuple):
    pages: int
    origin: str
    line: int | None


class _Printed:
    """Mem-Info's amounts in pages, wherever this kernel prints them."""

    def __init__(self, info: MemInfo, page_size: int, managed: int | None) -> None:
        self.info, self.page_size = info, page_size
        shown = sum(kb for zone in info.zones if isinstance(kb := zone.values.get("present"), int))
        places = (("zones", [zone.values for zone in info.zones]), ("nodes", list(info.nodes_kb.values())))
        self._places = [place for place in places if place[1]]
        self.is_whole = managed is not None and shown * 1024 // page_size >= managed
        self._read: dict[str, _Amount | None] = {}  # by name: each is looked for once

    def amount(self, name: str) -> _Amount | None:
        if name not in self._read:
            self._read[name] = self._amount(name)
        return self._read[name]

    def _amount(self, name: str) -> _Amount | None:
        pages = self.info.counters_pages.get(name)
        if pages is not None:
            return _Amount(pages, f"{name}:{pages} pages", self.info.line)
        other = _ZONES_CALL_IT.get(name, name)
        for what, values in self._places:
            printed = [kb for one in values if isinstance(kb := one.get(other), int)]
            if printed:
                line = self.info.zones[0].line if what == "zones" else self.info.line
                kb_pages = sum(printed) * 1024 // self.page_size
                return _Amount(kb_pages, f"{other} of {len(printed)} {what}: {sum(printed)} kB", line)
        return None

    def whole(self, name: str) -> _Amount | None:
        """Of the whole machine; None where only some of its zones are printed."""
        found = self.amount(name)
        return found if self.is_whole or name in self.info.counters_pages else None


def whole(scene: Scene, info: MemInfo, page_size: int, era: Era | None, accounting: Accounting) -> Part | None:
    """RAM and its parts; None where the size of RAM is lost."""
    if not info.ram_pages:
        return None
    managed = totalram(info, era, page_size)
    return _Machine(scene, info, page_size, managed, accounting).ram()


class _Machine:
    def __init__(
        self,
        scene: Scene,
        info: MemInfo,
        page_size: int,
        managed: tuple[int, str, bool] | None,
        accounting: Accounting,
    ) -> None:
        self.scene, self.info, self.page_size, self.accounting = scene, info, page_size, accounting
        self.managed = managed
        self.printed = _Printed(info, page_size, managed[0] if managed else None)
        self.cpus = info.cpus or (scene.trigger_cpu or 0) + 1
        zones = [zone.values.get("managed", zone.values.get("present")) for zone in info.zones]
        sizes = [kb * 1024 // page_size for kb in zones if isinstance(kb, int)]
        if not self.printed.is_whole:
            sizes = [managed[0] if managed else info.ram_pages or 0]
        self.drift = sum(self.cpus * stat_threshold(self.cpus, pages, page_size) for pages in sizes)

    def ram(self) -> Part:
        info = self.info
        assert info.ram_pages is not None
        amounts = {name: found.pages for name in _LISTS if (found := self.printed.whole(name)) is not None}
        parts = [
            self._reserved(),
            self._free(),
            *self._of_lists(amounts),
            group("kernel", "The kernel itself", list(self._kernel()), "sum of its parts"),
            group("hugetlb", "Huge page pools", list(self._huge()), "sum over nodes and sizes"),
            self._poisoned(),
        ]
        there = self._with_balloon([part for part in parts if part is not None and part.bytes])
        rest = self._unaccounted(there)
        return Part("ram", "RAM", info.ram_pages * self.page_size, f"{info.ram_pages} pages RAM", info.line,
                    parts=(*there, rest) if rest is not None else tuple(there))  # fmt: skip

    def _part(self, name: str, label: str, pages: int, origin: str, line: int | None = None, *, exact: bool = False,
              least: int | None = None, most: int | None = None) -> Part:  # fmt: skip
        drift = 0 if exact else self.drift
        bottom = (pages if least is None else least) - drift
        top = (pages if most is None else most) + drift
        size = self.page_size
        return Part(name, label, pages * size, origin, line, max(0, bottom) * size, top * size)

    def _plain(self, name: str, label: str, printed_as: str | None = None) -> Part | None:
        found = self.printed.amount(printed_as or name)
        if found is None or found.pages <= 0:
            return None
        return self._part(name, label, found.pages, found.origin, found.line)

    def _reserved(self) -> Part | None:
        if self.managed is None or self.info.ram_pages is None:
            return None
        pages, text, exact = self.managed
        kept = max(0, self.info.ram_pages - pages)
        origin = f"{self.info.ram_pages} pages RAM - {pages} managed ({text})"
        if not exact:
            origin += "; approximate on this kernel"
        return self._part("reserved", "Never given out: the kernel's image, memory map, firmware, crash kernel", kept, origin,
                          self.info.line, exact=True)  # fmt: skip

    def _with_balloon(self, parts: list[Part]) -> list[Part]:
        """Most drivers take the balloon out of what the kernel manages (adjust_managed_page_count), some leave it in."""
        balloon = self._plain("balloon", "Balloon: given back to the host", "Balloon")
        if balloon is None:
            return parts
        for place, part in enumerate(parts):
            if part.name == "reserved" and part.bytes >= balloon.bytes:
                parts[place] = with_rest(
                    part._replace(parts=(balloon,)), "reserved_other", "Others", "reserved - balloon"
                )
                return parts
        return [*parts, balloon]

    def _free(self) -> Part | None:
        free = self.printed.whole("free")
        if free is None:
            return None
        cma = self.printed.whole("free_cma")
        reserved_cma = min(cma.pages, free.pages) if cma else 0
        pcp = self.printed.amount("free_pcp")
        if pcp is None and self.info.pcp_pages is not None:
            pcp = _Amount(self.info.pcp_pages, f"usd of all CPUs: {self.info.pcp_pages} pages", self.info.line)
        return group("free", "Free", [
            self._part("free_buddy", "Free, for any use", free.pages - reserved_cma,
                       free.origin + (f" - free_cma:{reserved_cma}" if reserved_cma else ""), free.line),
            self._part("free_cma", "Free, for movable pages only (CMA)", reserved_cma, cma.origin, cma.line) if cma else None,
            self._part("free_pcp", "Free, on the lists of single CPUs", pcp.pages, pcp.origin, pcp.line) if pcp else None,
        ], "free pages and those on the CPUs' lists")  # fmt: skip

    def _of_lists(self, pages: dict[str, int]) -> Iterator[Part | None]:
        """Anonymous and shared memory, files and what is locked: the LRU lists, told apart by the page cache's count."""
        if any(name not in pages for name in _NEEDED_LISTS):
            return
        anon_lists = sum(pages.get(name, 0) for name in _ANON_LISTS)
        file_lists = sum(pages.get(name, 0) for name, _ in _FILE_LISTS)
        locked = pages.get("unevictable", 0)
        shared = self.printed.whole("shmem")
        shmem = min(shared.pages, anon_lists + locked) if shared else 0
        cache = self._file_cache(shmem if shared else None)
        locked_files, orphans = self._beside_the_lists(cache, file_lists, locked, pages["inactive_file"])
        mlocked = self.printed.whole("mlocked")
        # Shared memory lies on the anonymous lists, or is locked; which, is printed nowhere.
        low = max(0, shmem - anon_lists)
        locked_files = min(locked_files, locked - low)
        high = min(shmem, locked - locked_files)
        unlocked = locked - locked_files - (mlocked.pages if mlocked else locked)
        shmem_locked = min(max(unlocked, low), max(high, low))
        anon = anon_lists - (shmem - shmem_locked)
        yield self._anon(anon, anon_lists - shmem + low, anon_lists - shmem + high, shmem if shared else None)
        if shared is not None:
            yield self._part("shmem", "Shared memory and tmpfs", shmem, shared.origin, shared.line)
        yield self._files(pages, orphans)
        others = locked - locked_files - shmem_locked
        origin = f"unevictable:{locked} pages"
        if mlocked:
            origin += f", mlocked {mlocked.pages}"
        yield group("unevictable", "Locked in memory, not shared", [
            self._part("unevictable_anon", "Anonymous", others,
                       origin + f" - {locked_files} of files - {shmem_locked} shared", self.info.line,
                       least=locked - locked_files - high, most=locked - locked_files - low),
            self._part("unevictable_file", "Files and ramfs", locked_files,
                       "pagecache - swap cache - shmem - lists of files", self.info.line),
        ], origin)  # fmt: skip

    def _file_cache(self, shmem: int | None) -> int | None:
        """Pages of files in the page cache, on whatever list."""
        if self.info.pagecache_pages is None or shmem is None:
            return None
        return max(0, self.info.pagecache_pages - (self.info.swapcache_pages or 0) - shmem)

    def _beside_the_lists(self, cache: int | None, listed: int, locked: int, inactive: int) -> tuple[int, int]:
        """Pages of files that are locked; pages on the lists of files that are of no file (MADV_FREE, truncated)."""
        if cache is None:
            return 0, 0
        orphans = listed - cache
        enough = max(_MANY_PAGES, 2 * self.drift)
        return min(max(0, -orphans), locked), min(orphans, inactive) if orphans > enough else 0

    def _anon(self, pages: int, least: int, most: int, shmem: int | None) -> Part | None:
        origin = "active_anon + inactive_anon + isolated_anon"
        origin += "; shared memory is among them" if shmem is None else f" - {shmem} pages of shmem among them"
        inner: list[Part] = []
        cached = min(self.info.swapcache_pages or 0, pages)
        if cached:
            inner.append(
                self._part(
                    "swapcache", "Also in swap (swap cache)", cached, f"{cached} pages in swap cache", self.info.line
                )
            )
        huge = None if self.accounting.thp_shifted else self.printed.whole("anon_thp")
        if huge is not None and 0 < huge.pages <= pages - cached:
            inner.append(self._part("anon_thp", "In transparent huge pages", huge.pages, huge.origin, huge.line))
        part = self._part("anon", "Anonymous memory of processes", pages, origin, self.info.line,
                          least=min(least, pages), most=max(most, pages))  # fmt: skip
        return with_rest(part._replace(parts=tuple(inner)), "anon_other", "Others", "what the others leave")

    def _files(self, pages: dict[str, int], orphans: int) -> Part | None:
        parts = []
        for name, label in _FILE_LISTS:
            taken = orphans if name == "inactive_file" else 0
            origin = f"{name}:{pages.get(name, 0)} pages" + (f" - {taken} of no file" if taken else "")
            parts.append(self._part(name, label, pages.get(name, 0) - taken, origin, self.info.line))
        parts.append(self._part("file_orphans", "Of no file any more: after MADV_FREE, or truncated and still held", orphans,
                                "lists of files - page cache of files", self.info.line))  # fmt: skip
        return group("file", "Page cache of files, buffers", parts, "sum of the lists of files")

    def _kernel(self) -> Iterator[Part | None]:
        for name, label in _KERNEL:
            yield self._plain(name, label)

    def _huge(self) -> Iterator[Part]:
        pools = {(pool["node"], pool["size_kb"]): pool for pool in self.info.hugepages}  # a torn log may repeat one
        for pool in pools.values():
            size, node = pool["size_kb"] * 1024, pool["node"]
            if pool["total"] and size:
                name = f"hugetlb_{node}_{pool['size_kb']}"
                origin = f"Node {node} hugepages_total={pool['total']} hugepages_size={pool['size_kb']}kB"
                free = min(pool["free"], pool["total"])
                line = self.info.line
                parts = (
                    Part(f"{name}_used", "In use", (pool["total"] - free) * size, "total - free", line),
                    Part(f"{name}_free", "Reserved and unused", free * size, f"hugepages_free={pool['free']}", line),
                )
                label = f"Node {node}, pages of {pool['size_kb']} kB"
                yield Part(
                    name, label, pool["total"] * size, origin, line, parts=tuple(one for one in parts if one.bytes)
                )

    def _poisoned(self) -> Part | None:
        pages = self.info.hwpoisoned_pages
        return (
            self._part("hwpoisoned", "Broken memory", pages, f"{pages} pages hwpoisoned", self.info.line, exact=True)
            if pages
            else None
        )

    def _unaccounted(self, parts: Sequence[Part]) -> Part | None:
        assert self.info.ram_pages is not None
        left = self.info.ram_pages * self.page_size - sum(part.bytes for part in parts)
        known = sum(_leaves(part) for part in parts)
        slack = known * self.drift * self.page_size
        lacking = [name for name in _NEEDED if self.printed.whole(name) is None]
        origin = (
            f"RAM - all of the above; error from counters' shares that {self.cpus} CPUs hold back, at least so many there are"
            if not self.info.cpus else f"RAM - all of the above; error from counters' shares that {self.cpus} CPUs hold back"
        )  # fmt: skip
        least = left - slack
        if not self.printed.is_whole:
            least = 0
            origin += "; not all nodes and zones are printed, so what only they show is too low above"
        if lacking:
            least = 0
            origin += f"; lost or not printed: {', '.join(lacking)}"
        if self.managed is None:
            origin += "; includes what the kernel reserved, which is not known here"
        return Part("unaccounted", "In no counter", max(0, left), origin, None, max(0, least), max(0, left + slack))


def _leaves(part: Part) -> int:
    return sum(_leaves(one) for one in part.parts) if part.parts else 1
