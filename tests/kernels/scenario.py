"""What a scenario is: a population, the limits around it, and the push that ends in an OOM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.kernels import ext4

_TABLES_OF_32_BITS_MIB = 2
_MANY_THREADS = 200


class Home(StrEnum):
    """Where a scenario may be played."""

    HOST = "host"
    GUEST = "guest"


class Cgroup(StrEnum):
    """Which memory controller is mounted."""

    NONE = "none"
    V1 = "v1"
    V2 = "v2"


class Scope(StrEnum):
    """Whose shortage it is."""

    GLOBAL = "global"
    MEMCG = "memcg"
    CPUSET = "cpuset"
    MEMPOLICY = "mempolicy"
    SYSRQ = "sysrq"


class Verdict(StrEnum):
    """Why the kernel takes the process it takes."""

    HIGHEST_BADNESS = "highest_badness"
    TIE = "tie"
    ALLOCATING_TASK = "allocating_task"
    OOM_GROUP = "oom_group"
    OOM_ORIGIN = "oom_origin"
    NONE_KILLABLE = "none_killable"


class Kind(StrEnum):
    """What an actor is, beyond a process that holds memory."""

    PLAIN = "plain"
    VFORK = "vfork"
    LEADERLESS = "leaderless"
    THREADED = "threaded"  # its second thread does what it does
    SWAPOFF = "swapoff"


class Push(StrEnum):
    """What an actor allocates once it is told to go."""

    ANON = "anon"
    SHMEM = "shmem"
    TMPFS = "tmpfs"
    QUEUES = "queues"  # SysV messages: unreclaimable slab
    PIPES = "pipes"  # pages in no counter
    DIRTY = "dirty"  # a file on the disk: page cache that is yet to be written
    MAPPED = "mapped"  # a page of such a file, through a mapping
    LOCK = "lock"  # nothing: takes the lock of the memory map of `other`
    FRAGMENTS = "fragments"  # pipes until `push` is left free, every other of them closed, then blocks of order 3


class Need(StrEnum):
    """What not every machine has."""

    NUMA = "more than one node"
    ADDRESS_SPACE = "room for page tables that map hardly a page, and for a thousand stacks"
    HIGHMEM = "memory that the kernel's own objects cannot have"
    SMALL_PAGES = "pages of 4 KiB"


@dataclass(frozen=True, slots=True)
class Actor:
    """One process of the population; sizes in MiB, `name` the bytes given to PR_SET_NAME.

    `tables` is page tables that map nothing but the zero page, `huge` memory from the huge page pool, `promised` memory
    that is mapped and never touched. `locked` and
    `paged_out` say what becomes of `anon`. One that is `idle` runs when nobody else wants to; one that `spins`
    always wants to. `other` is the actor whose memory map it locks. Each of the `children` has `child_anon` and a little
    more than the one before.
    """

    name: str | bytes
    anon: float = 0
    file: float = 0
    shmem: float = 0
    push: float = 0
    how: Push = Push.ANON
    adj: int | None = None
    uid: int = 0
    threads: int = 1
    node: int | None = None
    group: str = ""
    kind: Kind = Kind.PLAIN
    tables: float = 0
    huge: float = 0
    promised: float = 0
    locked: bool = False
    paged_out: bool = False
    idle: bool = False
    spins: bool = False
    children: int = 0
    child_anon: float = 0
    other: int | None = None

    @property
    def comm(self) -> bytes:
        raw = self.name.encode() if isinstance(self.name, str) else self.name
        return raw[:15]


@dataclass(frozen=True, slots=True)
class Group:
    """A memory cgroup below the laboratory's root; limits in MiB, `swap` what may go beyond the limit."""

    path: str
    limit: float | None = None
    swap: float | None = None
    kills_together: bool = False
    mems: str | None = None
    swappiness: int | None = None
    watched: bool = True
    kills: bool = True  # False: memory.oom_control's oom_kill_disable (v1)


@dataclass(frozen=True, slots=True)
class Rig:
    """The guest that a scenario needs; scenarios of one rig can be played one after the other."""

    memory: int
    cpus: int
    numa: bool
    cgroup_v1: bool
    cmdline: str
    extra_modules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One entry of the table in `scenarios.py`.

    `go` names the actors that push, in order. The push ends when `deaths` processes have died,
    when the kernel says `until`, or after `patience` milliseconds. `files` is the size of a disk with a file system, which
    is suspended during the push where the scenario `suspends` it. `settings` are files with what is written to them.
    """

    name: str
    description: str
    scope: Scope
    verdict: Verdict | None
    actors: Sequence[Actor]
    go: Sequence[int] = ()
    groups: Sequence[Group] = ()
    victim_group: str = ""
    cgroup: Cgroup = Cgroup.NONE
    homes: frozenset[Home] = frozenset({Home.GUEST})
    since: tuple[int, int] = (0, 0)
    before: tuple[int, int] = (999, 0)
    decided_by_rules: bool = True
    or_else: Sequence[str] = ()  # other verdicts that a population drawn by chance may lead to
    deaths: int = 1
    patience: int = 20_000
    until: str = ""
    stop_with_kill: bool = False
    gap: int = 0
    trigger: tuple[str, str] | None = None
    sysctls: Sequence[tuple[str, str]] = ()
    settings: Sequence[tuple[str, str]] = ()
    swap_disk: int = 0
    zram: int = 0
    files: int = 0
    suspends: bool = False
    memory: int = 256
    cpus: int = 2
    numa: bool = False
    highmem: bool = False
    cmdline: str = ""
    panics: bool = False
    silent: bool = False  # the kernel reports nothing
    hugepages: int = 0
    seed: int | None = None
    extra_modules: Sequence[str] = field(default=())

    def fits(self, version: tuple[int, int]) -> bool:
        return self.since <= version < self.before

    @property
    def needs(self) -> frozenset[Need]:
        needs = {Need.NUMA} if self.numa else set()
        if any(actor.tables > _TABLES_OF_32_BITS_MIB for actor in self.actors):
            needs.add(Need.ADDRESS_SPACE)
        if any(actor.threads > _MANY_THREADS for actor in self.actors):
            needs |= {Need.ADDRESS_SPACE, Need.SMALL_PAGES}
        if any(actor.how is Push.FRAGMENTS for actor in self.actors):
            needs.add(Need.SMALL_PAGES)
        if self.highmem:
            needs.add(Need.HIGHMEM)
        return frozenset(needs)

    @property
    def floods(self) -> bool:
        """The kernel's limit of reports is reached, so that the next scene would be reported in part."""
        return self.deaths > 5 or bool(self.until and self.stop_with_kill)

    @property
    def rig(self) -> Rig:
        modules = (*self.extra_modules, *(ext4.MODULES if self.files else ()))
        return Rig(self.memory, self.cpus, self.numa, self.cgroup is Cgroup.V1, self.cmdline, modules)
