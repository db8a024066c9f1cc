"""Memory counters of the cgroups in scope and of all below them, those that appear later included.

The usage of each is read at every step; what else it has, where usage moved, and all of it every few steps.
"""

from __future__ import annotations

import os
import zlib

from oomforensics.capture import blobs, files, pace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MOST = 4096  # cgroups; beyond them the later ones are only counted
_SLOW = 10  # steps in which the slow files of a cgroup are read once
_NEAR = 4  # the cache is counted out where less than a quarter of the limit is left
_FEW = 32  # cgroups after which it is seen what else has happened
_UNLIMITED = 1 << 60  # bytes: v1 writes "no limit" as some number near 2**63


class Kind:
    """Which files a version has. A new one is one name more."""

    __slots__ = ("cache", "limit", "moving", "slow", "usage")

    def __init__(self, usage: str, limit: str, moving: tuple[str, ...], slow: tuple[str, ...], cache: bytes) -> None:
        self.usage = usage
        self.limit = limit
        self.moving = moving
        self.slow = slow
        self.cache = cache  # prefix in memory.stat of the pages that reclaim takes first


KINDS = {
    1: Kind(
        "memory.usage_in_bytes",
        "memory.limit_in_bytes",
        ("memory.stat", "memory.oom_control", "memory.failcnt", "memory.memsw.usage_in_bytes"),
        (
            "memory.memsw.limit_in_bytes",
            "memory.memsw.failcnt",
            "memory.max_usage_in_bytes",
            "memory.soft_limit_in_bytes",
            "memory.kmem.usage_in_bytes",
            "memory.kmem.limit_in_bytes",
            "memory.swappiness",
            "memory.use_hierarchy",
        ),
        b"total_",
    ),
    2: Kind(
        "memory.current",
        "memory.max",
        ("memory.stat", "memory.events", "memory.events.local", "memory.swap.current", "memory.pressure"),
        (
            "memory.min",
            "memory.low",
            "memory.high",
            "memory.peak",
            "memory.oom.group",
            "memory.swap.max",
            "memory.swap.high",
            "memory.swap.events",
            "memory.swap.peak",
            "memory.zswap.current",
            "memory.zswap.max",
            "cgroup.events",
        ),
        b"",
    ),
}


class Group:
    __slots__ = ("crcs", "fd", "folder", "headroom", "kind", "limit", "number", "slope", "stamp_ns", "usage", "version")

    def __init__(self, number: int, folder: str, version: int) -> None:
        self.number = number
        self.folder = folder
        self.version = version
        self.kind = KINDS[version]
        self.fd = -1
        self.usage: int | None = None
        self.limit: int | None = None
        self.headroom: int | None = None  # bytes up to the limit, with its cache counted as free
        self.slope = 0.0  # bytes of headroom lost in a second
        self.stamp_ns = 0
        self.crcs: dict[str, int] = {}  # of each file as the spool has it


class Cgroups:
    def __init__(self, scopes: Iterable[tuple[int, str]], max_open: int) -> None:
        self._scopes = list(scopes)  # version and folder
        self._max_open = max_open
        self._open = 0
        self.groups: dict[str, Group] = {}
        self.untold = 0  # cgroups that there was no room for
        self._turn = 0
        self._numbers = 0
        self._gone: list[int] = []  # numbers that the spool does not know yet to be gone
        self.on_new: Callable[[Group], None] = _nothing
        self.on_gone: Callable[[Group], None] = _nothing

    def discover(self) -> None:
        """Walk the folders: what is new is added, what is not there any more goes."""
        seen: set[str] = set()
        self.untold = 0
        for version, scope in self._scopes:
            seen |= self.add_tree(version, scope)
        for folder in [folder for folder in self.groups if folder not in seen]:
            self.remove(folder)

    def add_tree(self, version: int, top: str) -> set[str]:
        """A cgroup and all below it; the folders that were found."""
        seen: set[str] = set()
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(folder) as entries:
                    waiting += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
            except OSError:
                continue
            seen.add(folder)
            self.add(version, folder)
        return seen

    def add(self, version: int, folder: str) -> Group | None:
        if folder in self.groups:
            return self.groups[folder]
        if len(self.groups) >= MOST:
            self.untold += 1
            return None
        self._numbers += 1
        group = self.groups[folder] = Group(self._numbers, folder, version)
        if self._open < self._max_open:
            try:
                group.fd = os.open(f"{folder}/{group.kind.usage}", os.O_RDONLY | os.O_CLOEXEC)
                self._open += 1
            except OSError:
                pass  # the root of a hierarchy has fewer files
        self.on_new(group)
        return group

    def remove(self, folder: str) -> None:
        group = self.groups.pop(folder, None)
        if group is None:
            return
        if group.fd >= 0:
            os.close(group.fd)
            self._open -= 1
        self._gone.append(group.number)
        self.on_gone(group)

    def pids(self) -> list[int]:
        """Of all processes in scope, ascending."""
        found: set[int] = set()
        for group in self.groups.values():
            raw = files.read_all(group.folder + "/cgroup.procs")
            if raw:
                found.update(map(int, raw.split()))
        found.discard(0)  # of another pid namespace
        return sorted(found)

    def step(self, now_ns: int, full: bool, aside: Callable[[], None]) -> bytes:
        """Copies of what changed, or with `full` of everything, with each cgroup's folder.

        Cgroups may come and go in `aside`, which is called now and then.
        """
        self._turn = (self._turn + 1) % _SLOW
        parts: list[bytes] = [blobs.pack(number, b"gone", b"") for number in self._gone]
        self._gone.clear()
        gone = []
        for place, group in enumerate(list(self.groups.values())):
            if place % _FEW == 0:
                aside()
            if self.groups.get(group.folder) is not group:
                continue
            try:
                usage = os.pread(group.fd, 32, 0) if group.fd >= 0 else _usage(group)
            except OSError:
                gone.append(group.folder)
                continue
            self._read(group, usage, now_ns, full, parts)
        for folder in gone:
            self.remove(folder)
        return b"".join(parts)

    def now(self, group: Group) -> bytes:
        """Copies of the moving files of one cgroup, whether they changed or not: for an event."""
        parts = []
        for name in (group.kind.usage, group.kind.limit, *group.kind.moving):
            raw = files.read(f"{group.folder}/{name}")
            if raw is not None:
                parts.append(blobs.pack(group.number, name.encode(), raw))
        return b"".join(parts)

    def time_left_s(self) -> float:
        """Until the first of them is at its limit, if each goes on as now."""
        least = float("inf")
        for group in self.groups.values():
            if group.headroom is not None and group.slope > 0:
                least = min(least, max(group.headroom, 0) / group.slope)
        return least

    def close(self) -> None:
        self.on_gone = _nothing
        for folder in list(self.groups):
            self.remove(folder)

    def _read(self, group: Group, usage: bytes | None, now_ns: int, full: bool, parts: list[bytes]) -> None:
        kind = group.kind
        group.usage = files.whole_number(usage)
        slow = full or not group.crcs or (group.number + self._turn) % _SLOW == 0
        if full or not group.crcs:
            parts.append(blobs.pack(group.number, b"folder", b"%d %s" % (group.version, os.fsencode(group.folder))))
        moved = _keep(group, kind.usage, usage, full, parts) is not None
        if slow or moved:
            limit = _copy(group, kind.limit, full, parts)
            if limit is not None:
                group.limit = files.whole_number(limit)
                if group.limit is not None and group.limit >= _UNLIMITED:
                    group.limit = None
        near = group.limit is not None and group.usage is not None and group.limit - group.usage < group.limit // _NEAR
        stat = None
        if slow or moved:
            for name in kind.moving:
                if slow or near or name != "memory.stat":
                    raw = _copy(group, name, full, parts)
                    stat = raw if name == "memory.stat" else stat
        if slow:
            for name in kind.slow:
                _copy(group, name, full, parts)
        self._headroom(group, stat, now_ns)

    def _headroom(self, group: Group, stat: bytes | None, now_ns: int) -> None:
        if group.limit is None or group.usage is None:
            group.headroom, group.slope = None, 0.0
            return
        headroom = group.limit - group.usage
        if stat is not None:
            for name in (b"inactive_file", b"active_file"):
                headroom += files.number_after(stat, group.kind.cache + name) or 0
        elif group.headroom is not None and headroom < group.limit // _NEAR:
            headroom = group.headroom if headroom < group.headroom else headroom  # the cache is not known anew
        elapsed_s = (now_ns - group.stamp_ns) / 1e9
        if group.headroom is not None and elapsed_s > 0:
            group.slope = pace.slope(group.slope, (group.headroom - headroom) / elapsed_s, elapsed_s)
        group.headroom, group.stamp_ns = headroom, now_ns


def _copy(group: Group, name: str, full: bool, parts: list[bytes]) -> bytes | None:
    """A file into `parts`, where it is not as the spool has it; its bytes then, else None."""
    return _keep(group, name, files.read(f"{group.folder}/{name}"), full, parts)


def _keep(group: Group, name: str, raw: bytes | None, full: bool, parts: list[bytes]) -> bytes | None:
    if raw is None:
        return None
    crc = zlib.crc32(raw)
    if not full and group.crcs.get(name) == crc:
        return None
    group.crcs[name] = crc
    parts.append(blobs.pack(group.number, name.encode(), raw))
    return raw


def _usage(group: Group) -> bytes | None:
    """Of a cgroup whose file is not kept open. Raises OSError where the cgroup is gone."""
    os.stat(group.folder)
    return files.read(f"{group.folder}/{group.kind.usage}", 32)


def _nothing(group: Group) -> None:
    """Nobody listens."""
