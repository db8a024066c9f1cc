"""Which parts of a report were lost. The names are those of `incidents.missing`."""

from __future__ import annotations

from oomforensics.parsers import shapes
from oomforensics.parsers.facts import Incident


def missing_parts(incident: Incident) -> list[str]:
    missing: list[str] = []
    only_kill = not (incident.invoked or incident.table or incident.summary or incident.meminfo or incident.memcg.seen)
    if only_kill and incident.selected is None:
        missing.append("report")
        if not incident.kills and not incident.outcomes:
            missing.append("kill_line")
        return missing
    if incident.invoked is None:
        missing.append("head")
    elif incident.invoked.shape == shapes.INVOKED_CUT.name:
        missing.append("head_cut")
    if incident.stack is None:
        missing.append("stack_header")
    if incident.meminfo is None and incident.memcg.memory is None:
        missing.append("memory_info")
    elif incident.meminfo is not None and (incident.meminfo.ram_pages is None and incident.memcg.memory is None):
        missing.append("memory_totals")
    if incident.table is None:
        missing.append("task_table")
    else:
        if incident.table.header_line is None:
            missing.append("task_table_header")
        if incident.table.damaged_rows:
            missing.append("task_rows")
    if incident.summary is None and "killed:5.4" in incident.features:
        missing.append("oom_kill_line")
    elif incident.summary is not None and incident.summary.pid is None:
        missing.append("oom_kill_line_cut")
    if not incident.kills and not incident.outcomes:
        missing.append("kill_line")
    return missing
