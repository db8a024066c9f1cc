"""What the report lacks: less can be said, and this says so."""

from __future__ import annotations

from oomforensics.analysis.findings.entry import Entry, Fact, Found, Severity, entry
from oomforensics.analysis.findings.evidence import Evidence
from oomforensics.analysis.model import Scope

_PARTS = {
    "report": "everything but its last line",
    "head_cut": "the beginning of its head",
    "memory_info": "Mem-Info",
    "memory_totals": "the sums of Mem-Info",
    "task_table_header": "the task table's header",
    "task_rows": "rows of the task table",
    "oom_kill_line": "the oom-kill: line",
    "oom_kill_line_cut": "the end of the oom-kill: line",
}

_PARTS_OF_CGROUP = {"memory_info": "usage, limit and statistics of the control group"}


@entry(
    Severity.INFO,
    condition="parts of the report are missing, or the kernel's rate limit dropped it",
    advice=(
        "Look for a better copy: the journal (journalctl -k -b -1), the serial console, pstore, kdump. So that it is kept next "
        "time: log_buf_len=4M on the kernel command line, Storage=persistent in journald.conf, and oomforensics capture, which "
        "reads /dev/kmsg itself. Where only the task table is missing, vm.oom_dump_tasks=1 brings it back."
    ),
)
def evidence_lost(seen: Evidence) -> Found | None:
    scene = seen.scene
    if scene.report_suppressed:
        text = "The kernel's rate limit dropped this kill's report: only the kill line is left."
        facts: tuple[Fact, ...] = (
            Fact("kill line without a report, of pid", scene.victim_pid or 0, None, scene.line_start, scene.source),
        )
        if scene.callbacks_suppressed:
            facts += (Fact("reports dropped in this storm", scene.callbacks_suppressed, "count", None, scene.source),)
        return Found(text, facts)
    if not scene.missing:
        return None
    named = _PARTS | _PARTS_OF_CGROUP if scene.scope == Scope.MEMCG else _PARTS
    parts = ", ".join(named.get(part, f"the {part.replace('_', ' ')}") for part in scene.missing)
    text = f"The report is not whole. It lacks {parts}. Findings that rest on them are not made."
    return Found(text, (Fact("missing", ", ".join(scene.missing), None, scene.line_start, scene.source),))


ENTRIES: tuple[Entry, ...] = (evidence_lost,)
