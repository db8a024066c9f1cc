"""The total that badness is a share of, with another limit or other swap, by the rules of any kernel."""

from __future__ import annotations

from dataclasses import dataclass

from oomforensics.analysis.model import Scope
from oomforensics.kernel import totalpages
from oomforensics.kernel.eras import Era, MemcgTotal

UNLIMITED_KB = 2**52  # every "no limit" that a kernel prints is above


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a report says of the memory that ran out, in pages. None: not printed, or no such limit."""

    scope: Scope
    page_size: int
    totalpages: int
    limit: int | None = None  # of the cgroup
    memsw_limit: int | None = None  # v1
    swap_limit: int | None = None  # v2
    total_swap: int | None = None  # of the machine

    @property
    def is_memcg(self) -> bool:
        return self.scope is Scope.MEMCG

    def total(self, era: Era, limit: int | None = None, swap: int | None = None) -> tuple[int, str]:
        """The total and the sum behind it. `swap`: of the machine, or for a cgroup what it may have beyond its limit.

        Raises ValueError, with the reason, where the report does not say enough.
        """
        if not self.is_memcg:
            return self._of_machine(limit, swap)
        if self.limit is None:
            raise ValueError("the cgroup's limit is not in the report")
        size = self.limit if limit is None else limit
        counted = max(self.totalpages - self.limit, 0)  # what of swap the verdict rests on
        rule = era.memcg_total or MemcgTotal.SWAP_MAX
        # What may be swapped beyond the limit stays as it was: v1's memsw limit moves with the other.
        memsw = None if self.memsw_limit is None else size + self.memsw_limit - self.limit
        swap_max = self.swap_limit
        if swap is not None and (rule is not MemcgTotal.SWAP_MAX or memsw is not None):
            memsw = size + swap
        elif swap is not None:
            swap_max = swap
        machine = self.total_swap if self.total_swap is not None else counted if swap is None else swap
        total = totalpages.memcg(
            rule, size, machine, memsw_limit_pages=memsw, swap_limit_pages=swap_max, page_size=self.page_size
        )
        return total, f"limit {size} pages + {total - size} of swap = {total}"

    def _of_machine(self, limit: int | None, swap: int | None) -> tuple[int, str]:
        if limit is not None:
            raise ValueError("no cgroup's limit was hit: the machine itself ran out")
        if swap is None:
            return self.totalpages, f"as it was: {self.totalpages}"
        if self.total_swap is None:
            raise ValueError("the machine's total swap is not in the report")
        ram = self.totalpages - self.total_swap
        return ram + swap, f"{ram} pages of RAM + {swap} of swap = {ram + swap}"


def pages(size_kb: int | None, page_size: int) -> int | None:
    """A printed size in pages; None for none, and for every "no limit" that a kernel prints."""
    if size_kb is None:
        return None
    return size_kb * 1024 // page_size if size_kb < UNLIMITED_KB else None
