"""THE table of eras: which kernels score, select and count alike. Every kernel-version difference is a row or a cell here.

Sources: mm/oom_kill.c, mm/memcontrol.c and fs/proc/base.c of the trees named in docs/kernel-eras.md. `commit` names the
change that opened the era where it is known with certainty; a boundary without one was read off the nearest trees.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

Version = tuple[int, int, int]


class Score(Enum):
    """How oom_badness() turns counters into points."""

    LEGACY = "total_vm, halves of the children's, divided by roots of CPU and run time, shifted by oom_adj"
    PERMILLE_INT = "permille of totalpages in 32-bit int, which overflows above 2,147,483 pages"
    PERMILLE = "permille of totalpages, 1..1000"
    PAGES_CLAMPED = "pages, plus oom_score_adj * (totalpages / 1000), at least 1"
    PAGES_SIGNED = "pages, plus oom_score_adj * (totalpages / 1000), may be negative"


class PageTables(Enum):
    """What of its page tables a task is charged with."""

    NONE = "not counted"
    NR_PTES = "nr_ptes"
    NR_PTES_PMDS = "nr_ptes + nr_pmds"
    BYTES = "pgtables_bytes / page size"


class RootBonus(Enum):
    """What a task with CAP_SYS_ADMIN is spared."""

    NONE = "none"
    QUARTER = "points / 4"
    PERMILLE_30 = "30 permille of totalpages"
    PERMILLE_3_PERCENT = "3 % of the permille value"
    ADJ_30 = "30 off oom_score_adj"
    OWN_3_PERCENT = "3 % of its own pages"


class ChildRule(Enum):
    """Whether a child is killed in place of the task selected."""

    FIRST_CHILD = "the first killable child with another mm"
    BEST_CHILD_ANY_MM = "the child with the highest badness above 0"
    BEST_CHILD = "the child with another mm and the highest badness above 0"
    NONE = "none"


class TieRule(Enum):
    """Which of several tasks with equal points is chosen."""

    FIRST = "the first one scanned"
    LEADER_FIRST = "the first one scanned that is a thread-group leader"
    LAST = "the last one scanned"


class OomScoreScale(Enum):
    """What /proc/PID/oom_score shows. T is always RAM plus swap there."""

    RAW = "badness"
    PERMILLE = "badness, 0..1000"
    PAGES_PERMILLE = "badness * 1000 / T"
    TWO_THIRDS = "(1000 + badness * 1000 / T) * 2 / 3"


class NodePages(Enum):
    """What of a node counts in T under a cpuset or mempolicy."""

    SPANNED = "node_spanned_pages"
    PRESENT = "node_present_pages"


class MemcgTotal(Enum):
    """T of a memory cgroup."""

    UNIT_BUG = "min(limit + swap in pages taken for bytes, memsw limit)"
    LIMIT_AND_SWAP = "min(limit + total swap, memsw limit)"
    SWAPPINESS = "min(limit + total swap, memsw limit); the limit alone at swappiness 0"
    SWAP_MAX = "limit + min(swap limit, total swap), at most the memsw limit; the limit alone at swappiness 0"


class TotalRam(Enum):
    """How totalram_pages is found from what Mem-Info prints."""

    RESERVED_APPROXIMATE = "pages RAM - pages reserved, approximate: reserved counts PageReserved pages"
    MANAGED = "sum of zone managed: `reserved` counts PageReserved pages"
    MANAGED_RESERVED_BROKEN = "sum of zone managed: `reserved` is the last zone's alone"
    RESERVED_AND_CMA = "pages RAM - pages reserved - pages cma reserved"
    RESERVED = "pages RAM - pages reserved"


class RssPrecision(Enum):
    """How far the counters that the selection reads may be off (for each of file, anon, shmem and swap)."""

    EXACT = "exact"
    PER_THREAD = "64 pages a thread: folded into the mm every 64 page faults"
    PERCPU = "percpu_counter read without summing: up to CPUs * (max(32, 2 * CPUs) - 1) pages"


@dataclass(frozen=True, slots=True)
class Base:
    """A vendor whose source was not read: its kernels are judged by the rules of their upstream base, and it is said."""

    release: str  # regular expression
    vendor: str
    also: tuple[str, ...] = ()  # eras whose rules it may have backported
    why: str = ""


@dataclass(frozen=True, slots=True)
class Era:
    name: str
    since: Version
    before: Version | None  # first release that is no longer of this era
    score: Score
    page_tables: PageTables
    root: RootBonus
    child: ChildRule
    tie: TieRule
    oom_score: OomScoreScale
    node_pages: NodePages | None
    memcg_total: MemcgTotal | None
    total_ram: TotalRam
    rss: RssPrecision
    memcg_dump_is_scan_order: bool = False  # 5.3+: the table of a memcg OOM is in selection order
    memcg_scans_threads: bool = False  # up to 5.2: a thread that is not the leader may be selected
    vfork_spared: bool = False  # 4.8+: in_vfork
    oom_skip: bool = False  # 4.7+: a victim already reaped cannot be chosen again
    vendor: str | None = None
    builds: tuple[int, int] | None = None  # vendor's build numbers, half-open
    prints: frozenset[str] = field(default_factory=frozenset)  # vendor rows: fingerprints of their text
    root_also: tuple[RootBonus, ...] = ()  # stable releases of this range backported another bonus
    verified: bool = True  # False: inferred from logs or neighbours, no source tree read
    builds_read: frozenset[int] = frozenset()  # vendor's builds whose source was read; empty: it covers all of `builds`
    commit: str = ""
    what: str = ""


# Text that tells eras apart: fingerprint -> upstream releases that print it, half-open. Vendor rows list their own.
FINGERPRINTS: dict[str, tuple[tuple[Version, Version | None], ...]] = {
    "table:C1": (((2, 6, 25), (2, 6, 36)),),
    "table:C2": (((2, 6, 36), (3, 6, 0)),),
    "table:C3": (((3, 6, 0), (4, 0, 0)),),
    "table:C4": (((4, 0, 0), (4, 15, 0)),),
    "table:C5": (((4, 15, 0), (4, 19, 0)),),
    "table:C6": (((4, 19, 0), (6, 8, 0)),),
    "table:C7": (((6, 8, 0), None),),
    "tasks-state": (((4, 19, 0), None),),
    "invoked:2.6.24": (((2, 6, 24), (2, 6, 36)),),
    "invoked:2.6.36": (((2, 6, 36), (3, 7, 0)),),
    "invoked:3.7": (((3, 7, 0), (4, 6, 0)),),
    "invoked:4.9": (((4, 9, 0), (5, 0, 0)),),
    "invoked:5.0": (((4, 6, 0), (4, 9, 0)), ((5, 0, 0), None)),
    "selected:or-a-child": (((2, 6, 20), (2, 6, 36)),),
    "selected:sacrifice-child": (((2, 6, 36), (5, 1, 0)),),
    "killed:2.6.33": (((2, 6, 33), (2, 6, 36)),),
    "killed:2.6.36": (((2, 6, 36), (4, 5, 0)),),
    "killed:4.5": (((4, 5, 0), (5, 1, 0)),),
    "killed:5.1": (((5, 1, 0), (5, 4, 0)),),
    "killed:5.4": (((5, 4, 0), None),),
    "killed:rhel6.2": (),
    "killed:rhel7.7": (),
    "killed:rhel8.3": (),
    "killed:shared-mm": (((2, 6, 37), (4, 4, 0)),),
    "summary": (((5, 0, 0), None),),
    "cpuset-line": (((2, 6, 29), (5, 0, 0)),),
    "stack:Pid": (((2, 6, 0), (3, 10, 0)),),
    "reaper": (((4, 6, 0), None),),
    "oom-group": (((4, 19, 0), None),),
    "already-exiting": (((5, 9, 0), None),),
    "panic:deadlocked": (((4, 19, 0), None),),
    "memcg_stats:lines": (((5, 3, 0), None),),
    "allocations": (((6, 10, 0), (6, 18, 0)),),
    "allocations:state": (((6, 18, 0), None),),
    "protection": (((6, 19, 0), None),),
}

# What a fingerprint is, for people.
FINGERPRINT_WORDS: dict[str, str] = {
    "table:C1": "task table with cpu and oom_adj",
    "table:C2": "task table with oom_adj and oom_score_adj",
    "table:C3": "task table with nr_ptes and swapents",
    "table:C4": "task table with nr_pmds",
    "table:C5": "task table with pgtables_bytes",
    "table:C6": "task table with pgtables_bytes and a wide pid",
    "table:C7": "task table with rss_anon, rss_file, rss_shmem",
    "tasks-state": "`Tasks state` line",
    "invoked:2.6.24": "`invoked oom-killer` with oom_adj",
    "invoked:2.6.36": "`invoked oom-killer` with oom_adj and oom_score_adj",
    "invoked:3.7": "`invoked oom-killer` with a bare gfp_mask",
    "invoked:4.9": "`invoked oom-killer` with nodemask",
    "invoked:5.0": "`invoked oom-killer` with named gfp flags",
    "selected:or-a-child": "`or a child`",
    "selected:sacrifice-child": "`or sacrifice child`",
    "killed:2.6.33": "`Killed process` with vsz",
    "killed:2.6.36": "`Killed process` with total-vm",
    "killed:4.5": "`Killed process` with shmem-rss",
    "killed:5.1": "message and `Killed process` on one line",
    "killed:5.4": "`Killed process` with UID, pgtables and oom_score_adj",
    "killed:rhel6.2": "`Killed process N, UID U, (comm)`",
    "killed:rhel7.7": "`Killed process N (comm), UID U,`",
    "killed:rhel8.3": "`Killed process` that ends in UID",
    "killed:shared-mm": "`sharing same memory`",
    "summary": "`oom-kill:` line",
    "cpuset-line": "`cpuset=… mems_allowed=…` line",
    "stack:Pid": "`Pid: …, comm: …` line",
    "reaper": "oom_reaper line",
    "oom-group": "memory.oom.group line",
    "already-exiting": "`already exiting` line",
    "panic:deadlocked": "`System is deadlocked on memory`",
    "memcg_stats:lines": "cgroup statistics one to a line",
    "allocations": "`Memory allocations:`",
    "allocations:state": "`Memory allocations (profiling …)`",
    "protection": "cgroup protection line",
}

_S, _P, _R, _C, _T, _O = Score, PageTables, RootBonus, ChildRule, TieRule, OomScoreScale
_N, _M, _Q, _X = NodePages, MemcgTotal, TotalRam, RssPrecision


def _legacy(name: str, since: Version, before: Version, rss: RssPrecision, what: str, commit: str = "") -> Era:
    return Era(name, since, before, _S.LEGACY, _P.NONE, _R.QUARTER, _C.FIRST_CHILD, _T.FIRST, _O.RAW, None, None,
               _Q.RESERVED_APPROXIMATE, rss, memcg_scans_threads=True, what=what, commit=commit)  # fmt: skip


UPSTREAM: tuple[Era, ...] = (
    _legacy("2.6.25-2.6.31", (2, 6, 25), (2, 6, 32), _X.EXACT, "heuristic of virtual size and run time, per thread"),
    _legacy("2.6.32-2.6.35", (2, 6, 32), (2, 6, 36), _X.EXACT, "CPU time and oom_adj of the whole thread group",
            "495789a51a9, 28b83c5193e"),
    Era("2.6.36-2.6.37", (2, 6, 36), (2, 6, 38), _S.PERMILLE, _P.NONE, _R.PERMILLE_30, _C.BEST_CHILD_ANY_MM, _T.FIRST,
        _O.PERMILLE, _N.SPANNED, _M.UNIT_BUG, _Q.RESERVED_APPROXIMATE, _X.PER_THREAD,
        commit="a63d83f427f", what="rewrite: permille of memory in use, oom_score_adj"),
    Era("2.6.38", (2, 6, 38), (2, 6, 39), _S.PERMILLE, _P.NONE, _R.PERMILLE_30, _C.BEST_CHILD_ANY_MM, _T.FIRST,
        _O.PERMILLE, _N.SPANNED, _M.LIMIT_AND_SWAP, _Q.RESERVED_APPROXIMATE, _X.PER_THREAD,
        commit="f3e8eb70b18", what="memcg limit computed in one unit"),
    Era("2.6.39-3.1", (2, 6, 39), (3, 2, 0), _S.PERMILLE_INT, _P.NR_PTES, _R.PERMILLE_30, _C.BEST_CHILD, _T.FIRST,
        _O.PERMILLE, _N.SPANNED, _M.LIMIT_AND_SWAP, _Q.RESERVED_APPROXIMATE, _X.PER_THREAD, memcg_scans_threads=True,
        commit="f755a042d82", what="page tables counted; int overflow above 8 GiB"),
    Era("3.2-3.4", (3, 2, 0), (3, 5, 0), _S.PERMILLE, _P.NR_PTES, _R.PERMILLE_30, _C.BEST_CHILD, _T.FIRST,
        _O.PERMILLE, _N.SPANNED, _M.LIMIT_AND_SWAP, _Q.RESERVED_APPROXIMATE, _X.PER_THREAD, memcg_scans_threads=True,
        root_also=(_R.PERMILLE_3_PERCENT,), what="computed in long"),
    Era("3.5-3.6", (3, 5, 0), (3, 7, 0), _S.PAGES_CLAMPED, _P.NR_PTES, _R.ADJ_30, _C.BEST_CHILD, _T.FIRST,
        _O.PAGES_PERMILLE, _N.SPANNED, _M.LIMIT_AND_SWAP, _Q.RESERVED_APPROXIMATE, _X.PER_THREAD,
        memcg_scans_threads=True, commit="a7f638f999ff42310e9582273b1fe25ea6e469ba", what="points are pages"),
    Era("3.7", (3, 7, 0), (3, 8, 0), _S.PAGES_CLAMPED, _P.NR_PTES, _R.ADJ_30, _C.BEST_CHILD, _T.FIRST,
        _O.PAGES_PERMILLE, _N.SPANNED, _M.SWAPPINESS, _Q.RESERVED_APPROXIMATE, _X.PER_THREAD,
        memcg_scans_threads=True, what="swappiness 0 leaves swap out of a cgroup's total"),
    Era("3.8-3.12", (3, 8, 0), (3, 13, 0), _S.PAGES_CLAMPED, _P.NR_PTES, _R.ADJ_30, _C.BEST_CHILD, _T.FIRST,
        _O.PAGES_PERMILLE, _N.SPANNED, _M.SWAPPINESS, _Q.MANAGED, _X.PER_THREAD, memcg_scans_threads=True,
        root_also=(_R.OWN_3_PERCENT,), commit="e1e12d2f3104be886073ac6c5c4678f30b1b9e51",
        what="swapoff marks a task with a flag; zones print `managed`"),
    Era("3.13", (3, 13, 0), (3, 14, 0), _S.PAGES_CLAMPED, _P.NR_PTES, _R.ADJ_30, _C.BEST_CHILD, _T.FIRST,
        _O.PAGES_PERMILLE, _N.SPANNED, _M.SWAPPINESS, _Q.MANAGED_RESERVED_BROKEN, _X.PER_THREAD,
        memcg_scans_threads=True, root_also=(_R.OWN_3_PERCENT,), what="`pages reserved` is the last zone's"),
    Era("3.14-3.17", (3, 14, 0), (3, 18, 0), _S.PAGES_CLAMPED, _P.NR_PTES, _R.OWN_3_PERCENT, _C.BEST_CHILD,
        _T.LEADER_FIRST, _O.PAGES_PERMILLE, _N.SPANNED, _M.SWAPPINESS, _Q.MANAGED_RESERVED_BROKEN, _X.PER_THREAD,
        memcg_scans_threads=True, what="root bonus is 3 % of own use; leaders win ties"),
    Era("3.18", (3, 18, 0), (3, 19, 0), _S.PAGES_CLAMPED, _P.NR_PTES, _R.OWN_3_PERCENT, _C.BEST_CHILD,
        _T.LEADER_FIRST, _O.PAGES_PERMILLE, _N.SPANNED, _M.SWAPPINESS, _Q.RESERVED, _X.PER_THREAD,
        memcg_scans_threads=True, what="`pages reserved` right again"),
    Era("3.19", (3, 19, 0), (4, 0, 0), _S.PAGES_CLAMPED, _P.NR_PTES, _R.OWN_3_PERCENT, _C.BEST_CHILD,
        _T.LEADER_FIRST, _O.PAGES_PERMILLE, _N.SPANNED, _M.SWAPPINESS, _Q.RESERVED_AND_CMA, _X.PER_THREAD,
        memcg_scans_threads=True, what="CMA counted apart from reserved"),
    Era("4.0-4.2", (4, 0, 0), (4, 3, 0), _S.PAGES_CLAMPED, _P.NR_PTES_PMDS, _R.OWN_3_PERCENT, _C.BEST_CHILD,
        _T.LEADER_FIRST, _O.PAGES_PERMILLE, _N.SPANNED, _M.SWAPPINESS, _Q.RESERVED_AND_CMA, _X.PER_THREAD,
        memcg_scans_threads=True, what="PMD tables counted"),
    Era("4.3-4.4", (4, 3, 0), (4, 5, 0), _S.PAGES_CLAMPED, _P.NR_PTES_PMDS, _R.OWN_3_PERCENT, _C.BEST_CHILD,
        _T.LEADER_FIRST, _O.PAGES_PERMILLE, _N.SPANNED, _M.SWAPPINESS, _Q.RESERVED, _X.PER_THREAD,
        memcg_scans_threads=True, what="reserved again includes CMA"),
    Era("4.5-4.7", (4, 5, 0), (4, 8, 0), _S.PAGES_CLAMPED, _P.NR_PTES_PMDS, _R.OWN_3_PERCENT, _C.BEST_CHILD,
        _T.LEADER_FIRST, _O.PAGES_PERMILLE, _N.SPANNED, _M.SWAP_MAX, _Q.RESERVED, _X.PER_THREAD,
        memcg_scans_threads=True, oom_skip=True, what="shmem counted apart; cgroup v2 swap limit; oom_reaper from 4.6"),
    Era("4.8-4.14", (4, 8, 0), (4, 15, 0), _S.PAGES_CLAMPED, _P.NR_PTES_PMDS, _R.OWN_3_PERCENT, _C.BEST_CHILD,
        _T.LEADER_FIRST, _O.PAGES_PERMILLE, _N.SPANNED, _M.SWAP_MAX, _Q.RESERVED, _X.PER_THREAD,
        memcg_scans_threads=True, vfork_spared=True, oom_skip=True, what="vfork children spared"),
    Era("4.15-4.16", (4, 15, 0), (4, 17, 0), _S.PAGES_CLAMPED, _P.BYTES, _R.OWN_3_PERCENT, _C.BEST_CHILD,
        _T.LEADER_FIRST, _O.PAGES_PERMILLE, _N.SPANNED, _M.SWAP_MAX, _Q.RESERVED, _X.PER_THREAD,
        memcg_scans_threads=True, vfork_spared=True, oom_skip=True,
        commit="af5b0f6a09e42c9f4fa87735f2a366748767b686", what="one counter of page-table bytes"),
    Era("4.17-5.0", (4, 17, 0), (5, 1, 0), _S.PAGES_CLAMPED, _P.BYTES, _R.NONE, _C.BEST_CHILD, _T.LEADER_FIRST,
        _O.PAGES_PERMILLE, _N.SPANNED, _M.SWAP_MAX, _Q.RESERVED, _X.PER_THREAD, memcg_scans_threads=True,
        vfork_spared=True, oom_skip=True, commit="d46078b28889", what="no root bonus"),
    Era("5.1-5.2", (5, 1, 0), (5, 3, 0), _S.PAGES_CLAMPED, _P.BYTES, _R.NONE, _C.NONE, _T.LEADER_FIRST,
        _O.PAGES_PERMILLE, _N.SPANNED, _M.SWAP_MAX, _Q.RESERVED, _X.PER_THREAD, memcg_scans_threads=True,
        vfork_spared=True, oom_skip=True, commit="bbbe480297", what="no child is killed in its parent's place"),
    Era("5.3", (5, 3, 0), (5, 4, 0), _S.PAGES_CLAMPED, _P.BYTES, _R.NONE, _C.NONE, _T.LAST, _O.PAGES_PERMILLE,
        _N.SPANNED, _M.SWAP_MAX, _Q.RESERVED, _X.PER_THREAD, memcg_dump_is_scan_order=True, vfork_spared=True,
        oom_skip=True, what="cgroups scanned by process; the last of equals wins"),
    Era("5.4-5.8", (5, 4, 0), (5, 9, 0), _S.PAGES_CLAMPED, _P.BYTES, _R.NONE, _C.NONE, _T.LAST, _O.PAGES_PERMILLE,
        _N.PRESENT, _M.SWAP_MAX, _Q.RESERVED, _X.PER_THREAD, memcg_dump_is_scan_order=True, vfork_spared=True,
        oom_skip=True, what="cpuset and mempolicy totals count present pages"),
    Era("5.9-6.1", (5, 9, 0), (6, 2, 0), _S.PAGES_SIGNED, _P.BYTES, _R.NONE, _C.NONE, _T.LAST, _O.TWO_THIRDS,
        _N.PRESENT, _M.SWAP_MAX, _Q.RESERVED, _X.PER_THREAD, memcg_dump_is_scan_order=True, vfork_spared=True,
        oom_skip=True, what="badness may be negative"),
    Era("6.2-6.7", (6, 2, 0), (6, 8, 0), _S.PAGES_SIGNED, _P.BYTES, _R.NONE, _C.NONE, _T.LAST, _O.TWO_THIRDS,
        _N.PRESENT, _M.SWAP_MAX, _Q.RESERVED, _X.PERCPU, memcg_dump_is_scan_order=True, vfork_spared=True,
        oom_skip=True, commit="f1a7941243c1", what="RSS in per-CPU counters, read approximately"),
    Era("6.8-6.19", (6, 8, 0), (7, 0, 0), _S.PAGES_SIGNED, _P.BYTES, _R.NONE, _C.NONE, _T.LAST, _O.TWO_THIRDS,
        _N.PRESENT, _M.SWAP_MAX, _Q.RESERVED, _X.PERCPU, memcg_dump_is_scan_order=True, vfork_spared=True,
        oom_skip=True, what="the task table splits RSS"),
    Era("7.0-", (7, 0, 0), None, _S.PAGES_SIGNED, _P.BYTES, _R.NONE, _C.NONE, _T.LAST, _O.TWO_THIRDS, _N.PRESENT,
        _M.SWAP_MAX, _Q.RESERVED, _X.EXACT, memcg_dump_is_scan_order=True, vfork_spared=True, oom_skip=True,
        commit="5898aa8f9a0b42fe1f65c7364010ab15ec5c38bf", what="selection reads exact sums"),
)  # fmt: skip

_RHEL6_TEXT = frozenset({"table:C2", "invoked:2.6.36", "selected:sacrifice-child", "killed:rhel6.2", "cpuset-line",
                         "stack:Pid", "killed:shared-mm"})  # fmt: skip
_RHEL7_TEXT = frozenset({"table:C3", "invoked:3.7", "selected:sacrifice-child", "cpuset-line", "killed:shared-mm"})

VENDOR: tuple[Era, ...] = (
    Era("rhel6.0-6.1", (2, 6, 32), (2, 6, 33), _S.LEGACY, _P.NONE, _R.QUARTER, _C.FIRST_CHILD, _T.FIRST, _O.RAW, None,
        None, _Q.RESERVED_APPROXIMATE, _X.EXACT, memcg_scans_threads=True, vendor="rhel6", builds=(0, 200),
        prints=frozenset({"table:C1", "invoked:2.6.24", "selected:or-a-child", "killed:2.6.33", "cpuset-line",
                          "stack:Pid"}),
        what="the heuristic before oom_score_adj"),
    Era("rhel6.2-6.4", (2, 6, 32), (2, 6, 33), _S.PERMILLE, _P.NR_PTES, _R.PERMILLE_30, _C.BEST_CHILD, _T.FIRST,
        _O.PERMILLE, _N.SPANNED, _M.UNIT_BUG, _Q.RESERVED_APPROXIMATE, _X.PER_THREAD, memcg_scans_threads=True,
        vendor="rhel6", builds=(200, 400), prints=_RHEL6_TEXT, what="3.2's score, 2.6.36's cgroup total"),
    Era("rhel6.5-6.10", (2, 6, 32), (2, 6, 33), _S.PERMILLE, _P.NR_PTES, _R.PERMILLE_30, _C.BEST_CHILD, _T.FIRST,
        _O.PERMILLE, _N.SPANNED, _M.SWAPPINESS, _Q.RESERVED_APPROXIMATE, _X.PER_THREAD, memcg_scans_threads=True,
        vendor="rhel6", builds=(400, 100000), prints=_RHEL6_TEXT, what="3.2's score, 3.7's cgroup total"),
    Era("rhel7.0-7.2", (3, 10, 0), (3, 11, 0), _S.PAGES_CLAMPED, _P.NR_PTES, _R.OWN_3_PERCENT, _C.BEST_CHILD, _T.FIRST,
        _O.PAGES_PERMILLE, _N.SPANNED, _M.SWAPPINESS, _Q.RESERVED, _X.PER_THREAD, memcg_scans_threads=True,
        vendor="rhel7", builds=(0, 400), prints=_RHEL7_TEXT | {"killed:2.6.36"}, root_also=(_R.ADJ_30,),
        verified=False, what="expected like 7.3; the root bonus is not known"),
    Era("rhel7.3-7.9", (3, 10, 0), (3, 11, 0), _S.PAGES_CLAMPED, _P.NR_PTES, _R.OWN_3_PERCENT, _C.BEST_CHILD, _T.FIRST,
        _O.PAGES_PERMILLE, _N.SPANNED, _M.SWAPPINESS, _Q.RESERVED, _X.PER_THREAD, memcg_scans_threads=True,
        vendor="rhel7", builds=(400, 100000), prints=_RHEL7_TEXT | {"killed:4.5", "killed:rhel7.7"},
        what="3.14's score, the first of equals wins"),
    Era("rhel8.1", (4, 18, 0), (4, 19, 0), _S.PAGES_CLAMPED, _P.BYTES, _R.NONE, _C.NONE, _T.LEADER_FIRST,
        _O.PAGES_PERMILLE, _N.SPANNED, _M.SWAP_MAX, _Q.RESERVED, _X.PER_THREAD, memcg_scans_threads=True,
        vfork_spared=True, oom_skip=True, vendor="rhel8", builds=(0, 193), builds_read=frozenset({147}),
        prints=frozenset({"table:C5", "invoked:4.9", "killed:5.1", "cpuset-line", "reaper"}),
        what="no child sacrifice in a 4.18 kernel"),
    Era("rhel8.3", (4, 18, 0), (4, 19, 0), _S.PAGES_CLAMPED, _P.BYTES, _R.NONE, _C.NONE, _T.LAST, _O.PAGES_PERMILLE,
        _N.SPANNED, _M.SWAP_MAX, _Q.RESERVED, _X.PER_THREAD, memcg_dump_is_scan_order=True, vfork_spared=True,
        oom_skip=True, vendor="rhel8", builds=(193, 305), builds_read=frozenset({240}),
        prints=frozenset({"table:C5", "invoked:5.0", "killed:rhel8.3", "summary", "memcg_stats:lines", "reaper",
                          "panic:deadlocked", "oom-group"}),
        what="5.3's selection in a 4.18 kernel"),
    Era("rhel8.7", (4, 18, 0), (4, 19, 0), _S.PAGES_SIGNED, _P.BYTES, _R.NONE, _C.NONE, _T.LAST, _O.TWO_THIRDS,
        _N.PRESENT, _M.SWAP_MAX, _Q.RESERVED, _X.PER_THREAD, memcg_dump_is_scan_order=True, vfork_spared=True,
        oom_skip=True, vendor="rhel8", builds=(305, 100000), builds_read=frozenset({394}),
        prints=frozenset({"table:C6", "tasks-state", "invoked:5.0", "killed:5.4", "summary", "memcg_stats:lines",
                          "reaper", "already-exiting", "panic:deadlocked", "oom-group"}),
        what="5.9's score in a 4.18 kernel"),
)  # fmt: skip

BASES: tuple[Base, ...] = (
    Base(r"^5\.14\.0-\d+\S*\.el9", "RHEL 9", ("6.2-6.7",), "later 9.x may count RSS per CPU"),
    Base(r"^6\.12\.0-\d+\S*\.el10", "RHEL 10"),
    Base(r"^(?:5\.14\.21|6\.4\.0)-150\d00", "SUSE Linux Enterprise 15 SP4 and later"),
    Base(r"\.amzn\d", "Amazon Linux"),
    Base(r"-microsoft-standard", "WSL2"),
    Base(r"\.(?:al|an)[78]\b", "Alibaba Cloud"),
    Base(r"tlinux|\.oc\d|\.tl\d", "Tencent", (), "its memory.use_priority_oom, if set, looks at cgroups first"),
    Base(r"^\d+\.\d+\.\d+\+$", "Container-Optimized OS, or somebody's own build"),
)

ERAS: tuple[Era, ...] = (*UPSTREAM, *VENDOR)
_BY_NAME: dict[str, Era] = {era.name: era for era in ERAS}


def era_named(name: str) -> Era:
    """The era of that name. Raises KeyError."""
    return _BY_NAME[name]


def find_era(name: str) -> Era | None:
    return _BY_NAME.get(name)


def prints(era: Era) -> frozenset[str]:
    """The fingerprints that a kernel of this era may leave in a report."""
    if era.vendor is not None:
        return era.prints
    return frozenset(
        name
        for name, ranges in FINGERPRINTS.items()
        if any((before is None or era.since < before) and (era.before is None or since < era.before)
               for since, before in ranges)
    )  # fmt: skip
