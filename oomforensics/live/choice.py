"""Whom the kernel would choose now, by its own rules, and whether its own oom_score agrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oomforensics.kernel import totalpages
from oomforensics.kernel.badness import OOM_SCORE_ADJ_MIN, Counters, page_table_pages, points, proc_oom_score, scorer
from oomforensics.kernel.eras import Era, Score
from oomforensics.kernel.selection import counter_error_pages, preference
from oomforensics.live.look import Cgroup, Look, Process

_INIT_PID = 1


@dataclass(frozen=True, slots=True)
class Ranked:
    """`agrees` None: the kernel shows no oom_score, or not on a scale that can be computed."""

    process: Process
    badness: int
    permille: int
    oom_score: int | None  # as computed
    agrees: bool | None


@dataclass(frozen=True, slots=True)
class Choice:
    """`ranked`: those that may be chosen, the first choice first."""

    scope: str
    totalpages: int
    ranked: tuple[Ranked, ...]

    @property
    def first(self) -> Ranked | None:
        return self.ranked[0] if self.ranked else None


@dataclass(frozen=True, slots=True)
class Model:
    """The rules of the running kernel."""

    era: Era
    page_size: int
    cpus: int

    def of_machine(self, look: Look) -> Choice:
        return self._choose("global", look.processes, self._system(look), self._system(look))

    def of_cgroup(self, look: Look, group: Cgroup) -> Choice | None:
        """None where this kernel's total for a control group is not known."""
        if self.era.memcg_total is None:
            return None
        swap = self._pages(look.meminfo_kb.get("SwapTotal", 0))
        total = totalpages.memcg(
            self.era.memcg_total, group.limit // self.page_size, swap,
            memsw_limit_pages=None if group.memsw_limit is None else group.memsw_limit // self.page_size,
            swap_limit_pages=None if group.swap_limit is None else group.swap_limit // self.page_size,
            page_size=self.page_size,
        )  # fmt: skip
        below = group.path.rstrip("/") + "/"
        inside = [it for it in look.processes if it.cgroup == group.path or (it.cgroup or "").startswith(below)]
        return self._choose(group.path, inside, total, self._system(look))

    def _choose(self, scope: str, processes: Sequence[Process], total: int, system_total: int) -> Choice:
        scores = scorer(self.era, total)
        system_scores = scorer(self.era, system_total)
        found = []
        for process in processes:
            adj = process.oom_score_adj
            if process.pid == _INIT_PID or adj is None or adj == OOM_SCORE_ADJ_MIN:
                continue
            charge = self._charge(process)
            value = scores(charge, adj, process.has_root)[0]
            own = system_scores(charge, adj, process.has_root)[0]
            computed = proc_oom_score(self.era, own, system_total)
            found.append(
                Ranked(
                    process, value, points(self.era, value, total), computed, self._agrees(process, own, system_total)
                )
            )
        order = preference(self.era, [one.badness for one in found])
        return Choice(scope, total, tuple(found[place] for place in order))

    def _charge(self, process: Process) -> int:
        table_bytes = process.pgtables_kb * 1024
        pages = self._pages(process.pgtables_kb)
        tables = page_table_pages(self.era, self.page_size, pages, 0, table_bytes) or 0
        return sum(Counters(self._pages(process.rss_kb), self._pages(process.swap_kb), tables))

    def _agrees(self, process: Process, own: int, system_total: int) -> bool | None:
        if process.oom_score is None:
            return None
        if self.era.score in (Score.PERMILLE, Score.PERMILLE_INT):
            slack = 1
        else:
            slack = counter_error_pages(self.era, threads=process.threads, cpus=self.cpus) or 0
        low = proc_oom_score(self.era, own - slack, system_total)
        high = proc_oom_score(self.era, own + slack, system_total)
        return None if low is None or high is None else low <= process.oom_score <= high

    def _system(self, look: Look) -> int:
        return totalpages.system(
            self._pages(look.meminfo_kb.get("MemTotal", 0)), self._pages(look.meminfo_kb.get("SwapTotal", 0))
        )

    def _pages(self, size_kb: int) -> int:
        return size_kb * 1024 // self.page_size
