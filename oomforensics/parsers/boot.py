"""What the reports of one boot tell of each other: the release, total swap, and who had been killed before."""

from __future__ import annotations

from oomforensics.parsers.facts import Incident, Kill

_OOM_SCORE_ADJ_MIN = -1000


class Boot:
    """What is known of one boot, shared by its incidents."""

    def __init__(self, index: int, release: str | None) -> None:
        self.index = index
        self.release = release
        self.total_swap_kb: set[int] = set()
        self.killed: dict[int, Kill] = {}
        self.unkillable_rows: dict[int, int] = {}  # pid -> line of its row in a report that found nobody to kill

    def add_kill(self, kill: Kill) -> None:
        """Remember a kill as the latest: `killed` stays in the order of the log."""
        self.killed.pop(kill.pid, None)
        self.killed[kill.pid] = kill

    def complete(self, incident: Incident) -> Incident:
        """Add what other lines of this boot tell of the incident."""
        incident.boot_release = self.release
        incident.boot_total_swap_kb = set(self.total_swap_kb)
        incident.spent_pids = {
            pid
            for pid, line in self.unkillable_rows.items()
            if line > incident.line_start and not self._killed_since(pid, incident)
        }
        return incident

    def learn(self, incident: Incident) -> None:
        info, table = incident.meminfo, incident.table
        self.release = self.release or (incident.stack.release if incident.stack else None) or incident.boot_release
        if info is not None and info.total_swap_kb is not None:
            self.total_swap_kb.add(info.total_swap_kb)
        if table is not None and any(outcome.kind == "none_killable" for outcome in incident.outcomes):
            for row in table.rows:
                if row.oom_score_adj != _OOM_SCORE_ADJ_MIN:
                    self.unkillable_rows.setdefault(row.pid, row.line)

    def _killed_since(self, pid: int, incident: Incident) -> bool:
        kill = self.killed.get(pid)
        return kill is not None and kill.line >= incident.line_start
