"""Faults of kernels that made them kill without need, or hang where they should have killed. Only what is documented.

Vendors and stable trees backport both faults and fixes, so a version alone proves nothing: each fault has a `sign` that the
report must show too. A fault that is only suspected, or whose end is not known, is not listed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from oomforensics.kernel.eras import Version
from oomforensics.kernel.identify import parse_release


class Sign(Enum):
    """What of it a report shows."""

    HIGH_ORDER = "more than one page in a row was asked for (order 1 or more)"
    CGROUP = "a cgroup's limit was hit"
    DIRTY_CGROUP = "dirty pages and pages under writeback are a half of the cgroup's limit or more"
    HIGH_WATERMARK = "a zone's min watermark is an eighth of the zone or more, and half of it was free"
    PAGE_FAULT = "a page fault told of it (gfp_mask=0x0), while a zone had more than its high watermark free"
    KERNEL_MEMORY = "unreclaimable slab, or the kernel memory of the cgroup, is a fifth of memory or more"


@dataclass(frozen=True, slots=True)
class Bug:
    """`since` and `fixed`: upstream releases, the first with it and the first without. `builds`: of a vendor, instead."""

    name: str
    what: str
    sign: Sign
    source: str  # commit, or thread
    cure: str
    since: Version | None = None
    fixed: Version | None = None
    builds: re.Pattern[str] | None = None  # group 1: the build
    first_build: int = 0
    last_build: int = 0

    def has(self, release: str) -> bool:
        if self.builds is not None:
            found = self.builds.match(release)
            return found is not None and self.first_build <= int(found[1]) <= self.last_build
        version = parse_release(release)
        if version is None or _IS_VENDORS.search(release):
            return False
        return self.since is not None and self.fixed is not None and self.since <= version < self.fixed


# Kernels of long support whose number says little of what is in them.
_IS_VENDORS = re.compile(r"\.(?:el\d|amzn\d|alios\d|vz\d)|-(?:lp\d+|default)\b|\.uek")

BUGS: tuple[Bug, ...] = (
    Bug(
        "page_fault_kills_for_all",
        "Where a charge fails in a page fault (of a task that was just killed at its cgroup's limit, or against a limit of "
        "kernel memory), the kernel holds the whole machine to be out of memory: somebody outside dies, or it panics.",
        Sign.PAGE_FAULT,
        "1c0fe6e3bda0 (2.6.29), 60e2793d440a (5.16, 5.10.80)",
        "Update to 5.16 or a later release of 5.10 or 5.15. Until then find what fills the cgroup whose limit was hit, take "
        "limits of kernel memory away (memory.kmem.limit_in_bytes, docker run --kernel-memory), and leave vm.panic_on_oom at 0.",
        since=(2, 6, 29),
        fixed=(5, 16, 0),
    ),
    Bug(
        "compaction_gives_up",
        "Compaction gave up too early, so requests for several pages in a row ended in a kill while memory was free.",
        Sign.HIGH_ORDER,
        "0a0337e0d1d1 (4.7); reports and the partial revert in lkml.indiana.edu/hypermail/linux/kernel/1608.2/04321.html",
        "Update to 4.9 or later; the last 4.7 releases have a partial revert.",
        since=(4, 7, 0),
        fixed=(4, 8, 0),
    ),
    Bug(
        "compaction_gives_up_xenial",
        "Ubuntu's backport of that change to 4.4 kills for requests of several pages in a row while memory is free.",
        Sign.HIGH_ORDER,
        "bugs.launchpad.net/ubuntu/+source/linux/+bug/1655842; github.com/openzfs/zfs/issues/5626",
        "Update the kernel; 4.4.0-57 does not have it yet.",
        builds=re.compile(r"^4\.4\.0-(\d{1,4})-"),
        first_build=58,
        last_build=61,
    ),
    Bug(
        "boosted_watermark",
        "A fragmentation event raises a zone's min watermark by a whole page block, which on a small machine or with pages of "
        "64 KiB is a large part of the zone: it kills with that much free.",
        Sign.HIGH_WATERMARK,
        "1c30844d2dfe (5.0), 14f69140ff9c (5.7)",
        "Update to 5.7 or later, or set vm.watermark_boost_factor=0: fragmentation is then fought less early.",
        since=(5, 0, 0),
        fixed=(5, 7, 0),
    ),
    Bug(
        "mglru_dirty_cgroup",
        "With the multi-generational LRU reclaim does not wake the flushers, so a cgroup full of dirty pages is out of memory "
        "while they could be written.",
        Sign.DIRTY_CGROUP,
        "14aa8b2d5c2e (6.1), 1bc542c6a0d1 (6.13, 6.12.104); github.com/siderolabs/talos/issues/10476",
        "Update, or write n to /sys/kernel/mm/lru_gen/enabled; vm.dirty_background_bytes below the cgroup's limit makes "
        "writeback begin earlier, for the whole machine. With cgroup v2 and ext4 a writer is held back by "
        "the dirty pages of its own group, before it comes to that.",
        since=(6, 1, 0),
        fixed=(6, 12, 104),
    ),
    Bug(
        "memcg_oom_deadlock",
        "Who hits a cgroup's limit inside a system call waits with locks held that the victim may need to exit: both hang.",
        Sign.CGROUP,
        "3812c8c8f395 (3.12)",
        "Update; until then look for tasks in mem_cgroup_handle_oom (sysrq w) and kill or raise the limit by hand.",
        since=(2, 6, 30),
        fixed=(3, 12, 0),
    ),
    Bug(
        "rhel7_kmem",
        "Accounting of kernel memory for cgroups leaks slab and whole cgroups; container runtimes switched it on for all.",
        Sign.KERNEL_MEMORY,
        "github.com/opencontainers/runc/pull/1920; github.com/moby/moby/issues/37722; docker/for-linux/issues/841 (fixed build)",
        "Update to 3.10.0-1075 or later and boot with cgroup.memory=nokmem, or use a runtime that does not set kmem limits.",
        builds=re.compile(r"^3\.10\.0-(\d{1,4})[^ ]*el7"),
        first_build=1,
        last_build=1074,
    ),
)


def bugs_of(release: str) -> list[Bug]:
    return [bug for bug in BUGS if bug.has(release)]
