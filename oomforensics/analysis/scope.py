"""What ran out: the whole machine, a memory cgroup, or the nodes of a cpuset or mempolicy."""

from __future__ import annotations

import re
from dataclasses import dataclass

from oomforensics.analysis.model import Scope
from oomforensics.analysis.nodes import parse_list
from oomforensics.parsers import shapes
from oomforensics.parsers.facts import Incident, MemcgBlock

_CONSTRAINTS = {
    "CONSTRAINT_NONE": Scope.GLOBAL,
    "CONSTRAINT_CPUSET": Scope.CPUSET,
    "CONSTRAINT_MEMORY_POLICY": Scope.MEMPOLICY,
    "CONSTRAINT_MEMCG": Scope.MEMCG,
}
_MESSAGES = {
    "Memory cgroup out of memory": Scope.MEMCG,
    shapes.MPOL_BIND: Scope.MEMPOLICY,
    "Out of memory": Scope.GLOBAL,
    "Out of Memory": Scope.GLOBAL,
    shapes.ALLOCATING_TASK: Scope.GLOBAL,
}
SYSRQ_ORDER = -1  # 4.3+
# On the stack of nobody whom the machine's shortage made to call the OOM killer (mm/memcontrol.c, 2.6.25+). What stands behind
# a question mark may be left over from an earlier call.
_MEMCG_FRAME = re.compile(r"^[^?]*\bmem_cgroup_(?:out_of_memory|oom_synchronize)\+0x")


@dataclass(frozen=True, slots=True)
class ScopeFound:
    scope: Scope
    inferred: bool
    constraint_raw: str | None
    oom_memcg: str | None  # the cgroup whose limit was hit
    task_memcg: str | None  # the cgroup of the process selected


def find_scope(incident: Incident) -> ScopeFound:
    summary = incident.summary
    raw = summary.constraint if summary else None
    oom_memcg = (summary.oom_memcg if summary else None) or _limit_memcg(incident.memcg)
    task_memcg = (summary.task_memcg if summary else None) or incident.memcg.task_memcg
    if oom_memcg is None and len(incident.memcg.stats) == 1 and incident.memcg.memory:
        oom_memcg = incident.memcg.stats[0].path or None
    scope, inferred = _scope(incident, raw, oom_memcg)
    return ScopeFound(scope, inferred, raw, oom_memcg if scope is Scope.MEMCG else None, task_memcg)


def _limit_memcg(block: MemcgBlock) -> str | None:
    """Of the line that says whose limit it was; where that is cut within a name, the statistics begin with the same cgroup."""
    path, first = block.limit_memcg, next((each.path for each in block.stats), "")
    return first if path and first.startswith(path) and first[len(path.rstrip("/")) :][:1] not in ("", "/") else path


def _scope(incident: Incident, raw: str | None, oom_memcg: str | None) -> tuple[Scope, bool]:
    invoked = incident.invoked
    if incident.sysrq or (invoked is not None and invoked.order == SYSRQ_ORDER):
        return Scope.SYSRQ, not incident.sysrq
    printed = _CONSTRAINTS.get(raw or "")
    # 5.0 prints CONSTRAINT_NONE for a cgroup too; the cgroup it names is right.
    if incident.summary is not None and incident.summary.oom_memcg is not None:
        return Scope.MEMCG, printed is not Scope.MEMCG
    by_message = next((_MESSAGES[message] for message in _messages(incident) if message in _MESSAGES), None)
    if printed is not None and not (printed is Scope.GLOBAL and by_message is Scope.MEMCG):
        return printed, False
    if by_message is Scope.MEMCG or oom_memcg is not None or incident.memcg.memory is not None or incident.memcg.stats:
        return Scope.MEMCG, True
    if by_message is Scope.GLOBAL and _on_some_nodes_only(incident):
        return Scope.UNKNOWN, True
    if by_message is not None:
        return by_message, True
    if incident.meminfo is not None:
        return Scope.GLOBAL, True
    in_memcg = any(line.kind == "call_trace" and _MEMCG_FRAME.match(line.text) for line in incident.lines)
    return (Scope.MEMCG if in_memcg else Scope.UNKNOWN), True


def _on_some_nodes_only(incident: Incident) -> bool:
    """A mempolicy or a cpuset left nodes out: 4.9 to 4.20 print the nodes asked for, and no constraint."""
    asked = parse_list(incident.invoked.nodemask if incident.invoked else None)
    with_memory = {each["node"] for each in (incident.meminfo.hugepages if incident.meminfo else ()) if "node" in each}
    return bool(asked) and not (with_memory or {0}) <= asked


def _messages(incident: Incident) -> list[str]:
    found = [incident.selected.message] if incident.selected else []
    return found + [kill.message for kill in incident.kills if kill.message]
