"""The control groups of an incident as a tree, with what each used and might use: by the report, a recording, a bundle.

Usage and limit of the group whose limit was hit come from the report, which the kernel printed at that very moment. What
only the recorder saw is its last value before the report. Counters of a bundle are of when the bundle was collected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard

import duckdb

from oomforensics.reports import units

if TYPE_CHECKING:
    from oomforensics.reports.load import IncidentPage

_MOST_CHILDREN = 15  # of one group, the largest; those on the way to the victim always
_DEEPEST = 40  # levels
_COUNTER = re.compile(r"(/.*) memory\.(?:events|events\.local|oom_control) oom_kill")


@dataclass(slots=True)
class Group:
    """A control group. Bytes; None: not told."""

    path: str
    told_by: str | None = None  # report | recording | bundle; None: only its place in the tree is known
    at_s: float | None = None  # of a recording: seconds from the report's first line
    usage_bytes: int | None = None
    limit_bytes: int | None = None  # None with a usage: no limit, or not told
    swap_bytes: int | None = None  # of version 2
    swap_limit_bytes: int | None = None
    anon_bytes: int | None = None
    file_bytes: int | None = None
    shmem_bytes: int | None = None
    kernel_bytes: int | None = None
    processes: int | None = None  # that the recorder saw in it
    oom_kills: int | None = None  # counted so far, by a bundle
    hit_limit: bool = False
    of_victim: bool = False
    children: list[Group] = field(default_factory=list)
    hidden: int = 0  # children that are not shown

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1] or "/"

    @property
    def filled(self) -> float | None:
        """Share of its limit, 0 to 1."""
        if self.usage_bytes is None or not self.limit_bytes:
            return None
        return min(self.usage_bytes / self.limit_bytes, 1.0)


def load(con: duckdb.DuckDBPyConnection, page: IncidentPage) -> Group | None:
    """The root of the tree; None where nothing is known of any group but its name."""
    groups: dict[str, Group] = {}
    _of_recording(con, page.incident_id, groups)
    _of_bundle(con, page.incident_id, groups)
    _of_report(page, groups)
    if not any(sentence(group) for group in groups.values()):
        return None
    root = _tree(groups)
    _prune(root)
    return root


def _of_recording(con: Any, incident_id: str, groups: dict[str, Group]) -> None:
    rows = con.execute(
        """
        SELECT cgroup, rows.mono_s - shown.mono_s AS at_s, usage_bytes, limit_bytes,
               CASE WHEN version = 2 THEN swap_bytes END, CASE WHEN version = 2 THEN swap_limit_bytes END,
               anon_bytes, file_bytes, shmem_bytes, slab_bytes
        FROM snapshots_cgroups AS rows JOIN incident_recordings AS shown USING (segment_id)
        WHERE incident_id = ? AND at_s <= 0
        QUALIFY row_number() OVER (PARTITION BY cgroup ORDER BY at_s DESC) = 1 AND NOT gone
        """,
        [incident_id],
    ).fetchall()
    for path, *values in rows:
        if _is_path(path):
            groups[path] = Group(path, "recording", *values)
    counted = con.execute(
        """
        SELECT cgroup, count(*) FROM (
            SELECT cgroup, gone FROM snapshots_processes AS rows JOIN incident_recordings AS shown USING (segment_id)
            WHERE incident_id = ? AND rows.mono_s <= shown.mono_s
            QUALIFY row_number() OVER (PARTITION BY pid, starttime ORDER BY rows.mono_s DESC) = 1
        ) WHERE cgroup IS NOT NULL AND NOT gone GROUP BY cgroup
        """,
        [incident_id],
    ).fetchall()
    for path, processes in counted:
        if _is_path(path):
            groups.setdefault(path, Group(path)).processes = processes


def _of_bundle(con: Any, incident_id: str, groups: dict[str, Group]) -> None:
    rows = con.execute(
        """
        SELECT name, max(TRY_CAST(value AS BIGINT))
        FROM host_facts JOIN (SELECT boot_id FROM incidents WHERE incident_id = ?) AS here ON here.boot_id = host_facts.boot_id
        WHERE kind = 'counter' AND ends_with(name, ' oom_kill') GROUP BY name
        """,
        [incident_id],
    ).fetchall()
    for name, counted in rows:
        found = _COUNTER.fullmatch(name)
        if found and _is_path(found[1]) and counted:
            group = groups.setdefault(found[1], Group(found[1]))
            group.oom_kills = max(counted, group.oom_kills or 0)
            group.told_by = group.told_by or "bundle"


def _of_report(page: IncidentPage, groups: dict[str, Group]) -> None:
    for stats in page.memcg_stats or ():
        path, scale = stats.get("path") or page.oom_memcg, 1 if stats.get("unit") == "bytes" else 1024
        if _is_path(path):
            group = _as_reported(groups, path)
            group.anon_bytes, group.file_bytes, group.shmem_bytes, group.kernel_bytes = _parts(
                stats.get("values") or {}, scale
            )
    if _is_path(page.oom_memcg):
        group = _as_reported(groups, page.oom_memcg)
        group.hit_limit = page.scope == "memcg"
        group.usage_bytes, group.limit_bytes = _bytes(page.memory_usage_kb), _bytes(page.memory_limit_kb)
        if page.kmem_usage_kb:  # of v1 statistics list a part; up to 5.2 it is printed for v2, too, and 0
            group.kernel_bytes = page.kmem_usage_kb * 1024
        group.swap_bytes, group.swap_limit_bytes = _bytes(page.swap_usage_kb), _bytes(page.swap_limit_kb)
    if _is_path(page.task_memcg):
        groups.setdefault(page.task_memcg, Group(page.task_memcg)).of_victim = True


def _as_reported(groups: dict[str, Group], path: str) -> Group:
    """The group with nothing that is older than the report, but for how many are in it."""
    group = groups.get(path, Group(path))
    if group.told_by != "report":
        groups[path] = Group(path, "report", processes=group.processes, oom_kills=group.oom_kills)
    return groups[path]


def _parts(values: dict[str, int], scale: int) -> tuple[int | None, int | None, int | None, int | None]:
    """Anonymous, file with shared, shared, and kernel memory in bytes: memory.stat of either version."""
    sums = [values[name] for name in ("slab", "kernel_stack", "pagetables", "percpu") if name in values]
    kernel = values.get("kernel", sum(sums) if sums else None)
    found = (
        values.get("anon", values.get("rss")),
        values.get("file", values.get("cache")),
        values.get("shmem"),
        kernel,
    )
    anon, file, shmem, kernel = (None if value is None else value * scale for value in found)
    return anon, file, shmem, kernel


def _bytes(kb: int | None) -> int | None:
    return kb * 1024 if kb is not None and units.is_limited(kb) else None


def _is_path(path: str | None) -> TypeGuard[str]:
    return path is not None and path.startswith("/")


def _tree(groups: dict[str, Group]) -> Group:
    """Every group below its parent. What lies deeper than that is left out."""
    root = groups.setdefault("/", Group("/"))
    for path in [path for path in groups if path != "/" and path.count("/") <= _DEEPEST]:
        group = groups[path]
        while group is not root:
            above, _, _ = group.path.rpartition("/")
            known = (above or "/") in groups
            parent = groups.setdefault(above or "/", Group(above or "/"))
            parent.children.append(group)
            if known:
                break
            group = parent
    return root


def _prune(group: Group) -> bool:
    """Sorts and shortens the lists of children. Whether the victim is in it, or the limit that was hit."""
    wanted = {id(child) for child in group.children if _prune(child)}
    group.children.sort(key=lambda child: (-_weight(child), child.path))
    kept = [child for place, child in enumerate(group.children) if place < _MOST_CHILDREN or id(child) in wanted]
    group.hidden = len(group.children) - len(kept)
    group.children = kept
    return bool(wanted) or group.hit_limit or group.of_victim


def _weight(group: Group) -> int:
    known = [group.usage_bytes, (group.anon_bytes or 0) + (group.file_bytes or 0)]
    return max([value for value in known if value is not None] + [_weight(child) for child in group.children])


def flat(root: Group | None) -> Iterator[tuple[int, Group]]:
    """Every group from the root down, with its depth."""
    if root is None:
        return
    stack = [(0, root)]
    while stack:
        depth, group = stack.pop()
        yield depth, group
        stack += [(depth + 1, child) for child in reversed(group.children)]


def marks(group: Group) -> list[str]:
    """What sets a group apart."""
    return ["limit hit"] * group.hit_limit + ["victim's group"] * group.of_victim


def sentence(group: Group) -> str:
    """What is known of a group: `160 MiB of 160 MiB, anonymous 158 MiB, 5 processes`."""
    told: list[str] = []
    if group.usage_bytes is not None:
        told.append(f"{units.size(group.usage_bytes)}{_of_limit(group.limit_bytes, group)}")
    elif group.limit_bytes is not None:
        told.append(f"limit {units.size(group.limit_bytes)}")
    if group.swap_bytes:
        told.append(f"swap {units.size(group.swap_bytes)}{_of_limit(group.swap_limit_bytes, group)}")
    parts = (
        ("anonymous", group.anon_bytes),
        ("file", group.file_bytes),
        ("of it shared", group.shmem_bytes),
        ("kernel", group.kernel_bytes),
    )
    told += [f"{name} {units.size(value)}" for name, value in parts if value]
    if group.processes is not None:
        told.append(units.count(group.processes, "process", "processes"))
    if group.oom_kills:
        told.append(f"{units.count(group.oom_kills, 'OOM kill')} counted when the bundle was collected")
    if group.at_s is not None:
        told.append(f"as recorded {-group.at_s:.3f} s before")
    return ", ".join(told)


def _of_limit(limit: int | None, group: Group) -> str:
    if limit is not None:
        return f" of {units.size(limit)}"
    return ", no limit" if group.told_by == "recording" else ""
