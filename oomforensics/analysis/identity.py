"""Names for incidents that are the same on every machine and from every source.

A kill line says pid, name, sizes, and on newer kernels uid, page tables and oom_score_adj, in the same words in dmesg,
the journal and /var/log/messages. Its content is the identity; host, boot and time only keep apart two events that
happen to read alike.
"""

from __future__ import annotations

import hashlib

from oomforensics.parsers.facts import Incident, Kill

_ID_LENGTH = 16  # hex digits: 64 bits


def kill_keys(incident: Incident) -> list[str]:
    """One content hash for each kill; for a run without a kill, one of what it printed instead."""
    if incident.kills:
        return [_digest("kill", *_kill_content(kill)) for kill in incident.kills]
    return [_digest("report", *_report_content(incident))]


def incident_id(keys: list[str]) -> str:
    """The id of an incident: that of its first kill."""
    return keys[0][:_ID_LENGTH]


def _kill_content(kill: Kill) -> tuple[object, ...]:
    return (
        kill.pid,
        kill.comm,
        kill.total_vm_kb,
        kill.anon_rss_kb,
        kill.file_rss_kb,
        kill.shmem_rss_kb,
        kill.pgtables_kb,
    )


def _report_content(incident: Incident) -> tuple[object, ...]:
    """What the kernel printed, without stamps, which not every source keeps. Mem-Info's counters change run by run."""
    invoked, stack, info, table = incident.invoked, incident.stack, incident.meminfo, incident.table
    return (
        invoked and (invoked.comm, invoked.gfp_mask, invoked.order),
        stack and stack.pid,
        info and (sorted(info.counters_pages.items()), info.swapcache_pages, info.free_swap_kb),
        incident.memcg.memory and (incident.memcg.memory.usage_kb, incident.memcg.memory.failcnt),
        table and [(row.pid, row.rss_pages) for row in table.rows],
        [(outcome.kind, outcome.pid) for outcome in incident.outcomes],
        incident.selected and (incident.selected.pid, incident.selected.score),
        incident.summary and incident.summary.pid,
    )


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()
