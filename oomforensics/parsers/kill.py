"""The `Killed process` line in all its forms, and what its wording tells of the kernel."""

from __future__ import annotations

import re
from dataclasses import dataclass

from oomforensics.parsers import shapes
from oomforensics.parsers.facts import Kill
from oomforensics.parsers.records import Record


@dataclass(slots=True)
class ParsedKill:
    kill: Kill
    has_sizes: bool
    torn: bool
    feature: str | None


def parse_kill(text: str, record: Record) -> ParsedKill | None:
    """A `Killed process` line in any of its forms; None when the text is not one."""
    found = shapes.KILLED.pattern.match(text)
    if found:
        return _sized_kill(found, record)
    found = shapes.KILLED_BARE.pattern.match(text)
    if found:
        kill = _kill(found, record, "killed-bare")
        return ParsedKill(kill, has_sizes=False, torn=not text.endswith("."), feature=None)
    found = shapes.KILLED_TORN.pattern.match(text)
    if found:
        return ParsedKill(_kill(found, record, "killed-torn"), has_sizes=False, torn=True, feature=None)
    found = shapes.KILLED_UB.pattern.match(text)
    if found:
        kill = _kill(found, record, "killed-ub")
        kill.total_vm_kb = int(found["total_vm_kb"])
        return ParsedKill(kill, has_sizes=True, torn=False, feature=None)
    return None


def _kill(found: re.Match[str], record: Record, shape: str) -> Kill:
    groups = found.groupdict()
    uid = groups.get("uid_before") or groups.get("uid_after")
    return Kill(
        line=record.line,
        pid=int(found["pid"]),
        comm=groups.get("comm") or "",
        shape=shape,
        message=shapes.message(groups["message"]) if groups["message"] else None,
        uid=int(uid) if uid else None,
        uptime_us=record.uptime_us,
        wall_us=record.wall_us,
    )


def _sized_kill(found: re.Match[str], record: Record) -> ParsedKill:
    sizes_text = found["sizes"]
    kill = _kill(found, record, "killed")
    sizes = {name: int(value) for name, value in shapes.SIZE.findall(sizes_text)}
    kill.total_vm_kb = sizes.get("total-vm", sizes.get("vsz"))
    kill.anon_rss_kb = sizes.get("anon-rss")
    kill.file_rss_kb = sizes.get("file-rss")
    kill.shmem_rss_kb = sizes.get("shmem-rss")
    kill.pgtables_kb = sizes.get("pgtables")
    uid = shapes.KILLED_UID.search(sizes_text)
    adj = shapes.KILLED_ADJ.search(sizes_text)
    if uid:
        kill.uid = int(uid[1])
    if adj:
        kill.oom_score_adj = int(adj[1])
    feature = _kill_feature(found, sizes_text)
    kill.shape = feature or "killed"
    return ParsedKill(kill, has_sizes=True, torn=False, feature=feature)


def _kill_feature(found: re.Match[str], sizes: str) -> str | None:
    """Which kernels word the line so; None when its end is cut, for an end that is missing proves nothing."""
    if sizes.startswith("vsz:"):
        return "killed:2.6.33"
    if found["uid_before"]:
        return "killed:rhel6.2"
    if found["uid_after"]:
        return "killed:rhel7.7"
    if "oom_score_adj:" in sizes:
        return "killed:5.4"
    if not sizes.rstrip().endswith("kB"):
        return "killed:rhel8.3" if re.search(r", UID:\d+\s*$", sizes) else None
    if "shmem-rss:" in sizes:
        if "pgtables:" in sizes:
            return None
        return "killed:5.1" if found["message"] else "killed:4.5"
    return None if found["message"] else "killed:2.6.36"
