"""Copies of files of /proc, /sys and /etc, and what shows the same (proc(5), Documentation/admin-guide/cgroup-v2.rst)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from oomforensics.parsers.bundle.facts import Fact

_MEMINFO = re.compile(r"([A-Za-z_()0-9]{1,40}):\s+(\d{1,18}) kB")
_SWAP = re.compile(r"(\S{1,255})\s+(?:partition|file)\s+(\d{1,18})\s+\d+\s+-?\d+")
_COUNT = re.compile(r"[0-9]{1,18}")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
_BOOT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FREE = re.compile(r"(Mem|Swap): +(\d{1,18}) +\d+ +\d+.*")
_STATUS = re.compile(r" *(Static hostname|Transient hostname|Boot ID): (\S+)")
_SYSCTL = re.compile(r"((?:vm|kernel)\.[\w.-]{1,80}) = (.{0,200})")
_KEPT_MEMINFO = frozenset(
    "MemTotal MemFree MemAvailable Buffers Cached SwapTotal SwapFree Shmem Slab SUnreclaim KernelStack PageTables"  # noqa: SIM905
    " CommitLimit Committed_AS HugePages_Total Hugepagesize VmallocUsed Percpu Unevictable Mlocked".split()
)
_KEPT_SYSCTL = frozenset(
    "vm.panic_on_oom vm.oom_kill_allocating_task vm.oom_dump_tasks vm.overcommit_memory vm.overcommit_ratio"  # noqa: SIM905
    " vm.overcommit_kbytes vm.swappiness vm.min_free_kbytes vm.watermark_scale_factor vm.admin_reserve_kbytes"
    " vm.user_reserve_kbytes vm.nr_hugepages vm.zone_reclaim_mode kernel.hostname kernel.osrelease kernel.panic".split()
)
_CGROUP_COUNTERS = ("oom_kill", "oom", "oom_group_kill", "max", "high")


def meminfo(text: str, of: str) -> Iterator[Fact]:
    for number, line in enumerate(text.splitlines(), start=1):
        found = _MEMINFO.fullmatch(line.strip())
        if found and found[1] in _KEPT_MEMINFO:
            yield Fact("meminfo", f"{found[1]}_kb", found[2], number)


def free(text: str, of: str) -> Iterator[Fact]:
    """`free`, in KiB as it is without an option."""
    for number, line in enumerate(text.splitlines()[:10], start=1):
        if found := _FREE.fullmatch(line.rstrip()):
            yield Fact("meminfo", f"{found[1]}Total_kb", found[2], number)


def swaps(text: str, of: str) -> Iterator[Fact]:
    for number, line in enumerate(text.splitlines()[:1000], start=1):
        if found := _SWAP.fullmatch(line.strip()):
            yield Fact("swap", found[1], found[2], number)


def stat(text: str, of: str) -> Iterator[Fact]:
    """`btime`: whole seconds, when the boot began by the clock at the time of reading."""
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if len(words) == 2 and words[0] == "btime" and words[1].isdecimal() and len(words[1]) < 12:
            yield Fact("btime_us", "proc/stat btime", f"{words[1]}000000", number, uncertainty_us=1_000_000)


def vmstat(text: str, of: str) -> Iterator[Fact]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if len(words) == 2 and words[0] == "oom_kill" and _COUNT.fullmatch(words[1]):
            yield Fact("counter", "vmstat oom_kill", words[1], number)


def boot_id(text: str, of: str) -> Iterator[Fact]:
    if _BOOT_ID.fullmatch(text.strip()):
        yield Fact("boot_id", "", text.strip().replace("-", ""), 1)


def hostname(text: str, of: str) -> Iterator[Fact]:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) == 1 and _NAME.fullmatch(lines[0]):
        yield Fact("hostname", "", lines[0], 1)


def hostnamectl(text: str, of: str) -> Iterator[Fact]:
    """The kernel has the transient name, where it differs from the static one."""
    said: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(text.splitlines()[:100], start=1):
        if found := _STATUS.fullmatch(line.rstrip()):
            said.setdefault(found[1], (found[2], number))
    name = said.get("Transient hostname") or said.get("Static hostname")
    if name is not None and _NAME.fullmatch(name[0]):
        yield Fact("hostname", "", *name)
    boot = said.get("Boot ID")
    if boot is not None and re.fullmatch(r"[0-9a-f]{32}", boot[0]):
        yield Fact("boot_id", "", *boot)


def release(text: str, of: str) -> Iterator[Fact]:
    if len(text.split()) == 1:
        yield Fact("kernel_release", "", text.strip()[:100], 1)


def uname(text: str, of: str) -> Iterator[Fact]:
    words = text.split()[:100]
    if len(words) > 3 and words[0] == "Linux":
        yield Fact("kernel_release", "", words[2][:100], 1)
        if _NAME.fullmatch(words[1]):
            yield Fact("hostname", "", words[1], 1)


def sysctl(text: str, of: str) -> Iterator[Fact]:
    for number, line in enumerate(text.splitlines(), start=1):
        found = _SYSCTL.fullmatch(line.strip())
        if found and found[1] in _KEPT_SYSCTL:
            yield Fact("sysctl", found[1], found[2].strip(), number)


def sysctl_file(text: str, of: str) -> Iterator[Fact]:
    name = of.replace("/", ".")
    if name in _KEPT_SYSCTL and len(text.splitlines()) == 1:
        yield Fact("sysctl", name, text.strip()[:200], 1)


def cgroup_counters(text: str, of: str) -> Iterator[Fact]:
    """memory.events of version 2; memory.oom_control of version 1, which counts since 4.13, and its switches that are on."""
    path, _, file = of.rpartition("/")
    path = "/" + re.sub(r"^(?:memory|unified)(?:/|$)", "", path)
    for number, line in enumerate(text.splitlines()[:50], start=1):
        words = line.split()
        counts = len(words) == 2 and words[0] in _CGROUP_COUNTERS and _COUNT.fullmatch(words[1])
        if counts or words in (["oom_kill_disable", "1"], ["under_oom", "1"]):
            yield Fact("counter", f"{path} {file} {words[0]}", words[1], number)
