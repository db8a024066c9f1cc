"""How exact the kernel's memory counters are, and what of them a release prints wrong or leaves out.

vmstat.c (calculate_normal_threshold): each CPU keeps up to a threshold of every zone's and node's counter to itself, and the
sums that Mem-Info prints leave it out. memcontrol.c: a CPU charges a batch of pages in advance, which `usage` includes.
"""

from __future__ import annotations

from dataclasses import dataclass

from oomforensics.kernel.eras import Version

_MOST_THRESHOLD = 125
_THRESHOLD_UNIT_BYTES = 128 << 20


@dataclass(frozen=True, slots=True)
class Accounting:
    since: Version
    charge_batch_pages: int  # that a CPU charges to a cgroup in advance: MEMCG_CHARGE_BATCH, before 4.13 CHARGE_BATCH
    thp_shifted: bool = False  # shmem_thp, shmem_pmdmapped and anon_thp of a node are printed under each other's names
    leaves_zones_out: bool = False  # Mem-Info ends with the highest zone that the request may be served from
    commit: str = ""


ACCOUNTING: tuple[Accounting, ...] = (
    Accounting((0, 0, 0), 32),
    Accounting((4, 8, 0), 32, thp_shifted=True),
    Accounting((4, 11, 0), 32),
    Accounting((6, 0, 0), 64, commit="1813e51eece0"),
    Accounting((6, 1, 0), 64, leaves_zones_out=True, commit="974f4367dd31"),
)

_ANY = Accounting((0, 0, 0), max(row.charge_batch_pages for row in ACCOUNTING), thp_shifted=True, leaves_zones_out=True)


def accounting_of(version: Version | None) -> Accounting:
    """Of a kernel that is not known: the least exact of all."""
    return _ANY if version is None else next(row for row in reversed(ACCOUNTING) if row.since <= version)


def stat_threshold(cpus: int, managed_pages: int, page_size: int) -> int:
    """Pages by which one CPU's share of a zone's counter may be missing from the sum."""
    units = managed_pages * page_size // _THRESHOLD_UNIT_BYTES
    return min(_MOST_THRESHOLD, 2 * cpus.bit_length() * (1 + units.bit_length()))
