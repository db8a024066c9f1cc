"""One look at a running machine: /proc and the memory controller's counters, as numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from oomforensics.capture import files, hierarchy
from oomforensics.capture.hierarchy import Hierarchy

_CAP_SYS_ADMIN = 1 << 21  # include/uapi/linux/capability.h
_UNLIMITED = 1 << 60  # bytes: cgroup v1 writes "no limit" as some number near 2**63
_MOST_CGROUPS = 4096


@dataclass(frozen=True, slots=True)
class Process:
    """None: this kernel does not show it, or not to us."""

    pid: int
    comm: str
    rss_kb: int
    swap_kb: int
    pgtables_kb: int
    oom_score_adj: int | None
    oom_score: int | None
    threads: int
    has_root: bool  # CAP_SYS_ADMIN
    cgroup: str | None  # of the memory controller


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One that has a limit. Bytes."""

    path: str
    usage: int
    limit: int
    reclaimable: int  # page cache that reclaim takes before anything is killed
    memsw_limit: int | None  # version 1: memory and swap together
    swap_limit: int | None  # version 2
    oom_kill_disable: bool = False

    @property
    def headroom(self) -> int:
        return max(self.limit - self.usage + self.reclaimable, 0)


@dataclass(frozen=True, slots=True)
class Look:
    mono_s: float
    meminfo_kb: dict[str, int]
    pressure: dict[str, float]  # some, full: percent of the last 10 s; empty without PSI
    processes: tuple[Process, ...]
    cgroups: tuple[Cgroup, ...]  # the fullest first
    unread: int = 0  # processes of which the sizes may not be read

    @property
    def available_kb(self) -> int:
        """Memory that can be had without swapping, and free swap."""
        memory = self.meminfo_kb.get("MemAvailable", self.meminfo_kb.get("MemFree", 0))
        return memory + self.meminfo_kb.get("SwapFree", 0)


@dataclass(slots=True)
class Machine:
    """Reads it again and again. `proc`: where /proc is."""

    proc: str = "/proc"
    _tree: Hierarchy | None = field(init=False)

    def __post_init__(self) -> None:
        self._tree = hierarchy.find(self.proc)

    def release(self) -> str:
        return os.fsdecode(files.read(f"{self.proc}/sys/kernel/osrelease", 256) or b"").strip()

    def look(self, mono_s: float) -> Look:
        processes, unread = [], 0
        for pid in self._pids():
            found = self._process(pid)
            if isinstance(found, Process):
                processes.append(found)
            else:
                unread += found
        return Look(mono_s, self._meminfo(), self._pressure(), tuple(processes), tuple(self._cgroups()), unread)

    def _pids(self) -> list[int]:
        return sorted(int(name) for name in os.listdir(self.proc) if name.isdigit())  # noqa: PTH208  # a quarter of the time

    def _process(self, pid: int) -> Process | int:
        """Else 1, if its sizes cannot be had; 0 for what has no memory of its own, or is gone."""
        status = files.read(f"{self.proc}/{pid}/status")
        if status is None:
            return 0
        rss_kb = files.number_after(status, b"VmRSS")
        if rss_kb is None:  # a kernel thread, or a process that exits
            return 0
        score = files.whole_number(files.read(f"{self.proc}/{pid}/oom_score", 32))
        name = status.partition(b"\n")[0].partition(b"\t")[2]
        capabilities = _hex_after(status, b"CapEff:")
        return Process(
            pid, name.decode("utf-8", "backslashreplace"), rss_kb, files.number_after(status, b"VmSwap") or 0,
            (files.number_after(status, b"VmPTE") or 0) + (files.number_after(status, b"VmPMD") or 0),
            _signed(files.read(f"{self.proc}/{pid}/oom_score_adj", 32)), score,
            files.number_after(status, b"Threads") or 1, bool(capabilities & _CAP_SYS_ADMIN),
            self._cgroup_of(pid),
        )  # fmt: skip

    def _cgroup_of(self, pid: int) -> str | None:
        if self._tree is None:
            return None
        for line in os.fsdecode(files.read(f"{self.proc}/{pid}/cgroup") or b"").splitlines():
            number, controllers, path = (*line.split(":", 2), "", "")[:3]
            if (number == "0") if self._tree.version == 2 else ("memory" in controllers.split(",")):
                return path
        return None

    def _meminfo(self) -> dict[str, int]:
        found = {}
        for line in (files.read(f"{self.proc}/meminfo") or b"").decode("ascii", "replace").splitlines():
            name, _, value = line.partition(":")
            words = value.split()
            if words and words[0].isdigit():
                found[name] = int(words[0])
        return found

    def _pressure(self) -> dict[str, float]:
        found = {}
        for line in (files.read(f"{self.proc}/pressure/memory") or b"").decode("ascii", "replace").splitlines():
            kind, _, values = line.partition(" avg10=")
            digits = values.partition(" ")[0]
            if digits.replace(".", "", 1).isdigit():
                found[kind] = float(digits)
        return found

    def _cgroups(self) -> list[Cgroup]:
        if self._tree is None:
            return []
        read = self._v2 if self._tree.version == 2 else self._v1
        found = [group for folder in self._folders(self._tree.mount) if (group := read(folder)) is not None]
        return sorted(found, key=lambda group: (group.headroom / max(group.limit, 1), group.path))

    def _folders(self, top: str) -> Iterator[str]:
        waiting, seen = [top], 0
        while waiting and seen < _MOST_CGROUPS:
            folder = waiting.pop()
            seen += 1
            yield folder
            try:
                with os.scandir(folder) as entries:
                    waiting += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
            except OSError:
                continue

    def _path(self, folder: str) -> str:
        assert self._tree is not None
        root = "" if self._tree.root == "/" else self._tree.root
        return root + folder.removeprefix(self._tree.mount) or "/"

    def _v1(self, folder: str) -> Cgroup | None:
        limit = files.whole_number(files.read(f"{folder}/memory.limit_in_bytes"))
        usage = files.whole_number(files.read(f"{folder}/memory.usage_in_bytes"))
        if limit is None or usage is None or limit >= _UNLIMITED:
            return None
        stat = files.read(f"{folder}/memory.stat") or b""
        memsw = files.whole_number(files.read(f"{folder}/memory.memsw.limit_in_bytes"))
        control = files.read(f"{folder}/memory.oom_control") or b""
        return Cgroup(
            self._path(folder), usage, limit, _cache(stat, b"total_"), memsw, None,
            bool(files.number_after(control, b"oom_kill_disable")),
        )  # fmt: skip

    def _v2(self, folder: str) -> Cgroup | None:
        limit = files.whole_number(files.read(f"{folder}/memory.max"))
        usage = files.whole_number(files.read(f"{folder}/memory.current"))
        if limit is None or usage is None:
            return None
        stat = files.read(f"{folder}/memory.stat") or b""
        swap = files.whole_number(files.read(f"{folder}/memory.swap.max"))
        return Cgroup(self._path(folder), usage, limit, _cache(stat, b""), None, swap)


def _cache(stat: bytes, prefix: bytes) -> int:
    return sum(files.number_after(stat, prefix + name) or 0 for name in (b"inactive_file ", b"active_file "))


def _signed(raw: bytes | None) -> int | None:
    text = (raw or b"").strip()
    return int(text) if text.lstrip(b"-").isdigit() and len(text) < 8 else None


def _hex_after(raw: bytes, name: bytes) -> int:
    at = raw.find(b"\n" + name)
    digits = raw[at + 1 + len(name) :].split(maxsplit=1)[:1] if at >= 0 else []
    try:
        return int(digits[0], 16) if digits else 0
    except ValueError:
        return 0
